// SPDX-License-Identifier: GPL-3.0-or-later
#include "loader.h"
#include "dictionary_read.h"

#include <unbraid/file.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// Far beyond any real one: 4096 components of a window of 192000 samples take 1.5 GB.
static const size_t MAX_BYTES = (size_t)1 << 31;

// Of sound that the worker may be late by, twice: it may be learning another source meanwhile.
static const double HALF_S = 4.0;

size_t request_size(const request *r)
{
    return offsetof(request, path) + strlen(r->path) + 1;
}

void product_free(product *p)
{
    engine_free(p->engine);
    ub_stream_model_free(p->model);
    *p = (product){0};
}

ub_status loader_start(loader *l, double rate_hz, size_t n_channels, LV2_Log_Logger *logger)
{
    *l = (loader){.rate_hz = rate_hz, .n_channels = n_channels, .logger = logger};
    atomic_init(&l->progress, 0);
    atomic_init(&l->must_stop, false);
    if (pthread_mutex_init(&l->lock, NULL)) {
        return UB_NO_MEMORY;
    }
    if (!sources_start(&l->sources, rate_hz, n_channels)) {
        pthread_mutex_destroy(&l->lock);
        return UB_NO_MEMORY;
    }
    if (!capture_new(&l->capture, n_channels, (size_t)(HALF_S * rate_hz))) {
        loader_stop(l);
        return UB_NO_MEMORY;
    }
    return UB_OK;
}

void loader_stop(loader *l)
{
    capture_free(&l->capture);
    sources_stop(&l->sources);
    pthread_mutex_destroy(&l->lock);
}

tuning tuning_standard(void)
{
    const ub_stream_settings settings = ub_stream_settings_default();
    return (tuning){
        .mode = settings.mode,
        .exponent = (float)settings.mask_exponent,
        .sparsity = (float)settings.sparsity,
        .n_free = (unsigned)settings.n_free,
        .forget_s = (float)settings.forget_s,
    };
}

bool tuning_same(tuning a, tuning b)
{
    return a.mode == b.mode && a.exponent == b.exponent && a.sparsity == b.sparsity &&
           a.n_free == b.n_free && (a.n_free == 0 || a.forget_s == b.forget_s);
}

ub_stream_settings loader_settings(const loader *l, tuning t)
{
    ub_stream_settings settings = ub_stream_settings_default();
    settings.rate_hz = l->rate_hz;
    settings.n_channels = l->n_channels;
    settings.mode = t.mode;
    settings.mask_exponent = (double)t.exponent;
    settings.sparsity = (double)t.sparsity;
    settings.n_free = t.n_free;
    settings.forget_s = (double)t.forget_s;
    return settings;
}

// ---- what changes the sources ------------------------------------------------------------------

static void tell_sources(const loader *l, const char *path)
{
    const sources *s = &l->sources;
    char names[UB_STREAM_MAX_SOURCES * (UB_DICTIONARY_MAX_NAME + 8)] = "";
    for (size_t j = 0; j < s->all.n_sources; j++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%d %s", j ? ", " : "",
                 s->all_places.of[j] + 1, s->all.source_names[j]);
    }
    lv2_log_note(l->logger, "unbraid: %s: %s\n", path, names);
}

static ub_status load(loader *l, const request *r, ub_message *why)
{
    ub_dictionary fresh = {0};
    ub_status status = r->path[0] ? dictionary_read(r->path, MAX_BYTES, &fresh, why) : UB_OK;
    status = status ? status : sources_load(&l->sources, &fresh, r->where, r->path, why);
    if (status) {
        ub_dictionary_free(&fresh);
        lv2_log_error(l->logger, "unbraid: %s: %s; nothing has changed\n", r->path, why->text);
    } else if (r->path[0]) {
        tell_sources(l, r->path);
    }
    return status;
}

static int report(void *context, const char *stage, double fraction)
{
    (void)stage;
    loader *l = context;
    atomic_store_explicit(&l->progress, (int)(100.0 * fraction), memory_order_relaxed);
    return atomic_load_explicit(&l->must_stop, memory_order_relaxed);
}

static ub_status learn(loader *l, const request *r, ub_message *why)
{
    const ub_progress progress = {.report = report, .context = l};
    const ub_status status = sources_learn(&l->sources, r->source, &progress, why);
    atomic_store_explicit(&l->progress, status ? 0 : 100, memory_order_relaxed);
    if (status && status != UB_CANCELLED) {
        lv2_log_error(l->logger, "unbraid: source %zu has learned nothing: %s\n", r->source + 1,
                      why->text);
    } else if (!status) {
        tell_sources(l, "learned");
    }
    return status;
}

static ub_status forget(loader *l, const request *r, ub_message *why)
{
    const ub_status status = sources_forget(&l->sources, r->source, why);
    if (status) {
        lv2_log_error(l->logger, "unbraid: source %zu: %s; nothing has changed\n", r->source + 1,
                      why->text);
    }
    return status;
}

// ---- models and engines ------------------------------------------------------------------------

// What plays the sources as they are now.
static ub_status make(const loader *l, tuning now, tuning wanted, product *p, ub_message *why)
{
    ub_stream_settings settings = loader_settings(l, wanted);
    ub_stream_suit_dictionary(&settings, &l->sources.all);
    ub_status status = UB_OK;
    p->now = wanted;
    p->now.window_ms = settings.window_ms;
    sources_numbers(&l->sources, wanted.n_free > 0, p->numbers);
    if (p->now.mode != now.mode || p->now.n_free != now.n_free ||
        p->now.window_ms != now.window_ms) {
        status = engine_new(&settings, &p->engine, why);
    }
    if (!status && l->sources.all.n_sources > 0) {
        status = ub_stream_model_new(&settings, &l->sources.all, &p->model, why);
    }
    if (status) {
        lv2_log_error(l->logger, "unbraid: %s; what played goes on\n", why->text);
        engine_free(p->engine);
        p->engine = NULL;
    } else if (p->engine) {
        ub_stream_swap(p->engine->stream, p->model);
        p->model = NULL;
    }
    return status;
}

// ---- others ------------------------------------------------------------------------------------

static void hear(loader *l, const request *r)
{
    const capture_half *half = &l->capture.halves[r->half];
    if (sources_hear(&l->sources, r->source, half, r->ends)) {
        lv2_log_error(l->logger, "unbraid: no memory for what source %zu hears\n", r->source + 1);
    }
    capture_give_back(&l->capture, r->half);
}

// A file of another kind has been chosen by mistake: it is not overwritten.
static ub_status check_target(const char *path, ub_message *why)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return UB_OK; // new, or writing will say why not
    }
    fclose(file);
    ub_dictionary old = {0};
    const ub_status status = dictionary_read(path, MAX_BYTES, &old, NULL);
    ub_dictionary_free(&old);
    return status ? ub_fail(why, status, "is no dictionary and is not overwritten") : UB_OK;
}

static void export(loader *l, const request *r)
{
    unsigned char *bytes;
    size_t size;
    places where;
    ub_message why = {""};
    ub_status status = check_target(r->path, &why);
    status = status ? status : sources_encode(&l->sources, NULL, &bytes, &size, &where, &why);
    if (!status) {
        status = ub_file_write(r->path, bytes, size, &why);
        free(bytes);
    }
    if (status) {
        lv2_log_error(l->logger, "unbraid: %s: %s\n", r->path, why.text);
    } else {
        lv2_log_note(l->logger, "unbraid: %s: written\n", r->path);
    }
}

static product work(loader *l, const request *r)
{
    product p = {.task = r->task, .source = r->source};
    ub_message why = {""};
    ub_status status = UB_OK;
    switch (r->task) {
    case TASK_HEAR:
        hear(l, r);
        return p;
    case TASK_EXPORT:
        export(l, r);
        return p;
    case TASK_FREE:
        engine_free(r->old_engine);
        ub_stream_model_free(r->old_model);
        return p;
    case TASK_LOAD:
        status = load(l, r, &why);
        break;
    case TASK_LEARN:
        status = learn(l, r, &why);
        break;
    case TASK_FORGET:
        status = forget(l, r, &why);
        break;
    case TASK_TUNE:
        break;
    }
    p.was_stopped = status == UB_CANCELLED;
    p.is_good = !status && !make(l, r->now, r->task == TASK_TUNE ? r->wanted : r->now, &p, &why);
    return p;
}

product loader_work(loader *l, const request *r)
{
    pthread_mutex_lock(&l->lock);
    const product p = work(l, r);
    pthread_mutex_unlock(&l->lock);
    return p;
}
