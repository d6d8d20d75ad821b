// SPDX-License-Identifier: GPL-3.0-or-later
// What separations of the library are worth on small synthesised pieces, as promised decibels. The
// promises leave room for the rounding of other machines and are not the last figure reached.
#include "small.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_SOURCES = 2 };

static const double RATE_HZ = 8000.0;

typedef struct promise {
    const char *what;
    size_t n_channels;
    bool with_dictionary;
    size_t n_known; // sources of the dictionary that are kept
    double n_components;
    double n_free;
    size_t spectra_bytes; // 0: without limits. Else far fewer than the piece has
    double gain_db; // SI-SDR above that of the mix, the lesser of both sources
} promise;

// A dictionary of the first source alone.
static void forget_high(ub_dictionary *dictionary)
{
    dictionary->n_sources = 1;
    dictionary->templates.n_cols = dictionary->context.n_cols = 4;
    // The name is freed by its owner, which counts sources.
    free(dictionary->source_names[1]);
    dictionary->source_names[1] = NULL;
}

// The better of both assignments of two stems: blind stems do not know their names.
static double least_gain(const stem_shelf *shelf, synth *const *truths, const synth *mix)
{
    double best = -999.0;
    for (size_t swap = 0; swap < 2; swap++) {
        double least = 999.0;
        for (size_t j = 0; j < N_SOURCES; j++) {
            const float *const *stem = (const float *const *)shelf->samples[(j + swap) % 2];
            const double gain =
                si_sdr_db(truths[j], stem) - si_sdr_db(truths[j], mix->planar.channels);
            least = gain < least ? gain : least;
        }
        best = least > best ? least : best;
    }
    return best;
}

static double reach(const promise *wanted)
{
    const double seconds = wanted->spectra_bytes ? 10.0 : 2.0;
    synth *truths[] = {synth_low_notes(wanted->n_channels, seconds, RATE_HZ),
                       synth_high_bursts(wanted->n_channels, seconds, RATE_HZ)};
    synth *mix = small_mix(wanted->n_channels, seconds, RATE_HZ);
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    if (wanted->n_known == 1) {
        forget_high(&dictionary);
    }
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_ITERATIONS] = 50;
    settings.value[UB_PARAM_COMPONENTS] = wanted->n_components;
    settings.value[UB_PARAM_FREE] = wanted->n_free;
    ub_limits limits = ub_limits_default();
    if (wanted->spectra_bytes) {
        limits.spectra_bytes = wanted->spectra_bytes;
    }
    stem_shelf *shelf = small_separate_within(
        &limits, mix, wanted->with_dictionary ? &dictionary : NULL, &settings);
    assert_int_equal(shelf->n_stems, N_SOURCES);
    const double gain_db = least_gain(shelf, truths, mix);
    stem_shelf_free(shelf);
    ub_dictionary_free(&dictionary);
    synth_free(mix);
    synth_free(truths[0]);
    synth_free(truths[1]);
    return gain_db;
}

static void every_way_to_separate_reaches_what_it_promises(void **state)
{
    (void)state;
    const promise promises[] = {
        {"dictionary, mono", 1, true, 2, 0, 0, 0, 20.0},
        {"dictionary, stereo", 2, true, 2, 0, 0, 0, 20.0},
        {"one known source and free components, mono", 1, true, 1, 0, 4, 0, 18.0},
        {"one known source and free components, stereo", 2, true, 1, 0, 4, 0, 20.0},
        // Without panning the groups of blind components are not to be relied on: no promise.
        {"blind, stereo", 2, false, 2, 12, 0, 0, 18.0},
        {"blind, stereo, many components", 2, false, 2, 32, 0, 0, 15.0},
        // 434 frames, of which 192 are seen before the stems are made.
        {"dictionary, stereo, from a sample", 2, true, 2, 0, 0, 600000, 20.0},
        {"free components, stereo, from a sample", 2, true, 1, 0, 4, 600000, 20.0},
        {"blind, stereo, from a sample", 2, false, 2, 12, 0, 600000, 18.0},
    };
    bool kept = true;
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        const double gain_db = reach(&promises[i]);
        print_message("%s: %.1f dB, promised %.0f\n", promises[i].what, gain_db,
                      promises[i].gain_db);
        kept = kept && gain_db >= promises[i].gain_db;
    }
    assert_true(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_separate_reaches_what_it_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
