// SPDX-License-Identifier: GPL-3.0-or-later
// Hits in bands: what rings after them is theirs, and they count by how they begin.
#include "drum_case.h"
#include "guide/drum_kit.h"
#include "unbraid/dictionary.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KICK, CLOSED, OPEN, N_KEYS, HEAD_FRAMES = 10, N_FRAMES = 200, AT = 20 };

static const float GAIN = 5.0f;

typedef struct kit_case {
    ub_dictionary dictionary;
    ub_keys keys;
    ub_drum_kit kit;
} kit_case;

static kit_case case_new(void)
{
    kit_case c = {.dictionary = drum_case_dictionary()};
    ub_message why;
    assert_int_equal(ub_keys_new(&c.dictionary, &c.keys, &why), UB_OK);
    assert_int_equal(ub_drum_kit_new(&c.dictionary, &c.kit, &why), UB_OK);
    return c;
}

static void case_free(kit_case *c)
{
    ub_drum_kit_free(&c->kit);
    ub_keys_free(&c->keys);
    ub_dictionary_free(&c->dictionary);
}

static double sum_of(const ub_hit_templates *t, size_t key, size_t n_lags)
{
    double sum = 0.0;
    for (size_t lag = 0; lag < n_lags; lag++) {
        for (size_t b = 0; b < t->columns.n_rows; b++) {
            const float *w = ub_matrix_column(&t->columns, lag * N_KEYS + key);
            sum += (double)t->spans[lag] * (double)w[b];
        }
    }
    return sum;
}

// A hit as its template has it, all of it, from a frame on.
static ub_matrix hit_of(const ub_hit_templates *t, size_t key)
{
    ub_matrix spectra;
    assert_int_equal(ub_matrix_new(t->columns.n_rows, N_FRAMES, &spectra), UB_OK);
    size_t frame = AT;
    for (size_t lag = 0; lag < t->n_lags; lag++) {
        const float *w = ub_matrix_column(&t->columns, lag * N_KEYS + key);
        for (size_t i = 0; i < t->spans[lag]; i++, frame++) {
            assert_true(frame < N_FRAMES);
            for (size_t b = 0; b < t->columns.n_rows; b++) {
                ub_matrix_column(&spectra, frame)[b] = GAIN * w[b];
            }
        }
    }
    return spectra;
}

// What a key has in frames [from, to).
static double heard(const ub_matrix *sounding, size_t key, size_t from, size_t to)
{
    double sum = 0.0;
    for (size_t t = from; t < to; t++) {
        sum += (double)ub_matrix_column(sounding, t)[key];
    }
    return sum;
}

static ub_matrix deconvolve(const kit_case *c, size_t key)
{
    ub_matrix spectra = hit_of(&c->kit.templates, key), sounding;
    assert_int_equal(ub_matrix_new(N_KEYS, N_FRAMES, &sounding), UB_OK);
    for (size_t t = 0; t < N_FRAMES; t++) {
        ub_matrix_column(&sounding, t)[key] = 7.0f; // of another segment
    }
    assert_int_equal(ub_drum_kit_deconvolve(&c->kit, &c->keys, &spectra, &sounding), UB_OK);
    ub_matrix_free(&spectra);
    return sounding;
}

static void templates_sum_to_one_over_the_frames_that_they_last(void **state)
{
    (void)state;
    kit_case c = case_new();
    const ub_hit_templates *t = &c.kit.templates;
    assert_true(t->columns.n_rows == c.kit.bands.n_bands);
    for (size_t key = 0; key < N_KEYS; key++) {
        assert_true(fabs(sum_of(t, key, t->n_lags) - 1.0) < 1e-5); // single precision
        assert_true(fabs(sum_of(t, key, HEAD_FRAMES) - (double)c.kit.heads[key]) < 1e-5);
    }
    assert_true(c.kit.heads[OPEN] < 0.9f * c.kit.heads[CLOSED]); // it rings
    case_free(&c);
}

static void a_hit_counts_by_its_beginning_and_what_rings_is_no_other(void **state)
{
    (void)state;
    kit_case c = case_new();
    for (size_t key = 0; key < N_KEYS; key++) {
        ub_matrix sounding = deconvolve(&c, key);
        const double hit = heard(&sounding, key, AT - 1, AT + 2);
        const double expected = (double)(GAIN * c.kit.heads[key]);
        assert_true(fabs(hit - expected) < 0.15 * expected);
        for (size_t other = 0; other < N_KEYS; other++) {
            assert_true(heard(&sounding, other, AT + 2, N_FRAMES) < 0.1 * hit);
            assert_true(other == key || heard(&sounding, other, 0, AT + 2) < 0.1 * hit);
        }
        ub_matrix_free(&sounding);
    }
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_sum_to_one_over_the_frames_that_they_last),
        cmocka_unit_test(a_hit_counts_by_its_beginning_and_what_rings_is_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
