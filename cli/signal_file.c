// SPDX-License-Identifier: GPL-3.0-or-later
#include "signal_file.h"
#include "audio_file.h"

#include <stdlib.h>
#include <string.h>

ub_status signal_file_silence(size_t n_channels, size_t n_samples, unsigned rate_hz,
                              struct signal_file *out, ub_message *why)
{
    float **channels = calloc(n_channels, sizeof *channels);
    float *block = n_samples < SIZE_MAX / sizeof(float) / n_channels
                       ? calloc(n_channels * n_samples + 1, sizeof *block)
                       : NULL;
    if (!channels || !block) {
        free(channels);
        free(block);
        return ub_fail(why, UB_NO_MEMORY, "does not fit into memory; score a shorter excerpt");
    }
    for (size_t c = 0; c < n_channels; c++) {
        channels[c] = block + c * n_samples;
    }
    *out = (struct signal_file){channels, n_channels, n_samples, rate_hz};
    return UB_OK;
}

ub_status signal_file_load(const char *path, struct signal_file *out, ub_message *why)
{
    struct audio_file *file;
    ub_status status = audio_file_open(path, &file, why);
    if (status) {
        return status;
    }
    const struct audio_info *info = audio_file_info(file);
    struct signal_file signal;
    status = signal_file_silence(info->n_channels, info->n_samples, info->rate_hz, &signal, why);
    if (!status) {
        status = audio_file_read(file, 0, info->n_samples, signal.channels, why);
        if (status) {
            signal_file_free(&signal);
        } else {
            *out = signal;
        }
    }
    audio_file_close(file);
    return status;
}

static void average_channels(const struct signal_file *from, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (size_t c = 0; c < from->n_channels; c++) {
            sum += (double)from->channels[c][i];
        }
        to[i] = (float)(sum / (double)from->n_channels);
    }
}

ub_status signal_file_fit(struct signal_file *signal, size_t n_channels, size_t n_samples,
                          ub_message *why)
{
    if (signal->n_channels == n_channels && signal->n_samples == n_samples) {
        return UB_OK;
    }
    if (signal->n_channels != n_channels && signal->n_channels != 1 && n_channels != 1) {
        return ub_fail(why, UB_BAD_SHAPE, "has %zu channels, the references %zu; make them alike",
                       signal->n_channels, n_channels);
    }
    struct signal_file fitted;
    const ub_status status =
        signal_file_silence(n_channels, n_samples, signal->rate_hz, &fitted, why);
    if (status) {
        return status;
    }
    const size_t n = signal->n_samples < n_samples ? signal->n_samples : n_samples;
    for (size_t c = 0; c < n_channels; c++) {
        const float *from = signal->channels[signal->n_channels == 1 ? 0 : c];
        if (signal->n_channels > n_channels) {
            average_channels(signal, n, fitted.channels[c]);
        } else {
            memcpy(fitted.channels[c], from, n * sizeof *from);
        }
    }
    signal_file_free(signal);
    *signal = fitted;
    return UB_OK;
}

void signal_file_free(struct signal_file *signal)
{
    if (signal->channels) {
        free(signal->channels[0]);
        free(signal->channels);
    }
    *signal = (struct signal_file){0};
}
