// SPDX-License-Identifier: GPL-3.0-or-later
// The notes of a small instrument, whose dictionary was learned from its own formula.
#include "note_case.h"
#include "notes/within.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
// Of an onset: a hop is 19 ms, and where in it a note begins shifts what is found by up to two
// thirds. What is switched on at once is found earlier than what is struck, by 10 ms.
static const double NEAR_S = 0.030;

// Single notes, a chord, an octave, and a key that is struck again.
static const ub_note PIECE[] = {
    {.onset_s = 0.20, .offset_s = 0.60, .pitch = 52, .velocity = 100},
    {.onset_s = 0.70, .offset_s = 0.88, .pitch = 57, .velocity = 90},
    {.onset_s = 0.95, .offset_s = 1.20, .pitch = 65, .velocity = 90},
    {.onset_s = 1.313, .offset_s = 1.90, .pitch = 55, .velocity = 100},
    {.onset_s = 1.313, .offset_s = 1.90, .pitch = 59, .velocity = 100},
    {.onset_s = 1.313, .offset_s = 1.90, .pitch = 62, .velocity = 100},
    {.onset_s = 2.00, .offset_s = 2.40, .pitch = 50, .velocity = 110},
    {.onset_s = 2.00, .offset_s = 2.40, .pitch = 62, .velocity = 100},
    {.onset_s = 2.70, .offset_s = 2.85, .pitch = 60, .velocity = 90},
    {.onset_s = 2.95, .offset_s = 3.10, .pitch = 60, .velocity = 100},
    {.onset_s = 3.20, .offset_s = 3.60, .pitch = 60, .velocity = 80},
};
enum { N_PIECE = sizeof PIECE / sizeof PIECE[0] };

static ub_notes transcribe_within(const ub_note_limits *limits, const synth *sound,
                                  const ub_dictionary *dictionary, double n_threads)
{
    const ub_audio audio = synth_audio(sound);
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = n_threads;
    ub_notes notes = {0};
    ub_message why = {""};
    const ub_status status =
        ub_transcribe_within(limits, &audio, dictionary, &settings, NULL, NULL, &notes, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(status, UB_OK);
    assert_int_equal(ub_notes_check(&notes, NULL), UB_OK);
    return notes;
}

static ub_notes transcribe(const synth *sound, const ub_dictionary *dictionary)
{
    const ub_note_limits limits = ub_note_limits_default();
    return transcribe_within(&limits, sound, dictionary, 1.0);
}

// The note of that pitch that begins nearest to `onset_s`; NULL when there is none.
static const ub_note *find(const ub_notes *notes, int pitch, double onset_s)
{
    const ub_note *found = NULL;
    for (size_t i = 0; i < notes->n; i++) {
        const ub_note *note = &notes->notes[i];
        if (note->pitch == pitch &&
            (!found || fabs(note->onset_s - onset_s) < fabs(found->onset_s - onset_s))) {
            found = note;
        }
    }
    return found;
}

static void check_piece(const ub_notes *notes)
{
    for (size_t i = 0; i < N_PIECE; i++) {
        const ub_note *note = find(notes, PIECE[i].pitch, PIECE[i].onset_s);
        assert_non_null(note);
        if (fabs(note->onset_s - PIECE[i].onset_s) > NEAR_S) {
            print_message("key %d at %.3f s instead of %.3f s\n", note->pitch, note->onset_s,
                          PIECE[i].onset_s);
        }
        assert_true(fabs(note->onset_s - PIECE[i].onset_s) <= NEAR_S);
        // As a transcription is judged: 50 ms, or a fifth of the note.
        const double room = fmax(0.05, 0.2 * (PIECE[i].offset_s - PIECE[i].onset_s));
        if (fabs(note->offset_s - PIECE[i].offset_s) > room) {
            print_message("key %d ends at %.3f s instead of %.3f s\n", note->pitch, note->offset_s,
                          PIECE[i].offset_s);
        }
        assert_true(fabs(note->offset_s - PIECE[i].offset_s) <= room);
        assert_true(note->pitch_hz == ub_pitch_hz(note->pitch));
        assert_int_equal(note->source, 0);
    }
    assert_int_equal(notes->n, N_PIECE);
}

static void notes_are_found_where_they_were_played(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    for (size_t n_channels = 1; n_channels <= 2; n_channels++) {
        synth *sound = note_case_sound(n_channels, 4.0, RATE_HZ, PIECE, N_PIECE);
        ub_notes notes = transcribe(sound, &dictionary);
        check_piece(&notes);
        ub_notes_free(&notes);
        synth_free(sound);
    }
    ub_dictionary_free(&dictionary);
}

static void a_note_is_found_beside_one_that_sounds(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    const ub_note played[] = {
        {.onset_s = 0.3, .offset_s = 1.2, .pitch = 57, .velocity = 100},
        {.onset_s = 0.7, .offset_s = 1.0, .pitch = 61, .velocity = 100},
    };
    synth *sound = note_case_sound(1, 1.6, RATE_HZ, played, 2);
    ub_notes notes = transcribe(sound, &dictionary);
    assert_int_equal(notes.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(notes.notes[i].pitch, played[i].pitch);
        assert_true(fabs(notes.notes[i].onset_s - played[i].onset_s) <= NEAR_S);
        assert_true(fabs(notes.notes[i].offset_s - played[i].offset_s) <= 0.060);
    }
    ub_notes_free(&notes);
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

static void other_sample_rates_have_the_same_notes(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    const double rates[] = {11025.0, 16000.0};
    for (size_t i = 0; i < 2; i++) {
        synth *sound = note_case_sound(1, 4.0, rates[i], PIECE, N_PIECE);
        ub_notes notes = transcribe(sound, &dictionary);
        check_piece(&notes);
        ub_notes_free(&notes);
        synth_free(sound);
    }
    ub_dictionary_free(&dictionary);
}

static void the_level_of_a_recording_does_not_matter(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    synth *sound = note_case_sound(1, 4.0, RATE_HZ, PIECE, N_PIECE);
    for (size_t i = 0; i < sound->n_samples; i++) {
        sound->channels[0][i] *= 1.0f / 4096.0f;
    }
    ub_notes notes = transcribe(sound, &dictionary);
    check_piece(&notes);
    ub_notes_free(&notes);
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

static void velocity_rises_with_loudness(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    ub_note scale[6];
    for (size_t i = 0; i < 6; i++) {
        const double at = 0.2 + 0.5 * (double)i;
        scale[i] = (ub_note){
            .onset_s = at, .offset_s = at + 0.3, .pitch = 60, .velocity = 66 + 11 * (int)i};
    }
    synth *sound = note_case_sound(1, 3.4, RATE_HZ, scale, 6);
    ub_notes notes = transcribe(sound, &dictionary);
    assert_int_equal(notes.n, 6);
    for (size_t i = 1; i < 6; i++) {
        assert_true(notes.notes[i].velocity > notes.notes[i - 1].velocity);
    }
    ub_notes_free(&notes);
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

static void silence_and_nothing_have_no_notes(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    const double seconds[] = {0.0, 0.01, 3.0};
    for (size_t i = 0; i < 3; i++) {
        synth *sound = note_case_sound(1, seconds[i], RATE_HZ, NULL, 0);
        ub_notes notes = transcribe(sound, &dictionary);
        assert_int_equal(notes.n, 0);
        ub_notes_free(&notes);
        synth_free(sound);
    }
    ub_dictionary_free(&dictionary);
}

static void noise_has_no_notes(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    for (size_t colour = 0; colour < 2; colour++) {
        synth *sound = synth_new(1, 48000, RATE_HZ);
        ub_random random = ub_random_new(5 + colour);
        float last = 0.0f;
        for (size_t i = 0; i < sound->n_samples; i++) {
            const float noise = 0.1f * (2.0f * ub_random_uniform(&random) - 1.0f);
            last = colour ? 0.98f * last + noise : noise; // brown: 6 dB down per octave
            sound->channels[0][i] = last;
        }
        ub_notes notes = transcribe(sound, &dictionary);
        assert_int_equal(notes.n, 0);
        ub_notes_free(&notes);
        synth_free(sound);
    }
    ub_dictionary_free(&dictionary);
}

static void check_same(const ub_notes *a, const ub_notes *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_true(a->notes[i].onset_s == b->notes[i].onset_s);
        assert_true(a->notes[i].offset_s == b->notes[i].offset_s);
        assert_int_equal(a->notes[i].pitch, b->notes[i].pitch);
        assert_int_equal(a->notes[i].velocity, b->notes[i].velocity);
    }
}

// Long enough for many cells: the piece again and again.
static synth *long_sound(size_t n_times)
{
    synth *sound = synth_new(1, (size_t)(4.0 * RATE_HZ) * n_times, RATE_HZ);
    for (size_t time = 0; time < n_times; time++) {
        for (size_t i = 0; i < N_PIECE; i++) {
            ub_note note = PIECE[i];
            note.onset_s += 4.0 * (double)time;
            note.offset_s += 4.0 * (double)time;
            note_case_play(sound, &note);
        }
    }
    return sound;
}

static void threads_and_blocks_make_no_difference(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    synth *sound = long_sound(2);
    ub_note_limits limits = ub_note_limits_default();
    ub_notes wanted = transcribe_within(&limits, sound, &dictionary, 1.0);
    assert_int_equal(wanted.n, 2 * N_PIECE);
    const size_t cells[] = {1, 100};
    for (size_t i = 0; i < 2; i++) {
        limits.block_cells = cells[i];
        ub_notes notes = transcribe_within(&limits, sound, &dictionary, (double)i + 2.0);
        check_same(&wanted, &notes);
        ub_notes_free(&notes);
    }
    ub_notes_free(&wanted);
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

static void a_sample_of_a_long_recording_is_enough(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    synth *sound = long_sound(5);
    ub_note_limits limits = ub_note_limits_default();
    limits.sample_frames = 320; // a third of it
    ub_notes notes = transcribe_within(&limits, sound, &dictionary, 1.0);
    size_t n_found = 0;
    for (size_t i = 0; i < 5 * N_PIECE; i++) {
        const double onset_s = PIECE[i % N_PIECE].onset_s + 4.0 * (double)(i / N_PIECE);
        const ub_note *note = find(&notes, PIECE[i % N_PIECE].pitch, onset_s);
        n_found += note && fabs(note->onset_s - onset_s) <= NEAR_S;
    }
    assert_int_equal(n_found, 5 * N_PIECE);
    assert_int_equal(notes.n, 5 * N_PIECE);
    ub_notes_free(&notes);
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

// What came to a sink of keys.
typedef struct key_shelf {
    ub_key_frames frames;
    size_t n_begun, n_written;
    bool broken;
    double sum[NOTE_CASE_KEYS];
} key_shelf;

static ub_status begin_keys(void *context, const ub_key_frames *frames, ub_message *why)
{
    (void)why;
    key_shelf *shelf = context;
    shelf->n_begun++;
    shelf->frames = *frames;
    for (size_t i = 0; i < frames->n_keys; i++) {
        shelf->broken |= frames->pitches[i] != NOTE_CASE_LOWEST + (int)i || frames->sources[i] != 0;
    }
    return UB_OK;
}

static ub_status write_keys(void *context, size_t first, size_t n, const ub_matrix *activations,
                            ub_message *why)
{
    (void)why;
    key_shelf *shelf = context;
    shelf->broken |= first != shelf->n_written || activations->n_rows != NOTE_CASE_KEYS;
    for (size_t t = 0; t < n; t++) {
        for (size_t key = 0; key < NOTE_CASE_KEYS; key++) {
            const float a = ub_matrix_column(activations, t)[key];
            shelf->broken |= !(a >= 0.0f && a < 10.0f);
            shelf->sum[key] += (double)a;
        }
    }
    shelf->n_written += n;
    return UB_OK;
}

static void the_keys_are_given_frame_by_frame(void **state)
{
    (void)state;
    ub_dictionary dictionary = note_case_dictionary(RATE_HZ);
    synth *sounds[] = {note_case_sound(1, 4.0, RATE_HZ, PIECE, N_PIECE),
                       note_case_sound(1, 4.0, RATE_HZ, NULL, 0)};
    for (size_t i = 0; i < 2; i++) {
        key_shelf shelf = {.n_begun = 0};
        const ub_key_sink sink = {begin_keys, write_keys, &shelf};
        const ub_audio audio = synth_audio(sounds[i]);
        ub_notes notes = {0};
        assert_int_equal(ub_transcribe(&audio, &dictionary, NULL, NULL, &sink, &notes, NULL),
                         UB_OK);
        assert_int_equal(shelf.n_begun, 1);
        assert_int_equal(shelf.n_written, shelf.frames.n_frames);
        assert_int_equal(shelf.frames.n_keys, NOTE_CASE_KEYS);
        assert_false(shelf.broken);
        // Keys that were played have much more than others; in silence none has any.
        assert_true(i == 0 ? shelf.sum[52 - NOTE_CASE_LOWEST] > 1.0 : shelf.sum[4] == 0.0);
        assert_true(shelf.sum[72 - NOTE_CASE_LOWEST] < 0.1 + 0.0 * shelf.sum[4]);
        ub_notes_free(&notes);
        synth_free(sounds[i]);
    }
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_are_found_where_they_were_played),
        cmocka_unit_test(a_note_is_found_beside_one_that_sounds),
        cmocka_unit_test(other_sample_rates_have_the_same_notes),
        cmocka_unit_test(the_level_of_a_recording_does_not_matter),
        cmocka_unit_test(velocity_rises_with_loudness),
        cmocka_unit_test(silence_and_nothing_have_no_notes),
        cmocka_unit_test(noise_has_no_notes),
        cmocka_unit_test(threads_and_blocks_make_no_difference),
        cmocka_unit_test(a_sample_of_a_long_recording_is_enough),
        cmocka_unit_test(the_keys_are_given_frame_by_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
