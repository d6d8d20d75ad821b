// SPDX-License-Identifier: GPL-3.0-or-later
// Separation while the sound plays: latency, the null, cuts, aliasing, models, gains, bad samples.
#include "malloc_guard.h"
#include "small.h"
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

// What goes in and what comes out, two channels of each.
typedef struct take {
    size_t n;
    float *in[2], *out[2];
    float *stems[2 * 3];
} take;

static float *new_signal(size_t n)
{
    float *x = calloc(n ? n : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static take take_new(size_t n, uint64_t seed)
{
    take t = {.n = n};
    ub_random random = ub_random_new(seed);
    for (size_t c = 0; c < 2; c++) {
        t.in[c] = new_signal(n);
        t.out[c] = new_signal(n);
        for (size_t i = 0; i < n; i++) {
            t.in[c][i] = ub_random_uniform(&random) - 0.5f;
        }
    }
    for (size_t i = 0; i < 6; i++) {
        t.stems[i] = new_signal(n);
    }
    return t;
}

static void take_free(take *t)
{
    for (size_t c = 0; c < 2; c++) {
        free(t->in[c]);
        free(t->out[c]);
    }
    for (size_t i = 0; i < 6; i++) {
        free(t->stems[i]);
    }
}

static ub_stream_settings settings_for(ub_stream_mode mode, double rate_hz)
{
    ub_stream_settings settings = ub_stream_settings_default();
    settings.mode = mode;
    settings.rate_hz = rate_hz;
    return settings;
}

static ub_stream *new_stream(const ub_stream_settings *settings)
{
    ub_stream *stream = NULL;
    assert_int_equal(ub_stream_new(settings, &stream, NULL), UB_OK);
    return stream;
}

static ub_stream_model *new_model(const ub_stream_settings *settings)
{
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    ub_stream_model *model = NULL;
    assert_int_equal(ub_stream_model_new(settings, &dictionary, &model, NULL), UB_OK);
    ub_dictionary_free(&dictionary);
    return model;
}

// A stream that separates into low and high from its first frame on.
static ub_stream *new_separating(const ub_stream_settings *settings)
{
    ub_stream *stream = new_stream(settings);
    assert_true(ub_stream_swap(stream, new_model(settings)));
    float silence[8] = {0};
    const float *in[2] = {silence, silence};
    while (ub_stream_n_sources(stream) == 1) {
        ub_stream_process(stream, in, NULL, NULL, 0, 8);
    }
    ub_stream_reset(stream);
    return stream;
}

// Samples [first, first + n) of the take.
static void process(ub_stream *stream, take *t, size_t first, size_t n)
{
    const float *in[2] = {t->in[0] + first, t->in[1] + first};
    float *out[2] = {t->out[0] + first, t->out[1] + first};
    float *stems[6];
    for (size_t i = 0; i < 6; i++) {
        stems[i] = t->stems[i] + first;
    }
    ub_stream_process(stream, in, out, stems, 3, n);
}

// Energy of out - delayed in, relative to that of in, in dB.
static double null_db(const take *t, size_t latency, size_t first)
{
    double error = 0.0, energy = 0.0;
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = first; i < t->n; i++) {
            const double x = i >= latency ? (double)t->in[c][i - latency] : 0.0;
            error += pow((double)t->out[c][i] - x, 2.0);
            energy += x * x;
        }
    }
    return 10.0 * log10((error + 1e-30) / (energy + 1e-30));
}

static void settings_outside_their_range_are_refused(void **state)
{
    (void)state;
    ub_message why = {""};
    const ub_stream_settings good = ub_stream_settings_default();
    assert_int_equal(ub_stream_settings_check(&good, &why), UB_OK);
    ub_stream_settings bad[14];
    for (size_t i = 0; i < 14; i++) {
        bad[i] = good;
    }
    bad[0].rate_hz = 7999.0, bad[1].rate_hz = 192001.0, bad[2].rate_hz = NAN;
    bad[3].n_channels = 0, bad[4].n_channels = 3, bad[5].mode = (ub_stream_mode)4;
    bad[6].n_updates = 0, bad[7].n_updates = 51, bad[8].mask_exponent = 0.4;
    bad[9].mask_exponent = 2.1, bad[10].beta = -1.1, bad[11].beta = 3.1;
    bad[12].glide_s = -0.1, bad[13].glide_s = 10.1;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    for (size_t i = 0; i < 14; i++) {
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

static void an_impulse_comes_back_after_the_latency_at_every_rate(void **state)
{
    (void)state;
    const double rates[] = {8000.0, 11025.0, 22050.0, 44100.0, 48000.0, 96000.0, 192000.0};
    const double most_ms[N_MODES] = {118.0, 60.0, 10.0, 6.0};
    for (size_t i = 0; i < 7 * N_MODES; i++) {
        const ub_stream_settings settings = settings_for(MODES[i % N_MODES], rates[i / N_MODES]);
        ub_stream *stream = new_stream(&settings);
        const size_t latency = ub_stream_latency(stream);
        assert_true(1000.0 * (double)latency / settings.rate_hz <= most_ms[i % N_MODES]);
        take t = take_new(latency + 700, 1);
        memset(t.in[0], 0, t.n * sizeof(float));
        memset(t.in[1], 0, t.n * sizeof(float));
        t.in[0][123] = t.in[1][456] = 1.0f;
        process(stream, &t, 0, t.n);
        for (size_t n = 0; n < t.n; n++) {
            assert_true(fabsf(t.out[0][n] - (n == 123 + latency ? 1.0f : 0.0f)) < 1e-6f);
            assert_true(fabsf(t.out[1][n] - (n == 456 + latency ? 1.0f : 0.0f)) < 1e-6f);
        }
        take_free(&t);
        ub_stream_free(stream);
    }
}

static void stems_sum_to_the_delayed_input(void **state)
{
    (void)state;
    for (size_t m = 0; m < N_MODES; m++) {
        const ub_stream_settings settings = settings_for(MODES[m], RATE_HZ);
        ub_stream *stream = new_separating(&settings);
        take t = take_new(8000, 2);
        process(stream, &t, 0, t.n);
        assert_true(null_db(&t, ub_stream_latency(stream), 0) < -120.0);
        double apart = 0.0;
        for (size_t i = 0; i < t.n; i++) {
            const float sum = t.stems[0][i] + t.stems[2][i];
            assert_true(fabsf(sum - t.out[0][i]) < 1e-6f);
            assert_true(t.stems[4][i] == 0.0f); // there is no third source
            apart += fabs((double)t.stems[0][i] - (double)t.stems[2][i]);
        }
        assert_true(apart > 10.0);
        take_free(&t);
        ub_stream_free(stream);
    }
}

static bool same_takes(const take *a, const take *b)
{
    bool same = memcmp(a->out[0], b->out[0], a->n * sizeof(float)) == 0 &&
                memcmp(a->out[1], b->out[1], a->n * sizeof(float)) == 0;
    for (size_t i = 0; i < 6; i++) {
        same &= memcmp(a->stems[i], b->stems[i], a->n * sizeof(float)) == 0;
    }
    return same;
}

static void any_cut_of_the_signal_gives_the_same_bits(void **state)
{
    (void)state;
    ub_random random = ub_random_new(3);
    const size_t most[] = {1, 7, 64, 1000};
    for (size_t i = 0; i < 4 * N_MODES; i++) {
        const ub_stream_settings settings = settings_for(MODES[i % N_MODES], RATE_HZ);
        take whole = take_new(3000, 4), cut = take_new(3000, 4);
        ub_stream *stream = new_separating(&settings);
        ub_stream_set_gain(stream, 1, 0.25f);
        process(stream, &whole, 0, whole.n);
        ub_stream_free(stream);
        stream = new_separating(&settings);
        ub_stream_set_gain(stream, 1, 0.25f);
        for (size_t done = 0; done < cut.n;) {
            size_t n = (size_t)(ub_random_bits(&random) % (most[i / N_MODES] + 1));
            n = n < cut.n - done ? n : cut.n - done;
            process(stream, &cut, done, n);
            done += n;
        }
        assert_true(same_takes(&whole, &cut));
        ub_stream_free(stream);
        take_free(&whole);
        take_free(&cut);
    }
}

static void output_may_lie_on_the_input_and_everything_on_one_buffer(void **state)
{
    (void)state;
    const ub_stream_settings settings = settings_for(UB_STREAM_LIVE, RATE_HZ);
    take apart = take_new(2000, 5), place = take_new(2000, 5);
    ub_stream *stream = new_separating(&settings);
    process(stream, &apart, 0, apart.n);
    ub_stream_reset(stream);
    const float *in[2] = {place.in[0], place.in[1]};
    ub_stream_process(stream, in, place.in, NULL, 0, place.n);
    assert_memory_equal(place.in[0], apart.out[0], place.n * sizeof(float));
    assert_memory_equal(place.in[1], apart.out[1], place.n * sizeof(float));
    // One buffer for all: the same as an input of two equal channels.
    take twice = take_new(2000, 6);
    memcpy(twice.in[1], twice.in[0], twice.n * sizeof(float));
    float *one = new_signal(twice.n);
    memcpy(one, twice.in[0], twice.n * sizeof(float));
    ub_stream_reset(stream);
    process(stream, &twice, 0, twice.n);
    ub_stream_reset(stream);
    const float *all_in[2] = {one, one};
    float *all_out[2] = {one, one}, *all_stems[4] = {one, one, one, one};
    ub_stream_process(stream, all_in, all_out, all_stems, 2, twice.n);
    assert_memory_equal(one, twice.out[1], twice.n * sizeof(float));
    free(one);
    take_free(&apart);
    take_free(&place);
    take_free(&twice);
    ub_stream_free(stream);
}

static void models_change_without_touching_the_sum(void **state)
{
    (void)state;
    const ub_stream_settings settings = settings_for(UB_STREAM_BALANCED, RATE_HZ);
    ub_stream *stream = new_stream(&settings);
    take t = take_new(20000, 7);
    size_t n_swaps = 0, n_retired = 0;
    for (size_t done = 0; done < t.n; done += 100) {
        ub_stream_model *model = n_swaps % 3 ? new_model(&settings) : NULL;
        if (ub_stream_swap(stream, model)) {
            n_swaps++;
            assert_false(ub_stream_swap(stream, NULL)); // one waits
        } else {
            ub_stream_model_free(model);
        }
        process(stream, &t, done, 100);
        ub_stream_model *old = ub_stream_retired(stream);
        n_retired += old != NULL;
        ub_stream_model_free(old);
    }
    assert_true(n_swaps > 50 && n_retired > 30);
    assert_true(null_db(&t, ub_stream_latency(stream), 0) < -120.0);
    take_free(&t);
    ub_stream_free(stream);
}

static void a_model_knows_its_sources(void **state)
{
    (void)state;
    const ub_stream_settings settings = settings_for(UB_STREAM_LIVE, 44100.0);
    ub_stream_model *model = new_model(&settings);
    assert_int_equal(ub_stream_model_n_sources(model), 2);
    assert_string_equal(ub_stream_model_name(model, 0), "low");
    assert_string_equal(ub_stream_model_name(model, 1), "high");
    assert_null(ub_stream_model_name(model, 2));
    ub_stream_model_free(model);
    ub_stream_model_free(NULL);
    ub_stream_free(NULL);
}

static void gains_glide_and_arrive_exactly(void **state)
{
    (void)state;
    const ub_stream_settings settings = settings_for(UB_STREAM_SHORT, RATE_HZ);
    ub_stream *stream = new_stream(&settings);
    take t = take_new(6000, 8);
    for (size_t i = 0; i < t.n; i++) {
        t.in[0][i] = t.in[1][i] = 0.5f; // what is heard of a gain
    }
    process(stream, &t, 0, 1000);
    ub_stream_set_gain(stream, 0, 2.0f);
    process(stream, &t, 1000, 2000);
    ub_stream_set_gain(stream, 0, 0.0f);
    process(stream, &t, 3000, 2000);
    ub_stream_set_gain(stream, 0, 1.0f);
    ub_stream_set_gain(stream, 0, -1.0f); // no gain
    ub_stream_set_gain(stream, 0, NAN);
    ub_stream_set_gain(stream, UB_STREAM_MAX_SOURCES, 1.0f); // no source
    process(stream, &t, 5000, 1000);
    for (size_t i = 301; i < t.n; i++) {
        assert_true(fabsf(t.out[0][i] - t.out[0][i - 1]) < 0.02f); // 1 / (0.01 s * 8000 Hz)
    }
    assert_true(fabsf(t.out[0][2999] - 1.0f) < 1e-5f);
    assert_true(t.out[0][4999] == 0.0f);
    assert_true(fabsf(t.out[0][5999] - 0.5f) < 1e-5f);
    take_free(&t);
    ub_stream_free(stream);
}

static void levels_are_those_of_the_stems(void **state)
{
    (void)state;
    const ub_stream_settings settings = settings_for(UB_STREAM_BALANCED, RATE_HZ);
    ub_stream *stream = new_stream(&settings);
    take t = take_new(8000, 9);
    for (size_t i = 0; i < t.n; i++) {
        t.in[0][i] = t.in[1][i] = (float)sin(0.3 * (double)i);
    }
    ub_stream_set_gain(stream, 0, 0.0f);
    process(stream, &t, 0, t.n);
    assert_true(fabsf(ub_stream_level(stream, 0) - 0.7071f) < 0.01f);
    assert_true(ub_stream_level(stream, 1) == 0.0f);
    assert_true(ub_stream_level(stream, UB_STREAM_MAX_SOURCES) == 0.0f);
    take_free(&t);
    ub_stream_free(stream);
}

static void bad_samples_are_silence_and_nothing_stays_of_them(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e7f};
    for (size_t m = 0; m < N_MODES; m++) {
        const ub_stream_settings settings = settings_for(MODES[m], RATE_HZ);
        ub_stream *stream = new_separating(&settings);
        take t = take_new(8000, 10);
        take clean = take_new(8000, 10);
        for (size_t i = 0; i < 40; i++) {
            t.in[i % 2][i * 60] = bad[i % 5];
            clean.in[i % 2][i * 60] = 0.0f;
        }
        process(stream, &t, 0, t.n);
        ub_stream_reset(stream);
        process(stream, &clean, 0, clean.n);
        assert_true(same_takes(&t, &clean));
        for (size_t i = 0; i < t.n; i++) {
            assert_true(isfinite(t.out[0][i]) && isfinite(t.stems[1][i]));
        }
        take_free(&t);
        take_free(&clean);
        ub_stream_free(stream);
    }
}

static void silence_and_denormals_stay_quiet(void **state)
{
    (void)state;
    const ub_stream_settings settings = settings_for(UB_STREAM_LIVE, RATE_HZ);
    ub_stream *stream = new_separating(&settings);
    take t = take_new(8000, 11);
    for (size_t i = 2000; i < t.n; i++) {
        t.in[0][i] = t.in[1][i] = i < 5000 ? 0.0f : 1e-40f;
    }
    process(stream, &t, 0, t.n);
    for (size_t i = 2000 + ub_stream_latency(stream); i < t.n; i++) {
        assert_true(fabsf(t.out[0][i]) < 1e-6f);
        // Masks smear a stem over the window of a frame.
        assert_true(i < 3000 || fabsf(t.stems[0][i]) < 1e-6f);
    }
    take_free(&t);
    ub_stream_free(stream);
}

static void mono_works_alike(void **state)
{
    (void)state;
    ub_stream_settings settings = settings_for(UB_STREAM_BALANCED, RATE_HZ);
    settings.n_channels = 1;
    ub_stream *stream = new_separating(&settings);
    take t = take_new(4000, 12);
    const float *in[1] = {t.in[0]};
    float *out[1] = {t.out[0]}, *stems[2] = {t.stems[0], NULL};
    ub_stream_process(stream, in, out, stems, 2, t.n);
    memcpy(t.in[1], t.in[0], t.n * sizeof(float));
    memcpy(t.out[1], t.out[0], t.n * sizeof(float));
    assert_true(null_db(&t, ub_stream_latency(stream), 0) < -120.0);
    take_free(&t);
    ub_stream_free(stream);
}

static void processing_and_swapping_allocate_nothing(void **state)
{
    (void)state;
    if (!malloc_guard_works()) {
        print_message("skipped: allocations cannot be counted in this build\n");
        skip();
    }
    for (size_t m = 0; m < N_MODES; m++) {
        const ub_stream_settings settings = settings_for(MODES[m], 44100.0);
        ub_stream *stream = new_stream(&settings);
        ub_stream_model *model = new_model(&settings);
        take t = take_new(30000, 13);
        malloc_guard_start(0);
        process(stream, &t, 0, 1000);
        ub_stream_swap(stream, model);
        process(stream, &t, 1000, 20000);
        ub_stream_set_gain(stream, 0, 2.0f);
        ub_stream_swap(stream, NULL);
        process(stream, &t, 21000, 9000);
        model = ub_stream_retired(stream);
        ub_stream_reset(stream);
        assert_int_equal(malloc_guard_stop(NULL), 0);
        assert_non_null(model);
        ub_stream_model_free(model);
        take_free(&t);
        ub_stream_free(stream);
    }
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (!malloc_guard_works()) {
        print_message("skipped: allocations cannot be counted in this build\n");
        skip();
    }
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_stream_settings settings = settings_for(UB_STREAM_SHORT, RATE_HZ);
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        ub_stream *stream = NULL;
        ub_stream_model *model = NULL;
        size_t held = 0;
        malloc_guard_start(n);
        status = ub_stream_new(&settings, &stream, NULL);
        status = status ? status : ub_stream_model_new(&settings, &dictionary, &model, NULL);
        ub_stream_model_free(model);
        ub_stream_free(stream);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
    }
    ub_dictionary_free(&dictionary);
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
        const ub_stream_settings settings = settings_for(MODES[m], RATE_HZ);
        synth *mix = small_mix(2, 4.0, RATE_HZ), *low = synth_low_notes(2, 4.0, RATE_HZ);
        ub_stream *stream = new_separating(&settings);
        take t = take_new(mix->n_samples, 14);
        memcpy(t.in[0], mix->channels[0], t.n * sizeof(float));
        memcpy(t.in[1], mix->channels[1], t.n * sizeof(float));
        process(stream, &t, 0, t.n);
        const size_t latency = ub_stream_latency(stream);
        const double before = si_sdr(mix->channels[0], low->channels[0], t.n - latency);
        const double after = si_sdr(t.stems[0] + latency, low->channels[0], t.n - latency);
        print_message("mode %zu: %.1f dB, %.1f before\n", m, after, before);
        assert_true(after > before + 6.0);
        take_free(&t);
        synth_free(mix);
        synth_free(low);
        ub_stream_free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_outside_their_range_are_refused),
        cmocka_unit_test(an_impulse_comes_back_after_the_latency_at_every_rate),
        cmocka_unit_test(stems_sum_to_the_delayed_input),
        cmocka_unit_test(any_cut_of_the_signal_gives_the_same_bits),
        cmocka_unit_test(output_may_lie_on_the_input_and_everything_on_one_buffer),
        cmocka_unit_test(models_change_without_touching_the_sum),
        cmocka_unit_test(a_model_knows_its_sources),
        cmocka_unit_test(gains_glide_and_arrive_exactly),
        cmocka_unit_test(levels_are_those_of_the_stems),
        cmocka_unit_test(bad_samples_are_silence_and_nothing_stays_of_them),
        cmocka_unit_test(silence_and_denormals_stay_quiet),
        cmocka_unit_test(mono_works_alike),
        cmocka_unit_test(processing_and_swapping_allocate_nothing),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
        cmocka_unit_test(sources_come_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
