// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Templates of hits that ring on after the last frame of their dictionary: a crash is still at its
   loudest there. Private header.
*/
#ifndef UNBRAID_GUIDE_HIT_TEMPLATES_H
#define UNBRAID_GUIDE_HIT_TEMPLATES_H

#include "unbraid/dictionary.h"
#include "unbraid/matrix.h"

typedef struct ub_hit_templates {
    size_t n_lags; ///< L: the frames of the dictionary, and longer ones after them
    size_t *spans; ///< frames that each of them lasts
    ub_matrix columns; ///< F x (L n), of sum one per template over all frames that they last
} ub_hit_templates;

/**
   Of components of a dictionary. After its last frame each bin falls as it did before it, at least
   by 60 dB in 4.7 s with hops of 11.6 ms, over 1.4 s; what is too faint by then is zero.

   @param chosen  n of them, at least one.
   @return UB_OK or UB_NO_MEMORY; `out` is set on success only.
*/
ub_status ub_hit_templates_new(const ub_dictionary *dictionary, const size_t *chosen, size_t n,
                               ub_hit_templates *out);
void ub_hit_templates_free(ub_hit_templates *templates);

/** The sum of a template over its first lags, for as long as they last. */
double ub_hit_templates_sum(const ub_hit_templates *templates, size_t template, size_t n_lags);

/** Bring the sum of a template over all lags to one; one of zeros stays. */
void ub_hit_templates_level(ub_hit_templates *templates, size_t template);

#endif
