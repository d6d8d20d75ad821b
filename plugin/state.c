// SPDX-License-Identifier: GPL-3.0-or-later
// A session keeps the path that was asked for last, whatever the worker has made of it by then.
// Where something was learned in addition to that file, it gets a dictionary of its own, and where
// sources are missing before others, the places of those that are there.
#include "plugin.h"

#include <unbraid/file.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lock(wish *w)
{
    while (atomic_flag_test_and_set_explicit(&w->lock, memory_order_acquire)) {
        sched_yield();
    }
}

static void unlock(wish *w)
{
    atomic_flag_clear_explicit(&w->lock, memory_order_release);
}

static const void *feature(const LV2_Feature *const *features, const char *uri)
{
    for (; features && *features; features++) {
        if (strcmp((*features)->URI, uri) == 0) {
            return (*features)->data;
        }
    }
    return NULL;
}

static void free_path(const LV2_Feature *const *features, char *path)
{
    const LV2_State_Free_Path *by_host = feature(features, LV2_STATE__freePath);
    if (by_host) {
        by_host->free_path(by_host->handle, path);
    } else {
        free(path);
    }
}

// ---- saving ------------------------------------------------------------------------------------

// "1 3": the places of two sources, counted from 1. Empty when they are in order.
static void write_places(const places *where, char *text, size_t size)
{
    const places order = places_in_order();
    text[0] = '\0';
    for (size_t i = 0; memcmp(where, &order, sizeof order) && i < UB_STREAM_MAX_SOURCES; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%d", i ? " " : "", where->of[i] + 1);
    }
}

static places read_places(const char *text)
{
    places where = places_in_order();
    for (size_t i = 0; i < UB_STREAM_MAX_SOURCES; i++) {
        char *end;
        const long place = strtol(text, &end, 10);
        if (end == text || place < 1 || place > 256) {
            break;
        }
        where.of[i] = (unsigned char)(place - 1);
        text = end;
    }
    return where;
}

// The dictionary of what was learned, in a file that belongs to the session, whose path goes to
// `path`. @return false when there should be one and is not.
static bool write_learned(plugin *p, const LV2_Feature *const *features, char *path, places *where)
{
    unsigned char *bytes;
    size_t size;
    ub_message why = {""};
    ub_status status = sources_encode(&p->loader.sources, path, &bytes, &size, where, &why);
    if (!status && bytes) {
        const LV2_State_Make_Path *make = feature(features, LV2_STATE__makePath);
        char *file = make ? make->path(make->handle, "learned.safetensors") : NULL;
        status = file && strlen(file) < MAX_PATH_BYTES
                     ? ub_file_write(file, bytes, size, &why)
                     : ub_fail(&why, UB_FILE_ERROR, "the host has no place for it; export it");
        if (!status) {
            strcpy(path, file);
        }
        if (file) {
            free_path(features, file);
        }
        free(bytes);
    }
    if (status) {
        lv2_log_error(&p->logger, "unbraid: what was learned is not saved: %s\n", why.text);
    }
    return !status;
}

static LV2_State_Status store_text(LV2_State_Store_Function store, LV2_State_Handle state,
                                   LV2_URID key, const char *text, LV2_URID type)
{
    return store(state, key, text, strlen(text) + 1, type,
                 LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE);
}

static LV2_State_Status save(LV2_Handle handle, LV2_State_Store_Function store,
                             LV2_State_Handle state, uint32_t flags,
                             const LV2_Feature *const *features)
{
    (void)flags;
    plugin *p = handle;
    char path[MAX_PATH_BYTES], text[4 * UB_STREAM_MAX_SOURCES + 1];
    places where;
    lock(&p->wish);
    memcpy(path, p->wish.path, sizeof path);
    unlock(&p->wish);
    const bool is_whole = write_learned(p, features, path, &where);
    const LV2_State_Map_Path *map = feature(features, LV2_STATE__mapPath);
    char *portable = map && path[0] ? map->abstract_path(map->handle, path) : NULL;
    LV2_State_Status status =
        store_text(store, state, p->uris.model, portable ? portable : path, p->uris.atom_path);
    if (portable) {
        free_path(features, portable);
    }
    write_places(&where, text, sizeof text);
    if (!status && text[0]) {
        status = store_text(store, state, p->uris.places, text, p->uris.atom_string);
    }
    return status ? status : is_whole ? LV2_STATE_SUCCESS : LV2_STATE_ERR_UNKNOWN;
}

// ---- restoring ---------------------------------------------------------------------------------

static void load_now(plugin *p, const char *path, places where)
{
    if (p->has_ready) {
        product_free(&p->ready);
        p->has_ready = false;
        p->asked = p->now;
    }
    request r = {.task = TASK_LOAD, .now = p->now, .where = where};
    strcpy(r.path, path);
    strcpy(p->path, path);
    p->where = where;
    p->must_load = p->must_publish = false;
    const product made = loader_work(&p->loader, &r);
    exchange_deliver(p, &made);
}

// While the plugin sleeps, what is restored is there before the first sample is. Else, and when an
// answer of the worker is on its way, the audio thread finds the wish in its next cycle.
static void wish_for(plugin *p, const char *path, places where)
{
    const bool is_asleep = !atomic_load(&p->is_active) && !p->is_waiting;
    lock(&p->wish);
    strcpy(p->wish.path, path);
    p->wish.where = where;
    p->wish.is_new = !is_asleep;
    unlock(&p->wish);
    if (is_asleep) {
        load_now(p, path, where);
    }
}

// A text of the state, or NULL.
static const char *retrieve_text(LV2_State_Retrieve_Function retrieve, LV2_State_Handle state,
                                 LV2_URID key, LV2_URID type, bool *is_bad)
{
    size_t size = 0;
    uint32_t its_type = 0, flags = 0;
    const char *text = retrieve(state, key, &size, &its_type, &flags);
    *is_bad = text && (its_type != type || size < 1 || text[size - 1]);
    return *is_bad ? NULL : text;
}

static LV2_State_Status restore(LV2_Handle handle, LV2_State_Retrieve_Function retrieve,
                                LV2_State_Handle state, uint32_t flags,
                                const LV2_Feature *const *features)
{
    (void)flags;
    plugin *p = handle;
    bool is_bad;
    const char *text = retrieve_text(retrieve, state, p->uris.model, p->uris.atom_path, &is_bad);
    if (!text) { // a preset of ports alone
        return is_bad ? LV2_STATE_ERR_BAD_TYPE : LV2_STATE_SUCCESS;
    }
    const LV2_State_Map_Path *map = feature(features, LV2_STATE__mapPath);
    char *absolute = map && text[0] ? map->absolute_path(map->handle, text) : NULL;
    const char *path = absolute ? absolute : text;
    const char *where =
        retrieve_text(retrieve, state, p->uris.places, p->uris.atom_string, &is_bad);
    LV2_State_Status status = LV2_STATE_ERR_UNKNOWN;
    if (strlen(path) < MAX_PATH_BYTES) {
        wish_for(p, path, read_places(where ? where : ""));
        status = LV2_STATE_SUCCESS;
    }
    if (absolute) {
        free_path(features, absolute);
    }
    return status;
}

const LV2_State_Interface state_interface = {save, restore};
