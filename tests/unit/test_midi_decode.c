// SPDX-License-Identifier: GPL-3.0-or-later
#include <unbraid/midi.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A file of the format, with this division and these tracks: texts of hexadecimal digits.
static size_t make_file(unsigned char *bytes, unsigned format, unsigned division,
                        const char *const *tracks, size_t n)
{
    const unsigned char head[] = {'M',
                                  'T',
                                  'h',
                                  'd',
                                  0,
                                  0,
                                  0,
                                  6,
                                  0,
                                  (unsigned char)format,
                                  0,
                                  (unsigned char)n,
                                  (unsigned char)(division >> 8),
                                  (unsigned char)division};
    memcpy(bytes, head, sizeof head);
    size_t size = sizeof head;
    for (size_t t = 0; t < n; t++) {
        memcpy(bytes + size, "MTrk\0\0\0", 7);
        unsigned char *length = &bytes[size + 7];
        size += 8;
        *length = 0;
        for (const char *at = tracks[t]; *at; at += 2 + (at[2] == ' ')) {
            const char digits[] = {at[0], at[1], '\0'};
            bytes[size++] = (unsigned char)strtoul(digits, NULL, 16);
            ++*length;
        }
    }
    return size;
}

static ub_midi decode(unsigned format, unsigned division, const char *const *tracks, size_t n,
                      ub_midi_offsets offsets)
{
    unsigned char bytes[2000];
    const size_t size = make_file(bytes, format, division, tracks, n);
    ub_midi midi = {0};
    ub_message why = {""};
    if (ub_midi_decode(bytes, size, offsets, &midi, &why)) {
        fail_msg("%s", why.text);
    }
    return midi;
}

static void expect(const ub_midi *midi, size_t i, double onset_s, double offset_s, int pitch)
{
    assert_true(i < midi->notes.n);
    assert_float_equal(midi->notes.notes[i].onset_s, onset_s, 1e-6);
    assert_float_equal(midi->notes.notes[i].offset_s, offset_s, 1e-6);
    assert_int_equal(midi->notes.notes[i].pitch, pitch);
}

static void running_status_and_what_is_not_needed_are_read_over(void **state)
{
    (void)state;
    // A text, note on, on by running status, system exclusive, bend, off as on with velocity 0.
    const char *tracks[] = {"00 ff0103616263 00 903c40 60 4028 00 f00201f7 00 e00040 60 903c00 "
                            "00 4000 00 ff2f00"};
    ub_midi midi = decode(0, 96, tracks, 1, UB_MIDI_OFFSETS_KEYS);
    assert_int_equal(midi.notes.n, 2);
    expect(&midi, 0, 0.0, 1.0, 60);
    expect(&midi, 1, 0.5, 1.0, 64);
    assert_int_equal(midi.notes.notes[1].velocity, 0x28);
    assert_float_equal(midi.notes.notes[0].pitch_hz, ub_pitch_hz(60), 1e-9);
    ub_midi_free(&midi);
}

static void tempo_changes_of_one_track_count_for_all(void **state)
{
    (void)state;
    // 60 bpm at first, 240 after two quarters.
    const char *tracks[] = {"00 ff51030f4240 8140 ff510303d090 00 ff2f00",
                            "60 903c40 60 803c40 60 903e40 60 803e40 00 ff2f00"};
    ub_midi midi = decode(1, 96, tracks, 2, UB_MIDI_OFFSETS_KEYS);
    assert_float_equal(midi.bpm, 60.0, 1e-9);
    expect(&midi, 0, 1.0, 2.0, 60);
    expect(&midi, 1, 2.25, 2.5, 62);
    ub_midi_free(&midi);
}

static void tracks_of_format_2_have_tempi_of_their_own(void **state)
{
    (void)state;
    const char *tracks[] = {"00 ff51030f4240 00 903c40 60 803c40 00 ff2f00",
                            "60 903e40 60 803e40 00 ff2f00"};
    ub_midi midi = decode(2, 96, tracks, 2, UB_MIDI_OFFSETS_KEYS);
    expect(&midi, 0, 0.0, 1.0, 60);
    expect(&midi, 1, 0.5, 1.0, 62);
    ub_midi_free(&midi);
}

static void ticks_of_smpte_time_have_a_fixed_length(void **state)
{
    (void)state;
    const char *tracks[] = {"00 ff510303d090 00 903c40 8768 803c40 00 ff2f00"}; // 1000 ticks
    ub_midi midi = decode(0, 0xe728, tracks, 1, UB_MIDI_OFFSETS_KEYS); // 25 frames of 40 ticks
    expect(&midi, 0, 0.0, 1.0, 60);
    ub_midi_free(&midi);
    midi = decode(0, 0xe328, tracks, 1, UB_MIDI_OFFSETS_KEYS); // 29.97 of them
    expect(&midi, 0, 0.0, 25.0 * 1001.0 / 30000.0, 60);
    ub_midi_free(&midi);
}

static void keys_that_are_not_let_go_end_with_the_track_or_when_struck_again(void **state)
{
    (void)state;
    const char *tracks[] = {"00 903c40 60 903c40 60 903e40 60 ff2f00"};
    ub_midi midi = decode(0, 96, tracks, 1, UB_MIDI_OFFSETS_KEYS);
    expect(&midi, 0, 0.0, 0.5, 60);
    expect(&midi, 1, 0.5, 1.5, 60);
    expect(&midi, 2, 1.0, 1.5, 62);
    ub_midi_free(&midi);
}

static void the_pedal_holds_notes_where_that_is_asked_for(void **state)
{
    (void)state;
    // Pedal down in the second track; two keys struck and let go, one of them struck again; up.
    const char *tracks[] = {"00 903c40 00 3e40 60 3c00 00 3e00 60 3c40 60 3c00 00 ff2f00",
                            "30 b0407f 8270 4000 00 ff2f00"};
    ub_midi midi = decode(1, 96, tracks, 2, UB_MIDI_OFFSETS_PEDAL);
    assert_int_equal(midi.notes.n, 3);
    expect(&midi, 0, 0.0, 1.0, 60);
    expect(&midi, 1, 0.0, (0x30 + 0x170) / 192.0, 62);
    expect(&midi, 2, 1.0, (0x30 + 0x170) / 192.0, 60);
    ub_midi_free(&midi);
    midi = decode(1, 96, tracks, 2, UB_MIDI_OFFSETS_KEYS);
    expect(&midi, 0, 0.0, 0.5, 60);
    expect(&midi, 1, 0.0, 0.5, 62);
    ub_midi_free(&midi);
    const char *down[] = {"00 b0407f 00 903c40 60 3c00 60 ff2f00"}; // and never up
    midi = decode(0, 96, down, 1, UB_MIDI_OFFSETS_PEDAL);
    expect(&midi, 0, 0.0, 1.0, 60);
    ub_midi_free(&midi);
}

static void names_are_made_printable_and_cut(void **state)
{
    (void)state;
    char track[400] = "00 ff0346 07ff";
    for (size_t i = 2; i < 0x46; i++) {
        strcat(track, "61");
    }
    strcat(track, " 00 903c40 60 3c00 00 ff2f00");
    const char *tracks[] = {track};
    ub_midi midi = decode(0, 96, tracks, 1, UB_MIDI_OFFSETS_KEYS);
    assert_int_equal(strlen(midi.sources[0].name), UB_MIDI_NAME_SIZE - 1);
    assert_memory_equal(midi.sources[0].name, "??aaa", 5);
    ub_midi_free(&midi);
}

static void damaged_files_are_refused_with_what_is_wrong(void **state)
{
    (void)state;
    const struct {
        const char *track, *reason;
    } cases[] = {{"00 3c40", "of no kind"},
                 {"00 90", "within an event"},
                 {"00 903c", "within an event"},
                 {"00 903cff", "too short"},
                 {"00", "after a time"},
                 {"8080808000 903c40", "more than four bytes"},
                 {"80", "within a number"},
                 {"00 ff", "within an event"},
                 {"00 ff01", "within a number"},
                 {"00 ff017f00", "longer than the track"},
                 {"00 f07f00", "longer than the track"},
                 {"00 f1", "of a kind"},
                 {"00 ff5103000000", "tempo"},
                 {"00 ff51020707", "tempo"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[200];
        const size_t size = make_file(bytes, 1, 96, &cases[i].track, 1);
        ub_midi midi;
        ub_message why = {""};
        assert_int_equal(ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_KEYS, &midi, &why),
                         UB_BAD_FORMAT);
        if (!strstr(why.text, cases[i].reason)) {
            fail_msg("%s: %s", cases[i].track, why.text);
        }
    }
}

static void heads_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    const char *tracks[] = {"00 ff2f00"};
    unsigned char good[100], bytes[100];
    const size_t size = make_file(good, 1, 96, tracks, 1);
    const struct {
        size_t at;
        unsigned char byte;
    } changes[] = {{0, 'R'}, {7, 5}, {6, 1}, {9, 3}, {10, 0x10}, {11, 2}, {13, 0}, {21, 5}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(bytes, good, size);
        bytes[changes[i].at] = changes[i].byte;
        ub_midi midi;
        ub_message why = {""};
        assert_int_equal(ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_KEYS, &midi, &why),
                         UB_BAD_FORMAT);
        assert_true(strlen(why.text) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_status_and_what_is_not_needed_are_read_over),
        cmocka_unit_test(tempo_changes_of_one_track_count_for_all),
        cmocka_unit_test(tracks_of_format_2_have_tempi_of_their_own),
        cmocka_unit_test(ticks_of_smpte_time_have_a_fixed_length),
        cmocka_unit_test(keys_that_are_not_let_go_end_with_the_track_or_when_struck_again),
        cmocka_unit_test(the_pedal_holds_notes_where_that_is_asked_for),
        cmocka_unit_test(names_are_made_printable_and_cut),
        cmocka_unit_test(damaged_files_are_refused_with_what_is_wrong),
        cmocka_unit_test(heads_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
