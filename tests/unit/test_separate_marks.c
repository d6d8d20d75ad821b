// SPDX-License-Identifier: GPL-3.0-or-later
// Separation by what a listener has marked.
#include "malloc_guard.h"
#include "separate/limits.h"
#include "stem_shelf.h"

#include <unbraid/separate_marks.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

static ub_settings settings_for(double n_threads)
{
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = n_threads;
    settings.value[UB_PARAM_COMPONENTS] = 12;
    return settings;
}

// Two tunes of the same kind, one an octave and a half above the other. From 1 s to 2.5 s the
// first one alone is heard, from 3 s to 4 s the second.
typedef struct duo {
    synth *low, *high, *mix;
} duo;

static void silence(synth *sound, double from_s, double to_s)
{
    for (size_t c = 0; c < sound->n_channels; c++) {
        for (size_t i = (size_t)(from_s * RATE_HZ); i < (size_t)(to_s * RATE_HZ); i++) {
            sound->channels[c][i] = 0.0f;
        }
    }
}

static duo duo_new(size_t n_channels, double seconds, const double *low_pan, const double *high_pan)
{
    static const double low[] = {220.0, 262.0, 294.0, 330.0}, high[] = {659.0, 784.0, 880.0};
    const size_t n = (size_t)(seconds * RATE_HZ);
    duo d = {synth_new(n_channels, n, RATE_HZ), synth_new(n_channels, n, RATE_HZ),
             synth_new(n_channels, n, RATE_HZ)};
    synth_add_notes(d.low, low, 4, 0.31, 0.3, low_pan);
    synth_add_notes(d.high, high, 3, 0.23, 0.2, high_pan);
    if (!low_pan) {
        silence(d.high, 1.0, 2.5);
        silence(d.low, 3.0, 4.0);
    }
    synth_add(d.mix, d.low, 1.0);
    synth_add(d.mix, d.high, 1.0);
    return d;
}

static void duo_free(duo *d)
{
    synth_free(d->low);
    synth_free(d->high);
    synth_free(d->mix);
}

static ub_mark region(const char *name, double from_s, double to_s)
{
    return (ub_mark){
        .name = name, .kind = UB_MARK_REGION, .from_s = from_s, .to_s = to_s, .high_hz = INFINITY};
}

static ub_mark place(const char *name, double position)
{
    return (ub_mark){.name = name, .kind = UB_MARK_POSITION, .position = position};
}

static stem_shelf *separate(const ub_limits *limits, const synth *mix, const ub_mark *marks,
                            size_t n, double n_threads)
{
    const ub_settings settings = settings_for(n_threads);
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    ub_message why = {""};
    if (ub_separate_marks_within(limits, &audio, marks, n, &settings, NULL, &sink, &why)) {
        fail_msg("%s", why.text);
    }
    assert_true(stem_shelf_is_complete(shelf));
    assert_true(stem_shelf_null_db(shelf, mix) < -120.0);
    return shelf;
}

static double gain_of(const stem_shelf *shelf, const char *name, const synth *truth,
                      const synth *mix)
{
    float *const *stem = stem_shelf_find(shelf, name);
    assert_non_null(stem);
    const double gain_db =
        si_sdr_db(truth, (const float *const *)stem) - si_sdr_db(truth, mix->views);
    print_message("%s: %.1f dB\n", name, gain_db);
    return gain_db;
}

static void marked_sources_are_stems_that_sum_to_the_mix(void **state)
{
    (void)state;
    duo d = duo_new(2, 6.0, NULL, NULL);
    const ub_mark marks[] = {region("high", 3.1, 3.9), region("low", 1.1, 1.9)};
    const ub_limits limits = ub_limits_default();
    stem_shelf *shelf = separate(&limits, d.mix, marks, 2, 1.0);
    assert_int_equal(shelf->n_stems, 2);
    assert_string_equal(shelf->names[0], "high");
    assert_true(gain_of(shelf, "low", d.low, d.mix) > 8.0);
    assert_true(gain_of(shelf, "high", d.high, d.mix) > 8.0);
    stem_shelf *again = separate(&limits, d.mix, marks, 2, 3.0);
    assert_true(stem_shelf_same(shelf, again));
    stem_shelf_free(again);
    stem_shelf_free(shelf);
    duo_free(&d);
}

static void a_name_alone_leaves_a_rest(void **state)
{
    (void)state;
    synth *mix = synth_low_notes(1, 6.0, RATE_HZ), *low = synth_low_notes(1, 6.0, RATE_HZ);
    synth *bursts = synth_high_bursts(1, 6.0, RATE_HZ);
    synth_add(mix, bursts, 1.0);
    ub_mark marks[] = {region("low", 0.0, 2.0), region("low", 3.0, 4.0)};
    marks[0].high_hz = marks[1].high_hz = 1000.0;
    const ub_limits limits = ub_limits_default();
    stem_shelf *shelf = separate(&limits, mix, marks, 2, 1.0);
    assert_int_equal(shelf->n_stems, 2);
    assert_true(gain_of(shelf, "low", low, mix) > 10.0);
    assert_true(gain_of(shelf, "rest", bursts, mix) > 10.0);
    stem_shelf_free(shelf);
    synth_free(mix);
    synth_free(low);
    synth_free(bursts);
}

// Stretches of a second or so, most of them without marks.
static void marks_hold_for_all_of_a_long_recording(void **state)
{
    (void)state;
    duo d = duo_new(1, 12.0, NULL, NULL);
    const ub_mark marks[] = {region("low", 1.1, 1.9), region("high", 3.1, 3.9)};
    ub_limits limits = ub_limits_default();
    limits.spectra_bytes = 150 * 1024 * sizeof(float);
    stem_shelf *shelf = separate(&limits, d.mix, marks, 2, 1.0);
    assert_true(gain_of(shelf, "low", d.low, d.mix) > 7.0);
    assert_true(gain_of(shelf, "high", d.high, d.mix) > 7.0);
    stem_shelf_free(shelf);
    duo_free(&d);
}

static void positions_tell_sources_apart(void **state)
{
    (void)state;
    const double left[] = {0.95, 0.3}, right[] = {0.5, 0.87};
    duo d = duo_new(2, 4.0, left, right);
    const ub_mark marks[] = {place("left", -61.0), place("right", 33.0)};
    const ub_limits limits = ub_limits_default();
    stem_shelf *shelf = separate(&limits, d.mix, marks, 2, 1.0);
    assert_true(gain_of(shelf, "left", d.low, d.mix) > 12.0);
    assert_true(gain_of(shelf, "right", d.high, d.mix) > 12.0);
    stem_shelf_free(shelf);
    duo_free(&d);
}

static void silence_is_shared_out_too(void **state)
{
    (void)state;
    synth *mix = synth_new(2, 4000, RATE_HZ);
    const ub_mark marks[] = {region("a", 0.0, 0.2), place("b", 30.0)};
    const ub_limits limits = ub_limits_default();
    stem_shelf *shelf = separate(&limits, mix, marks, 2, 1.0);
    stem_shelf_free(shelf);
    synth_free(mix);
}

static ub_status refuse(const synth *mix, const ub_mark *marks, size_t n, ub_message *why)
{
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    const ub_status status = ub_separate_marks(&audio, marks, n, NULL, NULL, &sink, why);
    assert_int_equal(shelf->n_begun, 0);
    stem_shelf_free(shelf);
    return status;
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    synth *mono = synth_low_notes(1, 1.0, RATE_HZ), *stereo = synth_low_notes(2, 1.0, RATE_HZ);
    ub_message why = {""};
    ub_mark mark = region("a", 1.5, 2.0);
    assert_int_equal(refuse(mono, &mark, 1, &why), UB_BAD_VALUE);
    assert_string_equal(why.text,
                        "a mark of 'a' begins at 1.500 s, but the recording ends at 1.000 s");
    mark = region("a", 0.5, 0.5);
    assert_int_equal(refuse(mono, &mark, 1, &why), UB_BAD_VALUE);
    mark = region("a", 0.5, NAN);
    assert_int_equal(refuse(mono, &mark, 1, &why), UB_BAD_VALUE);
    mark = region("rest", 0.5, 0.7);
    assert_int_equal(refuse(mono, &mark, 1, &why), UB_BAD_VALUE);
    mark = region("a/b", 0.5, 0.7);
    assert_int_equal(refuse(mono, &mark, 1, &why), UB_BAD_VALUE);
    mark = place("a", 20.0);
    assert_int_equal(refuse(mono, &mark, 1, &why), UB_BAD_SHAPE);
    assert_non_null(strstr(why.text, "is not stereo"));
    mark = place("a", 101.0);
    assert_int_equal(refuse(stereo, &mark, 1, &why), UB_BAD_VALUE);
    assert_int_equal(refuse(stereo, &mark, 0, &why), UB_BAD_VALUE);
    synth_free(mono);
    synth_free(stereo);
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    synth *mix = synth_low_notes(2, 0.5, RATE_HZ);
    const ub_audio audio = synth_audio(mix);
    const ub_mark marks[] = {region("a", 0.1, 0.2), place("b", 30.0)};
    ub_settings settings = settings_for(1.0);
    settings.value[UB_PARAM_ITERATIONS] = 1;
    settings.value[UB_PARAM_COMPONENTS] = 3;
    ub_status status = UB_NO_MEMORY;
    size_t n = 1;
    for (; status; n++) {
        size_t held;
        const ub_stem_sink sink = stem_sink_to_nowhere();
        malloc_guard_start(n);
        status = ub_separate_marks(&audio, marks, 2, &settings, NULL, &sink, NULL);
        malloc_guard_stop(&held);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_int_equal(held, 0);
    }
    assert_true(n > 40);
    synth_free(mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marked_sources_are_stems_that_sum_to_the_mix),
        cmocka_unit_test(a_name_alone_leaves_a_rest),
        cmocka_unit_test(marks_hold_for_all_of_a_long_recording),
        cmocka_unit_test(positions_tell_sources_apart),
        cmocka_unit_test(silence_is_shared_out_too),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
