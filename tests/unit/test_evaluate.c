// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/evaluate.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_SIGNALS = 4, N_CHANNELS = 2, N_SAMPLES = 6000 };

// Signals by number and channel, and the pointers that the library wants.
typedef struct bank {
    float samples[MOST_SIGNALS][N_CHANNELS][N_SAMPLES];
    const float *channels[MOST_SIGNALS][N_CHANNELS];
    const float *const *signals[MOST_SIGNALS];
} bank;

static bank truth, guess;

static void point(bank *b)
{
    for (size_t j = 0; j < MOST_SIGNALS; j++) {
        for (size_t c = 0; c < N_CHANNELS; c++) {
            b->channels[j][c] = b->samples[j][c];
        }
        b->signals[j] = b->channels[j];
    }
}

static void fill_noise(bank *b, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    point(b);
    for (size_t j = 0; j < MOST_SIGNALS; j++) {
        for (size_t c = 0; c < N_CHANNELS; c++) {
            for (size_t i = 0; i < N_SAMPLES; i++) {
                b->samples[j][c][i] = (float)ub_random_normal(&random);
            }
        }
    }
}

static ub_score_input input_of(size_t n_sources, size_t n_channels)
{
    return (ub_score_input){n_sources, n_channels,    N_SAMPLES,
                            44100.0,   truth.signals, guess.signals};
}

static void errors_of_known_size_score_as_they_should(void **state)
{
    (void)state;
    fill_noise(&truth, 1);
    fill_noise(&guess, 2);
    // Estimate = 0.5 truth + 0.05 noise: SI-SDR 20 dB, SDR 10 log10(1 / (0.25 + 0.0025)).
    for (size_t j = 0; j < 2; j++) {
        for (size_t i = 0; i < N_SAMPLES; i++) {
            guess.samples[j][0][i] = 0.5f * truth.samples[j][0][i] + 0.05f * guess.samples[j][0][i];
        }
    }
    ub_score scores[2];
    const ub_score_input input = input_of(2, 1);
    assert_int_equal(ub_score_estimates(&input, false, NULL, scores, NULL), UB_OK);
    for (size_t j = 0; j < 2; j++) {
        assert_true(fabs(scores[j].si_sdr - 20.0) < 0.3); // chance correlation of 6000 samples
        assert_true(fabs(scores[j].sdr - 5.98) < 0.2);
        assert_true(isnan(scores[j].bss_sdr));
        // The mix of two equal noises is at 0 dB from either.
        assert_true(fabs(scores[j].sdr_gain - (scores[j].sdr - 0.0)) < 0.3);
    }
    for (size_t i = 0; i < N_SAMPLES; i++) {
        guess.samples[0][0][i] *= 7.0f;
    }
    ub_score scaled[2];
    assert_int_equal(ub_score_estimates(&input, false, NULL, scaled, NULL), UB_OK);
    assert_true(fabs(scaled[0].si_sdr - scores[0].si_sdr) < 1e-4);
    assert_true(scaled[0].sdr < 0.0);
}

static void doing_nothing_gains_nothing_and_the_oracle_much(void **state)
{
    (void)state;
    fill_noise(&truth, 3);
    // Two bands: a running mean of the first, the difference of the second.
    for (size_t c = 0; c < N_CHANNELS; c++) {
        for (size_t i = N_SAMPLES; i-- > 8;) {
            float sum = 0.0f;
            for (size_t k = 0; k < 8; k++) {
                sum += truth.samples[0][c][i - k];
            }
            truth.samples[0][c][i] = sum;
            truth.samples[1][c][i] -= truth.samples[1][c][i - 1];
        }
    }
    const ub_score_input input = input_of(2, 2);
    ub_score nothing[2], oracle[2];
    assert_int_equal(ub_score_nothing(&input, false, NULL, nothing, NULL), UB_OK);
    assert_int_equal(ub_score_oracle(&input, false, NULL, oracle, NULL), UB_OK);
    for (size_t j = 0; j < 2; j++) {
        assert_true(nothing[j].sdr_gain == 0.0 && nothing[j].si_sdr_gain == 0.0);
        assert_true(oracle[j].si_sdr_gain > 5.0);
    }
}

static void bss_eval_tells_filters_interference_and_noise_apart(void **state)
{
    (void)state;
    fill_noise(&truth, 4);
    fill_noise(&guess, 5);
    for (size_t i = N_SAMPLES - 3; i < N_SAMPLES; i++) {
        truth.samples[0][0][i] = 0.0f; // so that the filter's tail ends within the signal
    }
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const float before = i >= 3 ? truth.samples[0][0][i - 3] : 0.0f;
        guess.samples[0][0][i] = 0.7f * truth.samples[0][0][i] - 0.4f * before; // filtered only
        guess.samples[1][0][i] = truth.samples[1][0][i] + 0.1f * truth.samples[0][0][i];
        guess.samples[2][0][i] = truth.samples[2][0][i] + 0.1f * guess.samples[2][0][i];
    }
    const ub_score_input input = input_of(3, 1);
    ub_score scores[3];
    assert_int_equal(ub_score_estimates(&input, true, NULL, scores, NULL), UB_OK);
    assert_true(scores[0].bss_sdr > 60.0);
    assert_true(fabs(scores[1].bss_sir - 20.0) < 0.3 && scores[1].bss_sar > 40.0);
    // 3 x 512 free coefficients of 6000 samples take a quarter of the noise with them.
    assert_true(fabs(scores[2].bss_sar - 20.0 - 10.0 * log10(6000.0 / (6000.0 - 1536.0))) < 0.5);
}

// |e|^2 left after projection on delays of the given references, by Gram-Schmidt in double.
static double left_over(const size_t *references, size_t n_references, size_t taps, size_t n,
                        const double *estimate, double *explained)
{
    const size_t length = n + 512;
    double *basis = calloc(n_references * taps * length, sizeof *basis);
    double *e = calloc(length, sizeof *e);
    assert_true(basis && e);
    memcpy(e, estimate, n * sizeof *e);
    *explained = 0.0;
    for (size_t b = 0; b < n_references * taps; b++) {
        double *row = basis + b * length;
        for (size_t i = 0; i < n; i++) {
            row[i + b % taps] = (double)truth.samples[references[b / taps]][0][i] + 1e-9;
        }
        double square = 0.0, product = 0.0;
        for (size_t round = 0; round < 2 * b; round++) {
            const double *other = basis + round % b * length;
            double dot = 0.0;
            for (size_t i = 0; i < length; i++) {
                dot += row[i] * other[i];
            }
            for (size_t i = 0; i < length; i++) {
                row[i] -= dot * other[i];
            }
        }
        for (size_t i = 0; i < length; i++) {
            square += row[i] * row[i];
        }
        for (size_t i = 0; i < length; i++) {
            row[i] /= sqrt(square);
            product += row[i] * e[i];
        }
        *explained += product * product;
    }
    double energy = 0.0;
    for (size_t i = 0; i < n; i++) {
        energy += e[i] * e[i];
    }
    free(basis), free(e);
    return energy - *explained;
}

static void bss_eval_is_the_projection_by_its_definition(void **state)
{
    (void)state;
    const size_t n = 1500;
    fill_noise(&truth, 6);
    fill_noise(&guess, 7);
    double *e = calloc(n, sizeof *e);
    assert_non_null(e);
    for (size_t i = 0; i < n; i++) {
        guess.samples[0][0][i] =
            truth.samples[0][0][i] + 0.3f * truth.samples[1][0][i] + 0.5f * guess.samples[0][0][i];
        e[i] = (double)guess.samples[0][0][i] + 1e-9;
    }
    ub_score_input input = input_of(2, 1);
    input.n_samples = n;
    ub_score scores[2];
    assert_int_equal(ub_score_estimates(&input, true, NULL, scores, NULL), UB_OK);
    const size_t both[] = {0, 1};
    double target, known;
    const double distortion = left_over(both, 1, 512, n, e, &target);
    const double artifacts = left_over(both, 2, 512, n, e, &known);
    assert_true(fabs(scores[0].bss_sdr - 10.0 * log10(target / distortion)) < 0.01);
    assert_true(fabs(scores[0].bss_sir - 10.0 * log10(target / (known - target))) < 0.01);
    assert_true(fabs(scores[0].bss_sar - 10.0 * log10(known / artifacts)) < 0.01);
    free(e);
}

static void estimates_find_their_references(void **state)
{
    (void)state;
    fill_noise(&truth, 8);
    const size_t order[] = {2, 0, 3, 1};
    point(&guess);
    for (size_t j = 0; j < 4; j++) {
        memcpy(guess.samples[order[j]], truth.samples[j], sizeof truth.samples[j]);
    }
    const ub_score_input input = input_of(3, 2);
    size_t assignment[3];
    ub_message why = {""};
    assert_int_equal(ub_score_match(&input, guess.signals, 4, assignment, &why), UB_OK);
    for (size_t j = 0; j < 3; j++) {
        assert_int_equal(assignment[j], order[j]);
    }
    assert_int_equal(ub_score_match(&input, guess.signals, 2, assignment, &why), UB_BAD_SHAPE);
    assert_int_equal(ub_score_match(&input, guess.signals, 9, assignment, &why), UB_BAD_SHAPE);
    assert_true(strlen(why.text) > 5);
}

static void the_residual_is_what_the_estimates_lack(void **state)
{
    (void)state;
    fill_noise(&truth, 9);
    point(&guess);
    memcpy(guess.samples, truth.samples, sizeof truth.samples);
    const ub_score_input input = input_of(2, 1);
    double residual;
    assert_int_equal(ub_score_residual(&input, &residual, NULL), UB_OK);
    assert_true(residual < -140.0);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const double mix = (double)truth.samples[0][0][i] + (double)truth.samples[1][0][i];
        guess.samples[1][0][i] -= (float)(0.1 * mix);
    }
    assert_int_equal(ub_score_residual(&input, &residual, NULL), UB_OK);
    assert_true(fabs(residual + 20.0) < 1e-3);
}

static int stop(void *context, const char *stage, double fraction)
{
    (void)context;
    return stage[0] != '\0' && fraction >= 0.0 ? 1 : 0;
}

static void what_cannot_be_scored_is_refused(void **state)
{
    (void)state;
    fill_noise(&truth, 1);
    fill_noise(&guess, 2);
    ub_score scores[2];
    double residual;
    ub_message why = {""};
    const ub_progress stopped = {stop, NULL};
    ub_score_input input = input_of(2, 1);
    assert_int_equal(ub_score_estimates(&input, false, &stopped, scores, &why), UB_CANCELLED);
    assert_int_equal(ub_score_oracle(&input, false, &stopped, scores, &why), UB_CANCELLED);
    guess.samples[1][0][77] = NAN;
    assert_int_equal(ub_score_estimates(&input, false, NULL, scores, &why), UB_BAD_VALUE);
    truth.samples[1][0][77] = INFINITY;
    assert_int_equal(ub_score_nothing(&input, false, NULL, scores, &why), UB_BAD_VALUE);
    assert_int_equal(ub_score_residual(&input, &residual, &why), UB_BAD_VALUE);
    truth.samples[1][0][77] = 0.0f;
    input.rate_hz = 0.0;
    assert_int_equal(ub_score_oracle(&input, false, NULL, scores, &why), UB_BAD_VALUE);
    input.n_samples = 0;
    assert_int_equal(ub_score_nothing(&input, false, NULL, scores, &why), UB_BAD_SHAPE);
    assert_true(strlen(why.text) > 5);
}

static void silence_and_twins_give_numbers(void **state)
{
    (void)state;
    fill_noise(&truth, 1);
    memset(truth.samples[1], 0, sizeof truth.samples[1]);
    memcpy(truth.samples[2], truth.samples[0], sizeof truth.samples[0]);
    const ub_score_input input = input_of(3, 1);
    ub_score scores[3];
    assert_int_equal(ub_score_nothing(&input, true, NULL, scores, NULL), UB_OK);
    for (size_t j = 0; j < 3; j++) {
        assert_true(isfinite(scores[j].sdr) && isfinite(scores[j].si_sdr));
        assert_true(!isnan(scores[j].bss_sdr));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_of_known_size_score_as_they_should),
        cmocka_unit_test(doing_nothing_gains_nothing_and_the_oracle_much),
        cmocka_unit_test(bss_eval_tells_filters_interference_and_noise_apart),
        cmocka_unit_test(bss_eval_is_the_projection_by_its_definition),
        cmocka_unit_test(estimates_find_their_references),
        cmocka_unit_test(the_residual_is_what_the_estimates_lack),
        cmocka_unit_test(what_cannot_be_scored_is_refused),
        cmocka_unit_test(silence_and_twins_give_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
