// SPDX-License-Identifier: GPL-3.0-or-later
/** Control ports as both plugins have them: numbers that hosts may leave unconnected, and the gain,
    solo, mute and level of a source. For the audio thread. */
#ifndef UNBRAID_PLUGIN_STRIP_PORTS_H
#define UNBRAID_PLUGIN_STRIP_PORTS_H

#include <unbraid/stream.h>

#include <math.h>
#include <stddef.h>

/** What stands in a port; `fallback` when it is not connected or no number. */
static inline float port_read(const float *port, float fallback)
{
    return port && isfinite(*port) ? *port : fallback;
}

/** Nothing happens when it is not connected. */
static inline void port_write(float *port, float value)
{
    if (port) {
        *port = value;
    }
}

/** From the three inputs of a strip; a gain of -80 dB is silence, one beyond 12 dB is 12. */
static inline ub_strip port_read_strip(const float *gain, const float *solo, const float *mute)
{
    const float gain_db = port_read(gain, 0.0f);
    return (ub_strip){
        .gain_db = gain_db > -80.0f ? fminf(gain_db, 12.0f) : -INFINITY,
        .is_solo = port_read(solo, 0.0f) > 0.5f,
        .is_mute = port_read(mute, 0.0f) > 0.5f,
    };
}

/** A level, linear, in dB from -80 on. */
static inline void port_write_level(float *port, float level)
{
    port_write(port, fmaxf(20.0f * log10f(level + 1e-10f), -80.0f));
}

#endif
