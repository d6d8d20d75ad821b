// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/separate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 8 };

// Partition one sample of some stems in 16 bits.
static void partition(int32_t mix, const float *stems, size_t n, int32_t *out, size_t *n_clipped)
{
    const float *in[MOST];
    int32_t *to[MOST];
    for (size_t j = 0; j < n; j++) {
        in[j] = &stems[j];
        to[j] = &out[j];
    }
    ub_partition_integers(&mix, in, n, 1, 32768.0, -32768, 32767, to, n_clipped);
}

static void largest_remainders_get_what_rounding_lost(void **state)
{
    (void)state;
    const float stems[] = {10.4f / 32768, 20.45f / 32768, 30.15f / 32768};
    int32_t out[3];
    size_t n_clipped[3] = {0, 0, 0};
    partition(61, stems, 3, out, n_clipped);
    assert_int_equal(out[0], 10);
    assert_int_equal(out[1], 21);
    assert_int_equal(out[2], 30);
    assert_int_equal(n_clipped[0] + n_clipped[1] + n_clipped[2], 0);
}

static void negative_remainders_are_shared_alike(void **state)
{
    (void)state;
    const float stems[] = {-10.4f / 32768, -20.45f / 32768, -30.15f / 32768};
    int32_t out[3];
    partition(-61, stems, 3, out, NULL);
    assert_int_equal(out[0], -10);
    assert_int_equal(out[1], -21);
    assert_int_equal(out[2], -30);
}

static void a_single_stem_is_the_mix(void **state)
{
    (void)state;
    for (int32_t mix = -32768; mix <= 32767; mix += 4369) {
        const float stem = (float)mix / 32768.0f;
        int32_t out;
        partition(mix, &stem, 1, &out, NULL);
        assert_int_equal(out, mix);
    }
}

static void clipped_excess_moves_to_stems_with_room(void **state)
{
    (void)state;
    const float stems[] = {1.5f, -0.75f, 0.0f};
    int32_t out[3];
    size_t n_clipped[3] = {7, 0, 0};
    partition(24576, stems, 3, out, n_clipped);
    assert_int_equal(out[0], 32767);
    assert_int_equal(out[0] + out[1] + out[2], 24576);
    assert_int_equal(n_clipped[0], 8); // added to what was there
    assert_int_equal(n_clipped[1], 0);
    assert_int_equal(n_clipped[2], 0);
}

static void both_ends_may_clip_at_once(void **state)
{
    (void)state;
    const float stems[] = {1.5f, -1.75f, 0.3f};
    const int32_t mix = 1638;
    int32_t out[3];
    size_t n_clipped[3] = {0, 0, 0};
    partition(mix, stems, 3, out, n_clipped);
    assert_int_equal(out[0] + out[1] + out[2], mix);
    assert_int_equal(n_clipped[0], 1);
    assert_int_equal(n_clipped[1], 1);
    assert_int_equal(n_clipped[2], 0);
}

static void rounding_at_full_scale_is_not_clipping(void **state)
{
    (void)state;
    const float stems[] = {32767.4f / 32768, -32768.4f / 32768};
    int32_t out[2];
    size_t n_clipped[2] = {0, 0};
    partition(-1, stems, 2, out, n_clipped);
    assert_int_equal(out[0] + out[1], -1);
    assert_int_equal(n_clipped[0] + n_clipped[1], 0);
}

static void a_mix_beyond_all_room_fills_every_stem(void **state)
{
    (void)state;
    const int32_t mix = 1000;
    const float stem[] = {0.5f, 0.5f};
    const float *in[] = {&stem[0], &stem[1]};
    int32_t out[2];
    int32_t *to[] = {&out[0], &out[1]};
    ub_partition_integers(&mix, in, 2, 1, 128.0, -128, 127, to, NULL);
    assert_int_equal(out[0], 127);
    assert_int_equal(out[1], 127);
}

static void nan_and_infinity_do_not_break_the_sum(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e38f, -1e38f};
    const int32_t mixes[] = {-32768, -20000, -1, 0, 1, 20000, 32767};
    for (size_t b = 0; b < 5; b++) {
        for (size_t m = 0; m < 7; m++) {
            const float stems[] = {bad[b], (float)mixes[m] / 32768.0f};
            int32_t out[2];
            partition(mixes[m], stems, 2, out, NULL);
            assert_int_equal(out[0] + out[1], mixes[m]);
            partition(mixes[m], stems, 1, out, NULL);
            assert_int_equal(out[0], mixes[m]);
        }
    }
}

static void a_nan_counts_as_silence(void **state)
{
    (void)state;
    const float stems[] = {0.25f, NAN, 0.5f};
    int32_t out[3];
    partition(24576, stems, 3, out, NULL);
    assert_int_equal(out[0], 8192);
    assert_int_equal(out[1], 0);
    assert_int_equal(out[2], 16384);
}

static void nothing_happens_without_samples_or_stems(void **state)
{
    (void)state;
    const int32_t mix = 5;
    const float stem = 0.0f;
    const float *in[] = {&stem};
    int32_t out = 77;
    int32_t *to[] = {&out};
    ub_partition_integers(&mix, in, 1, 0, 128.0, -128, 127, to, NULL);
    ub_partition_integers(&mix, in, 0, 1, 128.0, -128, 127, to, NULL);
    assert_int_equal(out, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_remainders_get_what_rounding_lost),
        cmocka_unit_test(negative_remainders_are_shared_alike),
        cmocka_unit_test(a_single_stem_is_the_mix),
        cmocka_unit_test(clipped_excess_moves_to_stems_with_room),
        cmocka_unit_test(both_ends_may_clip_at_once),
        cmocka_unit_test(rounding_at_full_scale_is_not_clipping),
        cmocka_unit_test(a_mix_beyond_all_room_fills_every_stem),
        cmocka_unit_test(nan_and_infinity_do_not_break_the_sum),
        cmocka_unit_test(a_nan_counts_as_silence),
        cmocka_unit_test(nothing_happens_without_samples_or_stems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
