// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_SEPARATE_H
#define UNBRAID_SEPARATE_H

#include "dictionary.h"
#include "params.h"
#include "status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
   Where samples come from: the library asks for any span, more than once, so that a whole song
   need never be in memory.
*/
typedef struct ub_audio {
    size_t n_channels; ///< 1 to 32
    size_t n_samples; ///< per channel; 0 is allowed
    double rate_hz; ///< 1000 to 1000000
    /** Copy samples [first, first + n) of every channel; linear, nominally -1..1, finite. The
        span lies inside the signal. Called from one thread. @return UB_OK or the failure, with
        the reason in `why`. */
    ub_status (*read)(void *context, size_t first, size_t n, float *const *channels,
                      ub_message *why);
    void *context;
} ub_audio;

/** Planar samples in memory, as the context of ub_audio_in_memory(). Borrowed. */
typedef struct ub_planar {
    const float *const *channels;
    size_t n_channels;
    size_t n_samples;
} ub_planar;

/** An audio that reads from memory. `planar` and what it points to must live as long as the
    result is used; neither is changed. */
UB_API ub_audio ub_audio_in_memory(const ub_planar *planar, double rate_hz);

/** A passage of an audio, as the context of ub_audio_of_span(). Borrowed. */
typedef struct ub_audio_span {
    const ub_audio *audio;
    size_t first; ///< sample
    size_t n_samples; ///< first + n_samples is at most the audio's
} ub_audio_span;

/** A passage as an audio of its own, to learn a source from where it plays alone. `span` and the
    audio must live as long as the result is used; neither is changed. */
UB_API ub_audio ub_audio_of_span(const ub_audio_span *span);

/**
   Where stems go. `begin` is called once with the names, in the order of the stems; then `write`
   with consecutive spans, each once, until all samples have passed. Both from one thread.
   Names and samples are only valid during the call.
*/
typedef struct ub_stem_sink {
    ub_status (*begin)(void *context, size_t n_stems, const char *const *names, ub_message *why);
    ub_status (*write)(void *context, size_t first, size_t n, const float *const *const *stems,
                       ub_message *why); ///< stems[stem][channel][sample]
    void *context;
} ub_stem_sink;

/**
   Separate a recording into stems that sum to it, by UB_PARAM_METHOD.

   Methods that know their sources beforehand (see ub_method) make masks of stretches of the
   recording, which overlap and are faded into one another; some use the dictionary, and work at its
   window then. Of the others:

   Blind (dictionary NULL): a non-negative tensor factorisation of the mix with
   UB_PARAM_COMPONENTS components, which are grouped into UB_PARAM_SOURCES sources by the shape of
   their templates, their activations and their panning, and named where it is clear.
   With a dictionary: its templates are fixed, and with UB_PARAM_FREE > 0 as many free components
   learn what the dictionary does not explain, as the last source, "rest" or what ub_settings says.

   Memory does not grow with the length. Magnitudes of at most 200 MB are held (4.7 minutes of
   stereo at 44.1 kHz with the default window). Of a longer mix a sample of that size, runs of
   frames from all its parts that are not silent, serves to learn templates, gains and grouping;
   activations are then computed frame by frame, or with UB_PARAM_CONTINUITY in stretches that
   overlap.

   The same settings and samples give the same bits for every number of threads.

   @param settings   NULL means the default.
   @param progress   Its stages: "read", "analyse", "start", "factorise" and "group" while the model
                     is made, then block by block "read", "analyse", "activate" (only where
                     activations are computed frame by frame), "mask", "synthesise" and "write".
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_SETTING (fewer components than sources, or a method that
   needs a dictionary without one, too), UB_BAD_VALUE (NaN or infinite samples; a source of the
   rest's name beside free components), UB_NO_MEMORY, UB_CANCELLED, or what the audio or the sink
   returned.
*/
UB_API UB_MUST_USE ub_status ub_separate(const ub_audio *mix, const ub_dictionary *dictionary,
                                         const ub_settings *settings, const ub_progress *progress,
                                         const ub_stem_sink *sink, ub_message *why);

/**
   The names of the stems that ub_separate() will make, as far as they are known beforehand: those
   of a dictionary, with the rest where there are free components, or of a method that has its own.
   @param settings  Checked.
   @param names     Borrowed from the dictionary or the settings, or static.
   @return how many; 0 for blind components.
*/
UB_API size_t ub_separate_names(const ub_dictionary *dictionary, const ub_settings *settings,
                                const char *names[UB_DICTIONARY_MAX_SOURCES + 1]);

/** Recordings in which one source plays alone. */
typedef struct ub_training {
    const char *name; ///< of the source, see ub_name_check()
    const ub_audio *audio; ///< n_audio recordings; all of a call have one sample rate
    size_t n_audio;
} ub_training;

/**
   Learn a dictionary: UB_PARAM_COMPONENTS templates for each source, from all of its recordings
   together (channels are stacked as further frames; silent frames are left out). With
   UB_PARAM_CONTEXT they describe the frames around their own as well, and with
   UB_PARAM_RECONSTRUCTION, where there are two sources or more, the sources are mixed (the mean
   of the channels of their recordings, one after the other and over again) and templates for the
   masks are learned from that.

   @param licence, origin  Stored in the dictionary; NULL means "".
   @param progress  Its stages: "read", "analyse", "start" and "factorise", source after source.
   @param out  Set on success only; the caller frees it with ub_dictionary_free().
   @return as ub_separate(); UB_BAD_VALUE for a source that is silent throughout or has no
           recording as long as one window.
*/
UB_API UB_MUST_USE ub_status ub_learn(const ub_training *sources, size_t n_sources,
                                      const ub_settings *settings, const char *licence,
                                      const char *origin, const ub_progress *progress,
                                      ub_dictionary *out, ub_message *why);

/**
   Round stems to integers that sum to the mix: the null promise in PCM.

   Each stem sample is scaled by `scale` and rounded; what the rounded stems lack of the mix's
   integer sample is shared out by largest remainder. A stem sample outside [minimum, maximum] is
   clipped and the excess moved to the stems that have room, so that the sum holds. NaN counts as
   silence.

   @param mix       n integer samples of one channel.
   @param stems     n_stems (at most 256) arrays of n floats, which sum to about mix / scale.
   @param out       n_stems arrays of n integers.
   @param n_clipped Per stem, the number of samples that had to be clipped is added; may be NULL.
*/
UB_API void ub_partition_integers(const int32_t *mix, const float *const *stems, size_t n_stems,
                                  size_t n, double scale, int32_t minimum, int32_t maximum,
                                  int32_t *const *out, size_t *n_clipped);

#ifdef __cplusplus
}
#endif
#endif
