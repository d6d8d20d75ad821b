// SPDX-License-Identifier: GPL-3.0-or-later
// Separation by a score: which templates there are and when they may sound, and the stems.
#include "guide/note_guide.h"
#include "malloc_guard.h"
#include "score_case.h"
#include "separate/limits.h"
#include "stem_shelf.h"

#include <unbraid/learn_notes.h>
#include <unbraid/separate_notes.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0, TOLERANCE_S = 0.08;

static ub_settings settings_for(double n_threads)
{
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = n_threads;
    return settings;
}

static stem_shelf *separate(const synth *mix, const ub_parts *parts,
                            const ub_dictionary *dictionary, const ub_settings *settings)
{
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    ub_message why = {""};
    if (ub_separate_notes(&audio, parts, TOLERANCE_S, &dictionary, dictionary ? 1 : 0, settings,
                          NULL, &sink, &why)) {
        fail_msg("%s", why.text);
    }
    assert_true(stem_shelf_is_complete(shelf));
    assert_true(stem_shelf_null_db(shelf, mix) < -120.0);
    assert_int_equal(shelf->n_stems, parts->n + 1);
    assert_string_equal(shelf->names[parts->n], "rest");
    return shelf;
}

// What a stem is above the mix, in dB.
static double gain_of(const stem_shelf *shelf, const ub_parts *parts, size_t part, const synth *mix,
                      double seconds)
{
    synth *truth = score_case_play(parts, part, mix->n_channels, seconds, mix->rate_hz);
    float *const *stem = stem_shelf_find(shelf, parts->names[part]);
    const double gain_db =
        si_sdr_db(truth, (const float *const *)stem) - si_sdr_db(truth, mix->views);
    synth_free(truth);
    return gain_db;
}

static void every_part_is_a_stem_and_they_sum_to_the_mix(void **state)
{
    (void)state;
    ub_parts parts = score_case(6.0, true, 2);
    synth *mix = score_case_play(&parts, 99, 2, 6.0, RATE_HZ);
    const ub_settings settings = settings_for(1.0);
    stem_shelf *shelf = separate(mix, &parts, NULL, &settings);
    for (size_t part = 0; part < parts.n; part++) {
        const double gain_db = gain_of(shelf, &parts, part, mix, 6.0);
        print_message("%s: %.1f dB\n", parts.names[part], gain_db);
        assert_true(gain_db > 10.0);
    }
    const ub_settings more = settings_for(3.0);
    stem_shelf *again = separate(mix, &parts, NULL, &more);
    assert_true(stem_shelf_same(shelf, again));
    stem_shelf_free(again);
    stem_shelf_free(shelf);
    synth_free(mix);
    ub_parts_free(&parts);
}

// Two parts that play alike, one on the left and one on the right.
static void parts_are_told_apart_by_where_they_are(void **state)
{
    (void)state;
    ub_parts parts = score_case(5.0, false, 3);
    for (size_t i = 0; i < parts.notes.n; i++) {
        parts.notes.notes[i].pitch = 60 + parts.notes.notes[i].pitch % 12;
    }
    synth *mix = synth_new(2, (size_t)(5.0 * RATE_HZ), RATE_HZ), *truth[2];
    for (size_t part = 0; part < 2; part++) {
        truth[part] = score_case_play(&parts, part, 2, 5.0, RATE_HZ);
        for (size_t s = 0; s < mix->n_samples; s++) {
            truth[part]->channels[1 - part][s] *= 0.1f;
        }
        synth_add(mix, truth[part], 1.0);
    }
    const ub_settings settings = settings_for(1.0);
    stem_shelf *shelf = separate(mix, &parts, NULL, &settings);
    for (size_t part = 0; part < 2; part++) {
        float *const *stem = stem_shelf_find(shelf, parts.names[part]);
        assert_true(si_sdr_db(truth[part], (const float *const *)stem) > 18.0);
        synth_free(truth[part]);
    }
    stem_shelf_free(shelf);
    synth_free(mix);
    ub_parts_free(&parts);
}

static void what_the_score_does_not_have_is_the_rest(void **state)
{
    (void)state;
    ub_parts parts = score_case(5.0, false, 4);
    synth *mix = score_case_play(&parts, 99, 1, 5.0, RATE_HZ);
    synth *bursts = synth_high_bursts(1, 5.0, RATE_HZ);
    synth_add(mix, bursts, 0.5);
    ub_settings settings = settings_for(1.0);
    double rest_db[2];
    for (size_t i = 0; i < 2; i++) {
        settings.value[UB_PARAM_FREE] = i == 0 ? 0.0 : 8.0;
        stem_shelf *shelf = separate(mix, &parts, NULL, &settings);
        rest_db[i] = si_sdr_db(bursts, (const float *const *)stem_shelf_find(shelf, "rest"));
        stem_shelf_free(shelf);
    }
    print_message("rest: %.1f dB, with free components %.1f dB\n", rest_db[0], rest_db[1]);
    assert_true(rest_db[1] > si_sdr_db(bursts, mix->views) + 8.0);
    assert_true(rest_db[1] > rest_db[0] + 3.0);
    synth_free(bursts);
    synth_free(mix);
    ub_parts_free(&parts);
}

// Before the first note and long after the last all of the sound is rest, though the score goes on
// after the end of the recording.
static void without_notes_there_is_only_rest(void **state)
{
    (void)state;
    ub_parts parts = score_case(4.0, true, 5);
    ub_notes_shift(&parts.notes, 2.0);
    synth *mix = synth_high_bursts(1, 4.0, RATE_HZ);
    const ub_settings settings = settings_for(1.0);
    stem_shelf *shelf = separate(mix, &parts, NULL, &settings);
    float *const *rest = stem_shelf_find(shelf, "rest");
    for (size_t s = 0; s < (size_t)(1.9 * RATE_HZ); s++) {
        assert_float_equal(rest[0][s], mix->channels[0][s], 1e-5);
    }
    stem_shelf_free(shelf);
    synth_free(mix);
    ub_parts_free(&parts);
}

struct plan_case {
    ub_parts parts;
    ub_note_bank bank;
    ub_note_orders orders;
    ub_matrix spectra;
    ub_settings settings;
    ub_scene scene;
    double *level;
};

static void plan_case_new(struct plan_case *c, const ub_dictionary *dictionary)
{
    const ub_stft_settings transform = ub_stft_settings_for(UB_WINDOW_SQRT_HANN, 93.0, 4, RATE_HZ);
    *c = (struct plan_case){.parts = score_case(6.0, true, 11), .settings = settings_for(1.0)};
    assert_int_equal(
        ub_note_bank_new(&dictionary, dictionary ? 1 : 0, RATE_HZ, &transform, &c->bank, NULL),
        UB_OK);
    // Every second note of each part, so that there are gaps between them.
    ub_notes *notes = &c->parts.notes;
    size_t n_kept = 0;
    for (size_t i = 0; i < notes->n; i++) {
        notes->notes[n_kept] = notes->notes[i];
        n_kept += i / 3 % 2 == 0;
    }
    notes->n = n_kept;
    c->orders = (ub_note_orders){&c->parts, &c->bank, TOLERANCE_S, 2};
    assert_int_equal(ub_matrix_new(transform.size_samples / 2 + 1, 150, &c->spectra), UB_OK);
    c->scene = (ub_scene){.spectra = &c->spectra,
                          .n_channels = 1,
                          .rate_hz = RATE_HZ,
                          .size_samples = transform.size_samples,
                          .hop_samples = transform.hop_samples,
                          .first_frame = 40,
                          .n_frames = 300,
                          .settings = &c->settings,
                          .n_threads = 1};
    c->level = calloc(150, sizeof *c->level);
    for (size_t t = 0; t < 150; t++) {
        c->level[t] = 1.0 + (double)t;
    }
}

static void plan_case_free(struct plan_case *c)
{
    free(c->level);
    ub_matrix_free(&c->spectra);
    ub_note_bank_free(&c->bank);
    ub_parts_free(&c->parts);
}

// Whether a note of a part sounds at a time, give or take what is promised.
static bool may_sound(const ub_parts *parts, size_t part, double time_s)
{
    for (size_t i = 0; i < parts->notes.n; i++) {
        const ub_note *note = &parts->notes.notes[i];
        const double end_s = part == 2 ? note->onset_s + 0.6 : note->offset_s + 0.3;
        if (parts->players[note->source].part == part && time_s >= note->onset_s - TOLERANCE_S &&
            time_s <= end_s + TOLERANCE_S) {
            return true;
        }
    }
    return false;
}

static void activations_are_zero_outside_of_the_notes(void **state)
{
    (void)state;
    struct plan_case c;
    plan_case_new(&c, NULL);
    ub_note_plan plan;
    assert_int_equal(ub_note_plan_new(&c.orders, &c.scene, c.level, &plan, NULL), UB_OK);
    size_t n_zero[4] = {0}, n_allowed[4] = {0};
    for (size_t t = 0; t < 150; t++) {
        const float *h = ub_matrix_column(&plan.activations, t);
        double sum = 0.0, sums[4] = {0.0};
        for (size_t k = 0; k < plan.n_components; k++) {
            assert_true(h[k] == 0.0f || plan.chosen[t / UB_NOTE_CELL * plan.n_components + k]);
            sums[plan.part[k]] += (double)h[k];
            sum += (double)h[k];
        }
        assert_true(fabs(sum - c.level[t]) < 1e-3 * c.level[t]);
        assert_true(sums[3] > 0.0);
        for (size_t part = 0; part < 3; part++) {
            const bool may = may_sound(&c.parts, part, ub_scene_time_s(&c.scene, t));
            assert_int_equal(sums[part] > 0.0, may);
            n_zero[part] += !may;
            n_allowed[part] += may;
        }
    }
    for (size_t part = 0; part < 3; part++) {
        assert_true(n_allowed[part] > 20); // that both were seen
    }
    assert_true(n_zero[0] > 5 && n_zero[1] > 5 && n_zero[2] > 5);
    ub_note_plan_free(&plan);
    plan_case_free(&c);
}

static ub_dictionary dictionary_of(const char *name, int lowest, size_t n)
{
    double hz[16];
    for (size_t i = 0; i < n; i++) {
        hz[i] = ub_pitch_hz(lowest + (int)i);
    }
    synth *sound = synth_new(1, (size_t)(0.8 * RATE_HZ) * n, RATE_HZ);
    synth_add_notes(sound, hz, n, 0.8, 0.3, NULL);
    const ub_note_lesson lesson = {synth_audio(sound), NULL};
    ub_dictionary dictionary;
    assert_int_equal(ub_learn_notes(name, &lesson, 1, NULL, NULL, NULL, NULL, &dictionary, NULL),
                     UB_OK);
    synth_free(sound);
    return dictionary;
}

static void sounds_are_found_by_name_program_and_family(void **state)
{
    (void)state;
    const ub_dictionary guitar = dictionary_of("guitar", 60, 4),
                        bass = dictionary_of("bass", 60, 4),
                        mine = dictionary_of("my synth", 60, 4);
    const ub_dictionary *all[] = {&guitar, &bass, &mine};
    const ub_stft_settings transform = ub_stft_settings_for(UB_WINDOW_SQRT_HANN, 93.0, 4, RATE_HZ);
    ub_note_bank bank;
    assert_int_equal(ub_note_bank_new(all, 3, RATE_HZ, &transform, &bank, NULL), UB_OK);
    static const struct {
        ub_player player;
        const char *part;
        int pitch;
        size_t expected; // a dictionary; 3 for none
    } cases[] = {
        {{0, 24, false}, "a", 61, 0},       {{0, 30, false}, "a", 61, 0}, // the family
        {{0, 33, false}, "a", 61, 1},       {{0, 0, false}, "a", 61, 3},
        {{0, 0, false}, "my synth", 61, 2}, {{0, 24, false}, "a", 80, 3}, // beyond its keys
        {{0, 24, true}, "a", 61, 3},        {{0, 24, true}, "bass", 61, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const ub_note_sound sound =
            ub_note_bank_find(&bank, &cases[i].player, cases[i].part, cases[i].pitch);
        const ub_dictionary *expected =
            cases[i].expected < 3 ? &bank.dictionaries[cases[i].expected] : NULL;
        assert_ptr_equal(sound.dictionary, expected);
        assert_int_equal(sound.n, expected ? 4 : cases[i].player.is_drums ? 3 : 2);
        float w[400];
        assert_in_range(bank.n_bins, 300, 400);
        for (size_t k = 0; k < sound.n; k++) {
            ub_note_bank_template(&bank, &sound, k, w);
            double sum = 0.0;
            for (size_t f = 0; f < bank.n_bins; f++) {
                assert_true(w[f] > 0.0f);
                sum += (double)w[f];
            }
            assert_float_equal(sum, 1.0, 1e-4);
        }
    }
    ub_note_bank_free(&bank);
    ub_dictionary_free((ub_dictionary *)&guitar);
    ub_dictionary_free((ub_dictionary *)&bass);
    ub_dictionary_free((ub_dictionary *)&mine);
}

static ub_status refuse(const synth *mix, const ub_parts *parts, double tolerance_s,
                        const ub_dictionary *dictionary, ub_message *why)
{
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    const ub_status status = ub_separate_notes(&audio, parts, tolerance_s, &dictionary,
                                               dictionary ? 1 : 0, NULL, NULL, &sink, why);
    assert_int_equal(shelf->n_begun, 0);
    stem_shelf_free(shelf);
    return status;
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    ub_parts parts = score_case(3.0, false, 1);
    synth *mix = score_case_play(&parts, 99, 1, 3.0, RATE_HZ);
    ub_message why = {""};
    assert_int_equal(refuse(mix, &parts, 2.5, NULL, &why), UB_BAD_SETTING);
    assert_non_null(strstr(why.text, "tolerance"));
    ub_dictionary dictionary = dictionary_of("a", 60, 2);
    for (size_t k = 0; k < dictionary.templates.n_cols; k++) {
        dictionary.component_pitch[k] = -1;
    }
    assert_int_equal(refuse(mix, &parts, 0.1, &dictionary, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "has no notes"));
    ub_dictionary_free(&dictionary);
    ub_notes_shift(&parts.notes, 5.0);
    assert_int_equal(refuse(mix, &parts, 0.1, NULL, &why), UB_BAD_VALUE);
    assert_string_equal(why.text,
                        "no note of the score lies within the 3 seconds of the recording");
    synth_free(mix);
    ub_parts_free(&parts);
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_parts parts = score_case(1.2, true, 1);
    synth *mix = score_case_play(&parts, 99, 2, 1.0, RATE_HZ);
    const ub_audio audio = synth_audio(mix);
    ub_dictionary dictionary = dictionary_of("bass", 40, 2);
    const ub_dictionary *dictionaries[] = {&dictionary};
    ub_settings settings = settings_for(1.0);
    settings.value[UB_PARAM_FREE] = 2;
    ub_status status = UB_NO_MEMORY;
    size_t n = 1;
    for (; status; n++) {
        size_t held;
        const ub_stem_sink sink = stem_sink_to_nowhere();
        malloc_guard_start(n);
        status =
            ub_separate_notes(&audio, &parts, 0.1, dictionaries, 1, &settings, NULL, &sink, NULL);
        malloc_guard_stop(&held);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_int_equal(held, 0);
    }
    assert_true(n > 40);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
    ub_parts_free(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_a_stem_and_they_sum_to_the_mix),
        cmocka_unit_test(parts_are_told_apart_by_where_they_are),
        cmocka_unit_test(what_the_score_does_not_have_is_the_rest),
        cmocka_unit_test(without_notes_there_is_only_rest),
        cmocka_unit_test(activations_are_zero_outside_of_the_notes),
        cmocka_unit_test(sounds_are_found_by_name_program_and_family),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
