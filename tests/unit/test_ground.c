// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/unbraid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void matrix_columns_are_aligned_and_zero(void **state)
{
    (void)state;
    ub_matrix matrix;
    assert_int_equal(ub_matrix_new(17, 3, &matrix), UB_OK);
    assert_int_equal(matrix.stride, 32);
    for (size_t col = 0; col < 3; col++) {
        assert_int_equal((uintptr_t)ub_matrix_column(&matrix, col) % 64, 0);
        for (size_t row = 0; row < matrix.stride; row++) {
            assert_true(ub_matrix_column(&matrix, col)[row] == 0.0f);
        }
    }
    ub_matrix_free(&matrix);
    assert_null(matrix.data);
    ub_matrix_free(NULL);
}

static void matrix_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    ub_matrix matrix = {0};
    assert_int_equal(ub_matrix_new(SIZE_MAX, 1, &matrix), UB_NO_MEMORY);
    assert_int_equal(ub_matrix_new(SIZE_MAX / 8, 16, &matrix), UB_NO_MEMORY);
    assert_int_equal(ub_matrix_new(1, SIZE_MAX / 8, &matrix), UB_NO_MEMORY);
    assert_null(matrix.data);
}

static void nonnegative_means_finite_and_not_below_zero(void **state)
{
    (void)state;
    const float bad[] = {-1e-30f, NAN, INFINITY, -INFINITY};
    ub_matrix matrix, copy;
    assert_int_equal(ub_matrix_new(5, 2, &matrix), UB_OK);
    assert_true(ub_matrix_is_nonnegative(&matrix));
    for (size_t i = 0; i < 4; i++) {
        ub_matrix_column(&matrix, 1)[4] = bad[i];
        assert_false(ub_matrix_is_nonnegative(&matrix));
    }
    ub_matrix_column(&matrix, 1)[4] = 3.0f;
    assert_int_equal(ub_matrix_copy(&matrix, &copy), UB_OK);
    assert_true(ub_matrix_column(&copy, 1)[4] == 3.0f);
    ub_matrix_free(&matrix);
    ub_matrix_free(&copy);
}

static void random_numbers_are_the_published_sequence(void **state)
{
    (void)state;
    // xoshiro256++ from the state {1, 2, 3, 4}: the first values given by its authors' code.
    ub_random random = {{1, 2, 3, 4}};
    assert_true(ub_random_bits(&random) == UINT64_C(41943041));
    assert_true(ub_random_bits(&random) == UINT64_C(58720359));
    assert_true(ub_random_bits(&random) == UINT64_C(3588806011781223));
}

static void random_numbers_have_the_right_moments(void **state)
{
    (void)state;
    ub_random random = ub_random_new(0);
    double mean = 0.0, square = 0.0, uniform = 0.0;
    const int n = 100000;
    for (int i = 0; i < n; i++) {
        const double x = ub_random_normal(&random);
        const float u = ub_random_uniform(&random);
        assert_true(u >= 0.0f && u < 1.0f);
        mean += x / n;
        square += x * x / n;
        uniform += (double)u / n;
    }
    // Five standard errors of each moment.
    assert_true(fabs(mean) < 0.016);
    assert_true(fabs(square - 1.0) < 0.023);
    assert_true(fabs(uniform - 0.5) < 0.0046);
}

static void settings_take_text_and_refuse_what_is_out_of_range(void **state)
{
    (void)state;
    ub_settings settings = ub_settings_default();
    ub_message why;
    assert_int_equal(ub_settings_check(&settings, &why), UB_OK);
    assert_int_equal(ub_settings_set(&settings, "beta", "0.5", &why), UB_OK);
    assert_true(settings.value[UB_PARAM_BETA] == 0.5);
    assert_int_equal(ub_settings_set(&settings, "init", "nndsvda", &why), UB_OK);
    assert_true(settings.value[UB_PARAM_INIT] == 2.0);
    const char *const bad[][2] = {
        {"beta", "nan"},    {"beta", "0x1"},   {"beta", ""},    {"beta", "1 "}, {"beta", "9"},
        {"sources", "2.5"}, {"sources", "17"}, {"init", "svd"}, {"gamma", "1"}, {"seed", "1e99"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const ub_settings before = settings;
        why.text[0] = '\0';
        assert_int_equal(ub_settings_set(&settings, bad[i][0], bad[i][1], &why), UB_BAD_SETTING);
        assert_true(strlen(why.text) > 10);
        assert_memory_equal(&before, &settings, sizeof before);
    }
}

static void what_is_left_to_the_mode_is_what_the_mode_chooses(void **state)
{
    (void)state;
    ub_settings settings = ub_settings_default();
    assert_int_equal(ub_settings_check(&settings, NULL), UB_OK);
    assert_true(ub_settings_value(&settings, UB_PARAM_MASK_EXPONENT, 1.25) == 1.25);
    assert_true(ub_settings_value(&settings, UB_PARAM_OVERLAP, 7.0) == 4.0);
    assert_int_equal(ub_settings_set(&settings, "mask-exponent", "0.5", NULL), UB_OK);
    assert_true(ub_settings_value(&settings, UB_PARAM_MASK_EXPONENT, 1.25) == 0.5);
    // Between that and the least value there is nothing.
    assert_int_equal(ub_settings_set(&settings, "mask-exponent", "0.2", NULL), UB_BAD_SETTING);
    assert_int_equal(ub_settings_set(&settings, "mask-exponent", "0", NULL), UB_OK);
    assert_true(ub_settings_value(&settings, UB_PARAM_MASK_EXPONENT, 1.25) == 1.25);
}

static void settings_files_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    ub_settings settings = ub_settings_default();
    ub_message why;
    const char good[] = "# a preset\n\n beta = 0 \r\nwindow=46 # ms\ninit = nndsvd";
    assert_int_equal(ub_preset_parse(good, strlen(good), &settings, NULL, &why), UB_OK);
    assert_true(settings.value[UB_PARAM_BETA] == 0.0);
    assert_true(settings.value[UB_PARAM_WINDOW_MS] == 46.0);
    assert_true(settings.value[UB_PARAM_INIT] == 1.0);
    const ub_settings before = settings;
    const char bad[] = "beta = 1\nbeta 2\n";
    assert_int_equal(ub_preset_parse(bad, strlen(bad), &settings, NULL, &why), UB_BAD_SETTING);
    assert_non_null(strstr(why.text, "line 2"));
    assert_memory_equal(&before, &settings, sizeof before);
}

static void presets_name_themselves_and_a_dictionary_beside_them(void **state)
{
    (void)state;
    ub_settings settings = ub_settings_default();
    ub_preset preset;
    ub_message why;
    const char good[] =
        "title = Drum kit # one\n summary =Kick, snare\ndictionary = a b.safetensors\n"
        "offline-dictionary=c\nfree=7";
    assert_int_equal(ub_preset_parse(good, strlen(good), &settings, &preset, &why), UB_OK);
    assert_string_equal(preset.title, "Drum kit");
    assert_string_equal(preset.summary, "Kick, snare");
    assert_string_equal(preset.dictionary, "a b.safetensors");
    assert_string_equal(preset.offline_dictionary, "c");
    assert_true(settings.value[UB_PARAM_FREE] == 7.0);
    assert_int_equal(ub_preset_parse("", 0, &settings, &preset, &why), UB_OK);
    assert_string_equal(preset.title, "");
    assert_string_equal(preset.dictionary, "");
}

static void hostile_presets_are_refused(void **state)
{
    (void)state;
    char big[1000];
    memset(big, 'x', sizeof big);
    memcpy(big, "title=", 6);
    big[sizeof big - 1] = '\0';
    const char *const bad[] = {"dictionary = /etc/passwd",
                               "dictionary = ../a",
                               "dictionary = a\\b",
                               "dictionary = .a",
                               "title = a\x1b[2J",
                               "summary =",
                               "title = a\x7f",
                               "titel = a",
                               "= a",
                               "free = 1e99",
                               big};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ub_settings settings = ub_settings_default();
        const ub_settings before = settings;
        ub_preset preset = {.title = "before"};
        ub_message why = {""};
        assert_int_equal(ub_preset_parse(bad[i], strlen(bad[i]), &settings, &preset, &why),
                         UB_BAD_SETTING);
        assert_non_null(strstr(why.text, "line 1"));
        assert_string_equal(preset.title, "before");
        assert_memory_equal(&before, &settings, sizeof before);
    }
    ub_settings settings = ub_settings_default();
    assert_int_equal(ub_preset_parse("free = 1\0\n", 10, &settings, NULL, NULL), UB_BAD_SETTING);
}

static void every_parameter_is_usable_at_its_default(void **state)
{
    (void)state;
    const ub_param *table = ub_param_table();
    for (size_t i = 0; i < UB_PARAM_COUNT; i++) {
        assert_non_null(table[i].key);
        assert_non_null(table[i].summary);
        assert_true(table[i].minimum < table[i].maximum);
        assert_ptr_equal(ub_param_find(table[i].key), &table[i]);
    }
}

static int stop(void *context, const char *stage, double fraction)
{
    *(double *)context = fraction;
    return stage[0] == 's';
}

static void note_stage(void *context, const char *name)
{
    *(const char **)context = name;
}

static void stages_reach_the_listener_that_measures(void **state)
{
    (void)state;
    const char *seen = NULL;
    const ub_progress progress = {.context = &seen, .stage = note_stage};
    ub_progress_stage(NULL, "mask");
    ub_progress_stage(&(const ub_progress){.context = &seen}, "mask");
    assert_null(seen);
    ub_progress_stage(&progress, "mask");
    assert_string_equal(seen, "mask");
    assert_int_equal(ub_progress_report(&progress, "go", 0.25), UB_OK);
}

static void progress_reaches_the_listener_and_cancels(void **state)
{
    (void)state;
    double seen = 0.0;
    const ub_progress progress = {.report = stop, .context = &seen};
    assert_int_equal(ub_progress_report(NULL, "s", 0.5), UB_OK);
    assert_int_equal(ub_progress_report(&progress, "go", 0.25), UB_OK);
    assert_true(seen == 0.25);
    assert_int_equal(ub_progress_report(&progress, "stop", 0.5), UB_CANCELLED);
    for (int status = UB_OK; status <= UB_CANCELLED + 1; status++) {
        assert_non_null(ub_status_text((ub_status)status));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_columns_are_aligned_and_zero),
        cmocka_unit_test(matrix_refuses_sizes_that_overflow),
        cmocka_unit_test(nonnegative_means_finite_and_not_below_zero),
        cmocka_unit_test(random_numbers_are_the_published_sequence),
        cmocka_unit_test(random_numbers_have_the_right_moments),
        cmocka_unit_test(settings_take_text_and_refuse_what_is_out_of_range),
        cmocka_unit_test(what_is_left_to_the_mode_is_what_the_mode_chooses),
        cmocka_unit_test(settings_files_are_read_whole_or_not_at_all),
        cmocka_unit_test(presets_name_themselves_and_a_dictionary_beside_them),
        cmocka_unit_test(hostile_presets_are_refused),
        cmocka_unit_test(every_parameter_is_usable_at_its_default),
        cmocka_unit_test(progress_reaches_the_listener_and_cancels),
        cmocka_unit_test(stages_reach_the_listener_that_measures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
