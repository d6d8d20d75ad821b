// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of the Euclidean distance, every set that this machine runs, against plain loops.
#include "kernel_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { N_SHAPES = 60, MOST_COMPONENTS = 64 };

// Factors and spectra, and a run of frames somewhere within these.
typedef struct run_case {
    kernel_case all;
    size_t first, n;
} run_case;

static run_case run_case_new(const ub_kernels *kernels, ub_random *random)
{
    run_case run = {.all = kernel_case_new(kernels, MOST_COMPONENTS, 60, random)};
    run.first = ub_random_bits(random) % run.all.n_frames;
    run.n = 1 + ub_random_bits(random) % (run.all.n_frames - run.first);
    return run;
}

static void for_all(void (*check)(const run_case *, ub_random *))
{
    const ub_kernels *sets[4];
    const size_t n = ub_kernels_all(sets);
    for (size_t set = 0; set < n; set++) {
        ub_random random = ub_random_new(13);
        for (size_t i = 0; i < N_SHAPES; i++) {
            run_case run = run_case_new(sets[set], &random);
            check(&run, &random);
            kernel_case_free(&run.all);
        }
    }
}

// n roundings of half an ulp, all terms positive.
static void assert_near(double x, double wanted, size_t n)
{
    assert_true(fabs(x - wanted) <= 6e-8 * (double)(n + 2) * wanted);
}

static void check_project(const run_case *run, ub_random *random)
{
    const kernel_case *b = &run->all;
    ub_matrix out = kernel_case_matrix(b->n_components, run->n, random);
    ub_matrix spare = kernel_case_matrix(b->n_components, run->n, random);
    b->kernels->project(&b->packing, b->packed.data, b->transposed.data, b->pointers,
                        b->spectra[0].stride, run->first, run->n, out.data, out.stride, spare.data);
    for (size_t i = 0; i < run->n * b->n_components; i++) {
        const size_t k = i % b->n_components, t = i / b->n_components;
        double wanted = 0.0;
        for (size_t j = 0; j < b->n_channels * b->n_bins; j++) {
            const size_t c = j / b->n_bins, f = j % b->n_bins;
            wanted += kernel_case_at(&b->gains, c, k) * kernel_case_at(&b->templates, f, k) *
                      kernel_case_at(&b->spectra[c], f, run->first + t);
        }
        assert_near(kernel_case_at(&out, k, t), wanted, b->n_channels * b->n_bins);
    }
    ub_matrix_free(&out);
    ub_matrix_free(&spare);
}

static void projections_match_the_reference(void **state)
{
    (void)state;
    for_all(check_project);
}

// Added to what is there, in the packed layout, and nothing in the padding.
static void check_correlate(const run_case *run, ub_random *random)
{
    const kernel_case *b = &run->all;
    (void)random;
    ub_matrix sums;
    assert_int_equal(ub_matrix_copy(&b->packed, &sums), UB_OK);
    b->kernels->correlate(&b->packing, b->pointers, b->spectra[0].stride, run->first, run->n,
                          b->activations.data, b->activations.stride, sums.data);
    double rest = 0.0;
    for (size_t i = 0; i < b->packing.n_floats; i++) {
        rest += (double)sums.data[i];
    }
    for (size_t i = 0; i < b->n_channels * b->n_bins * b->n_components; i++) {
        const size_t k = i % b->n_components, f = i / b->n_components % b->n_bins;
        const size_t c = i / b->n_components / b->n_bins;
        const size_t panel_bins = b->kernels->panel_bins;
        size_t width;
        const size_t place =
            ub_packing_panel(&b->packing, panel_bins, c, f / panel_bins, &width) + f % panel_bins;
        double wanted = (double)b->packed.data[place + k * width];
        for (size_t t = 0; t < run->n; t++) {
            wanted += kernel_case_at(&b->spectra[c], f, run->first + t) *
                      kernel_case_at(&b->activations, k, t);
        }
        assert_near((double)sums.data[place + k * width], wanted, run->n + 1);
        rest -= (double)sums.data[place + k * width];
    }
    assert_true(fabs(rest) <= 1e-9 * (double)b->packing.n_floats);
    ub_matrix_free(&sums);
}

static void correlations_match_the_reference(void **state)
{
    (void)state;
    for_all(check_correlate);
}

static void check_gram(const run_case *run, ub_random *random)
{
    const kernel_case *b = &run->all;
    const size_t n_k = b->n_components;
    ub_matrix sums = kernel_case_matrix(n_k, n_k, random), before;
    assert_int_equal(ub_matrix_copy(&sums, &before), UB_OK);
    b->kernels->gram(b->activations.data, b->activations.stride, run->n, n_k, sums.data);
    for (size_t l = 0; l < n_k; l++) {
        for (size_t k = l; k < n_k; k++) {
            double wanted = kernel_case_at(&before, k, l);
            for (size_t t = 0; t < run->n; t++) {
                wanted +=
                    kernel_case_at(&b->activations, k, t) * kernel_case_at(&b->activations, l, t);
            }
            assert_near(kernel_case_at(&sums, k, l), wanted, run->n + 1);
        }
    }
    ub_matrix_free(&sums);
    ub_matrix_free(&before);
}

static void gram_matrices_match_the_reference(void **state)
{
    (void)state;
    for_all(check_gram);
}

// ---- coordinate descent ------------------------------------------------------------------------

typedef struct problem {
    size_t n_k, width, stride;
    float gram[MOST_COMPONENTS * MOST_COMPONENTS], inverses[MOST_COMPONENTS];
    float linear[MOST_COMPONENTS * 64], x[MOST_COMPONENTS * 64];
} problem;

// A diagonal that dominates: rounding does not grow from sweep to sweep. Every fifth row stays, a
// tenth of the entries is zero, half of the minima lie below zero.
static void draw_problem(problem *p, size_t n_k, size_t width, ub_random *random)
{
    p->n_k = n_k;
    p->width = width;
    p->stride = (n_k + 15) / 16 * 16;
    for (size_t l = 0; l < n_k; l++) {
        for (size_t k = 0; k <= l; k++) {
            const float g = ub_random_uniform(random) / (float)n_k;
            p->gram[l * p->stride + k] = p->gram[k * p->stride + l] = g;
        }
        p->gram[l * p->stride + l] += 1.0f;
        p->inverses[l] = l % 5 == 4 ? 0.0f : 1.0f / p->gram[l * p->stride + l];
    }
    for (size_t i = 0; i < n_k * width; i++) {
        p->linear[i] = 2.0f * ub_random_uniform(random) - 0.7f;
        p->x[i] = ub_random_bits(random) % 10 == 0 ? 0.0f : ub_random_uniform(random) + 0.01f;
    }
}

static double slope_at(const problem *p, const double *x, size_t k, size_t i)
{
    double slope = -(double)p->linear[k * p->width + i];
    for (size_t l = 0; l < p->n_k; l++) {
        slope += (double)p->gram[k * p->stride + l] * x[l * p->width + i];
    }
    return slope;
}

static double value(const problem *p, const double *x)
{
    double sum = 0.0;
    for (size_t j = 0; j < p->n_k * p->width; j++) {
        const double slope = slope_at(p, x, j / p->width, j % p->width);
        sum += 0.5 * x[j] * (slope - (double)p->linear[j]);
    }
    return sum;
}

static void sweep(const problem *p, double least, double *x)
{
    for (size_t j = 0; j < p->n_k * p->width; j++) {
        const size_t k = j / p->width, i = j % p->width;
        const double slope = slope_at(p, x, k, i);
        if (p->inverses[k] != 0.0f && x[j] > 0.0) {
            x[j] = fmax(x[j] - slope / (double)p->gram[k * p->stride + k], least);
        }
    }
}

static void check_descend(const run_case *run, ub_random *random)
{
    const kernel_case *b = &run->all;
    static problem p;
    static double wanted[MOST_COMPONENTS * 64];
    const size_t lanes = b->kernels->lanes;
    const size_t width = lanes * (1 + ub_random_bits(random) % (b->kernels->panel_bins / lanes));
    draw_problem(&p, b->n_components, width, random);
    for (size_t j = 0; j < p.n_k * width; j++) {
        wanted[j] = (double)p.x[j];
    }
    const ub_descent descent = {
        .n_components = p.n_k,
        .gram = p.gram,
        .gram_stride = p.stride,
        .inverses = p.inverses,
        .least = 1e-6f,
        .n_sweeps = 1 + ub_random_bits(random) % 3,
    };
    const double before = value(&p, wanted);
    for (size_t i = 0; i < descent.n_sweeps; i++) {
        sweep(&p, 1e-6, wanted);
    }
    const double saved = b->kernels->descend(&descent, p.linear, width, p.x);
    for (size_t j = 0; j < p.n_k * width; j++) {
        // Sums of some K terms below two, a few times over.
        assert_true(fabs((double)p.x[j] - wanted[j]) <= 2e-6);
        assert_true((p.x[j] == 0.0f) == (wanted[j] == 0.0));
    }
    const double fall = before - value(&p, wanted);
    assert_true(fabs(saved - fall) <= 1e-5 * (fabs(fall) + 1.0));
}

static void descents_match_the_reference(void **state)
{
    (void)state;
    for_all(check_descend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projections_match_the_reference),
        cmocka_unit_test(correlations_match_the_reference),
        cmocka_unit_test(gram_matrices_match_the_reference),
        cmocka_unit_test(descents_match_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
