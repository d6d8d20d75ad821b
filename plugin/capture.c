// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Memory that the system has really handed out: the audio thread must not be the first to touch it.
static float *touched(size_t n)
{
    float *memory = malloc(n * sizeof *memory);
    volatile float *touch = memory;
    for (size_t i = 0; memory && i < n; i += 256) {
        touch[i] = 0.0f;
    }
    return memory;
}

bool capture_new(capture *c, size_t n_channels, size_t capacity)
{
    *c = (capture){.n_channels = n_channels, .capacity = capacity};
    bool is_whole = true;
    for (size_t h = 0; h < 2; h++) {
        atomic_init(&c->halves[h].is_away, false);
        for (size_t i = 0; i < n_channels; i++) {
            c->halves[h].channels[i] = touched(capacity);
            is_whole = is_whole && c->halves[h].channels[i];
        }
    }
    return is_whole;
}

void capture_free(capture *c)
{
    for (size_t h = 0; h < 2; h++) {
        for (size_t i = 0; i < MAX_CHANNELS; i++) {
            free(c->halves[h].channels[i]);
        }
    }
}

size_t capture_room(const capture *c)
{
    const capture_half *half = &c->halves[c->filling];
    return atomic_load_explicit(&half->is_away, memory_order_acquire)
               ? 0
               : c->capacity - half->n_samples;
}

void capture_write(capture *c, const float *const *in, size_t first, size_t n)
{
    if (n == 0) { // the half may be the worker's
        return;
    }
    capture_half *half = &c->halves[c->filling];
    for (size_t i = 0; i < c->n_channels; i++) {
        float *to = half->channels[i] + half->n_samples;
        for (size_t k = 0; k < n; k++) {
            const float x = in[i][first + k];
            to[k] = isfinite(x) ? x : 0.0f;
        }
    }
    half->n_samples += n;
}

size_t capture_send(capture *c)
{
    const size_t half = c->filling;
    c->filling = 1 - half;
    atomic_store_explicit(&c->halves[half].is_away, true, memory_order_release);
    return half;
}

void capture_keep(capture *c, size_t half)
{
    c->filling = half;
    atomic_store_explicit(&c->halves[half].is_away, false, memory_order_relaxed);
}

void capture_give_back(capture *c, size_t half)
{
    c->halves[half].n_samples = 0;
    atomic_store_explicit(&c->halves[half].is_away, false, memory_order_release);
}
