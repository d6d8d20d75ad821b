// SPDX-License-Identifier: GPL-3.0-or-later
// Separations of random shapes with random settings: the null, the rules of the sink, the same
// bits for other numbers of threads.
#include "small.h"

#include "unbraid/nmf.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { N_SEEDS = 40 };

static double choose(ub_random *random, double low, double high)
{
    return low + (double)ub_random_uniform(random) * (high - low);
}

static double choose_whole(ub_random *random, double low, double high)
{
    return floor(choose(random, low, high + 0.999));
}

static ub_settings random_settings(ub_random *random)
{
    ub_settings settings = small_settings();
    double *value = settings.value;
    value[UB_PARAM_SOURCES] = choose_whole(random, 1, 5);
    value[UB_PARAM_COMPONENTS] = choose_whole(random, 5, 12);
    value[UB_PARAM_FREE] = choose_whole(random, 0, 3);
    value[UB_PARAM_WINDOW_MS] = choose(random, 2, 120);
    value[UB_PARAM_OVERLAP] = choose_whole(random, 2, 9);
    value[UB_PARAM_BETA] = choose_whole(random, 0, 4) / 2.0;
    value[UB_PARAM_ITERATIONS] = choose_whole(random, 1, 8);
    value[UB_PARAM_SPARSITY] = choose_whole(random, 0, 1) * choose(random, 0, 2);
    value[UB_PARAM_CONTINUITY] = choose_whole(random, 0, 1) * choose(random, 0, 2);
    value[UB_PARAM_RELAXATION] = choose(random, 1, 1.95);
    value[UB_PARAM_INIT] = choose_whole(random, UB_START_RANDOM, UB_START_NNDSVDAR);
    value[UB_PARAM_MASK_EXPONENT] = choose(random, 0.5, 2);
    value[UB_PARAM_SEED] = choose_whole(random, 0, 1000);
    return settings;
}

static synth *random_mix(ub_random *random)
{
    const double rates[] = {8000.0, 8000.0, 11025.0, 4000.0};
    const double rate_hz = rates[ub_random_bits(random) % 4];
    const size_t n_channels = 1 + (size_t)(ub_random_bits(random) % 3);
    return small_mix(n_channels, choose(random, 0.0, 0.4), rate_hz);
}

static stem_shelf *separate(const synth *mix, const ub_dictionary *dictionary,
                            const ub_settings *settings, uint64_t seed)
{
    ub_status status;
    ub_message why;
    stem_shelf *shelf = small_separate(mix, dictionary, settings, &status, &why);
    const double null_db = stem_shelf_null_db(shelf, mix);
    if (status || !(null_db <= -120.0)) {
        print_message("seed %u: %zu channels, %zu samples: %g dB %s\n", (unsigned)seed,
                      mix->n_channels, mix->n_samples, null_db, why.text);
    }
    assert_int_equal(status, UB_OK);
    assert_true(stem_shelf_is_complete(shelf));
    assert_true(null_db <= -120.0); // NaN fails too
    return shelf;
}

static void check_seed(const ub_dictionary *dictionary, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    ub_settings settings = random_settings(&random);
    synth *mix = random_mix(&random);
    stem_shelf *first = separate(mix, dictionary, &settings, seed);
    settings.value[UB_PARAM_THREADS] = 2;
    stem_shelf *second = separate(mix, dictionary, &settings, seed);
    assert_true(stem_shelf_same(first, second));
    stem_shelf_free(first);
    stem_shelf_free(second);
    synth_free(mix);
}

static void blind_stems_sum_to_the_mix_and_keep_their_bits(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        check_seed(NULL, seed);
    }
}

static void stems_of_a_dictionary_sum_to_the_mix_and_keep_their_bits(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(8000.0);
    for (uint64_t seed = 1000; seed < 1000 + N_SEEDS; seed++) {
        check_seed(&dictionary, seed);
    }
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blind_stems_sum_to_the_mix_and_keep_their_bits),
        cmocka_unit_test(stems_of_a_dictionary_sum_to_the_mix_and_keep_their_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
