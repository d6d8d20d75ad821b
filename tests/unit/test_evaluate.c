// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"
#include "unbraid/evaluate.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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

static void no_projection_scores_above_what_rounding_lets_see(void **state)
{
    (void)state;
    fill_noise(&truth, 6);
    fill_noise(&guess, 6);
    // The first estimate is perfect; the second leaks, but holds nothing else.
    for (size_t i = 0; i < N_SAMPLES; i++) {
        guess.samples[1][0][i] += 0.125f * guess.samples[0][0][i];
    }
    const ub_score_input input = input_of(2, 1);
    ub_score scores[2], nothing[2];
    assert_int_equal(ub_score_estimates(&input, true, NULL, scores, NULL), UB_OK);
    assert_int_equal(ub_score_nothing(&input, true, NULL, nothing, NULL), UB_OK);
    const double high[] = {scores[0].bss_sdr, scores[0].bss_sir,  scores[0].bss_sar,
                           scores[1].bss_sar, nothing[0].bss_sar, nothing[1].bss_sar};
    for (size_t i = 0; i < sizeof high / sizeof *high; i++) {
        assert_true(high[i] > 110.0 && high[i] <= 140.0 + 1e-6);
    }
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

// Listens, and stops at the n-th report.
typedef struct listener {
    size_t n_reports, stop_at;
    double last;
    bool has_fallen;
} listener;

static int listen(void *context, const char *stage, double fraction)
{
    listener *l = context;
    l->has_fallen = l->has_fallen || stage[0] == '\0' || fraction < l->last || fraction > 1.0;
    l->last = fraction;
    return ++l->n_reports == l->stop_at;
}

static void progress_rises_and_stops_wherever_it_is_told_to(void **state)
{
    (void)state;
    fill_noise(&truth, 1);
    fill_noise(&guess, 2);
    const ub_score_input input = input_of(2, 1);
    ub_score scores[2];
    static ub_status (*const functions[])(const ub_score_input *, bool, const ub_progress *,
                                          ub_score *, ub_message *) = {
        ub_score_estimates, ub_score_nothing, ub_score_oracle};
    for (size_t f = 0; f < 3; f++) {
        listener all = {0};
        const ub_progress progress = {.report = listen, .context = &all};
        assert_int_equal(functions[f](&input, true, &progress, scores, NULL), UB_OK);
        assert_false(all.has_fallen);
        assert_true(all.n_reports > 5 && all.last > 0.9);
        for (size_t n = 1; n <= all.n_reports; n += 1 + all.n_reports / 4) {
            listener stopping = {.stop_at = n};
            const ub_progress stopped = {.report = listen, .context = &stopping};
            assert_int_equal(functions[f](&input, true, &stopped, scores, NULL), UB_CANCELLED);
            assert_int_equal(stopping.n_reports, n);
        }
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    fill_noise(&truth, 1);
    fill_noise(&guess, 2);
    ub_score_input input = input_of(1, 2);
    input.n_samples = 600;
    for (size_t n = 1;; n++) {
        ub_score scores[1];
        ub_message why = {""};
        size_t held;
        malloc_guard_start(n);
        const ub_status status = ub_score_oracle(&input, true, NULL, scores, &why);
        const size_t made = malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        if (made < n) {
            assert_int_equal(status, UB_OK);
            assert_true(n > 10);
            return;
        }
        assert_int_equal(status, UB_NO_MEMORY);
        assert_true(strlen(why.text) > 5);
    }
}

static void what_cannot_be_scored_is_refused(void **state)
{
    (void)state;
    fill_noise(&truth, 1);
    fill_noise(&guess, 2);
    ub_score scores[2];
    double residual;
    ub_message why = {""};
    ub_score_input input = input_of(2, 1);
    guess.samples[1][0][77] = NAN;
    assert_int_equal(ub_score_estimates(&input, false, NULL, scores, &why), UB_BAD_VALUE);
    assert_int_equal(ub_score_residual(&input, &residual, &why), UB_BAD_VALUE);
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

static void silence_gives_numbers(void **state)
{
    (void)state;
    fill_noise(&truth, 1);
    fill_noise(&guess, 2);
    memset(truth.samples[1], 0, sizeof truth.samples[1]);
    memset(guess.samples[0], 0, sizeof guess.samples[0]);
    const ub_score_input input = input_of(2, 1);
    ub_score scores[2];
    assert_int_equal(ub_score_estimates(&input, true, NULL, scores, NULL), UB_OK);
    for (size_t j = 0; j < 2; j++) {
        assert_true(isfinite(scores[j].sdr) && isfinite(scores[j].si_sdr));
        assert_true(isfinite(scores[j].bss_sdr) && isfinite(scores[j].bss_sir));
        assert_true(isfinite(scores[j].bss_sar));
    }
}

// A reference that is there twice spans nothing new, and its Gram matrix has no inverse.
static void a_twin_changes_no_projection(void **state)
{
    (void)state;
    fill_noise(&truth, 1);
    fill_noise(&guess, 2);
    memcpy(truth.samples[2], truth.samples[0], sizeof truth.samples[0]);
    for (size_t j = 0; j < 2; j++) {
        for (size_t i = 0; i < N_SAMPLES; i++) {
            guess.samples[j][0][i] += truth.samples[j][0][i] + 0.5f * truth.samples[1 - j][0][i];
        }
    }
    ub_score without[2], with[3];
    const ub_score_input two = input_of(2, 1), three = input_of(3, 1);
    assert_int_equal(ub_score_estimates(&two, true, NULL, without, NULL), UB_OK);
    assert_int_equal(ub_score_estimates(&three, true, NULL, with, NULL), UB_OK);
    for (size_t j = 0; j < 2; j++) {
        assert_true(fabs(with[j].bss_sdr - without[j].bss_sdr) < 0.01);
        assert_true(fabs(with[j].bss_sir - without[j].bss_sir) < 0.01);
        assert_true(fabs(with[j].bss_sar - without[j].bss_sar) < 0.01);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_of_known_size_score_as_they_should),
        cmocka_unit_test(doing_nothing_gains_nothing_and_the_oracle_much),
        cmocka_unit_test(bss_eval_tells_filters_interference_and_noise_apart),
        cmocka_unit_test(no_projection_scores_above_what_rounding_lets_see),
        cmocka_unit_test(estimates_find_their_references),
        cmocka_unit_test(the_residual_is_what_the_estimates_lack),
        cmocka_unit_test(progress_rises_and_stops_wherever_it_is_told_to),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(what_cannot_be_scored_is_refused),
        cmocka_unit_test(silence_gives_numbers),
        cmocka_unit_test(a_twin_changes_no_projection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
