// SPDX-License-Identifier: GPL-3.0-or-later
// The worker has one thing to make at a time. What could not be handed over, because a queue was
// full, is tried again in the next cycle. Some hosts run the worker within schedule_work(), so
// everything is in order before it is called.
#include "plugin.h"

#include <math.h>
#include <string.h>

// The wish of a session comes in, one of an event goes out. If a session is at it, later.
static void meet_wish(plugin *p)
{
    if (atomic_flag_test_and_set_explicit(&p->wish.lock, memory_order_acquire)) {
        return;
    }
    if (p->must_publish) {
        memcpy(p->wish.path, p->path, sizeof p->path);
        p->must_publish = p->wish.is_new = false;
    } else if (p->wish.is_new) {
        memcpy(p->path, p->wish.path, sizeof p->path);
        p->must_load = true;
        p->wish.is_new = false;
    }
    atomic_flag_clear_explicit(&p->wish.lock, memory_order_release);
}

// An engine takes over when the one before has become silent; a model at once.
static void take_ready(plugin *p)
{
    if (!p->has_ready) {
        return;
    }
    if (!p->ready.engine) {
        p->has_ready = !ub_stream_swap(p->engine->stream, p->ready.model);
    } else if (!engine_is_closed(p->engine)) {
        engine_close(p->engine);
        return;
    } else if (!p->old_engine) {
        p->old_engine = p->engine;
        p->engine = p->ready.engine;
        engine_open_late(p->engine);
        p->has_ready = false;
    }
    if (!p->has_ready) {
        p->now = p->ready.now;
        p->ready = (product){0};
    }
}

static bool schedule(const plugin *p, const request *r)
{
    return p->schedule->schedule_work(p->schedule->handle, (uint32_t)request_size(r), r) ==
           LV2_WORKER_SUCCESS;
}

static void free_old(plugin *p)
{
    if (!p->old_model) {
        p->old_model = ub_stream_retired(p->engine->stream);
    }
    if (p->old_engine || p->old_model) {
        const request r = {
            .kind = REQUEST_FREE, .old_engine = p->old_engine, .old_model = p->old_model};
        if (schedule(p, &r)) {
            p->old_engine = NULL;
            p->old_model = NULL;
        }
    }
}

static tuning wanted_tuning(const plugin *p)
{
    const float mode = plugin_value(p, PORT_MODE, (float)UB_STREAM_BALANCED);
    const float exponent = plugin_value(p, PORT_EXPONENT, 1.0f);
    return (tuning){
        .mode = (ub_stream_mode)fminf(fmaxf(roundf(mode), UB_STREAM_QUALITY), UB_STREAM_SHORT),
        .exponent = fminf(fmaxf(exponent, 0.5f), 2.0f),
    };
}

// Paths before tuning, which automation may change in every cycle.
static void ask(plugin *p)
{
    if (p->is_waiting || p->has_ready) {
        return;
    }
    const bool loads = p->must_load;
    const tuning wanted = wanted_tuning(p), asked_before = p->asked;
    if (!loads && wanted.mode == p->asked.mode && wanted.exponent == p->asked.exponent) {
        return;
    }
    request r = {.kind = loads ? REQUEST_LOAD : REQUEST_TUNE, .now = p->now, .wanted = wanted};
    if (loads) {
        memcpy(r.path, p->path, sizeof r.path);
        p->must_load = false;
    } else {
        p->asked = wanted;
    }
    p->is_waiting = true;
    if (!schedule(p, &r)) {
        p->is_waiting = false;
        p->asked = asked_before;
        p->must_load |= loads;
    }
}

void exchange_run(plugin *p)
{
    if (atomic_exchange(&p->is_answer_lost, false)) {
        p->is_waiting = false;
        p->asked = p->now;
        p->must_load = true;
    }
    meet_wish(p);
    take_ready(p);
    free_old(p);
    ask(p);
}

void exchange_deliver(plugin *p, const product *made)
{
    p->is_waiting = false;
    p->must_tell |= made->is_load;
    if (made->is_good) {
        p->ready = *made;
        p->has_ready = true;
    }
}

static LV2_Worker_Status work(LV2_Handle handle, LV2_Worker_Respond_Function respond,
                              LV2_Worker_Respond_Handle to, uint32_t size, const void *data)
{
    plugin *p = handle;
    request r = {.kind = REQUEST_FREE};
    if (size > sizeof r) {
        return LV2_WORKER_ERR_UNKNOWN;
    }
    memcpy(&r, data, size); // the host's copy need not be aligned
    product made = loader_work(&p->loader, &r);
    if (r.kind == REQUEST_FREE) {
        return LV2_WORKER_SUCCESS;
    }
    if (respond(to, sizeof made, &made) != LV2_WORKER_SUCCESS) {
        product_free(&made);
        atomic_store(&p->is_answer_lost, true);
        return LV2_WORKER_ERR_NO_SPACE;
    }
    return LV2_WORKER_SUCCESS;
}

static LV2_Worker_Status work_response(LV2_Handle handle, uint32_t size, const void *data)
{
    product made;
    if (size != sizeof made) {
        return LV2_WORKER_ERR_UNKNOWN;
    }
    memcpy(&made, data, size);
    exchange_deliver(handle, &made);
    return LV2_WORKER_SUCCESS;
}

const LV2_Worker_Interface exchange_interface = {work, work_response, NULL};
