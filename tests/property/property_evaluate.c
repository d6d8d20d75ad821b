// SPDX-License-Identifier: GPL-3.0-or-later
// Scores of random signals against the definitions in double precision.
#include "reference_bss.h"
#include "unbraid/evaluate.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST_SOURCES = 3, MOST_CHANNELS = 3, TAPS = 512 };

// References and estimates of one random shape.
typedef struct trial {
    uint64_t seed;
    ub_random random;
    float *memory;
    float *channels[2 * MOST_SOURCES][MOST_CHANNELS];
    const float *const *signals[2 * MOST_SOURCES];
    ub_score_input input;
} trial;

static size_t between(ub_random *random, size_t low, size_t high)
{
    return low + (size_t)(ub_random_bits(random) % (high - low + 1));
}

static double uniform(ub_random *random, double low, double high)
{
    return low + (high - low) * (double)ub_random_uniform(random);
}

// Noise, coloured by one pole, at a level of its own and not free of a mean.
static void fill_noise(trial *t, float *x)
{
    const double pole = uniform(&t->random, -0.8, 0.8);
    const double level = pow(10.0, uniform(&t->random, -2.0, 0.0));
    const double mean = uniform(&t->random, -0.1, 0.1);
    double last = 0.0;
    for (size_t i = 0; i < t->input.n_samples; i++) {
        last = pole * last + (double)ub_random_normal(&t->random);
        x[i] = (float)(level * (last + mean));
    }
}

// The delayed reference, another that leaks, and noise.
static void fill_estimate(trial *t, size_t source, size_t channel, float *x)
{
    const float *own = t->channels[source][channel];
    const float *other = t->channels[(source + 1) % t->input.n_sources][channel];
    const size_t delay = between(&t->random, 0, 30);
    const double leak = uniform(&t->random, 0.0, 0.5), noise = uniform(&t->random, 0.01, 1.0);
    fill_noise(t, x);
    for (size_t i = 0; i < t->input.n_samples; i++) {
        const double delayed = i < delay ? 0.0 : (double)own[i - delay];
        x[i] = (float)(delayed + leak * (double)other[i] + noise * (double)x[i]);
    }
}

static void open_trial(trial *t, uint64_t seed, size_t n_sources, size_t n_samples)
{
    *t = (trial){.seed = seed, .random = ub_random_new(seed)};
    const size_t n_channels = between(&t->random, 1, MOST_CHANNELS);
    t->input = (ub_score_input){.n_sources = n_sources,
                                .n_channels = n_channels,
                                .n_samples = n_samples,
                                .rate_hz = 44100.0,
                                .references = t->signals,
                                .estimates = t->signals + n_sources};
    t->memory = calloc(2 * n_sources * n_channels * n_samples, sizeof *t->memory);
    assert_non_null(t->memory);
    for (size_t j = 0; j < 2 * n_sources; j++) {
        for (size_t c = 0; c < n_channels; c++) {
            float *x = t->memory + (j * n_channels + c) * n_samples;
            t->channels[j][c] = x;
            if (j < n_sources) {
                fill_noise(t, x);
            } else {
                fill_estimate(t, j - n_sources, c, x);
            }
        }
        t->signals[j] = (const float *const *)t->channels[j];
    }
}

enum { MIX = 2 * MOST_SOURCES };

// A sample of a signal, or of the mix.
static double sample(const trial *t, size_t j, size_t channel, size_t i)
{
    if (j != MIX) {
        return (double)t->channels[j][channel][i];
    }
    double sum = 0.0;
    for (size_t k = 0; k < t->input.n_sources; k++) {
        sum += (double)t->channels[k][channel][i];
    }
    return sum;
}

// All channels of a signal, stacked.
static double *stack(const trial *t, size_t j)
{
    const size_t n = t->input.n_samples, total = n * t->input.n_channels;
    double *x = calloc(total, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < total; i++) {
        x[i] = sample(t, j, i / n, i % n);
    }
    return x;
}

static double difference_db(const double *s, double scale, const double *e, size_t n)
{
    double energy = 0.0, error = 0.0;
    for (size_t i = 0; i < n; i++) {
        energy += scale * s[i] * scale * s[i];
        error += (e[i] - scale * s[i]) * (e[i] - scale * s[i]);
    }
    return 10.0 * log10(energy / error);
}

static void remove_mean(double *x, size_t n)
{
    double mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] -= mean;
    }
}

typedef struct ratios {
    double sdr, si_sdr;
} ratios;

static ratios ratios_by_definition(const trial *t, size_t reference, size_t estimate)
{
    const size_t n = t->input.n_samples * t->input.n_channels;
    double *s = stack(t, reference), *e = stack(t, estimate), product = 0.0, energy = 0.0;
    ratios out = {.sdr = difference_db(s, 1.0, e, n)};
    remove_mean(s, n);
    remove_mean(e, n);
    for (size_t i = 0; i < n; i++) {
        product += s[i] * e[i];
        energy += s[i] * s[i];
    }
    out.si_sdr = difference_db(s, product / energy, e, n);
    free(s), free(e);
    return out;
}

static void require(const trial *t, const char *what, double ours, double truth)
{
    const bool holds = fabs(ours - truth) < 1e-4; // dB; 0.01 is promised
    if (!holds) {
        print_message("seed %u: %zu sources, %zu channels, %zu samples: %s is %.6f, not %.6f\n",
                      (unsigned)t->seed, t->input.n_sources, t->input.n_channels,
                      t->input.n_samples, what, ours, truth);
    }
    assert_true(holds);
}

static void ratios_are_those_of_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        trial t;
        ub_random random = ub_random_new(seed);
        const size_t n = between(&random, 2, MOST_SOURCES);
        open_trial(&t, seed, n, between(&random, 20, 9000));
        ub_score scores[MOST_SOURCES];
        assert_int_equal(ub_score_estimates(&t.input, false, NULL, scores, NULL), UB_OK);
        for (size_t j = 0; j < n; j++) {
            const ratios truth = ratios_by_definition(&t, j, n + j);
            const ratios nothing = ratios_by_definition(&t, j, MIX);
            require(&t, "SDR", scores[j].sdr, truth.sdr);
            require(&t, "SI-SDR", scores[j].si_sdr, truth.si_sdr);
            require(&t, "dSDR", scores[j].sdr_gain, truth.sdr - nothing.sdr);
            require(&t, "dSI", scores[j].si_sdr_gain, truth.si_sdr - nothing.si_sdr);
        }
        free(t.memory);
    }
}

static double *downmix(const trial *t, size_t j)
{
    double *mono = calloc(t->input.n_samples, sizeof *mono);
    assert_non_null(mono);
    for (size_t i = 0; i < t->input.n_samples; i++) {
        for (size_t c = 0; c < t->input.n_channels; c++) {
            mono[i] += sample(t, j, c, i) / (double)t->input.n_channels;
        }
        mono[i] += 1e-9;
    }
    return mono;
}

// Lengths around the blocks that correlations are taken in (15362 samples), and short ones.
static void projections_are_those_of_the_definition(void **state)
{
    (void)state;
    const size_t cases[][2] = {{1, 700},   {2, 1100},  {1, 15361}, {1, 15362},
                               {1, 15363}, {1, 15900}, {1, 16385}, {2, 31000}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        trial t;
        const size_t n_sources = cases[k][0], n = cases[k][1];
        open_trial(&t, k, n_sources, n);
        double *mono[2 * MOST_SOURCES];
        for (size_t j = 0; j < 2 * n_sources; j++) {
            mono[j] = downmix(&t, j);
        }
        ub_score scores[MOST_SOURCES];
        assert_int_equal(ub_score_estimates(&t.input, true, NULL, scores, NULL), UB_OK);
        const reference_bss_score truth =
            reference_bss((const double *const *)mono, n_sources, 0, mono[n_sources], n, TAPS);
        require(&t, "SDRv3", scores[0].bss_sdr, truth.sdr);
        require(&t, "SARv3", scores[0].bss_sar, truth.sar);
        if (n_sources > 1) {
            require(&t, "SIRv3", scores[0].bss_sir, truth.sir);
        }
        for (size_t j = 0; j < 2 * n_sources; j++) {
            free(mono[j]);
        }
        free(t.memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratios_are_those_of_the_definition),
        cmocka_unit_test(projections_are_those_of_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
