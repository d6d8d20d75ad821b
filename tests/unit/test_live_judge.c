// SPDX-License-Identifier: GPL-3.0-or-later
// Which beginnings are notes, while the sound plays.
#include "malloc_guard.h"
#include "notes/live_judge.h"
#include "piano_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LATENCY = 2 };

static ub_live_judge *judge_new(const piano *p)
{
    ub_live_judge *judge = NULL;
    assert_int_equal(ub_live_judge_new(&p->keys, 43.0, LATENCY, &judge), UB_OK);
    return judge;
}

static void hear(piano *p, ub_live_judge *judge)
{
    memset(p->begins, 0, sizeof p->begins);
    for (size_t t = 0; t < PIANO_FRAMES; t++) {
        const bool *verdicts = ub_live_judge_frame(judge, p->sounding[t]);
        if (t >= LATENCY) {
            memcpy(p->begins[t - LATENCY], verdicts, p->keys.n);
        }
    }
}

static void run(piano *p)
{
    ub_live_judge *judge = judge_new(p);
    hear(p, judge);
    ub_live_judge_free(judge);
}

static void a_note_that_is_struck_begins_once_where_it_rises(void **state)
{
    (void)state;
    for (size_t key = 10; key < PIANO_KEYS; key += 22) {
        piano *p = piano_new(1);
        piano_strike(p, key, PIANO_ONSET, 1.0f);
        run(p);
        assert_int_equal(piano_n_all(p), 1);
        assert_true(p->begins[PIANO_ONSET][key] || p->begins[PIANO_ONSET - 1][key]);
        free(p);
    }
}

static void a_faint_echo_of_another_key_is_no_note(void **state)
{
    (void)state;
    const size_t others[] = {1, 12, 19, 24, 28};
    for (size_t i = 0; i < 5; i++) {
        piano *p = piano_new(1);
        piano_strike(p, 30, PIANO_ONSET, 1.0f);
        piano_strike(p, 30 + others[i], PIANO_ONSET, 0.05f);
        run(p);
        assert_int_equal(piano_n_begun(p, 30), 1);
        assert_int_equal(piano_n_begun(p, 30 + others[i]), 0);
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

// What is a semitone away on another instrument stands in nobody's way.
static void sources_are_judged_by_their_own_keys(void **state)
{
    (void)state;
    piano *p = piano_new(2);
    piano_strike(p, 30, PIANO_ONSET, 0.5f);
    piano_strike(p, PIANO_KEYS + 31, PIANO_ONSET, 0.5f);
    run(p);
    assert_int_equal(piano_n_begun(p, 30), 1);
    assert_int_equal(piano_n_begun(p, PIANO_KEYS + 31), 1);
    assert_int_equal(piano_n_all(p), 2);
    free(p);
}

// Everything is measured by what was heard: the same ten thousand times as loud is the same.
static void loudness_alone_changes_nothing(void **state)
{
    (void)state;
    piano *p[2] = {piano_new(1), piano_new(1)};
    for (size_t i = 0; i < 2; i++) {
        const float level = i ? 100.0f : 0.01f;
        piano_strike(p[i], 40, 50, level);
        piano_strike(p[i], 47, 90, 0.3f * level);
        piano_strike(p[i], 52, 130, 0.02f * level);
        run(p[i]);
    }
    assert_true(piano_n_all(p[0]) >= 2);
    assert_memory_equal(p[0]->begins, p[1]->begins, sizeof p[0]->begins);
    free(p[0]);
    free(p[1]);
}

static void silence_noise_floor_and_slow_swells_have_no_notes(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    run(p);
    assert_int_equal(piano_n_all(p), 0);
    piano_strike(p, 40, PIANO_ONSET, 4e-5f); // below -80 dB
    run(p);
    assert_int_equal(piano_n_all(p), 0);
    for (size_t t = 40; t < PIANO_FRAMES; t++) {
        for (size_t key = 0; key < PIANO_KEYS; key++) {
            p->sounding[t][key] = 0.3f * fminf(1.0f, (float)(t - 40) / 150.0f);
        }
    }
    piano_strike(p, 40, 20, 1.0f); // what is loud must have been heard
    run(p);
    assert_int_equal(piano_n_all(p), 1);
    assert_int_equal(piano_n_begun(p, 40), 1);
    free(p);
}

static void what_is_no_number_counts_as_silence(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    for (size_t t = 10; t < 40; t++) {
        p->sounding[t][4] = t % 3 ? NAN : t % 2 ? INFINITY : -1.0f;
    }
    piano_strike(p, 40, PIANO_ONSET, 1.0f);
    run(p);
    assert_int_equal(piano_n_all(p), 1);
    assert_int_equal(piano_n_begun(p, 40), 1);
    free(p);
}

// And none of it allocates.
static void after_a_reset_all_is_as_new(void **state)
{
    (void)state;
    piano *loud = piano_new(1), *p = piano_new(1), *fresh = piano_new(1);
    piano_strike(loud, 45, 150, 50.0f);
    piano_strike(p, 40, 20, 0.1f);
    memcpy(fresh->sounding, p->sounding, sizeof p->sounding);
    ub_live_judge *judge = judge_new(p);
    malloc_guard_start(0);
    hear(loud, judge);
    ub_live_judge_reset(judge);
    hear(p, judge);
    assert_int_equal(malloc_guard_stop(NULL), 0);
    run(fresh);
    assert_int_equal(piano_n_begun(fresh, 40), 1);
    assert_memory_equal(p->begins, fresh->begins, sizeof p->begins);
    ub_live_judge_free(judge);
    free(loud);
    free(p);
    free(fresh);
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
        ub_live_judge *judge = NULL;
        size_t held;
        malloc_guard_start(n);
        status = ub_live_judge_new(&p->keys, 43.0, LATENCY, &judge);
        ub_live_judge_free(judge);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
    }
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_that_is_struck_begins_once_where_it_rises),
        cmocka_unit_test(a_faint_echo_of_another_key_is_no_note),
        cmocka_unit_test(chords_and_repeats_are_notes),
        cmocka_unit_test(sources_are_judged_by_their_own_keys),
        cmocka_unit_test(loudness_alone_changes_nothing),
        cmocka_unit_test(silence_noise_floor_and_slow_swells_have_no_notes),
        cmocka_unit_test(what_is_no_number_counts_as_silence),
        cmocka_unit_test(after_a_reset_all_is_as_new),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
