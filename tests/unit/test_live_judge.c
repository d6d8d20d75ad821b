// SPDX-License-Identifier: GPL-3.0-or-later
// Which beginnings are notes, while the sound plays.
#include "malloc_guard.h"
#include "notes/live_judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_KEYS = 88, LOWEST = 21, N_FRAMES = 200, ONSET = 100, LATENCY = 2 };

typedef struct piano {
    int pitch[2 * N_KEYS];
    size_t source[2 * N_KEYS];
    ub_keys keys;
    float sounding[N_FRAMES][2 * N_KEYS];
    bool begins[N_FRAMES][2 * N_KEYS];
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

static ub_live_judge *judge_new(const piano *p)
{
    ub_live_judge *judge = NULL;
    assert_int_equal(ub_live_judge_new(&p->keys, 43.0, LATENCY, &judge), UB_OK);
    return judge;
}

static void hear(piano *p, ub_live_judge *judge)
{
    memset(p->begins, 0, sizeof p->begins);
    for (size_t t = 0; t < N_FRAMES; t++) {
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
    for (size_t key = 10; key < N_KEYS; key += 22) {
        piano *p = piano_new(1);
        strike(p, key, ONSET, 1.0f);
        run(p);
        assert_int_equal(n_all(p), 1);
        assert_true(p->begins[ONSET][key] || p->begins[ONSET - 1][key]);
        free(p);
    }
}

static void a_faint_echo_of_another_key_is_no_note(void **state)
{
    (void)state;
    const size_t others[] = {1, 12, 19, 24, 28};
    for (size_t i = 0; i < 5; i++) {
        piano *p = piano_new(1);
        strike(p, 30, ONSET, 1.0f);
        strike(p, 30 + others[i], ONSET, 0.05f);
        run(p);
        assert_int_equal(n_begun(p, 30), 1);
        assert_int_equal(n_begun(p, 30 + others[i]), 0);
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

// What is a semitone away on another instrument stands in nobody's way.
static void sources_are_judged_by_their_own_keys(void **state)
{
    (void)state;
    piano *p = piano_new(2);
    strike(p, 30, ONSET, 0.5f);
    strike(p, N_KEYS + 31, ONSET, 0.5f);
    run(p);
    assert_int_equal(n_begun(p, 30), 1);
    assert_int_equal(n_begun(p, N_KEYS + 31), 1);
    assert_int_equal(n_all(p), 2);
    free(p);
}

// Everything is measured by what was heard: the same ten thousand times as loud is the same.
static void loudness_alone_changes_nothing(void **state)
{
    (void)state;
    piano *p[2] = {piano_new(1), piano_new(1)};
    for (size_t i = 0; i < 2; i++) {
        const float level = i ? 100.0f : 0.01f;
        strike(p[i], 40, 50, level);
        strike(p[i], 47, 90, 0.3f * level);
        strike(p[i], 52, 130, 0.02f * level);
        run(p[i]);
    }
    assert_true(n_all(p[0]) >= 2);
    assert_memory_equal(p[0]->begins, p[1]->begins, sizeof p[0]->begins);
    free(p[0]);
    free(p[1]);
}

static void silence_noise_floor_and_slow_swells_have_no_notes(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    run(p);
    assert_int_equal(n_all(p), 0);
    strike(p, 40, ONSET, 4e-5f); // below -80 dB
    run(p);
    assert_int_equal(n_all(p), 0);
    for (size_t t = 40; t < N_FRAMES; t++) {
        for (size_t key = 0; key < N_KEYS; key++) {
            p->sounding[t][key] = 0.3f * fminf(1.0f, (float)(t - 40) / 150.0f);
        }
    }
    strike(p, 40, 20, 1.0f); // what is loud must have been heard
    run(p);
    assert_int_equal(n_all(p), 1);
    assert_int_equal(n_begun(p, 40), 1);
    free(p);
}

static void what_is_no_number_counts_as_silence(void **state)
{
    (void)state;
    piano *p = piano_new(1);
    for (size_t t = 10; t < 40; t++) {
        p->sounding[t][4] = t % 3 ? NAN : t % 2 ? INFINITY : -1.0f;
    }
    strike(p, 40, ONSET, 1.0f);
    run(p);
    assert_int_equal(n_all(p), 1);
    assert_int_equal(n_begun(p, 40), 1);
    free(p);
}

// And none of it allocates.
static void after_a_reset_all_is_as_new(void **state)
{
    (void)state;
    piano *loud = piano_new(1), *p = piano_new(1), *fresh = piano_new(1);
    strike(loud, 45, 150, 50.0f);
    strike(p, 40, 20, 0.1f);
    memcpy(fresh->sounding, p->sounding, sizeof p->sounding);
    ub_live_judge *judge = judge_new(p);
    malloc_guard_start(0);
    hear(loud, judge);
    ub_live_judge_reset(judge);
    hear(p, judge);
    assert_int_equal(malloc_guard_stop(NULL), 0);
    run(fresh);
    assert_int_equal(n_begun(fresh, 40), 1);
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
