// SPDX-License-Identifier: GPL-3.0-or-later
// Guides that are taught nothing, on sounds whose sources are as they expect them.
#include "guide/hpss.h"
#include "malloc_guard.h"
#include "separate/guided.h"
#include "small.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0, TWO_PI = 6.283185307179586;

static ub_settings few_components(ub_method method)
{
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_METHOD] = (double)method;
    settings.value[UB_PARAM_COMPONENTS] = 12.0;
    settings.value[UB_PARAM_WINDOW_MS] = 64.0;
    settings.value[UB_PARAM_THREADS] = 1.0;
    return settings;
}

// ---- medians -----------------------------------------------------------------------------------

// A line along time, a line along frequency, a hit whose spectrum is no wider than a tone's but as
// low as a bass drum's, and silence.
static void lines_ring_or_are_struck_and_silence_is_neither(void **state)
{
    (void)state;
    enum { F = 257, T = 60, TONE = 100, HIT = 30, DRUM = 45, LOW = 5 };
    ub_matrix v, mask;
    assert_int_equal(ub_matrix_new(F, T, &v), UB_OK);
    assert_int_equal(ub_matrix_new(F, T, &mask), UB_OK);
    for (size_t t = 0; t < T; t++) {
        ub_matrix_column(&v, t)[TONE] = 1.0f;
    }
    for (size_t f = 0; f < F; f++) {
        ub_matrix_column(&v, HIT)[f] = 1.0f;
    }
    for (size_t f = LOW - 2; f <= LOW + 2; f++) {
        ub_matrix_column(&v, DRUM)[f] = 1.0f;
    }
    const ub_scene scene = {
        .rate_hz = RATE_HZ, .size_samples = 512, .hop_samples = 128, .n_threads = 1};
    assert_int_equal(ub_hpss_mask(&scene, &v, &mask), UB_OK);
    assert_true(ub_matrix_column(&mask, 10)[TONE] == 0.0f);
    assert_true(ub_matrix_column(&mask, HIT)[200] == 1.0f);
    assert_true(ub_matrix_column(&mask, HIT)[TONE] == 0.5f);
    assert_true(ub_matrix_column(&mask, DRUM)[LOW] == 1.0f);
    assert_true(ub_matrix_column(&mask, 10)[200] == 0.5f);
    ub_matrix_free(&v);
    ub_matrix_free(&mask);
}

// ---- through the whole chain -------------------------------------------------------------------

// How much better a stem is than the mix.
static double gain_db(const stem_shelf *shelf, const char *name, const synth *mix,
                      const synth *truth)
{
    const float *const *stem = (const float *const *)stem_shelf_find(shelf, name);
    return si_sdr_db(truth, stem) - si_sdr_db(truth, mix->views);
}

static void hits_and_tones_are_told_apart(void **state)
{
    (void)state;
    const double hz[] = {220.0, 330.0, 262.0}, pan[] = {0.8, 0.3}, other[] = {0.4, 0.7};
    const size_t n = (size_t)(4.0 * RATE_HZ);
    synth *tones = synth_new(2, n, RATE_HZ), *hits = synth_new(2, n, RATE_HZ);
    synth *mix = synth_new(2, n, RATE_HZ);
    synth_add_notes(tones, hz, 3, 0.8, 2.0, pan);
    synth_add_bursts(hits, 0.2, 0.37, 0.05, other, 5);
    synth_add(mix, tones, 1.0);
    synth_add(mix, hits, 1.0);
    const ub_settings settings = few_components(UB_METHOD_HARMONIC_PERCUSSIVE);
    stem_shelf *shelf = small_separate_well(mix, NULL, &settings);
    assert_true(gain_db(shelf, "percussive", mix, hits) > 6.0);
    assert_true(gain_db(shelf, "harmonic", mix, tones) > 6.0);
    assert_true(stem_shelf_null_db(shelf, mix) < -120.0);
    stem_shelf_free(shelf);
    synth_free(tones);
    synth_free(hits);
    synth_free(mix);
}

static void a_bass_is_low_and_rings(void **state)
{
    (void)state;
    const double hz[] = {55.0, 73.0, 65.0}, other[] = {700.0, 880.0, 990.0};
    const size_t n = (size_t)(3.0 * RATE_HZ);
    synth *bass = synth_new(1, n, RATE_HZ), *rest = synth_new(1, n, RATE_HZ);
    synth *mix = synth_new(1, n, RATE_HZ);
    synth_add_notes(bass, hz, 3, 0.5, 2.0, NULL);
    synth_add_notes(rest, other, 3, 0.4, 2.0, NULL);
    synth_add_bursts(rest, 0.2, 0.37, 0.05, NULL, 5);
    synth_add(mix, bass, 1.0);
    synth_add(mix, rest, 1.0);
    const ub_settings settings = few_components(UB_METHOD_BASS);
    stem_shelf *shelf = small_separate_well(mix, NULL, &settings);
    assert_true(gain_db(shelf, "bass", mix, bass) > 10.0);
    // A low note may be anybody's: the rest keeps about half of it, and cannot gain 6 dB.
    assert_true(gain_db(shelf, "rest", mix, rest) > 3.5);
    stem_shelf_free(shelf);
    synth_free(bass);
    synth_free(rest);
    synth_free(mix);
}

// Nobody asks whether there is a bass; chords an octave above one are hardly touched.
static void chords_without_a_bass_stay_what_they_are(void **state)
{
    (void)state;
    const double chord[] = {196.0, 247.0, 294.0}, other[] = {262.0, 330.0, 392.0};
    const size_t n = (size_t)(4.0 * RATE_HZ);
    synth *keys = synth_new(1, n, RATE_HZ);
    for (size_t i = 0; i < 3; i++) {
        const double hz[] = {chord[i], other[i]};
        synth_add_notes(keys, hz, 2, 0.5, 2.0, NULL);
    }
    const ub_settings settings = few_components(UB_METHOD_BAND);
    stem_shelf *shelf = small_separate_well(keys, NULL, &settings);
    const float *const *stem = (const float *const *)stem_shelf_find(shelf, "other");
    assert_true(si_sdr_db(keys, stem) > 17.0);
    stem_shelf_free(shelf);
    synth_free(keys);
}

// Three partials that glide up and down, never twice the same way.
static void add_voice(synth *sound)
{
    double phase = 0.0;
    for (size_t i = 0; i < sound->n_samples; i++) {
        const double s = (double)i / RATE_HZ;
        phase += TWO_PI * (500.0 + 150.0 * sin(3.1 * s) + 60.0 * sin(TWO_PI * 5.3 * s)) / RATE_HZ;
        for (size_t h = 1; h <= 3; h++) {
            sound->channels[0][i] += (float)(0.1 * sin((double)h * phase));
        }
    }
}

// Bass and bursts, and keys that repeat themselves below a voice, or a tune that does not alone.
static void take_band_apart(bool is_sung)
{
    const double low[] = {55.0, 73.0}, keys[] = {523.0, 659.0};
    const double tune[] = {330.0, 1175.0, 440.0, 784.0, 415.0, 988.0, 370.0, 880.0, 349.0};
    const size_t n = (size_t)(8.0 * RATE_HZ);
    synth *of[4], *mix = synth_new(1, n, RATE_HZ);
    const char *const stems[] = {"vocals", "drums", "bass", "other"};
    for (size_t j = 0; j < 4; j++) {
        of[j] = synth_new(1, n, RATE_HZ);
    }
    synth_add_bursts(of[1], 0.2, 0.5, 0.05, NULL, 5);
    synth_add_notes(of[2], low, 2, 0.5, 1.0, NULL);
    if (is_sung) {
        add_voice(of[0]);
        synth_add_notes(of[3], keys, 2, 0.5, 1.0, NULL);
    } else {
        synth_add_notes(of[3], tune, 9, 0.87, 3.0, NULL);
    }
    for (size_t j = 0; j < 4; j++) {
        synth_add(mix, of[j], 1.0);
    }
    const ub_settings settings = few_components(UB_METHOD_BAND);
    stem_shelf *shelf = small_separate_well(mix, NULL, &settings);
    for (size_t j = 0; j < 4; j++) {
        assert_true((j == 0 && !is_sung) || gain_db(shelf, stems[j], mix, of[j]) > 4.0);
        synth_free(of[j]);
    }
    assert_true(stem_shelf_null_db(shelf, mix) < -120.0);
    stem_shelf_free(shelf);
    synth_free(mix);
}

static void a_band_is_taken_apart(void **state)
{
    (void)state;
    take_band_apart(false);
    take_band_apart(true);
}

// How much better drums are told from keys by a dictionary of both than without.
static double gain_by_dictionary_db(const synth *keys, const synth *drums)
{
    synth *mix = synth_new(1, keys->n_samples, RATE_HZ);
    synth_add(mix, keys, 1.0);
    synth_add(mix, drums, 1.0);
    const ub_audio audio[] = {synth_audio(keys), synth_audio(drums)};
    const ub_training sources[] = {{"keys", &audio[0], 1}, {"drums", &audio[1], 1}};
    ub_settings learning = small_learning();
    learning.value[UB_PARAM_WINDOW_MS] = 93.0; // of the medians, too
    ub_dictionary dictionary = small_learn(sources, 2, &learning);
    const ub_settings settings = few_components(UB_METHOD_HARMONIC_PERCUSSIVE);
    stem_shelf *blind = small_separate_well(mix, NULL, &settings);
    stem_shelf *taught = small_separate_well(mix, &dictionary, &settings);
    const double before = gain_db(blind, "percussive", mix, drums);
    const double after = gain_db(taught, "percussive", mix, drums);
    stem_shelf_free(blind);
    stem_shelf_free(taught);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
    return after - before;
}

// Drums that ring as keys do are drums to the dictionary alone.
static void a_dictionary_is_believed_as_far_as_medians_confirm_it(void **state)
{
    (void)state;
    const size_t n = (size_t)(3.0 * RATE_HZ);
    const double hz[] = {1500.0, 1900.0};
    synth *notes = synth_low_notes(1, 3.0, RATE_HZ);
    synth *hits = synth_new(1, n, RATE_HZ), *bells = synth_new(1, n, RATE_HZ);
    synth_add_bursts(hits, 0.2, 0.37, 0.05, NULL, 5);
    synth_add_notes(bells, hz, 2, 0.7, 2.0, NULL);
    assert_true(gain_by_dictionary_db(notes, hits) > 4.0);
    assert_true(gain_by_dictionary_db(notes, bells) < 3.0);
    synth_free(notes);
    synth_free(hits);
    synth_free(bells);
}

static void a_dictionary_without_drums_is_refused(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 0.5, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_settings settings = few_components(UB_METHOD_HARMONIC_PERCUSSIVE);
    ub_status status;
    ub_message why = {""};
    stem_shelf_free(small_separate(mix, &dictionary, &settings, &status, &why));
    assert_int_equal(status, UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "a source 'percussive'"));
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

static const ub_method methods[] = {UB_METHOD_HARMONIC_PERCUSSIVE, UB_METHOD_BASS, UB_METHOD_BAND};
enum { N_METHODS = sizeof methods / sizeof *methods };

static void silence_and_shreds_stay_finite(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 100, 2000};
    for (size_t i = 0; i < 3 * N_METHODS; i++) {
        const ub_settings settings = few_components(methods[i / 3]);
        synth *mix = synth_new(1 + i % 2, lengths[i % 3], RATE_HZ);
        stem_shelf *silent = small_separate_well(mix, NULL, &settings);
        assert_true(stem_shelf_same(silent, silent));
        mix->channels[0][0] = 0.5f;
        stem_shelf *click = small_separate_well(mix, NULL, &settings);
        assert_true(stem_shelf_null_db(click, mix) < -120.0);
        stem_shelf_free(silent);
        stem_shelf_free(click);
        synth_free(mix);
    }
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    synth *mix = small_mix(2, 1.0, RATE_HZ);
    for (size_t i = 0; i < N_METHODS; i++) {
        ub_settings settings = few_components(methods[i]);
        stem_shelf *one = small_separate_well(mix, NULL, &settings);
        settings.value[UB_PARAM_THREADS] = 3.0;
        stem_shelf *three = small_separate_well(mix, NULL, &settings);
        assert_true(stem_shelf_same(one, three));
        stem_shelf_free(one);
        stem_shelf_free(three);
    }
    synth_free(mix);
}

// ---- guides alone ------------------------------------------------------------------------------

enum { BINS = 65, FRAMES = 24, MOST_MASKS = 8 };

// A guide on a small scene of one channel. It knows drums if `templates` are given.
static ub_status run_alone(ub_method method, const ub_matrix *spectra, const ub_matrix *templates,
                           const ub_progress *progress, ub_matrix *masks)
{
    char drums[] = "drums", keys[] = "keys", *sources[] = {drums, keys};
    size_t source[] = {0, 1, 1};
    const ub_dictionary dictionary = {.n_sources = 2,
                                      .source_names = sources,
                                      .component_source = source,
                                      .templates = templates ? *templates : (ub_matrix){0}};
    const ub_settings settings = few_components(method);
    const ub_scene scene = {.spectra = spectra,
                            .n_channels = 1,
                            .rate_hz = RATE_HZ,
                            .size_samples = 2 * (BINS - 1),
                            .hop_samples = (BINS - 1) / 2,
                            .n_frames = FRAMES,
                            .dictionary = templates ? &dictionary : NULL,
                            .settings = &settings,
                            .n_threads = 1};
    const ub_guide *guide = ub_guide_of_method(method);
    return guide->masks(guide->context, &scene, progress, masks, NULL);
}

static ub_matrix *new_masks(void)
{
    ub_matrix *masks = calloc(MOST_MASKS, sizeof *masks);
    assert_non_null(masks);
    for (size_t i = 0; i < MOST_MASKS; i++) {
        assert_int_equal(ub_matrix_new(BINS, FRAMES, &masks[i]), UB_OK);
    }
    return masks;
}

static void free_masks(ub_matrix *masks)
{
    for (size_t i = 0; i < MOST_MASKS; i++) {
        ub_matrix_free(&masks[i]);
    }
    free(masks);
}

static ub_matrix some_spectra(size_t n)
{
    ub_matrix v;
    ub_random random = ub_random_new(3);
    assert_int_equal(ub_matrix_new(BINS, n, &v), UB_OK);
    for (size_t i = 0; i < BINS * n; i++) {
        ub_matrix_column(&v, i / BINS)[i % BINS] = ub_random_uniform(&random);
    }
    return v;
}

static void no_memory_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_matrix v = some_spectra(FRAMES), w = some_spectra(3);
    for (size_t i = 0; i < 2 * N_METHODS; i++) {
        ub_status status = UB_NO_MEMORY;
        for (size_t n = 1; status && n < 400; n++) {
            ub_matrix *masks = new_masks();
            size_t still_held = 0;
            malloc_guard_start(n);
            status = run_alone(methods[i / 2], &v, i % 2 ? &w : NULL, NULL, masks);
            malloc_guard_stop(&still_held);
            assert_true(status == UB_OK || status == UB_NO_MEMORY);
            assert_int_equal(still_held, 0);
            free_masks(masks);
        }
        assert_int_equal(status, UB_OK);
    }
    ub_matrix_free(&v);
    ub_matrix_free(&w);
}

// Cancels at some call, and looks whether fractions fall.
struct listener {
    size_t n_calls, cancel_at;
    double last;
};

static int listen(void *context, const char *stage, double fraction)
{
    struct listener *listener = context;
    (void)stage;
    assert_true(fraction >= listener->last && fraction <= 1.0);
    listener->last = fraction;
    listener->n_calls++;
    return listener->n_calls == listener->cancel_at;
}

static void a_guide_ends_when_it_is_told_to(void **state)
{
    (void)state;
    ub_matrix v = some_spectra(FRAMES), w = some_spectra(3);
    for (size_t i = 0; i < 2 * N_METHODS; i++) {
        size_t n_calls = 2;
        for (size_t cancel_at = 0; cancel_at < n_calls; cancel_at++) {
            struct listener listener = {.cancel_at = cancel_at};
            const ub_progress progress = {listen, &listener, NULL};
            ub_matrix *masks = new_masks();
            const ub_status status =
                run_alone(methods[i / 2], &v, i % 2 ? &w : NULL, &progress, masks);
            assert_int_equal(status, cancel_at ? UB_CANCELLED : UB_OK);
            n_calls = cancel_at ? n_calls : listener.n_calls + 1;
            assert_true(cancel_at == 0 || listener.n_calls == cancel_at);
            free_masks(masks);
        }
        assert_true(n_calls >= 2);
    }
    ub_matrix_free(&v);
    ub_matrix_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_ring_or_are_struck_and_silence_is_neither),
        cmocka_unit_test(hits_and_tones_are_told_apart),
        cmocka_unit_test(a_bass_is_low_and_rings),
        cmocka_unit_test(chords_without_a_bass_stay_what_they_are),
        cmocka_unit_test(a_band_is_taken_apart),
        cmocka_unit_test(a_dictionary_is_believed_as_far_as_medians_confirm_it),
        cmocka_unit_test(a_dictionary_without_drums_is_refused),
        cmocka_unit_test(silence_and_shreds_stay_finite),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(no_memory_is_an_error_and_nothing_leaks),
        cmocka_unit_test(a_guide_ends_when_it_is_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
