// SPDX-License-Identifier: GPL-3.0-or-later
/** What takes too long for the audio thread: files, learning, models, streams, and freeing them. */
#ifndef UNBRAID_PLUGIN_LOADER_H
#define UNBRAID_PLUGIN_LOADER_H

#include "capture.h"
#include "engine.h"
#include "sources.h"

#include <lv2/log/logger.h>

/** What can be heard of the settings. */
typedef struct tuning {
    ub_stream_mode mode;
    float exponent, sparsity;
    unsigned n_free; // components of the rest
    float forget_s;
    double window_ms; // of the stream, as suits the sources; no control
} tuning;

/** That of controls as they are at first. */
tuning tuning_standard(void);

bool tuning_same(tuning a, tuning b);

typedef enum task {
    TASK_TUNE, ///< make what is wanted of the sources that are there
    TASK_LOAD, ///< a dictionary
    TASK_LEARN, ///< a source from what was heard
    TASK_FORGET, ///< a source
    // Without a product:
    TASK_HEAR, ///< half of a capture
    TASK_EXPORT, ///< a dictionary
    TASK_FREE
} task;

/** From the audio thread to the worker. Plain bytes; the path is cut to its length on the way. */
typedef struct request {
    task task;
    tuning now; // of the engine that plays
    tuning wanted; // of TASK_TUNE
    size_t source; // of TASK_LEARN, TASK_FORGET, TASK_HEAR
    size_t half; // of TASK_HEAR
    bool ends; // the passage, with this half
    engine *old_engine; // of TASK_FREE, and the model
    ub_stream_model *old_model;
    places where; // of TASK_LOAD: the sources of the file
    char path[MAX_PATH_BYTES]; // of TASK_LOAD, empty for no dictionary, and TASK_EXPORT
} request;

/** Bytes of a request that matter. */
size_t request_size(const request *r);

/** And back. Whoever gets it owns what it points to. */
typedef struct product {
    task task;
    size_t source; // of the request
    bool is_good; // else nothing below counts but this:
    bool was_stopped; // learning, by `must_stop`
    tuning now; // once it plays
    unsigned char numbers[N_PLACES]; // of the sources at each place
    engine *engine; // that takes over with a model of its own, or NULL
    ub_stream_model *model; // for the engine that plays, NULL for none
} product;

/** Free what a product that nobody wants points to. */
void product_free(product *p);

/** What the worker keeps to itself, but for `capture` and the atomics. */
typedef struct loader {
    pthread_mutex_t lock; // the host's worker and a restore may meet here
    double rate_hz;
    size_t n_channels;
    LV2_Log_Logger *logger;
    sources sources;
    capture capture;
    atomic_int progress; // of learning, in percent
    atomic_bool must_stop; // learning, which begins anew when asked again
} loader;

/** @return UB_OK or UB_NO_MEMORY; on failure nothing needs to be stopped. */
ub_status loader_start(loader *l, double rate_hz, size_t n_channels, LV2_Log_Logger *logger);
void loader_stop(loader *l);

/** The settings of a stream of this tuning. */
ub_stream_settings loader_settings(const loader *l, tuning t);

/** Do what is asked for. Failures are logged, and their product is not good. */
product loader_work(loader *l, const request *r);

#endif
