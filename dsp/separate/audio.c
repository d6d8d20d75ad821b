// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/separate.h"

#include <string.h>

static ub_status read_memory(void *context, size_t first, size_t n, float *const *channels,
                             ub_message *why)
{
    (void)why;
    const ub_planar *planar = context;
    for (size_t c = 0; c < planar->n_channels; c++) {
        memcpy(channels[c], planar->channels[c] + first, n * sizeof(float));
    }
    return UB_OK;
}

ub_audio ub_audio_in_memory(const ub_planar *planar, double rate_hz)
{
    return (ub_audio){
        .n_channels = planar->n_channels,
        .n_samples = planar->n_samples,
        .rate_hz = rate_hz,
        .read = read_memory,
        .context = (void *)(uintptr_t)planar,
    };
}

static ub_status read_span(void *context, size_t first, size_t n, float *const *channels,
                           ub_message *why)
{
    const ub_audio_span *span = context;
    return span->audio->read(span->audio->context, span->first + first, n, channels, why);
}

ub_audio ub_audio_of_span(const ub_audio_span *span)
{
    return (ub_audio){
        .n_channels = span->audio->n_channels,
        .n_samples = span->n_samples,
        .rate_hz = span->audio->rate_hz,
        .read = read_span,
        .context = (void *)(uintptr_t)span,
    };
}
