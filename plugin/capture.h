// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Sound on its way from the audio thread to the worker: two halves, of which one is filled while
   the worker has the other. Whoever has a half alone touches what is in it.
*/
#ifndef UNBRAID_PLUGIN_CAPTURE_H
#define UNBRAID_PLUGIN_CAPTURE_H

#include "ports.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct capture_half {
    float *channels[MAX_CHANNELS];
    size_t n_samples;
    atomic_bool is_away; // the worker has it
} capture_half;

typedef struct capture {
    size_t n_channels, capacity; // samples of a half
    capture_half halves[2];
    size_t filling; // the half that is next
} capture;

/** @return false without memory; then, too, capture_free() is in order. */
bool capture_new(capture *c, size_t n_channels, size_t capacity);
void capture_free(capture *c);

// For the audio thread.

/** Room in the half that is being filled; 0 when it must be sent first, or the worker has it. */
size_t capture_room(const capture *c);

/** Add n samples, at most capture_room(), of each channel; 0 touch nothing, so that the worker may
    have the half. What is not finite is silence. */
void capture_write(capture *c, const float *const *in, size_t first, size_t n);

/** Take the half that is being filled away, and go on with the other. @return its number. */
size_t capture_send(capture *c);

/** It could not be sent: take it back. */
void capture_keep(capture *c, size_t half);

/** For the worker: a half has been copied. */
void capture_give_back(capture *c, size_t half);

#endif
