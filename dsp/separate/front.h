// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Spans of audio to frames: the way from ub_audio into the spectra. Private header.
*/
#ifndef UNBRAID_SEPARATE_FRONT_H
#define UNBRAID_SEPARATE_FRONT_H

#include "dictionary/context.h"
#include "guide/guide.h"
#include "unbraid/matrix.h"
#include "unbraid/separate.h"
#include "unbraid/stft.h"

enum {
    UB_BLOCK_FRAMES = 64 // frames of a block where nobody asks for another number
};

/** A reader of blocks of frames. Borrows audio and transform. */
typedef struct ub_front {
    const ub_audio *audio;
    const ub_stft *stft;
    size_t n_frames; ///< of the whole audio
    size_t block_frames; ///< most frames read, transformed and written at a time
    size_t n_threads;
    float scale; ///< what a magnitude is multiplied by: a full-scale sine is about 1
    const ub_context *context; ///< neighbours that are stacked below each frame, or NULL
    size_t n_lead, n_trail; ///< frames that are read before and after a block for their sake
    ub_matrix samples; ///< one column per channel: the samples of the block and its neighbours
    ub_matrix *bands; ///< per channel, with a context: a column per frame of those
    ub_matrix spare; ///< with a context: magnitudes of a neighbour, a column per thread
    float **work; ///< per thread, from ub_stft_work_new()
    float complex **spectrum; ///< per thread, n_bins
} ub_front;

/** @param context  Borrowed, or NULL.
    @return UB_OK, UB_BAD_SHAPE, UB_NO_MEMORY. `audio` is checked. */
ub_status ub_front_new(const ub_audio *audio, const ub_stft *stft, const ub_context *context,
                       size_t block_frames, size_t n_threads, ub_front *out, ub_message *why);
void ub_front_free(ub_front *front);

/** The recording as guides see it. @param spectra  Of the stretch to come, borrowed, or NULL. */
ub_scene ub_front_scene(const ub_front *front, const ub_settings *settings,
                        const ub_matrix *spectra);

/** Read the samples that frames [first, first + n) look at, n <= block_frames, zeros beyond
    the ends. @return what the audio says; UB_BAD_VALUE for NaN and infinity. */
ub_status ub_front_read(ub_front *front, size_t first, size_t n, ub_message *why);

/** Rows of a column of magnitudes: the bins, and with a context the bands below them. */
size_t ub_front_n_rows(const ub_front *front);

/** The samples of frame `frame` of the block (0 is the first) and channel. */
static inline const float *ub_front_frame(const ub_front *front, size_t channel, size_t frame)
{
    return ub_matrix_column(&front->samples, channel) +
           (front->n_lead + frame) * ub_stft_get_settings(front->stft)->hop_samples;
}

/** Scaled magnitudes of the block that was read: column to + i of spectra[channel] gets frame i. */
void ub_front_magnitudes(ub_front *front, size_t n, ub_matrix *spectra, size_t to);

#endif
