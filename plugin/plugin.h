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
} wish;

typedef struct plugin {
    // Set once.
    LV2_URID_Map *map;
    LV2_Worker_Schedule *schedule;
    LV2_Log_Logger logger;
    plugin_uris uris;
    size_t n_channels;
    void *ports[PORT_FIRST_AUDIO];
    float *audio[MAX_CHANNELS * (2 + N_STEMS)];

    // Shared by threads.
    loader loader;
    wish wish;
    atomic_bool is_active;
    atomic_bool is_answer_lost; // the host's queue was full

    // Of the audio thread.
    engine *engine;
    tuning now, asked; // of the engine that plays; and what the worker was asked for
    char path[MAX_PATH_BYTES]; // as it knows the wish
    bool must_publish; // the path, as a wish
    bool must_load, must_tell; // the path: to the worker, to the host
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

// exchange.c: between the audio thread and the worker. The first is for the audio thread.
void exchange_run(plugin *p);
/** Take what the worker has made. */
void exchange_deliver(plugin *p, const product *made);
extern const LV2_Worker_Interface exchange_interface;

// state.c
extern const LV2_State_Interface state_interface;

#endif
