// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_SEPARATE_MARKS_H
#define UNBRAID_SEPARATE_MARKS_H

#include "dictionary.h"
#include "params.h"
#include "separate.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a mark tells. */
typedef enum ub_mark_kind {
    UB_MARK_REGION, ///< between these times and frequencies the source is most of what is heard
    UB_MARK_POSITION, ///< throughout the recording the source is heard from there
} ub_mark_kind;

/** Something that a listener knows of a source. */
typedef struct ub_mark {
    const char *name; ///< of the source, see ub_name_check(). Borrowed
    ub_mark_kind kind;
    double from_s, to_s; ///< of a region: 0 <= from_s < to_s
    double low_hz, high_hz; ///< of a region: 0 <= low_hz < high_hz; INFINITY is fine
    double position; ///< of a position: -100 (left) to 100 (right), as a panning knob of constant
                     ///< power has it
} ub_mark;

/**
   Separate a recording by what a listener has marked in it.

   A blind factorisation, of UB_PARAM_COMPONENTS components (0: 100), knows which bins belong
   together; each component goes to the sources as the marks say of its bins: how much of what it
   is in the regions of a source that source has, and how much of it comes from its position. Masks
   are those of the shared components, times the root of what the marks say of each bin.

   The sources are the names, in the order of their first marks. Where there is one name only, a
   second source is all else: "rest", or what ub_settings says.

   @param n         At least 1. At most UB_DICTIONARY_MAX_SOURCES names.
   @param settings  NULL means the default. Window, overlap, components, iterations, relaxation,
                    seed, kernels and threads are heeded, and the multichannel filter.
   @param progress, sink  As in ub_separate(), whose promises on memory, threads and bits hold.
   @return UB_OK; UB_BAD_VALUE (a mark out of range or beyond the recording, a name that is none);
           UB_BAD_SHAPE (positions in a recording that is not stereo, too); UB_BAD_SETTING,
           UB_NO_MEMORY, UB_CANCELLED, or what the audio or the sink returned.

   Bryan, Mysore, Wang. ISSE: an interactive source separation editor. CHI 2014, for the idea;
   Avendano. Frequency-domain source identification and manipulation in stereo mixes. WASPAA 2003.
*/
UB_API UB_MUST_USE ub_status ub_separate_marks(const ub_audio *mix, const ub_mark *marks, size_t n,
                                               const ub_settings *settings,
                                               const ub_progress *progress,
                                               const ub_stem_sink *sink, ub_message *why);

/**
   The names of the stems that ub_separate_marks() will make, borrowed from marks and settings.
   @return how many: names beyond UB_DICTIONARY_MAX_SOURCES are counted, but not written.
*/
UB_API size_t ub_marks_names(const ub_mark *marks, size_t n, const ub_settings *settings,
                             const char *names[UB_DICTIONARY_MAX_SOURCES + 1]);

#ifdef __cplusplus
}
#endif
#endif
