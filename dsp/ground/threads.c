// SPDX-License-Identifier: GPL-3.0-or-later
#include "threads.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

size_t ub_thread_count(size_t n)
{
#if defined(_OPENMP)
    return n ? n : (size_t)omp_get_num_procs();
#else
    (void)n;
    return 1;
#endif
}

size_t ub_thread_index(void)
{
#if defined(_OPENMP)
    return (size_t)omp_get_thread_num();
#else
    return 0;
#endif
}
