// SPDX-License-Identifier: GPL-3.0-or-later
// A note begins where the flux of its key is a maximum and large enough. It ends where its key
// falls faster than a string dies away by itself, or to a part of its peak, or where the next one
// begins.
#include "tracker.h"
#include "flux.h"
#include "ground/floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACK_LAGS = 2, // before a maximum, in which nothing may be larger
    ATTACK_LAGS = 6, // in which an attack may die away as fast as it likes
    MOST_AHEAD = 64
};

static const double FORGET_S = 10.0; // for the loudness to fall to a third
static const float GONE = 0.1f; // of the peak: where a note ends at the latest
static const float DAMPED = 0.65f; // falling to that over twice the lag is more than dying away
static const double END_EARLY = 1.0; // lags that a note ends before its fall is that steep

struct ub_note_tracker {
    ub_note_tracker_settings settings;
    size_t n_keys, lag, n_held; // frames that are held, a ring
    size_t n_frames; // so far
    float *activations; // n_held x n_keys
    float *flux; // n_held x n_keys: frame t holds that of t - lag
    float *peak; // per key, of the note that sounds; 0: none
    size_t *began; // per key: frame in which it began
    float loudness, fading;
};

ub_note_tracker_settings ub_note_tracker_settings_default(void)
{
    return (ub_note_tracker_settings){
        .frame_rate_hz = 43.0, .look_ahead_frames = 2, .threshold = 0.16, .quietest = 1e-4};
}

static ub_status check(const ub_note_tracker_settings *s, size_t n_keys, ub_message *why)
{
    if (!(s->frame_rate_hz >= 1.0 && s->frame_rate_hz <= 1e4) ||
        s->look_ahead_frames > MOST_AHEAD || !(s->threshold > 0.0) || !(s->loudness >= 0.0) ||
        !(s->quietest >= 0.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a setting of the note tracker is out of range");
    }
    return n_keys > 0 ? UB_OK : ub_fail(why, UB_BAD_SHAPE, "a note tracker needs a key");
}

ub_status ub_note_tracker_new(const ub_note_tracker_settings *settings, size_t n_keys,
                              ub_note_tracker **out, ub_message *why)
{
    ub_status status = check(settings, n_keys, why);
    if (status) {
        return status;
    }
    ub_note_tracker *tracker = calloc(1, sizeof *tracker);
    if (tracker) {
        tracker->settings = *settings;
        tracker->n_keys = n_keys;
        tracker->lag = ub_flux_lag(settings->frame_rate_hz);
        tracker->n_held =
            2 * tracker->lag + settings->look_ahead_frames + BACK_LAGS * tracker->lag + 2;
        tracker->activations = ub_floats_new(tracker->n_held * n_keys);
        tracker->flux = ub_floats_new(tracker->n_held * n_keys);
        tracker->peak = ub_floats_new(n_keys);
        tracker->began = calloc(n_keys, sizeof *tracker->began);
        tracker->fading = (float)exp(-1.0 / (FORGET_S * settings->frame_rate_hz));
        tracker->loudness = (float)settings->loudness;
    }
    if (!tracker || !tracker->activations || !tracker->flux || !tracker->peak || !tracker->began) {
        ub_note_tracker_free(tracker);
        return ub_fail(why, UB_NO_MEMORY, "no memory to track %zu keys", n_keys);
    }
    *out = tracker;
    return UB_OK;
}

void ub_note_tracker_free(ub_note_tracker *tracker)
{
    if (tracker) {
        free(tracker->activations);
        free(tracker->flux);
        free(tracker->peak);
        free(tracker->began);
        free(tracker);
    }
}

UB_RT size_t ub_note_tracker_latency(const ub_note_tracker *tracker)
{
    return tracker->lag + tracker->settings.look_ahead_frames;
}

// Frames before the first are silent: their places in the ring are zero.
static float *row(const ub_note_tracker *tracker, float *ring, size_t frame)
{
    return ring + frame % tracker->n_held * tracker->n_keys;
}

static void take(ub_note_tracker *tracker, const float *activations)
{
    const size_t t = tracker->n_frames + tracker->n_held;
    float *now = row(tracker, tracker->activations, t);
    float *flux = row(tracker, tracker->flux, t);
    const float *before = row(tracker, tracker->activations, t - 2 * tracker->lag);
    for (size_t key = 0; key < tracker->n_keys; key++) {
        const float a = activations[key];
        now[key] = a > 0.0f && a <= 1e30f ? a : 0.0f;
        flux[key] = ub_flux(before[key], now[key]);
    }
    if (tracker->settings.loudness <= 0.0) {
        const float largest = ub_flux_largest(before, now, tracker->n_keys);
        tracker->loudness *= tracker->fading;
        tracker->loudness = largest > tracker->loudness ? largest : tracker->loudness;
    }
}

// Whether the flux that is `ahead` frames old is the largest of its neighbourhood.
static bool is_peak(const ub_note_tracker *tracker, size_t key, size_t at, size_t ahead)
{
    const float flux = row(tracker, tracker->flux, at)[key];
    for (size_t i = 1; i <= BACK_LAGS * tracker->lag; i++) {
        if (row(tracker, tracker->flux, at - i)[key] >= flux) {
            return false; // of equal ones the first
        }
    }
    for (size_t i = 1; i <= ahead; i++) {
        if (row(tracker, tracker->flux, at + i)[key] > flux) {
            return false;
        }
    }
    return true;
}

// Where the parabola through a maximum and its neighbours has its top.
static double top_of(float before, float at, float after)
{
    const double curve = (double)before - 2.0 * (double)at + (double)after;
    const double shift = curve < 0.0 ? 0.5 * ((double)before - (double)after) / curve : 0.0;
    return fmax(-0.5, fmin(0.5, shift));
}

// Twice the velocity for four times the flux, 100 for that of the loudest.
static int velocity_of(const ub_note_tracker *tracker, float flux)
{
    const double v = 100.0 * sqrt((double)flux / (double)tracker->loudness);
    return v < 1.0 ? 1 : v > 127.0 ? 127 : (int)lrint(v);
}

static void begin(ub_note_tracker *tracker, size_t key, size_t at, ub_note_event *event)
{
    const float flux = row(tracker, tracker->flux, at)[key];
    const bool has_after = tracker->settings.look_ahead_frames > 0;
    const double shift = has_after ? top_of(row(tracker, tracker->flux, at - 1)[key], flux,
                                            row(tracker, tracker->flux, at + 1)[key])
                                   : 0.0;
    // The flux of frame t is that around t - lag.
    const double frame = (double)at - (double)(tracker->n_held + tracker->lag) + shift;
    *event = (ub_note_event){
        .key = key,
        .is_on = true,
        .velocity = velocity_of(tracker, flux),
        .frame = frame > 0.0 ? frame : 0.0,
    };
    tracker->began[key] = at - tracker->lag;
    tracker->peak[key] = 0.0f;
    for (size_t i = 0; i <= tracker->settings.look_ahead_frames; i++) {
        const float a = row(tracker, tracker->activations, at + i)[key];
        tracker->peak[key] = a > tracker->peak[key] ? a : tracker->peak[key];
    }
}

// Whether the note that sounds on a key was over a lag ago.
static bool ends(ub_note_tracker *tracker, size_t key, size_t now)
{
    const size_t lag = tracker->lag;
    const float a = row(tracker, tracker->activations, now)[key];
    float *peak = &tracker->peak[key];
    *peak = a > *peak ? a : *peak;
    if (row(tracker, tracker->activations, now - lag)[key] < GONE * *peak) {
        return true;
    }
    return now >= tracker->began[key] + (ATTACK_LAGS + 1) * lag &&
           a < DAMPED * row(tracker, tracker->activations, now - 2 * lag)[key];
}

static void end(ub_note_tracker *tracker, size_t key, size_t now, ub_note_event *event)
{
    const double lag = (double)tracker->lag;
    const double frame = (double)(now - tracker->n_held) - (1.0 + END_EARLY) * lag;
    *event = (ub_note_event){.key = key, .frame = frame > 0.0 ? frame : 0.0};
    tracker->peak[key] = 0.0f;
}

UB_RT size_t ub_note_tracker_judged(ub_note_tracker *tracker, const float *activations,
                                    const bool *may_begin, ub_note_event *events)
{
    take(tracker, activations);
    const size_t ahead = tracker->settings.look_ahead_frames;
    const size_t now = tracker->n_frames + tracker->n_held, at = now - ahead;
    const float least = fmaxf((float)tracker->settings.threshold * tracker->loudness,
                              (float)tracker->settings.quietest);
    size_t n = 0;
    for (size_t key = 0; key < tracker->n_keys; key++) {
        const float flux = row(tracker, tracker->flux, at)[key];
        const bool begins =
            (!may_begin || may_begin[key]) && flux > least && is_peak(tracker, key, at, ahead);
        const bool sounds = tracker->peak[key] > 0.0f;
        if (sounds && (ends(tracker, key, now) || begins)) {
            end(tracker, key, now, &events[n++]);
        }
        if (begins) {
            begin(tracker, key, at, &events[n]);
            if (sounds && events[n - 1].frame > events[n].frame) {
                events[n - 1].frame = events[n].frame; // struck again
            }
            n++;
        }
    }
    tracker->n_frames++;
    return n;
}

UB_RT size_t ub_note_tracker_frame(ub_note_tracker *tracker, const float *activations,
                                   ub_note_event *events)
{
    return ub_note_tracker_judged(tracker, activations, NULL, events);
}

UB_RT size_t ub_note_tracker_reset(ub_note_tracker *tracker, ub_note_event *events)
{
    size_t n = 0;
    for (size_t key = 0; key < tracker->n_keys; key++) {
        if (tracker->peak[key] > 0.0f) {
            end(tracker, key, tracker->n_frames + tracker->n_held, &events[n++]);
        }
    }
    const size_t n_floats = tracker->n_held * tracker->n_keys;
    memset(tracker->activations, 0, n_floats * sizeof(float));
    memset(tracker->flux, 0, n_floats * sizeof(float));
    memset(tracker->peak, 0, tracker->n_keys * sizeof(float));
    tracker->loudness = (float)tracker->settings.loudness;
    tracker->n_frames = 0;
    return n;
}
