// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Activations of fixed templates with temporal continuity, for a recording whose spectra are not
   held as a whole. Private header.
*/
#ifndef UNBRAID_SEPARATE_SMOOTHER_H
#define UNBRAID_SEPARATE_SMOOTHER_H

#include "front.h"
#include "unbraid/nmf.h"

/**
   Fits stretches of the recording that overlap, each from the activations that its frames have
   alone, and fades from one stretch to the next where they overlap. Stretches begin at fixed
   frames, so the cut into blocks does not matter.
*/
typedef struct ub_smoother ub_smoother;

/**
   @param front      Borrowed; read from in ub_smoother_run().
   @param factors    Templates and gains, which stay. Borrowed.
   @param activator  For the start. Borrowed.
   @param settings   Of the fit.
   @param n_frames   Most frames of a stretch.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_smoother_new(ub_front *front, const ub_nmf_factors *factors,
                          const ub_activator *activator, const ub_nmf_settings *settings,
                          size_t n_frames, ub_smoother **out, ub_message *why);

/** NULL is fine. */
void ub_smoother_free(ub_smoother *smoother);

/** Begin again with frame 0. */
void ub_smoother_rewind(ub_smoother *smoother);

/**
   Activations of frames [first, first + n) in columns 0 to n of `activations`. What the front has
   read before is lost. Calls must go forward through the recording.
   @return as ub_front_read() and ub_nmf_fit().
*/
ub_status ub_smoother_run(ub_smoother *smoother, size_t first, size_t n,
                          const ub_progress *progress, ub_matrix *activations, ub_message *why);

#endif
