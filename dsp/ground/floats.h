// SPDX-License-Identifier: GPL-3.0-or-later
/** Arrays of floats as the kernels want them. Private header. */
#ifndef UNBRAID_GROUND_FLOATS_H
#define UNBRAID_GROUND_FLOATS_H

#include <stddef.h>

enum {
    UB_LINE_BYTES = 64, ///< of a cache line, which is also the widest vector
    UB_LINE_FLOATS = UB_LINE_BYTES / sizeof(float)
};

/** n rounded up to whole cache lines of floats. */
static inline size_t ub_floats_line(size_t n)
{
    return (n + UB_LINE_FLOATS - 1) / UB_LINE_FLOATS * UB_LINE_FLOATS;
}

/** At least n zeros (0 is fine) in whole cache lines; free() them. @return NULL when there is no
    memory, or n overflows. */
float *ub_floats_new(size_t n);

/** The largest of n values, at least 0. */
static inline float ub_floats_largest(const float *values, size_t n)
{
    float largest = 0.0f;
    for (size_t i = 0; i < n; i++) {
        largest = values[i] > largest ? values[i] : largest;
    }
    return largest;
}

#endif
