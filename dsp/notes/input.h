// SPDX-License-Identifier: GPL-3.0-or-later
/** What is to be transcribed: frames of a recording, and the keys of a dictionary that was fitted
   to them. Private header. */
#ifndef UNBRAID_NOTES_INPUT_H
#define UNBRAID_NOTES_INPUT_H

#include "dictionary/keys.h"
#include "separate/front.h"
#include "unbraid/nmf.h"
#include "unbraid/transcribe.h"

typedef struct ub_note_input {
    ub_dictionary fitted;
    ub_keys keys;
    ub_stft *stft;
    ub_front front;
    double frame_rate_hz;
    double first_s; ///< the middle of the first frame
    double window_s;
} ub_note_input;

/** @param block_frames  Most frames that are read at a time.
    @return UB_OK, UB_BAD_VALUE (no notes), or what the transform, the fit and the front say. */
ub_status ub_note_input_open(const ub_audio *audio, const ub_dictionary *dictionary,
                             const ub_settings *settings, size_t block_frames, ub_note_input *out,
                             ub_message *why);

/** Half-open ones and zeroed structs are fine. */
void ub_note_input_close(ub_note_input *input);

/** Tell a sink, which may be NULL, what will come. @return what it says. */
ub_status ub_note_input_begin(const ub_note_input *input, const ub_key_sink *keys, ub_message *why);

/** How the frames are factorised. */
ub_nmf_settings ub_note_factorisation(const ub_settings *settings);

#endif
