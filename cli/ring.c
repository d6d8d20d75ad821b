// SPDX-License-Identifier: GPL-3.0-or-later
// Each position is written by one thread only and counts on for ever; its place is its remainder by
// the size, a power of two, so that running over does no harm.
#include "ring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ring {
    float *samples; // signal after signal
    size_t n_signals, size;
    atomic_size_t n_written, n_released;
};

struct ring *ring_new(size_t n_signals, size_t n_frames)
{
    size_t size = 1;
    while (size < n_frames && size <= SIZE_MAX / 2) {
        size *= 2;
    }
    struct ring *ring = calloc(1, sizeof *ring);
    if (!ring || size < n_frames || n_signals > SIZE_MAX / sizeof(float) / size) {
        free(ring);
        return NULL;
    }
    ring->n_signals = n_signals;
    ring->size = size;
    ring->samples = malloc(n_signals * size * sizeof(float));
    if (!ring->samples) {
        free(ring);
        return NULL;
    }
    // Touched now, so that the audio thread does not wait for pages.
    memset(ring->samples, 0, n_signals * size * sizeof(float));
    atomic_init(&ring->n_written, 0);
    atomic_init(&ring->n_released, 0);
    return ring;
}

void ring_free(struct ring *ring)
{
    if (ring) {
        free(ring->samples);
        free(ring);
    }
}

size_t ring_room(const struct ring *ring)
{
    const size_t n_written = atomic_load_explicit(&ring->n_written, memory_order_relaxed);
    return ring->size - (n_written - atomic_load_explicit(&ring->n_released, memory_order_acquire));
}

static void put(float *to, const float *from, size_t n)
{
    if (from) {
        memcpy(to, from, n * sizeof *to);
    } else {
        memset(to, 0, n * sizeof *to);
    }
}

void ring_write(struct ring *ring, const float *const *signals, size_t n)
{
    const size_t n_written = atomic_load_explicit(&ring->n_written, memory_order_relaxed);
    const size_t at = n_written & (ring->size - 1);
    const size_t n_first = n < ring->size - at ? n : ring->size - at;
    for (size_t i = 0; i < ring->n_signals; i++) {
        float *signal = ring->samples + i * ring->size;
        put(signal + at, signals ? signals[i] : NULL, n_first);
        put(signal, signals ? signals[i] + n_first : NULL, n - n_first);
    }
    atomic_store_explicit(&ring->n_written, n_written + n, memory_order_release);
}

size_t ring_read(const struct ring *ring, const float **signals)
{
    const size_t n_released = atomic_load_explicit(&ring->n_released, memory_order_relaxed);
    const size_t n = atomic_load_explicit(&ring->n_written, memory_order_acquire) - n_released;
    const size_t at = n_released & (ring->size - 1);
    for (size_t i = 0; i < ring->n_signals; i++) {
        signals[i] = ring->samples + i * ring->size + at;
    }
    return n < ring->size - at ? n : ring->size - at;
}

void ring_release(struct ring *ring, size_t n)
{
    const size_t n_released = atomic_load_explicit(&ring->n_released, memory_order_relaxed);
    atomic_store_explicit(&ring->n_released, n_released + n, memory_order_release);
}
