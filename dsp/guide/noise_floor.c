// SPDX-License-Identifier: GPL-3.0-or-later
#include "noise_floor.h"

#include <math.h>
#include <string.h>

static void smooth(const ub_matrix *magnitudes, double time_constant, ub_matrix *powers)
{
    const size_t n_bins = powers->n_rows, n_frames = powers->n_cols;
    const float keep = time_constant > 0.0 ? (float)exp(-1.0 / time_constant) : 0.0f;
    for (size_t t = 0; t < n_frames; t++) {
        const float *v = ub_matrix_column(magnitudes, t);
        const float *before = ub_matrix_column(powers, t ? t - 1 : 0);
        float *p = ub_matrix_column(powers, t);
        for (size_t f = 0; f < n_bins; f++) {
            p[f] = t ? keep * before[f] + (1.0f - keep) * v[f] * v[f] : v[f] * v[f];
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

static void share_frame(const float *v, const float *start, const float *end, float bias,
                        size_t n_bins, float *share)
{
    for (size_t f = 0; f < n_bins; f++) {
        const float noise = bias * (start[f] < end[f] ? start[f] : end[f]), power = v[f] * v[f];
        share[f] = power > noise ? (power - noise) / power : 0.0f;
    }
}

ub_status ub_noise_floor_share(const ub_matrix *magnitudes, const ub_noise_floor_settings *settings,
                               ub_matrix *share)
{
    const size_t n_bins = magnitudes->n_rows, n_frames = magnitudes->n_cols;
    const size_t reach = settings->reach_frames;
    ub_matrix powers = {0}, forward = {0};
    ub_status status = ub_matrix_new(n_bins, n_frames, &powers);
    status = status ? status : ub_matrix_new(n_bins, n_frames, &forward);
    if (!status && n_frames > 0) {
        smooth(magnitudes, settings->smoothing_frames, &powers);
        running_minimum(reach, &forward, &powers);
    }
    for (size_t t = 0; !status && t < n_frames; t++) {
        const float *start, *end;
        find_window(t, reach, &forward, &powers, &start, &end);
        share_frame(ub_matrix_column(magnitudes, t), start, end, (float)settings->bias, n_bins,
                    ub_matrix_column(share, t));
    }
    ub_matrix_free(&powers);
    ub_matrix_free(&forward);
    return status;
}
