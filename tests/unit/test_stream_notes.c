// SPDX-License-Identifier: GPL-3.0-or-later
// Notes that a stream hears in a dictionary with pitches.
#include "dictionary_case.h"
#include "malloc_guard.h"
#include "stream/hearing.h"
#include "stream_take.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
enum { WINDOW = 512, N_KEYS = 4, MOST = 4096 };

// Keys 60 to 63, an octave apart in frequency so that nothing is in doubt.
static ub_dictionary notes(void)
{
    ub_dictionary d = dictionary_case(2, WINDOW, 1);
    dictionary_case_add_pitches(&d);
    d.rate_hz = RATE_HZ;
    for (size_t k = 0; k < N_KEYS; k++) {
        d.component_pitch[k] = 60 + (int)k;
        for (size_t f = 0; f < d.templates.n_rows; f++) {
            const double away = (double)f - 16.0 * (double)(1u << k);
            ub_matrix_column(&d.templates, k)[f] = (float)(exp(-away * away / 3.0) + 1e-5);
        }
    }
    return d;
}

static ub_stream *new_hearing(ub_stream_mode mode)
{
    const ub_stream_settings settings = stream_settings_for(mode, RATE_HZ);
    ub_dictionary d = notes();
    ub_stream *stream = stream_new(&settings);
    ub_stream_model *model;
    assert_int_equal(ub_stream_model_new(&settings, &d, &model, NULL), UB_OK);
    assert_true(ub_stream_swap(stream, model));
    ub_stream_reset(stream);
    ub_dictionary_free(&d);
    return stream;
}

// The keys one after the other, half a second each, softer and softer, struck and dying away.
static stream_take melody(void)
{
    stream_take t = stream_take_new(20000, 1);
    for (size_t i = 0; i < t.n; i++) {
        const size_t k = i / 4000, at = i % 4000;
        const double hz = 250.0 * (double)(1u << k);
        const double shape = fmin(1.0, (double)at / 80.0) * exp(-(double)at / 1000.0);
        const double x = 0.3 / (double)(k + 1) * shape * sin(2.0 * M_PI * hz * (double)i / RATE_HZ);
        t.in[0][i] = t.in[1][i] = k < N_KEYS ? (float)x : 0.0f;
    }
    return t;
}

static size_t play(ub_stream *stream, stream_take *t, size_t block, ub_stream_note *heard)
{
    size_t n = 0;
    for (size_t first = 0; first < t->n; first += block) {
        stream_take_process(stream, t, first, t->n - first < block ? t->n - first : block);
        n += ub_stream_take_notes(stream, heard + n, MOST - n);
    }
    return n;
}

static void keys_are_heard_in_time_and_by_loudness_in_every_mode(void **state)
{
    (void)state;
    for (int mode = UB_STREAM_QUALITY; mode <= UB_STREAM_SHORT; mode++) {
        static ub_stream_note heard[MOST];
        ub_stream *stream = new_hearing((ub_stream_mode)mode);
        stream_take t = melody();
        assert_int_equal(play(stream, &t, 64, heard), 2 * N_KEYS);
        int last = 128;
        for (size_t k = 0; k < N_KEYS; k++) {
            const ub_stream_note on = heard[2 * k], off = heard[2 * k + 1];
            const double late_s = ((double)on.sample - 4000.0 * (double)k) / RATE_HZ;
            assert_int_equal(on.pitch, 60 + (int)k);
            assert_int_equal(off.pitch, on.pitch);
            assert_int_equal(on.source, k / 2);
            assert_true(on.velocity < last && off.velocity == 0);
            assert_true(late_s > 0.01 && late_s < 0.16);
            assert_true(off.sample > on.sample + 400 && off.sample < on.sample + 5500);
            last = on.velocity;
        }
        assert_int_equal(ub_stream_clock(stream), t.n);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void notes_do_not_depend_on_the_cut(void **state)
{
    (void)state;
    static ub_stream_note heard[2][MOST];
    size_t n[2];
    for (size_t i = 0; i < 2; i++) {
        ub_stream *stream = new_hearing(UB_STREAM_LIVE);
        stream_take t = melody();
        n[i] = play(stream, &t, i ? 777 : 5, heard[i]);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
    assert_int_equal(n[0], n[1]);
    for (size_t i = 0; i < n[0]; i++) {
        assert_int_equal(heard[0][i].pitch, heard[1][i].pitch);
        assert_int_equal(heard[0][i].velocity, heard[1][i].velocity);
        assert_int_equal(heard[0][i].sample, heard[1][i].sample);
    }
}

// Every note that begins ends, and ends once.
static void expect_pairs(const ub_stream_note *heard, size_t n)
{
    int sounds[128] = {0};
    for (size_t i = 0; i < n; i++) {
        sounds[heard[i].pitch] += heard[i].velocity > 0 ? 1 : -1;
        assert_in_range(sounds[heard[i].pitch], 0, 1);
    }
    for (size_t p = 0; p < 128; p++) {
        assert_int_equal(sounds[p], 0);
    }
}

static void what_sounds_ends_with_a_reset_and_with_its_model(void **state)
{
    (void)state;
    static ub_stream_note heard[MOST];
    for (int resets = 0; resets < 2; resets++) {
        ub_stream *stream = new_hearing(UB_STREAM_BALANCED);
        stream_take t = melody();
        stream_take_process(stream, &t, 0, 2000);
        const uint64_t clock = ub_stream_clock(stream);
        if (resets) {
            ub_stream_reset(stream);
        } else {
            assert_true(ub_stream_swap(stream, NULL));
            stream_take_process(stream, &t, 2000, 1000);
        }
        const size_t n = ub_stream_take_notes(stream, heard, MOST);
        assert_int_equal(n, 2);
        assert_true(heard[1].sample >= clock);
        expect_pairs(heard, n);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void notes_that_nobody_takes_lose_no_end(void **state)
{
    (void)state;
    static ub_stream_note heard[MOST];
    ub_dictionary d = notes();
    ub_hearing hearing;
    ub_note_queue queue;
    assert_int_equal(ub_hearing_new(&d, 0.02, &hearing), UB_OK);
    assert_int_equal(ub_note_queue_new(&queue), UB_OK);
    for (size_t t = 0; t < 80000; t++) { // all keys begin and end 2000 times
        const float h = t % 40 < 20 ? 1.0f : 0.0f, activations[] = {h, h, h, h};
        ub_hearing_frame(&hearing, activations, t, &queue);
    }
    assert_true(queue.n + 3 * N_KEYS > queue.capacity);
    ub_hearing_end(&hearing, 80000, &queue);
    int sounds[128] = {0};
    for (size_t n = 1; n > 0;) {
        n = ub_note_queue_take(&queue, heard, MOST);
        for (size_t i = 0; i < n; i++) {
            sounds[heard[i].pitch] += heard[i].velocity > 0 ? 1 : -1;
            assert_in_range(sounds[heard[i].pitch], 0, 1);
        }
    }
    for (size_t p = 0; p < 128; p++) {
        assert_int_equal(sounds[p], 0);
    }
    ub_note_queue_free(&queue);
    ub_hearing_free(&hearing);
    ub_dictionary_free(&d);
}

static void no_sound_makes_anything_but_notes(void **state)
{
    (void)state;
    static ub_stream_note heard[MOST];
    const float bad[] = {NAN, INFINITY, 1e30f, 1e-42f, 0.0f};
    for (size_t i = 0; i < 5; i++) {
        ub_stream *stream = new_hearing(UB_STREAM_LIVE);
        stream_take t = stream_take_new(6000, 2);
        for (size_t k = 0; k < t.n; k++) {
            t.in[0][k] = t.in[1][k] = bad[i];
        }
        assert_int_equal(play(stream, &t, 64, heard), 0);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void hearing_allocates_nothing(void **state)
{
    (void)state;
    static ub_stream_note heard[MOST];
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_stream *stream = new_hearing(UB_STREAM_LIVE);
    stream_take t = melody();
    malloc_guard_start(0);
    play(stream, &t, 64, heard);
    ub_stream_reset(stream);
    assert_int_equal(malloc_guard_stop(NULL), 0);
    stream_take_free(&t);
    ub_stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_heard_in_time_and_by_loudness_in_every_mode),
        cmocka_unit_test(notes_do_not_depend_on_the_cut),
        cmocka_unit_test(what_sounds_ends_with_a_reset_and_with_its_model),
        cmocka_unit_test(notes_that_nobody_takes_lose_no_end),
        cmocka_unit_test(no_sound_makes_anything_but_notes),
        cmocka_unit_test(hearing_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
