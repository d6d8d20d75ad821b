// SPDX-License-Identifier: GPL-3.0-or-later
#include "guide.h"
#include "harmonic_percussive.h"

const ub_guide *ub_guide_of_method(ub_method method)
{
    switch (method) {
    case UB_METHOD_HARMONIC_PERCUSSIVE:
        return &ub_guide_harmonic_percussive;
    default:
        return NULL;
    }
}
