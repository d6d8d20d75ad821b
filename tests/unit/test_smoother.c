// SPDX-License-Identifier: GPL-3.0-or-later
// Continuity over stretches against continuity over the whole recording.
#include "malloc_guard.h"
#include "separate/smoother.h"
#include "separate/spectra.h"
#include "separate/team.h"
#include "small.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// A recording, the means to activate a dictionary's templates in it, and how.
typedef struct subject {
    synth *mix;
    ub_audio audio;
    ub_dictionary dictionary;
    ub_stft *stft;
    ub_front front;
    ub_nmf_factors factors; // templates and gains
    ub_nmf_settings settings;
    ub_activator *activator;
} subject;

static subject *subject_new(size_t block_frames, size_t n_threads)
{
    subject *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->mix = small_mix(2, 19.0, RATE_HZ);
    s->audio = synth_audio(s->mix);
    s->dictionary = small_dictionary(RATE_HZ);
    const ub_stft_settings stft = {s->dictionary.window, s->dictionary.window_samples,
                                   s->dictionary.hop_samples};
    assert_int_equal(ub_stft_new(&stft, &s->stft, NULL), UB_OK);
    assert_int_equal(
        ub_front_new(&s->audio, s->stft, NULL, block_frames, n_threads, &s->front, NULL), UB_OK);
    const ub_matrix *templates = &s->dictionary.templates;
    assert_int_equal(ub_nmf_factors_new(templates->n_rows, 0, 2, templates->n_cols, &s->factors),
                     UB_OK);
    ub_matrix_free(&s->factors.templates);
    assert_int_equal(ub_matrix_copy(templates, &s->factors.templates), UB_OK);
    s->settings = ub_nmf_settings_default();
    s->settings.n_threads = n_threads;
    s->settings.n_iterations = 60;
    s->settings.tolerance = 0.0;
    s->settings.continuity = 20.0;
    assert_int_equal(
        ub_activator_new(templates, &s->factors.gains, &s->settings, &s->activator, NULL), UB_OK);
    return s;
}

static void subject_free(subject *s)
{
    ub_activator_free(s->activator);
    ub_nmf_factors_free(&s->factors);
    ub_front_free(&s->front);
    ub_stft_free(s->stft);
    ub_dictionary_free(&s->dictionary);
    synth_free(s->mix);
    free(s);
}

// Activations of all frames, asked for `step` at a time.
static ub_matrix smooth(subject *s, size_t stretch, size_t step)
{
    ub_smoother *smoother = NULL;
    ub_matrix all;
    assert_int_equal(ub_smoother_new(&s->front, &s->factors, s->activator, &s->settings, stretch,
                                     &smoother, NULL),
                     UB_OK);
    assert_int_equal(ub_matrix_new(s->factors.templates.n_cols, s->front.n_frames, &all), UB_OK);
    for (size_t first = 0; first < all.n_cols; first += step) {
        const size_t n = all.n_cols - first < step ? all.n_cols - first : step;
        ub_matrix view = all;
        view.data = ub_matrix_column(&all, first);
        view.n_cols = n;
        assert_int_equal(ub_smoother_run(smoother, first, n, NULL, &view, NULL), UB_OK);
    }
    ub_smoother_free(smoother);
    return all;
}

// Sum of squares of a - b, and of jumps from frame to frame.
static double distance(const ub_matrix *a, const ub_matrix *b)
{
    double sum = 0.0;
    for (size_t t = 0; t < a->n_cols; t++) {
        for (size_t k = 0; k < a->n_rows; k++) {
            const double d =
                (double)ub_matrix_column(a, t)[k] - (b ? (double)ub_matrix_column(b, t)[k] : 0.0);
            sum += d * d;
        }
    }
    return sum;
}

static double jumps(const ub_matrix *a)
{
    ub_matrix before = *a, after = *a;
    before.n_cols = after.n_cols = a->n_cols - 1;
    after.data = ub_matrix_column(a, 1);
    return distance(&after, &before);
}

static void before_the_first_update_every_frame_is_alone(void **state)
{
    (void)state;
    subject *s = subject_new(64, 1);
    s->settings.n_iterations = 0;
    ub_matrix *spectra = NULL, cut = smooth(s, 90, 64), alone;
    assert_int_equal(ub_spectra_read_all(&s->front, NULL, &spectra, NULL), UB_OK);
    assert_int_equal(ub_matrix_new(cut.n_rows, cut.n_cols, &alone), UB_OK);
    ub_team team;
    assert_int_equal(ub_team_new(s->activator, 2, &team), UB_OK);
    ub_team_run(&team, spectra, alone.n_cols, &alone);
    assert_memory_equal(alone.data, cut.data, cut.n_cols * cut.stride * sizeof(float));
    ub_team_free(&team);
    ub_spectra_free(spectra, 2);
    ub_matrix_free(&alone);
    ub_matrix_free(&cut);
    subject_free(s);
}

static void stretches_give_about_what_the_whole_recording_gives(void **state)
{
    (void)state;
    subject *s = subject_new(64, 1);
    ub_matrix whole = smooth(s, 1000, 64), cut = smooth(s, 90, 64);
    assert_true(whole.n_cols > 300); // four stretches
    ub_nmf_settings rough = s->settings;
    s->settings.continuity = 0.0;
    ub_matrix alone = smooth(s, 1000, 64);
    s->settings = rough;
    // Continuity has an effect, which the stretches have too: only the level of each component,
    // to which jumps are related, is that of the stretch.
    assert_true(jumps(&whole) < 0.8 * jumps(&alone));
    assert_true(jumps(&cut) < 0.8 * jumps(&alone));
    assert_true(distance(&whole, &cut) < 0.3 * distance(&whole, &alone));
    ub_matrix_free(&whole);
    ub_matrix_free(&cut);
    ub_matrix_free(&alone);
    subject_free(s);
}

// Mean square of the jumps into frames [first, first + n).
static double mean_jump(const ub_matrix *a, size_t first, size_t n)
{
    ub_matrix view = *a;
    view.data = ub_matrix_column(a, first - 1);
    view.n_cols = n + 1;
    return jumps(&view) / (double)n;
}

static void no_jump_stands_out_where_stretches_meet(void **state)
{
    (void)state;
    const size_t stretch = 230, overlap = 26, step = stretch - overlap;
    subject *s = subject_new(64, 1);
    ub_matrix cut = smooth(s, stretch, 64);
    const double everywhere = mean_jump(&cut, 1, cut.n_cols - 1);
    for (size_t seam = step; seam + overlap < cut.n_cols; seam += step) {
        // At most 4 times the mean, as happens without seams; 30 to 130 times it without fading.
        assert_true(mean_jump(&cut, seam, 1) < 8.0 * everywhere);
        assert_true(mean_jump(&cut, seam + overlap, 1) < 8.0 * everywhere);
        assert_true(mean_jump(&cut, seam, overlap + 1) < 3.0 * everywhere);
    }
    ub_matrix_free(&cut);
    subject_free(s);
}

static void the_bits_do_not_depend_on_blocks_calls_or_threads(void **state)
{
    (void)state;
    const size_t ways[][3] = {{64, 64, 1}, {1, 1, 1}, {7, 100, 2}, {300, 1000, 2}};
    ub_matrix first = {0};
    for (size_t i = 0; i < 4; i++) {
        subject *s = subject_new(ways[i][0], ways[i][2]);
        s->settings.n_iterations = 5;
        ub_matrix all = smooth(s, 90, ways[i][1]);
        if (i == 0) {
            first = all;
        } else {
            assert_memory_equal(first.data, all.data, all.n_cols * all.stride * sizeof(float));
            ub_matrix_free(&all);
        }
        subject_free(s);
    }
    ub_matrix_free(&first);
}

static void no_memory_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    subject *s = subject_new(64, 1);
    ub_status status = UB_NO_MEMORY;
    size_t n_failed = 0;
    for (size_t n = 1; status && n < 100; n++) {
        size_t still_held;
        ub_smoother *smoother = NULL;
        malloc_guard_start(n);
        status = ub_smoother_new(&s->front, &s->factors, s->activator, &s->settings, 90, &smoother,
                                 NULL);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_true((status == UB_OK) == (smoother != NULL));
        n_failed += status != UB_OK;
        ub_smoother_free(smoother);
        malloc_guard_stop(&still_held);
        assert_int_equal(still_held, 0);
    }
    assert_int_equal(status, UB_OK);
    assert_true(n_failed >= 9);
    subject_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_update_every_frame_is_alone),
        cmocka_unit_test(stretches_give_about_what_the_whole_recording_gives),
        cmocka_unit_test(no_jump_stands_out_where_stretches_meet),
        cmocka_unit_test(the_bits_do_not_depend_on_blocks_calls_or_threads),
        cmocka_unit_test(no_memory_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
