// SPDX-License-Identifier: GPL-3.0-or-later
// A note begins where the flux of its key is a maximum and large enough. It ends where its key
// falls faster than a string dies away by itself, or to a part of its peak, or where the next one
// begins.
#include "flux.h"
#include "ground/floats.h"
#include "unbraid/note_tracker.h"
#include "verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACK_LAGS = 2, // before a maximum, in which nothing may be larger
    ATTACK_LAGS = 6, // in which an attack may die away as fast as it likes
    MOST_AHEAD = 64
};

static const double FORGET_S = 10.0; // for the loudness to fall to a third
static const double CANDIDATE = 0.02; // of the loudness: what a verdict is asked for
static const float GONE = 0.1f; // of the peak: where a note ends at the latest
static const float DAMPED = 0.65f; // falling to that over twice the lag is more than dying away
static const double END_EARLY = 1.0; // lags that a note ends before its fall is that steep

struct ub_note_tracker {
    ub_note_tracker_settings settings;
    ub_heard heard; // pitches and neighbours are owned
    int *pitches;
    size_t *neighbours; // 2 x n_keys
    size_t patience; // frames that all is done later, for verdicts
    size_t n_frames; // so far
    float *peak; // per key, of the note that sounds; 0: none
    size_t *began; // per key: frame in which it began
    float fading;
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
        !(s->quietest >= 0.0) || (s->hindsight && !s->pitches)) {
        return ub_fail(why, UB_BAD_SETTING, "a setting of the note tracker is out of range");
    }
    return n_keys > 0 ? UB_OK : ub_fail(why, UB_BAD_SHAPE, "a note tracker needs a key");
}

// The key of the same source that is so many semitones higher; n_keys when there is none.
static size_t key_at(const ub_note_tracker *tracker, size_t key, int semitones)
{
    const size_t n = tracker->heard.n_keys;
    const int wanted = tracker->pitches[key] + semitones;
    size_t at = key; // within a source pitches ascend
    while (semitones > 0 && at + 1 < n && tracker->pitches[at + 1] > tracker->pitches[at] &&
           tracker->pitches[at] < wanted) {
        at++;
    }
    while (semitones < 0 && at > 0 && tracker->pitches[at - 1] < tracker->pitches[at] &&
           tracker->pitches[at] > wanted) {
        at--;
    }
    return tracker->pitches[at] == wanted ? at : n;
}

static void meet_neighbours(ub_note_tracker *tracker)
{
    const size_t n = tracker->heard.n_keys;
    memcpy(tracker->pitches, tracker->settings.pitches, n * sizeof *tracker->pitches);
    for (size_t key = 0; key < n; key++) {
        tracker->neighbours[key] = key_at(tracker, key, -19);
        tracker->neighbours[n + key] = key_at(tracker, key, 12);
    }
}

static ub_status allocate(ub_note_tracker *tracker)
{
    ub_heard *heard = &tracker->heard;
    const size_t n = heard->n_keys;
    heard->activations = ub_floats_new(heard->n_held * n);
    heard->flux = ub_floats_new(heard->n_held * n);
    heard->loudest = ub_floats_new(heard->n_held);
    tracker->peak = ub_floats_new(n);
    tracker->began = calloc(n, sizeof *tracker->began);
    tracker->pitches = calloc(n, sizeof *tracker->pitches);
    tracker->neighbours = calloc(2 * n, sizeof *tracker->neighbours);
    heard->pitches = tracker->pitches;
    heard->twelfth_below = tracker->neighbours;
    heard->octave_above = tracker->neighbours ? tracker->neighbours + n : NULL;
    return heard->activations && heard->flux && heard->loudest && tracker->peak && tracker->began &&
                   tracker->pitches && tracker->neighbours
               ? UB_OK
               : UB_NO_MEMORY;
}

static void plan(ub_note_tracker *tracker, const ub_note_tracker_settings *settings, size_t n_keys)
{
    const size_t lag = ub_flux_lag(settings->frame_rate_hz), ahead = settings->look_ahead_frames;
    const size_t wanted = settings->hindsight ? (UB_VERDICT_LAGS - 1) * lag : 0;
    tracker->settings = *settings;
    tracker->patience = wanted > ahead ? wanted - ahead : 0;
    tracker->fading = (float)exp(-1.0 / (FORGET_S * settings->frame_rate_hz));
    tracker->heard = (ub_heard){.n_keys = n_keys,
                                .lag = lag,
                                .n_held = (2 + BACK_LAGS) * lag + ahead + tracker->patience +
                                          (settings->hindsight ? ub_verdict_frames(lag) : 2),
                                .loudness = (float)settings->loudness};
}

ub_status ub_note_tracker_new(const ub_note_tracker_settings *settings, size_t n_keys,
                              ub_note_tracker **out, ub_message *why)
{
    ub_status status = check(settings, n_keys, why);
    if (status) {
        return status;
    }
    ub_note_tracker *tracker = calloc(1, sizeof *tracker);
    status = UB_NO_MEMORY;
    if (tracker) {
        plan(tracker, settings, n_keys);
        status = allocate(tracker);
    }
    if (status) {
        ub_note_tracker_free(tracker);
        return ub_fail(why, status, "no memory to track %zu keys", n_keys);
    }
    if (settings->hindsight) {
        meet_neighbours(tracker);
    }
    tracker->settings.pitches = tracker->pitches; // the caller's may go
    *out = tracker;
    return UB_OK;
}

void ub_note_tracker_free(ub_note_tracker *tracker)
{
    if (tracker) {
        free(tracker->heard.activations);
        free(tracker->heard.flux);
        free(tracker->peak);
        free(tracker->began);
        free(tracker->heard.loudest);
        free(tracker->pitches);
        free(tracker->neighbours);
        free(tracker);
    }
}

UB_RT size_t ub_note_tracker_latency(const ub_note_tracker *tracker)
{
    return tracker->heard.lag + tracker->settings.look_ahead_frames + tracker->patience;
}

// Frames before the first are silent: their places in the rings are zero.
static void take(ub_note_tracker *tracker, const float *activations)
{
    const size_t t = tracker->n_frames + tracker->heard.n_held;
    float *now = ub_heard_row(&tracker->heard, tracker->heard.activations, t);
    float *flux = ub_heard_row(&tracker->heard, tracker->heard.flux, t);
    const float *before =
        ub_heard_row(&tracker->heard, tracker->heard.activations, t - 2 * tracker->heard.lag);
    float loudest = 0.0f;
    for (size_t key = 0; key < tracker->heard.n_keys; key++) {
        const float a = activations[key];
        now[key] = a > 0.0f && a <= 1e30f ? a : 0.0f;
        flux[key] = ub_flux(before[key], now[key]);
        loudest = now[key] > loudest ? now[key] : loudest;
    }
    tracker->heard.loudest[t % tracker->heard.n_held] = loudest;
    if (tracker->settings.loudness <= 0.0) {
        const float largest = ub_flux_largest(before, now, tracker->heard.n_keys);
        tracker->heard.loudness *= tracker->fading;
        tracker->heard.loudness =
            largest > tracker->heard.loudness ? largest : tracker->heard.loudness;
    }
}

// Whether the flux that is `ahead` frames old is the largest of its neighbourhood.
static bool is_peak(const ub_note_tracker *tracker, size_t key, size_t at, size_t ahead)
{
    const float flux = ub_heard_row(&tracker->heard, tracker->heard.flux, at)[key];
    for (size_t i = 1; i <= BACK_LAGS * tracker->heard.lag; i++) {
        if (ub_heard_row(&tracker->heard, tracker->heard.flux, at - i)[key] >= flux) {
            return false; // of equal ones the first
        }
    }
    for (size_t i = 1; i <= ahead; i++) {
        if (ub_heard_row(&tracker->heard, tracker->heard.flux, at + i)[key] > flux) {
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
    const double v = 100.0 * sqrt((double)flux / (double)tracker->heard.loudness);
    return v < 1.0 ? 1 : v > 127.0 ? 127 : (int)lrint(v);
}

static void begin(ub_note_tracker *tracker, size_t key, size_t at, ub_note_event *event)
{
    const float flux = ub_heard_row(&tracker->heard, tracker->heard.flux, at)[key];
    const bool has_after = tracker->settings.look_ahead_frames > 0;
    const double shift =
        has_after ? top_of(ub_heard_row(&tracker->heard, tracker->heard.flux, at - 1)[key], flux,
                           ub_heard_row(&tracker->heard, tracker->heard.flux, at + 1)[key])
                  : 0.0;
    // The flux of frame t is that around t - lag.
    const double frame = (double)at - (double)(tracker->heard.n_held + tracker->heard.lag) + shift;
    *event = (ub_note_event){
        .key = key,
        .is_on = true,
        .velocity = velocity_of(tracker, flux),
        .frame = frame > 0.0 ? frame : 0.0,
    };
    tracker->began[key] = at - tracker->heard.lag;
    tracker->peak[key] = 0.0f;
    for (size_t i = 0; i <= tracker->settings.look_ahead_frames; i++) {
        const float a = ub_heard_row(&tracker->heard, tracker->heard.activations, at + i)[key];
        tracker->peak[key] = a > tracker->peak[key] ? a : tracker->peak[key];
    }
}

// Whether the note that sounds on a key was over a lag ago.
static bool ends(ub_note_tracker *tracker, size_t key, size_t now)
{
    const size_t lag = tracker->heard.lag;
    const float a = ub_heard_row(&tracker->heard, tracker->heard.activations, now)[key];
    float *peak = &tracker->peak[key];
    *peak = a > *peak ? a : *peak;
    if (ub_heard_row(&tracker->heard, tracker->heard.activations, now - lag)[key] < GONE * *peak) {
        return true;
    }
    return now >= tracker->began[key] + (ATTACK_LAGS + 1) * lag &&
           a < DAMPED *
                   ub_heard_row(&tracker->heard, tracker->heard.activations, now - 2 * lag)[key];
}

static void end(ub_note_tracker *tracker, size_t key, size_t now, ub_note_event *event)
{
    const double lag = (double)tracker->heard.lag;
    const double frame = (double)(now - tracker->heard.n_held) - (1.0 + END_EARLY) * lag;
    *event = (ub_note_event){.key = key, .frame = frame > 0.0 ? frame : 0.0};
    tracker->peak[key] = 0.0f;
}

UB_RT size_t ub_note_tracker_frame(ub_note_tracker *tracker, const float *activations,
                                   ub_note_event *events)
{
    take(tracker, activations);
    const size_t ahead = tracker->settings.look_ahead_frames;
    const size_t now = tracker->n_frames + tracker->heard.n_held - tracker->patience;
    const size_t at = now - ahead;
    const bool hindsight = tracker->settings.hindsight;
    const double share = hindsight ? CANDIDATE : tracker->settings.threshold;
    const float least =
        fmaxf((float)share * tracker->heard.loudness, (float)tracker->settings.quietest);
    size_t n = 0;
    for (size_t key = 0; key < tracker->heard.n_keys; key++) {
        const float flux = ub_heard_row(&tracker->heard, tracker->heard.flux, at)[key];
        const bool begins = flux > least && is_peak(tracker, key, at, ahead) &&
                            (!hindsight || ub_verdict(&tracker->heard, key, at));
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

UB_RT size_t ub_note_tracker_reset(ub_note_tracker *tracker, ub_note_event *events)
{
    size_t n = 0;
    for (size_t key = 0; key < tracker->heard.n_keys; key++) {
        if (tracker->peak[key] > 0.0f) {
            end(tracker, key, tracker->n_frames + tracker->heard.n_held, &events[n++]);
        }
    }
    const size_t n_floats = tracker->heard.n_held * tracker->heard.n_keys;
    memset(tracker->heard.activations, 0, n_floats * sizeof(float));
    memset(tracker->heard.flux, 0, n_floats * sizeof(float));
    memset(tracker->heard.loudest, 0, tracker->heard.n_held * sizeof(float));
    memset(tracker->peak, 0, tracker->heard.n_keys * sizeof(float));
    tracker->heard.loudness = (float)tracker->settings.loudness;
    tracker->n_frames = 0;
    return n;
}
