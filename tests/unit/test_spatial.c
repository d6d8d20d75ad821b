// SPDX-License-Identifier: GPL-3.0-or-later
// The multichannel Wiener filter, against the book and for what it is for.
#include "mask/spatial.h"
#include "reference_spatial.h"
#include "small.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double DIAGONAL = 1e-4; // as in spatial.c

// A scene of random sources with places of their own, and estimates that are what masks give.
typedef struct scene {
    size_t n_channels, n_sources, n_bins, n_frames;
    float complex *mix; // [channel][frame][bin]
    float complex *truth, *sources; // [source][channel][frame][bin]
    ub_spatial_frame *frames;
    const float complex **mixes;
    float complex **parts;
} scene;

static size_t place(const scene *s, size_t stem, size_t frame, size_t bin)
{
    return (stem * s->n_frames + frame) * s->n_bins + bin;
}

static float complex random_complex(ub_random *random)
{
    const double re = ub_random_uniform(random) - 0.5, im = ub_random_uniform(random) - 0.5;
    return (float complex)(re + im * I);
}

static void add_source(scene *s, size_t source, ub_random *random)
{
    for (size_t bin = 0; bin < s->n_bins; bin++) {
        float complex pan[4];
        for (size_t c = 0; c < s->n_channels; c++) {
            pan[c] = random_complex(random);
        }
        for (size_t t = 0; t < s->n_frames; t++) {
            const float loud = (float)ub_random_uniform(random);
            const float complex sound = loud * loud * loud * random_complex(random);
            for (size_t c = 0; c < s->n_channels; c++) {
                const size_t stem = source * s->n_channels + c;
                s->truth[place(s, stem, t, bin)] = pan[c] * sound;
                s->mix[place(s, c, t, bin)] += pan[c] * sound;
            }
        }
    }
}

// Masks from the true powers, as far as one can know them by masks.
static void estimate(scene *s)
{
    for (size_t i = 0; i < s->n_frames * s->n_bins; i++) {
        double power[4] = {0.0}, sum = 1e-12;
        for (size_t j = 0; j < s->n_sources * s->n_channels; j++) {
            const double size = cabsf(s->truth[j * s->n_frames * s->n_bins + i]);
            power[j / s->n_channels] += size;
            sum += size;
        }
        for (size_t j = 0; j < s->n_sources * s->n_channels; j++) {
            const float mask = (float)(power[j / s->n_channels] / sum);
            s->sources[j * s->n_frames * s->n_bins + i] =
                mask * s->mix[j % s->n_channels * s->n_frames * s->n_bins + i];
        }
    }
}

static scene scene_new(size_t n_channels, size_t n_sources, size_t n_bins, size_t n_frames,
                       uint64_t seed)
{
    scene s = {
        .n_channels = n_channels, .n_sources = n_sources, .n_bins = n_bins, .n_frames = n_frames};
    const size_t n = n_bins * n_frames, n_stems = n_sources * n_channels;
    ub_random random = ub_random_new(seed);
    s.mix = calloc(n * n_channels, sizeof *s.mix);
    s.truth = calloc(n * n_stems, sizeof *s.truth);
    s.sources = calloc(n * n_stems, sizeof *s.sources);
    s.frames = calloc(n_frames, sizeof *s.frames);
    s.mixes = calloc(n_frames * n_channels, sizeof *s.mixes);
    s.parts = calloc(n_frames * n_stems, sizeof *s.parts);
    for (size_t j = 0; j < n_sources; j++) {
        add_source(&s, j, &random);
    }
    estimate(&s);
    for (size_t t = 0; t < n_frames; t++) {
        s.frames[t] = (ub_spatial_frame){s.mixes + t * n_channels, s.parts + t * n_stems};
        for (size_t c = 0; c < n_channels; c++) {
            s.mixes[t * n_channels + c] = s.mix + place(&s, c, t, 0);
        }
        for (size_t i = 0; i < n_stems; i++) {
            s.parts[t * n_stems + i] = s.sources + place(&s, i, t, 0);
        }
    }
    return s;
}

static void scene_free(scene *s)
{
    free(s->mix);
    free(s->truth);
    free(s->sources);
    free(s->frames);
    free(s->mixes);
    free(s->parts);
}

static size_t n_values(const scene *s)
{
    return s->n_sources * s->n_channels * s->n_frames * s->n_bins;
}

// Rounds over the scene in calls of `step` frames.
static void run(scene *s, size_t n_rounds, bool rank_one, size_t step, size_t n_threads)
{
    ub_spatial *spatial = NULL;
    float complex *start = calloc(n_values(s), sizeof *start);
    memcpy(start, s->sources, n_values(s) * sizeof *start);
    assert_int_equal(ub_spatial_new(s->n_channels, s->n_sources, s->n_bins, rank_one, &spatial),
                     UB_OK);
    for (size_t round = 0; round <= n_rounds; round++) {
        memcpy(s->sources, start, n_values(s) * sizeof *start);
        for (size_t t = 0; t < s->n_frames; t += step) {
            const size_t n = s->n_frames - t < step ? s->n_frames - t : step;
            if (round < n_rounds) {
                ub_spatial_hear(spatial, s->frames + t, n, n_threads);
            } else {
                ub_spatial_filter(spatial, s->frames + t, n, n_threads);
            }
        }
        if (round < n_rounds) {
            assert_int_equal(ub_spatial_end_round(spatial), UB_OK);
        }
    }
    free(start);
    ub_spatial_free(spatial);
}

static double error_of(const scene *s)
{
    double sum = 0.0;
    for (size_t i = 0; i < n_values(s); i++) {
        const double size = cabsf(s->sources[i] - s->truth[i]);
        sum += size * size;
    }
    return sum;
}

static void check_sum(const scene *s)
{
    const size_t n = s->n_frames * s->n_bins;
    for (size_t i = 0; i < n * s->n_channels; i++) {
        float complex sum = 0.0f;
        for (size_t j = 0; j < s->n_sources; j++) {
            sum += s->sources[j * s->n_channels * n + i];
        }
        assert_true(cabsf(sum - s->mix[i]) < 1e-5); // parts of about one, in single precision
    }
}

static void rounds_are_those_of_the_book(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const size_t n_channels = 1 + seed % 4, n_sources = 1 + seed % 3;
        scene s = scene_new(n_channels, n_sources, 3, 20, seed);
        double complex mix[80], expected[240];
        scene copy = scene_new(n_channels, n_sources, 3, 20, seed);
        run(&s, 1 + seed % 2, false, 7, 1);
        for (size_t bin = 0; bin < 3; bin++) {
            for (size_t i = 0; i < 20 * n_channels; i++) {
                mix[i] = s.mix[place(&s, i % n_channels, i / n_channels, bin)];
            }
            const size_t n_stems = n_sources * n_channels;
            for (size_t i = 0; i < 20 * n_stems; i++) {
                expected[i] = copy.sources[place(&s, i % n_stems, i / n_stems, bin)];
            }
            reference_spatial(n_channels, n_sources, 20, 1 + seed % 2, DIAGONAL, mix, expected);
            for (size_t i = 0; i < 20 * n_stems; i++) {
                const float complex is = s.sources[place(&s, i % n_stems, i / n_stems, bin)];
                // Single precision between the rounds, times the condition of near-singular sums.
                assert_true(cabs(is - expected[i]) < 1e-3 * (0.01 + cabs(expected[i])));
            }
        }
        check_sum(&s);
        scene_free(&copy);
        scene_free(&s);
    }
}

static void sources_at_different_places_come_nearer_to_the_truth(void **state)
{
    (void)state;
    for (int rank_one = 0; rank_one < 2; rank_one++) {
        scene s = scene_new(2, 2, 16, 200, 5);
        const double before = error_of(&s);
        run(&s, 1, rank_one, 64, 1);
        const double after = error_of(&s);
        assert_true(after < 0.5 * before);
        check_sum(&s);
        scene_free(&s);
    }
}

static void calls_and_threads_change_no_bit(void **state)
{
    (void)state;
    scene a = scene_new(2, 3, 9, 50, 3), b = scene_new(2, 3, 9, 50, 3);
    run(&a, 2, false, 50, 1);
    run(&b, 2, false, 7, 2);
    assert_memory_equal(a.sources, b.sources, n_values(&a) * sizeof *a.sources);
    scene_free(&a);
    scene_free(&b);
}

static void silence_stays_silence_and_nothing_becomes_nan(void **state)
{
    (void)state;
    scene s = scene_new(2, 2, 4, 10, 1);
    for (size_t t = 0; t < 10; t++) {
        for (size_t i = 0; i < 4; i++) {
            s.sources[place(&s, i, t, 0)] = s.mix[place(&s, i % 2, t, 0)] = 0.0f; // a silent bin
            s.sources[place(&s, i, t, 1)] *= 1e-25f; // one that is hardly there
            s.mix[place(&s, i % 2, t, 1)] *= i < 2 ? 1e-25f : 1.0f;
            if (i < 2) { // and one that one source has alone
                s.sources[place(&s, i, t, 2)] = s.mix[place(&s, i, t, 2)];
                s.sources[place(&s, i + 2, t, 2)] = 0.0f;
            }
        }
    }
    run(&s, 2, false, 10, 1);
    for (size_t i = 0; i < n_values(&s); i++) {
        assert_true(isfinite(crealf(s.sources[i])) && isfinite(cimagf(s.sources[i])));
    }
    check_sum(&s);
    for (size_t t = 0; t < 10; t++) {
        assert_true(cabsf(s.sources[place(&s, 0, t, 0)]) == 0.0f);
        assert_true(cabsf(s.sources[place(&s, 2, t, 2)]) < 1e-6f);
    }
    scene_free(&s);
}

static stem_shelf *separate(const synth *mix, const ub_dictionary *dictionary, double n_rounds,
                            double block_frames)
{
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_MWF] = n_rounds;
    ub_limits limits = ub_limits_default();
    limits.block_frames = (size_t)block_frames;
    return small_separate_within(&limits, mix, dictionary, &settings);
}

static void stems_null_with_the_filter_and_mono_needs_none(void **state)
{
    (void)state;
    for (size_t n_channels = 1; n_channels <= 2; n_channels++) {
        synth *mix = small_mix(n_channels, 1.0, 8000.0);
        ub_dictionary dictionary = small_dictionary(8000.0);
        stem_shelf *plain = separate(mix, &dictionary, 0.0, 64.0);
        stem_shelf *filtered = separate(mix, &dictionary, 2.0, 64.0);
        stem_shelf *cut = separate(mix, &dictionary, 2.0, 9.0);
        assert_true(stem_shelf_null_db(filtered, mix) < -120.0);
        assert_true(stem_shelf_same(filtered, cut));
        assert_int_equal(stem_shelf_same(filtered, plain), n_channels == 1);
        stem_shelf_free(plain);
        stem_shelf_free(filtered);
        stem_shelf_free(cut);
        ub_dictionary_free(&dictionary);
        synth_free(mix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_are_those_of_the_book),
        cmocka_unit_test(sources_at_different_places_come_nearer_to_the_truth),
        cmocka_unit_test(calls_and_threads_change_no_bit),
        cmocka_unit_test(silence_stays_silence_and_nothing_becomes_nan),
        cmocka_unit_test(stems_null_with_the_filter_and_mono_needs_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
