// SPDX-License-Identifier: GPL-3.0-or-later
// Which frames a sample has. Every frame of noise is unlike all others, so it can be recognised.
#include "malloc_guard.h"
#include "separate/spectra.h"
#include "synth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 32, HOP = 8, CELL = 64, N_CELLS = 130, N_FRAMES = N_CELLS * CELL + 20 };

// A recording with its front and the spectra of all its frames.
typedef struct subject {
    synth *sound;
    ub_audio audio;
    ub_stft *stft;
    ub_front front;
    ub_matrix *all;
} subject;

// Noise in the cells that `is_loud` names, something 100 dB below it elsewhere.
static subject *subject_new(size_t n_channels, bool (*is_loud)(size_t cell), size_t block_frames)
{
    const ub_stft_settings settings = {UB_WINDOW_SQRT_HANN, SIZE, HOP};
    subject *s = calloc(1, sizeof *s);
    assert_non_null(s);
    const size_t lead = SIZE - HOP;
    s->sound = synth_new(n_channels, N_FRAMES * HOP - lead, 8000.0);
    synth_add_bursts(s->sound, 0.0, 1e9, 1e9, NULL, 3);
    for (size_t i = 0; i < s->sound->n_samples; i++) {
        for (size_t c = 0; c < n_channels; c++) {
            s->sound->channels[c][i] *= is_loud(i / (CELL * HOP)) ? 1.0f : 1e-5f;
        }
    }
    s->audio = synth_audio(s->sound);
    assert_int_equal(ub_stft_new(&settings, &s->stft, NULL), UB_OK);
    assert_int_equal(ub_front_new(&s->audio, s->stft, NULL, block_frames, 1, &s->front, NULL),
                     UB_OK);
    assert_int_equal(s->front.n_frames, N_FRAMES);
    assert_int_equal(ub_spectra_read_all(&s->front, NULL, &s->all, NULL), UB_OK);
    return s;
}

static void subject_free(subject *s)
{
    ub_spectra_free(s->all, s->sound->n_channels);
    ub_front_free(&s->front);
    ub_stft_free(s->stft);
    synth_free(s->sound);
    free(s);
}

static ub_matrix *sample(subject *s, size_t n_frames, bool skip_silence, uint64_t seed)
{
    const ub_sampling sampling = {.n_frames = n_frames, .skip_silence = skip_silence, .seed = seed};
    ub_matrix *spectra = NULL;
    assert_int_equal(ub_spectra_sample(&s->front, &sampling, NULL, &spectra, NULL), UB_OK);
    return spectra;
}

static bool same_column(const ub_matrix *a, size_t i, const ub_matrix *b, size_t j)
{
    return memcmp(ub_matrix_column(a, i), ub_matrix_column(b, j), a->n_rows * sizeof(float)) == 0;
}

// The frame of the recording that column `col` of a sample is.
static size_t frame_of(const subject *s, const ub_matrix *spectra, size_t col)
{
    for (size_t t = 0; t < N_FRAMES; t++) {
        bool same = true;
        for (size_t c = 0; c < s->sound->n_channels; c++) {
            same = same && same_column(&s->all[c], t, &spectra[c], col);
        }
        if (same) {
            return t;
        }
    }
    fail_msg("column %zu is no frame of the recording", col);
    return 0;
}

static bool everywhere(size_t cell)
{
    (void)cell;
    return true;
}

static bool now_and_then(size_t cell)
{
    return cell % 5 == 1 || cell % 7 == 2;
}

static bool nowhere(size_t cell)
{
    (void)cell;
    return false;
}

static void a_sample_has_runs_from_all_parts_of_the_recording(void **state)
{
    (void)state;
    const struct {
        size_t n_frames, run;
    } cases[] = {{64, 8}, {519, 8}, {1024, 16}, {1500, 16}, {4095, 32}, {4096, 64}, {8000, 64}};
    subject *s = subject_new(2, everywhere, 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t run = cases[i].run, n_runs = cases[i].n_frames / run;
        ub_matrix *spectra = sample(s, cases[i].n_frames, i % 2, i);
        assert_int_equal(spectra[1].n_cols, n_runs * run);
        for (size_t r = 0; r < n_runs; r++) {
            const size_t first = frame_of(s, spectra, r * run);
            // Each stretch of the recording gives one run.
            const size_t n_slots = N_CELLS * CELL / run, slot = first / run;
            assert_int_equal(first % run, 0);
            assert_true(slot >= r * n_slots / n_runs && slot < (r + 1) * n_slots / n_runs);
            for (size_t t = 1; t < run; t++) {
                assert_true(same_column(&spectra[0], r * run + t, &s->all[0], first + t));
            }
        }
        ub_spectra_free(spectra, 2);
    }
    subject_free(s);
}

static void runs_keep_no_step_with_the_music(void **state)
{
    (void)state;
    subject *s = subject_new(1, everywhere, 64);
    ub_matrix *spectra = sample(s, 64, false, 1), *other = sample(s, 64, false, 2);
    size_t n_equal = 0, n_same = 0;
    for (size_t r = 2; r < 8; r++) {
        const size_t a = frame_of(s, spectra, 8 * r - 16), b = frame_of(s, spectra, 8 * r - 8),
                     c = frame_of(s, spectra, 8 * r);
        n_equal += b - a == c - b;
        n_same += c == frame_of(s, other, 8 * r);
    }
    assert_true(n_equal < 3);
    assert_true(n_same < 3);
    ub_spectra_free(spectra, 1);
    ub_spectra_free(other, 1);
    subject_free(s);
}

static void silence_is_left_out_of_a_sample_when_asked(void **state)
{
    (void)state;
    subject *s = subject_new(1, now_and_then, 64);
    size_t n_loud = 0, n_met[2] = {0};
    for (size_t cell = 0; cell < N_CELLS; cell++) {
        n_loud += now_and_then(cell);
    }
    for (size_t skip = 0; skip < 2; skip++) {
        ub_matrix *spectra = sample(s, 1600, skip, 1);
        assert_int_equal(spectra[0].n_cols, 1600);
        for (size_t r = 0; r < 100; r++) {
            n_met[skip] += now_and_then(frame_of(s, spectra, 16 * r) / CELL);
        }
        ub_spectra_free(spectra, 1);
    }
    assert_true(n_met[0] < 60);
    assert_int_equal(n_met[1], 100);
    // Fewer audible frames than wanted: all of them, in order.
    ub_matrix *spectra = sample(s, 5000, true, 1);
    assert_int_equal(spectra[0].n_cols, n_loud * CELL);
    for (size_t t = 0, cell = 0; t < n_loud * CELL; t += CELL, cell++) {
        while (!now_and_then(cell)) {
            cell++;
        }
        assert_int_equal(frame_of(s, spectra, t), cell * CELL);
    }
    ub_spectra_free(spectra, 1);
    subject_free(s);
}

static void all_of_a_recording_counts_when_none_of_it_is_louder(void **state)
{
    (void)state;
    subject *s = subject_new(1, nowhere, 64);
    ub_matrix *spectra = sample(s, 640, true, 1);
    assert_int_equal(spectra[0].n_cols, 640);
    ub_spectra_free(spectra, 1);
    for (size_t i = 0; i < s->sound->n_samples; i++) {
        s->sound->channels[0][i] = 0.0f;
    }
    spectra = sample(s, 640, true, 1);
    assert_int_equal(spectra[0].n_cols, 640);
    ub_spectra_free(spectra, 1);
    subject_free(s);
}

static void a_sample_of_all_frames_is_the_recording(void **state)
{
    (void)state;
    subject *s = subject_new(1, now_and_then, 64);
    ub_matrix *spectra = sample(s, N_FRAMES, true, 1);
    assert_int_equal(spectra[0].n_cols, N_FRAMES);
    for (size_t t = 0; t < N_FRAMES; t++) {
        assert_true(same_column(&spectra[0], t, &s->all[0], t));
    }
    ub_spectra_free(spectra, 1);
    subject_free(s);
}

static void a_sample_does_not_depend_on_the_block(void **state)
{
    (void)state;
    const size_t blocks[] = {1, 5, 64, 100};
    ub_matrix *first = NULL;
    for (size_t i = 0; i < 4; i++) {
        subject *s = subject_new(2, now_and_then, blocks[i]);
        ub_matrix *spectra = sample(s, 700, true, 1);
        first = first ? first : spectra;
        for (size_t c = 0; c < 2; c++) {
            assert_int_equal(spectra[c].n_cols, first[c].n_cols);
            assert_memory_equal(spectra[c].data, first[c].data,
                                spectra[c].n_cols * spectra[c].stride * sizeof(float));
        }
        if (i > 0) {
            ub_spectra_free(spectra, 2);
        }
        subject_free(s);
    }
    ub_spectra_free(first, 2);
}

static void the_frames_of_a_budget_depend_on_bins_and_channels(void **state)
{
    (void)state;
    for (size_t n_channels = 1; n_channels <= 2; n_channels++) {
        subject *s = subject_new(n_channels, everywhere, 64);
        // 17 bins take 32 floats.
        assert_int_equal(ub_spectra_frames_within(&s->front, 1280000), 10000 / n_channels);
        assert_int_equal(ub_spectra_frames_within(&s->front, 1279999), 10000 / n_channels - 1);
        assert_int_equal(ub_spectra_frames_within(&s->front, 0), CELL);
        subject_free(s);
    }
}

static void no_memory_for_a_sample_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    subject *s = subject_new(2, now_and_then, 64);
    const ub_sampling sampling = {.n_frames = 640, .skip_silence = true, .seed = 1};
    ub_status status = UB_NO_MEMORY;
    size_t n_failed = 0;
    for (size_t n = 1; status && n < 100; n++) {
        size_t still_held;
        ub_matrix *spectra = NULL;
        malloc_guard_start(n);
        status = ub_spectra_sample(&s->front, &sampling, NULL, &spectra, NULL);
        if (!status) {
            ub_spectra_free(spectra, 2);
        } else {
            assert_int_equal(status, UB_NO_MEMORY);
            n_failed++;
        }
        malloc_guard_stop(&still_held);
        assert_int_equal(still_held, 0);
    }
    assert_int_equal(status, UB_OK);
    assert_int_equal(n_failed, 5); // energies, cells, the list of channels, two of them
    subject_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_has_runs_from_all_parts_of_the_recording),
        cmocka_unit_test(runs_keep_no_step_with_the_music),
        cmocka_unit_test(silence_is_left_out_of_a_sample_when_asked),
        cmocka_unit_test(all_of_a_recording_counts_when_none_of_it_is_louder),
        cmocka_unit_test(a_sample_of_all_frames_is_the_recording),
        cmocka_unit_test(a_sample_does_not_depend_on_the_block),
        cmocka_unit_test(the_frames_of_a_budget_depend_on_bins_and_channels),
        cmocka_unit_test(no_memory_for_a_sample_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
