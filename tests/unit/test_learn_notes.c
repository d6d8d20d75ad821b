// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"
#include "synth.h"

#include <unbraid/learn_notes.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0, EVERY_S = 0.8;

enum { N_SCALE = 13, LOWEST = 55 };

// A chromatic scale, `step` semitones a note, from LOWEST on.
static synth *new_scale(size_t n, int step)
{
    double hz[N_SCALE];
    for (size_t i = 0; i < n; i++) {
        hz[i] = ub_pitch_hz(LOWEST + step * (int)i);
    }
    synth *sound = synth_new(1, (size_t)(EVERY_S * RATE_HZ) * n, RATE_HZ);
    synth_add_notes(sound, hz, n, EVERY_S, 0.3, NULL);
    return sound;
}

static ub_dictionary learn(const synth *sound, const ub_notes *notes)
{
    const ub_note_lesson lesson = {synth_audio(sound), notes};
    ub_dictionary dictionary = {0};
    ub_message why = {""};
    if (ub_learn_notes("piano", &lesson, 1, NULL, "CC0", "formulas", NULL, &dictionary, &why)) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(ub_dictionary_check(&dictionary, NULL), UB_OK);
    return dictionary;
}

// Share of a template within a bin and a half of a frequency.
static double share_at(const ub_dictionary *dictionary, size_t k, double hz)
{
    const double bin_hz = dictionary->rate_hz / (double)dictionary->window_samples;
    const float *w = ub_matrix_column(&dictionary->templates, k);
    double near = 0.0, all = 0.0;
    for (size_t f = 0; f < dictionary->templates.n_rows; f++) {
        near += fabs((double)f * bin_hz - hz) <= 1.5 * bin_hz ? (double)w[f] : 0.0;
        all += (double)w[f];
    }
    return near / all;
}

static void the_notes_of_a_scale_are_found_in_their_order(void **state)
{
    (void)state;
    for (int step = 1; step <= 2; step++) {
        synth *sound = new_scale(N_SCALE, step);
        const ub_audio audio = synth_audio(sound);
        ub_notes notes = {0};
        assert_int_equal(ub_scale_find(&audio, NULL, NULL, &notes, NULL), UB_OK);
        assert_int_equal(notes.n, N_SCALE);
        for (size_t i = 0; i < N_SCALE; i++) {
            assert_int_equal(notes.notes[i].pitch, LOWEST + step * (int)i);
            assert_true(fabs(notes.notes[i].onset_s - EVERY_S * (double)i) < 0.03); // about a hop
            assert_true(notes.notes[i].offset_s > notes.notes[i].onset_s + 0.5);
        }
        assert_int_equal(ub_notes_check(&notes, NULL), UB_OK);
        ub_notes_free(&notes);
        synth_free(sound);
    }
}

static void silence_has_no_notes_and_teaches_none(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 20000; n += 20000) {
        synth *sound = synth_new(2, n, RATE_HZ);
        const ub_note_lesson lesson = {synth_audio(sound), NULL};
        ub_notes notes = {0};
        assert_int_equal(ub_scale_find(&lesson.audio, NULL, NULL, &notes, NULL), UB_OK);
        assert_int_equal(notes.n, 0);
        ub_dictionary dictionary = {.n_sources = 77};
        ub_message why = {""};
        assert_int_equal(
            ub_learn_notes("piano", &lesson, 1, NULL, NULL, NULL, NULL, &dictionary, &why),
            UB_BAD_VALUE);
        assert_non_null(strstr(why.text, "no note is heard"));
        assert_int_equal(dictionary.n_sources, 77);
        ub_notes_free(&notes);
        synth_free(sound);
    }
}

static void each_key_gets_four_templates_of_its_pitch(void **state)
{
    (void)state;
    synth *sound = new_scale(N_SCALE, 1);
    ub_dictionary dictionary = learn(sound, NULL);
    assert_int_equal(dictionary.templates.n_cols, 4 * N_SCALE);
    assert_string_equal(dictionary.source_names[0], "piano");
    assert_string_equal(dictionary.licence, "CC0");
    for (size_t k = 0; k < dictionary.templates.n_cols; k++) {
        assert_int_equal(dictionary.component_pitch[k], LOWEST + k / 4);
        const double hz = ub_pitch_hz(LOWEST + (double)(k / 4));
        const double share = share_at(&dictionary, k, hz) + share_at(&dictionary, k, 2.0 * hz);
        // Attacks are wider: there the window reaches over the onset.
        assert_true(share > (k % 4 == 0 ? 0.2 : 0.6));
    }
    ub_dictionary_free(&dictionary);
    synth_free(sound);
}

static void keys_between_those_that_are_played_are_made_from_their_neighbours(void **state)
{
    (void)state;
    synth *sound = new_scale(5, 3);
    ub_dictionary dictionary = learn(sound, NULL);
    assert_int_equal(dictionary.templates.n_cols, 4 * 13);
    for (size_t k = 0; k < dictionary.templates.n_cols; k++) {
        const double hz = ub_pitch_hz(LOWEST + (double)(k / 4));
        assert_true(share_at(&dictionary, k, hz) > 2.0 * share_at(&dictionary, k, 1.2 * hz));
        double sum = 0.0;
        for (size_t f = 0; f < dictionary.templates.n_rows; f++) {
            sum += (double)ub_matrix_column(&dictionary.templates, k)[f];
        }
        assert_float_equal(sum, 1.0, 1e-4);
    }
    ub_dictionary_free(&dictionary);
    synth_free(sound);
}

static void notes_that_sound_together_are_told_apart_by_what_is_played(void **state)
{
    (void)state;
    // A and C sharp together, then each of them with an E.
    const int chords[3][2] = {{57, 61}, {57, 64}, {61, 64}};
    synth *sound = synth_new(1, (size_t)(3.0 * RATE_HZ), RATE_HZ);
    ub_notes notes = {0};
    for (size_t i = 0; i < 6; i++) {
        const size_t chord = i / 2;
        const double hz = ub_pitch_hz(chords[chord][i % 2]);
        synth *note = synth_new(1, (size_t)(3.0 * RATE_HZ), RATE_HZ);
        synth_add_notes(note, &hz, 1, 10.0, 0.3, NULL);
        const size_t from = (size_t)((double)chord * RATE_HZ);
        for (size_t s = from; s < from + (size_t)RATE_HZ; s++) {
            sound->channels[0][s] += note->channels[0][s - from];
        }
        synth_free(note);
        const ub_note played = {
            (double)chord, (double)chord + 0.9, chords[chord][i % 2], 64, 0, 0.0};
        assert_int_equal(ub_notes_append(&notes, &played), UB_OK);
    }
    ub_dictionary dictionary = learn(sound, &notes);
    const int keys[] = {57, 61, 64};
    for (size_t i = 0; i < 3; i++) {
        const size_t sustained = 4 * (size_t)(keys[i] - 57) + 1;
        const double own = share_at(&dictionary, sustained, ub_pitch_hz(keys[i]));
        for (size_t j = 0; j < 3; j++) {
            if (j != i) {
                assert_true(share_at(&dictionary, sustained, ub_pitch_hz(keys[j])) < 0.1 * own);
            }
        }
    }
    ub_dictionary_free(&dictionary);
    ub_notes_free(&notes);
    synth_free(sound);
}

static void threads_make_no_difference(void **state)
{
    (void)state;
    synth *sound = new_scale(4, 1);
    const ub_note_lesson lesson = {synth_audio(sound), NULL};
    ub_dictionary learned[2];
    for (size_t i = 0; i < 2; i++) {
        ub_settings settings = ub_settings_default();
        settings.value[UB_PARAM_THREADS] = i == 0 ? 1 : 3;
        assert_int_equal(
            ub_learn_notes("piano", &lesson, 1, &settings, NULL, NULL, NULL, &learned[i], NULL),
            UB_OK);
    }
    for (size_t k = 0; k < learned[0].templates.n_cols; k++) {
        assert_memory_equal(ub_matrix_column(&learned[0].templates, k),
                            ub_matrix_column(&learned[1].templates, k),
                            learned[0].templates.n_rows * sizeof(float));
    }
    ub_dictionary_free(&learned[0]);
    ub_dictionary_free(&learned[1]);
    synth_free(sound);
}

static void lessons_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    synth *sound = new_scale(2, 1), *other = synth_new(1, 9000, 2.0 * RATE_HZ);
    ub_note bad = {0.0, 1.0, 128, 64, 0, 0.0};
    const ub_notes notes = {&bad, 1, 1};
    const ub_note_lesson rates[] = {{synth_audio(sound), NULL}, {synth_audio(other), NULL}};
    const ub_note_lesson wrong = {synth_audio(sound), &notes};
    ub_note_lesson no_rate = {synth_audio(sound), NULL};
    no_rate.audio.rate_hz = NAN;
    ub_dictionary out;
    assert_int_equal(ub_learn_notes("a", rates, 2, NULL, NULL, NULL, NULL, &out, NULL),
                     UB_BAD_VALUE);
    assert_int_equal(ub_learn_notes("a", &wrong, 1, NULL, NULL, NULL, NULL, &out, NULL),
                     UB_BAD_VALUE);
    assert_int_equal(ub_learn_notes("a/b", rates, 1, NULL, NULL, NULL, NULL, &out, NULL),
                     UB_BAD_VALUE);
    assert_int_equal(ub_learn_notes("a", rates, 0, NULL, NULL, NULL, NULL, &out, NULL),
                     UB_BAD_SHAPE);
    assert_int_equal(ub_learn_notes("a", &no_rate, 1, NULL, NULL, NULL, NULL, &out, NULL),
                     UB_BAD_SHAPE);
    sound->channels[0][100] = NAN;
    assert_int_equal(ub_learn_notes("a", rates, 1, NULL, NULL, NULL, NULL, &out, NULL),
                     UB_BAD_VALUE);
    synth_free(sound);
    synth_free(other);
}

static int stop_at_factorise(void *context, const char *stage, double fraction)
{
    (void)context;
    (void)fraction;
    return strcmp(stage, "factorise") == 0;
}

static void it_can_be_stopped(void **state)
{
    (void)state;
    synth *sound = new_scale(2, 1);
    const ub_note_lesson lesson = {synth_audio(sound), NULL};
    const ub_progress progress = {.report = stop_at_factorise};
    ub_dictionary out = {.n_sources = 77};
    assert_int_equal(ub_learn_notes("a", &lesson, 1, NULL, NULL, NULL, &progress, &out, NULL),
                     UB_CANCELLED);
    assert_int_equal(out.n_sources, 77);
    synth_free(sound);
}

static void without_memory_nothing_is_made_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    synth *sound = new_scale(2, 1);
    const ub_note_lesson lesson = {synth_audio(sound), NULL};
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = 1;
    ub_status status = UB_NO_MEMORY;
    size_t n = 1;
    for (; status; n++) {
        ub_dictionary out;
        size_t held;
        malloc_guard_start(n);
        status = ub_learn_notes("a", &lesson, 1, &settings, NULL, NULL, NULL, &out, NULL);
        malloc_guard_stop(&held);
        if (status) {
            assert_int_equal(status, UB_NO_MEMORY);
            assert_int_equal(held, 0);
        } else {
            ub_dictionary_free(&out);
        }
    }
    assert_true(n > 20);
    synth_free(sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_notes_of_a_scale_are_found_in_their_order),
        cmocka_unit_test(silence_has_no_notes_and_teaches_none),
        cmocka_unit_test(each_key_gets_four_templates_of_its_pitch),
        cmocka_unit_test(keys_between_those_that_are_played_are_made_from_their_neighbours),
        cmocka_unit_test(notes_that_sound_together_are_told_apart_by_what_is_played),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(lessons_that_do_not_fit_are_refused),
        cmocka_unit_test(it_can_be_stopped),
        cmocka_unit_test(without_memory_nothing_is_made_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
