// SPDX-License-Identifier: GPL-3.0-or-later
// Integer stems over many random stems, sample formats and seeds.
#include "unbraid/random.h"
#include "unbraid/separate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { MOST_STEMS = 8, N_SAMPLES = 64, N_SEEDS = 300 };

// A mix in integers and float stems that sum to about it.
typedef struct problem {
    size_t n_stems;
    double scale;
    int32_t minimum, maximum;
    int32_t mix[N_SAMPLES];
    float stems[MOST_STEMS][N_SAMPLES];
    int32_t out[MOST_STEMS][N_SAMPLES];
    size_t n_clipped[MOST_STEMS];
} problem;

static double signed_uniform(ub_random *random)
{
    return 2.0 * (double)ub_random_uniform(random) - 1.0;
}

// Stems up to `level` of full scale that sum to the mix but for rounding and `noise` (in steps).
static void fill(problem *p, unsigned bits, double level, double noise, ub_random *random)
{
    *p = (problem){.scale = ldexp(1.0, (int)bits - 1)};
    p->n_stems = 1 + (size_t)(ub_random_bits(random) % MOST_STEMS);
    p->minimum = (int32_t)-p->scale;
    p->maximum = (int32_t)(p->scale - 1.0);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        double rest = 0.0;
        for (size_t j = 0; j + 1 < p->n_stems; j++) {
            p->stems[j][i] = (float)(level * signed_uniform(random));
            rest -= (double)p->stems[j][i];
        }
        const double mix = rint(0.9 * level * signed_uniform(random) * p->scale);
        p->mix[i] = (int32_t)fmax(fmin(mix, (double)p->maximum), (double)p->minimum);
        const double last = rest + ((double)p->mix[i] + noise * signed_uniform(random)) / p->scale;
        p->stems[p->n_stems - 1][i] = (float)last;
    }
}

static void run(problem *p)
{
    const float *in[MOST_STEMS];
    int32_t *out[MOST_STEMS];
    for (size_t j = 0; j < p->n_stems; j++) {
        in[j] = p->stems[j];
        out[j] = p->out[j];
    }
    ub_partition_integers(p->mix, in, p->n_stems, N_SAMPLES, p->scale, p->minimum, p->maximum, out,
                          p->n_clipped);
}

static void check_sums(const problem *p)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        int64_t sum = 0;
        for (size_t j = 0; j < p->n_stems; j++) {
            assert_true(p->out[j][i] >= p->minimum && p->out[j][i] <= p->maximum);
            sum += p->out[j][i];
        }
        assert_true(sum == p->mix[i]);
    }
}

static size_t count_beyond(const problem *p, size_t j)
{
    size_t n = 0;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const double wanted = (double)p->stems[j][i] * p->scale;
        n += wanted > (double)p->maximum + 0.5 || wanted < (double)p->minimum - 0.5;
    }
    return n;
}

// How far a stem is from what it should be, at most, in steps.
static double farthest(const problem *p)
{
    double most = 0.0;
    for (size_t j = 0; j < p->n_stems; j++) {
        for (size_t i = 0; i < N_SAMPLES; i++) {
            const double off = fabs((double)p->out[j][i] - (double)p->stems[j][i] * p->scale);
            most = off > most ? off : most;
        }
    }
    return most;
}

static void stems_sum_to_the_mix_within_one_step_each(void **state)
{
    (void)state;
    const unsigned bits[] = {8, 16, 24};
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        ub_random random = ub_random_new(seed);
        problem p;
        // Floats below 1 / 8 hold 24-bit samples to an eighth of a step: 8 stems miss by a step.
        fill(&p, bits[seed % 3], 0.124, 0.0, &random);
        run(&p);
        check_sums(&p);
        if (farthest(&p) > 1.0 + 1e-6) {
            print_message("seed %u: a stem is off by %g\n", (unsigned)seed, farthest(&p));
        }
        assert_true(farthest(&p) <= 1.0 + 1e-6);
        for (size_t j = 0; j < p.n_stems; j++) {
            assert_int_equal(p.n_clipped[j], 0);
        }
    }
}

static void stems_of_32_bits_sum_in_spite_of_float(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        ub_random random = ub_random_new(seed);
        problem p;
        fill(&p, 32, 0.124, 0.0, &random);
        run(&p);
        check_sums(&p);
        // The last stem is below 1 and rounded to float: off by 64 steps at most.
        assert_true(farthest(&p) <= 65.0);
    }
}

static void noise_is_shared_out(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        ub_random random = ub_random_new(seed);
        problem p;
        fill(&p, 16, 0.124, 20.0, &random);
        run(&p);
        check_sums(&p);
        assert_true(farthest(&p) <= 21.0);
    }
}

static void stems_that_clip_are_counted_and_sum_where_there_is_room(void **state)
{
    (void)state;
    const unsigned bits[] = {8, 16, 24, 32};
    size_t n_clipped = 0;
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        ub_random random = ub_random_new(seed);
        problem p;
        fill(&p, bits[seed % 4], 1.8, 0.0, &random);
        run(&p);
        check_sums(&p);
        for (size_t j = 0; j < p.n_stems; j++) {
            assert_int_equal(p.n_clipped[j], count_beyond(&p, j));
            n_clipped += p.n_clipped[j];
        }
    }
    assert_true(n_clipped > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stems_sum_to_the_mix_within_one_step_each),
        cmocka_unit_test(stems_of_32_bits_sum_in_spite_of_float),
        cmocka_unit_test(noise_is_shared_out),
        cmocka_unit_test(stems_that_clip_are_counted_and_sum_where_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
