// SPDX-License-Identifier: GPL-3.0-or-later
// Restrained adaptation against plain loops in double precision, over random shapes.
#include "factor/adapt.h"
#include "reference_adapt.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_SHAPES = 40, SEED = 17 };

typedef struct adapt_case {
    ub_matrix spectra, templates, activations;
    bool *chosen;
    ub_adaptation how;
} adapt_case;

static ub_matrix random_matrix(size_t n_rows, size_t n_cols, ub_random *random)
{
    ub_matrix matrix;
    assert_int_equal(ub_matrix_new(n_rows, n_cols, &matrix), UB_OK);
    for (size_t col = 0; col < n_cols; col++) {
        for (size_t i = 0; i < n_rows; i++) {
            ub_matrix_column(&matrix, col)[i] = 0.05f + ub_random_uniform(random);
        }
    }
    return matrix;
}

static size_t up_to(ub_random *random, size_t most)
{
    return 1 + (size_t)(ub_random_bits(random) % most);
}

static adapt_case case_new(ub_random *random)
{
    static const double betas[] = {0.0, 0.5, 1.0, 2.0};
    const size_t n_bins = up_to(random, 150), n_frames = up_to(random, 90);
    const size_t n_k = 1 + up_to(random, 30), cell = up_to(random, 40);
    const size_t n_cells = (n_frames + cell - 1) / cell;
    adapt_case c = {.spectra = random_matrix(n_bins, n_frames, random),
                    .templates = random_matrix(n_bins, n_k, random),
                    .activations = random_matrix(n_k, n_frames, random),
                    .chosen = calloc(n_cells * n_k, sizeof(bool))};
    assert_non_null(c.chosen);
    for (size_t k = 0; k < n_k; k++) {
        float sum = 0.0f;
        for (size_t f = 0; f < n_bins; f++) {
            sum += ub_matrix_column(&c.templates, k)[f];
        }
        for (size_t f = 0; f < n_bins; f++) {
            ub_matrix_column(&c.templates, k)[f] /= sum;
        }
    }
    for (size_t i = 0; i < n_cells * n_k; i++) {
        c.chosen[i] = i % n_k + 1 == n_k || ub_random_uniform(random) < 0.5f; // one at least
    }
    for (size_t t = 0; t < n_frames; t++) {
        for (size_t k = 0; k < n_k; k++) {
            ub_matrix_column(&c.activations, t)[k] *= c.chosen[t / cell * n_k + k] ? 1.0f : 0.0f;
        }
    }
    c.how = (ub_adaptation){.beta = betas[ub_random_bits(random) % 4],
                            .n_start = 2,
                            .n_rounds = up_to(random, 4),
                            .n_between = 2,
                            .shrinkage = 1.0,
                            .n_adapted = n_k - 1,
                            .cell_frames = cell,
                            .chosen = c.chosen,
                            .n_threads = 1};
    return c;
}

static void case_free(adapt_case *c)
{
    ub_matrix_free(&c->spectra);
    ub_matrix_free(&c->templates);
    ub_matrix_free(&c->activations);
    free(c->chosen);
}

static double *in_double(const ub_matrix *matrix)
{
    double *x = calloc(matrix->n_rows * matrix->n_cols + 1, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < matrix->n_rows * matrix->n_cols; i++) {
        x[i] = (double)ub_matrix_column(matrix, i / matrix->n_rows)[i % matrix->n_rows];
    }
    return x;
}

// A dozen updates, each of sums of up to 150 rounded terms whose quotients multiply up.
static bool is_near(const ub_matrix *matrix, const double *wanted)
{
    double largest = 0.0;
    for (size_t i = 0; i < matrix->n_rows * matrix->n_cols; i++) {
        largest = fmax(largest, wanted[i]);
    }
    for (size_t i = 0; i < matrix->n_rows * matrix->n_cols; i++) {
        const double x = (double)ub_matrix_column(matrix, i / matrix->n_rows)[i % matrix->n_rows];
        if (!(fabs(x - wanted[i]) <= 2e-4 * wanted[i] + 1e-5 * largest)) {
            print_message("%zu: %g instead of %g\n", i, x, wanted[i]);
            return false;
        }
    }
    return true;
}

static void adaptation_matches_the_reference(void **state)
{
    (void)state;
    const char *names[4];
    const size_t n_sets = ub_nmf_kernels(names);
    ub_random random = ub_random_new(SEED);
    for (size_t i = 0; i < N_SHAPES; i++) {
        adapt_case c = case_new(&random);
        c.how.kernels = names[i % n_sets];
        double *v = in_double(&c.spectra), *w = in_double(&c.templates);
        double *h = in_double(&c.activations);
        const reference_adaptation reference = {.n_bins = c.spectra.n_rows,
                                                .n_frames = c.spectra.n_cols,
                                                .n_components = c.templates.n_cols,
                                                .v = v,
                                                .beta = c.how.beta,
                                                .n_start = c.how.n_start,
                                                .n_rounds = c.how.n_rounds,
                                                .n_between = c.how.n_between,
                                                .n_adapted = c.how.n_adapted,
                                                .cell_frames = c.how.cell_frames,
                                                .shrinkage = c.how.shrinkage,
                                                .chosen = c.chosen};
        reference_adapt(&reference, w, h);
        assert_int_equal(ub_adapt(&c.spectra, &c.how, NULL, &c.templates, &c.activations), UB_OK);
        if (!is_near(&c.templates, w) || !is_near(&c.activations, h)) {
            print_message("seed %d, shape %zu, beta %g\n", SEED, i, c.how.beta);
            fail();
        }
        free(v);
        free(w);
        free(h);
        case_free(&c);
    }
}

static void threads_make_no_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        ub_random one = ub_random_new(100 + i), two = ub_random_new(100 + i);
        adapt_case a = case_new(&one), b = case_new(&two);
        b.how.n_threads = 3;
        assert_int_equal(ub_adapt(&a.spectra, &a.how, NULL, &a.templates, &a.activations), UB_OK);
        assert_int_equal(ub_adapt(&b.spectra, &b.how, NULL, &b.templates, &b.activations), UB_OK);
        assert_memory_equal(a.templates.data, b.templates.data,
                            a.templates.stride * a.templates.n_cols * sizeof(float));
        assert_memory_equal(a.activations.data, b.activations.data,
                            a.activations.stride * a.activations.n_cols * sizeof(float));
        case_free(&a);
        case_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adaptation_matches_the_reference),
        cmocka_unit_test(threads_make_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
