// SPDX-License-Identifier: GPL-3.0-or-later
// Which hits of a kit are played, and which are left by other drums.
#include "guide/hit_judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const ub_hit_part JUDGED[] = {UB_HIT_STICK, UB_HIT_TOMS, UB_HIT_CRASH, UB_HIT_RIDE};

static const double VERDICT = -0.5; // of who asks

// As strong as those of its source are, of which all else is a hundredth.
static ub_hit_evidence alone(void)
{
    ub_hit_evidence e = {
        .strength = 1.0, .level = 1.0, .loudest = 1.0, .activity = 0.2, .standing = 0.95};
    for (size_t i = 0; i < UB_HIT_PARTS; i++) {
        e.beside[i] = 0.01;
    }
    return e;
}

// What a kick and a snare leave on a key.
static ub_hit_evidence left(ub_hit_part part)
{
    ub_hit_evidence e = {
        .strength = 0.03, .level = 0.08, .loudest = 1.0, .activity = 0.01, .standing = 0.1};
    for (size_t i = 0; i < UB_HIT_PARTS; i++) {
        e.beside[i] = i == UB_HIT_KICK || i == UB_HIT_SNARE ? 1.0 : 0.01;
    }
    e.beside[part] = e.strength;
    return e;
}

static void what_stands_alone_is_a_hit(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        ub_hit_evidence e = alone();
        e.beside[JUDGED[i]] = e.strength;
        assert_true(ub_hit_judge(JUDGED[i], &e) > VERDICT);
    }
}

static void what_loud_drums_leave_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const ub_hit_evidence e = left(JUDGED[i]);
        assert_true(ub_hit_judge(JUDGED[i], &e) < VERDICT);
    }
}

static void kick_snare_hats_and_other_percussion_are_not_judged(void **state)
{
    (void)state;
    const ub_hit_part parts[] = {UB_HIT_KICK, UB_HIT_SNARE, UB_HIT_HATS, UB_HIT_PARTS};
    for (size_t i = 0; i < 4; i++) {
        ub_hit_evidence e = left(UB_HIT_TOMS);
        assert_true(isinf(ub_hit_judge(parts[i], &e)));
    }
}

// Strengths have no unit.
static void a_gain_changes_no_verdict(void **state)
{
    (void)state;
    for (int step = 0; step < 40; step++) {
        ub_hit_evidence e = alone(), louder;
        e.strength = 0.025 * (double)(step + 1);
        louder = e;
        louder.strength *= 1000.0;
        louder.level *= 1000.0;
        louder.loudest *= 1000.0;
        for (size_t i = 0; i < UB_HIT_PARTS; i++) {
            e.beside[i] = i == UB_HIT_SNARE ? 0.5 : 0.01;
            louder.beside[i] = 1000.0 * e.beside[i];
        }
        for (size_t i = 0; i < 4; i++) {
            const double score = ub_hit_judge(JUDGED[i], &e);
            assert_true(fabs(ub_hit_judge(JUDGED[i], &louder) - score) < 1e-9);
        }
    }
}

static void keys_are_those_of_general_midi(void **state)
{
    (void)state;
    assert_int_equal(ub_hit_part_of(36), UB_HIT_KICK);
    assert_int_equal(ub_hit_part_of(40), UB_HIT_SNARE);
    assert_int_equal(ub_hit_part_of(37), UB_HIT_STICK);
    assert_int_equal(ub_hit_part_of(44), UB_HIT_HATS);
    assert_int_equal(ub_hit_part_of(41), UB_HIT_TOMS);
    assert_int_equal(ub_hit_part_of(57), UB_HIT_CRASH);
    assert_int_equal(ub_hit_part_of(59), UB_HIT_RIDE);
    assert_int_equal(ub_hit_part_of(39), UB_HIT_PARTS);
    assert_int_equal(ub_hit_part_of(0), UB_HIT_PARTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_alone_is_a_hit),
        cmocka_unit_test(what_loud_drums_leave_is_none),
        cmocka_unit_test(kick_snare_hats_and_other_percussion_are_not_judged),
        cmocka_unit_test(a_gain_changes_no_verdict),
        cmocka_unit_test(keys_are_those_of_general_midi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
