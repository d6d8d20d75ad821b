// SPDX-License-Identifier: GPL-3.0-or-later
/** A factorisation problem twice: as the library takes it and as the reference does. */
#ifndef UNBRAID_TESTS_NMF_CASE_H
#define UNBRAID_TESTS_NMF_CASE_H

#include "reference_nmf.h"
#include "unbraid/nmf.h"
#include "unbraid/random.h"

enum { NMF_CASE_MOST_CHANNELS = 3 };

typedef struct nmf_case {
    size_t n_channels, n_bins, n_frames, n_components;
    ub_matrix spectra[NMF_CASE_MOST_CHANNELS];
    ub_nmf_factors start;
    ub_nmf_settings settings; // 50 updates, tolerance 0, relaxation 1, one thread
    bool fixed_templates[64], fixed_activations[64], fixed_gains[64];
    size_t gain_groups[64];
    ub_nmf_constraints constraints; // nothing is constrained until a member points above
    double *v; // the spectra for the reference
} nmf_case;

/** Spectra that a model with a few components more or less explains, plus noise; a random start,
    all above zero. At most 64 components. Aborts when there is no memory. */
nmf_case nmf_case_new(size_t n_channels, size_t n_bins, size_t n_frames, size_t n_components,
                      ub_random *random);
void nmf_case_free(nmf_case *problem);

/** After spectra have been changed: read them again for the reference. */
void nmf_case_reread(nmf_case *problem);

/** The problem, settings and constraints as the reference wants them; borrows from `problem`. */
reference_nmf nmf_case_reference(const nmf_case *problem);

/** A point from factors, and a copy of factors. */
reference_point nmf_case_point(const nmf_case *problem, const ub_nmf_factors *factors);
ub_nmf_factors nmf_case_copy(const ub_nmf_factors *factors);

/** True when every float of both is the same. */
bool nmf_case_same(const ub_nmf_factors *a, const ub_nmf_factors *b);

/** Frobenius norm of the difference of the two models relative to that of the second. */
double nmf_case_distance(const nmf_case *problem, const reference_point *a,
                         const reference_point *b);

/** A whole number from 1 to `most`, small ones more often. */
size_t nmf_case_size(ub_random *random, size_t most);

/** Every kernel set that this machine runs. @return how many. */
size_t nmf_case_kernels(const char *names[4]);

#endif
