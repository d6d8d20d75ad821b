// SPDX-License-Identifier: GPL-3.0-or-later
#include "guide/repetition.h"
#include "malloc_guard.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_BINS = 150, N_FRAMES = 120, PERIOD = 10, VOICE = 60, VOICE_END = 64 };

static const ub_repetition_settings settings = {
    .n_similar = 9, .apart_frames = 6, .first_bin = 3, .n_threads = 1};

static ub_matrix matrix(void)
{
    ub_matrix m;
    assert_int_equal(ub_matrix_new(N_BINS, N_FRAMES, &m), UB_OK);
    return m;
}

static bool is_voice(size_t f, size_t t)
{
    return t >= VOICE && t < VOICE_END && f >= 30 && f < 40;
}

// Ten spectra over and over again, and once something over them.
static ub_matrix music(void)
{
    ub_matrix m = matrix();
    for (size_t t = 0; t < N_FRAMES; t++) {
        ub_random random = ub_random_new(1 + t % PERIOD);
        for (size_t f = 0; f < N_BINS; f++) {
            const float x = ub_random_uniform(&random);
            ub_matrix_column(&m, t)[f] = 0.1f + x * x + (is_voice(f, t) ? 3.0f : 0.0f);
        }
    }
    return m;
}

static ub_matrix mask_of(const ub_matrix *magnitudes, size_t n_threads)
{
    ub_matrix mask = matrix();
    ub_repetition_settings s = settings;
    s.n_threads = n_threads;
    memset(mask.data, 0x7f, N_FRAMES * mask.stride * sizeof *mask.data); // all is to be set
    assert_int_equal(ub_repetition_mask(magnitudes, &s, NULL, &mask), UB_OK);
    return mask;
}

static void what_does_not_repeat_is_the_foreground(void **state)
{
    (void)state;
    ub_matrix v = music(), mask = mask_of(&v, 1);
    for (size_t t = 0; t < N_FRAMES; t++) {
        for (size_t f = 0; f < N_BINS; f++) {
            const float magnitude = ub_matrix_column(&v, t)[f];
            const float wanted = is_voice(f, t) ? 3.0f / magnitude : 0.0f;
            assert_true(fabsf(ub_matrix_column(&mask, t)[f] - wanted) < 1e-5f);
        }
    }
    ub_matrix_free(&v);
    ub_matrix_free(&mask);
}

static void low_bins_and_silence_are_background(void **state)
{
    (void)state;
    ub_matrix v = music();
    for (size_t f = 0; f < 3; f++) {
        ub_matrix_column(&v, VOICE)[f] = 50.0f;
    }
    memset(ub_matrix_column(&v, 7), 0, N_BINS * sizeof(float));
    ub_matrix mask = mask_of(&v, 1);
    for (size_t f = 0; f < N_BINS; f++) {
        assert_true(ub_matrix_column(&mask, 7)[f] == 0.0f);
    }
    for (size_t f = 0; f < 3; f++) {
        assert_true(ub_matrix_column(&mask, VOICE)[f] == 0.0f);
    }
    ub_matrix_free(&v);
    memset(mask.data, 0, N_FRAMES * mask.stride * sizeof *mask.data);
    ub_matrix nothing = mask_of(&mask, 1);
    assert_true(ub_matrix_largest(&nothing) == 0.0f && ub_matrix_is_nonnegative(&nothing));
    ub_matrix_free(&nothing);
    ub_matrix_free(&mask);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    ub_matrix v = music(), one = mask_of(&v, 1), three = mask_of(&v, 3);
    for (size_t t = 0; t < N_FRAMES; t++) {
        assert_memory_equal(ub_matrix_column(&one, t), ub_matrix_column(&three, t),
                            N_BINS * sizeof(float));
    }
    ub_matrix_free(&v);
    ub_matrix_free(&one);
    ub_matrix_free(&three);
}

static int refuse(void *context, const char *stage, double fraction)
{
    (void)context;
    (void)stage;
    return fraction > 0.0;
}

static void a_listener_can_end_it(void **state)
{
    (void)state;
    ub_matrix v = music(), mask = matrix();
    const ub_progress progress = {.report = refuse};
    assert_int_equal(ub_repetition_mask(&v, &settings, &progress, &mask), UB_CANCELLED);
    ub_matrix_free(&v);
    ub_matrix_free(&mask);
}

static void nothing_to_compare_is_fine(void **state)
{
    (void)state;
    ub_matrix v, mask;
    assert_int_equal(ub_matrix_new(N_BINS, 0, &v), UB_OK);
    assert_int_equal(ub_matrix_new(N_BINS, 0, &mask), UB_OK);
    assert_int_equal(ub_repetition_mask(&v, &settings, NULL, &mask), UB_OK);
    ub_matrix_free(&v);
    ub_matrix_free(&mask);
}

static void the_defaults_are_in_seconds_and_hertz(void **state)
{
    (void)state;
    const ub_repetition_settings s = ub_repetition_settings_default(44100.0, 4096, 1024);
    assert_int_equal(s.n_similar, 25);
    assert_int_equal(s.apart_frames, 31); // 30.1
    assert_int_equal(s.first_bin, 10); // 9.3
    assert_int_equal(s.n_threads, 1);
    assert_int_equal(ub_repetition_settings_default(1000.0, 65536, 65536).apart_frames, 1);
}

static void no_memory_is_said_and_nothing_kept(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_matrix v = music(), mask = matrix();
    ub_status status = UB_NO_MEMORY;
    size_t n = 1;
    for (; status == UB_NO_MEMORY; n++) {
        size_t still_held = 0;
        malloc_guard_start(n);
        status = ub_repetition_mask(&v, &settings, NULL, &mask);
        malloc_guard_stop(&still_held);
        assert_int_equal(still_held, 0);
    }
    assert_int_equal(status, UB_OK);
    assert_true(n > 7);
    ub_matrix_free(&v);
    ub_matrix_free(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_repeat_is_the_foreground),
        cmocka_unit_test(low_bins_and_silence_are_background),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_listener_can_end_it),
        cmocka_unit_test(nothing_to_compare_is_fine),
        cmocka_unit_test(the_defaults_are_in_seconds_and_hertz),
        cmocka_unit_test(no_memory_is_said_and_nothing_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
