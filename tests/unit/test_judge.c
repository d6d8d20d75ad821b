// SPDX-License-Identifier: GPL-3.0-or-later
// Which beginnings are notes.
#include "malloc_guard.h"
#include "notes/judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_KEYS = 88, LOWEST = 21, N_FRAMES = 200, ONSET = 100 };

typedef struct piano {
    int pitch[2 * N_KEYS];
    size_t source[2 * N_KEYS];
    ub_keys keys;
    float sounding[N_FRAMES][2 * N_KEYS];
    bool begins[N_FRAMES][2 * N_KEYS];
    double began[N_KEYS]; // the last note of each key of the first piano
} piano;

// One or two pianos.
static piano *piano_new(size_t n_sources)
{
    piano *p = calloc(1, sizeof *p);
    if (!p) {
        abort();
    }
    for (size_t i = 0; i < n_sources * N_KEYS; i++) {
        p->pitch[i] = LOWEST + (int)(i % N_KEYS);
        p->source[i] = i / N_KEYS;
    }
    p->keys = (ub_keys){.n = n_sources * N_KEYS, .pitch = p->pitch, .source = p->source};
    return p;
}

// A note that is struck and dies away.
static void strike(piano *p, size_t key, size_t frame, float level)
{
    for (size_t t = frame; t < N_FRAMES; t++) {
        p->sounding[t][key] += level * (t == frame ? 0.5f : expf(-0.02f * (float)(t - frame)));
    }
}

static void run(piano *p)
{
    ub_note_judge *judge;
    const float silence[2 * N_KEYS] = {0.0f};
    assert_int_equal(ub_note_judge_new(&p->keys, 1.0, 43.0, &judge), UB_OK);
    const size_t late = ub_note_judge_latency(judge);
    for (size_t t = 0; t < N_FRAMES + late; t++) {
        ub_note_judge_take(judge, t < N_FRAMES ? p->sounding[t] : silence);
        if (t >= late) {
            assert_memory_equal(ub_note_judge_frame(judge, late), p->sounding[t - late],
                                p->keys.n * sizeof(float));
            memcpy(p->begins[t - late], ub_note_judge_verdicts(judge), p->keys.n);
            for (size_t key = 0; key < N_KEYS; key++) {
                if (p->begins[t - late][key]) {
                    p->began[key] = (double)(t - late) + ub_note_judge_beginning(judge, key);
                }
            }
        }
    }
    ub_note_judge_free(judge);
}

static size_t n_begun(const piano *p, size_t key)
{
    size_t n = 0;
    for (size_t t = 0; t < N_FRAMES; t++) {
        n += p->begins[t][key];
    }
    return n;
}

static size_t n_all(const piano *p)
{
    size_t n = 0;
    for (size_t key = 0; key < p->keys.n; key++) {
        n += n_begun(p, key);
    }
    return n;
}

static void a_note_that_is_struck_begins_once_where_it_rises(void **state)
{
    (void)state;
    for (size_t key = 0; key < N_KEYS; key += 29) {
        piano *p = piano_new(1);
        strike(p, key, ONSET, 1.0f);
        run(p);
        assert_int_equal(n_all(p), 1);
        assert_true(p->begins[ONSET][key] || p->begins[ONSET - 1][key]);
        free(p);
    }
}

static void a_faint_echo_on_a_key_with_shared_partials_is_no_note(void **state)
{
    (void)state;
    const size_t above[] = {12, 19, 24, 28};
    for (size_t i = 0; i < 4; i++) {
        piano *p = piano_new(1);
        strike(p, 30, ONSET, 1.0f);
        strike(p, 30 + above[i], ONSET, 0.05f);
        run(p);
        assert_int_equal(n_begun(p, 30), 1);
        assert_int_equal(n_begun(p, 30 + above[i]), 0);
        free(p);
    }
}

static void chords_and_repeats_are_notes(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    const size_t chord[] = {30, 34, 37, 42};
    for (size_t i = 0; i < 4; i++) {
        strike(p, chord[i], 60, 0.7f);
        strike(p, chord[i], 110, 0.7f);
    }
    run(p);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(n_begun(p, chord[i]), 2);
    }
    free(p);
}

static void sources_are_judged_by_their_own_keys(void **state)
{
    (void)state;
    piano *p = piano_new(2);
    strike(p, 30, ONSET, 1.0f);
    strike(p, N_KEYS + 50, ONSET, 0.6f);
    run(p);
    assert_int_equal(n_begun(p, 30), 1);
    assert_int_equal(n_begun(p, N_KEYS + 50), 1);
    free(p);
}

static void silence_and_steady_sound_have_no_notes(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    run(p);
    assert_int_equal(n_all(p), 0);
    for (size_t t = 0; t < N_FRAMES; t++) {
        for (size_t key = 0; key < N_KEYS; key++) {
            p->sounding[t][key] = 0.3f * fminf(1.0f, (float)t / 150.0f);
        }
    }
    run(p);
    assert_int_equal(n_all(p), 0);
    free(p);
}

static void a_note_begins_when_its_rise_does_however_long_that_takes(void **state)
{
    (void)state;
    for (size_t rise = 1; rise <= 8; rise++) {
        piano *p = piano_new(1);
        for (size_t t = ONSET; t < N_FRAMES; t++) {
            const double x = fmin(1.0, (double)(t - ONSET) / (double)rise);
            p->sounding[t][30] = (float)(0.5 - 0.5 * cos(3.14159265358979 * x)); // slow at first
        }
        run(p);
        assert_true(n_begun(p, 30) >= 1); // two frames may have the same flux
        // A quarter of the height is a third of the way. Between frames it is a straight line.
        const double third = (double)rise / 3.0;
        assert_true(p->began[30] >= ONSET + third - 0.5 && p->began[30] <= ONSET + third + 0.5);
        free(p);
    }
}

static void a_repeat_begins_where_its_own_rise_does(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    strike(p, 30, 60, 0.7f);
    strike(p, 30, 110, 0.7f);
    run(p);
    assert_int_equal(n_begun(p, 30), 2);
    assert_true(p->began[30] > 108.9 && p->began[30] < 110.0); // between the frames of the rise
    free(p);
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    piano *p = piano_new(1);
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        ub_note_judge *judge = NULL;
        size_t held;
        malloc_guard_start(n);
        status = ub_note_judge_new(&p->keys, 1.0, 43.0, &judge);
        ub_note_judge_free(judge);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
    }
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_that_is_struck_begins_once_where_it_rises),
        cmocka_unit_test(a_faint_echo_on_a_key_with_shared_partials_is_no_note),
        cmocka_unit_test(chords_and_repeats_are_notes),
        cmocka_unit_test(sources_are_judged_by_their_own_keys),
        cmocka_unit_test(silence_and_steady_sound_have_no_notes),
        cmocka_unit_test(a_note_begins_when_its_rise_does_however_long_that_takes),
        cmocka_unit_test(a_repeat_begins_where_its_own_rise_does),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
