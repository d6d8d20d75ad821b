// SPDX-License-Identifier: GPL-3.0-or-later
#include "stream_take.h"
#include "small.h"
#include "unbraid/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void need(bool it)
{
    if (!it) {
        abort();
    }
}

static float *new_signal(size_t n)
{
    float *x = calloc(n ? n : 1, sizeof *x);
    need(x != NULL);
    return x;
}

stream_take stream_take_new(size_t n, uint64_t seed)
{
    stream_take take = {.n = n};
    ub_random random = ub_random_new(seed);
    for (size_t c = 0; c < 2; c++) {
        take.in[c] = new_signal(n);
        take.out[c] = new_signal(n);
        for (size_t i = 0; i < n; i++) {
            take.in[c][i] = ub_random_uniform(&random) - 0.5f;
        }
    }
    for (size_t i = 0; i < 2 * STREAM_TAKE_STEMS; i++) {
        take.stems[i] = new_signal(n);
    }
    return take;
}

void stream_take_free(stream_take *take)
{
    for (size_t c = 0; c < 2; c++) {
        free(take->in[c]);
        free(take->out[c]);
    }
    for (size_t i = 0; i < 2 * STREAM_TAKE_STEMS; i++) {
        free(take->stems[i]);
    }
}

void stream_take_process(ub_stream *stream, stream_take *take, size_t first, size_t n)
{
    const float *in[2] = {take->in[0] + first, take->in[1] + first};
    float *out[2] = {take->out[0] + first, take->out[1] + first};
    float *stems[2 * STREAM_TAKE_STEMS];
    for (size_t i = 0; i < 2 * STREAM_TAKE_STEMS; i++) {
        stems[i] = take->stems[i] + first;
    }
    ub_stream_process(stream, in, out, stems, STREAM_TAKE_STEMS, n);
}

double stream_take_null_db(const stream_take *take, size_t latency)
{
    double error = 0.0, energy = 0.0;
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < take->n; i++) {
            const double x = i >= latency ? (double)take->in[c][i - latency] : 0.0;
            error += pow((double)take->out[c][i] - x, 2.0);
            energy += x * x;
        }
    }
    return 10.0 * log10((error + 1e-30) / (energy + 1e-30));
}

bool stream_take_same(const stream_take *a, const stream_take *b)
{
    bool same = a->n == b->n && memcmp(a->out[0], b->out[0], a->n * sizeof(float)) == 0 &&
                memcmp(a->out[1], b->out[1], a->n * sizeof(float)) == 0;
    for (size_t i = 0; same && i < 2 * STREAM_TAKE_STEMS; i++) {
        same = memcmp(a->stems[i], b->stems[i], a->n * sizeof(float)) == 0;
    }
    return same;
}

ub_stream_settings stream_settings_for(ub_stream_mode mode, double rate_hz)
{
    ub_stream_settings settings = ub_stream_settings_default();
    settings.mode = mode;
    settings.rate_hz = rate_hz;
    return settings;
}

ub_stream *stream_new(const ub_stream_settings *settings)
{
    ub_stream *stream = NULL;
    need(ub_stream_new(settings, &stream, NULL) == UB_OK);
    return stream;
}

ub_stream_model *stream_model_new(const ub_stream_settings *settings)
{
    ub_dictionary dictionary = small_dictionary(8000.0);
    ub_stream_model *model = NULL;
    need(ub_stream_model_new(settings, &dictionary, &model, NULL) == UB_OK);
    ub_dictionary_free(&dictionary);
    return model;
}

ub_stream *stream_new_separating(const ub_stream_settings *settings)
{
    ub_stream *stream = stream_new(settings);
    need(ub_stream_swap(stream, stream_model_new(settings)));
    ub_stream_reset(stream);
    need(ub_stream_n_sources(stream) == 2);
    return stream;
}
