// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What a listener has marked, as priors of a stretch and as shares of components: of all that the
   components of a blind factorisation are in the regions of a source, and at its position in the
   stereo field. Private header.
*/
#ifndef UNBRAID_GUIDE_MARKS_H
#define UNBRAID_GUIDE_MARKS_H

#include "prior.h"
#include "unbraid/separate_marks.h"

/** Marks by source. All is borrowed. */
typedef struct ub_marking {
    const ub_mark *marks;
    size_t n_marks;
    const char *const *names; ///< n_sources; a last one without marks is all else
    size_t n_sources;
    const ub_matrix *templates, *gains; ///< of the factorisation: F x K, C x K
    const ub_matrix *weights; ///< n_sources x K, from ub_marks_weigh()
} ub_marking;

/** Whether a mark of that kind tells of a source. */
bool ub_marks_tell(const ub_marking *marking, ub_mark_kind kind, size_t source);

/** Whether there is a source that no region tells of. */
bool ub_marks_leave_some(const ub_marking *marking);

/** The frames of a region whose centres lie within it, or the one nearest to it: [first, end) of
    the whole recording. */
void ub_marks_frames(const ub_scene *scene, const ub_mark *mark, size_t *first, size_t *end);

/** Its bins: [low, high), at least one. */
void ub_marks_bins(const ub_scene *scene, const ub_mark *mark, size_t *low, size_t *high);

/** Where a bin is heard: -100 (left) to 100 (right), by its magnitudes. */
double ub_marks_position(double left, double right);

/**
   What the marks say of each bin.
   @param priors  n_sources, F x T: every element is set; they sum to one.
*/
void ub_marks_priors(const ub_marking *marking, const ub_scene *scene, ub_matrix *priors);

/**
   The same of positions alone, for components.
   @param priors  As above.
*/
void ub_marks_positions(const ub_marking *marking, const ub_scene *scene, ub_matrix *priors);

/** Activations of the marking's templates and gains for a stretch.
    @param activations  K x T. @return UB_OK, UB_NO_MEMORY, UB_CANCELLED. */
ub_status ub_marks_activate(const ub_marking *marking, const ub_scene *scene,
                            const ub_progress *progress, ub_matrix *activations, ub_message *why);

/** What component k of n has, as a share of what all of them have together. */
double ub_marks_share(const double *amounts, size_t n, size_t k);

/**
   Shares of components.

   @param regions    n_sources x K: what each component has in the regions of a source, any unit.
   @param positions  n_sources x K: the share of each source by position, or NULL.
   @param whole      K: what each component has in all of the recording.
   @param weights    n_sources x K; columns sum to one.
*/
void ub_marks_weigh(const ub_marking *marking, const double *regions, const ub_matrix *positions,
                    const double *whole, ub_matrix *weights);

/**
   Hear what is alike as one source: a component that the marks say little of follows those that
   they say much of,

       w_jk <- sqrt(w_jk) sum_i c_i e^(-d_ik / 0.2) w_ji / sum_i c_i e^(-d_ik / 0.2)

   @param apart   K x K: d.
   @param trust   K, >= 0: c, how much there is of a component, and in marks.
   @param weights n_sources x K; columns sum to one, before and after.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_marks_spread(const double *apart, const double *trust, ub_matrix *weights);

/** The guide. @param marking  Borrowed. */
ub_guide ub_marks_guide(const ub_marking *marking);

#endif
