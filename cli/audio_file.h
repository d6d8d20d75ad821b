// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Sound files as planar samples: whatever libsndfile reads, from a file or a pipe, at any span.
*/
#ifndef UNBRAID_CLI_AUDIO_FILE_H
#define UNBRAID_CLI_AUDIO_FILE_H

#include <unbraid/separate.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How one sample is stored. */
struct sample_type {
    bool is_float;
    unsigned bits; ///< integers: 8, 16, 24, 32; floats: 32, 64
};

/** What a sound file holds. */
struct audio_info {
    char format[64]; ///< for people: "WAV (Microsoft)"
    char encoding[64]; ///< "Signed 16 bit PCM"
    struct sample_type type; ///< of the decoded samples; lossy encodings count as 32-bit float
    bool is_lossy;
    size_t n_channels;
    size_t n_samples; ///< per channel
    unsigned rate_hz;
};

struct audio_file;

/** A file to separate or learn from may have these rates. */
enum {
    AUDIO_MIN_RATE_HZ = 8000,
    AUDIO_MAX_RATE_HZ = 192000,
    AUDIO_MAX_CHANNELS = 32,
};

/**
   Open a sound file, "-" for standard input. Refused: what is no sound, is cut off, holds no
   samples, or has more than AUDIO_MAX_CHANNELS channels.
   Lossy files are decoded once into an unlinked temporary file, since their decoders do not land
   on the exact sample after a seek.
   @return UB_OK, UB_BAD_FORMAT, UB_FILE_ERROR, UB_NO_MEMORY, UB_CANCELLED.
*/
ub_status audio_file_open(const char *path, struct audio_file **out, ub_message *why);

/** The same, and the sample rate must be one that can be worked with. */
ub_status audio_file_open_for_work(const char *path, struct audio_file **out, ub_message *why);

/** NULL is fine. */
void audio_file_close(struct audio_file *file);

/** Borrowed; lives as long as the file is open. */
const struct audio_info *audio_file_info(const struct audio_file *file);

/** The file as the library reads it. A sample that is not finite, a file that ends early and an
    interrupt end the reading with a message. */
ub_audio audio_file_as_audio(struct audio_file *file);

/** ub_audio's read, for callers of their own: samples [first, first + n), linear, full scale 1. */
ub_status audio_file_read(struct audio_file *file, size_t first, size_t n, float *const *channels,
                          ub_message *why);

/**
   The same samples as integers of `bits` bits (8 to 32): exactly the file's own when it stores
   integers of at most as many bits (scaled by a power of two), otherwise rounded to nearest.

   @param n_clipped  Samples beyond full scale, set to the nearest integer, are added.
*/
ub_status audio_file_read_integers(struct audio_file *file, size_t first, size_t n, unsigned bits,
                                   int32_t *const *channels, size_t *n_clipped, ub_message *why);

#endif
