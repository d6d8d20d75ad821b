// SPDX-License-Identifier: GPL-3.0-or-later
// Every way in which a transcription may end early: what it returns and says, and that it adds no
// note.
#include "malloc_guard.h"
#include "note_case.h"
#include "unbraid/transcribe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
static const ub_note PLAYED = {.onset_s = 0.2, .offset_s = 0.6, .pitch = 60, .velocity = 100};

static void check_refusal(const ub_audio *audio, const ub_dictionary *dictionary,
                          const ub_progress *progress, const ub_key_sink *keys, ub_status wanted,
                          const char *words)
{
    ub_notes notes = {0};
    assert_int_equal(ub_notes_append(&notes, &PLAYED), UB_OK);
    ub_message why = {""};
    assert_int_equal(ub_transcribe(audio, dictionary, NULL, progress, keys, &notes, &why), wanted);
    assert_non_null(strstr(why.text, words));
    assert_int_equal(notes.n, 1);
    ub_notes_free(&notes);
}

static void what_cannot_be_transcribed_is_refused_with_the_reason(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    synth *sound = note_case_sound(1, 1.0, RATE_HZ, &PLAYED, 1);
    ub_audio audio = synth_audio(sound);
    sound->channels[0][4000] = NAN;
    check_refusal(&audio, &dictionary, NULL, NULL, UB_BAD_VALUE, "0.500 s");
    sound->channels[0][4000] = 0.0f;
    int *pitches = dictionary.component_pitch;
    dictionary.component_pitch = NULL;
    check_refusal(&audio, &dictionary, NULL, NULL, UB_BAD_VALUE, "which notes");
    dictionary.component_pitch = pitches;
    for (size_t k = 0; k < dictionary.templates.n_cols; k++) {
        pitches[k] = -1;
    }
    check_refusal(&audio, &dictionary, NULL, NULL, UB_BAD_VALUE, "no template");
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

static ub_status refuse_read(void *context, size_t first, size_t n, float *const *channels,
                             ub_message *why)
{
    size_t *left = context;
    if (*left == 0) {
        return ub_fail(why, UB_FILE_ERROR, "the disk is tired");
    }
    --*left;
    for (size_t i = 0; i < n; i++) {
        channels[0][i] = (float)sin(0.3 * (double)(first + i));
    }
    return UB_OK;
}

static void a_failing_read_ends_with_its_own_status(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    for (size_t n = 0; n < 2; n++) {
        size_t left = n; // one read for the sample, the next for the notes
        const ub_audio audio = {.n_channels = 1,
                                .n_samples = 8000,
                                .rate_hz = RATE_HZ,
                                .read = refuse_read,
                                .context = &left};
        check_refusal(&audio, &dictionary, NULL, NULL, UB_FILE_ERROR, "tired");
    }
    ub_dictionary_free(&dictionary);
}

static int stop(void *context, const char *stage, double fraction)
{
    (void)stage;
    size_t *left = context;
    assert_true(fraction >= 0.0 && fraction <= 1.0);
    return *left == 0 || --*left == 0;
}

static ub_status refuse_begin(void *context, const ub_key_frames *frames, ub_message *why)
{
    (void)context;
    (void)frames;
    return ub_fail(why, UB_FILE_ERROR, "no room for keys");
}

static void listeners_can_stop_it_anywhere(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    synth *sound = note_case_sound(1, 1.0, RATE_HZ, &PLAYED, 1);
    const ub_audio audio = synth_audio(sound);
    for (size_t n = 1; n < 12; n++) {
        size_t left = n;
        const ub_progress progress = {.report = stop, .context = &left};
        check_refusal(&audio, &dictionary, &progress, NULL, UB_CANCELLED, "");
    }
    const ub_key_sink sink = {.begin = refuse_begin};
    check_refusal(&audio, &dictionary, NULL, &sink, UB_FILE_ERROR, "no room for keys");
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

static void every_allocation_that_fails_is_told(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    synth *sound = note_case_sound(1, 0.5, RATE_HZ, &PLAYED, 1);
    const ub_audio audio = synth_audio(sound);
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = 1;
    ub_status status = UB_NO_MEMORY;
    size_t n = 0;
    for (; status && n < 1000; n++) {
        ub_notes notes = {0};
        size_t held = 0;
        malloc_guard_start(n + 1);
        status = ub_transcribe(&audio, &dictionary, &settings, NULL, NULL, &notes, NULL);
        (void)malloc_guard_stop(&held);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_true(status == UB_OK || (notes.n == 0 && held == 0));
        ub_notes_free(&notes);
    }
    assert_int_equal(status, UB_OK);
    assert_true(n > 30);
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_transcribed_is_refused_with_the_reason),
        cmocka_unit_test(a_failing_read_ends_with_its_own_status),
        cmocka_unit_test(listeners_can_stop_it_anywhere),
        cmocka_unit_test(every_allocation_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
