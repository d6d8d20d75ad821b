// SPDX-License-Identifier: GPL-3.0-or-later
// While a source's Learn is on, the input goes to the worker, a half of the capture at a time; when
// it is off again the worker learns. If several are on, the first is taught.
#include "plugin.h"

#include <math.h>

static bool is_on(const plugin *p, size_t source, source_port which)
{
    return plugin_value(p, port_of_source((unsigned)source, which), 0.0f) > 0.5f;
}

static int source_to_teach(const plugin *p)
{
    for (size_t j = 0; j < N_SOURCES; j++) {
        if (is_on(p, j, SOURCE_LEARN)) {
            return (int)j;
        }
    }
    return -1;
}

// A reset counts when its port goes on. What is being heard of that source goes on being heard.
static void follow_resets(plugin *p)
{
    learning *l = &p->learning;
    for (size_t j = 0; j < N_SOURCES; j++) {
        const bool is_reset = is_on(p, j, SOURCE_RESET);
        if (is_reset && !l->was_reset[j]) {
            l->must_forget |= 1u << j;
            l->must_learn &= ~(1u << j);
            l->heard[j] = 0;
        }
        l->was_reset[j] = is_reset;
    }
}

static bool send(plugin *p, bool ends)
{
    capture *c = &p->loader.capture;
    if (atomic_load_explicit(&c->halves[c->filling].is_away, memory_order_acquire)) {
        return false;
    }
    request r = {.task = TASK_HEAR, .source = (size_t)p->learning.source, .ends = ends};
    r.half = capture_send(c);
    if (!exchange_schedule(p, &r)) {
        capture_keep(c, r.half);
        return false;
    }
    return true;
}

// Sound that comes while the worker is two halves behind is lost.
static void hear(plugin *p, size_t n)
{
    learning *l = &p->learning;
    const size_t most = (size_t)(LONGEST_LESSON_S * p->loader.rate_hz);
    size_t *heard = &l->heard[l->source];
    n = n < most - *heard ? n : most - *heard;
    for (size_t done = 0; done < n;) {
        const size_t room = capture_room(&p->loader.capture);
        const size_t some = n - done < room ? n - done : room;
        capture_write(&p->loader.capture, (const float *const *)p->audio, done, some);
        *heard += some;
        done += some;
        if (room == some && !send(p, false)) {
            break;
        }
    }
}

void learning_run(plugin *p, size_t n)
{
    learning *l = &p->learning;
    const int wanted = source_to_teach(p);
    follow_resets(p);
    if (l->source >= 0 && wanted != l->source) {
        l->is_ending = true;
    }
    if (l->is_ending && send(p, true)) {
        l->must_learn |= 1u << l->source;
        l->is_ending = false;
        l->source = -1;
    }
    if (l->source < 0) {
        l->source = wanted;
    }
    if (l->source >= 0 && !l->is_ending) {
        hear(p, n);
    }
}

void learning_deliver(plugin *p, const product *made)
{
    learning *l = &p->learning;
    if (made->task == TASK_LOAD && made->is_good) {
        for (size_t j = 0; j < N_SOURCES; j++) {
            l->heard[j] = 0;
        }
    }
    if (made->task == TASK_LEARN && made->was_stopped) {
        l->must_learn |= 1u << made->source;
    }
}
