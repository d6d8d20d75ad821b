// SPDX-License-Identifier: GPL-3.0-or-later
// What keeps memory bounded must not be heard: no seam between blocks.
#include "small.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// Every cut into blocks against the whole signal as one block.
static void check_cuts(const synth *mix, const ub_dictionary *dictionary,
                       const ub_settings *settings)
{
    const size_t cuts[] = {1, 2, 7, 63, 64, 65, 128};
    ub_limits limits = ub_limits_default();
    limits.block_frames = 1000;
    stem_shelf *whole = small_separate_within(&limits, mix, dictionary, settings);
    assert_true(stem_shelf_null_db(whole, mix) <= -120.0);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        limits.block_frames = cuts[i];
        ub_settings now = *settings;
        now.value[UB_PARAM_THREADS] = (double)(1 + i % 3);
        stem_shelf *cut = small_separate_within(&limits, mix, dictionary, &now);
        if (!stem_shelf_same(whole, cut)) {
            print_message("%zu samples differ in blocks of %zu frames\n", mix->n_samples, cuts[i]);
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
    const size_t hop = dictionary.hop_samples, size = dictionary.window_samples;
    // A block of 64 frames ends with these signals, one sample or hop before them or after.
    const size_t block = 64 * hop, lead = size - hop;
    const size_t lengths[] = {1,           block - lead - 1, block - lead, block - lead + 1,
                              block - hop, block - 1,        block,        block + 1,
                              block + hop, 2 * block - lead, 3 * block + 5};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        synth *mix = new_mix(1 + i % 2, lengths[i]);
        check_cuts(mix, &dictionary, &settings);
        synth_free(mix);
    }
    ub_dictionary_free(&dictionary);
}

static void blind_stems_are_the_same_bits_for_any_cut_into_blocks(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_CONTINUITY] = 0.1;
    synth *mix = new_mix(2, 64 * dictionary.hop_samples + 1);
    check_cuts(mix, NULL, &settings);
    settings.value[UB_PARAM_FREE] = 2;
    check_cuts(mix, &dictionary, &settings);
    synth_free(mix);
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stems_of_a_dictionary_are_the_same_bits_for_any_cut_into_blocks),
        cmocka_unit_test(blind_stems_are_the_same_bits_for_any_cut_into_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
