// SPDX-License-Identifier: GPL-3.0-or-later
// Drums of a small kit: what is found, when, how loud, and what is not.
#include "drum_case.h"
#include "malloc_guard.h"
#include "notes/within.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_BEATS = 12, N_HITS = 2 * N_BEATS };

// A kick on every beat and a hat between, every third of them open.
static void groove(ub_note hits[N_HITS])
{
    for (size_t i = 0; i < N_HITS; i++) {
        const size_t beat = i / 2;
        const int hat = beat % 3 == 2 ? DRUM_CASE_OPEN : DRUM_CASE_CLOSED;
        hits[i] = (ub_note){.onset_s = 0.2137 + 0.211 * (double)i,
                            .pitch = i % 2 ? hat : DRUM_CASE_KICK,
                            .velocity = 70 + (int)(i * 37 % 58)};
    }
}

static ub_status transcribe(const synth *sound, size_t segment_frames, double threads,
                            const ub_key_sink *keys, ub_notes *notes)
{
    ub_note_limits limits = ub_note_limits_default();
    limits.segment_frames = segment_frames ? segment_frames : limits.segment_frames;
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = threads;
    ub_dictionary dictionary = drum_case_dictionary();
    const ub_audio audio = synth_audio(sound);
    const ub_status status =
        ub_transcribe_within(&limits, &audio, &dictionary, &settings, NULL, keys, notes, NULL);
    ub_dictionary_free(&dictionary);
    return status;
}

static ub_notes notes_of(const synth *sound)
{
    ub_notes notes = {0};
    assert_int_equal(transcribe(sound, 0, 1.0, NULL, &notes), UB_OK);
    return notes;
}

static void assert_groove(const ub_notes *found, const ub_note *hits)
{
    assert_int_equal(found->n, N_HITS);
    assert_int_equal(ub_notes_check(found, NULL), UB_OK);
    for (size_t i = 0; i < N_HITS; i++) {
        assert_int_equal(found->notes[i].pitch, hits[i].pitch);
        assert_int_equal(found->notes[i].source, hits[i].pitch != DRUM_CASE_KICK);
        // Better than the hop of 11.6 ms.
        assert_true(fabs(found->notes[i].onset_s - hits[i].onset_s) < 0.008);
        assert_true(found->notes[i].offset_s > found->notes[i].onset_s);
    }
}

static void every_hit_is_found_with_its_key(void **state)
{
    (void)state;
    ub_note hits[N_HITS];
    groove(hits);
    const double rates[] = {44100.0, 48000.0, 96000.0};
    for (size_t i = 0; i < 3; i++) {
        for (size_t n_channels = 1; n_channels <= 2; n_channels++) {
            synth *sound = drum_case_sound(n_channels, 5.5, rates[i], hits, N_HITS);
            ub_notes notes = notes_of(sound);
            assert_groove(&notes, hits);
            ub_notes_free(&notes);
            synth_free(sound);
        }
    }
}

static void velocity_follows_loudness(void **state)
{
    (void)state;
    ub_note hits[N_HITS];
    groove(hits);
    synth *sound = drum_case_sound(1, 5.5, 44100.0, hits, N_HITS);
    ub_notes notes = notes_of(sound);
    assert_groove(&notes, hits);
    for (size_t i = 0; i < N_HITS; i++) {
        for (size_t j = i + 2; j < N_HITS; j += 2) {
            // Where in a frame a hit falls moves its level a little.
            if (hits[i].pitch == hits[j].pitch && hits[i].velocity > hits[j].velocity + 12) {
                assert_true(notes.notes[i].velocity > notes.notes[j].velocity);
            }
        }
    }
    ub_notes_free(&notes);
    synth_free(sound);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    ub_note hits[N_HITS];
    groove(hits);
    synth *sound = drum_case_sound(1, 5.5, 44100.0, hits, N_HITS);
    ub_notes one = {0}, three = {0};
    assert_int_equal(transcribe(sound, 0, 1.0, NULL, &one), UB_OK);
    assert_int_equal(transcribe(sound, 0, 3.0, NULL, &three), UB_OK);
    assert_int_equal(one.n, three.n);
    assert_memory_equal(one.notes, three.notes, one.n * sizeof *one.notes);
    ub_notes_free(&one);
    ub_notes_free(&three);
    synth_free(sound);
}

static void hits_at_the_seams_of_segments_come_once(void **state)
{
    (void)state;
    ub_note hits[N_HITS];
    groove(hits);
    synth *sound = drum_case_sound(1, 5.5, 44100.0, hits, N_HITS);
    for (size_t frames = 150; frames < 300; frames += 29) {
        ub_notes notes = {0};
        assert_int_equal(transcribe(sound, frames, 1.0, NULL, &notes), UB_OK);
        assert_groove(&notes, hits);
        ub_notes_free(&notes);
    }
    synth_free(sound);
}

static void silence_noise_and_tones_have_no_hits(void **state)
{
    (void)state;
    synth *silence = synth_new(1, 100000, 44100.0);
    synth *noise = synth_new(1, 100000, 44100.0), *tone = synth_new(1, 100000, 44100.0);
    synth *short_one = synth_new(1, 7, 44100.0), *empty = synth_new(1, 0, 44100.0);
    ub_random random = ub_random_new(3);
    for (size_t i = 0; i < 100000; i++) {
        noise->channels[0][i] = 0.1f * (ub_random_uniform(&random) - 0.5f);
        tone->channels[0][i] = 0.1f * (float)sin(0.05 * (double)i);
    }
    const synth *sounds[] = {silence, noise, tone, short_one, empty};
    for (size_t i = 0; i < 5; i++) {
        ub_notes notes = notes_of(sounds[i]);
        assert_int_equal(notes.n, 0);
        ub_notes_free(&notes);
    }
    synth_free(silence);
    synth_free(noise);
    synth_free(tone);
    synth_free(short_one);
    synth_free(empty);
}

// What a sink has seen.
typedef struct watch {
    size_t n_begun, n_keys, n_frames, next;
    double loudest; // of a kick
} watch;

static ub_status begin(void *context, const ub_key_frames *frames, ub_message *why)
{
    (void)why;
    watch *w = context;
    w->n_begun++;
    w->n_keys = frames->n_keys;
    w->n_frames = frames->n_frames;
    return UB_OK;
}

static ub_status write(void *context, size_t first, size_t n, const ub_matrix *activations,
                       ub_message *why)
{
    (void)why;
    watch *w = context;
    assert_int_equal(first, w->next);
    for (size_t frame = 0; frame < n; frame++) {
        w->loudest = fmax(w->loudest, (double)ub_matrix_column(activations, frame)[0]);
    }
    w->next = first + n;
    return UB_OK;
}

static void a_sink_gets_all_frames_in_order(void **state)
{
    (void)state;
    ub_note hits[N_HITS];
    groove(hits);
    synth *sound = drum_case_sound(1, 5.5, 44100.0, hits, N_HITS);
    watch w = {0};
    const ub_key_sink sink = {begin, write, &w};
    ub_notes notes = {0};
    assert_int_equal(transcribe(sound, 100, 1.0, &sink, &notes), UB_OK);
    assert_int_equal(w.n_begun, 1);
    assert_int_equal(w.n_keys, 3);
    assert_int_equal(w.next, w.n_frames);
    assert_true(w.loudest > 0.0);
    ub_notes_free(&notes);
    synth_free(sound);
}

static void frames_that_are_no_hop_apart_are_refused(void **state)
{
    (void)state;
    ub_dictionary dictionary = drum_case_dictionary();
    dictionary.context_samples = 2 * dictionary.hop_samples;
    synth *sound = synth_new(1, 1000, 44100.0);
    const ub_audio audio = synth_audio(sound);
    ub_notes notes = {0};
    ub_message why = {""};
    assert_int_equal(ub_transcribe(&audio, &dictionary, NULL, NULL, NULL, &notes, &why),
                     UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "samples apart"));
    assert_int_equal(notes.n, 0);
    synth_free(sound);
    ub_dictionary_free(&dictionary);
}

static void lack_of_memory_leaves_no_notes(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_note hits[4];
    for (size_t i = 0; i < 4; i++) {
        hits[i] =
            (ub_note){.onset_s = 0.1 + 0.15 * (double)i, .pitch = DRUM_CASE_KICK, .velocity = 100};
    }
    synth *sound = drum_case_sound(1, 0.8, 44100.0, hits, 4);
    ub_dictionary dictionary = drum_case_dictionary();
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = 1.0;
    const ub_audio audio = synth_audio(sound);
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        size_t still_held = 0;
        ub_notes notes = {0};
        malloc_guard_start(n);
        status = ub_transcribe(&audio, &dictionary, &settings, NULL, NULL, &notes, NULL);
        if (!status) {
            assert_true(n > 20);
            assert_int_equal(notes.n, 4);
        }
        ub_notes_free(&notes);
        malloc_guard_stop(&still_held);
        assert_int_equal(still_held, 0);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
    }
    ub_dictionary_free(&dictionary);
    synth_free(sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hit_is_found_with_its_key),
        cmocka_unit_test(velocity_follows_loudness),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(hits_at_the_seams_of_segments_come_once),
        cmocka_unit_test(silence_noise_and_tones_have_no_hits),
        cmocka_unit_test(a_sink_gets_all_frames_in_order),
        cmocka_unit_test(frames_that_are_no_hop_apart_are_refused),
        cmocka_unit_test(lack_of_memory_leaves_no_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
