// SPDX-License-Identifier: GPL-3.0-or-later
/** Frames of several signals on their way from one thread to one other, without locks. */
#ifndef UNBRAID_CLI_RING_H
#define UNBRAID_CLI_RING_H

#include <stddef.h>

struct ring;

/** A ring for at least n_frames. @return NULL without memory, or when that is too much. */
struct ring *ring_new(size_t n_signals, size_t n_frames);

/** NULL is fine. */
void ring_free(struct ring *ring);

/** How many frames can be written: more from moment to moment. Only for the writing thread. */
size_t ring_room(const struct ring *ring);

/** Write frames for which there is room; NULL signals are silence. Takes no locks. */
void ring_write(struct ring *ring, const float *const *signals, size_t n);

/** Frames that lie side by side and can be read. @param signals  Set to where they begin. */
size_t ring_read(const struct ring *ring, const float **signals);

/** Give that many frames of them back. */
void ring_release(struct ring *ring, size_t n);

#endif
