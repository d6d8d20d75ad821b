// SPDX-License-Identifier: GPL-3.0-or-later
// Drums taken apart by the hits of a dictionary: what each stem holds, and what is refused.
#include "drum_case.h"
#include "guide/hits_guide.h"
#include "malloc_guard.h"
#include "stem_shelf.h"
#include "unbraid/separate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_BEATS = 3, N_HITS = 3 * N_BEATS };

static const double RATE_HZ = 44100.0, SECONDS = 1.7;

// A kick and an open hat on every beat, and a closed one between.
static const ub_note *groove(bool has_kick, bool has_hats, size_t *n)
{
    static ub_note hits[N_HITS];
    *n = 0;
    for (size_t i = 0; i < N_HITS; i++) {
        const int keys[] = {DRUM_CASE_KICK, DRUM_CASE_OPEN, DRUM_CASE_CLOSED};
        const bool is_kick = i % 3 == 0;
        if (is_kick ? has_kick : has_hats) {
            hits[(*n)++] =
                (ub_note){.onset_s = 0.2137 + 0.44 * (double)(i / 3) + (i % 3 == 2 ? 0.22 : 0.0),
                          .pitch = keys[i % 3],
                          .velocity = 80 + (int)(i * 37 % 40)};
        }
    }
    return hits;
}

static synth *play(size_t n_channels, bool has_kick, bool has_hats)
{
    size_t n = 0;
    const ub_note *hits = groove(has_kick, has_hats, &n);
    return drum_case_sound(n_channels, SECONDS, RATE_HZ, hits, n);
}

static stem_shelf *separate(const synth *mix, double n_threads, const ub_dictionary *dictionary,
                            ub_status *status)
{
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_METHOD] = UB_METHOD_HITS;
    settings.value[UB_PARAM_THREADS] = n_threads;
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    *status = ub_separate(&audio, dictionary, &settings, NULL, &sink, NULL);
    return shelf;
}

static stem_shelf *separate_well(const synth *mix, double n_threads)
{
    ub_dictionary dictionary = drum_case_dictionary();
    ub_status status;
    stem_shelf *shelf = separate(mix, n_threads, &dictionary, &status);
    ub_dictionary_free(&dictionary);
    assert_int_equal(status, UB_OK);
    assert_true(stem_shelf_is_complete(shelf));
    assert_true(stem_shelf_null_db(shelf, mix) < -120.0);
    return shelf;
}

static double stem_db(const stem_shelf *shelf, const char *name, const synth *truth)
{
    return si_sdr_db(truth, (const float *const *)stem_shelf_find(shelf, name));
}

static double energy(float *const *channels, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)channels[0][i] * (double)channels[0][i];
    }
    return sum;
}

static void drums_that_are_hit_together_come_apart(void **state)
{
    (void)state;
    for (size_t n_channels = 1; n_channels <= 2; n_channels++) {
        synth *kick = play(n_channels, true, false), *hats = play(n_channels, false, true);
        synth *mix = play(n_channels, true, true);
        // In two channels the hats lie on one side.
        for (size_t i = 0; n_channels == 2 && i < mix->n_samples; i++) {
            mix->channels[1][i] -= 0.8f * hats->channels[1][i];
            hats->channels[1][i] *= 0.2f;
        }
        stem_shelf *shelf = separate_well(mix, 1.0);
        assert_true(stem_db(shelf, "kick", kick) > si_sdr_db(kick, mix->views) + 15.0);
        assert_true(stem_db(shelf, "hats", hats) > si_sdr_db(hats, mix->views) + 15.0);
        stem_shelf_free(shelf);
        synth_free(kick);
        synth_free(hats);
        synth_free(mix);
    }
}

static void a_drum_that_does_not_play_is_near_silent(void **state)
{
    (void)state;
    synth *mix = play(1, false, true);
    stem_shelf *shelf = separate_well(mix, 1.0);
    const double all = energy(mix->channels, mix->n_samples);
    assert_true(energy(stem_shelf_find(shelf, "kick"), mix->n_samples) < 1e-3 * all);
    stem_shelf_free(shelf);
    synth_free(mix);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    synth *mix = play(1, true, true);
    stem_shelf *one = separate_well(mix, 1.0), *three = separate_well(mix, 3.0);
    assert_true(stem_shelf_same(one, three));
    stem_shelf_free(one);
    stem_shelf_free(three);
    synth_free(mix);
}

static void silence_has_silent_stems(void **state)
{
    (void)state;
    synth *mix = synth_new(1, 20000, RATE_HZ);
    stem_shelf *shelf = separate_well(mix, 1.0);
    assert_true(energy(stem_shelf_find(shelf, "kick"), mix->n_samples) == 0.0);
    stem_shelf_free(shelf);
    synth_free(mix);
}

static void a_dictionary_without_hits_is_refused(void **state)
{
    (void)state;
    synth *mix = play(1, true, true);
    ub_dictionary dictionary = drum_case_dictionary();
    free(dictionary.component_pitch);
    dictionary.component_pitch = NULL;
    ub_status status;
    stem_shelf_free(separate(mix, 1.0, &dictionary, &status));
    assert_int_equal(status, UB_BAD_VALUE);
    stem_shelf_free(separate(mix, 1.0, NULL, &status));
    assert_int_equal(status, UB_BAD_SETTING);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
}

enum { FRAMES = 60 };

// A kick and an open hat, one after the other, as the dictionary has them.
static ub_matrix two_hits(const ub_dictionary *d)
{
    const size_t n_bins = d->templates.n_rows;
    ub_matrix v;
    assert_int_equal(ub_matrix_new(n_bins, FRAMES, &v), UB_OK);
    for (size_t k = 0; k < 3; k += 2) {
        for (size_t lag = 0; lag <= d->n_after; lag++) {
            const float *w = lag ? ub_matrix_column(&d->context, k) + (lag - 1) * n_bins
                                 : ub_matrix_column(&d->templates, k);
            for (size_t f = 0; f < n_bins; f++) {
                ub_matrix_column(&v, 8 + 15 * k + lag)[f] = w[f];
            }
        }
    }
    return v;
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_dictionary dictionary = drum_case_dictionary();
    const ub_settings settings = ub_settings_default();
    ub_matrix spectra = two_hits(&dictionary), masks[2];
    const ub_scene scene = {.spectra = &spectra,
                            .n_channels = 1,
                            .rate_hz = RATE_HZ,
                            .size_samples = 2048,
                            .hop_samples = 512,
                            .n_frames = FRAMES,
                            .dictionary = &dictionary,
                            .settings = &settings,
                            .n_threads = 1};
    assert_int_equal(ub_matrix_new(spectra.n_rows, FRAMES, &masks[0]), UB_OK);
    assert_int_equal(ub_matrix_new(spectra.n_rows, FRAMES, &masks[1]), UB_OK);
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        size_t held;
        malloc_guard_start(n);
        status = ub_guide_hits.masks(NULL, &scene, NULL, masks, NULL);
        malloc_guard_stop(&held);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_int_equal(held, 0);
    }
    ub_matrix_free(&masks[0]);
    ub_matrix_free(&masks[1]);
    ub_matrix_free(&spectra);
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drums_that_are_hit_together_come_apart),
        cmocka_unit_test(a_drum_that_does_not_play_is_near_silent),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(silence_has_silent_stems),
        cmocka_unit_test(a_dictionary_without_hits_is_refused),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
