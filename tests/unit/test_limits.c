// SPDX-License-Identifier: GPL-3.0-or-later
// Memory is bounded whatever the length, and that is not heard: no seam between blocks.
#include "malloc_guard.h"
#include "sanitized.h"
#include "small.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// Frames a block has, cut after cut. A sanitizer sees the smallest block and those around an edge.
#ifdef SANITIZED
static const size_t CUTS[] = {1, 63, 64, 65};
#else
static const size_t CUTS[] = {1, 2, 7, 63, 64, 65, 128};
#endif

// Every cut into blocks against the whole signal as one block.
static void check_cuts(ub_limits limits, const synth *mix, const ub_dictionary *dictionary,
                       const ub_settings *settings)
{
    limits.block_frames = 1000;
    stem_shelf *whole = small_separate_within(&limits, mix, dictionary, settings);
    assert_true(stem_shelf_null_db(whole, mix) <= -120.0);
    for (size_t i = 0; i < sizeof CUTS / sizeof *CUTS; i++) {
        limits.block_frames = CUTS[i];
        ub_settings now = *settings;
        now.value[UB_PARAM_THREADS] = i == 3 ? 3.0 : (double)(1 + i % 2);
        stem_shelf *cut = small_separate_within(&limits, mix, dictionary, &now);
        if (!stem_shelf_same(whole, cut)) {
            print_message("%zu samples differ in blocks of %zu frames\n", mix->n_samples, CUTS[i]);
        }
        assert_true(stem_shelf_same(whole, cut));
        stem_shelf_free(cut);
    }
    stem_shelf_free(whole);
}

static synth *new_mix(size_t n_channels, size_t n_samples)
{
    synth *mix = small_mix(n_channels, (double)n_samples / RATE_HZ + 1e-9, RATE_HZ);
    assert_int_equal(mix->n_samples, n_samples);
    for (size_t c = 0; c < n_channels; c++) {
        // Sound up to both ends: a slip there shows.
        mix->channels[c][0] += 0.5f;
        mix->channels[c][n_samples - 1] -= 0.5f;
    }
    return mix;
}

static void stems_of_a_dictionary_are_the_same_bits_for_any_cut_into_blocks(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_settings settings = small_settings();
    const ub_limits limits = ub_limits_default();
    const size_t hop = dictionary.hop_samples, size = dictionary.window_samples;
    // A block of 64 frames ends with these signals, one sample or hop before them or after.
    const size_t block = 64 * hop, lead = size - hop;
    const size_t lengths[] = {1,           block - lead - 1, block - lead, block - lead + 1,
                              block - hop, block - 1,        block,        block + 1,
                              block + hop, 2 * block - lead, 3 * block + 5};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        synth *mix = new_mix(1 + i % 2, lengths[i]);
        check_cuts(limits, mix, &dictionary, &settings);
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

// Every way to separate.
typedef struct approach {
    const char *what;
    bool with_dictionary;
    double n_free, continuity;
} approach;

static const approach ways[] = {
    {"blind", false, 0.0, 0.0},
    {"dictionary", true, 0.0, 0.0},
    {"free components", true, 2.0, 0.0},
    {"blind, continuity", false, 0.0, 0.1},
    {"dictionary, continuity", true, 0.0, 0.1},
    {"free components, continuity", true, 2.0, 0.1},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static ub_settings settings_for(const approach *way)
{
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_FREE] = way->n_free;
    settings.value[UB_PARAM_CONTINUITY] = way->continuity;
    return settings;
}

static void stems_are_the_same_bits_for_any_cut_however_they_are_made(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    // Of these frames at most 128 are held: fitted to the whole, and to a sample.
    synth *mixes[] = {new_mix(2, 64 * dictionary.hop_samples + 1),
                      new_mix(2, 250 * dictionary.hop_samples)};
    for (size_t i = 0; i < 2 * N_WAYS; i++) {
        const approach *way = &ways[i / 2];
        const ub_settings settings = settings_for(way);
        ub_limits limits = ub_limits_default();
        limits.spectra_bytes = 2 * 128 * 384 * sizeof(float);
        check_cuts(limits, mixes[i % 2], way->with_dictionary ? &dictionary : NULL, &settings);
    }
    synth_free(mixes[0]);
    synth_free(mixes[1]);
    ub_dictionary_free(&dictionary);
}

static double difference_db(const stem_shelf *a, const stem_shelf *b)
{
    double lack = 0.0, whole = 1e-300;
    for (size_t j = 0; j < a->n_stems; j++) {
        for (size_t i = 0; i < a->n_samples; i++) {
            const double x = (double)a->samples[j][0][i], y = (double)b->samples[j][0][i];
            lack += (x - y) * (x - y);
            whole += x * x;
        }
    }
    return 10.0 * log10(lack / whole);
}

static void continuity_has_its_effect_in_long_recordings_too(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_ITERATIONS] = 60;
    synth *mix = new_mix(1, 600 * dictionary.hop_samples);
    const ub_limits wide = ub_limits_default();
    ub_limits narrow = wide;
    narrow.spectra_bytes = 200 * 384 * sizeof(float);
    stem_shelf *none = small_separate_within(&narrow, mix, &dictionary, &settings);
    settings.value[UB_PARAM_CONTINUITY] = 5.0;
    stem_shelf *held = small_separate_within(&wide, mix, &dictionary, &settings);
    stem_shelf *sampled = small_separate_within(&narrow, mix, &dictionary, &settings);
    const double effect_db = difference_db(held, none), lost_db = difference_db(held, sampled);
    print_message("continuity changes %.1f dB, the limit %.1f dB\n", effect_db, lost_db);
    assert_true(lost_db < effect_db - 2.0); // 5 dB here
    stem_shelf_free(none);
    stem_shelf_free(held);
    stem_shelf_free(sampled);
    synth_free(mix);
    ub_dictionary_free(&dictionary);
}

// A recording of any length that nobody keeps: a low tone that comes and goes, and noise.
static ub_status read_endless(void *context, size_t first, size_t n, float *const *channels,
                              ub_message *why)
{
    (void)context;
    (void)why;
    for (size_t i = first; i < first + n; i++) {
        const uint32_t hash = ((uint32_t)i * 2654435761u) ^ ((uint32_t)i >> 7);
        const float noise = (float)(hash * 2246822519u >> 8) / 8388608.0f - 1.0f;
        channels[0][i - first] = 0.3f * sinf(0.31f * (float)(i % 1000)) + 0.05f * noise;
        channels[1][i - first] = i / 500 % 2 ? noise * 0.2f : 0.0f;
    }
    return UB_OK;
}

static ub_status begin_nowhere(void *context, size_t n_stems, const char *const *names,
                               ub_message *why)
{
    (void)context;
    (void)n_stems;
    (void)names;
    (void)why;
    return UB_OK;
}

static ub_status count_samples(void *context, size_t first, size_t n,
                               const float *const *const *stems, ub_message *why)
{
    (void)first;
    (void)stems;
    (void)why;
    *(size_t *)context += n;
    return UB_OK;
}

static size_t peak_bytes(const approach *way, const ub_dictionary *dictionary, double minutes)
{
    const double rate_hz = 2000.0;
    size_t n_taken = 0;
    const ub_audio audio = {2, (size_t)(60.0 * minutes * rate_hz), rate_hz, read_endless, NULL};
    const ub_stem_sink sink = {begin_nowhere, count_samples, &n_taken};
    ub_settings settings = settings_for(way);
    settings.value[UB_PARAM_ITERATIONS] = 4;
    ub_limits limits = ub_limits_default();
    limits.spectra_bytes = 400000; // a fifth of a minute
    malloc_guard_start(0);
    const ub_status status = ub_separate_within(
        &limits, &audio, way->with_dictionary ? dictionary : NULL, &settings, NULL, &sink, NULL);
    size_t still_held;
    malloc_guard_stop(&still_held);
    assert_int_equal(status, UB_OK);
    assert_int_equal(n_taken, audio.n_samples);
    return malloc_guard_peak();
}

static void memory_does_not_grow_with_the_length(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_dictionary dictionary = small_dictionary(2000.0);
    for (size_t i = 0; i < N_WAYS; i++) {
        const size_t a = peak_bytes(&ways[i], &dictionary, 1.0);
        const size_t b = peak_bytes(&ways[i], &dictionary, 20.0);
        print_message("%s: %zu bytes for 1 minute, %zu for 20\n", ways[i].what, a, b);
        // What is known of every 64 frames takes 16 bytes.
        assert_true(a > 100000 && b <= a + 16 * 20 * 60 * 43 / 64);
    }
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stems_of_a_dictionary_are_the_same_bits_for_any_cut_into_blocks),
        cmocka_unit_test(stems_are_the_same_bits_for_any_cut_however_they_are_made),
        cmocka_unit_test(continuity_has_its_effect_in_long_recordings_too),
        cmocka_unit_test(memory_does_not_grow_with_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
