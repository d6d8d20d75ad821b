// SPDX-License-Identifier: GPL-3.0-or-later
#include "hearing.h"
#include "ground/floats.h"
#include "notes/drums.h"
#include "notes/tracker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = UB_STREAM_MAX_SOURCES * (UB_DICTIONARY_MAX_PITCH + 1) };

// What rises first must be seen to have risen: longer looks would be late, shorter ones hear one
// note as two.
static const double LOOK_AHEAD_S = 0.011;
// Of short hops each sees little change, and noise: so many are heard as one.
static const double TOGETHER_S = 0.0116;

static const double LEAST = 0.02; // of the loudness: what the judge looks at

static ub_status open_ears(double hop_s, ub_hearing *hearing)
{
    ub_note_tracker_settings settings = ub_note_tracker_settings_default();
    const double frame_s = (double)hearing->n_together * hop_s;
    settings.frame_rate_hz = 1.0 / frame_s;
    settings.look_ahead_frames = (size_t)ceil(LOOK_AHEAD_S / frame_s);
    settings.threshold = hearing->is_judged ? LEAST : settings.threshold;
    ub_status status = ub_note_tracker_new(&settings, hearing->keys.n, &hearing->tracker, NULL);
    if (!status && hearing->is_judged) {
        status = ub_live_judge_new(&hearing->keys, settings.frame_rate_hz,
                                   ub_note_tracker_latency(hearing->tracker), &hearing->judge);
    }
    return status;
}

ub_status ub_hearing_new(const ub_dictionary *dictionary, double hop_s, ub_hearing *out)
{
    ub_hearing hearing = {0};
    if (ub_dictionary_n_notes(dictionary) == 0) {
        *out = hearing;
        return UB_OK;
    }
    hearing.is_judged = !ub_drums_are_in(dictionary);
    hearing.n_together = hearing.is_judged ? (size_t)fmax(1.0, round(TOGETHER_S / hop_s)) : 1;
    ub_status status = ub_keys_new(dictionary, &hearing.keys, NULL);
    status = status ? status : open_ears(hop_s, &hearing);
    hearing.sums = ub_floats_new(hearing.keys.n);
    hearing.frame = ub_floats_new(hearing.keys.n);
    hearing.events = calloc(2 * hearing.keys.n, sizeof *hearing.events);
    if (status || !hearing.sums || !hearing.frame || !hearing.events) {
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
    ub_live_judge_free(hearing->judge);
    free(hearing->frame);
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

// Whether the frames that are heard as one are complete.
static bool add_frame(ub_hearing *hearing, const float *activations)
{
    const float share = 1.0f / (float)hearing->n_together;
    ub_keys_add_up(&hearing->keys, activations, share, hearing->frame);
    for (size_t key = 0; key < hearing->keys.n; key++) {
        hearing->sums[key] =
            hearing->n_heard > 0 ? hearing->sums[key] + hearing->frame[key] : hearing->frame[key];
    }
    hearing->n_heard = (hearing->n_heard + 1) % hearing->n_together;
    return hearing->n_heard == 0;
}

void ub_hearing_frame(ub_hearing *hearing, const float *activations, uint64_t sample,
                      ub_note_queue *queue)
{
    if (!hearing->tracker || !has_room(hearing, queue) || !add_frame(hearing, activations)) {
        return;
    }
    const bool *may_begin =
        hearing->judge ? ub_live_judge_frame(hearing->judge, hearing->sums) : NULL;
    put(hearing,
        ub_note_tracker_judged(hearing->tracker, hearing->sums, may_begin, hearing->events), sample,
        queue);
}

void ub_hearing_end(ub_hearing *hearing, uint64_t sample, ub_note_queue *queue)
{
    if (hearing->tracker) {
        put(hearing, ub_note_tracker_reset(hearing->tracker, hearing->events), sample, queue);
        hearing->n_heard = 0;
    }
    if (hearing->judge) {
        ub_live_judge_reset(hearing->judge);
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
