// SPDX-License-Identifier: GPL-3.0-or-later
// What the plugin does to sound: latency, the null, cuts, shared buffers, gains, bypass, modes.
#include "rig.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
enum { N_MODES = 4 };

static void symbols_and_numbers_of_ports_stay(void **state)
{
    (void)state;
    const struct {
        const char *symbol;
        size_t stereo, mono;
    } ports[] = {
        {"control", 0, 0},
        {"notify", 1, 1},
        {"latency", PORT_LATENCY, 2},
        {"enabled", PORT_ENABLED, 3},
        {"freewheel", PORT_FREEWHEEL, 4},
        {"mode", PORT_MODE, 5},
        {"exponent", PORT_EXPONENT, 6},
        {"sparsity", PORT_SPARSITY, 7},
        {"free", PORT_FREE, 8},
        {"forget", PORT_FORGET_S, 9},
        {"removed", PORT_REMOVED, 10},
        {"sources", PORT_SOURCES, 11},
        {"progress", PORT_PROGRESS, 12},
        {"gain_1", 13, 13},
        {"solo_1", 14, 14},
        {"mute_1", 15, 15},
        {"learn_1", 16, 16},
        {"reset_1", 17, 17},
        {"level_1", 18, 18},
        {"heard_1", 19, 19},
        {"gain_8", 62, 62},
        {"heard_8", 68, 68},
        {"gain_rest", 69, 69},
        {"solo_rest", 70, 70},
        {"mute_rest", 71, 71},
        {"level_rest", 72, 72},
        {"in_left", 73, 0},
        {"in", 0, 73},
        {"in_right", 74, 0},
        {"out_left", 75, 0},
        {"out", 0, 74},
        {"stem_1", 0, 75},
        {"stem_4", 0, 78},
        {"stem_rest", 0, 79},
        {"stem_1_left", 77, 0},
        {"stem_4_right", 84, 0},
        {"stem_rest_left", 85, 0},
        {"stem_rest_right", 86, 0},
    };
    for (size_t mono = 0; mono < 2; mono++) {
        host *h = host_new(mono ? PLUGIN_MONO_URI : PLUGIN_STEREO_URI, RATE_HZ, WORKER_DEFERRED);
        for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
            const size_t number = mono ? ports[i].mono : ports[i].stereo;
            LilvNode *symbol = lilv_new_string(h->world, ports[i].symbol);
            const LilvPort *port = lilv_plugin_get_port_by_symbol(h->plugin, symbol);
            lilv_node_free(symbol);
            assert_int_equal(port != NULL, number > 0 || i == 0);
            assert_true(!port || lilv_port_get_index(h->plugin, port) == number);
        }
        assert_true(lilv_plugin_has_latency(h->plugin));
        assert_int_equal(lilv_plugin_get_latency_port_index(h->plugin), PORT_LATENCY);
        host_free(h);
    }
}

static void an_impulse_comes_back_after_the_reported_latency(void **state)
{
    (void)state;
    const double rates[] = {8000.0, 44100.0, 192000.0};
    const double most_ms[N_MODES] = {118.0, 60.0, 10.0, 6.0};
    for (size_t i = 0; i < 3 * N_MODES; i++) {
        const double rate_hz = rates[i / N_MODES];
        host *h = rig_playing(PLUGIN_STEREO_URI, rate_hz, (ub_stream_mode)(i % N_MODES));
        const size_t latency = rig_latency(h);
        assert_true(1000.0 * (double)latency / rate_hz <= most_ms[i % N_MODES]);
        take t = take_new(2, latency + 300, 1);
        memset(t.audio[0], 0, t.n * sizeof(float));
        memset(t.audio[1], 0, t.n * sizeof(float));
        t.audio[0][123] = t.audio[1][234] = 1.0f;
        take_play(&t, h);
        for (size_t k = 0; k < t.n; k++) {
            assert_true(fabsf(t.audio[2][k] - (k == 123 + latency ? 1.0f : 0.0f)) < 1e-5f);
            assert_true(fabsf(t.audio[3][k] - (k == 234 + latency ? 1.0f : 0.0f)) < 1e-5f);
        }
        assert_int_equal(h->n_allocations, 0);
        take_free(&t);
        host_free(h);
    }
}

static void latency_is_there_after_a_cycle_of_no_samples(void **state)
{
    (void)state;
    host *h = host_new(PLUGIN_STEREO_URI, 48000.0, WORKER_DEFERRED);
    host_activate(h);
    float *none[HOST_MAX_AUDIO] = {NULL};
    host_run(h, none, 0);
    assert_true(rig_latency(h) > 2000 && rig_latency(h) < 3000);
    host_free(h);
}

static void unity_gains_give_the_delayed_input_and_stems_sum_to_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * N_MODES; i++) {
        const size_t channels = 1 + i % 2;
        host *h = rig_playing(channels == 1 ? PLUGIN_MONO_URI : PLUGIN_STEREO_URI, RATE_HZ,
                              (ub_stream_mode)(i / 2));
        take t = take_new(channels, 8000, 2);
        take_play(&t, h);
        assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
        double apart = 0.0;
        for (size_t k = 0; k < t.n; k++) {
            const float low = t.audio[2 * channels][k], high = t.audio[3 * channels][k];
            assert_true(fabsf(low + high - t.audio[channels][k]) < 1e-6f);
            assert_true(t.audio[4 * channels][k] == 0.0f); // there is no third source
            apart += fabs((double)low - (double)high);
        }
        assert_true(apart > 10.0);
        assert_int_equal(h->n_allocations, 0);
        take_free(&t);
        host_free(h);
    }
}

static void any_cut_gives_the_same_bits_in_place_too(void **state)
{
    (void)state;
    const size_t most[] = {1, 7, 64, 255, 1000};
    ub_random random = ub_random_new(3);
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    *host_source(h, 0, SOURCE_GAIN_DB) = -6.0f;
    host_settle(h, 1000);
    rig_restart(h);
    take whole = take_new(2, 3000, 4);
    take_run(&whole, h, 0, whole.n);
    for (size_t i = 0; i < 5; i++) {
        take cut = take_new(2, 3000, 4);
        h->controls[PORT_FREEWHEEL] = (float)(i % 2); // nor does rendering make any difference
        rig_restart(h);
        for (size_t done = 0; done < cut.n;) {
            size_t n = (size_t)(ub_random_bits(&random) % (most[i] + 1));
            n = n < cut.n - done ? n : cut.n - done;
            if (i % 2) { // output on the input
                float *audio[HOST_MAX_AUDIO] = {cut.audio[0] + done, cut.audio[1] + done,
                                                cut.audio[0] + done, cut.audio[1] + done};
                host_run(h, audio, n);
            } else {
                take_run(&cut, h, done, n);
            }
            done += n;
        }
        const size_t out = i % 2 ? 0 : 2;
        assert_memory_equal(cut.audio[out], whole.audio[2], whole.n * sizeof(float));
        assert_memory_equal(cut.audio[out + 1], whole.audio[3], whole.n * sizeof(float));
        take_free(&cut);
    }
    take_free(&whole);
    host_free(h);
}

static void all_audio_ports_may_lie_on_one_buffer(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_SHORT);
    take t = take_new(2, 2000, 5);
    float *one = calloc(t.n, sizeof *one);
    assert_non_null(one);
    memcpy(t.audio[1], t.audio[0], t.n * sizeof *one);
    memcpy(one, t.audio[0], t.n * sizeof *one);
    take_run(&t, h, 0, t.n);
    rig_restart(h);
    float *all[HOST_MAX_AUDIO];
    for (size_t i = 0; i < HOST_MAX_AUDIO; i++) {
        all[i] = one;
    }
    host_run(h, all, t.n);
    assert_memory_equal(one, t.audio[3], t.n * sizeof *one);
    free(one);
    take_free(&t);
    host_free(h);
}

// Whether out is the stems times these gains, after the gains have glided.
static void assert_mix(host *h, double low_db, double high_db)
{
    take t = take_new(2, 3000, 6);
    host_settle(h, 2000);
    take_play(&t, h);
    const double low = low_db > -79.0 ? pow(10.0, low_db / 20.0) : 0.0;
    const double high = high_db > -79.0 ? pow(10.0, high_db / 20.0) : 0.0;
    double energy = 0.0;
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < t.n; i++) {
            const double wanted =
                low * (double)t.audio[4 + c][i] + high * (double)t.audio[6 + c][i];
            assert_true(fabs((double)t.audio[2 + c][i] - wanted) < 1e-5);
            energy += (double)t.audio[4 + c][i] * (double)t.audio[4 + c][i];
        }
    }
    assert_true(energy > 1.0);
    take_free(&t);
}

static void gains_solo_and_mute_make_the_mix(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_BALANCED);
    assert_mix(h, 0.0, 0.0);
    *host_source(h, 0, SOURCE_GAIN_DB) = -6.0f;
    *host_source(h, 1, SOURCE_GAIN_DB) = 12.0f;
    assert_mix(h, -6.0, 12.0);
    *host_source(h, 1, SOURCE_GAIN_DB) = 40.0f; // beyond the range
    assert_mix(h, -6.0, 12.0);
    *host_source(h, 1, SOURCE_GAIN_DB) = NAN; // as by default
    assert_mix(h, -6.0, 0.0);
    *host_source(h, 0, SOURCE_GAIN_DB) = -80.0f;
    assert_mix(h, -80.0, 0.0);
    *host_source(h, 1, SOURCE_GAIN_DB) = *host_source(h, 0, SOURCE_GAIN_DB) = 0.0f;
    *host_source(h, 1, SOURCE_SOLO) = 1.0f;
    assert_mix(h, -80.0, 0.0);
    *host_source(h, 1, SOURCE_MUTE) = 1.0f;
    assert_mix(h, -80.0, -80.0);
    *host_source(h, 1, SOURCE_SOLO) = 0.0f;
    assert_mix(h, 0.0, -80.0);
    *host_source(h, 7, SOURCE_SOLO) = 1.0f; // of a source that is not there
    assert_mix(h, -80.0, -80.0);
    assert_int_equal(h->n_allocations, 0);
    host_free(h);
}

static void levels_are_those_of_the_sources(void **state)
{
    (void)state;
    host *h = host_new(PLUGIN_MONO_URI, RATE_HZ, WORKER_DEFERRED);
    host_activate(h);
    take t = take_new(1, 8000, 7);
    for (size_t i = 0; i < t.n; i++) {
        t.audio[0][i] = (float)sin(0.3 * (double)i);
    }
    *host_source(h, 0, SOURCE_MUTE) = 1.0f;
    take_play(&t, h);
    assert_true(fabsf(*host_source(h, 0, SOURCE_LEVEL_DB) + 3.01f) < 0.2f);
    assert_true(*host_source(h, 1, SOURCE_LEVEL_DB) == -80.0f);
    assert_true(h->controls[PORT_SOURCES] == 1.0f);
    take_free(&t);
    host_free(h);
}

static void bypass_is_the_delayed_input_exactly_and_comes_without_a_click(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_BALANCED);
    const size_t latency = rig_latency(h);
    *host_source(h, 0, SOURCE_MUTE) = *host_source(h, 1, SOURCE_MUTE) = 1.0f;
    host_settle(h, 1000);
    rig_restart(h);
    take t = take_new(2, 8000, 8);
    for (size_t i = 0; i < t.n; i++) {
        t.audio[0][i] = 0.5f;
    }
    for (size_t done = 0; done < t.n; done += 100) {
        h->controls[PORT_ENABLED] = done < 3000 || done >= 6000 ? 1.0f : 0.0f;
        take_run(&t, h, done, 100);
        assert_int_equal(rig_latency(h), latency);
    }
    for (size_t i = 1; i < t.n; i++) {
        assert_true(fabsf(t.audio[2][i] - t.audio[2][i - 1]) < 0.01f); // 0.5 / (0.01 s * 8000 Hz)
    }
    for (size_t i = 3100; i < 6000; i++) {
        assert_true(t.audio[2][i] == t.audio[0][i - latency]);
        assert_true(t.audio[3][i] == t.audio[1][i - latency]);
    }
    assert_true(t.audio[2][2999] == 0.0f && t.audio[2][7999] == 0.0f);
    take_free(&t);
    host_free(h);
}

static void what_is_removed_can_be_heard_alone(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    *host_source(h, 1, SOURCE_MUTE) = 1.0f;
    h->controls[PORT_REMOVED] = 1.0f;
    host_settle(h, 2000);
    rig_restart(h);
    take t = take_new(2, 4000, 3);
    take_play(&t, h);
    for (size_t i = 0; i < t.n; i++) {
        assert_true(fabsf(t.audio[2][i] - t.audio[6][i]) < 1e-6f); // the second source
    }
    h->controls[PORT_ENABLED] = 0.0f; // bypass comes first
    host_settle(h, 2000);
    rig_restart(h);
    take_play(&t, h);
    assert_true(take_null_db(&t, rig_latency(h), 0) < -200.0);
    assert_int_equal(h->n_allocations, 0);
    take_free(&t);
    host_free(h);
}

static void instances_do_not_hear_each_other(void **state)
{
    (void)state;
    host *a = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    host *b = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    take alone = take_new(2, 3000, 9), beside = take_new(2, 3000, 9), other = take_new(2, 3000, 10);
    take_play(&alone, a);
    rig_restart(a);
    for (size_t done = 0; done < alone.n; done += 50) {
        take_run(&beside, a, done, 50);
        take_run(&other, b, done, 50);
    }
    for (size_t i = 2; i < 10; i++) {
        assert_memory_equal(alone.audio[i], beside.audio[i], alone.n * sizeof(float));
    }
    take_free(&alone);
    take_free(&beside);
    take_free(&other);
    host_free(a);
    host_free(b);
}

static void bad_samples_do_no_lasting_harm(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, 1e-40f};
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    take clean = take_new(2, 4000, 11), t = take_new(2, 4000, 11);
    take_play(&clean, h);
    for (size_t i = 0; i < 50; i++) {
        t.audio[i % 2][i * 60] = bad[i % 5];
    }
    h->controls[PORT_ENABLED] = 0.5f; // off
    for (size_t pass = 0; pass < 2; pass++) {
        take_play(&t, h);
        for (size_t i = 0; i < t.n; i++) {
            assert_true(isfinite(t.audio[2][i]) && isfinite(t.audio[4][i]));
        }
        h->controls[PORT_ENABLED] = 1.0f;
    }
    rig_restart(h);
    take again = take_new(2, 4000, 11);
    take_play(&again, h);
    assert_memory_equal(again.audio[2], clean.audio[2], clean.n * sizeof(float));
    take_free(&again);
    take_free(&clean);
    take_free(&t);
    host_free(h);
}

static void modes_change_while_it_plays_without_a_click(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_QUALITY);
    take t = take_new(2, 24000, 12);
    for (size_t i = 0; i < t.n; i++) {
        t.audio[0][i] = t.audio[1][i] = 0.5f;
    }
    size_t latency[N_MODES];
    for (size_t done = 0; done < t.n; done += 100) {
        h->controls[PORT_MODE] = (float)(done / 6000);
        take_run(&t, h, done, 100);
        host_work(h);
        latency[done / 6000] = rig_latency(h);
        assert_true(h->controls[PORT_SOURCES] == 2.0f || done % 6000 < 2000);
    }
    assert_true(latency[0] > latency[1] && latency[1] > latency[2] && latency[2] > latency[3]);
    for (size_t i = latency[0] + 1; i < t.n; i++) {
        assert_true(fabsf(t.audio[2][i] - t.audio[2][i - 1]) < 0.01f);
    }
    for (size_t i = 3000; i < t.n; i++) {
        assert_true(i % 6000 < 3000 || fabsf(t.audio[2][i] - 0.5f) < 1e-5f);
    }
    assert_int_equal(h->n_allocations, 0);
    take_free(&t);
    host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_and_numbers_of_ports_stay),
        cmocka_unit_test(an_impulse_comes_back_after_the_reported_latency),
        cmocka_unit_test(latency_is_there_after_a_cycle_of_no_samples),
        cmocka_unit_test(unity_gains_give_the_delayed_input_and_stems_sum_to_it),
        cmocka_unit_test(any_cut_gives_the_same_bits_in_place_too),
        cmocka_unit_test(all_audio_ports_may_lie_on_one_buffer),
        cmocka_unit_test(gains_solo_and_mute_make_the_mix),
        cmocka_unit_test(levels_are_those_of_the_sources),
        cmocka_unit_test(bypass_is_the_delayed_input_exactly_and_comes_without_a_click),
        cmocka_unit_test(what_is_removed_can_be_heard_alone),
        cmocka_unit_test(instances_do_not_hear_each_other),
        cmocka_unit_test(bad_samples_do_no_lasting_harm),
        cmocka_unit_test(modes_change_while_it_plays_without_a_click),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
