// SPDX-License-Identifier: GPL-3.0-or-later
#include "noise_floor.h"

#include <math.h>
#include <string.h>

// Speech that is there is taken to be 15 dB above the noise, as by Gerkmann and Hendriks, and to be
// there as often as not.
static const float RATIO_OF_SPEECH = 31.6f;
// Beyond, the exponential function has nothing left to tell.
static const float MOST_EXCESS = 200.0f;

ub_noise_floor_settings ub_noise_floor_settings_default(double frame_rate_hz)
{
    return (ub_noise_floor_settings){
        .smoothing_frames = 0.06 * frame_rate_hz, // shorter than a syllable
        .reach_frames = (size_t)(0.7 * frame_rate_hz + 0.5), // longer than most
        .bias = 2.0,
        .n_rounds = 6,
        .memory_frames = 0.45 * frame_rate_hz,
    };
}

// A first-order recursion forwards and backwards, in place.
static void smooth(double time_constant, ub_matrix *powers)
{
    const size_t n_bins = powers->n_rows, n_frames = powers->n_cols;
    const float keep = time_constant > 0.0 ? (float)exp(-1.0 / time_constant) : 0.0f;
    for (size_t t = 1; t < n_frames; t++) {
        const float *before = ub_matrix_column(powers, t - 1);
        float *p = ub_matrix_column(powers, t);
        for (size_t f = 0; f < n_bins; f++) {
            p[f] = keep * before[f] + (1.0f - keep) * p[f];
        }
    }
    for (size_t t = n_frames; t-- > 1;) {
        const float *after = ub_matrix_column(powers, t);
        float *p = ub_matrix_column(powers, t - 1);
        for (size_t f = 0; f < n_bins; f++) {
            p[f] = keep * after[f] + (1.0f - keep) * p[f];
        }
    }
}

static void square(const ub_matrix *magnitudes, ub_matrix *powers)
{
    for (size_t t = 0; t < powers->n_cols; t++) {
        const float *v = ub_matrix_column(magnitudes, t);
        float *p = ub_matrix_column(powers, t);
        for (size_t f = 0; f < powers->n_rows; f++) {
            p[f] = v[f] * v[f];
        }
    }
}

static void keep_lower(const float *other, size_t n, float *least)
{
    for (size_t f = 0; f < n; f++) {
        least[f] = other[f] < least[f] ? other[f] : least[f];
    }
}

// The running minimum over 2 r + 1 frames by blocks of as many (van Herk 1992): from a block's
// start up to a frame, in `forward`, and from the frame to the block's end, in place. Every window
// is the end of one block and the start of the next.
static void running_minimum(size_t reach, ub_matrix *forward, ub_matrix *powers)
{
    const size_t n_bins = powers->n_rows, n_frames = powers->n_cols, block = 2 * reach + 1;
    for (size_t t = 0; t < n_frames; t++) {
        float *now = ub_matrix_column(forward, t);
        memcpy(now, ub_matrix_column(powers, t), n_bins * sizeof *now);
        if (t % block > 0) {
            keep_lower(ub_matrix_column(forward, t - 1), n_bins, now);
        }
    }
    for (size_t t = n_frames; t-- > 1;) {
        if (t % block > 0) {
            keep_lower(ub_matrix_column(powers, t), n_bins, ub_matrix_column(powers, t - 1));
        }
    }
}

// Two columns whose lower one is the minimum of the window around a frame. The windows at both ends
// of the stretch are shorter, and may lie within one block: the first then begins with it, and the
// last ends with it.
static void find_window(size_t t, size_t reach, const ub_matrix *forward, const ub_matrix *backward,
                        const float **start, const float **end)
{
    const size_t n_frames = forward->n_cols, block = 2 * reach + 1;
    const size_t first = t > reach ? t - reach : 0;
    const size_t last = n_frames - t > reach ? t + reach : n_frames - 1;
    *start = ub_matrix_column(backward, first);
    *end = ub_matrix_column(forward, last);
    if (first / block == last / block) {
        *start = *end = last + 1 == n_frames ? *start : *end;
    }
}

static void raise_minima(const ub_matrix *forward, const ub_matrix *backward, size_t reach,
                         float bias, ub_matrix *noise)
{
    for (size_t t = 0; t < noise->n_cols; t++) {
        const float *start, *end;
        find_window(t, reach, forward, backward, &start, &end);
        float *n = ub_matrix_column(noise, t);
        for (size_t f = 0; f < noise->n_rows; f++) {
            n[f] = bias * (start[f] < end[f] ? start[f] : end[f]);
        }
    }
}

// What counts as noise (Gerkmann, Hendriks, equations 18 and 22): the power, as far as there is no
// speech, and the noise that was thought of, as far as there is.
static void weigh_frame(const float *v, size_t n_bins, float *noise)
{
    const float slope = RATIO_OF_SPEECH / (1.0f + RATIO_OF_SPEECH);
    for (size_t f = 0; f < n_bins; f++) {
        const float power = v[f] * v[f];
        const float excess = power < MOST_EXCESS * noise[f] ? power / noise[f] : MOST_EXCESS;
        const float no_speech = (1.0f + RATIO_OF_SPEECH) * expf(-slope * excess);
        const float speech = 1.0f / (1.0f + no_speech);
        noise[f] = (1.0f - speech) * power + speech * noise[f];
    }
}

static void weigh(const ub_matrix *magnitudes, const ub_noise_floor_settings *settings,
                  ub_matrix *noise)
{
    for (size_t round = 0; round < settings->n_rounds; round++) {
        for (size_t t = 0; t < noise->n_cols; t++) {
            weigh_frame(ub_matrix_column(magnitudes, t), noise->n_rows, ub_matrix_column(noise, t));
        }
        smooth(settings->memory_frames, noise);
    }
}

ub_status ub_noise_floor_find(const ub_matrix *magnitudes, const ub_noise_floor_settings *settings,
                              ub_matrix *noise)
{
    const size_t n_bins = magnitudes->n_rows, n_frames = magnitudes->n_cols;
    ub_matrix powers = {0}, forward = {0};
    ub_status status = ub_matrix_new(n_bins, n_frames, &powers);
    status = status ? status : ub_matrix_new(n_bins, n_frames, &forward);
    if (!status && n_frames > 0) {
        square(magnitudes, &powers);
        smooth(settings->smoothing_frames, &powers);
        running_minimum(settings->reach_frames, &forward, &powers);
        raise_minima(&forward, &powers, settings->reach_frames, (float)settings->bias, noise);
        weigh(magnitudes, settings, noise);
    }
    ub_matrix_free(&powers);
    ub_matrix_free(&forward);
    return status;
}
