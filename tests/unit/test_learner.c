// SPDX-License-Identifier: GPL-3.0-or-later
// Templates that learn frame by frame, and their way into activators and masks.
#include "factor/learner.h"
#include "unbraid/mask.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The textbook form in double precision: w = (a / b)^g with a += w^p v x^(beta-2) h and
// b += w^q x^(beta-1) h, and what a change of scale s of w, 1 / s of h, does to the sums.
typedef struct sums {
    double w[64], a[64], b[64];
} sums;

static void reference_update(sums *s, size_t n_bins, double beta, const double *v, const double *x,
                             double h, double keep)
{
    const double p = beta <= 2.0 ? 2.0 - beta : 0.0, q = beta >= 1.0 ? 1.0 - beta : 0.0;
    const double g = beta < 1.0 ? 1.0 / (2.0 - beta) : beta > 2.0 ? 1.0 / (beta - 1.0) : 1.0;
    double scale = 0.0;
    for (size_t f = 0; f < n_bins; f++) {
        s->a[f] = keep * s->a[f] + pow(s->w[f], p) * v[f] * pow(x[f], beta - 2.0) * h;
        s->b[f] = keep * s->b[f] + pow(s->w[f], q) * pow(x[f], beta - 1.0) * h;
        s->w[f] = pow(s->a[f] / s->b[f], g);
        scale += s->w[f];
    }
    for (size_t f = 0; f < n_bins; f++) {
        s->w[f] /= scale;
        s->a[f] *= pow(scale, 1.0 - p);
        s->b[f] *= pow(scale, 1.0 - q);
    }
}

static ub_learner *new_learner(size_t n_bins, size_t n, double beta)
{
    ub_nmf_settings settings = ub_nmf_settings_default();
    settings.beta = beta;
    ub_learner *learner = NULL;
    assert_int_equal(ub_learner_new(n_bins, n, &settings, &learner), UB_OK);
    return learner;
}

// 1e-3: powers in single precision, gathered over twenty frames.
static void learning_matches_the_reference(void **state)
{
    (void)state;
    const double betas[] = {-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.6, 3.0};
    ub_random random = ub_random_new(5);
    double worst = 0.0;
    for (size_t i = 0; i < 80; i++) {
        const size_t n_bins = 2 + ub_random_bits(&random) % 62, n = 1 + i % 3;
        const double beta = betas[i % 8];
        ub_learner *learner = new_learner(n_bins, n, beta);
        const ub_matrix *templates = ub_learner_templates(learner);
        sums wanted[3] = {0};
        for (size_t k = 0; k < n * n_bins; k++) {
            wanted[k / n_bins].w[k % n_bins] =
                (double)ub_matrix_column(templates, k / n_bins)[k % n_bins];
        }
        for (size_t t = 0; t < 20; t++) {
            float magnitudes[64], model[64], h[3];
            double v[64], x[64];
            for (size_t f = 0; f < n_bins; f++) {
                magnitudes[f] = 0.2f + ub_random_uniform(&random);
                model[f] = 0.2f + ub_random_uniform(&random);
                v[f] = (double)magnitudes[f];
                x[f] = (double)model[f];
            }
            const double keep = 0.5 + 0.5 * (double)ub_random_uniform(&random);
            ub_learner_hear(learner, magnitudes, model);
            for (size_t k = 0; k < n; k++) {
                h[k] = t % 5 == 3 ? 0.0f : 0.1f + ub_random_uniform(&random);
                if (h[k] > 0.0f) {
                    reference_update(&wanted[k], n_bins, beta, v, x, (double)h[k],
                                     (double)(float)keep);
                }
            }
            ub_learner_update(learner, 0, n, h, keep);
        }
        for (size_t k = 0; k < n * n_bins; k++) {
            const double w = wanted[k / n_bins].w[k % n_bins];
            const double found = (double)ub_matrix_column(templates, k / n_bins)[k % n_bins];
            if (w > 1e-3 / (double)n_bins) { // the learner does not let entries die
                worst = fmax(worst, fabs(found - w) / w);
            }
        }
        ub_learner_free(learner);
    }
    print_message("worst relative difference %.1e\n", worst);
    assert_true(worst < 1e-3);
}

static void templates_survive_what_cannot_be(void **state)
{
    (void)state;
    const float odd[] = {0.0f, 1e-40f, 1e-12f, 1e6f, 1e15f};
    for (size_t i = 0; i < 25 * 5; i++) {
        ub_learner *learner = new_learner(20, 2, (double)(i % 5) - 1.0);
        float v[20], x[20];
        for (size_t f = 0; f < 20; f++) {
            v[f] = f % 3 ? odd[i / 5 % 5] : 0.0f;
            x[f] = f % 2 ? odd[i / 25] : 1e-20f;
        }
        const float h[] = {odd[i % 5], NAN};
        for (size_t t = 0; t < 50; t++) {
            ub_learner_hear(learner, v, x);
            ub_learner_update(learner, 0, 2, h, 0.5);
        }
        for (size_t k = 0; k < 2 * 20; k++) {
            const float w = ub_matrix_column(ub_learner_templates(learner), k / 20)[k % 20];
            assert_true(isfinite(w) && w > 0.0f);
        }
        ub_learner_free(learner);
    }
}

// Columns replaced in pieces of any size, and a start with them: the same bits.
static void replaced_templates_are_those_of_a_start_with_them(void **state)
{
    (void)state;
    ub_random random = ub_random_new(6);
    for (size_t i = 0; i < 40; i++) {
        const size_t n_bins = 1 + ub_random_bits(&random) % 150;
        const size_t n = 1 + ub_random_bits(&random) % 60, n_channels = 1 + i % 2;
        ub_matrix old, templates, gains, spectra[2], found[2];
        assert_int_equal(ub_matrix_new(n_bins, n, &old), UB_OK);
        assert_int_equal(ub_matrix_new(n_bins, n, &templates), UB_OK);
        assert_int_equal(ub_matrix_new(n_channels, n, &gains), UB_OK);
        size_t sources[60];
        for (size_t k = 0; k < n; k++) {
            sources[k] = (k * 7) % 3;
            for (size_t f = 0; f < n_bins; f++) {
                ub_matrix_column(&old, k)[f] = ub_random_uniform(&random);
                ub_matrix_column(&templates, k)[f] = ub_random_uniform(&random);
            }
            for (size_t c = 0; c < n_channels; c++) {
                ub_matrix_column(&gains, k)[c] = ub_random_uniform(&random);
            }
        }
        for (size_t c = 0; c < 2; c++) {
            assert_int_equal(ub_matrix_new(n_bins, 1, &spectra[c]), UB_OK);
            assert_int_equal(ub_matrix_new(n, 1, &found[c]), UB_OK);
            for (size_t f = 0; f < n_bins; f++) {
                spectra[c].data[f] = ub_random_uniform(&random);
            }
        }
        ub_nmf_settings settings = ub_nmf_settings_default();
        settings.n_coarse_iterations = 3;
        settings.n_iterations = 3;
        ub_activator *activators[2];
        ub_masker *maskers[2];
        for (size_t j = 0; j < 2; j++) {
            const ub_matrix *start = j ? &old : &templates;
            assert_int_equal(ub_activator_new(start, &gains, &settings, &activators[j], NULL),
                             UB_OK);
            assert_int_equal(ub_masker_new(start, &gains, sources, 3, 1.0, NULL, &maskers[j], NULL),
                             UB_OK);
        }
        for (size_t k = 0, some; k < n; k += some) {
            some = 1 + ub_random_bits(&random) % 5;
            some = some < n - k ? some : n - k;
            ub_matrix part = templates, part_gains = gains;
            part.data = ub_matrix_column(&templates, k);
            part_gains.data = ub_matrix_column(&gains, k);
            part.n_cols = part_gains.n_cols = some;
            ub_activator_replace(activators[1], k, &part, &part_gains);
            ub_masker_replace(maskers[1], k, &part, &part_gains);
        }
        float *masks[2][3];
        for (size_t j = 0; j < 2; j++) {
            float *work = aligned_alloc(64, 64 * (ub_activator_work_size(activators[j]) / 16 + 1));
            ub_activator_run(activators[j], spectra, 0, 1, work, &found[j]);
            free(work);
            work = calloc(ub_masker_work_size(maskers[j]), sizeof *work);
            for (size_t s = 0; s < 3; s++) {
                masks[j][s] = calloc(ub_masker_stride(maskers[j]), sizeof(float));
            }
            ub_masker_run(maskers[j], 0, &found[0], 0, 1, work, masks[j]);
            free(work);
        }
        assert_memory_equal(found[0].data, found[1].data, n * sizeof(float));
        for (size_t s = 0; s < 3; s++) {
            assert_memory_equal(masks[0][s], masks[1][s], n_bins * sizeof(float));
            free(masks[0][s]);
            free(masks[1][s]);
        }
        for (size_t j = 0; j < 2; j++) {
            ub_activator_free(activators[j]);
            ub_masker_free(maskers[j]);
            ub_matrix_free(&spectra[j]);
            ub_matrix_free(&found[j]);
        }
        ub_matrix_free(&old);
        ub_matrix_free(&templates);
        ub_matrix_free(&gains);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learning_matches_the_reference),
        cmocka_unit_test(templates_survive_what_cannot_be),
        cmocka_unit_test(replaced_templates_are_those_of_a_start_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
