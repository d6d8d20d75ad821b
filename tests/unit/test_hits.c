// SPDX-License-Identifier: GPL-3.0-or-later
// Which rises of drums are taken for hits, by those who count them and by those who take drums
// apart.
#include "guide/hits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KICK, HATS, RIDE, N_KEYS, N_EACH = 12, N_TIMES = 3 * N_EACH };

static int pitches[N_KEYS] = {36, 42, 51};
static size_t sources[N_KEYS] = {KICK, HATS, RIDE};
static const ub_keys KEYS = {.n = N_KEYS, .pitch = pitches, .source = sources};

// Drums in turn, each alone; of each the strengths of the first half and of the second.
static ub_hits played(const double strengths[N_KEYS][2])
{
    ub_hits hits = {.hits = calloc(N_TIMES, sizeof *hits.hits), .n = N_TIMES, .capacity = N_TIMES};
    assert_non_null(hits.hits);
    for (size_t i = 0; i < N_TIMES; i++) {
        const size_t key = i % N_KEYS;
        const double strength = strengths[key][i < N_TIMES / 2 ? 0 : 1];
        hits.hits[i] = (ub_hit){.frame = 20.0 * (double)i, .key = key, .strength = (float)strength};
        hits.hits[i].beside[ub_hit_part_of(pitches[key])] = (float)strength;
    }
    return hits;
}

static size_t count(const ub_hits *hits, size_t key)
{
    size_t n = 0;
    for (size_t i = 0; i < hits->n; i++) {
        n += hits->hits[i].key == key;
    }
    return n;
}

static size_t chosen(const double strengths[N_KEYS][2], ub_hit_care care, size_t key)
{
    ub_hits hits = played(strengths);
    double levels[N_KEYS] = {0};
    assert_int_equal(ub_hits_choose(&KEYS, care, &hits, levels, N_KEYS), UB_OK);
    const size_t n = count(&hits, key);
    ub_hits_free(&hits);
    return n;
}

static void what_is_strong_beside_its_own_is_a_hit(void **state)
{
    (void)state;
    const double strengths[N_KEYS][2] = {{1.0, 0.9}, {0.4, 0.4}, {0.5, 0.5}};
    for (size_t key = 0; key < N_KEYS; key++) {
        assert_int_equal(chosen(strengths, UB_HIT_SURE, key), N_EACH);
        assert_int_equal(chosen(strengths, UB_HIT_LIKELY, key), N_EACH);
    }
}

static void faint_hats_are_likely_and_not_sure(void **state)
{
    (void)state;
    const double strengths[N_KEYS][2] = {{1.0, 1.0}, {0.8, 0.08}, {0.5, 0.5}};
    assert_int_equal(chosen(strengths, UB_HIT_SURE, HATS), N_EACH / 2);
    assert_int_equal(chosen(strengths, UB_HIT_LIKELY, HATS), N_EACH);
}

static void faint_kicks_are_none_to_either(void **state)
{
    (void)state;
    const double strengths[N_KEYS][2] = {{1.0, 0.08}, {0.8, 0.8}, {0.5, 0.5}};
    assert_int_equal(chosen(strengths, UB_HIT_SURE, KICK), N_EACH / 2);
    assert_int_equal(chosen(strengths, UB_HIT_LIKELY, KICK), N_EACH / 2);
}

static void a_quiet_ride_is_likely_and_not_sure(void **state)
{
    (void)state;
    const double strengths[N_KEYS][2] = {{1.0, 1.0}, {0.8, 0.8}, {0.02, 0.02}};
    assert_int_equal(chosen(strengths, UB_HIT_SURE, RIDE), 0);
    assert_int_equal(chosen(strengths, UB_HIT_LIKELY, RIDE), N_EACH);
}

static void a_ride_without_a_sure_hit_does_not_play(void **state)
{
    (void)state;
    const double strengths[N_KEYS][2] = {{1.0, 1.0}, {0.8, 0.8}, {0.004, 0.002}};
    assert_int_equal(chosen(strengths, UB_HIT_SURE, RIDE), 0);
    assert_int_equal(chosen(strengths, UB_HIT_LIKELY, RIDE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_strong_beside_its_own_is_a_hit),
        cmocka_unit_test(faint_hats_are_likely_and_not_sure),
        cmocka_unit_test(faint_kicks_are_none_to_either),
        cmocka_unit_test(a_quiet_ride_is_likely_and_not_sure),
        cmocka_unit_test(a_ride_without_a_sure_hit_does_not_play),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
