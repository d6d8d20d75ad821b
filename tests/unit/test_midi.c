// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"

#include <unbraid/midi.h>
#include <unbraid/random.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ub_midi_source piano = {.name = "piano", .program = 0};

static ub_note note(double onset_s, double offset_s, int pitch, size_t source)
{
    return (ub_note){onset_s, offset_s, pitch, 64, source, 0.0};
}

// Write notes, read them back.
static ub_midi exchange(ub_note *list, size_t n, ub_midi_source *sources, size_t n_sources,
                        double bpm)
{
    const ub_midi midi = {{list, n, n}, sources, n_sources, bpm};
    unsigned char *bytes;
    size_t size;
    ub_message why = {""};
    ub_midi back = {0};
    if (ub_midi_encode(&midi, &bytes, &size, &why) ||
        ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_KEYS, &back, &why)) {
        fail_msg("%s", why.text);
    }
    free(bytes);
    return back;
}

static void times_are_kept_to_half_a_millisecond_at_any_tempo(void **state)
{
    (void)state;
    const double tempi[] = {4.0, 29.97, 61.0, 120.0, 123.456, 999.0};
    for (size_t i = 0; i < 6; i++) {
        ub_note list[200];
        for (int k = 0; k < 200; k++) {
            const double onset_s = 17.77777 * k + 0.123456;
            list[k] = note(onset_s, onset_s + 0.0731, 20 + k % 80, 0);
        }
        ub_midi back = exchange(list, 200, &piano, 1, tempi[i]);
        assert_int_equal(back.notes.n, 200);
        assert_float_equal(back.bpm, ub_midi_tempo(tempi[i]), 1e-9);
        for (size_t k = 0; k < 200; k++) {
            assert_float_equal(back.notes.notes[k].onset_s, list[k].onset_s, 0.0005);
            assert_float_equal(back.notes.notes[k].offset_s, list[k].offset_s, 0.0005);
            assert_int_equal(back.notes.notes[k].pitch, list[k].pitch);
            assert_int_equal(back.notes.notes[k].velocity, 64);
        }
        ub_midi_free(&back);
    }
}

static void a_note_ends_where_the_next_of_its_key_begins(void **state)
{
    (void)state;
    ub_note list[] = {note(1.0, 5.0, 60, 0), note(2.0, 3.0, 60, 0), note(2.5, 9.0, 60, 0),
                      note(1.0, 5.0, 61, 0)};
    ub_midi back = exchange(list, 4, &piano, 1, 120.0);
    const double offsets_s[] = {2.0, 5.0, 2.5, 9.0};
    assert_int_equal(back.notes.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_float_equal(back.notes.notes[i].offset_s, offsets_s[i], 0.0005);
    }
    ub_midi_free(&back);
}

static void notes_without_length_and_at_once_all_come_back(void **state)
{
    (void)state;
    ub_note list[] = {note(1.0, 1.0, 60, 0), note(1.0, 1.0, 60, 0), note(1.0, 4.0, 60, 0),
                      note(1.0, 2.0, 60, 0), note(1.0, 1.0, 61, 0)};
    ub_midi back = exchange(list, 5, &piano, 1, 120.0);
    assert_int_equal(back.notes.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_float_equal(back.notes.notes[i].onset_s, 1.0, 0.003);
        assert_true(back.notes.notes[i].offset_s > back.notes.notes[i].onset_s);
    }
    ub_midi_free(&back);
}

static void sources_keep_their_names_and_programs(void **state)
{
    (void)state;
    ub_midi_source sources[] = {{.name = "Fl\xc3\xb6te", .program = 73},
                                {.name = "kit", .program = -1, .is_drums = true},
                                {.name = "", .program = 127}};
    ub_note list[] = {note(0.0, 1.0, 60, 0), note(0.0, 1.0, 36, 1), note(0.5, 1.0, 60, 2)};
    ub_midi back = exchange(list, 3, sources, 3, 120.0);
    assert_int_equal(back.n_sources, 3);
    for (size_t s = 0; s < 3; s++) {
        assert_string_equal(back.sources[s].name, sources[s].name);
        assert_int_equal(back.sources[s].program, sources[s].program);
        assert_int_equal(back.sources[s].is_drums, sources[s].is_drums);
        assert_int_equal(back.sources[s].track, s + 1);
    }
    assert_int_equal(back.sources[1].channel, 9);
    ub_midi_free(&back);
}

static void sources_that_share_a_channel_lose_neither_notes_nor_programs(void **state)
{
    (void)state;
    ub_midi_source sources[40];
    ub_note list[40 * 5];
    for (size_t s = 0; s < 40; s++) {
        sources[s] = (ub_midi_source){.program = (int)s};
        snprintf(sources[s].name, sizeof sources[s].name, "source %zu", s);
        for (size_t k = 0; k < 5; k++) { // all of them strike the same key together
            list[5 * s + k] = note((double)k, (double)k + 1.0, 60, s);
        }
    }
    ub_midi back = exchange(list, 200, sources, 40, 120.0);
    assert_int_equal(back.notes.n, 200);
    assert_int_equal(back.n_sources, 40);
    for (size_t i = 0; i < 200; i++) {
        const ub_note *n = &back.notes.notes[i];
        const ub_midi_source *source = &back.sources[n->source];
        assert_float_equal(n->onset_s, round(n->onset_s), 0.005);
        assert_int_equal(source->program, source->track - 1);
        assert_true(n->offset_s > n->onset_s);
    }
    ub_midi_free(&back);
}

static void no_notes_and_no_sources_are_a_file_too(void **state)
{
    (void)state;
    ub_midi back = exchange(NULL, 0, NULL, 0, 120.0);
    assert_int_equal(back.notes.n, 0);
    assert_int_equal(back.n_sources, 0);
    ub_midi_free(&back);
    back = exchange(NULL, 0, &piano, 1, 90.0);
    assert_int_equal(back.notes.n, 0);
    assert_float_equal(back.bpm, 90.0, 0.001);
    ub_midi_free(&back);
}

static void what_no_midi_file_can_hold_is_refused(void **state)
{
    (void)state;
    ub_note one = note(0.0, 1.0, 60, 0);
    ub_midi midi = {{&one, 1, 1}, &piano, 1, 120.0};
    unsigned char *bytes = NULL;
    size_t size;
    ub_message why = {""};
    const double tempi[] = {3.9, 1001.0, NAN, -1.0};
    for (size_t i = 0; i < 4; i++) {
        midi.bpm = tempi[i];
        assert_int_equal(ub_midi_encode(&midi, &bytes, &size, &why), UB_BAD_SETTING);
    }
    midi.bpm = 120.0;
    one.source = 1;
    assert_int_equal(ub_midi_encode(&midi, &bytes, &size, &why), UB_BAD_VALUE);
    one = note(0.0, 1e6, 60, 0);
    assert_int_equal(ub_midi_encode(&midi, &bytes, &size, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "a note at 1000000 s"));
    one = note(0.0, 1.0, 128, 0);
    assert_int_equal(ub_midi_encode(&midi, &bytes, &size, &why), UB_BAD_VALUE);
    one = note(0.0, 1.0, 60, 0);
    ub_midi_source odd = {.name = "a\nb\x01", .program = 0};
    midi.sources = &odd;
    assert_int_equal(ub_midi_encode(&midi, &bytes, &size, &why), UB_BAD_VALUE);
    memset(odd.name, 'x', sizeof odd.name);
    assert_int_equal(ub_midi_encode(&midi, &bytes, &size, &why), UB_BAD_VALUE);
    assert_null(bytes);
}

static void names_suggest_programs(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int program;
        bool is_drums;
    } cases[] = {{"Piano", 0, false},         {"my_electric_piano", 4, false},
                 {"steel guitar", 25, false}, {"bass", 33, false},
                 {"bassoon", 70, false},      {"Snare", -1, true},
                 {"source-1", -1, false},     {"", -1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is_drums;
        assert_int_equal(ub_midi_program(cases[i].name, &is_drums), cases[i].program);
        assert_int_equal(is_drums, cases[i].is_drums);
    }
}

static void every_file_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    ub_note list[] = {note(0.0, 1.0, 60, 0), note(0.5, 2.0, 64, 0)};
    const ub_midi midi = {{list, 2, 2}, &piano, 1, 120.0};
    unsigned char *bytes;
    size_t size;
    assert_int_equal(ub_midi_encode(&midi, &bytes, &size, NULL), UB_OK);
    for (size_t n = 0; n < size; n++) {
        unsigned char *cut = malloc(n + 1); // so that a sanitizer sees what is read beyond it
        assert_non_null(cut);
        memcpy(cut, bytes, n);
        ub_midi back;
        ub_message why = {""};
        assert_int_equal(ub_midi_decode(cut, n, UB_MIDI_OFFSETS_KEYS, &back, &why), UB_BAD_FORMAT);
        free(cut);
    }
    free(bytes);
}

static void random_notes_come_back_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        ub_random random = ub_random_new(seed);
        ub_midi_source sources[30];
        ub_note list[300];
        for (size_t s = 0; s < 30; s++) {
            sources[s] = (ub_midi_source){.program = (int)s % 3 - 1, .is_drums = s % 10 == 9};
        }
        for (size_t i = 0; i < 300; i++) {
            const double onset_s = 5.0 * (double)ub_random_uniform(&random);
            const double offset_s = onset_s + (double)ub_random_uniform(&random);
            list[i] = note(onset_s, offset_s, 60 + (int)(4.0f * ub_random_uniform(&random)),
                           (size_t)(30.0f * ub_random_uniform(&random)));
        }
        ub_midi back = exchange(list, 300, sources, 30, 120.0);
        if (back.notes.n != 300) {
            fail_msg("seed %d: %zu notes of 300", (int)seed, back.notes.n);
        }
        for (size_t i = 0; i < 300; i++) {
            assert_true(back.notes.notes[i].offset_s > back.notes.notes[i].onset_s);
        }
        ub_midi_free(&back);
    }
}

static void without_memory_nothing_is_made_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_note list[] = {note(0.0, 1.0, 60, 0), note(0.5, 2.0, 64, 0)};
    const ub_midi midi = {{list, 2, 2}, &piano, 1, 120.0};
    unsigned char *bytes = NULL;
    size_t size, n_failed = 0, held;
    ub_status status;
    for (size_t n = 1;; n++) {
        malloc_guard_start(n);
        status = ub_midi_encode(&midi, &bytes, &size, NULL);
        malloc_guard_stop(&held);
        if (!status) {
            break;
        }
        assert_int_equal(status, UB_NO_MEMORY);
        assert_int_equal(held, 0);
        n_failed++;
    }
    assert_true(n_failed >= 4);
    ub_midi back;
    for (size_t n = 1;; n++) {
        malloc_guard_start(n);
        status = ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_PEDAL, &back, NULL);
        malloc_guard_stop(&held);
        if (!status) {
            break;
        }
        assert_int_equal(status, UB_NO_MEMORY);
        assert_int_equal(held, 0);
        n_failed++;
    }
    assert_true(n_failed >= 8);
    ub_midi_free(&back);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_kept_to_half_a_millisecond_at_any_tempo),
        cmocka_unit_test(a_note_ends_where_the_next_of_its_key_begins),
        cmocka_unit_test(notes_without_length_and_at_once_all_come_back),
        cmocka_unit_test(sources_keep_their_names_and_programs),
        cmocka_unit_test(sources_that_share_a_channel_lose_neither_notes_nor_programs),
        cmocka_unit_test(no_notes_and_no_sources_are_a_file_too),
        cmocka_unit_test(what_no_midi_file_can_hold_is_refused),
        cmocka_unit_test(names_suggest_programs),
        cmocka_unit_test(every_file_that_is_cut_off_is_refused),
        cmocka_unit_test(random_notes_come_back_whole),
        cmocka_unit_test(without_memory_nothing_is_made_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
