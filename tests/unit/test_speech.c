// SPDX-License-Identifier: GPL-3.0-or-later
// A voice out of noise that is always there.
#include "malloc_guard.h"
#include "small.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// Low notes with pauses are the voice here, hiss the noise; the dictionary calls high bursts so.
static synth *make_hiss(size_t n_samples)
{
    synth *hiss = synth_new(1, n_samples, RATE_HZ);
    ub_random random = ub_random_new(5);
    for (size_t i = 0; i < n_samples; i++) {
        hiss->channels[0][i] = 0.6f * (ub_random_uniform(&random) - 0.5f);
    }
    return hiss;
}

static ub_dictionary make_dictionary(const char *name)
{
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    free(dictionary.source_names[0]);
    dictionary.source_names[0] = strdup(name);
    assert_non_null(dictionary.source_names[0]);
    return dictionary;
}

static stem_shelf *separate(const synth *mix, const ub_dictionary *dictionary, ub_status *status,
                            ub_message *why)
{
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_METHOD] = UB_METHOD_SPEECH;
    settings.value[UB_PARAM_THREADS] = 1.0;
    return small_separate(mix, dictionary, &settings, status, why);
}

static void a_voice_is_told_from_what_is_always_there(void **state)
{
    (void)state;
    synth *voice = synth_low_notes(1, 4.0, RATE_HZ), *mix = make_hiss(voice->n_samples);
    synth_add(mix, voice, 1.0);
    ub_dictionary dictionary = make_dictionary("speech");
    ub_status status;
    ub_message why;
    stem_shelf *shelf = separate(mix, &dictionary, &status, &why);
    assert_int_equal(status, UB_OK);
    assert_true(stem_shelf_is_complete(shelf));
    assert_int_equal(shelf->n_stems, 2);
    assert_string_equal(shelf->names[0], "speech");
    assert_string_equal(shelf->names[1], "noise");
    assert_true(stem_shelf_null_db(shelf, mix) <= -120.0);
    const double before = si_sdr_db(voice, (const float *const *)mix->channels);
    const double after = si_sdr_db(voice, (const float *const *)shelf->samples[0]);
    print_message("%.1f dB, then %.1f dB\n", before, after);
    // 12 dB; 8 with the comb upside down, 6 with the dictionary's share.
    assert_true(after > before + 9.0);
    stem_shelf_free(shelf);
    ub_dictionary_free(&dictionary);
    synth_free(voice);
    synth_free(mix);
}

// Loud, and nowhere in the dictionary.
static void a_hum_below_voices_is_noise(void **state)
{
    (void)state;
    synth *voice = synth_low_notes(1, 4.0, RATE_HZ), *hum = synth_new(1, 32000, RATE_HZ);
    for (size_t i = 0; i < hum->n_samples; i++) {
        hum->channels[0][i] = (float)(0.5 * sin(0.25 * (double)i / 8.0)); // 40 Hz
    }
    synth *mix = synth_new(1, 32000, RATE_HZ);
    synth_add(mix, hum, 1.0);
    synth_add(mix, voice, 1.0);
    ub_dictionary dictionary = make_dictionary("speech");
    ub_status status;
    ub_message why;
    stem_shelf *shelf = separate(mix, &dictionary, &status, &why);
    assert_int_equal(status, UB_OK);
    const double before = si_sdr_db(hum, (const float *const *)mix->channels);
    const double after = si_sdr_db(hum, (const float *const *)shelf->samples[1]);
    print_message("%.1f dB, then %.1f dB\n", before, after);
    // 16 dB; 6 with the wide mean of the excess upside down, 5 with the comb.
    assert_true(after > before + 10.0);
    stem_shelf_free(shelf);
    ub_dictionary_free(&dictionary);
    synth_free(voice);
    synth_free(hum);
    synth_free(mix);
}

static void a_dictionary_must_know_speech(void **state)
{
    (void)state;
    synth *mix = make_hiss(8000);
    ub_dictionary dictionary = make_dictionary("low");
    ub_status status;
    ub_message why;
    stem_shelf *shelf = separate(mix, &dictionary, &status, &why);
    assert_int_equal(status, UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "'speech'"));
    stem_shelf_free(shelf);
    shelf = separate(mix, NULL, &status, &why);
    assert_int_equal(status, UB_BAD_SETTING);
    stem_shelf_free(shelf);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static void no_memory_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    synth *mix = make_hiss(1600);
    ub_dictionary dictionary = make_dictionary("speech");
    const ub_audio audio = synth_audio(mix);
    const ub_stem_sink sink = stem_sink_to_nowhere();
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_METHOD] = UB_METHOD_SPEECH;
    settings.value[UB_PARAM_THREADS] = 1.0;
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status && n < 400; n++) {
        ub_message why = {""};
        size_t still_held = 0;
        malloc_guard_start(n);
        status = ub_separate(&audio, &dictionary, &settings, NULL, &sink, &why);
        malloc_guard_stop(&still_held);
        assert_true(status == UB_OK || (status == UB_NO_MEMORY && why.text[0] != '\0'));
        assert_int_equal(still_held, 0);
    }
    assert_int_equal(status, UB_OK);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_voice_is_told_from_what_is_always_there),
        cmocka_unit_test(a_hum_below_voices_is_noise),
        cmocka_unit_test(a_dictionary_must_know_speech),
        cmocka_unit_test(no_memory_is_an_error_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
