// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What bounds the memory of a separation, whatever the length of the recording. Private header:
   the library has one set of limits, and tests make them small.
*/
#ifndef UNBRAID_SEPARATE_LIMITS_H
#define UNBRAID_SEPARATE_LIMITS_H

#include "unbraid/separate.h"
#include "unbraid/separate_marks.h"

typedef struct ub_limits {
    size_t block_frames; ///< frames read, transformed and written at a time; no bit depends on it
    size_t spectra_bytes; ///< of magnitudes held at once; what has more is learned from a sample
} ub_limits;

/** What ub_separate() keeps to. */
ub_limits ub_limits_default(void);

/** ub_separate() within these limits. */
ub_status ub_separate_within(const ub_limits *limits, const ub_audio *mix,
                             const ub_dictionary *dictionary, const ub_settings *settings,
                             const ub_progress *progress, const ub_stem_sink *sink,
                             ub_message *why);

/** ub_separate_marks() within these limits. */
ub_status ub_separate_marks_within(const ub_limits *limits, const ub_audio *mix,
                                   const ub_mark *marks, size_t n, const ub_settings *settings,
                                   const ub_progress *progress, const ub_stem_sink *sink,
                                   ub_message *why);

#endif
