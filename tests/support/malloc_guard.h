// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Counts allocations and what they hold, and lets one of them fail. A program that calls these
   functions has its malloc, calloc, realloc, aligned_alloc, memalign, posix_memalign and free
   replaced.
*/
#ifndef UNBRAID_TESTS_MALLOC_GUARD_H
#define UNBRAID_TESTS_MALLOC_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/** True, after saying so, under sanitizers and other C libraries, where nothing is counted and
   nothing fails: the test shall skip. */
bool malloc_guard_is_missing(void);

/**
   Count from zero on.

   @param n  0: nothing fails, and whatever allocates is counted, shared libraries too, as the audio
             thread would pay for it. Else the n-th allocation from now (1 is the next) fails, and
             only the test program and the statically linked library are counted: others may end
             the process when memory runs out.
*/
void malloc_guard_start(size_t n);

/** Stop counting. @return allocations since the start, failed ones too; `still_held`, which may be
    NULL, gets how many of them have not been freed. */
size_t malloc_guard_stop(size_t *still_held);

/** The most bytes that allocations since the start have held at a time, of the first 4096 that are
    alive together. */
size_t malloc_guard_peak(void);

#endif
