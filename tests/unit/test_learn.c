// SPDX-License-Identifier: GPL-3.0-or-later
#include "small.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// Expect a status and a message with these words, and an untouched `out`.
static void check_refusal(const ub_training *sources, size_t n, const ub_settings *settings,
                          ub_status wanted, const char *words)
{
    ub_dictionary dictionary = {.n_sources = 77};
    ub_message why = {""};
    assert_int_equal(ub_learn(sources, n, settings, NULL, NULL, NULL, &dictionary, &why), wanted);
    if (!strstr(why.text, words)) {
        print_message("unexpected: '%s'\n", why.text);
    }
    assert_non_null(strstr(why.text, words));
    assert_int_equal(dictionary.n_sources, 77);
    assert_null(dictionary.templates.data);
}

static double column_sum(const ub_matrix *matrix, size_t k)
{
    const float *w = ub_matrix_column(matrix, k);
    double sum = 0.0;
    for (size_t f = 0; f < matrix->n_rows; f++) {
        sum += (double)w[f];
    }
    return sum;
}

static double template_sum(const ub_dictionary *dictionary, size_t k)
{
    return column_sum(&dictionary->templates, k) + column_sum(&dictionary->context, k);
}

// Frequency of the middle of a source's templates.
static double centre_hz(const ub_dictionary *dictionary, size_t source)
{
    double moment = 0.0, sum = 0.0;
    for (size_t k = 0; k < dictionary->templates.n_cols; k++) {
        const float *w = ub_matrix_column(&dictionary->templates, k);
        for (size_t f = 0; f < dictionary->templates.n_rows; f++) {
            const double value = dictionary->component_source[k] == source ? (double)w[f] : 0.0;
            moment += value * (double)f * dictionary->rate_hz / (double)dictionary->window_samples;
            sum += value;
        }
    }
    return moment / sum;
}

static bool same_templates(const ub_dictionary *a, const ub_dictionary *b)
{
    if (a->templates.n_rows != b->templates.n_rows || a->templates.n_cols != b->templates.n_cols) {
        return false;
    }
    for (size_t k = 0; k < a->templates.n_cols; k++) {
        if (memcmp(ub_matrix_column(&a->templates, k), ub_matrix_column(&b->templates, k),
                   a->templates.n_rows * sizeof(float)) != 0) {
            return false;
        }
    }
    return true;
}

static void a_dictionary_tells_what_it_was_learned_from(void **state)
{
    (void)state;
    synth *low = synth_low_notes(2, 0.8, RATE_HZ), *high = synth_high_bursts(1, 0.8, RATE_HZ);
    const ub_audio audio[] = {synth_audio(low), synth_audio(high)};
    const ub_training sources[] = {{"low", &audio[0], 1}, {"high", &audio[1], 1}};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_BETA] = 0.5;
    ub_dictionary dictionary = small_learn(sources, 2, &settings);
    assert_int_equal(dictionary.n_sources, 2);
    assert_string_equal(dictionary.source_names[0], "low");
    assert_string_equal(dictionary.source_names[1], "high");
    assert_int_equal(dictionary.templates.n_cols, 8);
    assert_int_equal(dictionary.templates.n_rows, dictionary.window_samples / 2 + 1);
    assert_int_equal(dictionary.window, UB_WINDOW_SQRT_HANN);
    assert_int_equal(dictionary.window_samples, 4 * dictionary.hop_samples);
    assert_true(fabs((double)dictionary.window_samples - 0.140 * RATE_HZ) < 40.0);
    assert_int_equal(dictionary.n_before, 2);
    assert_int_equal(dictionary.n_after, 2);
    assert_int_equal(dictionary.context_samples, dictionary.hop_samples);
    assert_true(dictionary.rate_hz == RATE_HZ && dictionary.beta == 0.5);
    assert_true(dictionary.sparsity == 0.0);
    assert_string_equal(dictionary.licence, "CC0");
    assert_string_equal(dictionary.origin, "formulas");
    for (size_t k = 0; k < 8; k++) {
        assert_int_equal(dictionary.component_source[k], k / 4);
        assert_true(fabs(template_sum(&dictionary, k) - 1.0) < 1e-4); // L1 norm, of floats
    }
    assert_true(centre_hz(&dictionary, 0) < 400.0);
    assert_true(centre_hz(&dictionary, 1) > 2000.0);
    ub_dictionary_free(&dictionary);
    synth_free(low);
    synth_free(high);
}

static void a_sparse_dictionary_has_templates_of_unit_energy(void **state)
{
    (void)state;
    synth *low = synth_low_notes(1, 0.8, RATE_HZ);
    const ub_audio audio = synth_audio(low);
    const ub_training source = {"low", &audio, 1};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_SPARSITY] = 0.1;
    settings.value[UB_PARAM_CONTEXT] = 0; // that of template and context together is of bands
    ub_dictionary dictionary = small_learn(&source, 1, &settings);
    assert_true(dictionary.sparsity == 0.1);
    for (size_t k = 0; k < 4; k++) {
        const float *w = ub_matrix_column(&dictionary.templates, k);
        double squares = 0.0;
        for (size_t f = 0; f < dictionary.templates.n_rows; f++) {
            squares += (double)w[f] * (double)w[f];
        }
        assert_true(fabs(squares - 1.0) < 1e-4);
    }
    ub_dictionary_free(&dictionary);
    synth_free(low);
}

static void learned_sources_separate_their_mix(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    // Another recording than the one that was learned from.
    const double hz[] = {146.8, 98.0, 110.0}, pans[2][2] = {{1.0, 0.5}, {0.5, 1.0}};
    for (size_t n_channels = 1; n_channels <= 2; n_channels++) {
        synth *low = synth_new(n_channels, 12000, RATE_HZ);
        synth *high = synth_new(n_channels, 12000, RATE_HZ);
        synth *mix = synth_new(n_channels, 12000, RATE_HZ);
        synth_add_notes(low, hz, 3, 0.3, 0.4, pans[0]);
        synth_add_bursts(high, 0.0, 0.17, 0.05, pans[1], 99);
        synth_add(mix, low, 1.0);
        synth_add(mix, high, 1.0);
        const ub_settings settings = small_settings();
        ub_status status;
        ub_message why;
        stem_shelf *shelf = small_separate(mix, &dictionary, &settings, &status, &why);
        assert_int_equal(status, UB_OK);
        const synth *truths[] = {low, high};
        for (size_t j = 0; j < 2; j++) {
            const double gain = si_sdr_db(truths[j], (const float *const *)shelf->samples[j]) -
                                si_sdr_db(truths[j], mix->planar.channels);
            if (gain <= 10.0) {
                print_message("%s: %g dB\n", shelf->names[j], gain);
            }
            assert_true(gain > 10.0);
        }
        stem_shelf_free(shelf);
        synth_free(low);
        synth_free(high);
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

// A steady tone.
static synth *new_tone(size_t n_channels, double hz)
{
    synth *tone = synth_new(n_channels, 4000, RATE_HZ);
    for (size_t c = 0; c < n_channels; c++) {
        for (size_t i = 0; i < tone->n_samples; i++) {
            tone->channels[c][i] = (float)(0.5 * sin(2.0 * M_PI * hz * (double)i / RATE_HZ));
        }
    }
    return tone;
}

// Share of all templates within two bins of a frequency.
static double share_near(const ub_dictionary *dictionary, double hz)
{
    const double bin = hz * (double)dictionary->window_samples / dictionary->rate_hz;
    double near = 0.0, sum = 0.0;
    for (size_t k = 0; k < dictionary->templates.n_cols; k++) {
        const float *w = ub_matrix_column(&dictionary->templates, k);
        for (size_t f = 0; f < dictionary->templates.n_rows; f++) {
            near += fabs((double)f - bin) <= 2.0 ? (double)w[f] : 0.0;
            sum += (double)w[f];
        }
    }
    return near / sum;
}

static void recordings_and_channels_of_a_source_add_up(void **state)
{
    (void)state;
    synth *a = new_tone(1, 500.0), *b = new_tone(2, 1000.0), *c = new_tone(1, 2000.0);
    // The third tone is in the second channel only.
    memcpy(b->channels[1], c->channels[0], b->n_samples * sizeof(float));
    const ub_audio audio[] = {synth_audio(a), synth_audio(b)};
    const ub_training source = {"tones", audio, 2};
    const ub_settings settings = small_learning();
    ub_dictionary dictionary = small_learn(&source, 1, &settings);
    assert_true(share_near(&dictionary, 500.0) > 0.1);
    assert_true(share_near(&dictionary, 1000.0) > 0.1);
    assert_true(share_near(&dictionary, 2000.0) > 0.1);
    assert_true(share_near(&dictionary, 3000.0) < 0.02);
    ub_dictionary_free(&dictionary);
    synth_free(a);
    synth_free(b);
    synth_free(c);
}

static void quiet_frames_teach_nothing(void **state)
{
    (void)state;
    synth *loud = new_tone(1, 500.0), *quiet = new_tone(1, 2000.0);
    synth *faint = synth_new(1, quiet->n_samples, RATE_HZ);
    synth_add(faint, quiet, 1e-4); // 80 dB below
    const ub_audio audio[] = {synth_audio(loud), synth_audio(faint)};
    const ub_training source = {"tones", audio, 2};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_BETA] = 0; // to which quiet and loud are alike
    ub_dictionary dictionary = small_learn(&source, 1, &settings);
    assert_true(share_near(&dictionary, 2000.0) < 0.02);
    ub_dictionary_free(&dictionary);
    synth_free(loud);
    synth_free(quiet);
    synth_free(faint);
}

static void long_recordings_are_thinned_out(void **state)
{
    (void)state;
    // 24000 frames and more, one tone after the other: the end must be heard too.
    synth *sound = synth_new(1, 2 * 12000 * 2, 1000.0);
    for (size_t i = 0; i < sound->n_samples; i++) {
        const double hz = i < sound->n_samples / 10 * 9 ? 125.0 : 375.0;
        sound->channels[0][i] = (float)sin(2.0 * M_PI * hz * (double)i / 1000.0);
    }
    const ub_audio audio = synth_audio(sound);
    const ub_training source = {"tones", &audio, 1};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_WINDOW_MS] = 16;
    settings.value[UB_PARAM_OVERLAP] = 8;
    settings.value[UB_PARAM_CONTEXT] = 0; // which takes its share of the sum
    settings.value[UB_PARAM_COMPONENTS] = 2;
    ub_dictionary dictionary = small_learn(&source, 1, &settings);
    assert_int_equal(dictionary.hop_samples, 2);
    double first = 0.0, second = 0.0;
    for (size_t k = 0; k < 2; k++) {
        first += (double)ub_matrix_column(&dictionary.templates, k)[2];
        second += (double)ub_matrix_column(&dictionary.templates, k)[6];
    }
    assert_true(first > 0.3 && second > 0.3);
    ub_dictionary_free(&dictionary);
    synth_free(sound);
}

static void the_bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    synth *low = synth_low_notes(2, 1.0, RATE_HZ);
    const ub_audio audio = synth_audio(low);
    const ub_training source = {"low", &audio, 1};
    ub_settings settings = small_learning();
    ub_dictionary first = small_learn(&source, 1, &settings);
    for (size_t n = 2; n <= 3; n++) {
        settings.value[UB_PARAM_THREADS] = (double)n;
        ub_dictionary again = small_learn(&source, 1, &settings);
        assert_true(same_templates(&first, &again));
        ub_dictionary_free(&again);
    }
    settings.value[UB_PARAM_SEED] = 9;
    ub_dictionary other = small_learn(&source, 1, &settings);
    assert_false(same_templates(&first, &other));
    ub_dictionary_free(&first);
    ub_dictionary_free(&other);
    synth_free(low);
}

static void continuity_means_nothing_to_frames_out_of_order(void **state)
{
    (void)state;
    synth *low = synth_low_notes(1, 1.0, RATE_HZ);
    const ub_audio audio = synth_audio(low);
    const ub_training source = {"low", &audio, 1};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_SPARSITY] = 0.1;
    ub_dictionary without = small_learn(&source, 1, &settings);
    settings.value[UB_PARAM_CONTINUITY] = 5;
    ub_dictionary with = small_learn(&source, 1, &settings);
    assert_true(same_templates(&without, &with));
    ub_dictionary_free(&without);
    ub_dictionary_free(&with);
    synth_free(low);
}

static void the_default_settings_are_taken_for_none(void **state)
{
    (void)state;
    synth *low = synth_low_notes(1, 0.4, RATE_HZ);
    const ub_audio audio = synth_audio(low);
    const ub_training source = {"low", &audio, 1};
    ub_dictionary dictionary;
    assert_int_equal(ub_learn(&source, 1, NULL, NULL, NULL, NULL, &dictionary, NULL), UB_OK);
    assert_int_equal(dictionary.templates.n_cols, 40);
    assert_string_equal(dictionary.licence, "");
    assert_string_equal(dictionary.origin, "");
    ub_dictionary_free(&dictionary);
    synth_free(low);
}

static void sources_without_sound_are_refused_by_name(void **state)
{
    (void)state;
    const ub_settings settings = small_learning();
    synth *low = synth_low_notes(1, 0.5, RATE_HZ);
    const size_t lengths[] = {0, 4000, 300};
    const char *words[] = {"'nobody' is shorter", "'nobody' is silent", "'nobody' is shorter"};
    for (size_t i = 0; i < 3; i++) {
        synth *poor = synth_new(1, lengths[i], RATE_HZ);
        if (i == 2) {
            memcpy(poor->channels[0], low->channels[0], lengths[i] * sizeof(float));
        }
        const ub_audio audio[] = {synth_audio(low), synth_audio(poor)};
        const ub_training sources[] = {{"low", &audio[0], 1}, {"nobody", &audio[1], 1}};
        check_refusal(sources, 2, &settings, UB_BAD_VALUE, words[i]);
        // Beside a recording with sound it does no harm.
        const ub_training both = {"low", audio, 2};
        ub_dictionary dictionary = small_learn(&both, 1, &settings);
        ub_dictionary_free(&dictionary);
        synth_free(poor);
    }
    const ub_training none = {"nobody", NULL, 0};
    check_refusal(&none, 1, &settings, UB_BAD_SHAPE, "'nobody' has no recording");
    synth_free(low);
}

static void unusable_sources_are_refused(void **state)
{
    (void)state;
    ub_settings settings = small_learning();
    synth *low = synth_low_notes(1, 0.5, RATE_HZ), *slow = synth_low_notes(1, 0.5, 4000.0);
    const ub_audio audio[] = {synth_audio(low), synth_audio(slow)};
    const char *bad_names[] = {"", "a/b", "-x", "a=b", ".x", "\xff"};
    for (size_t i = 0; i < 6; i++) {
        const ub_training source = {bad_names[i], audio, 1};
        check_refusal(&source, 1, &settings, UB_BAD_VALUE, "name");
    }
    const ub_training rates = {"low", audio, 2};
    check_refusal(&rates, 1, &settings, UB_BAD_VALUE, "8000 and 4000 Hz");
    const ub_training others[] = {{"low", audio, 1}, {"slow", audio + 1, 1}};
    check_refusal(others, 2, &settings, UB_BAD_VALUE, "8000 and 4000 Hz");
    const ub_training twins[] = {{"low", audio, 1}, {"low", audio, 1}};
    check_refusal(twins, 2, &settings, UB_BAD_VALUE, "named 'low'");
    check_refusal(twins, 0, &settings, UB_BAD_SHAPE, "0 sources");
    check_refusal(twins, 65, &settings, UB_BAD_SHAPE, "65 sources");
    settings.value[UB_PARAM_ITERATIONS] = -1;
    check_refusal(twins, 1, &settings, UB_BAD_SETTING, "iterations");
    synth_free(low);
    synth_free(slow);
}

static void more_templates_than_a_dictionary_holds_are_refused(void **state)
{
    (void)state;
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_COMPONENTS] = 1000;
    synth *low = synth_low_notes(1, 0.1, RATE_HZ);
    const ub_audio audio = synth_audio(low);
    const ub_training sources[] = {
        {"a", &audio, 1}, {"b", &audio, 1}, {"c", &audio, 1}, {"d", &audio, 1}, {"e", &audio, 1}};
    check_refusal(sources, 5, &settings, UB_BAD_SETTING, "5000 templates");
    synth_free(low);
}

static void unusable_samples_are_refused(void **state)
{
    (void)state;
    const ub_settings settings = small_learning();
    synth *low = synth_low_notes(1, 0.5, RATE_HZ);
    low->channels[0][2000] = NAN;
    const ub_audio audio = synth_audio(low);
    const ub_training source = {"low", &audio, 1};
    check_refusal(&source, 1, &settings, UB_BAD_VALUE, "0.250 s");
    ub_audio wide = audio;
    wide.n_channels = 40;
    const ub_training wide_source = {"low", &wide, 1};
    check_refusal(&wide_source, 1, &settings, UB_BAD_SHAPE, "40 channels");
    synth_free(low);
}

typedef struct listener {
    size_t n_calls, stops_at;
    double last;
    bool fell;
} listener;

static int listen(void *context, const char *stage, double fraction)
{
    (void)stage;
    listener *heard = context;
    heard->n_calls++;
    heard->fell = heard->fell || !(fraction >= heard->last && fraction <= 1.0);
    heard->last = fraction;
    return heard->n_calls == heard->stops_at;
}

static void progress_never_falls_ends_at_one_and_can_stop_anywhere(void **state)
{
    (void)state;
    synth *low = synth_low_notes(1, 2.0, RATE_HZ), *high = synth_high_bursts(2, 1.0, RATE_HZ);
    const ub_audio audio[] = {synth_audio(low), synth_audio(high)};
    const ub_training sources[] = {{"both", audio, 2}, {"high", &audio[1], 1}};
    const ub_settings settings = small_learning();
    listener all = {0};
    ub_progress progress = {.report = listen, .context = &all};
    ub_dictionary dictionary;
    assert_int_equal(ub_learn(sources, 2, &settings, NULL, NULL, &progress, &dictionary, NULL),
                     UB_OK);
    ub_dictionary_free(&dictionary);
    assert_false(all.fell);
    assert_true(all.last == 1.0);
    for (size_t at = 1; at <= all.n_calls; at++) {
        listener heard = {.stops_at = at};
        progress.context = &heard;
        assert_int_equal(ub_learn(sources, 2, &settings, NULL, NULL, &progress, &dictionary, NULL),
                         UB_CANCELLED);
        assert_int_equal(heard.n_calls, at);
    }
    synth_free(low);
    synth_free(high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dictionary_tells_what_it_was_learned_from),
        cmocka_unit_test(a_sparse_dictionary_has_templates_of_unit_energy),
        cmocka_unit_test(learned_sources_separate_their_mix),
        cmocka_unit_test(recordings_and_channels_of_a_source_add_up),
        cmocka_unit_test(quiet_frames_teach_nothing),
        cmocka_unit_test(long_recordings_are_thinned_out),
        cmocka_unit_test(the_bits_do_not_depend_on_threads),
        cmocka_unit_test(continuity_means_nothing_to_frames_out_of_order),
        cmocka_unit_test(the_default_settings_are_taken_for_none),
        cmocka_unit_test(sources_without_sound_are_refused_by_name),
        cmocka_unit_test(unusable_sources_are_refused),
        cmocka_unit_test(more_templates_than_a_dictionary_holds_are_refused),
        cmocka_unit_test(unusable_samples_are_refused),
        cmocka_unit_test(progress_never_falls_ends_at_one_and_can_stop_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
