// SPDX-License-Identifier: GPL-3.0-or-later
// The line of a bass, and how much of it a bass gets, on partials that are drawn.
#include "guide/bass.h"
#include "guide/bass_line.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BINS = 160, FRAMES = 60 };

static const double BIN_HZ = 44100.0 / 4096.0, HOP_S = 1024.0 / 44100.0;

static ub_matrix quiet(void)
{
    ub_matrix v;
    assert_int_equal(ub_matrix_new(BINS, FRAMES, &v), UB_OK);
    return v;
}

// A tone of some harmonics in frames [first, end).
static void draw(ub_matrix *v, double hz, size_t first, size_t end, double gain)
{
    for (size_t t = first; t < end; t++) {
        for (size_t f = 0; f < BINS; f++) {
            for (size_t h = 1; h <= 8; h++) {
                const double bins = (double)f - (double)h * hz / BIN_HZ;
                const double x = gain / (double)h * exp(-bins * bins);
                ub_matrix_column(v, t)[f] += (float)x;
            }
        }
    }
}

static void assert_pitch(size_t pitch, double hz)
{
    assert_true(fabs(12.0 * log2(ub_bass_pitch_hz(pitch) / hz)) < 0.6);
}

static void single_notes_are_followed(void **state)
{
    (void)state;
    ub_matrix v = quiet();
    size_t line[FRAMES];
    draw(&v, 55.0, 0, 20, 1.0);
    draw(&v, 82.4, 20, 40, 0.2);
    draw(&v, 43.7, 40, FRAMES, 1.0);
    assert_int_equal(ub_bass_line_find(&v, BIN_HZ, HOP_S, 1, line), UB_OK);
    for (size_t t = 0; t < FRAMES; t++) {
        assert_pitch(line[t], t < 20 ? 55.0 : t < 40 ? 82.4 : 43.7);
    }
    ub_matrix_free(&v);
}

static void of_an_octave_the_lower_note_is_the_bass(void **state)
{
    (void)state;
    ub_matrix v = quiet();
    size_t line[FRAMES];
    draw(&v, 65.4, 0, FRAMES, 1.0);
    draw(&v, 130.8, 0, FRAMES, 1.0);
    assert_int_equal(ub_bass_line_find(&v, BIN_HZ, HOP_S, 1, line), UB_OK);
    for (size_t t = 0; t < FRAMES; t++) {
        assert_pitch(line[t], 65.4);
    }
    ub_matrix_free(&v);
}

static void silence_has_a_line_too(void **state)
{
    (void)state;
    ub_matrix v = quiet();
    size_t line[FRAMES];
    assert_int_equal(ub_bass_line_find(&v, BIN_HZ, HOP_S, 1, line), UB_OK);
    for (size_t t = 0; t < FRAMES; t++) {
        assert_true(line[t] < UB_BASS_PITCHES);
    }
    ub_matrix_free(&v);
}

// The share of the bin that a note is in.
static double share_of(double hz, double pan, double expected)
{
    ub_matrix v[2] = {quiet(), quiet()}, rings[2] = {quiet(), quiet()}, share = quiet();
    draw(&v[0], hz, 0, FRAMES, 1.0 + pan);
    draw(&v[1], hz, 0, FRAMES, 1.0 - pan);
    for (size_t i = 0; i < 2 * BINS * FRAMES; i++) {
        ub_matrix_column(&rings[i % 2], i / 2 / BINS)[i / 2 % BINS] = 1.0f;
    }
    const ub_scene scene = {.spectra = v,
                            .n_channels = 2,
                            .rate_hz = 44100.0,
                            .size_samples = 4096,
                            .hop_samples = 1024,
                            .n_threads = 1};
    assert_int_equal(ub_bass_share(&scene, rings, expected, &share), UB_OK);
    const double found = (double)ub_matrix_column(&share, FRAMES / 2)[lrint(hz / BIN_HZ)];
    assert_true(ub_matrix_column(&share, FRAMES / 2)[BINS - 1] == 0.0f);
    for (size_t c = 0; c < 2; c++) {
        ub_matrix_free(&v[c]);
        ub_matrix_free(&rings[c]);
    }
    ub_matrix_free(&share);
    return found;
}

static void a_bass_is_low_and_in_the_middle_and_expected(void **state)
{
    (void)state;
    const double usual = share_of(55.0, 0.0, 0.5);
    assert_true(usual > 0.3 && usual < 0.7); // a note alone may be anybody's
    assert_true(share_of(220.0, 0.0, 0.5) < 0.5 * usual);
    assert_true(share_of(55.0, 0.9, 0.5) < 0.5 * usual);
    assert_true(share_of(55.0, 0.0, 2.0) > 1.3 * usual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_notes_are_followed),
        cmocka_unit_test(of_an_octave_the_lower_note_is_the_bass),
        cmocka_unit_test(silence_has_a_line_too),
        cmocka_unit_test(a_bass_is_low_and_in_the_middle_and_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
