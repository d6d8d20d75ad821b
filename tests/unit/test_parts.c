// SPDX-License-Identifier: GPL-3.0-or-later
#include <unbraid/dictionary.h>
#include <unbraid/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A score that is made up source by source; note i begins at second i.
struct score {
    ub_midi midi;
    ub_midi_source sources[80];
};

static void add_source(struct score *score, const char *name, size_t track, int channel,
                       int program)
{
    ub_midi_source *source = &score->sources[score->midi.n_sources++];
    *source = (ub_midi_source){
        .program = program, .is_drums = channel == 9, .channel = channel, .track = track};
    strcpy(source->name, name);
    score->midi.sources = score->sources;
}

static void add_note(struct score *score, size_t source, int pitch)
{
    const double onset_s = (double)score->midi.notes.n;
    const ub_note note = {onset_s, onset_s + 0.5, pitch, 80, source, 0.0};
    assert_int_equal(ub_notes_append(&score->midi.notes, &note), UB_OK);
}

static ub_parts divide(struct score *score, ub_parts_by by, int split)
{
    ub_parts parts;
    ub_message why = {""};
    if (ub_parts_new(&score->midi, by, split, &parts, &why)) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(parts.notes.n, score->midi.notes.n);
    for (size_t i = 0; i < parts.n; i++) {
        assert_int_equal(ub_name_check(parts.names[i], NULL), UB_OK);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(parts.names[i], parts.names[j]);
        }
    }
    ub_notes_free(&score->midi.notes);
    return parts;
}

static const char *part_of(const ub_parts *parts, size_t note)
{
    return parts->names[parts->players[parts->notes.notes[note].source].part];
}

static void tracks_are_parts_with_their_names(void **state)
{
    (void)state;
    struct score score = {0};
    add_source(&score, "Lead synth", 1, 0, 80);
    add_source(&score, "Lead synth", 1, 3, 89);
    add_source(&score, "silent", 2, 1, 33);
    add_source(&score, "Kit", 3, 9, 0);
    add_note(&score, 1, 60);
    add_note(&score, 0, 62);
    add_note(&score, 3, 36);
    ub_parts parts = divide(&score, UB_PARTS_BY_AUTO, 0);
    assert_int_equal(parts.n, 2);
    assert_string_equal(part_of(&parts, 0), "Lead synth");
    assert_string_equal(part_of(&parts, 1), "Lead synth");
    assert_string_equal(part_of(&parts, 2), "Kit");
    assert_int_equal(parts.n_players, 3);
    assert_int_equal(parts.players[parts.notes.notes[0].source].program, 89);
    assert_int_equal(parts.players[parts.notes.notes[1].source].program, 80);
    assert_true(parts.players[parts.notes.notes[2].source].is_drums);
    ub_parts_free(&parts);
}

static void channels_of_one_track_are_parts_with_the_names_of_their_instruments(void **state)
{
    (void)state;
    struct score score = {0};
    add_source(&score, "A song", 0, 0, 0);
    add_source(&score, "A song", 0, 1, 33);
    add_source(&score, "A song", 0, 2, 34);
    add_source(&score, "A song", 0, 9, -1);
    for (size_t i = 0; i < 4; i++) {
        add_note(&score, i, 40);
    }
    ub_parts parts = divide(&score, UB_PARTS_BY_AUTO, 0);
    assert_int_equal(parts.n, 4);
    assert_string_equal(part_of(&parts, 0), "piano");
    assert_string_equal(part_of(&parts, 1), "bass");
    assert_string_equal(part_of(&parts, 2), "bass-2");
    assert_string_equal(part_of(&parts, 3), "drums");
    ub_parts_free(&parts);
    for (size_t i = 0; i < 4; i++) {
        add_note(&score, i, 40);
    }
    parts = divide(&score, UB_PARTS_BY_TRACK, 0);
    assert_int_equal(parts.n, 1);
    assert_string_equal(parts.names[0], "A song");
    ub_parts_free(&parts);
}

static void channels_may_be_asked_for(void **state)
{
    (void)state;
    struct score score = {0};
    add_source(&score, "right", 1, 0, 0);
    add_source(&score, "left", 2, 0, 0);
    add_note(&score, 0, 40);
    add_note(&score, 1, 40);
    ub_parts parts = divide(&score, UB_PARTS_BY_CHANNEL, 0);
    assert_int_equal(parts.n, 1);
    assert_string_equal(parts.names[0], "right");
    ub_parts_free(&parts);
}

static void hands_are_split_but_not_those_of_a_drummer(void **state)
{
    (void)state;
    struct score score = {0};
    add_source(&score, "piano", 0, 0, 0);
    add_source(&score, "drums", 1, 9, 0);
    add_note(&score, 0, 59);
    add_note(&score, 0, 60);
    add_note(&score, 1, 36);
    add_note(&score, 1, 70);
    ub_parts parts = divide(&score, UB_PARTS_BY_AUTO, 60);
    assert_int_equal(parts.n, 3);
    assert_string_equal(part_of(&parts, 0), "piano-left");
    assert_string_equal(part_of(&parts, 1), "piano-right");
    assert_string_equal(part_of(&parts, 2), "drums");
    assert_string_equal(part_of(&parts, 3), "drums");
    ub_parts_free(&parts);
}

static void names_become_names_of_files(void **state)
{
    (void)state;
    struct score score = {0};
    add_source(&score, "../etc/passwd", 0, 0, 0);
    add_source(&score, "rest", 1, 1, 48);
    add_source(&score, "", 2, 2, 48);
    add_source(&score, "strings", 3, 3, 48);
    add_source(&score,
               "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
               "\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
               "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
               "x",
               4, 4, 48);
    for (size_t i = 0; i < 5; i++) {
        add_note(&score, i, 60);
    }
    ub_parts parts = divide(&score, UB_PARTS_BY_AUTO, 0);
    assert_string_equal(part_of(&parts, 0), "etc-passwd");
    assert_string_equal(part_of(&parts, 1), "ensemble");
    assert_string_equal(part_of(&parts, 2), "ensemble-2");
    assert_string_equal(part_of(&parts, 3), "strings");
    assert_int_equal(strlen(part_of(&parts, 4)), 52); // 26 letters of two bytes
    ub_parts_free(&parts);
}

static void what_cannot_be_divided_is_refused(void **state)
{
    (void)state;
    struct score score = {0};
    ub_parts parts = {.n = 77};
    ub_message why = {""};
    assert_int_equal(ub_parts_new(&score.midi, UB_PARTS_BY_AUTO, 0, &parts, &why), UB_BAD_VALUE);
    assert_string_equal(why.text, "the score has no notes");
    assert_int_equal(ub_parts_new(&score.midi, UB_PARTS_BY_AUTO, 128, &parts, &why),
                     UB_BAD_SETTING);
    for (size_t i = 0; i < UB_PARTS_MAX + 1; i++) {
        add_source(&score, "same", i, 0, 0);
        add_note(&score, i, 60);
    }
    assert_int_equal(ub_parts_new(&score.midi, UB_PARTS_BY_AUTO, 0, &parts, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "more than 64 parts"));
    assert_int_equal(parts.n, 77);
    score.midi.notes.n--;
    parts = divide(&score, UB_PARTS_BY_AUTO, 0);
    assert_int_equal(parts.n, UB_PARTS_MAX);
    assert_string_equal(parts.names[63], "same-64");
    ub_parts_free(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracks_are_parts_with_their_names),
        cmocka_unit_test(channels_of_one_track_are_parts_with_the_names_of_their_instruments),
        cmocka_unit_test(channels_may_be_asked_for),
        cmocka_unit_test(hands_are_split_but_not_those_of_a_drummer),
        cmocka_unit_test(names_become_names_of_files),
        cmocka_unit_test(what_cannot_be_divided_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
