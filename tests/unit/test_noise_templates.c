// SPDX-License-Identifier: GPL-3.0-or-later
// Templates of the noise of a recording join those of a dictionary.
#include "guide/noise_templates.h"
#include "small.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

// Powers that grow with the bin, and fourfold in the second half.
static ub_matrix make_noise(size_t n_bins, size_t n_frames)
{
    ub_matrix noise;
    assert_int_equal(ub_matrix_new(n_bins, n_frames, &noise), UB_OK);
    for (size_t t = 0; t < n_frames; t++) {
        for (size_t f = 0; f < n_bins; f++) {
            ub_matrix_column(&noise, t)[f] = (t < n_frames / 2 ? 1.0f : 4.0f) * (float)(f * f);
        }
    }
    return noise;
}

static void noise_joins_the_sources_that_are_not_wanted(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(8000.0), joined;
    const size_t n_known = dictionary.templates.n_cols, n_bins = dictionary.templates.n_rows;
    ub_matrix noise = make_noise(n_bins, 12);
    for (size_t wanted = 0; wanted < 2; wanted++) {
        assert_int_equal(
            ub_noise_templates_join(&dictionary, &noise, dictionary.source_names[wanted], &joined),
            UB_OK);
        assert_int_equal(joined.n_sources, 2);
        assert_true(joined.templates.n_cols > n_known);
        for (size_t k = 0; k < n_known; k++) {
            assert_int_equal(joined.component_source[k], dictionary.component_source[k]);
            assert_memory_equal(ub_matrix_column(&joined.templates, k),
                                ub_matrix_column(&dictionary.templates, k), n_bins * sizeof(float));
        }
        for (size_t k = n_known; k < joined.templates.n_cols; k++) {
            assert_int_equal(joined.component_source[k], 1 - wanted);
        }
        ub_noise_templates_free(&joined);
    }
    ub_matrix_free(&noise);
    ub_dictionary_free(&dictionary);
}

static void templates_are_mean_magnitudes_of_sum_one(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(8000.0), joined;
    const size_t n_bins = dictionary.templates.n_rows;
    // Fewer frames than parts too: those without a frame are silent, and take nothing.
    for (size_t n_frames = 2; n_frames < 20; n_frames += 10) {
        ub_matrix noise = make_noise(n_bins, n_frames);
        assert_int_equal(ub_noise_templates_join(&dictionary, &noise, "low", &joined), UB_OK);
        assert_true(ub_matrix_is_nonnegative(&joined.templates));
        const float *last = ub_matrix_column(&joined.templates, joined.templates.n_cols - 1);
        const double sum = (double)(n_bins * (n_bins - 1)) / 2.0;
        for (size_t f = 0; f < n_bins; f++) {
            assert_true(fabs((double)last[f] - (double)f / sum) < 1e-7);
        }
        ub_noise_templates_free(&joined);
        ub_matrix_free(&noise);
    }
    ub_dictionary_free(&dictionary);
}

static void each_template_is_of_its_own_stretch(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(8000.0), joined;
    const size_t n_known = dictionary.templates.n_cols, n_bins = dictionary.templates.n_rows;
    ub_matrix noise;
    assert_int_equal(ub_matrix_new(n_bins, 12, &noise), UB_OK);
    for (size_t t = 0; t < 12; t++) {
        ub_matrix_column(&noise, t)[t / 2] = 1.0f; // two frames of twelve are a sixth
    }
    assert_int_equal(ub_noise_templates_join(&dictionary, &noise, "low", &joined), UB_OK);
    assert_int_equal(joined.templates.n_cols, n_known + 6);
    for (size_t i = 0; i < 6; i++) {
        assert_true(ub_matrix_column(&joined.templates, n_known + i)[i] == 1.0f);
    }
    ub_noise_templates_free(&joined);
    ub_matrix_free(&noise);
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_joins_the_sources_that_are_not_wanted),
        cmocka_unit_test(templates_are_mean_magnitudes_of_sum_one),
        cmocka_unit_test(each_template_is_of_its_own_stretch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
