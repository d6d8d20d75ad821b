// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"
#include "unbraid/note_tracker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_KEYS = 25, N_FRAMES = 200, MOST_EVENTS = 200 };

// Activations of a note: it rises over four frames and then dies away slowly.
static void add_note(float *activations, size_t key, size_t first, size_t n, float peak)
{
    for (size_t i = 0; i < n; i++) {
        const float rise = i < 4 ? 0.25f * (float)(i + 1) : powf(0.97f, (float)(i - 3));
        activations[(first + i) * N_KEYS + key] += peak * rise;
    }
}

static float *silence(void)
{
    float *activations = calloc(N_FRAMES * N_KEYS, sizeof *activations);
    assert_non_null(activations);
    return activations;
}

static ub_note_tracker *tracker_for(double loudness)
{
    ub_note_tracker_settings settings = ub_note_tracker_settings_default();
    settings.loudness = loudness;
    ub_note_tracker *tracker = NULL;
    assert_int_equal(ub_note_tracker_new(&settings, N_KEYS, &tracker, NULL), UB_OK);
    return tracker;
}

// Everything that a tracker says of N_FRAMES frames; `when` gets the frame that said it.
static size_t run(ub_note_tracker *tracker, const float *activations, ub_note_event *events,
                  size_t *when)
{
    ub_note_event some[2 * N_KEYS];
    size_t n = 0;
    for (size_t t = 0; t < N_FRAMES; t++) {
        const size_t now = ub_note_tracker_frame(tracker, activations + t * N_KEYS, some);
        for (size_t i = 0; i < now; i++) {
            assert_true(n < MOST_EVENTS && isfinite(some[i].frame) && some[i].frame >= 0.0);
            when[n] = t;
            events[n++] = some[i];
        }
    }
    return n;
}

static void a_note_begins_and_ends_once(void **state)
{
    (void)state;
    for (size_t follows = 0; follows < 2; follows++) {
        ub_note_tracker *tracker = tracker_for(follows ? 0.0 : 0.5);
        float *activations = silence();
        add_note(activations, 7, 60, 30, 1.0f);
        ub_note_event events[MOST_EVENTS];
        size_t when[MOST_EVENTS];
        assert_int_equal(run(tracker, activations, events, when), 2);
        assert_true(events[0].is_on && !events[1].is_on);
        assert_true(events[0].key == 7 && events[1].key == 7);
        assert_true(events[0].velocity >= 1 && events[0].velocity <= 127);
        assert_true(fabs(events[0].frame - 61.0) <= 1.0);
        assert_true(fabs(events[1].frame - 89.0) <= 2.0);
        assert_true((double)when[0] - events[0].frame <=
                    (double)ub_note_tracker_latency(tracker) + 0.5);
        free(activations);
        ub_note_tracker_free(tracker);
    }
}

static void live_events_come_within_a_tenth_of_a_second(void **state)
{
    (void)state;
    ub_note_tracker *tracker = tracker_for(0.0);
    assert_true((double)ub_note_tracker_latency(tracker) / 43.0 < 0.1);
    ub_note_tracker_free(tracker);
}

static void louder_notes_have_more_velocity(void **state)
{
    (void)state;
    ub_note_tracker *tracker = tracker_for(1.0);
    float *activations = silence();
    for (size_t i = 0; i < 4; i++) {
        add_note(activations, 3 + i, 20 + 40 * i, 30, 0.5f + 0.3f * (float)i);
    }
    ub_note_event events[MOST_EVENTS];
    size_t when[MOST_EVENTS];
    assert_int_equal(run(tracker, activations, events, when), 8);
    for (size_t i = 2; i < 8; i += 2) {
        assert_true(events[i].velocity > events[i - 2].velocity);
    }
    free(activations);
    ub_note_tracker_free(tracker);
}

static void a_key_that_is_struck_again_ends_first(void **state)
{
    (void)state;
    ub_note_tracker *tracker = tracker_for(0.5);
    float *activations = silence();
    add_note(activations, 5, 40, 40, 1.0f);
    add_note(activations, 5, 52, 28, 1.0f);
    ub_note_event events[MOST_EVENTS];
    size_t when[MOST_EVENTS];
    assert_int_equal(run(tracker, activations, events, when), 4);
    assert_true(events[0].is_on && !events[1].is_on && events[2].is_on && !events[3].is_on);
    assert_true(events[1].frame <= events[2].frame);
    free(activations);
    ub_note_tracker_free(tracker);
}

static void what_is_no_number_counts_as_silence(void **state)
{
    (void)state;
    ub_note_tracker *tracker = tracker_for(0.0);
    float *activations = silence();
    for (size_t t = 10; t < 40; t++) {
        activations[t * N_KEYS + 4] = t % 3 ? NAN : t % 2 ? INFINITY : -1.0f;
    }
    add_note(activations, 9, 100, 20, 1.0f);
    ub_note_event events[MOST_EVENTS];
    size_t when[MOST_EVENTS];
    assert_int_equal(run(tracker, activations, events, when), 2);
    assert_int_equal(events[0].key, 9);
    free(activations);
    ub_note_tracker_free(tracker);
}

static void a_reset_ends_what_sounds_and_forgets(void **state)
{
    (void)state;
    ub_note_tracker *tracker = tracker_for(0.5);
    float *activations = silence();
    add_note(activations, 2, 150, 50, 1.0f);
    ub_note_event events[MOST_EVENTS], again[MOST_EVENTS], ends[N_KEYS];
    size_t when[MOST_EVENTS];
    assert_int_equal(run(tracker, activations, events, when), 1);
    assert_int_equal(ub_note_tracker_reset(tracker, ends), 1);
    assert_true(ends[0].key == 2 && !ends[0].is_on);
    assert_int_equal(ub_note_tracker_reset(tracker, ends), 0);
    assert_int_equal(run(tracker, activations, again, when), 1);
    assert_true(again[0].frame == events[0].frame && again[0].velocity == events[0].velocity);
    free(activations);
    ub_note_tracker_free(tracker);
}

static void frames_allocate_nothing(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_note_tracker *tracker = tracker_for(0.0);
    float *activations = silence();
    add_note(activations, 7, 60, 30, 1.0f);
    ub_note_event events[MOST_EVENTS];
    size_t when[MOST_EVENTS];
    malloc_guard_start(0);
    (void)run(tracker, activations, events, when);
    (void)ub_note_tracker_reset(tracker, events);
    assert_int_equal(malloc_guard_stop(NULL), 0);
    free(activations);
    ub_note_tracker_free(tracker);
}

static void every_allocation_that_fails_is_told(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    const ub_note_tracker_settings settings = ub_note_tracker_settings_default();
    ub_note_tracker *tracker = NULL;
    size_t n = 0;
    for (ub_status status = UB_NO_MEMORY; status; n++) {
        size_t held = 0;
        malloc_guard_start(n + 1);
        status = ub_note_tracker_new(&settings, N_KEYS, &tracker, NULL);
        (void)malloc_guard_stop(&held);
        assert_true(status == UB_OK || (status == UB_NO_MEMORY && held == 0 && !tracker));
    }
    assert_true(n > 5);
    ub_note_tracker_free(tracker);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    ub_note_tracker *tracker = NULL;
    ub_note_tracker_settings settings[5];
    for (size_t i = 0; i < 5; i++) {
        settings[i] = ub_note_tracker_settings_default();
    }
    settings[0].frame_rate_hz = NAN;
    settings[1].look_ahead_frames = 1000;
    settings[2].threshold = 0.0;
    settings[3].loudness = -1.0;
    settings[4].quietest = NAN;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ub_note_tracker_new(&settings[i], N_KEYS, &tracker, NULL), UB_BAD_SETTING);
    }
    const ub_note_tracker_settings usual = ub_note_tracker_settings_default();
    assert_int_equal(ub_note_tracker_new(&usual, 0, &tracker, NULL), UB_BAD_SHAPE);
    assert_null(tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_begins_and_ends_once),
        cmocka_unit_test(live_events_come_within_a_tenth_of_a_second),
        cmocka_unit_test(louder_notes_have_more_velocity),
        cmocka_unit_test(a_key_that_is_struck_again_ends_first),
        cmocka_unit_test(what_is_no_number_counts_as_silence),
        cmocka_unit_test(a_reset_ends_what_sounds_and_forgets),
        cmocka_unit_test(frames_allocate_nothing),
        cmocka_unit_test(every_allocation_that_fails_is_told),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
