// SPDX-License-Identifier: GPL-3.0-or-later
// Templates for the masks, learned on the sum of the sources.
#include "dictionary_case.h"
#include "malloc_guard.h"
#include "small.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// What a dictionary makes of the sum of the sounds that it was learned from: the mean SI-SDR.
static double separated_db(const ub_dictionary *dictionary, const synth *const *sounds,
                           const char *const *names)
{
    const ub_settings settings = small_settings();
    synth *mix = synth_new(1, sounds[0]->n_samples, RATE_HZ);
    synth_add(mix, sounds[0], 1.0);
    synth_add(mix, sounds[1], 1.0);
    ub_status status;
    ub_message why;
    stem_shelf *shelf = small_separate(mix, dictionary, &settings, &status, &why);
    assert_int_equal(status, UB_OK);
    double sum = 0.0;
    for (size_t j = 0; j < 2; j++) {
        sum += si_sdr_db(sounds[j], (const float *const *)stem_shelf_find(shelf, names[j]));
    }
    stem_shelf_free(shelf);
    synth_free(mix);
    return sum / 2.0;
}

// Notes that share a partial, so that one template takes from the other.
static synth *new_notes(double hz)
{
    synth *sound = synth_new(1, 16000, RATE_HZ);
    const double pitches[] = {hz, hz * 9.0 / 8.0, hz * 5.0 / 4.0};
    synth_add_notes(sound, pitches, 3, 0.25, 0.2, NULL);
    return sound;
}

static void reconstruction_templates_separate_the_training_mix_better(void **state)
{
    (void)state;
    synth *sounds[] = {new_notes(300.0), new_notes(450.0)};
    const ub_audio audio[] = {synth_audio(sounds[0]), synth_audio(sounds[1])};
    const char *const names[] = {"first", "second"};
    const ub_training sources[] = {{names[0], &audio[0], 1}, {names[1], &audio[1], 1}};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_COMPONENTS] = 2;
    for (size_t context = 0; context < 3; context += 2) {
        settings.value[UB_PARAM_CONTEXT] = (double)context;
        settings.value[UB_PARAM_RECONSTRUCTION] = 0;
        ub_dictionary plain = small_learn(sources, 2, &settings);
        settings.value[UB_PARAM_RECONSTRUCTION] = 1;
        ub_dictionary taught = small_learn(sources, 2, &settings);
        for (size_t k = 0; k < 4; k++) {
            assert_memory_equal(ub_matrix_column(&plain.templates, k),
                                ub_matrix_column(&taught.templates, k),
                                plain.templates.n_rows * sizeof(float));
        }
        assert_int_equal(plain.reconstruction.n_rows, 0);
        assert_int_equal(taught.reconstruction.n_rows, taught.templates.n_rows);
        assert_int_equal(taught.n_before, context);
        assert_int_equal(taught.n_after, context);
        assert_true(separated_db(&taught, (const synth *const *)sounds, names) >
                    separated_db(&plain, (const synth *const *)sounds, names) + 0.1);
        ub_dictionary_free(&plain);
        ub_dictionary_free(&taught);
    }
    synth_free(sounds[0]);
    synth_free(sounds[1]);
}

static void a_source_alone_has_nothing_to_be_told_from(void **state)
{
    (void)state;
    synth *low = synth_low_notes(1, 1.0, RATE_HZ);
    const ub_audio audio = synth_audio(low);
    const ub_training source = {"low", &audio, 1};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_RECONSTRUCTION] = 1;
    ub_dictionary dictionary = small_learn(&source, 1, &settings);
    assert_int_equal(dictionary.reconstruction.n_rows, 0);
    ub_dictionary_free(&dictionary);
    synth_free(low);
}

// Recordings of other lengths and channels are repeated and mixed down.
static void context_and_reconstruction_do_not_depend_on_threads(void **state)
{
    (void)state;
    synth *low = synth_low_notes(2, 0.7, RATE_HZ), *high = synth_high_bursts(1, 1.0, RATE_HZ);
    const ub_audio lows[] = {synth_audio(low), synth_audio(low)}, highs[] = {synth_audio(high)};
    const ub_training sources[] = {{"low", lows, 2}, {"high", highs, 1}};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_CONTEXT] = 1;
    settings.value[UB_PARAM_RECONSTRUCTION] = 1;
    ub_dictionary one = small_learn(sources, 2, &settings);
    for (size_t n = 2; n <= 3; n++) {
        settings.value[UB_PARAM_THREADS] = (double)n;
        ub_dictionary other = small_learn(sources, 2, &settings);
        assert_true(same_dictionary(&one, &other));
        ub_dictionary_free(&other);
    }
    ub_dictionary_free(&one);
    synth_free(low);
    synth_free(high);
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    synth *low = synth_low_notes(1, 0.2, RATE_HZ), *high = synth_high_bursts(1, 0.2, RATE_HZ);
    const ub_audio audio[] = {synth_audio(low), synth_audio(high)};
    const ub_training sources[] = {{"low", &audio[0], 1}, {"high", &audio[1], 1}};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_ITERATIONS] = 1;
    settings.value[UB_PARAM_CONTEXT] = 1;
    settings.value[UB_PARAM_RECONSTRUCTION] = 1;
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        ub_dictionary dictionary = {0};
        size_t held = 0;
        malloc_guard_start(n);
        status = ub_learn(sources, 2, &settings, NULL, NULL, NULL, &dictionary, NULL);
        ub_dictionary_free(&dictionary);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
    }
    synth_free(low);
    synth_free(high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reconstruction_templates_separate_the_training_mix_better),
        cmocka_unit_test(a_source_alone_has_nothing_to_be_told_from),
        cmocka_unit_test(context_and_reconstruction_do_not_depend_on_threads),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
