// SPDX-License-Identifier: GPL-3.0-or-later
// Alignment of a score to a recording of it, whose times are known.
#include "malloc_guard.h"
#include "score_case.h"

#include <unbraid/align.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 16000.0, SECONDS = 16.0;

// When a time of the recording is in the score.
typedef double (*course_of_time)(double);

static double as_it_is(double time_s)
{
    return time_s;
}

static double late_and_slow(double time_s)
{
    return 1.7 + 1.03 * time_s;
}

static double early_and_fast(double time_s)
{
    return 0.9 * (time_s - 2.0);
}

static double swaying(double time_s)
{
    return 0.5 + time_s + 0.3 * sin(time_s / 1.5);
}

static void move(ub_parts *parts, course_of_time course)
{
    for (size_t i = 0; i < parts->notes.n; i++) {
        ub_note *note = &parts->notes.notes[i];
        note->onset_s = course(note->onset_s);
        note->offset_s = course(note->offset_s);
    }
    ub_notes_shift(&parts->notes, 0.0);
}

static ub_alignment align(const synth *sound, const ub_parts *score, double n_threads)
{
    const ub_audio audio = synth_audio(sound);
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = n_threads;
    ub_alignment alignment;
    ub_message why = {""};
    if (ub_align(&audio, score, &settings, NULL, &alignment, &why)) {
        fail_msg("%s", why.text);
    }
    return alignment;
}

// The mean error within the recording, in seconds.
static double error_of(const ub_alignment *alignment, course_of_time course)
{
    double sum = 0.0;
    for (int i = 0; i < 28; i++) {
        const double time_s = 1.0 + 0.5 * i;
        sum += fabs(ub_alignment_time_s(alignment, course(time_s)) - time_s);
    }
    return sum / 28.0;
}

// Frames of a sketch are 46 ms apart: that is what straight courses are allowed. Notes of the score
// are up to 0.35 s apart, and between them nothing tells the time of one that sways.
static void a_known_course_is_recovered(void **state)
{
    (void)state;
    static const struct {
        course_of_time course;
        double most_s;
        bool is_in_time;
    } cases[] = {{as_it_is, 0.047, true},
                 {late_and_slow, 0.047, false},
                 {early_and_fast, 0.047, false},
                 {swaying, 0.06, false}};
    const ub_parts played = score_case(SECONDS, true, 5);
    synth *sound = score_case_play(&played, 99, 1, SECONDS, RATE_HZ);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ub_parts score = score_case_copy(&played);
        move(&score, cases[i].course);
        ub_alignment alignment = align(sound, &score, 1.0);
        const double error_s = error_of(&alignment, cases[i].course);
        print_message("course %zu: %.3f s off, likeness %.1f, %.1f in time\n", i, error_s,
                      alignment.likeness, alignment.likeness_in_time);
        assert_true(error_s < cases[i].most_s);
        assert_int_equal(alignment.is_in_time, cases[i].is_in_time);
        ub_alignment_free(&alignment);
        ub_parts_free(&score);
    }
    synth_free(sound);
    ub_parts_free((ub_parts *)&played);
}

static void notes_are_moved_to_when_they_are_played(void **state)
{
    (void)state;
    ub_parts played = score_case(SECONDS, false, 6), score = score_case_copy(&played);
    synth *sound = score_case_play(&played, 99, 2, SECONDS, RATE_HZ);
    move(&score, late_and_slow);
    ub_alignment alignment = align(sound, &score, 1.0);
    ub_alignment_apply(&alignment, &score.notes);
    assert_int_equal(score.notes.n, played.notes.n);
    assert_int_equal(ub_notes_check(&score.notes, NULL), UB_OK);
    for (size_t i = 0; i < score.notes.n; i++) {
        assert_int_equal(score.notes.notes[i].pitch, played.notes.notes[i].pitch);
        assert_true(fabs(score.notes.notes[i].onset_s - played.notes.notes[i].onset_s) < 0.1);
    }
    // What would end before the recording begins is dropped.
    for (size_t t = 0; t < alignment.n; t++) {
        alignment.recording_s[t] -= 2.0;
    }
    ub_alignment_apply(&alignment, &score.notes);
    assert_in_range(score.notes.n, 1, played.notes.n - 3);
    assert_int_equal(ub_notes_check(&score.notes, NULL), UB_OK);
    ub_alignment_free(&alignment);
    synth_free(sound);
    ub_parts_free(&score);
    ub_parts_free(&played);
}

// A minute, so that sketches have to be halved, with the score of only a part of it.
static void an_excerpt_is_found_in_a_long_recording(void **state)
{
    (void)state;
    ub_parts played = score_case(60.0, false, 8), score = score_case_copy(&played);
    synth *sound = score_case_play(&played, 99, 1, 60.0, 8000.0);
    ub_notes_shift(&score.notes, -31.0);
    ub_alignment alignment = align(sound, &score, 1.0);
    assert_false(alignment.is_in_time);
    assert_true(fabs(ub_alignment_time_s(&alignment, 2.0) - 33.0) < 0.05);
    assert_true(fabs(ub_alignment_time_s(&alignment, 20.0) - 51.0) < 0.05);
    ub_alignment_free(&alignment);
    synth_free(sound);
    ub_parts_free(&score);
    ub_parts_free(&played);
}

static void threads_make_no_difference(void **state)
{
    (void)state;
    ub_parts played = score_case(6.0, true, 9);
    synth *sound = score_case_play(&played, 99, 1, 6.0, RATE_HZ);
    move(&played, swaying);
    ub_alignment one = align(sound, &played, 1.0), three = align(sound, &played, 3.0);
    assert_int_equal(one.n, three.n);
    assert_memory_equal(one.recording_s, three.recording_s, one.n * sizeof *one.recording_s);
    ub_alignment_free(&one);
    ub_alignment_free(&three);
    synth_free(sound);
    ub_parts_free(&played);
}

static void silence_is_in_time_with_anything(void **state)
{
    (void)state;
    ub_parts score = score_case(4.0, true, 1);
    synth *sound = synth_new(1, (size_t)(4.0 * RATE_HZ), RATE_HZ);
    ub_alignment alignment = align(sound, &score, 1.0);
    assert_true(alignment.is_in_time);
    assert_float_equal(ub_alignment_time_s(&alignment, 1.5), 1.5, 0.05);
    ub_alignment_free(&alignment);
    synth_free(sound);
    ub_parts_free(&score);
}

static void what_cannot_be_aligned_is_refused(void **state)
{
    (void)state;
    ub_parts score = score_case(4.0, false, 1);
    synth *sound = synth_new(1, 2000, RATE_HZ);
    ub_audio audio = synth_audio(sound);
    ub_alignment alignment = {.n = 77};
    ub_message why = {""};
    assert_int_equal(ub_align(&audio, &score, NULL, NULL, &alignment, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "too short"));
    score.notes.notes[score.notes.n - 1].offset_s = 1e5;
    assert_int_equal(ub_align(&audio, &score, NULL, NULL, &alignment, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "six hours"));
    score.notes.n = 0;
    assert_int_equal(ub_align(&audio, &score, NULL, NULL, &alignment, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "no notes"));
    assert_int_equal(alignment.n, 77);
    synth_free(sound);
    ub_parts_free(&score);
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_parts score = score_case(1.5, true, 1);
    synth *sound = score_case_play(&score, 99, 1, 1.5, 8000.0);
    const ub_audio audio = synth_audio(sound);
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = 1;
    ub_status status = UB_NO_MEMORY;
    // A few at the beginning, and then every seventh: each tempo allocates alike.
    size_t n = 1;
    for (; status; n += n < 40 ? 1 : 7) {
        ub_alignment out;
        size_t held;
        malloc_guard_start(n);
        status = ub_align(&audio, &score, &settings, NULL, &out, NULL);
        malloc_guard_stop(&held);
        if (status) {
            assert_int_equal(status, UB_NO_MEMORY);
            assert_int_equal(held, 0);
        } else {
            ub_alignment_free(&out);
        }
    }
    assert_true(n > 60);
    synth_free(sound);
    ub_parts_free(&score);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_course_is_recovered),
        cmocka_unit_test(notes_are_moved_to_when_they_are_played),
        cmocka_unit_test(an_excerpt_is_found_in_a_long_recording),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(silence_is_in_time_with_anything),
        cmocka_unit_test(what_cannot_be_aligned_is_refused),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
