// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_STREAM_H
#define UNBRAID_STREAM_H

#include "dictionary.h"
#include "params.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
   Separation while the sound plays.

   A stream takes samples in blocks of any size and gives as many back, late by a latency that is
   fixed, known and exact. It knows the templates of a model; the activations of each frame come
   from a few multiplicative updates that start from those of the frame before. What the model does
   not explain can be a source too, the rest: free components learn it while it sounds, from every
   frame a little, and forget what has not been heard for a while [1]. Masks of all sources sum to
   one, so the stems sum to the delayed input, whatever the model and while it changes.

   The work of a frame is cut into steps that are due at fixed samples of the hop that follows, so
   that small blocks cost about the same each. That hop is part of the latency. The output depends
   on the samples alone and not on how they are cut into blocks.

   [1] Lefevre, Bach, Fevotte. Online algorithms for nonnegative matrix factorization with the
   Itakura-Saito divergence. WASPAA 2011.
*/
typedef struct ub_stream ub_stream;

/** What a stream separates into: a dictionary made ready for the settings of a stream. */
typedef struct ub_stream_model ub_stream_model;

/** How much latency is allowed. They look at 93 ms at a time, the last two at 46 unless the
   settings say more; the longer the synthesis window, the better the separation. */
typedef enum ub_stream_mode {
    UB_STREAM_QUALITY, ///< synthesis 93 ms (symmetric), latency 116 ms
    UB_STREAM_BALANCED, ///< synthesis 39 ms (asymmetric, like all below), latency 58 ms
    UB_STREAM_LIVE, ///< synthesis 6.2 ms, latency 9.4 ms
    UB_STREAM_SHORT, ///< synthesis 3.7 ms, latency 5.6 ms
} ub_stream_mode;

enum {
    UB_STREAM_MAX_CHANNELS = 2,
    UB_STREAM_MAX_SOURCES = 16,
    UB_STREAM_MAX_FREE = 64,
    UB_STREAM_MAX_UPDATES = 50
};

typedef struct ub_stream_settings {
    double rate_hz; ///< 8000 to 192000
    size_t n_channels; ///< 1 or 2; all share one set of activations
    ub_stream_mode mode;
    double window_ms; ///< what a frame looks at, 40 to 200; 0: as the mode needs, which is all that
                      ///< quality takes, as its latency would follow
    size_t n_updates; ///< of the activations of a frame, 1 to UB_STREAM_MAX_UPDATES; 0: 16, or 12
                      ///< in the modes live and short
    double mask_exponent; ///< 0.5 to 2
    double beta; ///< divergence, -1 to 3
    double sparsity; ///< weight of the L1 penalty on activations, 0 to 100, as UB_PARAM_SPARSITY;
                     ///< what it costs and gains: docs/measurements.md
    size_t n_free; ///< components that learn the rest, 0 (there is none) to UB_STREAM_MAX_FREE
    double forget_s; ///< how long the rest remembers, in seconds of sound, 0.5 to 60
    double glide_s; ///< time constant of gains, 0 to 10; 0 jumps
} ub_stream_settings;

/** Two channels at 48 kHz, balanced, window and updates as the mode needs, exponent 1.3, beta 1,
   not sparse, no free components, a memory of 1 s, gains glide in 10 ms. */
UB_API ub_stream_settings ub_stream_settings_default(void);

/** @return UB_OK or UB_BAD_SETTING with the reason. */
UB_API UB_MUST_USE ub_status ub_stream_settings_check(const ub_stream_settings *settings,
                                                      ub_message *why);

/** Settings for ub_learn() of what is to be used by streams: where the window is left to the mode,
    that of streams, and its shape. Dictionaries of other windows do as well, a little less. */
UB_API void ub_stream_suit_learning(ub_settings *settings);

/** Set the window to what suits the dictionary, and the updates where they are left to the mode.
    Where it knows notes by a window nearer to 93 ms than to 46, or longer, all modes look at 93 ms,
    as less blurs neighbouring keys and the ends of notes; live and short make fewer updates then.
    Else, for drums too, the window is as the mode needs. */
UB_API void ub_stream_suit_dictionary(ub_stream_settings *settings,
                                      const ub_dictionary *dictionary);

/**
   A stream without a model: it has one source, which is everything.
   @return UB_OK, UB_BAD_SETTING, UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_stream_new(const ub_stream_settings *settings, ub_stream **out,
                                           ub_message *why);

/** Free a stream and the models that it holds. NULL is fine. */
UB_API void ub_stream_free(ub_stream *stream);

/** Samples by which the output is late. */
UB_API UB_RT size_t ub_stream_latency(const ub_stream *stream);

/** Forget all sound and all that was learned of the rest, as if new; a model that waits takes over
   at once, and gains arrive at once. */
UB_API UB_RT void ub_stream_reset(ub_stream *stream);

/**
   Make a dictionary ready: fit it to the rate and window of the settings, and pack it. Of context
   the frames of the 0.2 s before a template's own are used, which adds no latency; frames after it
   are not. Where the dictionary has reconstruction templates, the masks are made from them.

   @param dictionary  At most UB_STREAM_MAX_SOURCES sources, one less with free components: the rest
   is a source of the model. Not kept.
   @return UB_OK, UB_BAD_SETTING, UB_BAD_SHAPE, UB_NO_MEMORY, or what ub_dictionary_fit() says.
*/
UB_API UB_MUST_USE ub_status ub_stream_model_new(const ub_stream_settings *settings,
                                                 const ub_dictionary *dictionary,
                                                 ub_stream_model **out, ub_message *why);

/** NULL is fine. Not while a stream has it. */
UB_API void ub_stream_model_free(ub_stream_model *model);

/** Sources of a model, and their names, which live as long as it. */
UB_API UB_RT size_t ub_stream_model_n_sources(const ub_stream_model *model);
UB_API UB_RT const char *ub_stream_model_name(const ub_stream_model *model, size_t source);

/** The index of the rest, which is the last source and has the name "rest"; the number of sources
    when the settings have no free components and there is none. */
UB_API UB_RT size_t ub_stream_model_rest(const ub_stream_model *model);

/**
   Give the stream a model, from its next frame on; windows overlap, so the change fades. The stream
   owns it now. NULL goes back to one source. What was learned of the rest goes on with a model of
   the same beta, mode, window, rate and number of free components; otherwise the rest begins anew.

   @param model  Made with the settings of the stream (rate, mode, window); at most one may wait.
   @return true, or false when the one before still waits: then nothing has changed.
*/
UB_API UB_RT bool ub_stream_swap(ub_stream *stream, ub_stream_model *model);

/** A model that the stream has done with, or NULL. The caller owns it now, and frees it elsewhere
    than on the audio thread. Ask until it is NULL: a stream keeps at most one, and takes no new
    model while it does. */
UB_API UB_RT ub_stream_model *ub_stream_retired(ub_stream *stream);

/** Sources now: those of the model in use, or 1. */
UB_API UB_RT size_t ub_stream_n_sources(const ub_stream *stream);

/** The index of the rest among them, or their number when there is none. Without a model but with
    free components in the settings the one source is the rest. */
UB_API UB_RT size_t ub_stream_rest(const ub_stream *stream);

/** The gain of a source in the mix, linear, 0 to 1000; it glides there. All are 1 at first. Sources
    that the model lacks keep their gain for a later one. */
UB_API UB_RT void ub_stream_set_gain(ub_stream *stream, size_t source, float gain);

/** What a mixer has for each source. */
typedef struct ub_strip {
    float gain_db; ///< -INFINITY to 60
    bool is_solo; ///< where any strip is, only those that are can be heard
    bool is_mute; ///< is not heard, solo or not
} ub_strip;

/**
   The linear gains that strips come to.

   @param strips  n of them. A gain that is NaN counts as 0 dB, one beyond 60 dB as 60.
   @param gains   n gains, for ub_stream_set_gain().
   @return the gain of whatever has no strip: 0 when any strip is solo, else 1.
*/
UB_API UB_RT float ub_strip_gains(const ub_strip *strips, size_t n, float *gains);

/** RMS of a source before its gain, over all channels and the last 50 ms or so. */
UB_API UB_RT float ub_stream_level(const ub_stream *stream, size_t source);

/** A note of the dictionary that begins or ends in what comes in. */
typedef struct ub_stream_note {
    uint64_t sample; ///< when it was heard: samples that had come in by then, see ub_stream_clock()
    int pitch; ///< MIDI note number
    int velocity; ///< 1 to 127 where it begins, 0 where it ends
    size_t source;
} ub_stream_note;

/** Samples that have come in since the stream was made; a reset does not turn it back. */
UB_API UB_RT uint64_t ub_stream_clock(const ub_stream *stream);

/**
   Take the notes that have been heard since the last call, in the order of time: those of templates
   with a pitch, found in their activations as by ub_note_tracker, ub_stream_note_delay() after they
   begin. Each one that begins ends later, by the model that goes at the latest.
   Where nobody takes them they wait, and after some thousand no more are heard.

   @param notes  Room for `most`. @return how many there are now.
*/
UB_API UB_RT size_t ub_stream_take_notes(ub_stream *stream, ub_stream_note *notes, size_t most);

/** By how much notes are heard late, in seconds: the median for a piano, which half of all miss by
    less than 10 ms. */
UB_API UB_RT double ub_stream_note_delay(const ub_stream *stream);

/**
   Process n samples (0 is fine).

   @param in     [channel][sample]. What is not finite, or beyond 1e6, counts as silence.
   @param out    [channel][sample]: the sum of all sources times their gains, `latency` samples
   late. NULL, or NULL for a channel, when nobody wants it.
   @param stems  [source * n_channels + channel][sample] for `n_stems` sources: each before its
   gain. NULL entries are skipped; sources that do not exist are silent. Buffers may be the same:
   all of `in` is read before anything is written at that place.
*/
UB_API UB_RT void ub_stream_process(ub_stream *stream, const float *const *in, float *const *out,
                                    float *const *stems, size_t n_stems, size_t n);

#ifdef __cplusplus
}
#endif
#endif
