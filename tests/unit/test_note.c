// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"

#include <unbraid/note.h>
#include <unbraid/random.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const ub_note middle_c = {1.0, 2.0, 60, 64, 0, 261.6255653};

static void append(ub_notes *notes, double onset_s, int pitch, size_t source)
{
    const ub_note note = {onset_s, onset_s + 1.0, pitch, 64, source, 0.0};
    assert_int_equal(ub_notes_append(notes, &note), UB_OK);
}

static void pitches_have_the_frequencies_of_equal_temperament(void **state)
{
    (void)state;
    assert_true(ub_pitch_hz(69.0) == 440.0);
    assert_true(ub_pitch_hz(57.0) == 220.0);
    assert_float_equal(ub_pitch_hz(60.0), 261.6255653, 1e-6); // of any table of them
}

static void a_list_keeps_what_is_put_into_it(void **state)
{
    (void)state;
    ub_notes notes = {0};
    for (int i = 0; i < 1000; i++) {
        append(&notes, i, i % 128, (size_t)i);
    }
    assert_int_equal(notes.n, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_true(notes.notes[i].onset_s == i);
        assert_int_equal(notes.notes[i].pitch, i % 128);
    }
    ub_notes_free(&notes);
    assert_null(notes.notes);
    assert_int_equal(notes.n, 0);
}

static void a_note_of_the_list_itself_can_be_appended(void **state)
{
    (void)state;
    ub_notes notes = {0};
    append(&notes, 0.0, 61, 0);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(ub_notes_append(&notes, &notes.notes[0]), UB_OK);
    }
    assert_int_equal(notes.notes[200].pitch, 61);
    ub_notes_free(&notes);
}

static void sorting_is_by_onset_then_pitch_then_source(void **state)
{
    (void)state;
    ub_notes notes = {0};
    append(&notes, 2.0, 50, 0);
    append(&notes, 1.0, 60, 1);
    append(&notes, 1.0, 60, 0);
    append(&notes, 1.0, 40, 2);
    ub_notes_sort(&notes);
    const int pitches[] = {40, 60, 60, 50};
    const size_t sources[] = {2, 0, 1, 0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(notes.notes[i].pitch, pitches[i]);
        assert_int_equal(notes.notes[i].source, sources[i]);
    }
    ub_notes_free(&notes);
}

static void the_empty_list_can_be_sorted_checked_and_freed(void **state)
{
    (void)state;
    ub_notes notes = {0};
    ub_notes_sort(&notes);
    assert_int_equal(ub_notes_check(&notes, NULL), UB_OK);
    ub_notes_free(&notes);
    ub_notes_free(NULL);
}

static void notes_out_of_range_are_named(void **state)
{
    (void)state;
    ub_note bad[9];
    for (size_t i = 0; i < 9; i++) {
        bad[i] = middle_c;
    }
    bad[0].onset_s = -0.001;
    bad[1].offset_s = 0.999;
    bad[2].offset_s = INFINITY;
    bad[3].onset_s = NAN;
    bad[4].pitch = 128;
    bad[5].pitch = -1;
    bad[6].velocity = 0;
    bad[7].velocity = 128;
    bad[8].pitch_hz = NAN;
    for (size_t i = 0; i < 9; i++) {
        ub_note pair[] = {middle_c, bad[i]};
        const ub_notes notes = {pair, 2, 2};
        ub_message why = {""};
        assert_int_equal(ub_notes_check(&notes, &why), UB_BAD_VALUE);
        assert_non_null(strstr(why.text, "note 1 "));
    }
}

static void without_memory_a_list_stays_as_it_is(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_notes notes = {0};
    while (notes.n == 0 || notes.n < notes.capacity) {
        append(&notes, 0.0, 60, 0);
    }
    const ub_notes before = notes;
    malloc_guard_start(1);
    const ub_status status = ub_notes_append(&notes, &middle_c);
    malloc_guard_stop(NULL);
    assert_int_equal(status, UB_NO_MEMORY);
    assert_memory_equal(&notes, &before, sizeof notes);
    ub_notes_free(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pitches_have_the_frequencies_of_equal_temperament),
        cmocka_unit_test(a_list_keeps_what_is_put_into_it),
        cmocka_unit_test(a_note_of_the_list_itself_can_be_appended),
        cmocka_unit_test(sorting_is_by_onset_then_pitch_then_source),
        cmocka_unit_test(the_empty_list_can_be_sorted_checked_and_freed),
        cmocka_unit_test(notes_out_of_range_are_named),
        cmocka_unit_test(without_memory_a_list_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
