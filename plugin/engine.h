// SPDX-License-Identifier: GPL-3.0-or-later
/** A stream with what a host wants around it: bypass of the same latency, a listen to what is
   removed, and silent changes. */
#ifndef UNBRAID_PLUGIN_ENGINE_H
#define UNBRAID_PLUGIN_ENGINE_H

#include "ports.h"

#include <unbraid/stream.h>

typedef struct engine {
    ub_stream *stream;
    size_t n_channels, latency;
    float *dry[MAX_CHANNELS]; // rings of `latency` samples
    size_t position; // in the rings
    float step; // of a fade, per sample
    float wet, wet_target; // 0: bypassed
    float open, open_target; // 0: silent
    float removed, removed_target; // 1: what the mix lacks is heard in its place
    size_t hold; // samples until it opens
} engine;

/** Make an engine. @return UB_OK, or what ub_stream_new() says. */
ub_status engine_new(const ub_stream_settings *settings, engine **out, ub_message *why);

/** NULL is fine. */
void engine_free(engine *e);

/** Forget all sound. All below are for the audio thread. */
void engine_reset(engine *e);

/** Fade between the sound of the stream and the delayed input. */
void engine_enable(engine *e, bool enabled);

/** Fade between the mix and what it lacks of the input. */
void engine_listen_to_removed(engine *e, bool removed);

/** Fade to silence, before another engine takes over. */
void engine_close(engine *e);
bool engine_is_closed(const engine *e);

/** Be silent while the first samples pass through, then fade in: for an engine that takes over. */
void engine_open_late(engine *e);

/** As ub_stream_process(). Where the engine is bypassed, `out` is the delayed input bit by bit;
    stems go on. */
void engine_process(engine *e, const float *const *in, float *const *out, float *const *stems,
                    size_t n_stems, size_t n);

#endif
