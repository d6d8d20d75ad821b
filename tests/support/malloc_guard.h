// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Counts the allocations that the test program and the statically linked library make, and lets
   one of them fail. A program that calls these functions has its malloc, calloc, realloc,
   aligned_alloc and free replaced. Allocations inside shared libraries pass uncounted.
*/
#ifndef UNBRAID_TESTS_MALLOC_GUARD_H
#define UNBRAID_TESTS_MALLOC_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/** False under sanitizers and other C libraries, where nothing is counted and nothing fails. */
bool malloc_guard_works(void);

/** Count from zero on; the n-th allocation from now (1 is the next) fails, none if n is 0. */
void malloc_guard_start(size_t n);

/** Stop counting. @return allocations since the start, failed ones too; `still_held`, which may be
    NULL, gets how many of them have not been freed. */
size_t malloc_guard_stop(size_t *still_held);

#endif
