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

/** A problem of two channels, 33 bins, 50 frames and 4 components. */
nmf_case nmf_case_two_channels(uint64_t seed);

/** A problem of a random shape: small ones more often, and each extreme once in a while. More
    components than bins or frames are frequent. */
nmf_case nmf_case_random(ub_random *random);

/** Fix parts at random, and tie gains; some of the arrays count. */
void nmf_case_draw_constraints(nmf_case *problem, ub_random *random);

/** Fit a copy of the start with these kernels; aborts unless it succeeds, with factors that are
    finite and >= 0. The caller frees them. */
ub_nmf_factors nmf_case_fit(const nmf_case *problem, const char *kernels, ub_nmf_report *report);

/** How far apart objectives are, as a share. Where the fit is nearly perfect an objective D is a
   sum of squares of errors, and rounding of the model by d (some 3e-7) moves it by d sqrt(2 S D) <=
    1e-4 D + 1e4 d^2 / 2 S, S the size of the data: some 1e-9 of that to spare. */
double nmf_case_apart(const nmf_case *problem, double cost, double wanted);

/** What a listener hears of a fit. */
typedef struct nmf_listener {
    size_t n_calls;
    size_t cancel_at; // number of the call that cancels; 0: none
    double last; // fraction
    bool is_wrong; // a fraction fell or was not from 0 to 1, or another stage was named
} nmf_listener;

/** Its callback. */
int nmf_listen(void *context, const char *stage, double fraction);

/** Whether a listener that cancels at this call is heard at once, and the factors stay as they are.
 */
bool nmf_case_cancels(const nmf_case *problem, size_t cancel_at);

#endif
