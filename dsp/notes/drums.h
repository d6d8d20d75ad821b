// SPDX-License-Identifier: GPL-3.0-or-later
/** Transcription of drums, whose templates go on in time. Private header. */
#ifndef UNBRAID_NOTES_DRUMS_H
#define UNBRAID_NOTES_DRUMS_H

#include "unbraid/transcribe.h"

#include <stdbool.h>

/** Whether templates are of hits: each begins where it is struck, and goes on for some frames. */
bool ub_drums_are_in(const ub_dictionary *dictionary);

/**
   As ub_transcribe(), for a dictionary of drums, which was checked as the settings were.
   @param segment_frames  Most frames that are fitted at a time.
   @param out  Notes are added, unsorted; some of them after a failure too.
*/
ub_status ub_transcribe_drums(size_t segment_frames, const ub_audio *audio,
                              const ub_dictionary *dictionary, const ub_settings *settings,
                              const ub_progress *progress, const ub_key_sink *keys, ub_notes *out,
                              ub_message *why);

#endif
