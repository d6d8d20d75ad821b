// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Port numbers. They, the symbols and the URIs are for ever: sessions refer to them. New ports go
   behind the last. ports_to_ttl.py writes the same numbers for hosts, and a test compares.
*/
#ifndef UNBRAID_PLUGIN_PORTS_H
#define UNBRAID_PLUGIN_PORTS_H

#define PLUGIN_STEREO_URI "urn:unbraid:rebalance-stereo"
#define PLUGIN_MONO_URI "urn:unbraid:rebalance-mono"
#define PLUGIN_MODEL_URI "urn:unbraid:model"
#define PLUGIN_EXPORT_URI "urn:unbraid:export"
#define PLUGIN_PLACES_URI "urn:unbraid:places"

enum {
    MAX_CHANNELS = 2,
    N_SOURCES = 8, // with ports of their own; any others follow solo alone
    N_STEMS = 4, // of sources, and one of the rest
    N_AUDIO = 2 + N_STEMS + 1, // ports of each channel
    LONGEST_LESSON_S = 60, // of each source
    N_MIDI_CHANNELS = 16,
    N_MIDI_PITCHES = 128,
    MIDI_MOST_EVENTS = 64 // of a block; others wait
};

/** Ports that hold one number or events. */
typedef enum plugin_port {
    PORT_CONTROL, ///< events in
    PORT_NOTIFY, ///< events out
    PORT_LATENCY, ///< out, in samples
    PORT_ENABLED,
    PORT_FREEWHEEL,
    PORT_MODE, ///< a ub_stream_mode
    PORT_EXPONENT,
    PORT_SPARSITY,
    PORT_FREE, ///< components of the rest, 0: there is none
    PORT_FORGET_S, ///< how long the rest remembers
    PORT_REMOVED, ///< listen to what the mix lacks
    PORT_SOURCES, ///< out: how many the model has
    PORT_PROGRESS, ///< out: of learning, in percent
    PORT_FIRST_SOURCE, ///< those of each source: a source_port
    PORT_FIRST_REST = PORT_FIRST_SOURCE + 7 * N_SOURCES, ///< those of the rest: a rest_port
    PORT_FIRST_AUDIO = PORT_FIRST_REST + 4, ///< in, out, stems, the rest; of each channel; then
                                            ///< port_of_midi()
} plugin_port;

typedef enum source_port {
    SOURCE_GAIN_DB,
    SOURCE_SOLO,
    SOURCE_MUTE,
    SOURCE_LEARN,
    SOURCE_RESET,
    SOURCE_LEVEL_DB, ///< out
    SOURCE_HEARD_S, ///< out: gathered to learn from
    N_SOURCE_PORTS
} source_port;

typedef enum rest_port { REST_GAIN_DB, REST_SOLO, REST_MUTE, REST_LEVEL_DB } rest_port;

/** The number of a source's port. */
static inline unsigned port_of_source(unsigned source, source_port which)
{
    return PORT_FIRST_SOURCE + N_SOURCE_PORTS * source + (unsigned)which;
}

/** Notes out: behind the audio. */
static inline unsigned port_of_midi(unsigned n_channels)
{
    return PORT_FIRST_AUDIO + n_channels * N_AUDIO;
}

#endif
