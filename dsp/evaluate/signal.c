// SPDX-License-Identifier: GPL-3.0-or-later
#include "signal.h"

#include <string.h>

static void add(const ub_score_signal *signal, size_t channel, size_t first, size_t n, double *out)
{
    for (size_t p = 0; p < signal->n_parts; p++) {
        const float *samples = signal->parts[p][channel] + first;
        for (size_t i = 0; i < n; i++) {
            out[i] += (double)samples[i];
        }
    }
}

void ub_score_signal_read(const ub_score_signal *signal, size_t channel, size_t first, size_t n,
                          double *out)
{
    memset(out, 0, n * sizeof *out);
    add(signal, channel, first, n, out);
}

void ub_score_signal_read_mono(const ub_score_signal *signal, size_t lead, size_t first, size_t n,
                               double *out)
{
    memset(out, 0, n * sizeof *out);
    const size_t skipped = first < lead ? lead - first : 0;
    const size_t at = first > lead ? first - lead : 0;
    if (skipped >= n || at >= signal->n_samples) {
        return;
    }
    const size_t left = signal->n_samples - at;
    const size_t n_inside = n - skipped < left ? n - skipped : left;
    for (size_t c = 0; c < signal->n_channels; c++) {
        add(signal, c, at, n_inside, out + skipped);
    }
    for (size_t i = skipped; i < skipped + n_inside; i++) {
        out[i] = out[i] / (double)signal->n_channels + 1e-9;
    }
}
