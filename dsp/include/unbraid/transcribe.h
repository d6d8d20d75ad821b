// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_TRANSCRIBE_H
#define UNBRAID_TRANSCRIBE_H

#include "dictionary.h"
#include "matrix.h"
#include "note.h"
#include "params.h"
#include "separate.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the frames of a key sink are. Borrowed: valid during the call only. */
typedef struct ub_key_frames {
    size_t n_keys; ///< notes of the dictionary, by source and then pitch, ascending
    const int *pitches; ///< n_keys MIDI note numbers
    const size_t *sources; ///< n_keys indices into the sources of the dictionary
    size_t n_frames; ///< that will come
    double frame_rate_hz;
    double first_s; ///< the middle of the first frame, in seconds of the recording; below zero
} ub_key_frames;

/** Where the activations of keys go, for those who want more than notes: `begin` is called once,
    then `write` with consecutive frames (n_keys x n; 1 is the level of the loudest frames; of drums
    the sum of the magnitudes of the hit that begins there). */
typedef struct ub_key_sink {
    ub_status (*begin)(void *context, const ub_key_frames *frames, ub_message *why);
    ub_status (*write)(void *context, size_t first, size_t n, const ub_matrix *activations,
                       ub_message *why);
    void *context;
} ub_key_sink;

/**
   Find the notes of a recording.

   The recording is factorised with the note templates of a dictionary, Itakura-Saito divergence
   and a floor of noise; before, the templates are adapted to it with restraint. Notes begin where
   the activation of a key rises most [1].

   Memory does not grow with the length of the recording, but for the notes: templates are adapted
   to a sample of it. The same settings and samples give the same notes for every number of threads.

   Drums: where templates go on for some frames after their own (n_after, without n_before), each of
   them is a hit, and the recording is deconvolved [2] with templates that become its own [3]. Keys
   of one source are ways to hit it, one at a time. Stretches of at most 48 s are fitted one by one.

   @param dictionary  With component_pitch.
   @param settings    NULL means the default; UB_PARAM_SEED (of the sample), UB_PARAM_THREADS and
                      UB_PARAM_KERNELS are used.
   @param progress    Its stages: "read", "analyse", "choose" and "adapt" for the templates, then
                      block by block "read", "analyse", "activate" and "track".
   @param keys        NULL where nobody wants the activations.
   @param out         The notes, sorted, are added to it; nothing after a failure. Silence and noise
                      have none.
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_SETTING, UB_BAD_VALUE (NaN or infinite samples; a dictionary
           without notes), UB_NO_MEMORY, UB_CANCELLED, or what the audio or the sink returned.

   [1] Fevotte, Bertin, Durrieu. Nonnegative matrix factorization with the Itakura-Saito divergence,
       with application to music analysis. Neural Computation 21(3), 2009.
   [2] Smaragdis. Non-negative matrix factor deconvolution. ICA 2004.
   [3] Dittmar, Gartner. Real-time transcription and separation of drum recordings based on NMF
       decomposition. DAFx 2014.
*/
UB_API UB_MUST_USE ub_status ub_transcribe(const ub_audio *audio, const ub_dictionary *dictionary,
                                           const ub_settings *settings, const ub_progress *progress,
                                           const ub_key_sink *keys, ub_notes *out, ub_message *why);

/**
   Choose the dictionary that a recording is best transcribed with.

   Each is adapted to the same 6 s of the recording as ub_transcribe() would do it: stretches of
   1.5 s spread over all of it, silence left out. The last dictionary is for any instrument; one of
   the others is chosen where its Itakura-Saito divergence from these spectra is at most 0.4
   of that of the last. Of several it is the one with the least divergence, and among equals, as in
   silence, the first.

   @param dictionaries  n of them, n >= 1, with component_pitch, none of drums; only read. Their
                        transforms should be alike, for the divergence depends on these.
   @param settings      As for ub_transcribe().
   @param progress      Its stages: "read", "analyse", "choose" and "adapt".
   @param out           Set on success only: the index of one.
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_SETTING, UB_BAD_VALUE (NaN or infinite samples; a dictionary
           without notes, or of drums; none at all), UB_NO_MEMORY, UB_CANCELLED, or what the audio
           returned.

   Memory does not grow with the length of the recording, which is read once for every run of
   dictionaries with the same transform. The same settings and samples give the same choice for
   every number of threads.
*/
UB_API UB_MUST_USE ub_status ub_transcribe_choose(const ub_audio *audio,
                                                  const ub_dictionary *const *dictionaries,
                                                  size_t n, const ub_settings *settings,
                                                  const ub_progress *progress, size_t *out,
                                                  ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
