// SPDX-License-Identifier: GPL-3.0-or-later
#include "loader.h"

#include <unbraid/file.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// Far beyond any real one: 4096 components of a window of 192000 samples take 1.5 GB.
static const size_t MAX_BYTES = (size_t)1 << 31;

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
    return pthread_mutex_init(&l->lock, NULL) ? UB_NO_MEMORY : UB_OK;
}

void loader_stop(loader *l)
{
    ub_dictionary_free(&l->dictionary);
    pthread_mutex_destroy(&l->lock);
}

ub_stream_settings loader_settings(const loader *l, tuning t)
{
    ub_stream_settings settings = ub_stream_settings_default();
    settings.rate_hz = l->rate_hz;
    settings.n_channels = l->n_channels;
    settings.mode = t.mode;
    settings.mask_exponent = (double)t.exponent;
    return settings;
}

static ub_status read_dictionary(const char *path, ub_dictionary *out, ub_message *why)
{
    unsigned char *bytes;
    size_t size;
    ub_status status = ub_file_read(path, MAX_BYTES, &bytes, &size, why);
    if (!status) {
        status = ub_dictionary_decode(bytes, size, out, why);
        free(bytes);
    }
    return status;
}

static void tell_sources(const loader *l, const char *path)
{
    char names[UB_STREAM_MAX_SOURCES * (UB_DICTIONARY_MAX_NAME + 8)] = "";
    for (size_t j = 0; j < l->dictionary.n_sources; j++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%zu %s", j ? ", " : "", j + 1,
                 l->dictionary.source_names[j]);
    }
    lv2_log_note(l->logger, "unbraid: %s: %s\n", path, names);
}

// The dictionary of before stays until the new one has proved good.
static product load(loader *l, const request *r)
{
    product p = {.is_load = true, .now = r->now};
    ub_dictionary fresh = {0};
    ub_message why = {""};
    ub_status status = UB_OK;
    if (r->path[0]) {
        const ub_stream_settings settings = loader_settings(l, r->now);
        status = read_dictionary(r->path, &fresh, &why);
        status = status ? status : ub_stream_model_new(&settings, &fresh, &p.model, &why);
    }
    if (status) {
        ub_dictionary_free(&fresh);
        lv2_log_error(l->logger, "unbraid: %s: %s; nothing has changed\n", r->path, why.text);
        return p;
    }
    ub_dictionary_free(&l->dictionary);
    l->dictionary = fresh;
    if (r->path[0]) {
        tell_sources(l, r->path);
    }
    p.is_good = true;
    return p;
}

static product tune(const loader *l, const request *r)
{
    product p = {.now = r->wanted};
    const ub_stream_settings settings = loader_settings(l, r->wanted);
    ub_message why = {""};
    ub_status status = UB_OK;
    if (r->wanted.mode != r->now.mode) {
        status = engine_new(&settings, &p.engine, &why);
    }
    if (!status && l->dictionary.n_sources > 0) {
        status = ub_stream_model_new(&settings, &l->dictionary, &p.model, &why);
    }
    if (status) {
        lv2_log_error(l->logger, "unbraid: %s; nothing has changed\n", why.text);
        product_free(&p);
        return p;
    }
    if (p.engine) {
        ub_stream_swap(p.engine->stream, p.model);
        p.model = NULL;
    }
    p.is_good = true;
    return p;
}

product loader_work(loader *l, const request *r)
{
    product p = {0};
    pthread_mutex_lock(&l->lock);
    switch (r->kind) {
    case REQUEST_LOAD:
        p = load(l, r);
        break;
    case REQUEST_TUNE:
        p = tune(l, r);
        break;
    case REQUEST_FREE:
        engine_free(r->old_engine);
        ub_stream_model_free(r->old_model);
        break;
    }
    pthread_mutex_unlock(&l->lock);
    return p;
}
