// SPDX-License-Identifier: GPL-3.0-or-later
#include "front.h"
#include "ground/threads.h"
#include "unbraid/nmf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ub_status check(const ub_audio *audio, ub_message *why)
{
    if (audio->n_channels < 1 || audio->n_channels > UB_NMF_MAX_CHANNELS) {
        return ub_fail(why, UB_BAD_SHAPE, "%zu channels, but 1 to %d are supported",
                       audio->n_channels, UB_NMF_MAX_CHANNELS);
    }
    if (!(audio->rate_hz >= 1000.0 && audio->rate_hz <= 1e6)) {
        return ub_fail(why, UB_BAD_VALUE, "a sample rate of %g Hz is not supported",
                       audio->rate_hz);
    }
    return UB_OK;
}

void ub_front_free(ub_front *front)
{
    ub_matrix_free(&front->samples);
    for (size_t i = 0; i < front->n_threads; i++) {
        if (front->work) {
            ub_stft_work_free(front->work[i]);
        }
        if (front->spectrum) {
            free(front->spectrum[i]);
        }
    }
    for (size_t c = 0; front->bands && c < front->audio->n_channels; c++) {
        ub_matrix_free(&front->bands[c]);
    }
    free(front->bands);
    ub_matrix_free(&front->spare);
    free(front->work);
    free(front->spectrum);
    *front = (ub_front){0};
}

static ub_status allocate_bands(ub_front *front, size_t n_frames)
{
    front->bands = calloc(front->audio->n_channels, sizeof *front->bands);
    ub_status status = ub_matrix_new(ub_stft_n_bins(front->stft), front->n_threads, &front->spare);
    status = front->bands ? status : UB_NO_MEMORY;
    for (size_t c = 0; !status && c < front->audio->n_channels; c++) {
        status = ub_matrix_new(front->context->bands.n_bands, n_frames, &front->bands[c]);
    }
    return status;
}

static ub_status allocate(ub_front *front)
{
    const ub_stft_settings *s = ub_stft_get_settings(front->stft);
    const size_t n_frames = front->n_lead + front->block_frames + front->n_trail;
    const size_t n = (n_frames - 1) * s->hop_samples + s->size_samples;
    if (front->context && allocate_bands(front, n_frames)) {
        return UB_NO_MEMORY;
    }
    front->work = calloc(front->n_threads, sizeof *front->work);
    front->spectrum = calloc(front->n_threads, sizeof *front->spectrum);
    if (!front->work || !front->spectrum ||
        ub_matrix_new(n, front->audio->n_channels, &front->samples)) {
        return UB_NO_MEMORY;
    }
    for (size_t i = 0; i < front->n_threads; i++) {
        front->spectrum[i] = calloc(ub_stft_n_bins(front->stft), sizeof(float complex));
        if (!front->spectrum[i] || ub_stft_work_new(front->stft, &front->work[i])) {
            return UB_NO_MEMORY;
        }
    }
    return UB_OK;
}

ub_status ub_front_new(const ub_audio *audio, const ub_stft *stft, const ub_context *context,
                       size_t block_frames, size_t n_threads, ub_front *out, ub_message *why)
{
    ub_status status = check(audio, why);
    if (status) {
        return status;
    }
    ub_front front = {
        .audio = audio,
        .stft = stft,
        .context = context,
        .n_lead = context ? context->n_before * context->step : 0,
        .n_trail = context ? context->n_after * context->step : 0,
        .n_frames = ub_stft_n_frames(stft, audio->n_samples),
        .block_frames = block_frames,
        .n_threads = n_threads,
        .scale = 4.0f / (float)ub_stft_get_settings(stft)->size_samples,
    };
    status = allocate(&front);
    if (status) {
        ub_front_free(&front);
        return ub_fail(why, status, "no memory to read the audio");
    }
    *out = front;
    return UB_OK;
}

// Samples [first, first + n) of the audio, as they were read.
static ub_status check_samples(const ub_front *front, float *const *channels, size_t first,
                               size_t n, ub_message *why)
{
    for (size_t c = 0; c < front->audio->n_channels; c++) {
        for (size_t i = 0; i < n; i++) {
            // Magnitudes and their sums must stay far from the end of the range.
            if (!(fabsf(channels[c][i]) <= 1e12f)) {
                return ub_fail(why, UB_BAD_VALUE,
                               "a sample at %.3f s is NaN, infinite or larger than 1e12",
                               (double)(first + i) / front->audio->rate_hz);
            }
        }
    }
    return UB_OK;
}

ub_scene ub_front_scene(const ub_front *front, const ub_settings *settings,
                        const ub_matrix *spectra)
{
    const ub_stft_settings *stft = ub_stft_get_settings(front->stft);
    return (ub_scene){.spectra = spectra,
                      .n_channels = front->audio->n_channels,
                      .rate_hz = front->audio->rate_hz,
                      .size_samples = stft->size_samples,
                      .hop_samples = stft->hop_samples,
                      .n_frames = front->n_frames,
                      .settings = settings,
                      .n_threads = front->n_threads};
}

ub_status ub_front_read(ub_front *front, size_t first, size_t n, ub_message *why)
{
    const ub_stft_settings *s = ub_stft_get_settings(front->stft);
    // Zeros before the first sample.
    const size_t lead = s->size_samples - s->hop_samples + front->n_lead * s->hop_samples;
    const size_t n_frames = front->n_lead + n + front->n_trail;
    const size_t length = (n_frames - 1) * s->hop_samples + s->size_samples;
    const size_t start = first * s->hop_samples; // in a signal with the lead before it
    const size_t from = start > lead ? start - lead : 0;
    const size_t skip = start > lead ? 0 : lead - start;
    const size_t total = front->audio->n_samples;
    size_t n_read = skip < length ? length - skip : 0;
    n_read = from < total ? (n_read < total - from ? n_read : total - from) : 0;
    float *channels[UB_NMF_MAX_CHANNELS];
    for (size_t c = 0; c < front->audio->n_channels; c++) {
        float *samples = ub_matrix_column(&front->samples, c);
        memset(samples, 0, length * sizeof *samples);
        channels[c] = samples + skip;
    }
    if (n_read == 0) {
        return UB_OK;
    }
    const ub_status status = front->audio->read(front->audio->context, from, n_read, channels, why);
    return status ? status : check_samples(front, channels, from, n_read, why);
}

size_t ub_front_n_rows(const ub_front *front)
{
    const size_t n_bins = ub_stft_n_bins(front->stft);
    return front->context ? ub_context_rows(front->context, n_bins) : n_bins;
}

// Frame `frame` of all that was read: those before the block come first.
static void analyse(const ub_front *front, size_t channel, size_t frame, float *magnitude)
{
    const size_t n_bins = ub_stft_n_bins(front->stft), thread = ub_thread_index();
    const size_t hop = ub_stft_get_settings(front->stft)->hop_samples;
    ub_stft_analyse_frame(front->stft, ub_matrix_column(&front->samples, channel) + frame * hop,
                          front->work[thread], front->spectrum[thread]);
    ub_stft_magnitude(front->spectrum[thread], n_bins, magnitude);
    for (size_t f = 0; f < n_bins; f++) {
        magnitude[f] *= front->scale;
    }
}

static void stack_neighbours(const ub_front *front, size_t channel, size_t frame, float *stack)
{
    const ub_context *context = front->context;
    const size_t n_bins = ub_stft_n_bins(front->stft);
    for (size_t i = 0; i < ub_context_frames(context); i++) {
        const ptrdiff_t at = (ptrdiff_t)(front->n_lead + frame) + ub_context_offset(context, i);
        memcpy(ub_context_of(context, n_bins, i, stack),
               ub_matrix_column(&front->bands[channel], (size_t)at),
               context->bands.n_bands * sizeof(float));
    }
}

void ub_front_magnitudes(ub_front *front, size_t n, ub_matrix *spectra, size_t to)
{
    const size_t n_channels = front->audio->n_channels;
    const size_t n_frames = front->n_lead + n + front->n_trail;
#pragma omp parallel num_threads((int)front->n_threads)
    {
#pragma omp for schedule(static)
        for (size_t i = 0; i < n_frames * n_channels; i++) {
            const size_t channel = i / n_frames, frame = i % n_frames;
            const bool is_own = frame >= front->n_lead && frame < front->n_lead + n;
            float *own = is_own ? ub_matrix_column(&spectra[channel], to + frame - front->n_lead)
                                : ub_matrix_column(&front->spare, ub_thread_index());
            analyse(front, channel, frame, own);
            if (front->context) {
                ub_bands_merge(&front->context->bands, own,
                               ub_matrix_column(&front->bands[channel], frame));
            }
        }
#pragma omp for schedule(static)
        for (size_t i = 0; i < (front->context ? n * n_channels : 0); i++) {
            stack_neighbours(front, i / n, i % n, ub_matrix_column(&spectra[i / n], to + i % n));
        }
    }
}
