// SPDX-License-Identifier: GPL-3.0-or-later
#include "hearing.h"
#include "ground/floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = UB_STREAM_MAX_SOURCES * (UB_DICTIONARY_MAX_PITCH + 1) };

// What rises first must be seen to have risen: longer looks would be late, shorter ones hear one
// note as two.
static const double LOOK_AHEAD_S = 0.012;

ub_status ub_hearing_new(const ub_dictionary *dictionary, double hop_s, ub_hearing *out)
{
    ub_hearing hearing = {0};
    if (ub_dictionary_n_notes(dictionary) == 0) {
        *out = hearing;
        return UB_OK;
    }
    ub_note_tracker_settings settings = ub_note_tracker_settings_default();
    settings.frame_rate_hz = 1.0 / hop_s;
    settings.look_ahead_frames = (size_t)ceil(LOOK_AHEAD_S / hop_s);
    ub_status status = ub_keys_new(dictionary, &hearing.keys, NULL);
    status =
        status ? status : ub_note_tracker_new(&settings, hearing.keys.n, &hearing.tracker, NULL);
    hearing.sums = ub_floats_new(hearing.keys.n);
    hearing.events = calloc(2 * hearing.keys.n, sizeof *hearing.events);
    if (status || !hearing.sums || !hearing.events) {
        ub_hearing_free(&hearing);
        return UB_NO_MEMORY; // settings and keys are known to be good
    }
    *out = hearing;
    return UB_OK;
}

void ub_hearing_free(ub_hearing *hearing)
{
    ub_keys_free(&hearing->keys);
    ub_note_tracker_free(hearing->tracker);
    free(hearing->sums);
    free(hearing->events);
    *hearing = (ub_hearing){0};
}

ub_status ub_note_queue_new(ub_note_queue *out)
{
    *out = (ub_note_queue){.capacity = 4 * MOST_KEYS};
    out->notes = calloc(out->capacity, sizeof *out->notes);
    return out->notes ? UB_OK : UB_NO_MEMORY;
}

void ub_note_queue_free(ub_note_queue *queue)
{
    free(queue->notes);
    *queue = (ub_note_queue){0};
}

static void put(const ub_hearing *hearing, size_t n, uint64_t sample, ub_note_queue *queue)
{
    for (size_t i = 0; i < n; i++) {
        const ub_note_event *event = &hearing->events[i];
        queue->notes[(queue->first + queue->n++) % queue->capacity] = (ub_stream_note){
            .sample = sample,
            .pitch = hearing->keys.pitch[event->key],
            .velocity = event->is_on ? event->velocity : 0,
            .source = hearing->keys.source[event->key],
        };
    }
}

// All keys that sound may end on top of what a frame brings.
static bool has_room(const ub_hearing *hearing, const ub_note_queue *queue)
{
    return queue->n + 3 * hearing->keys.n <= queue->capacity;
}

void ub_hearing_frame(ub_hearing *hearing, const float *activations, uint64_t sample,
                      ub_note_queue *queue)
{
    if (hearing->tracker && has_room(hearing, queue)) {
        ub_keys_add_up(&hearing->keys, activations, 1.0f, hearing->sums);
        put(hearing, ub_note_tracker_frame(hearing->tracker, hearing->sums, hearing->events),
            sample, queue);
    }
}

void ub_hearing_end(ub_hearing *hearing, uint64_t sample, ub_note_queue *queue)
{
    if (hearing->tracker) {
        put(hearing, ub_note_tracker_reset(hearing->tracker, hearing->events), sample, queue);
    }
}

size_t ub_note_queue_take(ub_note_queue *queue, ub_stream_note *notes, size_t most)
{
    const size_t n = queue->n < most ? queue->n : most;
    for (size_t i = 0; i < n; i++) {
        notes[i] = queue->notes[(queue->first + i) % queue->capacity];
    }
    queue->first = (queue->first + n) % queue->capacity;
    queue->n -= n;
    return n;
}
