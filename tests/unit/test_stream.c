// SPDX-License-Identifier: GPL-3.0-or-later
// Separation while the sound plays: latency, the null, cuts, aliasing, bad samples.
#include "small.h"
#include "stream/stream_model.h"
#include "stream_take.h"
#include "unbraid/random.h"
#include "unbraid/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
static const ub_stream_mode MODES[] = {UB_STREAM_QUALITY, UB_STREAM_BALANCED, UB_STREAM_LIVE,
                                       UB_STREAM_SHORT};
enum { N_MODES = 4 };

static void settings_outside_their_range_are_refused(void **state)
{
    (void)state;
    ub_message why = {""};
    const ub_stream_settings good = ub_stream_settings_default();
    assert_int_equal(ub_stream_settings_check(&good, &why), UB_OK);
    ub_stream_settings bad[24];
    enum { N_BAD = sizeof bad / sizeof bad[0] };
    for (size_t i = 0; i < N_BAD; i++) {
        bad[i] = good;
    }
    bad[0].rate_hz = 7999.0, bad[1].rate_hz = 192001.0, bad[2].rate_hz = NAN;
    bad[3].n_channels = 0, bad[4].n_channels = 3, bad[5].mode = (ub_stream_mode)4;
    bad[6].n_updates = SIZE_MAX, bad[7].n_updates = 51, bad[8].mask_exponent = 0.4;
    bad[9].mask_exponent = 2.1, bad[10].beta = -1.1, bad[11].beta = 3.1;
    bad[12].glide_s = -0.1, bad[13].glide_s = 10.1;
    bad[14].n_free = UB_STREAM_MAX_FREE + 1, bad[15].forget_s = 0.4, bad[16].forget_s = 61.0;
    bad[17].sparsity = -0.1, bad[18].sparsity = 101.0;
    bad[19].window_ms = 39.0, bad[20].window_ms = 201.0, bad[21].window_ms = NAN;
    bad[22].window_ms = -1.0;
    bad[23].mode = UB_STREAM_QUALITY, bad[23].window_ms = 93.0;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    for (size_t i = 0; i < N_BAD; i++) {
        ub_stream *stream = NULL;
        ub_stream_model *model = NULL;
        why.text[0] = '\0';
        assert_int_equal(ub_stream_new(&bad[i], &stream, &why), UB_BAD_SETTING);
        assert_true(strlen(why.text) > 10);
        assert_int_equal(ub_stream_model_new(&bad[i], &dictionary, &model, NULL), UB_BAD_SETTING);
        assert_null(stream);
        assert_null(model);
    }
    ub_dictionary_free(&dictionary);
}

static void what_is_learned_for_streams_has_their_window(void **state)
{
    (void)state;
    ub_settings settings = ub_settings_default();
    ub_stream_suit_learning(&settings);
    assert_true(fabs(settings.value[UB_PARAM_WINDOW_MS] - 93.0) < 0.5);
    settings.value[UB_PARAM_WINDOW_MS] = 40.0; // the caller's own stays
    ub_stream_suit_learning(&settings);
    assert_true(settings.value[UB_PARAM_WINDOW_MS] == 40.0);
    assert_true(settings.value[UB_PARAM_WINDOW_SHAPE] == UB_WINDOW_SHAPE_ASYMMETRIC);
}

static void notes_are_looked_at_for_longer(void **state)
{
    (void)state;
    const double wanted_ms[] = {0.0, 0.0, 93.0, 93.0};
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    int pitches[8] = {-1, 60, -1, -1, -1, -1, -1, -1};
    for (size_t mode = 0; mode < 4; mode++) {
        ub_stream_settings settings = stream_settings_for(MODES[mode], RATE_HZ);
        dictionary.window_samples = 1024;
        ub_stream_suit_dictionary(&settings, &dictionary);
        assert_true(settings.window_ms == 0.0);
        dictionary.component_pitch = pitches;
        ub_stream_suit_dictionary(&settings, &dictionary);
        assert_true(fabs(settings.window_ms - wanted_ms[mode]) < 0.5);
        assert_int_equal(settings.n_updates, wanted_ms[mode] > 0.0 ? 4 : 0);
        settings.n_updates = 9;
        ub_stream_suit_dictionary(&settings, &dictionary);
        assert_int_equal(settings.n_updates, 9);
        dictionary.window_samples = (size_t)(0.06 * RATE_HZ); // as of drums
        ub_stream_suit_dictionary(&settings, &dictionary);
        assert_true(settings.window_ms == 0.0);
        dictionary.component_pitch = NULL;
    }
    ub_dictionary_free(&dictionary);
}

// And the latency is that of the mode.
static void windows_of_any_length_sum_to_the_delayed_input(void **state)
{
    (void)state;
    const double windows_ms[] = {40.0, 71.3, 93.0, 200.0};
    const double rates[] = {8000.0, 44100.0};
    for (size_t i = 0; i < 4 * N_MODES * 2; i++) {
        ub_stream_settings settings =
            stream_settings_for(MODES[i % N_MODES], rates[i / N_MODES % 2]);
        ub_stream *usual = stream_new(&settings);
        settings.window_ms = settings.mode == UB_STREAM_QUALITY ? 0.0 : windows_ms[i / N_MODES / 2];
        const double looked_at = (double)ub_stream_transform(&settings).size_samples;
        assert_true(settings.window_ms == 0.0 ||
                    fabs(looked_at / (1e-3 * settings.window_ms * settings.rate_hz) - 1.0) < 0.1);
        ub_stream *stream = stream_new_separating(&settings);
        stream_take t = stream_take_new(20000, 2);
        stream_take_process(stream, &t, 0, t.n);
        assert_int_equal(ub_stream_latency(stream), ub_stream_latency(usual));
        assert_true(stream_take_null_db(&t, ub_stream_latency(stream)) < -120.0);
        stream_take_free(&t);
        ub_stream_free(stream);
        ub_stream_free(usual);
    }
}

static void updates_are_as_the_mode_needs_where_nothing_is_said(void **state)
{
    (void)state;
    const size_t wanted[] = {16, 16, 12, 12};
    for (size_t mode = 0; mode < 4; mode++) {
        ub_stream_settings settings = ub_stream_settings_default();
        settings.mode = (ub_stream_mode)mode;
        assert_int_equal(ub_stream_updates(&settings), wanted[mode]);
        settings.n_updates = 5;
        assert_int_equal(ub_stream_updates(&settings), 5);
    }
}

static void an_impulse_comes_back_after_the_latency_at_every_rate(void **state)
{
    (void)state;
    const double rates[] = {8000.0, 11025.0, 22050.0, 44100.0, 48000.0, 96000.0, 192000.0};
    const double most_ms[N_MODES] = {118.0, 60.0, 10.0, 6.0};
    for (size_t i = 0; i < 7 * N_MODES; i++) {
        const ub_stream_settings settings =
            stream_settings_for(MODES[i % N_MODES], rates[i / N_MODES]);
        ub_stream *stream = stream_new(&settings);
        const size_t latency = ub_stream_latency(stream);
        assert_true(1000.0 * (double)latency / settings.rate_hz <= most_ms[i % N_MODES]);
        stream_take t = stream_take_new(latency + 700, 1);
        memset(t.in[0], 0, t.n * sizeof(float));
        memset(t.in[1], 0, t.n * sizeof(float));
        t.in[0][123] = t.in[1][456] = 1.0f;
        stream_take_process(stream, &t, 0, t.n);
        for (size_t n = 0; n < t.n; n++) {
            assert_true(fabsf(t.out[0][n] - (n == 123 + latency ? 1.0f : 0.0f)) < 1e-6f);
            assert_true(fabsf(t.out[1][n] - (n == 456 + latency ? 1.0f : 0.0f)) < 1e-6f);
        }
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void stems_sum_to_the_delayed_input(void **state)
{
    (void)state;
    for (size_t m = 0; m < N_MODES; m++) {
        const ub_stream_settings settings = stream_settings_for(MODES[m], RATE_HZ);
        ub_stream *stream = stream_new_separating(&settings);
        stream_take t = stream_take_new(8000, 2);
        stream_take_process(stream, &t, 0, t.n);
        assert_true(stream_take_null_db(&t, ub_stream_latency(stream)) < -120.0);
        double apart = 0.0;
        for (size_t i = 0; i < t.n; i++) {
            const float sum = t.stems[0][i] + t.stems[2][i];
            assert_true(fabsf(sum - t.out[0][i]) < 1e-6f);
            assert_true(t.stems[4][i] == 0.0f); // there is no third source
            apart += fabs((double)t.stems[0][i] - (double)t.stems[2][i]);
        }
        assert_true(apart > 10.0);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void any_cut_of_the_signal_gives_the_same_bits(void **state)
{
    (void)state;
    ub_random random = ub_random_new(3);
    const size_t most[] = {1, 7, 64, 1000};
    for (size_t i = 0; i < 4 * N_MODES; i++) {
        const ub_stream_settings settings = stream_settings_for(MODES[i % N_MODES], RATE_HZ);
        stream_take whole = stream_take_new(3000, 4), cut = stream_take_new(3000, 4);
        ub_stream *stream = stream_new_separating(&settings);
        ub_stream_set_gain(stream, 1, 0.25f);
        stream_take_process(stream, &whole, 0, whole.n);
        ub_stream_free(stream);
        stream = stream_new_separating(&settings);
        ub_stream_set_gain(stream, 1, 0.25f);
        for (size_t done = 0; done < cut.n;) {
            size_t n = (size_t)(ub_random_bits(&random) % (most[i / N_MODES] + 1));
            n = n < cut.n - done ? n : cut.n - done;
            stream_take_process(stream, &cut, done, n);
            done += n;
        }
        assert_true(stream_take_same(&whole, &cut));
        ub_stream_free(stream);
        stream_take_free(&whole);
        stream_take_free(&cut);
    }
}

static void output_may_lie_on_the_input_and_everything_on_one_buffer(void **state)
{
    (void)state;
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_LIVE, RATE_HZ);
    stream_take apart = stream_take_new(2000, 5), place = stream_take_new(2000, 5);
    ub_stream *stream = stream_new_separating(&settings);
    stream_take_process(stream, &apart, 0, apart.n);
    ub_stream_reset(stream);
    const float *in[2] = {place.in[0], place.in[1]};
    ub_stream_process(stream, in, place.in, NULL, 0, place.n);
    assert_memory_equal(place.in[0], apart.out[0], place.n * sizeof(float));
    assert_memory_equal(place.in[1], apart.out[1], place.n * sizeof(float));
    // One buffer for all: the same as an input of two equal channels.
    stream_take twice = stream_take_new(2000, 6);
    memcpy(twice.in[1], twice.in[0], twice.n * sizeof(float));
    float *one = calloc(twice.n, sizeof *one);
    assert_non_null(one);
    memcpy(one, twice.in[0], twice.n * sizeof(float));
    ub_stream_reset(stream);
    stream_take_process(stream, &twice, 0, twice.n);
    ub_stream_reset(stream);
    const float *all_in[2] = {one, one};
    float *all_out[2] = {one, one}, *all_stems[4] = {one, one, one, one};
    ub_stream_process(stream, all_in, all_out, all_stems, 2, twice.n);
    assert_memory_equal(one, twice.out[1], twice.n * sizeof(float));
    free(one);
    stream_take_free(&apart);
    stream_take_free(&place);
    stream_take_free(&twice);
    ub_stream_free(stream);
}

static void bad_samples_are_silence_and_nothing_stays_of_them(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e7f};
    for (size_t m = 0; m < N_MODES; m++) {
        const ub_stream_settings settings = stream_settings_for(MODES[m], RATE_HZ);
        ub_stream *stream = stream_new_separating(&settings);
        stream_take t = stream_take_new(8000, 10);
        stream_take clean = stream_take_new(8000, 10);
        for (size_t i = 0; i < 40; i++) {
            t.in[i % 2][i * 60] = bad[i % 5];
            clean.in[i % 2][i * 60] = 0.0f;
        }
        stream_take_process(stream, &t, 0, t.n);
        ub_stream_reset(stream);
        stream_take_process(stream, &clean, 0, clean.n);
        assert_true(stream_take_same(&t, &clean));
        for (size_t i = 0; i < t.n; i++) {
            assert_true(isfinite(t.out[0][i]) && isfinite(t.stems[1][i]));
        }
        stream_take_free(&t);
        stream_take_free(&clean);
        ub_stream_free(stream);
    }
}

static void silence_and_denormals_stay_quiet(void **state)
{
    (void)state;
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_LIVE, RATE_HZ);
    ub_stream *stream = stream_new_separating(&settings);
    stream_take t = stream_take_new(8000, 11);
    for (size_t i = 2000; i < t.n; i++) {
        t.in[0][i] = t.in[1][i] = i < 5000 ? 0.0f : 1e-40f;
    }
    stream_take_process(stream, &t, 0, t.n);
    for (size_t i = 2000 + ub_stream_latency(stream); i < t.n; i++) {
        assert_true(fabsf(t.out[0][i]) < 1e-6f);
        // Masks smear a stem over the window of a frame.
        assert_true(i < 3000 || fabsf(t.stems[0][i]) < 1e-6f);
    }
    stream_take_free(&t);
    ub_stream_free(stream);
}

static void mono_works_alike(void **state)
{
    (void)state;
    ub_stream_settings settings = stream_settings_for(UB_STREAM_BALANCED, RATE_HZ);
    settings.n_channels = 1;
    ub_stream *stream = stream_new_separating(&settings);
    stream_take t = stream_take_new(4000, 12);
    const float *in[1] = {t.in[0]};
    float *out[1] = {t.out[0]}, *stems[2] = {t.stems[0], NULL};
    ub_stream_process(stream, in, out, stems, 2, t.n);
    memcpy(t.in[1], t.in[0], t.n * sizeof(float));
    memcpy(t.out[1], t.out[0], t.n * sizeof(float));
    assert_true(stream_take_null_db(&t, ub_stream_latency(stream)) < -120.0);
    stream_take_free(&t);
    ub_stream_free(stream);
}

// Share of the energy of a stem that is its source's, by projection, in dB.
static double si_sdr(const float *stem, const float *wanted, size_t n)
{
    double cross = 0.0, own = 0.0, all = 0.0;
    for (size_t i = 0; i < n; i++) {
        cross += (double)stem[i] * (double)wanted[i];
        own += (double)wanted[i] * (double)wanted[i];
        all += (double)stem[i] * (double)stem[i];
    }
    const double target = cross * cross / own;
    return 10.0 * log10(target / (all - target));
}

static void sources_come_apart(void **state)
{
    (void)state;
    for (size_t m = 0; m < N_MODES; m++) {
        const ub_stream_settings settings = stream_settings_for(MODES[m], RATE_HZ);
        synth *mix = small_mix(2, 4.0, RATE_HZ), *low = synth_low_notes(2, 4.0, RATE_HZ);
        ub_stream *stream = stream_new_separating(&settings);
        stream_take t = stream_take_new(mix->n_samples, 14);
        memcpy(t.in[0], mix->channels[0], t.n * sizeof(float));
        memcpy(t.in[1], mix->channels[1], t.n * sizeof(float));
        stream_take_process(stream, &t, 0, t.n);
        const size_t latency = ub_stream_latency(stream);
        const double before = si_sdr(mix->channels[0], low->channels[0], t.n - latency);
        const double after = si_sdr(t.stems[0] + latency, low->channels[0], t.n - latency);
        print_message("mode %zu: %.1f dB, %.1f before\n", m, after, before);
        assert_true(after > before + 6.0);
        stream_take_free(&t);
        synth_free(mix);
        synth_free(low);
        ub_stream_free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_outside_their_range_are_refused),
        cmocka_unit_test(what_is_learned_for_streams_has_their_window),
        cmocka_unit_test(notes_are_looked_at_for_longer),
        cmocka_unit_test(windows_of_any_length_sum_to_the_delayed_input),
        cmocka_unit_test(updates_are_as_the_mode_needs_where_nothing_is_said),
        cmocka_unit_test(an_impulse_comes_back_after_the_latency_at_every_rate),
        cmocka_unit_test(stems_sum_to_the_delayed_input),
        cmocka_unit_test(any_cut_of_the_signal_gives_the_same_bits),
        cmocka_unit_test(output_may_lie_on_the_input_and_everything_on_one_buffer),
        cmocka_unit_test(bad_samples_are_silence_and_nothing_stays_of_them),
        cmocka_unit_test(silence_and_denormals_stay_quiet),
        cmocka_unit_test(mono_works_alike),
        cmocka_unit_test(sources_come_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
