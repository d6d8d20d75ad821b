// SPDX-License-Identifier: GPL-3.0-or-later
/** Signals through a stream, for the tests of streams. */
#ifndef UNBRAID_TESTS_STREAM_TAKE_H
#define UNBRAID_TESTS_STREAM_TAKE_H

#include "unbraid/stream.h"

#include <stdint.h>

enum { STREAM_TAKE_STEMS = 3 };

/** What goes in and what comes out, two channels of each. */
typedef struct stream_take {
    size_t n;
    float *in[2], *out[2];
    float *stems[2 * STREAM_TAKE_STEMS]; // source after source
} stream_take;

/** Noise from -0.5 to 0.5 to go in. Aborts when there is no memory, as all below. */
stream_take stream_take_new(size_t n, uint64_t seed);
void stream_take_free(stream_take *take);

/** Samples [first, first + n) through the stream. */
void stream_take_process(ub_stream *stream, stream_take *take, size_t first, size_t n);

/** Energy of what came out less the delayed input, relative to that of the input, in dB. */
double stream_take_null_db(const stream_take *take, size_t latency);

/** Whether everything that came out is the same, to the bit. */
bool stream_take_same(const stream_take *a, const stream_take *b);

/** The default but for these. */
ub_stream_settings stream_settings_for(ub_stream_mode mode, double rate_hz);

/** A stream, a model of small_dictionary() at 8 kHz, and a stream that separates with such a model
    from its first frame on. */
ub_stream *stream_new(const ub_stream_settings *settings);
ub_stream_model *stream_model_new(const ub_stream_settings *settings);
ub_stream *stream_new_separating(const ub_stream_settings *settings);

#endif
