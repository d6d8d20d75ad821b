// SPDX-License-Identifier: GPL-3.0-or-later
// Every way in which a separation may end early: what it returns and says.
#include "small.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// Expect a status, and a message with these words; nothing may have been written.
static void check_refusal(const synth *mix, const ub_dictionary *dictionary,
                          const ub_settings *settings, ub_status wanted, const char *words)
{
    ub_status status;
    ub_message why;
    stem_shelf *shelf = small_separate(mix, dictionary, settings, &status, &why);
    assert_int_equal(status, wanted);
    if (!strstr(why.text, words)) {
        print_message("'%s' without '%s'\n", why.text, words);
    }
    assert_non_null(strstr(why.text, words));
    assert_int_equal(shelf->n_written, 0);
    stem_shelf_free(shelf);
}

static void samples_that_are_no_numbers_are_refused_with_their_time(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_settings settings = small_settings();
    for (size_t b = 0; b < 3; b++) {
        synth *mix = small_mix(2, 1.0, RATE_HZ);
        mix->channels[1][4000] = bad[b];
        check_refusal(mix, NULL, &settings, UB_BAD_VALUE, "0.500 s");
        check_refusal(mix, &dictionary, &settings, UB_BAD_VALUE, "0.500 s");
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.1, RATE_HZ);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_BETA] = 7.0;
    check_refusal(mix, NULL, &settings, UB_BAD_SETTING, "beta");
    settings = small_settings();
    settings.value[UB_PARAM_SOURCES] = NAN;
    check_refusal(mix, NULL, &settings, UB_BAD_SETTING, "sources");
    synth_free(mix);
}

static void more_sources_than_components_are_refused_when_blind(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.1, RATE_HZ);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_COMPONENTS] = 3;
    settings.value[UB_PARAM_SOURCES] = 4;
    check_refusal(mix, NULL, &settings, UB_BAD_SETTING, "3 components cannot make 4 sources");
    synth_free(mix);
}

static void audio_of_unusable_shape_or_rate_is_refused(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.1, RATE_HZ);
    const ub_settings settings = small_settings();
    mix->rate_hz = 10.0;
    check_refusal(mix, NULL, &settings, UB_BAD_VALUE, "10 Hz");
    mix->rate_hz = RATE_HZ;
    mix->planar.n_channels = 0;
    check_refusal(mix, NULL, &settings, UB_BAD_SHAPE, "0 channels");
    synth_free(mix);
}

static void a_dictionary_that_breaks_its_promises_is_refused(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.1, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    ub_matrix_column(&dictionary.templates, 1)[3] = -1.0f;
    check_refusal(mix, &dictionary, &settings, UB_BAD_VALUE, "template");
    ub_matrix_column(&dictionary.templates, 1)[3] = 0.0f;
    settings.value[UB_PARAM_FREE] = 2;
    strcpy(dictionary.source_names[1], "rest");
    check_refusal(mix, &dictionary, &settings, UB_BAD_VALUE, "'rest'");
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

// Audio that fails in the n-th call, or counts the calls.
typedef struct frail_audio {
    const synth *sound;
    size_t n_calls, fails_at;
} frail_audio;

static ub_status read_frail(void *context, size_t first, size_t n, float *const *channels,
                            ub_message *why)
{
    frail_audio *frail = context;
    if (++frail->n_calls == frail->fails_at) {
        return ub_fail(why, UB_FILE_ERROR, "the disk is tired");
    }
    assert_true(n > 0 && first + n <= frail->sound->n_samples);
    for (size_t c = 0; c < frail->sound->n_channels; c++) {
        memcpy(channels[c], frail->sound->channels[c] + first, n * sizeof(float));
    }
    return UB_OK;
}

// Limits that every recording here is beyond, or none is.
static ub_limits limits_for(bool is_long)
{
    ub_limits limits = ub_limits_default();
    if (is_long) {
        limits.spectra_bytes = 0;
    }
    return limits;
}

static ub_status separate_frail(frail_audio *frail, const ub_dictionary *dictionary, bool is_long,
                                stem_shelf *shelf, ub_message *why)
{
    ub_audio audio = synth_audio(frail->sound);
    audio.read = read_frail;
    audio.context = frail;
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_CONTINUITY] = is_long ? 0.1 : 0.0;
    const ub_limits limits = limits_for(is_long);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    return ub_separate_within(&limits, &audio, dictionary, &settings, NULL, &sink, why);
}

static void a_failing_read_ends_with_its_own_status_and_message(void **state)
{
    (void)state;
    synth *mixes[] = {small_mix(2, 4.0, RATE_HZ), small_mix(2, 40.0, 1000.0)};
    ub_dictionary dictionaries[] = {small_dictionary(RATE_HZ), small_dictionary(1000.0)};
    for (size_t kind = 0; kind < 5; kind++) {
        const bool is_long = kind > 2;
        const synth *mix = mixes[kind == 2];
        const ub_dictionary *dictionary = kind % 3 ? &dictionaries[kind == 2] : NULL;
        frail_audio frail = {.sound = mix};
        stem_shelf *shelf = stem_shelf_new(mix);
        assert_int_equal(separate_frail(&frail, dictionary, is_long, shelf, NULL), UB_OK);
        stem_shelf_free(shelf);
        const size_t n_calls = frail.n_calls;
        assert_true(n_calls >= 2);
        for (size_t at = 1; at <= n_calls; at += n_calls > 40 ? n_calls / 20 : 1) {
            frail = (frail_audio){.sound = mix, .fails_at = at};
            shelf = stem_shelf_new(mix);
            ub_message why = {""};
            assert_int_equal(separate_frail(&frail, dictionary, is_long, shelf, &why),
                             UB_FILE_ERROR);
            assert_string_equal(why.text, "the disk is tired");
            assert_int_equal(frail.n_calls, at);
            assert_false(shelf->broken);
            stem_shelf_free(shelf);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        synth_free(mixes[i]);
        ub_dictionary_free(&dictionaries[i]);
    }
}

static void a_failing_sink_ends_with_its_own_status_and_message(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 4.0, RATE_HZ);
    const ub_audio audio = synth_audio(mix);
    const ub_settings settings = small_settings();
    const size_t at[] = {0, 0, 20000, 31999};
    const char *words[] = {"no room on the shelf", "the shelf is full", "the shelf is full",
                           "the shelf is full"};
    for (size_t i = 0; i < 4; i++) {
        stem_shelf *shelf = stem_shelf_new(mix);
        shelf->begin_fails = i ? UB_OK : UB_FILE_ERROR;
        shelf->write_fails = UB_BAD_FORMAT;
        shelf->write_fails_at = at[i];
        const ub_stem_sink sink = stem_shelf_sink(shelf);
        ub_message why = {""};
        assert_int_equal(ub_separate(&audio, NULL, &settings, NULL, &sink, &why),
                         i ? UB_BAD_FORMAT : UB_FILE_ERROR);
        assert_string_equal(why.text, words[i]);
        assert_true(shelf->n_written <= at[i]);
        assert_false(shelf->broken);
        stem_shelf_free(shelf);
    }
    synth_free(mix);
}

// What a listener heard, and when it says stop.
typedef struct listener {
    size_t n_calls, stops_at;
    double last;
    bool fell, after_stop;
    bool analysed, factorised, resynthesised;
} listener;

static int listen(void *context, const char *stage, double fraction)
{
    listener *heard = context;
    heard->n_calls++;
    heard->after_stop = heard->after_stop || (heard->stops_at && heard->n_calls > heard->stops_at);
    heard->fell = heard->fell || !(fraction >= heard->last && fraction <= 1.0);
    heard->last = fraction;
    heard->analysed = heard->analysed || strcmp(stage, "analyse") == 0;
    heard->factorised = heard->factorised || strcmp(stage, "factorise") == 0;
    heard->resynthesised = heard->resynthesised || strcmp(stage, "resynthesise") == 0;
    return heard->n_calls == heard->stops_at;
}

static ub_status separate_heard(const synth *mix, const ub_dictionary *dictionary, double n_free,
                                bool is_long, listener *heard)
{
    const ub_audio audio = synth_audio(mix);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_FREE] = n_free;
    settings.value[UB_PARAM_CONTINUITY] = is_long && n_free == 0.0 ? 0.1 : 0.0;
    const ub_limits limits = limits_for(is_long);
    const ub_progress progress = {.report = listen, .context = heard};
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    const ub_status status =
        ub_separate_within(&limits, &audio, dictionary, &settings, &progress, &sink, NULL);
    assert_true(status || stem_shelf_is_complete(shelf));
    stem_shelf_free(shelf);
    return status;
}

static void progress_never_falls_ends_at_one_and_can_stop_anywhere(void **state)
{
    (void)state;
    // Short: it is separated once for each call.
    synth *mix = small_mix(2, 1.0, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    for (size_t kind = 0; kind < 6; kind++) {
        const bool is_long = kind >= 3;
        const ub_dictionary *with = kind % 3 ? &dictionary : NULL;
        const double n_free = kind % 3 == 2 ? 2.0 : 0.0;
        listener all = {0};
        assert_int_equal(separate_heard(mix, with, n_free, is_long, &all), UB_OK);
        assert_false(all.fell);
        assert_true(all.last == 1.0);
        assert_true(all.analysed && all.factorised && all.resynthesised);
        for (size_t at = 1; at <= all.n_calls; at++) {
            listener heard = {.stops_at = at};
            assert_int_equal(separate_heard(mix, with, n_free, is_long, &heard), UB_CANCELLED);
            assert_false(heard.after_stop);
        }
    }
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void progress_ends_at_one_for_an_empty_recording(void **state)
{
    (void)state;
    synth *mix = synth_new(1, 0, RATE_HZ);
    listener all = {0};
    assert_int_equal(separate_heard(mix, NULL, 0.0, false, &all), UB_OK);
    assert_false(all.fell);
    assert_true(all.last == 1.0);
    synth_free(mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_that_are_no_numbers_are_refused_with_their_time),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(more_sources_than_components_are_refused_when_blind),
        cmocka_unit_test(audio_of_unusable_shape_or_rate_is_refused),
        cmocka_unit_test(a_dictionary_that_breaks_its_promises_is_refused),
        cmocka_unit_test(a_failing_read_ends_with_its_own_status_and_message),
        cmocka_unit_test(a_failing_sink_ends_with_its_own_status_and_message),
        cmocka_unit_test(progress_never_falls_ends_at_one_and_can_stop_anywhere),
        cmocka_unit_test(progress_ends_at_one_for_an_empty_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
