// SPDX-License-Identifier: GPL-3.0-or-later
// Medians, best paths, and components that follow priors, against plain loops over seeded random
// shapes.
#include "guide/median.h"
#include "guide/prior.h"
#include "guide/viterbi.h"
#include "nmf_case.h"
#include "reference_guide.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_CASES = 150, N_PRIOR_CASES = 60, MOST_PRIORS = 5 };

static ub_matrix matrix(size_t n_rows, size_t n_cols)
{
    ub_matrix m;
    assert_int_equal(ub_matrix_new(n_rows, n_cols, &m), UB_OK);
    return m;
}

// Often with many equal values.
static ub_matrix random_matrix(ub_random *random)
{
    ub_matrix m = matrix(nmf_case_size(random, 90), nmf_case_size(random, 90));
    const float steps = ub_random_bits(random) % 2 ? 4.0f : 1e7f;
    for (size_t i = 0; i < m.n_rows * m.n_cols; i++) {
        ub_matrix_column(&m, i / m.n_rows)[i % m.n_rows] =
            floorf(steps * ub_random_uniform(random));
    }
    return m;
}

static void medians_along_time_are_those_of_the_reference(void **state)
{
    (void)state;
    ub_random random = ub_random_new(11);
    for (size_t i = 0; i < N_CASES; i++) {
        ub_matrix v = random_matrix(&random), out = matrix(v.n_rows, v.n_cols);
        const size_t around = (size_t)(ub_random_bits(&random) % 20);
        assert_int_equal(ub_median_along_time(&v, around, 1 + i % 2, &out), UB_OK);
        for (size_t j = 0; j < v.n_rows * v.n_cols; j++) {
            const size_t f = j % v.n_rows, t = j / v.n_rows;
            const size_t first = t < around ? 0 : t - around;
            const size_t end = t + around + 1 < v.n_cols ? t + around + 1 : v.n_cols;
            const float wanted = reference_median(v.data + f, first, end, v.stride);
            assert_true(ub_matrix_column(&out, t)[f] == wanted);
        }
        ub_matrix_free(&v);
        ub_matrix_free(&out);
    }
}

// Spans whose ends do not fall; now and then one has nothing in common with the one before.
static ub_span *random_spans(size_t n, ub_random *random)
{
    ub_span *spans = calloc(n, sizeof *spans);
    assert_non_null(spans);
    const size_t leap = 1 + (size_t)(ub_random_bits(random) % 6);
    ub_span now = {0, 1};
    for (size_t f = 0; f < n; f++) {
        now.end += (size_t)(ub_random_bits(random) % (2 * leap));
        now.end = now.end < n ? now.end : n;
        now.first += (size_t)(ub_random_bits(random) % (2 * leap));
        now.first = now.first < now.end ? now.first : now.end - 1;
        spans[f] = now;
    }
    return spans;
}

static void medians_along_frequency_are_those_of_the_reference(void **state)
{
    (void)state;
    ub_random random = ub_random_new(12);
    for (size_t i = 0; i < N_CASES; i++) {
        ub_matrix v = random_matrix(&random), out = matrix(v.n_rows, v.n_cols);
        ub_span *spans = random_spans(v.n_rows, &random);
        assert_int_equal(ub_median_along_frequency(&v, spans, 1 + i % 2, &out), UB_OK);
        for (size_t j = 0; j < v.n_rows * v.n_cols; j++) {
            const size_t f = j % v.n_rows, t = j / v.n_rows;
            const float wanted =
                reference_median(ub_matrix_column(&v, t), spans[f].first, spans[f].end, 1);
            assert_true(ub_matrix_column(&out, t)[f] == wanted);
        }
        free(spans);
        ub_matrix_free(&v);
        ub_matrix_free(&out);
    }
}

// ---- paths -------------------------------------------------------------------------------------

static double sum_of_path(const double *x, size_t n, const size_t *path, size_t n_frames,
                          ub_moves moves)
{
    double sum = 0.0;
    for (size_t t = 0; t < n_frames; t++) {
        const size_t before = path[t > 0 ? t - 1 : 0];
        sum += x[t * n + path[t]] -
               reference_move(before, path[t], moves.reach, moves.step, moves.jump);
    }
    return sum;
}

static ub_moves draw_moves(ub_random *random)
{
    return (ub_moves){.reach = (size_t)(ub_random_bits(random) % 4),
                      .step = 0.5 * (double)ub_random_uniform(random),
                      .jump = (double)ub_random_uniform(random)};
}

static void no_path_is_better_than_the_one_that_is_followed(void **state)
{
    (void)state;
    enum { MOST_FRAMES = 6, MOST_STATES = 5 };
    ub_random random = ub_random_new(15);
    for (size_t i = 0; i < N_CASES; i++) {
        const size_t n = nmf_case_size(&random, MOST_STATES);
        const size_t n_frames = nmf_case_size(&random, MOST_FRAMES);
        const ub_moves moves = draw_moves(&random);
        double x[MOST_FRAMES * MOST_STATES];
        size_t path[MOST_FRAMES];
        ub_matrix fits = matrix(n, n_frames);
        for (size_t j = 0; j < n * n_frames; j++) {
            const float fit = ub_random_uniform(&random);
            ub_matrix_column(&fits, j / n)[j % n] = fit;
            x[j] = (double)fit;
        }
        assert_int_equal(ub_viterbi_follow(&fits, moves, path), UB_OK);
        const double best =
            reference_best_path(x, n, n_frames, moves.reach, moves.step, moves.jump);
        // Both are sums of a few doubles, in another order.
        assert_true(fabs(sum_of_path(x, n, path, n_frames, moves) - best) < 1e-12);
        ub_matrix_free(&fits);
    }
}

// ---- priors ------------------------------------------------------------------------------------

typedef struct prior_case {
    nmf_case problem;
    ub_settings settings;
    ub_scene scene;
    size_t n_priors;
    ub_matrix priors[MOST_PRIORS];
    double *m; // for the reference
} prior_case;

// Priors that sum to one, some of them zero.
static void draw_priors(prior_case *c, ub_random *random)
{
    const size_t n_bins = c->problem.n_bins, n_frames = c->problem.n_frames;
    c->n_priors = 1 + (size_t)(ub_random_bits(random) % MOST_PRIORS);
    c->m = calloc(c->n_priors * n_bins * n_frames, sizeof *c->m);
    assert_non_null(c->m);
    for (size_t j = 0; j < c->n_priors; j++) {
        c->priors[j] = matrix(n_bins, n_frames);
    }
    for (size_t i = 0; i < n_bins * n_frames; i++) {
        float rest = 1.0f;
        for (size_t j = 0; j < c->n_priors; j++) {
            const bool is_last = j + 1 == c->n_priors, is_zero = ub_random_bits(random) % 4 == 0;
            const float share = is_last ? rest : is_zero ? 0.0f : rest * ub_random_uniform(random);
            ub_matrix_column(&c->priors[j], i / n_bins)[i % n_bins] = share;
            c->m[j * n_bins * n_frames + i] = (double)share;
            rest -= share;
        }
    }
}

static prior_case *random_case(ub_random *random, const char *kernels)
{
    prior_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->problem = nmf_case_random(random);
    c->settings = ub_settings_default();
    assert_int_equal(ub_settings_set(&c->settings, "kernels", kernels, NULL), UB_OK);
    c->scene = (ub_scene){.spectra = c->problem.spectra,
                          .n_channels = c->problem.n_channels,
                          .rate_hz = 8000.0,
                          .size_samples = 2 * c->problem.n_bins,
                          .hop_samples = 1,
                          .settings = &c->settings,
                          .n_threads = 1 + (size_t)(ub_random_bits(random) % 2)};
    draw_priors(c, random);
    return c;
}

static void case_free(prior_case *c)
{
    for (size_t j = 0; j < c->n_priors; j++) {
        ub_matrix_free(&c->priors[j]);
    }
    free(c->m);
    nmf_case_free(&c->problem);
    free(c);
}

static ub_matrix weigh(const prior_case *c, double sharpness)
{
    ub_matrix weights = matrix(c->n_priors, c->problem.n_components);
    assert_int_equal(
        ub_prior_weigh(&c->scene, &c->problem.start, c->priors, c->n_priors, sharpness, &weights),
        UB_OK);
    return weights;
}

static void check_weights(const prior_case *c, double sharpness, const ub_matrix *weights,
                          const double *wanted)
{
    for (size_t k = 0; k < c->problem.n_components; k++) {
        double sum = 0.0;
        for (size_t j = 0; j < c->n_priors; j++) {
            const double found = (double)ub_matrix_column(weights, k)[j];
            // Sums of products in single precision, each to 1e-6; the power makes more of it.
            assert_true(fabs(found - wanted[j * c->problem.n_components + k]) <= 1e-5 * sharpness);
            sum += found;
        }
        assert_true(fabs(sum - 1.0) < 1e-5);
    }
}

static void check_masks(const prior_case *c, const reference_nmf *nmf, const reference_point *point,
                        double exponent, const ub_matrix *weights, const double *w)
{
    const size_t n_channels = c->problem.n_channels, n_masks = c->n_priors * n_channels;
    ub_matrix masks[MOST_PRIORS * NMF_CASE_MOST_CHANNELS];
    for (size_t i = 0; i < n_masks; i++) {
        masks[i] = matrix(c->problem.n_bins, c->problem.n_frames);
    }
    assert_int_equal(ub_prior_masks(&c->scene, &c->problem.start, weights, exponent, masks, NULL),
                     UB_OK);
    for (size_t i = 0; i < n_masks; i++) {
        for (size_t n = 0; n < c->problem.n_bins * c->problem.n_frames; n++) {
            const size_t f = n % c->problem.n_bins, t = n / c->problem.n_bins;
            const double wanted = reference_mask(nmf, point, w, c->n_priors, exponent,
                                                 i / n_channels, i % n_channels, f, t);
            // The power of the kernels is good to 2e-6 times the logarithm of what it is of.
            assert_true(fabs((double)ub_matrix_column(&masks[i], t)[f] - wanted) < 5e-5);
        }
        ub_matrix_free(&masks[i]);
    }
}

static void weights_and_masks_are_those_of_the_reference(void **state)
{
    (void)state;
    const char *names[4];
    const size_t n_sets = ub_nmf_kernels(names);
    ub_random random = ub_random_new(13);
    for (size_t i = 0; i < N_PRIOR_CASES; i++) {
        prior_case *c = random_case(&random, names[i % n_sets]);
        reference_nmf nmf = nmf_case_reference(&c->problem);
        nmf.floor = 1e-12;
        reference_point point = nmf_case_point(&c->problem, &c->problem.start);
        const double sharpness = 0.5 + 3.0 * (double)ub_random_uniform(&random);
        double *wanted = calloc(c->n_priors * c->problem.n_components, sizeof *wanted);
        assert_non_null(wanted);
        reference_weigh(&nmf, &point, c->m, c->n_priors, sharpness, wanted);
        ub_matrix weights = weigh(c, sharpness);
        check_weights(c, sharpness, &weights, wanted);
        check_masks(c, &nmf, &point, 0.5 + 1.5 * (double)ub_random_uniform(&random), &weights,
                    wanted);
        ub_matrix_free(&weights);
        free(wanted);
        reference_point_free(&point);
        case_free(c);
    }
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    ub_random random = ub_random_new(14);
    for (size_t i = 0; i < 20; i++) {
        prior_case *c = random_case(&random, "auto");
        c->scene.n_threads = 1;
        ub_matrix one = weigh(c, 3.0);
        c->scene.n_threads = 3;
        ub_matrix three = weigh(c, 3.0);
        assert_memory_equal(one.data, three.data, one.stride * one.n_cols * sizeof(float));
        ub_matrix_free(&one);
        ub_matrix_free(&three);
        case_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians_along_time_are_those_of_the_reference),
        cmocka_unit_test(medians_along_frequency_are_those_of_the_reference),
        cmocka_unit_test(no_path_is_better_than_the_one_that_is_followed),
        cmocka_unit_test(weights_and_masks_are_those_of_the_reference),
        cmocka_unit_test(threads_do_not_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
