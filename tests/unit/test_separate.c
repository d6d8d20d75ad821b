// SPDX-License-Identifier: GPL-3.0-or-later
// What a separation promises: stems that sum to the mix, in order, the same bits every time.
#include "small.h"
#include "unbraid/stft.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// All samples finite, and the sum within -120 dB of the mix.
static void check_null(const synth *mix, const ub_dictionary *dictionary,
                       const ub_settings *settings)
{
    stem_shelf *shelf = small_separate_well(mix, dictionary, settings);
    const double null_db = stem_shelf_null_db(shelf, mix);
    if (!(null_db <= -120.0)) {
        print_message("%zu channels, %zu samples: %g dB\n", mix->n_channels, mix->n_samples,
                      null_db);
    }
    assert_true(null_db <= -120.0); // NaN fails too
    stem_shelf_free(shelf);
}

static void blind_stems_of_any_number_of_channels_sum_to_the_mix(void **state)
{
    (void)state;
    const ub_settings settings = small_settings();
    for (size_t n_channels = 1; n_channels <= 3; n_channels++) {
        synth *mix = small_mix(n_channels, 0.7, RATE_HZ);
        check_null(mix, NULL, &settings);
        synth_free(mix);
    }
}

static void stems_of_a_dictionary_sum_to_the_mix(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    for (size_t n_channels = 1; n_channels <= 3; n_channels++) {
        synth *mix = small_mix(n_channels, 0.7, RATE_HZ);
        for (size_t n_free = 0; n_free <= 3; n_free += 3) {
            settings.value[UB_PARAM_FREE] = (double)n_free;
            check_null(mix, &dictionary, &settings);
        }
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static void stems_of_any_length_sum_to_the_mix(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    const size_t size = dictionary.window_samples, hop = dictionary.hop_samples;
    // The last ones end with a block, one before and one after it.
    const size_t block = 64 * hop;
    const size_t lengths[] = {0,
                              1,
                              2,
                              hop - 1,
                              hop,
                              size,
                              size + 1,
                              2 * 1731,
                              block,
                              block + 1,
                              block - size,
                              block - size + hop,
                              block + hop - size + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        synth *mix = small_mix(1, (double)lengths[i] / RATE_HZ + 1e-9, RATE_HZ);
        assert_int_equal(mix->n_samples, lengths[i]);
        for (size_t j = 0; j < mix->n_samples; j++) {
            mix->channels[0][j] += 0.25f; // not silent however short
        }
        settings.value[UB_PARAM_FREE] = 0;
        check_null(mix, NULL, &settings);
        check_null(mix, &dictionary, &settings);
        settings.value[UB_PARAM_FREE] = 2;
        check_null(mix, &dictionary, &settings);
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static void stems_at_any_sample_rate_sum_to_the_mix(void **state)
{
    (void)state;
    const double rates[] = {1000.0, 8000.0, 44100.0, 192000.0};
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_settings settings = small_settings();
    for (size_t i = 0; i < 4; i++) {
        synth *mix = small_mix(1, 0.25, rates[i]);
        check_null(mix, NULL, &settings);
        check_null(mix, &dictionary, &settings);
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static float silence(size_t i)
{
    (void)i;
    return 0.0f;
}

static float click(size_t i)
{
    return i == 1234 ? 1.0f : 0.0f;
}

static float constant(size_t i)
{
    (void)i;
    return 0.5f;
}

static float square(size_t i)
{
    return i / 20 % 2 ? 1.0f : -1.0f;
}

static float very_quiet(size_t i)
{
    return 1e-20f * square(i);
}

static float very_loud(size_t i)
{
    return 1e9f * square(i);
}

static void stems_of_unusual_sounds_sum_to_the_mix(void **state)
{
    (void)state;
    float (*const sounds[])(size_t) = {silence, click, constant, square, very_quiet, very_loud};
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    for (size_t s = 0; s < 6; s++) {
        synth *mix = synth_new(2, 4001, RATE_HZ);
        for (size_t i = 0; i < mix->n_samples; i++) {
            mix->channels[0][i] = mix->channels[1][i] = sounds[s](i);
        }
        settings.value[UB_PARAM_FREE] = 0;
        check_null(mix, NULL, &settings);
        check_null(mix, &dictionary, &settings);
        settings.value[UB_PARAM_FREE] = 2;
        check_null(mix, &dictionary, &settings);
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static void stems_with_any_penalty_start_and_divergence_sum_to_the_mix(void **state)
{
    (void)state;
    synth *mix = small_mix(2, 0.4, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const struct {
        ub_param_id id;
        double value;
    } changes[] = {{UB_PARAM_BETA, 0},       {UB_PARAM_BETA, 2},          {UB_PARAM_SPARSITY, 1},
                   {UB_PARAM_CONTINUITY, 1}, {UB_PARAM_MASK_EXPONENT, 2}, {UB_PARAM_OVERLAP, 2},
                   {UB_PARAM_INIT, 1},       {UB_PARAM_INIT, 3},          {UB_PARAM_SOURCES, 1}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        ub_settings settings = small_settings();
        settings.value[changes[i].id] = changes[i].value;
        check_null(mix, NULL, &settings);
        check_null(mix, &dictionary, &settings);
    }
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void the_default_settings_are_taken_for_none(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.3, RATE_HZ);
    stem_shelf *shelf = small_separate_well(mix, NULL, NULL);
    assert_int_equal(shelf->n_stems, 4);
    ub_settings settings = ub_settings_default();
    stem_shelf *same = small_separate_well(mix, NULL, &settings);
    assert_true(stem_shelf_same(shelf, same));
    stem_shelf_free(shelf);
    stem_shelf_free(same);
    synth_free(mix);
}

static void stems_have_the_names_of_the_dictionary_and_rest_comes_last(void **state)
{
    (void)state;
    const double lengths_s[] = {0.0, 0.3};
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    for (size_t i = 0; i < 2; i++) {
        synth *mix = small_mix(1, lengths_s[i], RATE_HZ);
        for (size_t n_free = 0; n_free < 2; n_free++) {
            settings.value[UB_PARAM_FREE] = (double)n_free;
            stem_shelf *shelf = small_separate_well(mix, &dictionary, &settings);
            assert_int_equal(shelf->n_stems, 2 + n_free);
            assert_string_equal(shelf->names[0], "low");
            assert_string_equal(shelf->names[1], "high");
            assert_string_equal(shelf->names[2], n_free ? "rest" : "");
            stem_shelf_free(shelf);
        }
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static void the_rest_has_the_name_that_is_asked_for(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_FREE] = 2.0;
    settings.rest_name = "voice";
    synth *mix = small_mix(1, 0.3, RATE_HZ);
    stem_shelf *shelf = small_separate_well(mix, &dictionary, &settings);
    assert_string_equal(shelf->names[2], "voice");
    stem_shelf_free(shelf);
    const char *names[UB_DICTIONARY_MAX_SOURCES + 1];
    assert_int_equal(ub_separate_names(&dictionary, &settings, names), 3);
    assert_string_equal(names[2], "voice");
    const char *const refused[] = {"high", "no/name"};
    for (size_t i = 0; i < 2; i++) {
        ub_status status;
        ub_message why;
        settings.rest_name = refused[i];
        shelf = small_separate(mix, &dictionary, &settings, &status, &why);
        assert_int_equal(status, UB_BAD_VALUE);
        assert_non_null(strstr(why.text, refused[i]));
        stem_shelf_free(shelf);
    }
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void blind_stems_have_distinct_names(void **state)
{
    (void)state;
    const double lengths_s[] = {0.0, 0.3};
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_SOURCES] = 5;
    for (size_t l = 0; l < 2; l++) {
        synth *mix = small_mix(1, lengths_s[l], RATE_HZ);
        stem_shelf *shelf = small_separate_well(mix, NULL, &settings);
        assert_int_equal(shelf->n_stems, 5);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(ub_name_check(shelf->names[i], NULL), UB_OK);
            for (size_t j = 0; j < i; j++) {
                assert_string_not_equal(shelf->names[i], shelf->names[j]);
            }
        }
        stem_shelf_free(shelf);
        synth_free(mix);
    }
}

static void the_bits_do_not_depend_on_threads_or_on_the_run(void **state)
{
    (void)state;
    const double threads[] = {1, 1, 2, 3, 0};
    synth *mix = small_mix(2, 0.9, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    for (size_t kind = 0; kind < 3; kind++) {
        ub_settings settings = small_settings();
        settings.value[UB_PARAM_FREE] = kind == 2 ? 2 : 0;
        stem_shelf *first = small_separate_well(mix, kind ? &dictionary : NULL, &settings);
        for (size_t i = 1; i < 5; i++) {
            settings.value[UB_PARAM_THREADS] = threads[i];
            stem_shelf *again = small_separate_well(mix, kind ? &dictionary : NULL, &settings);
            assert_true(stem_shelf_same(first, again));
            stem_shelf_free(again);
        }
        stem_shelf_free(first);
    }
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void another_seed_gives_other_bits(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.5, RATE_HZ);
    ub_settings settings = small_settings();
    stem_shelf *first = small_separate_well(mix, NULL, &settings);
    settings.value[UB_PARAM_SEED] = 2;
    stem_shelf *second = small_separate_well(mix, NULL, &settings);
    assert_false(stem_shelf_same(first, second));
    stem_shelf_free(first);
    stem_shelf_free(second);
    synth_free(mix);
}

static void masks_are_sharper_where_sources_are_known(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.5, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    for (size_t i = 0; i < 2; i++) {
        ub_settings settings = small_settings();
        stem_shelf *standard = small_separate_well(mix, i ? &dictionary : NULL, &settings);
        settings.value[UB_PARAM_MASK_EXPONENT] = i ? 1.3 : 1.0;
        stem_shelf *told = small_separate_well(mix, i ? &dictionary : NULL, &settings);
        assert_true(stem_shelf_same(standard, told));
        stem_shelf_free(standard);
        stem_shelf_free(told);
    }
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void every_setting_has_an_effect(void **state)
{
    (void)state;
    const struct {
        ub_param_id id;
        double value;
        bool blind, with_dictionary;
    } changes[] = {{UB_PARAM_SOURCES, 3, true, false},     {UB_PARAM_COMPONENTS, 7, true, false},
                   {UB_PARAM_FREE, 1, false, true},        {UB_PARAM_WINDOW_MS, 40, true, false},
                   {UB_PARAM_OVERLAP, 3, true, false},     {UB_PARAM_BETA, 0.5, true, true},
                   {UB_PARAM_ITERATIONS, 9, true, true},   {UB_PARAM_TOLERANCE, 1, true, false},
                   {UB_PARAM_SPARSITY, 0.5, true, true},   {UB_PARAM_CONTINUITY, 0.5, true, true},
                   {UB_PARAM_RELAXATION, 1.2, true, true}, {UB_PARAM_INIT, 2, true, false},
                   {UB_PARAM_MASK_EXPONENT, 2, true, true}};
    synth *mix = small_mix(1, 0.5, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_settings plain = small_settings();
    stem_shelf *before[] = {small_separate_well(mix, NULL, &plain),
                            small_separate_well(mix, &dictionary, &plain)};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        ub_settings settings = plain;
        settings.value[changes[i].id] = changes[i].value;
        stem_shelf *blind = small_separate_well(mix, NULL, &settings);
        stem_shelf *known = small_separate_well(mix, &dictionary, &settings);
        assert_true(stem_shelf_same(blind, before[0]) != changes[i].blind);
        assert_true(stem_shelf_same(known, before[1]) != changes[i].with_dictionary);
        stem_shelf_free(blind);
        stem_shelf_free(known);
    }
    stem_shelf_free(before[0]);
    stem_shelf_free(before[1]);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void the_scale_of_a_dictionarys_templates_does_not_matter(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.5, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_SPARSITY] = 0.5; // which weighs templates by their scale
    stem_shelf *before = small_separate_well(mix, &dictionary, &settings);
    for (size_t f = 0; f < dictionary.templates.n_rows; f++) {
        ub_matrix_column(&dictionary.templates, 1)[f] *= 8.0f;
    }
    for (size_t f = 0; f < dictionary.context.n_rows; f++) {
        ub_matrix_column(&dictionary.context, 1)[f] *= 8.0f;
    }
    stem_shelf *after = small_separate_well(mix, &dictionary, &settings);
    assert_true(stem_shelf_same(before, after));
    stem_shelf_free(before);
    stem_shelf_free(after);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void what_comes_later_does_not_change_a_dictionarys_stems_before(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 2.0, RATE_HZ), *other = small_mix(1, 2.0, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_settings settings = small_settings();
    const size_t heard =
        dictionary.window_samples + dictionary.n_after * dictionary.context_samples;
    const size_t change = 9001, same = change - heard;
    for (size_t i = change; i < mix->n_samples; i++) {
        other->channels[0][i] = 3.0f * square(i);
    }
    stem_shelf *a = small_separate_well(mix, &dictionary, &settings);
    stem_shelf *b = small_separate_well(other, &dictionary, &settings);
    for (size_t j = 0; j < 2; j++) {
        assert_memory_equal(a->samples[j][0], b->samples[j][0], same * sizeof(float));
        assert_memory_not_equal(a->samples[j][0] + change, b->samples[j][0] + change,
                                1000 * sizeof(float));
    }
    stem_shelf_free(a);
    stem_shelf_free(b);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
    synth_free(other);
}

// SI-SDR of the stem less that of the mix.
static double gain_db(const stem_shelf *shelf, const char *name, const synth *truth,
                      const synth *mix)
{
    const float *const *stem = (const float *const *)stem_shelf_find(shelf, name);
    assert_non_null(stem);
    return si_sdr_db(truth, stem) - si_sdr_db(truth, mix->planar.channels);
}

static void a_dictionary_separates_audio_of_other_rates(void **state)
{
    (void)state;
    const double rates[] = {8000.0, 11025.0, 16000.0, 6000.0};
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_settings settings = small_settings();
    const double hz[] = {110.0, 146.8, 164.8, 98.0};
    for (size_t i = 0; i < 4; i++) {
        // Noise of the same band at every rate would need a filter: a high tone does as well.
        const double high_hz[] = {2500.0};
        synth *low = synth_new(2, (size_t)rates[i], rates[i]);
        synth *high = synth_new(2, (size_t)rates[i], rates[i]);
        synth *mix = synth_new(2, (size_t)rates[i], rates[i]);
        synth_add_notes(low, hz, 4, 0.25, 0.3, (const double[]){1.0, 0.5});
        synth_add_notes(high, high_hz, 1, 0.2, 0.05, (const double[]){0.5, 1.0});
        synth_add(mix, low, 1.0);
        synth_add(mix, high, 1.0);
        stem_shelf *shelf = small_separate_well(mix, &dictionary, &settings);
        assert_true(gain_db(shelf, "low", low, mix) > 6.0);
        assert_true(gain_db(shelf, "high", high, mix) > 6.0);
        stem_shelf_free(shelf);
        synth_free(low);
        synth_free(high);
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static void gains_are_found_on_samples_of_a_long_recording(void **state)
{
    (void)state;
    // More than 1500 frames, so that the gains of the channels come from a selection of them.
    ub_dictionary dictionary = small_dictionary(1000.0);
    const ub_settings settings = small_settings();
    const size_t n_samples = 1600 * dictionary.hop_samples;
    synth *mix = small_mix(2, (double)n_samples / 1000.0, 1000.0);
    // Low notes on the left, bursts on the right, after a while of silence.
    synth *low = synth_new(1, n_samples, 1000.0), *high = synth_new(1, n_samples, 1000.0);
    synth_add_notes(low, (const double[]){110.0, 146.8}, 2, 0.25, 0.3, NULL);
    synth_add_bursts(high, 0.1, 0.2, 0.04, NULL, 5);
    memcpy(mix->channels[0], low->channels[0], n_samples * sizeof(float));
    memcpy(mix->channels[1], high->channels[0], n_samples * sizeof(float));
    memset(mix->channels[0], 0, n_samples / 8 * sizeof(float));
    memset(mix->channels[1], 0, n_samples / 8 * sizeof(float));
    check_null(mix, &dictionary, &settings);
    stem_shelf *shelf = small_separate_well(mix, &dictionary, &settings);
    double kept = 0.0, strayed = 0.0;
    for (size_t i = 0; i < n_samples; i++) {
        const double left = (double)shelf->samples[0][0][i],
                     right = (double)shelf->samples[0][1][i];
        kept += left * left;
        strayed += right * right;
    }
    assert_true(strayed < 1e-3 * kept);
    stem_shelf_free(shelf);
    synth_free(low);
    synth_free(high);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blind_stems_of_any_number_of_channels_sum_to_the_mix),
        cmocka_unit_test(stems_of_a_dictionary_sum_to_the_mix),
        cmocka_unit_test(stems_of_any_length_sum_to_the_mix),
        cmocka_unit_test(stems_at_any_sample_rate_sum_to_the_mix),
        cmocka_unit_test(stems_of_unusual_sounds_sum_to_the_mix),
        cmocka_unit_test(stems_with_any_penalty_start_and_divergence_sum_to_the_mix),
        cmocka_unit_test(the_default_settings_are_taken_for_none),
        cmocka_unit_test(stems_have_the_names_of_the_dictionary_and_rest_comes_last),
        cmocka_unit_test(the_rest_has_the_name_that_is_asked_for),
        cmocka_unit_test(blind_stems_have_distinct_names),
        cmocka_unit_test(the_bits_do_not_depend_on_threads_or_on_the_run),
        cmocka_unit_test(another_seed_gives_other_bits),
        cmocka_unit_test(masks_are_sharper_where_sources_are_known),
        cmocka_unit_test(every_setting_has_an_effect),
        cmocka_unit_test(the_scale_of_a_dictionarys_templates_does_not_matter),
        cmocka_unit_test(what_comes_later_does_not_change_a_dictionarys_stems_before),
        cmocka_unit_test(a_dictionary_separates_audio_of_other_rates),
        cmocka_unit_test(gains_are_found_on_samples_of_a_long_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
