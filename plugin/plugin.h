// SPDX-License-Identifier: GPL-3.0-or-later
/** An instance of the plugin, and what its parts do with it. */
#ifndef UNBRAID_PLUGIN_PLUGIN_H
#define UNBRAID_PLUGIN_PLUGIN_H

#include "loader.h"
#include "uris.h"

#include <lv2/atom/forge.h>
#include <lv2/state/state.h>
#include <lv2/worker/worker.h>

#include <stdatomic.h>

/** The path that was asked for last. Events ask on the audio thread, sessions on others. */
typedef struct wish {
    atomic_flag lock; // the audio thread only tries it
    bool is_new; // to the audio thread
    char path[MAX_PATH_BYTES];
    places where; // its sources are
} wish;

/** Which source is being heard, to learn from, and what the worker is to do with it. */
typedef struct learning {
    int source; // -1: none
    bool is_ending; // the passage: its last samples are to be sent
    size_t heard[N_SOURCES]; // samples
    unsigned must_learn, must_forget; // a bit for each source
    bool was_reset[N_SOURCES]; // its port was on
} learning;

/** The notes that were sent. */
typedef struct midi {
    void *port;
    bool sounds[N_MIDI_CHANNELS][N_MIDI_PITCHES];
    bool must_end; // what sounds: its stream is no more
} midi;

typedef struct plugin {
    // Set once.
    LV2_URID_Map *map;
    LV2_Worker_Schedule *schedule;
    LV2_Log_Logger logger;
    plugin_uris uris;
    size_t n_channels;
    void *ports[PORT_FIRST_AUDIO];
    float *audio[MAX_CHANNELS * N_AUDIO];

    // Shared by threads.
    loader loader;
    wish wish;
    atomic_bool is_active;
    atomic_bool is_answer_lost; // the host's queue was full

    // Of the audio thread.
    engine *engine;
    tuning now, asked; // of the engine that plays; and what the worker was asked for
    char path[MAX_PATH_BYTES]; // as it knows the wish
    places where;
    char export_path[MAX_PATH_BYTES]; // empty: nothing to export
    unsigned char numbers[N_PLACES]; // of the sources at each place
    learning learning;
    midi midi;
    bool must_publish; // the path, as a wish
    bool must_load, must_tell; // the path: to the worker, to the host
    bool must_tune; // although nothing seems to have changed
    bool is_waiting; // for the worker
    bool has_ready;
    product ready; // to take over, once it can
    engine *old_engine; // to be freed
    ub_stream_model *old_model;
    LV2_Atom_Forge forge;
} plugin;

/** A control port's value, or `fallback` where the host has not connected it. */
float plugin_value(const plugin *p, size_t port, float fallback);

// messages.c: events in and out. For the audio thread.
void messages_read(plugin *p);
void messages_write(plugin *p);

// midi.c: notes out, of the n samples that were played last. For the audio thread.
void midi_write(plugin *p, size_t n);

// learning.c: sound for the worker to learn from. For the audio thread, before the input is
// overwritten.
void learning_run(plugin *p, size_t n);
/** Take what the worker has made of it. */
void learning_deliver(plugin *p, const product *made);

// exchange.c: between the audio thread and the worker. The first two are for the audio thread.
void exchange_run(plugin *p);
bool exchange_schedule(const plugin *p, const request *r);
/** Take what the worker has made. */
void exchange_deliver(plugin *p, const product *made);
extern const LV2_Worker_Interface exchange_interface;

// state.c
extern const LV2_State_Interface state_interface;

#endif
