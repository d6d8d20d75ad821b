// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/kernels.h"
#include "malloc_guard.h"
#include "unbraid/mask.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_BINS = 37, N_COMPONENTS = 7, N_CHANNELS = 2, N_FRAMES = 11, MOST_SOURCES = 5 };

typedef struct model {
    ub_matrix templates, gains, activations;
    size_t sources[N_COMPONENTS];
    size_t n_sources;
} model;

static void fill(ub_matrix *matrix, size_t n_rows, size_t n_cols, ub_random *random)
{
    assert_int_equal(ub_matrix_new(n_rows, n_cols, matrix), UB_OK);
    for (size_t col = 0; col < n_cols; col++) {
        for (size_t row = 0; row < n_rows; row++) {
            ub_matrix_column(matrix, col)[row] = ub_random_uniform(random);
        }
    }
}

static model model_new(size_t n_sources, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    model m = {.n_sources = n_sources};
    fill(&m.templates, N_BINS, N_COMPONENTS, &random);
    fill(&m.gains, N_CHANNELS, N_COMPONENTS, &random);
    fill(&m.activations, N_COMPONENTS, N_FRAMES, &random);
    for (size_t k = 0; k < N_COMPONENTS; k++) {
        m.sources[k] = (size_t)(ub_random_bits(&random) % n_sources);
    }
    return m;
}

static void model_free(model *m)
{
    ub_matrix_free(&m->templates);
    ub_matrix_free(&m->gains);
    ub_matrix_free(&m->activations);
}

// Masks of all frames of a channel: [source], frames `stride` apart; one block to free.
static float *run(const model *m, size_t channel, double exponent, const char *kernels,
                  float *masks[MOST_SOURCES], size_t *stride)
{
    ub_masker *masker = NULL;
    ub_message why = {""};
    assert_int_equal(ub_masker_new(&m->templates, &m->gains, m->sources, m->n_sources, exponent,
                                   kernels, &masker, &why),
                     UB_OK);
    *stride = ub_masker_stride(masker);
    float *memory = calloc(MOST_SOURCES * N_FRAMES * *stride, sizeof *memory);
    float *work = calloc(ub_masker_work_size(masker), sizeof *work);
    assert_true(memory && work);
    for (size_t j = 0; j < MOST_SOURCES; j++) {
        masks[j] = memory + j * N_FRAMES * *stride;
    }
    ub_masker_run(masker, channel, &m->activations, 0, N_FRAMES, work, masks);
    free(work);
    ub_masker_free(masker);
    return memory;
}

// The formula of the header, in double.
static double reference(const model *m, size_t channel, size_t source, size_t f, size_t t, double p)
{
    double own = 0.0, all = 0.0;
    for (size_t j = 0; j < m->n_sources; j++) {
        double sum = 1e-18;
        for (size_t k = 0; k < N_COMPONENTS; k++) {
            if (m->sources[k] == j) {
                sum += (double)ub_matrix_column(&m->gains, k)[channel] *
                       (double)ub_matrix_column(&m->templates, k)[f] *
                       (double)ub_matrix_column(&m->activations, t)[k];
            }
        }
        all += pow(sum, p);
        own += j == source ? pow(sum, p) : 0.0;
    }
    return own / all;
}

static void masks_follow_the_formula_and_sum_to_one(void **state)
{
    (void)state;
    const double exponents[] = {0.5, 1.0, 1.3, 2.0};
    const ub_kernels *sets[4];
    const size_t n_sets = ub_kernels_all(sets);
    for (size_t i = 0; i < 4 * MOST_SOURCES * n_sets; i++) {
        const double p = exponents[i % 4];
        model m = model_new(1 + i / 4 % MOST_SOURCES, i);
        float *masks[MOST_SOURCES];
        size_t stride;
        for (size_t c = 0; c < N_CHANNELS; c++) {
            float *memory = run(&m, c, p, sets[i % n_sets]->name, masks, &stride);
            for (size_t t = 0; t < N_FRAMES; t++) {
                for (size_t f = 0; f < N_BINS; f++) {
                    double sum = 0.0;
                    for (size_t j = 0; j < m.n_sources; j++) {
                        const double mask = (double)masks[j][t * stride + f];
                        assert_true(fabs(mask - reference(&m, c, j, f, t, p)) < 1e-5);
                        sum += mask;
                    }
                    assert_true(fabs(sum - 1.0) < 4e-7); // a few roundings of float
                }
            }
            free(memory);
        }
        model_free(&m);
    }
}

static ub_masker *new_shared(const model *m, const ub_matrix *shares)
{
    ub_masker *masker = NULL;
    ub_message why = {""};
    if (ub_masker_new_shared(&m->templates, &m->gains, shares, 1.3, NULL, &masker, &why)) {
        fail_msg("%s", why.text);
    }
    return masker;
}

static void run_all(const ub_masker *masker, const model *m, size_t channel, float *memory,
                    float *masks[MOST_SOURCES])
{
    float *work = calloc(ub_masker_work_size(masker), sizeof *work);
    assert_non_null(work);
    for (size_t j = 0; j < MOST_SOURCES; j++) {
        masks[j] = memory + j * N_FRAMES * ub_masker_stride(masker);
    }
    ub_masker_run(masker, channel, &m->activations, 0, N_FRAMES, work, masks);
    free(work);
}

// The model of a source, all of whose components have shares of their own.
static double shared_model(const model *m, const ub_matrix *shares, size_t channel, size_t source,
                           size_t f, size_t t)
{
    double sum = 0.0;
    for (size_t k = 0; k < N_COMPONENTS; k++) {
        sum += (double)ub_matrix_column(shares, k)[source] *
               (double)ub_matrix_column(&m->gains, k)[channel] *
               (double)ub_matrix_column(&m->templates, k)[f] *
               (double)ub_matrix_column(&m->activations, t)[k];
    }
    return sum;
}

static void sources_that_share_components_have_the_masks_of_their_shares(void **state)
{
    (void)state;
    model m = model_new(4, 21);
    ub_random random = ub_random_new(22);
    ub_matrix shares;
    fill(&shares, 4, N_COMPONENTS, &random);
    ub_masker *masker = new_shared(&m, &shares);
    const size_t stride = ub_masker_stride(masker);
    float *memory = calloc(MOST_SOURCES * N_FRAMES * stride, sizeof *memory);
    assert_non_null(memory);
    float *masks[MOST_SOURCES];
    for (size_t i = 0; i < N_CHANNELS * N_FRAMES * N_BINS; i++) {
        const size_t c = i / N_FRAMES / N_BINS, t = i / N_BINS % N_FRAMES, f = i % N_BINS;
        double sum = 0.0;
        if (t == 0 && f == 0) {
            run_all(masker, &m, c, memory, masks);
        }
        for (size_t j = 0; j < 4; j++) {
            sum += pow(shared_model(&m, &shares, c, j, f, t), 1.3);
        }
        for (size_t j = 0; j < 4; j++) {
            const double wanted = pow(shared_model(&m, &shares, c, j, f, t), 1.3) / sum;
            // As above: a mask is a ratio of sums in single precision.
            assert_true(fabs((double)masks[j][t * stride + f] - wanted) < 1e-5);
        }
    }
    free(memory);
    ub_masker_free(masker);
    ub_matrix_free(&shares);
    model_free(&m);
}

static void whole_shares_are_components_of_one_source(void **state)
{
    (void)state;
    model m = model_new(3, 23);
    ub_matrix shares;
    assert_int_equal(ub_matrix_new(3, N_COMPONENTS, &shares), UB_OK);
    for (size_t k = 0; k < N_COMPONENTS; k++) {
        ub_matrix_column(&shares, k)[m.sources[k]] = 1.0f;
    }
    ub_masker *shared = new_shared(&m, &shares);
    float *own[MOST_SOURCES], *masks[MOST_SOURCES];
    size_t stride;
    float *memory = run(&m, 1, 1.3, NULL, own, &stride);
    float *again = calloc(MOST_SOURCES * N_FRAMES * stride, sizeof *again);
    assert_non_null(again);
    run_all(shared, &m, 1, again, masks);
    for (size_t i = 0; i < 3 * N_FRAMES * N_BINS; i++) {
        const size_t j = i / N_FRAMES / N_BINS, at = i / N_BINS % N_FRAMES * stride + i % N_BINS;
        // Sums of the same, in another order.
        assert_true(fabsf(own[j][at] - masks[j][at]) < 1e-5f);
    }
    free(memory);
    free(again);
    ub_masker_free(shared);
    ub_matrix_free(&shares);
    model_free(&m);
}

static void shares_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    model m = model_new(2, 24);
    ub_matrix shares, few;
    ub_masker *masker = NULL;
    assert_int_equal(ub_matrix_new(2, N_COMPONENTS, &shares), UB_OK);
    assert_int_equal(ub_matrix_new(2, N_COMPONENTS - 1, &few), UB_OK);
    assert_int_equal(ub_masker_new_shared(&m.templates, &m.gains, &few, 1.0, NULL, &masker, NULL),
                     UB_BAD_SHAPE);
    ub_matrix_column(&shares, 2)[1] = -0.1f;
    assert_int_equal(
        ub_masker_new_shared(&m.templates, &m.gains, &shares, 1.0, NULL, &masker, NULL),
        UB_BAD_VALUE);
    ub_matrix_column(&shares, 2)[1] = 0.1f;
    assert_int_equal(
        ub_masker_new_shared(&m.templates, &m.gains, &shares, 3.0, NULL, &masker, NULL),
        UB_BAD_SETTING);
    assert_null(masker);
    ub_status status = malloc_guard_is_missing() ? UB_OK : UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        size_t held;
        malloc_guard_start(n);
        status = ub_masker_new_shared(&m.templates, &m.gains, &shares, 1.0, NULL, &masker, NULL);
        ub_masker_free(status ? NULL : masker);
        malloc_guard_stop(&held);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_int_equal(held, 0);
    }
    ub_matrix_free(&shares);
    ub_matrix_free(&few);
    model_free(&m);
}

static void what_nobody_explains_is_shared_equally(void **state)
{
    (void)state;
    model m = model_new(4, 1);
    float *masks[MOST_SOURCES];
    size_t stride;
    memset(ub_matrix_column(&m.activations, 3), 0, N_COMPONENTS * sizeof(float));
    float *memory = run(&m, 0, 1.3, NULL, masks, &stride);
    for (size_t j = 0; j < 4; j++) {
        for (size_t f = 0; f < N_BINS; f++) {
            assert_true(fabsf(masks[j][3 * stride + f] - 0.25f) < 1e-6f);
        }
    }
    free(memory);
    model_free(&m);
}

static void any_cut_of_the_frames_gives_the_same_bits(void **state)
{
    (void)state;
    model m = model_new(3, 5);
    float *masks[MOST_SOURCES], *one[MOST_SOURCES];
    size_t stride;
    float *memory = run(&m, 1, 1.0, NULL, masks, &stride);
    ub_masker *masker = NULL;
    assert_int_equal(ub_masker_new(&m.templates, &m.gains, m.sources, 3, 1.0, NULL, &masker, NULL),
                     UB_OK);
    float *single = calloc(3 * stride, sizeof *single);
    float *work = calloc(ub_masker_work_size(masker), sizeof *work);
    assert_true(single && work);
    for (size_t t = 0; t < N_FRAMES; t++) {
        for (size_t j = 0; j < 3; j++) {
            one[j] = single + j * stride;
        }
        malloc_guard_start(0);
        ub_masker_run(masker, 1, &m.activations, t, 1, work, one);
        assert_int_equal(malloc_guard_stop(NULL), 0);
        for (size_t j = 0; j < 3; j++) {
            assert_memory_equal(one[j], masks[j] + t * stride, N_BINS * sizeof(float));
        }
    }
    free(single), free(work), free(memory);
    ub_masker_free(masker);
    ub_masker_free(NULL);
    model_free(&m);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    model m = model_new(2, 1);
    ub_masker *masker = NULL;
    ub_message why = {""};
    ub_matrix few = m.gains, none = {0};
    few.n_cols--;
    const double bad_exponents[] = {0.4, 2.1, NAN};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ub_masker_new(&m.templates, &m.gains, m.sources, 2, bad_exponents[i], NULL,
                                       &masker, &why),
                         UB_BAD_SETTING);
    }
    assert_int_equal(
        ub_masker_new(&m.templates, &m.gains, m.sources, 2, 1.0, "abacus", &masker, &why),
        UB_BAD_SETTING);
    assert_int_equal(ub_masker_new(&m.templates, &few, m.sources, 2, 1.0, NULL, &masker, &why),
                     UB_BAD_SHAPE);
    assert_int_equal(ub_masker_new(&none, &m.gains, m.sources, 2, 1.0, NULL, &masker, &why),
                     UB_BAD_SHAPE);
    m.sources[2] = 2;
    assert_int_equal(ub_masker_new(&m.templates, &m.gains, m.sources, 2, 1.0, NULL, &masker, &why),
                     UB_BAD_SHAPE);
    m.sources[2] = 1;
    ub_matrix_column(&m.templates, 2)[5] = NAN;
    assert_int_equal(ub_masker_new(&m.templates, &m.gains, m.sources, 2, 1.0, NULL, &masker, &why),
                     UB_BAD_VALUE);
    assert_null(masker);
    assert_true(strlen(why.text) > 5);
    model_free(&m);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    model m = model_new(2, 1);
    for (size_t n = 1;; n++) {
        ub_masker *masker = NULL;
        size_t held;
        malloc_guard_start(n);
        const ub_status status =
            ub_masker_new(&m.templates, &m.gains, m.sources, 2, 1.0, NULL, &masker, NULL);
        const size_t made = malloc_guard_stop(&held);
        if (made < n) {
            assert_int_equal(status, UB_OK);
            ub_masker_free(masker);
            break;
        }
        assert_int_equal(status, UB_NO_MEMORY);
        assert_null(masker);
        assert_int_equal(held, 0);
    }
    model_free(&m);
}

static void a_mask_is_applied_in_place(void **state)
{
    (void)state;
    float complex spectrum[3] = {1.0f + 2.0f * I, -3.0f, 4.0f * I};
    const float mask[3] = {0.5f, 0.0f, 1.0f};
    ub_mask_apply_frame(mask, spectrum, 3, spectrum);
    assert_true(spectrum[0] == 0.5f + 1.0f * I && spectrum[1] == 0.0f && spectrum[2] == 4.0f * I);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_follow_the_formula_and_sum_to_one),
        cmocka_unit_test(sources_that_share_components_have_the_masks_of_their_shares),
        cmocka_unit_test(whole_shares_are_components_of_one_source),
        cmocka_unit_test(shares_that_do_not_fit_are_refused),
        cmocka_unit_test(what_nobody_explains_is_shared_equally),
        cmocka_unit_test(any_cut_of_the_frames_gives_the_same_bits),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(a_mask_is_applied_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
