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
        p->wish.where = p->where;
        p->must_publish = p->wish.is_new = false;
    } else if (p->wish.is_new) {
        memcpy(p->path, p->wish.path, sizeof p->path);
        p->where = p->wish.where;
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
        p->midi.must_end = true;
        engine_open_late(p->engine);
        p->has_ready = false;
    }
    if (!p->has_ready) {
        p->now = p->ready.now;
        memcpy(p->numbers, p->ready.numbers, sizeof p->numbers);
        p->ready = (product){0};
    }
}

bool exchange_schedule(const plugin *p, const request *r)
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
            .task = TASK_FREE, .old_engine = p->old_engine, .old_model = p->old_model};
        if (exchange_schedule(p, &r)) {
            p->old_engine = NULL;
            p->old_model = NULL;
        }
    }
}

static float within(const plugin *p, size_t port, float low, float high, float fallback)
{
    return fminf(fmaxf(plugin_value(p, port, fallback), low), high);
}

static tuning wanted_tuning(const plugin *p)
{
    const tuning standard = tuning_standard();
    const float mode =
        within(p, PORT_MODE, UB_STREAM_QUALITY, UB_STREAM_SHORT, (float)standard.mode);
    return (tuning){
        .mode = (ub_stream_mode)roundf(mode),
        .exponent = within(p, PORT_EXPONENT, 0.5f, 2.0f, standard.exponent),
        .sparsity = within(p, PORT_SPARSITY, 0.0f, 100.0f, standard.sparsity),
        .n_free = (unsigned)roundf(
            within(p, PORT_FREE, 0.0f, UB_STREAM_MAX_FREE, (float)standard.n_free)),
        .forget_s = within(p, PORT_FORGET_S, 0.5f, 60.0f, standard.forget_s),
    };
}

static size_t lowest(unsigned bits)
{
    size_t i = 0;
    while (!(bits >> i & 1u)) {
        i++;
    }
    return i;
}

// What changes the sources comes before tuning, which automation may change in every cycle.
static bool next_task(plugin *p, request *r)
{
    learning *l = &p->learning;
    const tuning wanted = r->wanted;
    if (p->must_load) {
        r->task = TASK_LOAD;
        r->where = p->where;
        memcpy(r->path, p->path, sizeof r->path);
        p->must_load = false;
    } else if (l->must_forget) {
        r->task = TASK_FORGET;
        r->source = lowest(l->must_forget);
        l->must_forget &= l->must_forget - 1;
    } else if (l->must_learn) {
        r->task = TASK_LEARN;
        r->source = lowest(l->must_learn);
        l->must_learn &= l->must_learn - 1;
    } else if (p->must_tune || !tuning_same(wanted, p->asked)) {
        r->task = TASK_TUNE;
        p->asked = wanted;
        p->must_tune = false;
    } else {
        return false;
    }
    return true;
}

static void ask_again(plugin *p, const request *r, tuning asked_before)
{
    p->must_load |= r->task == TASK_LOAD;
    p->must_tune |= r->task == TASK_TUNE;
    p->learning.must_forget |= r->task == TASK_FORGET ? 1u << r->source : 0;
    p->learning.must_learn |= r->task == TASK_LEARN ? 1u << r->source : 0;
    p->asked = asked_before;
}

static void ask(plugin *p)
{
    if (p->is_waiting || p->has_ready) {
        return;
    }
    request r = {.now = p->now, .wanted = wanted_tuning(p)};
    const tuning asked_before = p->asked;
    if (!next_task(p, &r)) {
        return;
    }
    p->is_waiting = true;
    if (!exchange_schedule(p, &r)) {
        p->is_waiting = false;
        ask_again(p, &r, asked_before);
    }
}

static void ask_to_export(plugin *p)
{
    if (p->export_path[0] && !p->is_waiting) {
        request r = {.task = TASK_EXPORT};
        memcpy(r.path, p->export_path, sizeof r.path);
        if (exchange_schedule(p, &r)) {
            p->export_path[0] = '\0';
        }
    }
}

void exchange_run(plugin *p)
{
    if (atomic_exchange(&p->is_answer_lost, false)) {
        p->is_waiting = false;
        p->asked = p->now;
        p->must_tune = p->must_tell = true;
    }
    meet_wish(p);
    take_ready(p);
    free_old(p);
    ask(p);
    ask_to_export(p);
}

void exchange_deliver(plugin *p, const product *made)
{
    p->is_waiting = false;
    p->must_tell |= made->task == TASK_LOAD;
    learning_deliver(p, made);
    if (made->is_good) {
        p->ready = *made;
        p->has_ready = true;
    }
}

static LV2_Worker_Status work(LV2_Handle handle, LV2_Worker_Respond_Function respond,
                              LV2_Worker_Respond_Handle to, uint32_t size, const void *data)
{
    plugin *p = handle;
    request r = {.task = TASK_FREE};
    if (size > sizeof r) {
        return LV2_WORKER_ERR_UNKNOWN;
    }
    memcpy(&r, data, size); // the host's copy need not be aligned
    product made = loader_work(&p->loader, &r);
    if (r.task >= TASK_HEAR) {
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
