// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"

#include <unbraid/mix.h>
#include <unbraid/random.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 4000, N_STEMS = 3, N_SIGNALS = 2 * N_STEMS };

static const ub_mix_settings two_channels = {
    .rate_hz = 8000.0, .n_channels = 2, .n_stems = N_STEMS, .glide_s = 0.01};

static float signals[N_SIGNALS][N], out[2][N], other[2][N];

static ub_mix *new_mix(void)
{
    ub_mix *mix = NULL;
    assert_int_equal(ub_mix_new(&two_channels, &mix, NULL), UB_OK);
    return mix;
}

static void fill_signals(void)
{
    ub_random random = ub_random_new(5);
    for (size_t s = 0; s < N_SIGNALS; s++) {
        for (size_t i = 0; i < N; i++) {
            signals[s][i] = (float)(ub_random_uniform(&random) - 0.5);
        }
    }
}

// Samples [first, first + n).
static void process(ub_mix *mix, float to[2][N], size_t first, size_t n)
{
    const float *stems[N_SIGNALS];
    for (size_t s = 0; s < N_SIGNALS; s++) {
        stems[s] = signals[s] + first;
    }
    ub_mix_process(mix, stems, (float *[]){to[0] + first, to[1] + first}, n);
}

static void all_at_one_are_the_exact_sum(void **state)
{
    (void)state;
    fill_signals();
    ub_mix *mix = new_mix();
    process(mix, out, 0, N);
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < N; i++) {
            volatile float sum = signals[c][i] + signals[2 + c][i]; // rounded, whatever the FPU
            sum += signals[4 + c][i];
            assert_true(out[c][i] == sum);
        }
    }
    ub_mix_free(mix);
}

static void change(ub_mix *mix, size_t at)
{
    ub_mix_set_gain(mix, 1, at < N / 2 ? 0.25f : 2.0f);
    ub_mix_open(mix, at < N / 4 || at >= N / 2);
}

static void blocks_make_no_difference_to_any_bit(void **state)
{
    (void)state;
    fill_signals();
    ub_mix *mix = new_mix(), *cut = new_mix();
    for (size_t at = 0; at < N; at += N / 4) {
        change(mix, at);
        process(mix, out, at, N / 4);
        change(cut, at);
        for (size_t i = 0; i < N / 4; i += i % 3 + 1 < N / 4 - i ? i % 3 + 1 : N / 4 - i) {
            process(cut, other, at + i, i % 3 + 1 < N / 4 - i ? i % 3 + 1 : N / 4 - i);
        }
        for (size_t j = 0; j < N_STEMS; j++) {
            assert_true(ub_mix_level(mix, j) == ub_mix_level(cut, j));
        }
    }
    assert_memory_equal(out, other, sizeof out);
    ub_mix_free(cut);
    ub_mix_free(mix);
}

// The largest step from sample to sample.
static float steepest(const float *samples, size_t n)
{
    float most = 0.0f;
    for (size_t i = 1; i < n; i++) {
        most = fmaxf(most, fabsf(samples[i] - samples[i - 1]));
    }
    return most;
}

static void set_all(float value)
{
    for (size_t s = 0; s < N_SIGNALS; s++) {
        for (size_t i = 0; i < N; i++) {
            signals[s][i] = value;
        }
    }
}

static void gains_glide_and_arrive(void **state)
{
    (void)state;
    set_all(1.0f);
    ub_mix *mix = new_mix();
    ub_mix_set_gain(mix, 0, 0.0f);
    ub_mix_set_gain(mix, 2, 0.5f);
    process(mix, out, 0, N);
    assert_true(out[0][0] > 2.9f);
    assert_true(out[0][N - 1] == 1.5f);
    // 80 samples are the time constant: each goes an eightieth of the way, which is 1.5.
    assert_true(steepest(out[0], N) < 1.5f / 79.0f);

    ub_mix_set_gain(mix, 0, 1.0f);
    ub_mix_arrive(mix);
    process(mix, out, 0, 1);
    assert_true(out[1][0] == 2.5f);
    ub_mix_set_gain(mix, 0, NAN);
    ub_mix_set_gain(mix, 0, -1.0f);
    ub_mix_set_gain(mix, N_STEMS, 0.0f);
    process(mix, out, 0, N);
    assert_true(out[1][N - 1] == 2.5f);
    ub_mix_free(mix);
}

static void closing_and_opening_take_their_time_and_no_step(void **state)
{
    (void)state;
    set_all(1.0f);
    ub_mix *mix = new_mix();
    ub_mix_open(mix, false);
    process(mix, out, 0, 79);
    assert_false(ub_mix_is_closed(mix));
    process(mix, out, 79, 1);
    assert_true(ub_mix_is_closed(mix));
    process(mix, out, 80, 1000);
    assert_true(out[0][80] == 0.0f && out[1][1079] == 0.0f);
    ub_mix_open(mix, true);
    assert_false(ub_mix_is_closed(mix));
    process(mix, out, 1080, N - 1080);
    assert_true(out[0][N - 1] == 3.0f);
    assert_true(steepest(out[0], N) < 3.0f / 79.0f);
    ub_mix_open(mix, false);
    ub_mix_arrive(mix);
    assert_true(ub_mix_is_closed(mix));
    ub_mix_free(mix);
}

static void levels_are_those_before_the_gains(void **state)
{
    (void)state;
    set_all(0.5f);
    memset(signals[3], 0, sizeof signals[3]);
    ub_mix *mix = new_mix();
    ub_mix_set_gain(mix, 0, 0.0f);
    process(mix, out, 0, N); // ten time constants
    assert_true(fabsf(ub_mix_level(mix, 0) - 0.5f) < 1e-3f);
    assert_true(fabsf(ub_mix_level(mix, 1) - 0.35355f) < 1e-3f);
    assert_true(ub_mix_level(mix, N_STEMS) == 0.0f);
    ub_mix_free(mix);
}

static void what_is_not_finite_is_silence(void **state)
{
    (void)state;
    set_all(0.25f);
    signals[0][1] = NAN;
    signals[2][1] = INFINITY;
    signals[4][1] = -1e30f;
    ub_mix *mix = new_mix();
    process(mix, out, 0, N);
    assert_true(out[0][1] == 0.0f && out[0][2] == 0.75f);
    assert_true(isfinite(ub_mix_level(mix, 0)));
    ub_mix_free(mix);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    ub_mix_settings bad[] = {two_channels, two_channels, two_channels,
                             two_channels, two_channels, two_channels};
    bad[0].rate_hz = NAN;
    bad[1].n_channels = 3;
    bad[2].n_stems = 0;
    bad[3].n_stems = UB_MIX_MAX_STEMS + 1;
    bad[4].glide_s = -1.0;
    bad[5].n_channels = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ub_mix *mix = NULL;
        ub_message why = {""};
        assert_int_equal(ub_mix_new(&bad[i], &mix, &why), UB_BAD_SETTING);
        assert_null(mix);
        assert_true(why.text[0] != '\0');
    }
    ub_mix_free(NULL);
}

static void processing_allocates_nothing(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    fill_signals();
    ub_mix *mix = new_mix();
    malloc_guard_start(0);
    ub_mix_set_gain(mix, 0, 0.5f);
    ub_mix_open(mix, false);
    process(mix, out, 0, N);
    ub_mix_arrive(mix);
    assert_int_equal(malloc_guard_stop(NULL), 0);
    malloc_guard_start(1);
    ub_mix *none = NULL;
    const ub_status status = ub_mix_new(&two_channels, &none, NULL);
    malloc_guard_stop(NULL);
    assert_int_equal(status, UB_NO_MEMORY);
    ub_mix_free(mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_one_are_the_exact_sum),
        cmocka_unit_test(blocks_make_no_difference_to_any_bit),
        cmocka_unit_test(gains_glide_and_arrive),
        cmocka_unit_test(closing_and_opening_take_their_time_and_no_step),
        cmocka_unit_test(levels_are_those_before_the_gains),
        cmocka_unit_test(what_is_not_finite_is_silence),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(processing_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
