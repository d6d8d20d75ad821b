// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"

#include <unbraid/midi.h>
#include <unbraid/random.h>
#include <unbraid/tempo.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void append(ub_notes *notes, double onset_s, double offset_s, int pitch, int velocity)
{
    const ub_note note = {onset_s, offset_s, pitch, velocity, 0, 0.0};
    assert_int_equal(ub_notes_append(notes, &note), UB_OK);
}

// Bars of four beats in eighths and some sixteenths, played a little unevenly; chords on the beats.
static ub_notes playing(double bpm, double start_s, double jitter_s, uint64_t seed)
{
    ub_notes notes = {0};
    ub_random random = ub_random_new(seed);
    for (int step = 0; step < 4 * 64; step++) {
        const bool is_beat = step % 4 == 0;
        if (!is_beat && ub_random_uniform(&random) > (step % 2 ? 0.2f : 0.8f)) {
            continue;
        }
        const double time_s = start_s + 15.0 / bpm * step;
        for (int k = 0; k < (is_beat ? 2 : 1); k++) {
            const double onset_s = fmax(0.0, time_s + jitter_s * ub_random_normal(&random));
            append(&notes, onset_s, onset_s + 0.1, 50 + step % 7 + 12 * k, is_beat ? 90 : 60);
        }
    }
    return notes;
}

static void the_tempo_and_the_beat_of_uneven_playing_are_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const double bpm = 82.3 + 5.0 * (double)seed, start_s = 0.1 * (double)seed;
        ub_notes notes = playing(bpm, start_s, 0.008, seed);
        ub_tempo tempo;
        assert_int_equal(ub_tempo_estimate(&notes, 0.0, &tempo, NULL), UB_OK);
        assert_true(fabs(tempo.bpm / bpm - 1.0) < 0.002); // 0.1 s in a minute
        const double beats = (tempo.beat_s - start_s) * bpm / 60.0;
        assert_float_equal(beats, round(beats), 0.1);
        assert_int_equal(ub_tempo_estimate(&notes, bpm, &tempo, NULL), UB_OK);
        assert_true(tempo.bpm == bpm);
        const double exact_beats = (tempo.beat_s - start_s) * bpm / 60.0;
        assert_float_equal(exact_beats, round(exact_beats), 0.02);
        assert_int_equal(ub_tempo_estimate(&notes, 3.0, &tempo, NULL), UB_BAD_SETTING);
        ub_notes_free(&notes);
    }
}

static void too_few_onsets_say_120(void **state)
{
    (void)state;
    ub_notes notes = {0};
    ub_tempo tempo;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ub_tempo_estimate(&notes, 0.0, &tempo, NULL), UB_OK);
        assert_true(tempo.bpm == 120.0 && tempo.beat_s == 0.0);
        append(&notes, 0.4 * i, 2.0, 60, 64);
    }
    ub_notes_free(&notes);
}

static void any_notes_have_a_tempo_from_60_to_200(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        ub_random random = ub_random_new(seed);
        ub_notes notes = {0};
        const double range_s = pow(10.0, (double)(seed % 12) - 2.0); // 10 ms to 30 years
        for (int i = 0; i < 300; i++) {
            const double onset_s = range_s * (double)ub_random_uniform(&random);
            append(&notes, onset_s, onset_s, 60, 1);
        }
        ub_tempo tempo;
        assert_int_equal(ub_tempo_estimate(&notes, 0.0, &tempo, NULL), UB_OK);
        assert_true(tempo.bpm > 59.99 && tempo.bpm < 200.01);
        assert_true(isfinite(tempo.beat_s));
        ub_notes_free(&notes);
    }
}

static void quantised_notes_lie_on_the_grid_and_beats_on_quarters(void **state)
{
    (void)state;
    const double bpm = 97.3;
    ub_notes notes = playing(bpm, 0.37, 0.01, 3);
    const ub_tempo tempo = {bpm, 0.37};
    const size_t n = notes.n;
    assert_int_equal(ub_notes_quantise(&notes, &tempo, 16, NULL), UB_OK);
    assert_true(notes.n > n * 9 / 10);
    const double step_s = 15.0 / ub_midi_tempo(bpm);
    for (size_t i = 0; i < notes.n; i++) {
        const double on = notes.notes[i].onset_s / step_s, off = notes.notes[i].offset_s / step_s;
        assert_float_equal(on, round(on), 1e-6);
        assert_float_equal(off, round(off), 1e-6);
        assert_true(off > on + 0.5);
        if (notes.notes[i].velocity == 90) { // struck on a beat
            assert_float_equal(fmod(round(on), 4.0), 0.0, 1e-6);
        }
    }
    ub_notes_free(&notes);
}

static void nothing_is_moved_before_the_start(void **state)
{
    (void)state;
    ub_notes notes = {0};
    append(&notes, 0.0, 0.5, 60, 64);
    append(&notes, 0.4, 0.9, 62, 64);
    const ub_tempo tempo = {120.0, 0.4}; // the first note lies nearly a beat before that beat
    assert_int_equal(ub_notes_quantise(&notes, &tempo, 16, NULL), UB_OK);
    assert_float_equal(notes.notes[0].onset_s, 0.125, 1e-9);
    assert_float_equal(notes.notes[1].onset_s, 0.5, 1e-9);
    ub_notes_free(&notes);
}

static void notes_that_come_to_one_line_are_one(void **state)
{
    (void)state;
    ub_notes notes = {0};
    append(&notes, 1.0, 1.1, 60, 64);
    append(&notes, 1.02, 1.5, 60, 50);
    append(&notes, 1.02, 1.5, 61, 50);
    const ub_tempo tempo = {120.0, 0.0};
    assert_int_equal(ub_notes_quantise(&notes, &tempo, 16, NULL), UB_OK);
    assert_int_equal(notes.n, 2);
    assert_float_equal(notes.notes[0].offset_s, 1.5, 1e-9);
    assert_int_equal(notes.notes[0].velocity, 64);
    ub_notes_free(&notes);
}

static void grids_and_tempi_out_of_range_are_refused(void **state)
{
    (void)state;
    ub_notes notes = {0};
    const ub_tempo good = {120.0, 0.0};
    const unsigned steps[] = {0, 3, 6, 196};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ub_notes_quantise(&notes, &good, steps[i], NULL), UB_BAD_SETTING);
    }
    const ub_tempo bad[] = {{3.0, 0.0}, {NAN, 0.0}, {1001.0, 0.0}, {120.0, INFINITY}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ub_notes_quantise(&notes, &bad[i], 16, NULL), UB_BAD_SETTING);
    }
}

static void without_memory_there_is_no_tempo(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_notes notes = playing(100.0, 0.0, 0.0, 1);
    for (size_t n = 1; n <= 2; n++) {
        ub_tempo tempo;
        size_t held;
        malloc_guard_start(n);
        const ub_status status = ub_tempo_estimate(&notes, 0.0, &tempo, NULL);
        malloc_guard_stop(&held);
        assert_int_equal(status, UB_NO_MEMORY);
        assert_int_equal(held, 0);
    }
    ub_notes_free(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tempo_and_the_beat_of_uneven_playing_are_found),
        cmocka_unit_test(too_few_onsets_say_120),
        cmocka_unit_test(any_notes_have_a_tempo_from_60_to_200),
        cmocka_unit_test(quantised_notes_lie_on_the_grid_and_beats_on_quarters),
        cmocka_unit_test(nothing_is_moved_before_the_start),
        cmocka_unit_test(notes_that_come_to_one_line_are_one),
        cmocka_unit_test(grids_and_tempi_out_of_range_are_refused),
        cmocka_unit_test(without_memory_there_is_no_tempo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
