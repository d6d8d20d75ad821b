// SPDX-License-Identifier: GPL-3.0-or-later
// A lesson without a sound device: what is heard in blocks is learned as from a recording.
#include "lesson.h"
#include "malloc_guard.h"
#include "small.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RATE = 8000, BLOCK = 77 };

static struct lesson *new_lesson(size_t n_channels)
{
    struct lesson *lesson = NULL;
    assert_true(lesson_new("voice", RATE, n_channels, &lesson));
    return lesson;
}

static void hear(struct lesson *lesson, const synth *sound)
{
    for (size_t at = 0; at < sound->n_samples; at += BLOCK) {
        const size_t left = sound->n_samples - at;
        const float *in[SYNTH_MOST_CHANNELS];
        for (size_t c = 0; c < sound->n_channels; c++) {
            in[c] = sound->channels[c] + at;
        }
        lesson_hear(lesson, in, left < BLOCK ? left : BLOCK, true);
    }
}

static ub_status learn(struct lesson *lesson, ub_dictionary *out)
{
    const ub_settings settings = small_settings();
    ub_message why = {""};
    assert_true(lesson_learn(lesson, &settings));
    return lesson_take(lesson, out, &why);
}

static void assert_learned_from(const ub_dictionary *learned, const synth *const *sounds, size_t n)
{
    ub_audio audio[2];
    for (size_t i = 0; i < n; i++) {
        audio[i] = synth_audio(sounds[i]);
    }
    const ub_training training = {"voice", audio, n};
    const ub_settings settings = small_settings();
    ub_dictionary wanted;
    assert_false(ub_learn(&training, 1, &settings, NULL, NULL, NULL, &wanted, NULL));
    assert_int_equal(learned->n_sources, 1);
    assert_string_equal(learned->source_names[0], "voice");
    assert_int_equal(learned->templates.n_cols, wanted.templates.n_cols);
    for (size_t k = 0; k < wanted.templates.n_cols; k++) {
        assert_memory_equal(ub_matrix_column(&learned->templates, k),
                            ub_matrix_column(&wanted.templates, k),
                            wanted.templates.n_rows * sizeof(float));
    }
    ub_dictionary_free(&wanted);
}

static void passages_are_learned_together_as_recordings_are(void **unused)
{
    (void)unused;
    struct lesson *lesson = new_lesson(2);
    synth *first = synth_low_notes(2, 1.0, RATE), *second = synth_high_bursts(2, 1.5, RATE);
    ub_dictionary learned;
    hear(lesson, first);
    assert_int_equal(learn(lesson, &learned), UB_OK);
    assert_learned_from(&learned, (const synth *const[]){first}, 1);
    ub_dictionary_free(&learned);
    hear(lesson, second);
    assert_int_equal(learn(lesson, &learned), UB_OK);
    assert_learned_from(&learned, (const synth *const[]){first, second}, 2);
    ub_dictionary_free(&learned);
    synth_free(first);
    synth_free(second);
    lesson_free(lesson);
}

static void silence_cannot_be_learned_and_what_comes_later_can(void **unused)
{
    (void)unused;
    struct lesson *lesson = new_lesson(1);
    synth *silence = synth_new(1, RATE, RATE), *sound = synth_low_notes(1, 1.0, RATE);
    ub_dictionary learned;
    assert_int_equal(learn(lesson, &learned), UB_BAD_VALUE);
    hear(lesson, silence);
    assert_int_equal(learn(lesson, &learned), UB_BAD_VALUE);
    hear(lesson, sound);
    assert_int_equal(learn(lesson, &learned), UB_OK);
    assert_learned_from(&learned, (const synth *const[]){silence, sound}, 2);
    ub_dictionary_free(&learned);
    synth_free(silence);
    synth_free(sound);
    lesson_free(lesson);
}

static void no_more_than_its_length_is_heard(void **unused)
{
    (void)unused;
    struct lesson *lesson = new_lesson(1);
    float block[RATE] = {0.0f};
    for (size_t i = 0; i < LESSON_LONGEST_S + 2; i++) {
        lesson_hear(lesson, (const float *const[]){block}, RATE - 1, i % 2 == 0);
    }
    assert_float_equal(lesson_heard_s(lesson), LESSON_LONGEST_S, 1e-9);
    assert_float_equal(lesson_sound_s(lesson), LESSON_LONGEST_S / 2, 0.02);
    lesson_free(lesson);
}

static void what_is_not_finite_is_silence(void **unused)
{
    (void)unused;
    struct lesson *lesson = new_lesson(1);
    synth *sound = synth_low_notes(1, 1.0, RATE);
    for (size_t i = 100; i < 200; i++) {
        sound->channels[0][i] = i % 2 ? NAN : -INFINITY;
    }
    hear(lesson, sound);
    memset(sound->channels[0] + 100, 0, 100 * sizeof(float));
    ub_dictionary learned;
    assert_int_equal(learn(lesson, &learned), UB_OK);
    assert_learned_from(&learned, (const synth *const[]){sound}, 1);
    ub_dictionary_free(&learned);
    synth_free(sound);
    lesson_free(lesson);
}

static void hearing_allocates_nothing(void **unused)
{
    (void)unused;
    if (malloc_guard_is_missing()) {
        skip();
    }
    struct lesson *lesson = new_lesson(2);
    synth *sound = synth_low_notes(2, 1.0, RATE);
    malloc_guard_start(0);
    hear(lesson, sound);
    assert_int_equal(malloc_guard_stop(NULL), 0);
    synth_free(sound);
    lesson_free(lesson);
}

struct listener {
    struct lesson *lesson;
    const synth *sound;
    atomic_bool must_end;
};

static void *listen(void *context)
{
    struct listener *listener = context;
    while (!atomic_load(&listener->must_end)) {
        hear(listener->lesson, listener->sound);
    }
    return NULL;
}

// For the thread sanitizer: whatever the threads are about, nothing is touched by two.
static void more_is_heard_while_it_is_learned_or_given_up(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        struct lesson *lesson = new_lesson(1);
        synth *sound = synth_low_notes(1, 1.0, RATE);
        struct listener listener = {.lesson = lesson, .sound = sound};
        atomic_init(&listener.must_end, false);
        hear(lesson, sound);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, listen, &listener), 0);
        const ub_settings settings = small_settings();
        assert_true(lesson_learn(lesson, &settings));
        while (i % 2 == 0 && !lesson_is_learned(lesson)) {
            assert_true(lesson_progress(lesson) >= 0.0 && lesson_heard_s(lesson) >= 1.0);
        }
        ub_dictionary learned = {.n_sources = 0};
        if (i % 2 == 0) {
            assert_int_equal(lesson_take(lesson, &learned, NULL), UB_OK);
        }
        atomic_store(&listener.must_end, true);
        pthread_join(thread, NULL);
        ub_dictionary_free(&learned);
        lesson_free(lesson);
        synth_free(sound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passages_are_learned_together_as_recordings_are),
        cmocka_unit_test(silence_cannot_be_learned_and_what_comes_later_can),
        cmocka_unit_test(no_more_than_its_length_is_heard),
        cmocka_unit_test(what_is_not_finite_is_silence),
        cmocka_unit_test(hearing_allocates_nothing),
        cmocka_unit_test(more_is_heard_while_it_is_learned_or_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
