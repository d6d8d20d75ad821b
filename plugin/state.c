// SPDX-License-Identifier: GPL-3.0-or-later
// A session keeps the path that was asked for last, whatever the worker has made of it by then.
#include "plugin.h"

#include <sched.h>
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

static LV2_State_Status save(LV2_Handle handle, LV2_State_Store_Function store,
                             LV2_State_Handle state, uint32_t flags,
                             const LV2_Feature *const *features)
{
    (void)flags;
    plugin *p = handle;
    char path[MAX_PATH_BYTES];
    lock(&p->wish);
    memcpy(path, p->wish.path, sizeof path);
    unlock(&p->wish);
    const LV2_State_Map_Path *map = feature(features, LV2_STATE__mapPath);
    char *portable = map && path[0] ? map->abstract_path(map->handle, path) : NULL;
    const char *text = portable ? portable : path;
    const LV2_State_Status status =
        store(state, p->uris.model, text, strlen(text) + 1, p->uris.atom_path,
              LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE);
    if (portable) {
        free_path(features, portable);
    }
    return status;
}

static void load_now(plugin *p, const char *path)
{
    if (p->has_ready) {
        product_free(&p->ready);
        p->has_ready = false;
        p->asked = p->now;
    }
    request r = {.kind = REQUEST_LOAD, .now = p->now};
    strcpy(r.path, path);
    strcpy(p->path, path);
    p->must_load = p->must_publish = false;
    const product made = loader_work(&p->loader, &r);
    exchange_deliver(p, &made);
}

// While the plugin sleeps, what is restored is there before the first sample is. Else, and when an
// answer of the worker is on its way, the audio thread finds the wish in its next cycle.
static void wish_for(plugin *p, const char *path)
{
    const bool is_asleep = !atomic_load(&p->is_active) && !p->is_waiting;
    lock(&p->wish);
    strcpy(p->wish.path, path);
    p->wish.is_new = !is_asleep;
    unlock(&p->wish);
    if (is_asleep) {
        load_now(p, path);
    }
}

static LV2_State_Status restore(LV2_Handle handle, LV2_State_Retrieve_Function retrieve,
                                LV2_State_Handle state, uint32_t flags,
                                const LV2_Feature *const *features)
{
    (void)flags;
    plugin *p = handle;
    size_t size = 0;
    uint32_t type = 0, value_flags = 0;
    const char *text = retrieve(state, p->uris.model, &size, &type, &value_flags);
    if (!text) {
        return LV2_STATE_SUCCESS; // a preset of ports alone
    }
    if (type != p->uris.atom_path || size < 1 || text[size - 1]) {
        return LV2_STATE_ERR_BAD_TYPE;
    }
    const LV2_State_Map_Path *map = feature(features, LV2_STATE__mapPath);
    char *absolute = map && text[0] ? map->absolute_path(map->handle, text) : NULL;
    const char *path = absolute ? absolute : text;
    LV2_State_Status status = LV2_STATE_ERR_UNKNOWN;
    if (strlen(path) < MAX_PATH_BYTES) {
        wish_for(p, path);
        status = LV2_STATE_SUCCESS;
    }
    if (absolute) {
        free_path(features, absolute);
    }
    return status;
}

const LV2_State_Interface state_interface = {save, restore};
