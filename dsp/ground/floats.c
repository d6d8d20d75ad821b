// SPDX-License-Identifier: GPL-3.0-or-later
#include "floats.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

float *ub_floats_new(size_t n)
{
    if (n > SIZE_MAX / 2 / sizeof(float)) {
        return NULL;
    }
    const size_t size = ub_floats_line(n ? n : 1) * sizeof(float);
    float *memory = aligned_alloc(UB_LINE_BYTES, size);
    if (memory) {
        memset(memory, 0, size);
    }
    return memory;
}
