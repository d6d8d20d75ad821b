// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/stft.h"
#include "fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 4, LARGEST = 1 << 20 };

struct ub_stft {
    ub_stft_settings settings;
    ub_fft *fft;
    float *analysis;
    float *synthesis; // divided by the size, which the inverse transform multiplies by
};

ub_stft_settings ub_stft_settings_default(void)
{
    return (ub_stft_settings){
        .window = UB_WINDOW_SQRT_HANN, .size_samples = 4096, .hop_samples = 1024};
}

ub_status ub_stft_settings_check(const ub_stft_settings *settings, ub_message *why)
{
    const size_t size = settings->size_samples, hop = settings->hop_samples;
    if (!ub_window_name(settings->window)) {
        return ub_fail(why, UB_BAD_SETTING, "there is no window number %d", (int)settings->window);
    }
    if (size < SMALLEST || size > LARGEST || !ub_fft_size_is_good(size)) {
        return ub_fail(
            why, UB_BAD_SETTING,
            "a window of %zu samples cannot be transformed; it must be from %d to %d, and "
            "a product of 2, 3, 5 and 7",
            size, SMALLEST, LARGEST);
    }
    if (hop < 1 || hop > size / 2) {
        return ub_fail(why, UB_BAD_SETTING, "the hop is %zu samples, but must be from 1 to %zu",
                       hop, size / 2);
    }
    return UB_OK;
}

ub_stft_settings ub_stft_settings_for(ub_window window, double window_ms, size_t overlap,
                                      double rate_hz)
{
    const double wanted = window_ms * rate_hz / 1000.0;
    const size_t step = 2 * (overlap < 2 ? 2 : overlap > 64 ? 64 : overlap);
    size_t best = 0;
    double best_distance = INFINITY;
    // Sizes go up by 2 overlap; ratios of good ones are near one, so the search is short.
    for (size_t size = step; size <= LARGEST; size += step) {
        const double distance = fabs((double)size - wanted);
        if (ub_fft_size_is_good(size) && distance < best_distance) {
            best = size;
            best_distance = distance;
        }
        if ((double)size - wanted > best_distance) {
            break;
        }
    }
    return (ub_stft_settings){
        .window = window, .size_samples = best, .hop_samples = best / (step / 2)};
}

ub_status ub_stft_new(const ub_stft_settings *settings, ub_stft **out, ub_message *why)
{
    ub_status status = ub_stft_settings_check(settings, why);
    if (status) {
        return status;
    }
    const size_t size = settings->size_samples;
    ub_stft *stft = calloc(1, sizeof *stft);
    if (!stft) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a transform of %zu samples", size);
    }
    stft->settings = *settings;
    stft->analysis = malloc(size * sizeof *stft->analysis);
    stft->synthesis = malloc(size * sizeof *stft->synthesis);
    if (!stft->analysis || !stft->synthesis || ub_fft_new(size, &stft->fft)) {
        ub_stft_free(stft);
        return ub_fail(why, UB_NO_MEMORY, "no memory for a transform of %zu samples", size);
    }
    status = ub_window_fill(settings->window, size, settings->hop_samples, stft->analysis,
                            stft->synthesis, why);
    if (status) {
        ub_stft_free(stft);
        return status;
    }
    for (size_t n = 0; n < size; n++) {
        stft->synthesis[n] /= (float)size;
    }
    *out = stft;
    return UB_OK;
}

void ub_stft_free(ub_stft *stft)
{
    if (stft) {
        ub_fft_free(stft->fft);
        free(stft->analysis);
        free(stft->synthesis);
        free(stft);
    }
}

const ub_stft_settings *ub_stft_get_settings(const ub_stft *stft)
{
    return &stft->settings;
}

size_t ub_stft_n_bins(const ub_stft *stft)
{
    return stft->settings.size_samples / 2 + 1;
}

size_t ub_stft_n_frames(const ub_stft *stft, size_t n_samples)
{
    const size_t hop = stft->settings.hop_samples;
    const size_t lead = stft->settings.size_samples - hop;
    // (n_samples + lead) / hop, rounded up, without overflow.
    return n_samples ? n_samples / hop + (n_samples % hop + lead + hop - 1) / hop : 0;
}

size_t ub_stft_work_size(const ub_stft *stft)
{
    return ub_fft_work_size(stft->fft);
}

ub_status ub_stft_work_new(const ub_stft *stft, float **out)
{
    return ub_fft_work_new(stft->fft, out);
}

void ub_stft_work_free(float *work)
{
    ub_fft_work_free(work);
}

void ub_stft_analyse_frame(const ub_stft *stft, const float *samples, float *work,
                           float complex *spectrum)
{
    float *signal = ub_fft_signal(stft->fft, work);
    const float *window = stft->analysis;
    for (size_t n = 0; n < stft->settings.size_samples; n++) {
        signal[n] = window[n] * samples[n];
    }
    ub_fft_forward(stft->fft, work);
    memcpy(spectrum, ub_fft_spectrum(stft->fft, work), ub_stft_n_bins(stft) * sizeof *spectrum);
}

void ub_stft_synthesise_frame(const ub_stft *stft, const float complex *spectrum, float *work,
                              float *samples)
{
    memcpy(ub_fft_spectrum(stft->fft, work), spectrum, ub_stft_n_bins(stft) * sizeof *spectrum);
    ub_fft_inverse(stft->fft, work);
    const float *signal = ub_fft_signal(stft->fft, work);
    const float *window = stft->synthesis;
    for (size_t n = 0; n < stft->settings.size_samples; n++) {
        samples[n] += window[n] * signal[n];
    }
}

void ub_stft_gather_frame(const ub_stft *stft, const float *signal, size_t n_samples, size_t frame,
                          float *samples)
{
    const size_t size = stft->settings.size_samples, hop = stft->settings.hop_samples;
    const size_t lead = size - hop, start = frame * hop;
    for (size_t n = 0; n < size; n++) {
        // Position in the signal plus the lead of zeros before it.
        const size_t at = start + n;
        samples[n] = at >= lead && at - lead < n_samples ? signal[at - lead] : 0.0f;
    }
}

void ub_stft_magnitude(const float complex *spectrum, size_t n_bins, float *magnitude)
{
    const float *parts = (const float *)spectrum;
    for (size_t i = 0; i < n_bins; i++) {
        const float re = parts[2 * i], im = parts[2 * i + 1];
        magnitude[i] = sqrtf(re * re + im * im);
    }
}
