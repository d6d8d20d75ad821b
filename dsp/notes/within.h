// SPDX-License-Identifier: GPL-3.0-or-later
/** What bounds the memory of a transcription; tests make it small. Private header. */
#ifndef UNBRAID_NOTES_WITHIN_H
#define UNBRAID_NOTES_WITHIN_H

#include "unbraid/transcribe.h"

typedef struct ub_note_limits {
    size_t block_cells; ///< cells read and activated at a time; no bit depends on it
    size_t sample_frames; ///< most frames that templates are adapted to
    size_t segment_frames; ///< of drums: most frames that are fitted at a time
} ub_note_limits;

/** What ub_transcribe() keeps to. */
ub_note_limits ub_note_limits_default(void);

/** ub_transcribe() within these limits. */
ub_status ub_transcribe_within(const ub_note_limits *limits, const ub_audio *audio,
                               const ub_dictionary *dictionary, const ub_settings *settings,
                               const ub_progress *progress, const ub_key_sink *keys, ub_notes *out,
                               ub_message *why);

/** What ub_transcribe_choose() goes by: the divergence of a sample from the fit of each dictionary,
    a band and frame; 0 for silence. */
ub_status ub_transcribe_divergences(const ub_audio *audio, const ub_dictionary *const *dictionaries,
                                    size_t n, const ub_settings *settings,
                                    const ub_progress *progress, double *divergences,
                                    ub_message *why);

#endif
