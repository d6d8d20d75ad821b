// SPDX-License-Identifier: GPL-3.0-or-later
// Which beginnings are notes.
#include "malloc_guard.h"
#include "notes/judge.h"
#include "piano_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run(piano *p)
{
    ub_note_judge *judge;
    const float silence[2 * PIANO_KEYS] = {0.0f};
    assert_int_equal(ub_note_judge_new(&p->keys, 1.0, 43.0, &judge), UB_OK);
    const size_t late = ub_note_judge_latency(judge);
    for (size_t t = 0; t < PIANO_FRAMES + late; t++) {
        ub_note_judge_take(judge, t < PIANO_FRAMES ? p->sounding[t] : silence);
        if (t >= late) {
            assert_memory_equal(ub_note_judge_frame(judge, late), p->sounding[t - late],
                                p->keys.n * sizeof(float));
            memcpy(p->begins[t - late], ub_note_judge_verdicts(judge), p->keys.n);
            for (size_t key = 0; key < PIANO_KEYS; key++) {
                if (p->begins[t - late][key]) {
                    p->began[key] = (double)(t - late) + ub_note_judge_beginning(judge, key);
                }
            }
        }
    }
    ub_note_judge_free(judge);
}

static void a_note_that_is_struck_begins_once_where_it_rises(void **state)
{
    (void)state;
    for (size_t key = 0; key < PIANO_KEYS; key += 29) {
        piano *p = piano_new(1);
        piano_strike(p, key, PIANO_ONSET, 1.0f);
        run(p);
        assert_int_equal(piano_n_all(p), 1);
        assert_true(p->begins[PIANO_ONSET][key] || p->begins[PIANO_ONSET - 1][key]);
        free(p);
    }
}

static void a_faint_echo_on_a_key_with_shared_partials_is_no_note(void **state)
{
    (void)state;
    const size_t above[] = {12, 19, 24, 28};
    for (size_t i = 0; i < 4; i++) {
        piano *p = piano_new(1);
        piano_strike(p, 30, PIANO_ONSET, 1.0f);
        piano_strike(p, 30 + above[i], PIANO_ONSET, 0.05f);
        run(p);
        assert_int_equal(piano_n_begun(p, 30), 1);
        assert_int_equal(piano_n_begun(p, 30 + above[i]), 0);
        free(p);
    }
}

static void chords_and_repeats_are_notes(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    const size_t chord[] = {30, 34, 37, 42};
    for (size_t i = 0; i < 4; i++) {
        piano_strike(p, chord[i], 60, 0.7f);
        piano_strike(p, chord[i], 110, 0.7f);
    }
    run(p);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(piano_n_begun(p, chord[i]), 2);
    }
    free(p);
}

static void sources_are_judged_by_their_own_keys(void **state)
{
    (void)state;
    piano *p = piano_new(2);
    piano_strike(p, 30, PIANO_ONSET, 1.0f);
    piano_strike(p, PIANO_KEYS + 50, PIANO_ONSET, 0.6f);
    run(p);
    assert_int_equal(piano_n_begun(p, 30), 1);
    assert_int_equal(piano_n_begun(p, PIANO_KEYS + 50), 1);
    free(p);
}

static void silence_and_steady_sound_have_no_notes(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    run(p);
    assert_int_equal(piano_n_all(p), 0);
    for (size_t t = 0; t < PIANO_FRAMES; t++) {
        for (size_t key = 0; key < PIANO_KEYS; key++) {
            p->sounding[t][key] = 0.3f * fminf(1.0f, (float)t / 150.0f);
        }
    }
    run(p);
    assert_int_equal(piano_n_all(p), 0);
    free(p);
}

static void a_note_begins_when_its_rise_does_however_long_that_takes(void **state)
{
    (void)state;
    for (size_t rise = 1; rise <= 8; rise++) {
        piano *p = piano_new(1);
        for (size_t t = PIANO_ONSET; t < PIANO_FRAMES; t++) {
            const double x = fmin(1.0, (double)(t - PIANO_ONSET) / (double)rise);
            p->sounding[t][30] = (float)(0.5 - 0.5 * cos(3.14159265358979 * x)); // slow at first
        }
        run(p);
        assert_true(piano_n_begun(p, 30) >= 1); // two frames may have the same flux
        // A quarter of the height is a third of the way. Between frames it is a straight line.
        const double third = (double)rise / 3.0;
        assert_true(p->began[30] >= PIANO_ONSET + third - 0.5 &&
                    p->began[30] <= PIANO_ONSET + third + 0.5);
        free(p);
    }
}

static void a_repeat_begins_where_its_own_rise_does(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    piano_strike(p, 30, 60, 0.7f);
    piano_strike(p, 30, 110, 0.7f);
    run(p);
    assert_int_equal(piano_n_begun(p, 30), 2);
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
