// SPDX-License-Identifier: GPL-3.0-or-later
// Separation by a guide: stretches, how they are faded, and what a guide may do wrong.
#include "malloc_guard.h"
#include "separate/guided.h"
#include "small.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
static const char *const names[] = {"below", "above"};

// What a guide of these tests does, and what it has seen.
struct tale {
    double turn_s; // below and above change places at this time; past the end: never
    float odd; // what masks are in the third bin
    ub_status fails_with;
    size_t n_calls;
    size_t first[16], n_frames[16];
};

// Bins below two kilohertz, and above. Gains that do not sum to one, as guides may give.
static ub_status masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                       ub_matrix *out, ub_message *why)
{
    struct tale *tale = *(struct tale *const *)context;
    const size_t n_bins = scene->spectra[0].n_rows, split = ub_scene_bin(scene, 2000.0);
    if (tale->fails_with) {
        return ub_fail(why, tale->fails_with, "the guide has lost its way");
    }
    if (tale->n_calls < 16) {
        tale->first[tale->n_calls] = scene->first_frame;
        tale->n_frames[tale->n_calls] = scene->spectra[0].n_cols;
    }
    tale->n_calls++;
    for (size_t i = 0; i < scene->n_channels * scene->spectra[0].n_cols; i++) {
        const size_t channel = i % scene->n_channels, t = i / scene->n_channels;
        const bool is_turned = ub_scene_time_s(scene, t) >= tale->turn_s;
        float *below = ub_matrix_column(&out[is_turned ? scene->n_channels + channel : channel], t);
        float *above = ub_matrix_column(&out[is_turned ? channel : scene->n_channels + channel], t);
        for (size_t f = 0; f < n_bins; f++) {
            if (below[f] != 0.0f || above[f] != 0.0f) {
                return ub_fail(why, UB_BAD_VALUE, "masks are not zero before");
            }
            below[f] = f < split ? 3.0f : 0.0f;
            above[f] = f < split ? 0.0f : 0.25f;
        }
        below[3] = above[3] = tale->odd;
    }
    return ub_progress_report(progress, "guide", 1.0);
}

static stem_shelf *separate(struct tale *tale, const synth *mix, const ub_limits *limits,
                            double n_threads, ub_status *status, ub_message *why)
{
    const ub_guide guide = {.n_sources = 2, .names = names, .masks = masks, .context = &tale};
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_WINDOW_MS] = 32.0;
    settings.value[UB_PARAM_THREADS] = n_threads;
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    *status = ub_separate_by_guide(limits, &audio, &guide, NULL, &settings, NULL, &sink, why);
    return shelf;
}

static stem_shelf *separate_well(struct tale *tale, const synth *mix, const ub_limits *limits,
                                 double n_threads)
{
    ub_status status;
    ub_message why = {""};
    stem_shelf *shelf = separate(tale, mix, limits, n_threads, &status, &why);
    if (status) {
        print_message("%s\n", why.text);
    }
    assert_int_equal(status, UB_OK);
    assert_true(stem_shelf_is_complete(shelf));
    assert_true(stem_shelf_null_db(shelf, mix) < -120.0);
    return shelf;
}

// So small that a stretch has few frames: at 8 kHz and 32 ms one takes 576 bytes a channel.
static ub_limits small_limits(size_t n_frames)
{
    ub_limits limits = ub_limits_default();
    limits.spectra_bytes = 3 * n_frames * 576;
    return limits;
}

static void stems_sum_to_the_mix_and_are_what_the_masks_say(void **state)
{
    (void)state;
    synth *mix = small_mix(2, 1.5, RATE_HZ), *low = synth_low_notes(2, 1.5, RATE_HZ);
    const ub_limits limits = ub_limits_default();
    struct tale tale = {.turn_s = INFINITY};
    stem_shelf *shelf = separate_well(&tale, mix, &limits, 1.0);
    assert_int_equal(tale.n_calls, 1);
    const double db = si_sdr_db(low, (const float *const *)stem_shelf_find(shelf, "below"));
    assert_true(db > si_sdr_db(low, mix->views) + 5.0);
    stem_shelf_free(shelf);
    synth_free(low);
    synth_free(mix);
}

static void stretches_cover_the_recording_and_overlap(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 6.0, RATE_HZ);
    const ub_limits limits = small_limits(128);
    struct tale tale = {.turn_s = INFINITY};
    stem_shelf *shelf = separate_well(&tale, mix, &limits, 1.0);
    const size_t n = tale.n_calls;
    assert_in_range(n, 6, 10);
    assert_int_equal(tale.first[0], 0);
    for (size_t i = 1; i < n; i++) {
        const size_t end = tale.first[i - 1] + tale.n_frames[i - 1];
        assert_true(tale.n_frames[i] <= 128);
        assert_int_equal(end - tale.first[i], 16);
    }
    assert_int_equal(tale.first[n - 1] + tale.n_frames[n - 1], 753); // all frames of six seconds
    stem_shelf_free(shelf);
    synth_free(mix);
}

// A guide without a memory gives the same masks whatever the stretches are.
static void cuts_into_stretches_blocks_and_threads_are_not_heard(void **state)
{
    (void)state;
    synth *mix = small_mix(2, 3.0, RATE_HZ);
    ub_limits limits = ub_limits_default();
    struct tale first = {.turn_s = 1.7};
    stem_shelf *whole = separate_well(&first, mix, &limits, 1.0);
    const size_t blocks[] = {1, 7, 64, 1000};
    for (size_t i = 0; i < 4; i++) {
        limits = small_limits(2 * (64 + 5 * i));
        limits.block_frames = blocks[i];
        struct tale tale = {.turn_s = 1.7};
        stem_shelf *cut = separate_well(&tale, mix, &limits, (double)(1 + i % 2));
        assert_true(tale.n_calls > 3);
        assert_true(stem_shelf_same(whole, cut));
        stem_shelf_free(cut);
    }
    stem_shelf_free(whole);
    synth_free(mix);
}

static void masks_that_are_zero_or_not_finite_become_equal_shares(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 1.0, RATE_HZ);
    const ub_limits limits = ub_limits_default();
    struct tale zero = {.turn_s = INFINITY}, equal = {.turn_s = INFINITY, .odd = 1.0f};
    stem_shelf *right = separate_well(&equal, mix, &limits, 1.0);
    const float odd[] = {0.0f, NAN, INFINITY};
    for (size_t i = 0; i < 3; i++) {
        zero.odd = odd[i];
        stem_shelf *shelf = separate_well(&zero, mix, &limits, 1.0);
        assert_true(stem_shelf_same(right, shelf));
        stem_shelf_free(shelf);
    }
    stem_shelf_free(right);
    synth_free(mix);
}

static void what_the_guide_says_of_a_failure_is_returned(void **state)
{
    (void)state;
    synth *mix = small_mix(1, 1.0, RATE_HZ);
    const ub_limits limits = ub_limits_default();
    struct tale tale = {.fails_with = UB_BAD_VALUE};
    ub_status status;
    ub_message why = {""};
    stem_shelf_free(separate(&tale, mix, &limits, 1.0, &status, &why));
    assert_int_equal(status, UB_BAD_VALUE);
    assert_string_equal(why.text, "the guide has lost its way");
    synth_free(mix);
}

static void an_empty_recording_gives_empty_stems_and_asks_nobody(void **state)
{
    (void)state;
    synth *mix = synth_new(1, 0, RATE_HZ);
    const ub_limits limits = ub_limits_default();
    struct tale tale = {.fails_with = UB_BAD_VALUE};
    stem_shelf *shelf = separate_well(&tale, mix, &limits, 1.0);
    assert_int_equal(shelf->n_stems, 2);
    stem_shelf_free(shelf);
    synth_free(mix);
}

static void no_memory_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    synth *mix = small_mix(1, 0.3, RATE_HZ);
    const ub_limits limits = ub_limits_default();
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status && n < 200; n++) {
        struct tale tale = {.turn_s = INFINITY};
        const ub_guide guide = {
            .n_sources = 2, .names = names, .masks = masks, .context = &(struct tale *){&tale}};
        const ub_settings settings = ub_settings_default();
        const ub_audio audio = synth_audio(mix);
        const ub_stem_sink sink = stem_sink_to_nowhere();
        ub_message why = {""};
        size_t still_held = 0;
        malloc_guard_start(n);
        status = ub_separate_by_guide(&limits, &audio, &guide, NULL, &settings, NULL, &sink, &why);
        malloc_guard_stop(&still_held);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_int_equal(still_held, 0);
    }
    assert_int_equal(status, UB_OK);
    synth_free(mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stems_sum_to_the_mix_and_are_what_the_masks_say),
        cmocka_unit_test(stretches_cover_the_recording_and_overlap),
        cmocka_unit_test(cuts_into_stretches_blocks_and_threads_are_not_heard),
        cmocka_unit_test(masks_that_are_zero_or_not_finite_become_equal_shares),
        cmocka_unit_test(what_the_guide_says_of_a_failure_is_returned),
        cmocka_unit_test(an_empty_recording_gives_empty_stems_and_asks_nobody),
        cmocka_unit_test(no_memory_is_an_error_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
