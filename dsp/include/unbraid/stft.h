// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_STFT_H
#define UNBRAID_STFT_H

#include "status.h"
#include "window.h"

#include <complex.h>
#include <stddef.h>

/**
   Short-time Fourier transform of real signals, one frame at a time.

   Frame `t` looks at samples [t * hop - (size - hop), t * hop + hop): the signal is taken as zero
   before its start and after its end, so that with ub_stft_n_frames() frames every sample,
   the first and the last too, is covered as often as any other and comes back exactly.
   The transform is not scaled; the inverse divides by the size.
*/
typedef struct ub_stft ub_stft;

/** What a transform looks like. */
typedef struct ub_stft_settings {
    ub_window window;
    size_t size_samples; ///< window and FFT size; product of 2, 3, 5 and 7, 4 to 2^20
    size_t hop_samples; ///< 1 to size / 2
} ub_stft_settings;

/** sqrt-Hann, 4096 samples, hop 1024. */
UB_API ub_stft_settings ub_stft_settings_default(void);

/** @return UB_OK or UB_BAD_SETTING with the reason. */
UB_API UB_MUST_USE ub_status ub_stft_settings_check(const ub_stft_settings *settings,
                                                    ub_message *why);

/**
   The settings whose window is nearest to `window_ms` at this sample rate and which FFTW does
   fast and without allocating: size a multiple of 2 * overlap with factors 2, 3, 5, 7 only.

   @param window_ms  Window length in milliseconds, > 0.
   @param overlap    Frames that cover a sample: hop = size / overlap. 2 to 64.
*/
UB_API ub_stft_settings ub_stft_settings_for(ub_window window, double window_ms, size_t overlap,
                                             double rate_hz);

/**
   Plan a transform. The object is read-only afterwards: any number of threads may use it at
   once, each with work space of its own. FFTW's planner is called here and in ub_stft_free()
   under FFTW's own lock; never on the audio thread.

   @return UB_OK, UB_BAD_SETTING, UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_stft_new(const ub_stft_settings *settings, ub_stft **out,
                                         ub_message *why);

/** Free a transform. NULL is fine. */
UB_API void ub_stft_free(ub_stft *stft);

/** The settings it was made with. */
UB_API UB_RT const ub_stft_settings *ub_stft_get_settings(const ub_stft *stft);

/** Bins of a frame: size / 2 + 1, rounded down. */
UB_API UB_RT size_t ub_stft_n_bins(const ub_stft *stft);

/** Frames that cover `n_samples` samples: ceil((n_samples + size - hop) / hop), 0 for none. */
UB_API UB_RT size_t ub_stft_n_frames(const ub_stft *stft, size_t n_samples);

/** Floats of work space that the frame functions need, from ub_stft_work_new(). */
UB_API UB_RT size_t ub_stft_work_size(const ub_stft *stft);

/** Work space for one thread, aligned as the transform wants it; free with ub_stft_work_free(). */
UB_API UB_MUST_USE ub_status ub_stft_work_new(const ub_stft *stft, float **out);

/** NULL is fine. */
UB_API void ub_stft_work_free(float *work);

/**
   Window and transform one frame.

   @param samples   `size` contiguous samples of one channel. Not changed.
   @param work      Work space of this thread.
   @param spectrum  n_bins complex numbers, any alignment.
*/
UB_API UB_RT void ub_stft_analyse_frame(const ub_stft *stft, const float *samples, float *work,
                                        float complex *spectrum);

/**
   Invert one frame, window it and add it to `samples` (`size` contiguous samples of one channel).
   The imaginary part of the first bin is ignored, and that of the last when the size is even.
   `spectrum` is not changed.
*/
UB_API UB_RT void ub_stft_synthesise_frame(const ub_stft *stft, const float complex *spectrum,
                                           float *work, float *samples);

/**
   Copy the samples that frame `frame` looks at into `samples` (`size` of them), with zeros where
   the signal (length n_samples) has none.
*/
UB_API UB_RT void ub_stft_gather_frame(const ub_stft *stft, const float *signal, size_t n_samples,
                                       size_t frame, float *samples);

/** The magnitudes |spectrum[i]|, computed so that they neither overflow nor lose small values
    within the range of 24-bit audio. */
UB_API UB_RT void ub_stft_magnitude(const float complex *spectrum, size_t n_bins, float *magnitude);

#endif
