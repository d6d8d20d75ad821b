// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_ALIGN_H
#define UNBRAID_ALIGN_H

#include "note.h"
#include "params.h"
#include "parts.h"
#include "separate.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** When what a score says happens in a recording: straight from point to point, and on with the
    slope of the line before the first and after the last. The owner of the struct owns the points.
 */
typedef struct ub_alignment {
    double *score_s, *recording_s; ///< n, ascending
    size_t n; ///< at least 1
    double slope; ///< seconds of the recording for one of the score, in the mean
    double likeness, likeness_in_time; ///< of recording and score when aligned, and as it is
    bool is_in_time; ///< the score as it is fits the recording as well
} ub_alignment;

/**
   Find out when the notes of a score are played in a recording.

   Both are sketched about 21 times a second: how loud each pitch class is, and what begins. First
   comes the straight line, from 0.77 to 1.3 times the tempo and with any shift, along which the
   sketches are most alike, first coarsely and then finer; then, within a second or 5 % of the
   length of it, the path of the largest likeness less a price for every step aside (dynamic time
   warping). Errors of 20 to 50 ms are usual. Memory: 5 kB for each second, and at most 32 MB for
   the path.

   @param parts     Read only; players of drums count by their onsets alone.
   @param settings  NULL means the default; UB_PARAM_THREADS is used.
   @param progress  Its stages: "read", "analyse", "align".
   @param out       Set on success only; the caller frees it with ub_alignment_free().
   @return UB_OK; UB_BAD_SHAPE; UB_BAD_SETTING; UB_BAD_VALUE (no notes, more than six hours of
           them, NaN or infinite samples, a recording of less than a second); UB_NO_MEMORY,
           UB_CANCELLED, or what the audio returned.

   [1] Ewert, Muller, Grosche. High resolution audio synchronization using chroma onset features.
   ICASSP 2009.
*/
UB_API UB_MUST_USE ub_status ub_align(const ub_audio *recording, const ub_parts *parts,
                                      const ub_settings *settings, const ub_progress *progress,
                                      ub_alignment *out, ub_message *why);

/** The time in the recording of one in the score; it may lie outside of the recording. */
UB_API UB_RT double ub_alignment_time_s(const ub_alignment *alignment, double score_s);

/** Move notes from the times of the score to those of the recording, and sort them. Those that end
    before it begins are dropped. */
UB_API void ub_alignment_apply(const ub_alignment *alignment, ub_notes *notes);

/** Free what the struct owns and zero it. NULL and a zeroed one are fine. */
UB_API void ub_alignment_free(ub_alignment *alignment);

#ifdef __cplusplus
}
#endif
#endif
