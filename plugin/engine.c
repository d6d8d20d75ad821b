// SPDX-License-Identifier: GPL-3.0-or-later
// Works in chunks through buffers of its own, so that ports may share memory in any way: a chunk of
// the input is read in full before anything is written at its place.
#include "engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 128 };

static const double FADE_S = 0.01;

ub_status engine_new(const ub_stream_settings *settings, engine **out, ub_message *why)
{
    engine *e = calloc(1, sizeof *e);
    if (!e) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a stream");
    }
    ub_status status = ub_stream_new(settings, &e->stream, why);
    if (!status) {
        e->n_channels = settings->n_channels;
        e->latency = ub_stream_latency(e->stream);
        for (size_t c = 0; c < e->n_channels; c++) {
            e->dry[c] = calloc(e->latency, sizeof(float));
            status = e->dry[c] ? status : ub_fail(why, UB_NO_MEMORY, "no memory for a stream");
        }
        e->step = (float)(1.0 / (FADE_S * settings->rate_hz));
        e->wet = e->wet_target = e->open = e->open_target = 1.0f;
    }
    if (status) {
        engine_free(e);
        return status;
    }
    *out = e;
    return UB_OK;
}

void engine_free(engine *e)
{
    if (e) {
        ub_stream_free(e->stream);
        for (size_t c = 0; c < MAX_CHANNELS; c++) {
            free(e->dry[c]);
        }
        free(e);
    }
}

void engine_reset(engine *e)
{
    ub_stream_reset(e->stream);
    for (size_t c = 0; c < e->n_channels; c++) {
        memset(e->dry[c], 0, e->latency * sizeof(float));
    }
    e->position = 0;
    e->wet = e->wet_target;
    e->open = e->open_target;
    e->removed = e->removed_target;
}

void engine_enable(engine *e, bool enabled)
{
    e->wet_target = enabled ? 1.0f : 0.0f;
}

void engine_listen_to_removed(engine *e, bool removed)
{
    e->removed_target = removed ? 1.0f : 0.0f;
}

void engine_close(engine *e)
{
    e->open_target = 0.0f;
}

bool engine_is_closed(const engine *e)
{
    return e->open_target == 0.0f && e->open == 0.0f;
}

void engine_open_late(engine *e)
{
    e->hold = e->latency;
    e->open = 0.0f;
    e->open_target = 1.0f;
}

static float toward(float value, float target, float step)
{
    return value < target ? fminf(value + step, target) : fmaxf(value - step, target);
}

// Shares of the next samples.
typedef struct shares {
    float wet[CHUNK]; // how much is not bypassed
    float removed[CHUNK]; // how much of that is what the mix lacks
    float open[CHUNK]; // how loud all is
} shares;

static void fade(engine *e, shares *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        e->wet = toward(e->wet, e->wet_target, e->step);
        e->removed = toward(e->removed, e->removed_target, e->step);
        if (e->hold > 0) {
            e->hold--;
        } else {
            e->open = toward(e->open, e->open_target, e->step);
        }
        to->wet[i] = e->wet;
        to->removed[i] = e->removed;
        to->open[i] = e->open;
    }
}

// The samples of the input of `latency` ago, while those of now take their place.
static void delay(engine *e, const float *const *in, float dry[][CHUNK], size_t n)
{
    size_t at = e->position;
    for (size_t c = 0; c < e->n_channels; c++) {
        at = e->position;
        for (size_t i = 0; i < n; i++) {
            dry[c][i] = e->dry[c][at];
            e->dry[c][at] = isfinite(in[c][i]) ? in[c][i] : 0.0f;
            at = at + 1 == e->latency ? 0 : at + 1;
        }
    }
    e->position = at;
}

static float blend(float a, float b, float share)
{
    // Exactly one or the other at the ends.
    return share == 0.0f ? a : share == 1.0f ? b : a + share * (b - a);
}

static void process_chunk(engine *e, const float *const *in, float *const *out, float *const *stems,
                          size_t n_stems, size_t n)
{
    float dry[MAX_CHANNELS][CHUNK], mix[MAX_CHANNELS][CHUNK];
    float *const mixes[MAX_CHANNELS] = {mix[0], mix[1]};
    shares share;
    const bool is_open = e->hold == 0 && e->open == 1.0f && e->open_target == 1.0f;
    delay(e, in, dry, n);
    ub_stream_process(e->stream, in, mixes, stems, n_stems, n);
    fade(e, &share, n);
    for (size_t i = 0; !is_open && i < n_stems * e->n_channels; i++) {
        for (size_t k = 0; stems[i] && k < n; k++) {
            stems[i][k] *= share.open[k];
        }
    }
    for (size_t c = 0; c < e->n_channels; c++) {
        for (size_t i = 0; out[c] && i < n; i++) {
            const float heard = blend(mix[c][i], dry[c][i] - mix[c][i], share.removed[i]);
            out[c][i] = share.open[i] * blend(dry[c][i], heard, share.wet[i]);
        }
    }
}

void engine_process(engine *e, const float *const *in, float *const *out, float *const *stems,
                    size_t n_stems, size_t n)
{
    for (size_t done = 0; done < n; done += CHUNK) {
        const size_t some = n - done < CHUNK ? n - done : CHUNK;
        const float *in_now[MAX_CHANNELS] = {NULL};
        float *out_now[MAX_CHANNELS] = {NULL},
              *stems_now[MAX_CHANNELS * UB_STREAM_MAX_SOURCES] = {NULL};
        for (size_t c = 0; c < e->n_channels; c++) {
            in_now[c] = in[c] + done;
            out_now[c] = out[c] ? out[c] + done : NULL;
        }
        for (size_t i = 0; i < n_stems * e->n_channels; i++) {
            stems_now[i] = stems[i] ? stems[i] + done : NULL;
        }
        process_chunk(e, in_now, out_now, stems_now, n_stems, some);
    }
}
