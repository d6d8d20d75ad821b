// SPDX-License-Identifier: GPL-3.0-or-later
// Frames of the neighbourhood: stacked below a frame, in templates, offline and while sound plays.
#include "dictionary/context.h"
#include "dictionary_case.h"
#include "malloc_guard.h"
#include "separate/front.h"
#include "small.h"
#include "stream_take.h"
#include "unbraid/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
enum { SIZE = 512, HOP = 128, N_BINS = SIZE / 2 + 1 };

static ub_context context_new(size_t n_before, size_t n_after, size_t step)
{
    ub_context context;
    assert_int_equal(ub_context_new(N_BINS, n_before, n_after, step, &context), UB_OK);
    return context;
}

static void neighbours_stand_around_their_frame(void **state)
{
    (void)state;
    ub_context context = context_new(2, 3, 4);
    const ptrdiff_t wanted[] = {-8, -4, 4, 8, 12};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ub_context_offset(&context, i), wanted[i]);
    }
    assert_int_equal(ub_context_rows(&context, N_BINS), N_BINS + 5 * context.bands.n_bands);
    ub_context_free(&context);
}

static void sharp_bands_are_more_of_the_same_bins(void **state)
{
    (void)state;
    ub_context context = context_new(1, 1, 1);
    const size_t n_wide = context.bands.n_bands;
    if (!malloc_guard_is_missing()) {
        size_t held = 0;
        malloc_guard_start(1);
        assert_int_equal(ub_context_sharpen(N_BINS, &context), UB_NO_MEMORY);
        malloc_guard_stop(&held);
        assert_int_equal(context.bands.n_bands, n_wide);
    }
    assert_int_equal(ub_context_sharpen(N_BINS, &context), UB_OK);
    assert_true(context.bands.n_bands > 2 * n_wide);
    assert_int_equal(context.bands.n_bins, N_BINS);
    assert_int_equal(context.bands.first[context.bands.n_bands], N_BINS);
    ub_context_free(&context);
}

static void stacking_adds_up_bands_and_unstacking_keeps_their_sums(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(2, SIZE, 3);
    dictionary_case_add_context(&d, 2, 1, 4);
    ub_context context;
    assert_int_equal(ub_context_of_dictionary(&d, &context), UB_OK);
    assert_int_equal(context.step, 1);
    const size_t n_rows = ub_context_rows(&context, N_BINS), n_bands = context.bands.n_bands;
    float *stack = calloc(n_rows, sizeof *stack), *again = calloc(n_rows, sizeof *again);
    assert_true(stack && again);
    ub_context_stack(&context, &d, 1, stack);
    for (size_t i = 0; i < 3 * n_bands; i++) {
        const size_t b = i % n_bands;
        double sum = 0.0;
        for (size_t f = context.bands.first[b]; f < context.bands.first[b + 1]; f++) {
            sum += (double)ub_matrix_column(&d.context, 1)[i / n_bands * N_BINS + f];
        }
        assert_float_equal(stack[N_BINS + i], (float)sum, 1e-5f);
    }
    assert_int_equal(ub_context_unstack(&context, stack, 3, &d), UB_OK);
    assert_memory_equal(ub_matrix_column(&d.templates, 3), stack, N_BINS * sizeof *stack);
    ub_context_stack(&context, &d, 3, again);
    for (size_t i = 0; i < n_rows; i++) {
        assert_float_equal(again[i], stack[i], 1e-5f);
    }
    free(stack);
    free(again);
    ub_context_free(&context);
    ub_dictionary_free(&d);
}

static void a_context_may_leave_out_the_frames_of_the_future(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(1, SIZE, 5);
    dictionary_case_add_context(&d, 3, 2, 6);
    ub_context past = context_new(2, 0, 1);
    float stack[N_BINS * 3], bands[N_BINS];
    ub_context_stack(&past, &d, 0, stack);
    for (size_t i = 0; i < 2; i++) { // the newest two of three
        ub_bands_merge(&past.bands, ub_matrix_column(&d.context, 0) + (1 + i) * N_BINS, bands);
        assert_memory_equal(ub_context_of(&past, N_BINS, i, stack), bands,
                            past.bands.n_bands * sizeof *bands);
    }
    ub_context_free(&past);
    ub_dictionary_free(&d);
}

// ---- recordings --------------------------------------------------------------------------------

// All frames of a recording, read in blocks.
static ub_matrix read_all(const synth *sound, const ub_stft *stft, const ub_context *context,
                          size_t block_frames, size_t n_threads)
{
    const ub_audio audio = synth_audio(sound);
    ub_front front;
    ub_matrix spectra;
    assert_int_equal(ub_front_new(&audio, stft, context, block_frames, n_threads, &front, NULL),
                     UB_OK);
    assert_int_equal(ub_matrix_new(ub_front_n_rows(&front), front.n_frames, &spectra), UB_OK);
    for (size_t first = 0; first < front.n_frames; first += block_frames) {
        const size_t rest = front.n_frames - first;
        const size_t n = rest < block_frames ? rest : block_frames;
        assert_int_equal(ub_front_read(&front, first, n, NULL), UB_OK);
        ub_front_magnitudes(&front, n, &spectra, first);
    }
    ub_front_free(&front);
    return spectra;
}

static void expect_stacks(const ub_context *context, const ub_matrix *plain,
                          const ub_matrix *stacks)
{
    float bands[N_BINS];
    for (size_t t = 0; t < plain->n_cols; t++) {
        float *stack = ub_matrix_column(stacks, t);
        assert_memory_equal(stack, ub_matrix_column(plain, t), N_BINS * sizeof *stack);
        for (size_t i = 0; i < ub_context_frames(context); i++) {
            const ptrdiff_t at = (ptrdiff_t)t + ub_context_offset(context, i);
            memset(bands, 0, sizeof bands); // silence beyond the ends
            if (at >= 0 && at < (ptrdiff_t)plain->n_cols) {
                ub_bands_merge(&context->bands, ub_matrix_column(plain, (size_t)at), bands);
            }
            assert_memory_equal(ub_context_of(context, N_BINS, i, stack), bands,
                                context->bands.n_bands * sizeof *bands);
        }
    }
}

static void every_frame_of_a_recording_is_stacked_with_its_neighbours(void **state)
{
    (void)state;
    const ub_stft_settings settings = {UB_WINDOW_SQRT_HANN, SIZE, HOP};
    ub_stft *stft;
    assert_int_equal(ub_stft_new(&settings, &stft, NULL), UB_OK);
    synth *sound = synth_low_notes(1, 0.4, RATE_HZ);
    ub_matrix plain = read_all(sound, stft, NULL, 64, 1);
    const size_t shapes[][3] = {{2, 2, 1}, {1, 0, 3}, {0, 2, 2}, {8, 8, 1}};
    for (size_t i = 0; i < 12; i++) {
        ub_context context = context_new(shapes[i % 4][0], shapes[i % 4][1], shapes[i % 4][2]);
        ub_matrix stacks = read_all(sound, stft, &context, 1 + 6 * (i / 4), 1 + i / 4);
        expect_stacks(&context, &plain, &stacks);
        ub_matrix_free(&stacks);
        ub_context_free(&context);
    }
    ub_matrix_free(&plain);
    synth_free(sound);
    ub_stft_free(stft);
}

// ---- what it is good for -----------------------------------------------------------------------

// A bump around a frequency.
static void put_tone(float *w, double hz)
{
    for (size_t f = 0; f < N_BINS; f++) {
        const double away = (double)f - hz * SIZE / RATE_HZ;
        w[f] = (float)(exp(-away * away / 4.0) + 1e-4);
    }
}

// Two sources that sing 1 kHz, but come from 400 Hz and from 2500 Hz. Each has a template for where
// it comes from, one for the moment after, and one for staying there.
static ub_dictionary two_ways(size_t step)
{
    static const double FROM_HZ[] = {400.0, 2500.0};
    ub_dictionary d = dictionary_case(2, SIZE, 1);
    dictionary_case_add_context(&d, 1, 0, 1);
    d.rate_hz = RATE_HZ;
    d.context_samples = step * HOP;
    for (size_t k = 0; k < 4; k++) {
        const double from = FROM_HZ[k / 2];
        put_tone(ub_matrix_column(&d.templates, k), k % 2 ? 1000.0 : from);
        put_tone(ub_matrix_column(&d.context, k), from);
    }
    return d;
}

// 400 Hz, then 1 kHz.
static synth *low_way(void)
{
    synth *sound = synth_new(2, 8000, RATE_HZ);
    for (size_t i = 0; i < 8000; i++) {
        const double x = 0.3 * sin(2.0 * M_PI * (i < 4000 ? 400.0 : 1000.0) * (double)i / RATE_HZ);
        sound->channels[0][i] = sound->channels[1][i] = (float)x;
    }
    return sound;
}

static double energy_of(const float *x, size_t first, size_t end)
{
    double energy = 0.0;
    for (size_t i = first; i < end; i++) {
        energy += (double)x[i] * (double)x[i];
    }
    return energy;
}

static void what_came_before_tells_sources_apart_offline(void **state)
{
    (void)state;
    ub_dictionary d = two_ways(12); // 0.19 s
    synth *sound = low_way();
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_ITERATIONS] = 50;
    for (int with = 0; with < 2; with++) {
        ub_dictionary used;
        assert_int_equal(ub_dictionary_copy(&d, &used), UB_OK);
        if (!with) {
            ub_matrix_free(&used.context);
            used.n_before = used.context_samples = 0;
        }
        ub_status status;
        ub_message why;
        stem_shelf *shelf = small_separate(sound, &used, &settings, &status, &why);
        assert_int_equal(status, UB_OK);
        assert_true(stem_shelf_null_db(shelf, sound) < -120.0);
        const double low = energy_of(stem_shelf_find(shelf, "s0")[0], 4400, 5000);
        const double high = energy_of(stem_shelf_find(shelf, "s1")[0], 4400, 5000);
        assert_true(with ? low > 30.0 * high : low < 1.5 * high);
        stem_shelf_free(shelf);
        ub_dictionary_free(&used);
    }
    synth_free(sound);
    ub_dictionary_free(&d);
}

static stream_take play(const ub_stream_settings *settings, const ub_dictionary *d,
                        const synth *sound, size_t block)
{
    ub_stream *stream = stream_new(settings);
    ub_stream_model *model;
    assert_int_equal(ub_stream_model_new(settings, d, &model, NULL), UB_OK);
    assert_true(ub_stream_swap(stream, model));
    ub_stream_reset(stream);
    stream_take take = stream_take_new(sound->n_samples, 1);
    for (size_t c = 0; c < 2; c++) {
        memcpy(take.in[c], sound->channels[c], take.n * sizeof(float));
    }
    for (size_t first = 0; first < take.n; first += block) {
        const size_t rest = take.n - first;
        stream_take_process(stream, &take, first, rest < block ? rest : block);
    }
    assert_true(stream_take_null_db(&take, ub_stream_latency(stream)) < -120.0);
    ub_stream_free(stream);
    return take;
}

static void what_came_before_tells_sources_apart_while_they_play(void **state)
{
    (void)state;
    synth *sound = low_way();
    const ub_stream_mode modes[] = {UB_STREAM_QUALITY, UB_STREAM_BALANCED, UB_STREAM_LIVE};
    for (size_t i = 0; i < 6; i++) {
        ub_stream_settings settings = stream_settings_for(modes[i / 2], RATE_HZ);
        settings.n_updates = 20;
        settings.n_free = i % 2 ? 4 : 0;
        ub_dictionary d = two_ways(10);
        stream_take take = play(&settings, &d, sound, 64), cut = play(&settings, &d, sound, 37);
        assert_true(stream_take_same(&take, &cut));
        const double low = energy_of(take.stems[0], 4900, 5300);
        const double high = energy_of(take.stems[2], 4900, 5300);
        assert_true(low > 10.0 * high);
        stream_take_free(&take);
        stream_take_free(&cut);
        ub_dictionary_free(&d);
    }
    synth_free(sound);
}

static void context_that_a_stream_does_not_keep_is_left_out(void **state)
{
    (void)state;
    synth *sound = low_way();
    ub_dictionary d = two_ways(200); // 3.2 s back
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_BALANCED, RATE_HZ);
    stream_take with = play(&settings, &d, sound, 64);
    ub_matrix_free(&d.context);
    d.n_before = d.context_samples = 0;
    stream_take without = play(&settings, &d, sound, 64);
    assert_true(stream_take_same(&with, &without));
    stream_take_free(&with);
    stream_take_free(&without);
    ub_dictionary_free(&d);
    synth_free(sound);
}

// ---- reconstruction ----------------------------------------------------------------------------

// Both sources look alike to the activations; the masks alone tell low from high.
static ub_dictionary alike(void)
{
    ub_dictionary d = dictionary_case(2, SIZE, 1);
    dictionary_case_add_reconstruction(&d, 1);
    d.rate_hz = RATE_HZ;
    for (size_t k = 0; k < 4; k++) {
        for (size_t f = 0; f < N_BINS; f++) {
            ub_matrix_column(&d.templates, k)[f] = 1.0f;
            ub_matrix_column(&d.reconstruction, k)[f] = (f < N_BINS / 4) == (k < 2) ? 1.0f : 0.0f;
        }
    }
    return d;
}

static void masks_are_made_from_reconstruction_templates(void **state)
{
    (void)state;
    ub_dictionary d = alike();
    synth *sound = synth_new(2, 8000, RATE_HZ);
    for (size_t i = 0; i < 8000; i++) {
        sound->channels[0][i] = sound->channels[1][i] =
            (float)(0.3 * sin(2.0 * M_PI * 400.0 * (double)i / RATE_HZ));
    }
    ub_settings settings = small_settings();
    for (size_t i = 0; i < 2; i++) {
        settings.value[UB_PARAM_FREE] = i ? 1 : 0;
        ub_status status;
        ub_message why;
        stem_shelf *shelf = small_separate(sound, &d, &settings, &status, &why);
        assert_int_equal(status, UB_OK);
        assert_true(stem_shelf_null_db(shelf, sound) < -120.0);
        const double low = energy_of(stem_shelf_find(shelf, "s0")[0], 2000, 6000);
        const double high = energy_of(stem_shelf_find(shelf, "s1")[0], 2000, 6000);
        const double rest = i ? energy_of(stem_shelf_find(shelf, "rest")[0], 2000, 6000) : 0.0;
        assert_true(high < 1e-4 * (i ? rest : low)); // a free component fits the tone best
        stem_shelf_free(shelf);
    }
    ub_stream_settings playing = stream_settings_for(UB_STREAM_BALANCED, RATE_HZ);
    stream_take take = play(&playing, &d, sound, 64);
    assert_true(energy_of(take.stems[0], 2000, 6000) > 1e4 * energy_of(take.stems[2], 2000, 6000));
    stream_take_free(&take);
    synth_free(sound);
    ub_dictionary_free(&d);
}

static void every_failed_allocation_of_a_model_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_dictionary d = two_ways(10);
    dictionary_case_add_reconstruction(&d, 2);
    ub_stream_settings settings = stream_settings_for(UB_STREAM_SHORT, RATE_HZ);
    settings.n_free = 2;
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        ub_stream_model *model = NULL;
        size_t held = 0;
        malloc_guard_start(n);
        status = ub_stream_model_new(&settings, &d, &model, NULL);
        ub_stream_model_free(model);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
    }
    ub_dictionary_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_stand_around_their_frame),
        cmocka_unit_test(sharp_bands_are_more_of_the_same_bins),
        cmocka_unit_test(stacking_adds_up_bands_and_unstacking_keeps_their_sums),
        cmocka_unit_test(a_context_may_leave_out_the_frames_of_the_future),
        cmocka_unit_test(every_frame_of_a_recording_is_stacked_with_its_neighbours),
        cmocka_unit_test(what_came_before_tells_sources_apart_offline),
        cmocka_unit_test(what_came_before_tells_sources_apart_while_they_play),
        cmocka_unit_test(context_that_a_stream_does_not_keep_is_left_out),
        cmocka_unit_test(masks_are_made_from_reconstruction_templates),
        cmocka_unit_test(every_failed_allocation_of_a_model_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
