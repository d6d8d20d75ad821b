// SPDX-License-Identifier: GPL-3.0-or-later
/** OpenMP's threads, or the one there is without it. Private header. */
#ifndef UNBRAID_GROUND_THREADS_H
#define UNBRAID_GROUND_THREADS_H

#include <stddef.h>

/** Threads to use when n are asked for, 0 meaning one per core. */
size_t ub_thread_count(size_t n);

/** Index of the calling thread within a parallel region. */
size_t ub_thread_index(void);

#endif
