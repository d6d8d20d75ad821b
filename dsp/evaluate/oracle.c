// SPDX-License-Identifier: GPL-3.0-or-later
#include "oracle.h"
#include "unbraid/mask.h"
#include "unbraid/stft.h"

#include <stdlib.h>
#include <string.h>

void ub_signals_free(ub_signals *signals)
{
    free(signals->memory);
    free(signals->channels);
    free(signals->sources);
    *signals = (ub_signals){0};
}

ub_status ub_signals_new(size_t n_sources, size_t n_channels, size_t n_samples, ub_signals *out)
{
    const size_t n = n_sources * n_channels;
    ub_signals signals = {
        .n_sources = n_sources,
        .n_channels = n_channels,
        .n_samples = n_samples,
        .memory = calloc(n * n_samples + 1, sizeof *signals.memory),
        .channels = calloc(n, sizeof *signals.channels),
        .sources = calloc(n_sources, sizeof *signals.sources),
    };
    if (!signals.memory || !signals.channels || !signals.sources) {
        ub_signals_free(&signals);
        return UB_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        signals.channels[i] = signals.memory + i * n_samples;
    }
    for (size_t j = 0; j < n_sources; j++) {
        signals.sources[j] = (const float *const *)(signals.channels + j * n_channels);
    }
    *out = signals;
    return UB_OK;
}

typedef struct oracle {
    const ub_score_input *input;
    ub_stft *stft;
    size_t size, hop, n_bins;
    float *work, *samples;
    float *masks; // a row per source
    float complex *spectra; // a row per source; the mix behind them
    float complex *masked;
    ub_signals sums; // overlap-add of one channel: as long as the frames reach
} oracle;

static void oracle_free(oracle *o)
{
    ub_stft_work_free(o->work);
    ub_stft_free(o->stft);
    free(o->samples);
    free(o->masks);
    free(o->spectra);
    free(o->masked);
    ub_signals_free(&o->sums);
}

static ub_status oracle_new(const ub_score_input *input, oracle *o)
{
    const ub_stft_settings settings =
        ub_stft_settings_for(UB_WINDOW_SQRT_HANN, 93.0, 4, input->rate_hz);
    *o = (oracle){.input = input, .size = settings.size_samples, .hop = settings.hop_samples};
    if (ub_stft_new(&settings, &o->stft, NULL) || ub_stft_work_new(o->stft, &o->work)) {
        return UB_NO_MEMORY;
    }
    o->n_bins = ub_stft_n_bins(o->stft);
    const size_t reach = ub_stft_n_frames(o->stft, input->n_samples) * o->hop + o->size;
    o->samples = malloc(o->size * sizeof *o->samples);
    o->masks = malloc(input->n_sources * o->n_bins * sizeof *o->masks);
    o->spectra = malloc((input->n_sources + 1) * o->n_bins * sizeof *o->spectra);
    o->masked = malloc(o->n_bins * sizeof *o->masked);
    return o->samples && o->masks && o->spectra && o->masked
               ? ub_signals_new(input->n_sources, 1, reach, &o->sums)
               : UB_NO_MEMORY;
}

// Spectra of all sources and their sum, and the power ratio masks.
static void analyse(oracle *o, size_t channel, size_t frame)
{
    const size_t n_sources = o->input->n_sources, n_bins = o->n_bins;
    float complex *mix = o->spectra + n_sources * n_bins;
    memset(mix, 0, n_bins * sizeof *mix);
    for (size_t j = 0; j < n_sources; j++) {
        float complex *spectrum = o->spectra + j * n_bins;
        ub_stft_gather_frame(o->stft, o->input->references[j][channel], o->input->n_samples, frame,
                             o->samples);
        ub_stft_analyse_frame(o->stft, o->samples, o->work, spectrum);
        ub_stft_magnitude(spectrum, n_bins, o->masks + j * n_bins);
        for (size_t f = 0; f < n_bins; f++) {
            mix[f] += spectrum[f];
        }
    }
    for (size_t f = 0; f < n_bins; f++) {
        double sum = 1e-30;
        for (size_t j = 0; j < n_sources; j++) {
            const double magnitude = (double)o->masks[j * n_bins + f];
            sum += magnitude * magnitude;
        }
        for (size_t j = 0; j < n_sources; j++) {
            const double magnitude = (double)o->masks[j * n_bins + f];
            o->masks[j * n_bins + f] = (float)(magnitude * magnitude / sum);
        }
    }
}

static void synthesise(oracle *o, size_t frame)
{
    const float complex *mix = o->spectra + o->input->n_sources * o->n_bins;
    for (size_t j = 0; j < o->input->n_sources; j++) {
        ub_mask_apply_frame(o->masks + j * o->n_bins, mix, o->n_bins, o->masked);
        ub_stft_synthesise_frame(o->stft, o->masked, o->work, o->sums.channels[j] + frame * o->hop);
    }
}

static ub_status run(oracle *o, const ub_progress *progress, ub_signals *out)
{
    const ub_score_input *input = o->input;
    const size_t n_frames = ub_stft_n_frames(o->stft, input->n_samples);
    const size_t lead = o->size - o->hop;
    for (size_t c = 0; c < input->n_channels; c++) {
        memset(o->sums.memory, 0, input->n_sources * o->sums.n_samples * sizeof(float));
        for (size_t t = 0; t < n_frames; t++) {
            const double done = ((double)c + (double)t / (double)n_frames);
            const ub_status status =
                ub_progress_report(progress, "oracle mask", done / (double)input->n_channels);
            if (status) {
                return status;
            }
            analyse(o, c, t);
            synthesise(o, t);
        }
        for (size_t j = 0; j < input->n_sources; j++) {
            memcpy(out->channels[j * input->n_channels + c], o->sums.channels[j] + lead,
                   input->n_samples * sizeof(float));
        }
    }
    return UB_OK;
}

ub_status ub_oracle_stems(const ub_score_input *input, const ub_progress *progress, ub_signals *out,
                          ub_message *why)
{
    oracle o = {0};
    ub_status status = oracle_new(input, &o);
    status = status ? status
                    : ub_signals_new(input->n_sources, input->n_channels, input->n_samples, out);
    if (status) {
        oracle_free(&o);
        return ub_fail(why, status, "no memory for the oracle's stems");
    }
    status = run(&o, progress, out);
    if (status) {
        ub_signals_free(out);
    }
    oracle_free(&o);
    return status;
}
