// SPDX-License-Identifier: GPL-3.0-or-later
/** What takes too long for the audio thread: files, models, streams, and freeing them. */
#ifndef UNBRAID_PLUGIN_LOADER_H
#define UNBRAID_PLUGIN_LOADER_H

#include "engine.h"

#include <lv2/log/logger.h>
#include <unbraid/dictionary.h>

#include <pthread.h>

enum { MAX_PATH_BYTES = 4096 }; // the closing zero included

/** What can be heard of the settings. */
typedef struct tuning {
    ub_stream_mode mode;
    float exponent;
} tuning;

/** From the audio thread to the worker. Plain bytes; the path is cut to its length on the way. */
typedef struct request {
    enum { REQUEST_LOAD, REQUEST_TUNE, REQUEST_FREE } kind;
    tuning now; // of the engine that plays
    tuning wanted; // by REQUEST_TUNE
    engine *old_engine; // of REQUEST_FREE, and the model
    ub_stream_model *old_model;
    char path[MAX_PATH_BYTES]; // of REQUEST_LOAD; empty for no model
} request;

/** Bytes of a request that matter. */
size_t request_size(const request *r);

/** And back. Whoever gets it owns what it points to. */
typedef struct product {
    bool is_load; // the answer to REQUEST_LOAD
    bool is_good; // else nothing below counts
    tuning now; // once it plays
    engine *engine; // that takes over with a model of its own, or NULL
    ub_stream_model *model; // for the engine that plays, NULL for none
} product;

/** Free what a product that nobody wants points to. */
void product_free(product *p);

/** What the worker keeps to itself. */
typedef struct loader {
    pthread_mutex_t lock; // the host's worker and a restore may meet here
    double rate_hz;
    size_t n_channels;
    LV2_Log_Logger *logger;
    ub_dictionary dictionary; // of the last good file, when n_sources > 0
} loader;

ub_status loader_start(loader *l, double rate_hz, size_t n_channels, LV2_Log_Logger *logger);
void loader_stop(loader *l);

/** The settings of a stream of this tuning. */
ub_stream_settings loader_settings(const loader *l, tuning t);

/** Do what is asked for. Failures are logged, and their product is not good. */
product loader_work(loader *l, const request *r);

#endif
