// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/stream.h"

#include <math.h>

static const float LOUDEST_DB = 60.0f;

static float linear(float gain_db)
{
    return isnan(gain_db) ? 1.0f : powf(10.0f, fminf(gain_db, LOUDEST_DB) / 20.0f);
}

float ub_strip_gains(const ub_strip *strips, size_t n, float *gains)
{
    bool any_solo = false;
    for (size_t i = 0; i < n; i++) {
        any_solo |= strips[i].is_solo;
    }
    for (size_t i = 0; i < n; i++) {
        const bool is_heard = !strips[i].is_mute && (!any_solo || strips[i].is_solo);
        gains[i] = is_heard ? linear(strips[i].gain_db) : 0.0f;
    }
    return any_solo ? 0.0f : 1.0f;
}
