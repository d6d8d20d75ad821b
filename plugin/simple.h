// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The variants for hosts that know numbers and sound alone: they need no feature, and play the
   presets of the bundle. Port numbers, symbols and URIs are for ever, as those of ports.h;
   simple_to_ttl.py writes the same, and a test compares.
*/
#ifndef UNBRAID_PLUGIN_SIMPLE_H
#define UNBRAID_PLUGIN_SIMPLE_H

#include <lv2/core/lv2.h>

#define SIMPLE_STEREO_URI "urn:unbraid:simple-stereo"
#define SIMPLE_MONO_URI "urn:unbraid:simple-mono"

enum { SIMPLE_SOURCES = 4 };

typedef enum simple_port {
    SIMPLE_LATENCY, ///< out, in samples
    SIMPLE_ENABLED,
    SIMPLE_PRESET, ///< index in the order of presets/meson.build
    SIMPLE_FIRST_SOURCE, ///< those of each source: a simple_source_port
    SIMPLE_FIRST_AUDIO = SIMPLE_FIRST_SOURCE + 4 * SIMPLE_SOURCES, ///< in, out of each channel
} simple_port;

typedef enum simple_source_port {
    SIMPLE_GAIN_DB,
    SIMPLE_SOLO,
    SIMPLE_MUTE,
    SIMPLE_LEVEL_DB, ///< out
    N_SIMPLE_SOURCE_PORTS
} simple_source_port;

/** The number of a source's port. */
static inline unsigned simple_port_of(unsigned source, simple_source_port which)
{
    return SIMPLE_FIRST_SOURCE + N_SIMPLE_SOURCE_PORTS * source + (unsigned)which;
}

extern const LV2_Descriptor simple_stereo, simple_mono;

#endif
