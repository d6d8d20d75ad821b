// SPDX-License-Identifier: GPL-3.0-or-later
// Deconvolution against textbook loops in double precision, over seeded random shapes.
#include "factor/nmfd.h"
#include "nmf_case.h"
#include "reference_nmfd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_CASES = 40, N_UPDATES = 20, MOST_LAGS = 12 };

typedef struct nmfd_case {
    size_t n_bins, n_frames, n_components, n_lags;
    size_t spans[MOST_LAGS]; // zero: all last one frame
    ub_matrix spectra, templates;
} nmfd_case;

static ub_matrix matrix(size_t n_rows, size_t n_cols)
{
    ub_matrix m;
    assert_int_equal(ub_matrix_new(n_rows, n_cols, &m), UB_OK);
    return m;
}

static void draw_templates(nmfd_case *c, ub_random *random)
{
    c->templates = matrix(c->n_bins, c->n_lags * c->n_components);
    for (size_t k = 0; k < c->n_components; k++) {
        double sum = 0.0;
        for (size_t i = 0; i < 2 * c->n_lags * c->n_bins; i++) {
            const size_t at = i % (c->n_lags * c->n_bins);
            float *w = ub_matrix_column(&c->templates, at / c->n_bins * c->n_components + k);
            if (i == at) {
                w[at % c->n_bins] = 0.01f + ub_random_uniform(random);
                sum += (double)w[at % c->n_bins] *
                       (double)(c->spans[0] ? c->spans[at / c->n_bins] : 1);
            } else {
                w[at % c->n_bins] = (float)((double)w[at % c->n_bins] / sum);
            }
        }
    }
}

static nmfd_case random_case(ub_random *random)
{
    nmfd_case c = {.n_bins = nmf_case_size(random, 70),
                   .n_frames = nmf_case_size(random, 60),
                   .n_components = nmf_case_size(random, 9),
                   .n_lags = nmf_case_size(random, MOST_LAGS)};
    // In every other case the frames of templates last one, or some.
    const bool is_long = ub_random_uniform(random) < 0.5f;
    for (size_t lag = 0; is_long && lag < c.n_lags; lag++) {
        c.spans[lag] = nmf_case_size(random, 5);
    }
    c.spectra = matrix(c.n_bins, c.n_frames);
    for (size_t t = 0; t < c.n_frames; t++) {
        for (size_t f = 0; f < c.n_bins; f++) {
            ub_matrix_column(&c.spectra, t)[f] = 0.001f + ub_random_uniform(random);
        }
    }
    draw_templates(&c, random);
    return c;
}

static void case_free(nmfd_case *c)
{
    ub_matrix_free(&c->spectra);
    ub_matrix_free(&c->templates);
}

static const size_t *spans_of(const nmfd_case *c)
{
    return c->spans[0] ? c->spans : NULL;
}

static ub_nmfd *open_case(const nmfd_case *c)
{
    ub_nmfd *nmfd = NULL;
    assert_int_equal(ub_nmfd_new(&c->spectra, &c->templates, spans_of(c), c->n_lags, 2, &nmfd),
                     UB_OK);
    return nmfd;
}

static double *doubles(const ub_matrix *m)
{
    double *x = calloc(m->n_rows * m->n_cols, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < m->n_rows * m->n_cols; i++) {
        x[i] = (double)ub_matrix_column(m, i / m->n_rows)[i % m->n_rows];
    }
    return x;
}

static double distance(const double *wanted, const ub_matrix *found)
{
    double difference = 0.0, energy = 0.0;
    for (size_t i = 0; i < found->n_rows * found->n_cols; i++) {
        const double x = (double)ub_matrix_column(found, i / found->n_rows)[i % found->n_rows];
        difference += (x - wanted[i]) * (x - wanted[i]);
        energy += wanted[i] * wanted[i];
    }
    return energy > 0.0 ? sqrt(difference / energy) : difference;
}

// Activations of which most are zero.
static void start_sparsely(const nmfd_case *c, ub_random *random, ub_nmfd *nmfd)
{
    ub_matrix start = matrix(c->n_components, c->n_frames);
    for (size_t i = 0; i < c->n_components * c->n_frames; i++) {
        const float value = ub_random_uniform(random);
        ub_matrix_column(&start, i / c->n_components)[i % c->n_components] =
            value > 0.7f ? value : 0.0f;
    }
    ub_nmfd_start(nmfd, &start);
    ub_matrix_free(&start);
}

// With `sparse` from a start of zeros and others.
static void compare(const nmfd_case *c, double restraint, ub_random *sparse)
{
    ub_nmfd *nmfd = open_case(c);
    if (sparse) {
        start_sparsely(c, sparse, nmfd);
    }
    double *v = doubles(&c->spectra), *origin = doubles(&c->templates);
    reference_nmfd wanted = {.n_bins = c->n_bins,
                             .n_frames = c->n_frames,
                             .n_components = c->n_components,
                             .n_lags = c->n_lags,
                             .spans = spans_of(c),
                             .v = v,
                             .floor = 1e-10 * (double)ub_matrix_largest(&c->spectra),
                             .w = doubles(&c->templates),
                             .h = doubles(ub_nmfd_activations(nmfd)),
                             .w_origin = origin};
    for (size_t i = 0; i < N_UPDATES; i++) {
        ub_nmfd_update_activations(nmfd);
        ub_nmfd_update_templates(nmfd, restraint);
        reference_nmfd_update_h(&wanted);
        reference_nmfd_update_w(&wanted, restraint);
    }
    const double cost = reference_nmfd_cost(&wanted);
    // Single precision: 20 updates of 1e-6 each, more where components are nearly alike. A ratio
    // near one hides the divergence of a good fit in its rounding, 1e-7 of what is explained.
    assert_true(distance(wanted.w, ub_nmfd_templates(nmfd)) < 2e-3);
    assert_true(distance(wanted.h, ub_nmfd_activations(nmfd)) < 2e-3);
    assert_true(fabs(ub_nmfd_cost(nmfd) - cost) <
                1e-3 * cost + 1e-6 * (double)(c->n_bins * c->n_frames));
    free(v);
    free(origin);
    free(wanted.w);
    free(wanted.h);
    ub_nmfd_free(nmfd);
}

static void updates_match_the_reference(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_CASES; seed++) {
        ub_random random = ub_random_new(seed);
        nmfd_case c = random_case(&random);
        print_message("seed %d: %zu x %zu, %zu of %zu lags\n", (int)seed, c.n_bins, c.n_frames,
                      c.n_components, c.n_lags);
        compare(&c, seed % 3 == 0 ? 0.0 : (double)ub_random_uniform(&random),
                seed % 2 ? &random : NULL);
        case_free(&c);
    }
}

static void parts_of_the_model_add_up(void **state)
{
    (void)state;
    for (uint64_t seed = 200; seed < 200 + N_CASES; seed++) {
        ub_random random = ub_random_new(seed);
        nmfd_case c = random_case(&random);
        ub_nmfd *nmfd = open_case(&c);
        ub_nmfd_update_activations(nmfd);
        ub_nmfd_forget(nmfd, 0.2);
        double *w = doubles(ub_nmfd_templates(nmfd)), *h = doubles(ub_nmfd_activations(nmfd));
        const reference_nmfd wanted = {.n_bins = c.n_bins,
                                       .n_frames = c.n_frames,
                                       .n_components = c.n_components,
                                       .n_lags = c.n_lags,
                                       .spans = spans_of(&c),
                                       .w = w,
                                       .h = h};
        float parts[2][80];
        bool is_in[2][16];
        for (size_t k = 0; k < c.n_components; k++) {
            is_in[0][k] = k % 2;
            is_in[1][k] = !is_in[0][k];
        }
        const size_t t = c.n_frames / 2;
        ub_nmfd_model(nmfd, is_in[0], t, parts[0]);
        ub_nmfd_model(nmfd, is_in[1], t, parts[1]);
        for (size_t f = 0; f < c.n_bins; f++) {
            const double sum = reference_nmfd_model(&wanted, f, t);
            // Sums of a hundred products in single precision.
            assert_true(fabs((double)parts[0][f] + (double)parts[1][f] - sum) <= 1e-5 * sum);
        }
        free(w);
        free(h);
        ub_nmfd_free(nmfd);
        case_free(&c);
    }
}

static void what_is_forgotten_is_the_smallest(void **state)
{
    (void)state;
    ub_random random = ub_random_new(7);
    nmfd_case c = random_case(&random);
    ub_nmfd *nmfd = open_case(&c);
    start_sparsely(&c, &random, nmfd);
    ub_nmfd_forget(nmfd, 0.9);
    for (size_t k = 0; k < c.n_components; k++) {
        float most = 0.0f, least = 1.0f;
        for (size_t t = 0; t < c.n_frames; t++) {
            const float h = ub_matrix_column(ub_nmfd_activations(nmfd), t)[k];
            most = fmaxf(most, h);
            least = h > 0.0f ? fminf(least, h) : least;
        }
        assert_true(most == 0.0f || (most > 0.7f && least >= 0.9f * most));
    }
    ub_nmfd_free(nmfd);
    case_free(&c);
}

static void cost_never_rises(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 100 + N_CASES; seed++) {
        ub_random random = ub_random_new(seed);
        nmfd_case c = random_case(&random);
        ub_nmfd *nmfd = open_case(&c);
        double last = ub_nmfd_cost(nmfd);
        for (size_t i = 0; i < 2 * N_UPDATES; i++) {
            if (i % 2) {
                ub_nmfd_update_templates(nmfd, 0.0);
            } else {
                ub_nmfd_update_activations(nmfd);
            }
            const double cost = ub_nmfd_cost(nmfd);
            // The rounding of sums of so many values near one.
            assert_true(cost <= last + 1e-7 * (double)(c.n_bins * c.n_frames));
            last = cost;
        }
        ub_nmfd_free(nmfd);
        case_free(&c);
    }
}

static void full_restraint_keeps_the_templates(void **state)
{
    (void)state;
    ub_random random = ub_random_new(5);
    nmfd_case c = random_case(&random);
    ub_nmfd *nmfd = open_case(&c);
    ub_nmfd_update_activations(nmfd);
    ub_nmfd_update_templates(nmfd, 1.0);
    double *wanted = doubles(&c.templates);
    assert_true(distance(wanted, ub_nmfd_templates(nmfd)) == 0.0);
    free(wanted);
    ub_nmfd_free(nmfd);
    case_free(&c);
}

static void a_planted_hit_is_found_where_it_is(void **state)
{
    (void)state;
    ub_random random = ub_random_new(11);
    nmfd_case c = {.n_bins = 20, .n_frames = 50, .n_components = 2, .n_lags = 6};
    draw_templates(&c, &random);
    c.spectra = matrix(c.n_bins, c.n_frames);
    for (size_t lag = 0; lag < c.n_lags; lag++) {
        for (size_t f = 0; f < c.n_bins; f++) {
            const float w = ub_matrix_column(&c.templates, lag * c.n_components + 1)[f];
            ub_matrix_column(&c.spectra, 17 + lag)[f] = 3.0f * w;
        }
    }
    ub_nmfd *nmfd = open_case(&c);
    for (size_t i = 0; i < 500; i++) {
        ub_nmfd_update_activations(nmfd);
    }
    const ub_matrix *h = ub_nmfd_activations(nmfd);
    assert_float_equal(ub_matrix_column(h, 17)[1], 3.0f, 0.05f);
    assert_true(ub_matrix_column(h, 17)[0] < 0.05f);
    assert_true(ub_matrix_column(h, 16)[1] < 0.05f && ub_matrix_column(h, 18)[1] < 0.05f);
    ub_nmfd_free(nmfd);
    case_free(&c);
}

static void silence_and_empty_templates_stay_finite(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_CASES; seed++) {
        ub_random random = ub_random_new(seed);
        nmfd_case c = random_case(&random);
        for (size_t t = 0; t < c.n_frames; t++) {
            for (size_t f = 0; f < c.n_bins && (seed % 2 || t < c.n_frames / 2); f++) {
                ub_matrix_column(&c.spectra, t)[f] = 0.0f;
            }
        }
        for (size_t lag = 0; lag < c.n_lags && seed % 3 == 0; lag++) {
            for (size_t f = 0; f < c.n_bins; f++) {
                ub_matrix_column(&c.templates, lag * c.n_components)[f] = 0.0f;
            }
        }
        ub_nmfd *nmfd = open_case(&c);
        for (size_t i = 0; i < N_UPDATES; i++) {
            ub_nmfd_update_activations(nmfd);
            ub_nmfd_update_templates(nmfd, 0.3);
        }
        assert_true(ub_matrix_is_nonnegative(ub_nmfd_activations(nmfd)));
        assert_true(ub_matrix_is_nonnegative(ub_nmfd_templates(nmfd)));
        assert_true(isfinite(ub_nmfd_cost(nmfd)));
        ub_nmfd_free(nmfd);
        case_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_match_the_reference),
        cmocka_unit_test(parts_of_the_model_add_up),
        cmocka_unit_test(what_is_forgotten_is_the_smallest),
        cmocka_unit_test(cost_never_rises),
        cmocka_unit_test(full_restraint_keeps_the_templates),
        cmocka_unit_test(a_planted_hit_is_found_where_it_is),
        cmocka_unit_test(silence_and_empty_templates_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
