// SPDX-License-Identifier: GPL-3.0-or-later
// The variants of numbers and sound alone, in a host that offers nothing.
#include "call_guard.h"
#include "malloc_guard.h"
#include "simple.h"

#include "unbraid/random.h"
#include "unbraid/unbraid.h"

#include <lilv/lilv.h>
#include <lv2/log/log.h>
#include <lv2/urid/urid.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_SAMPLES = 30000, LATENCY = 2556, DRUMKIT = 0, SPEECH = 2 };

static const double RATE_HZ = 44100.0;

typedef struct rig {
    LilvWorld *world;
    const LilvPlugin *plugin;
    LilvInstance *instance;
    size_t n_channels, n_allocations;
    const char *forbidden;
    float controls[SIMPLE_FIRST_AUDIO];
} rig;

static rig rig_new(const char *uri)
{
    rig r = {.world = lilv_world_new(), .n_channels = strcmp(uri, SIMPLE_MONO_URI) == 0 ? 1 : 2};
    lilv_world_load_all(r.world);
    LilvNode *node = lilv_new_uri(r.world, uri);
    r.plugin = lilv_plugins_get_by_uri(lilv_world_get_all_plugins(r.world), node);
    lilv_node_free(node);
    assert_non_null(r.plugin);
    float defaults[SIMPLE_FIRST_AUDIO + 4];
    assert_int_equal(lilv_plugin_get_num_ports(r.plugin), SIMPLE_FIRST_AUDIO + 2 * r.n_channels);
    lilv_plugin_get_port_ranges_float(r.plugin, NULL, NULL, defaults);
    memcpy(r.controls, defaults, sizeof r.controls);
    r.instance = lilv_plugin_instantiate(r.plugin, RATE_HZ, NULL);
    assert_non_null(r.instance);
    return r;
}

static void rig_start(rig *r)
{
    for (uint32_t i = 0; i < SIMPLE_FIRST_AUDIO; i++) {
        lilv_instance_connect_port(r->instance, i, &r->controls[i]);
    }
    lilv_instance_activate(r->instance);
}

static void rig_free(rig *r)
{
    lilv_instance_deactivate(r->instance);
    lilv_instance_free(r->instance);
    lilv_world_free(r->world);
    assert_int_equal(r->n_allocations, 0);
    assert_null(r->forbidden);
}

// `audio` has the ports in their order: in, out.
static void rig_run(rig *r, float *const *audio, size_t first, size_t n)
{
    for (uint32_t i = 0; i < 2 * r->n_channels; i++) {
        lilv_instance_connect_port(r->instance, SIMPLE_FIRST_AUDIO + i,
                                   audio[i] ? audio[i] + first : NULL);
    }
    malloc_guard_start(0);
    call_guard_start();
    lilv_instance_run(r->instance, (uint32_t)n);
    const char *call = call_guard_stop();
    r->forbidden = call ? call : r->forbidden;
    r->n_allocations += malloc_guard_stop(NULL);
}

static void play(rig *r, float *const *audio, size_t first, size_t last)
{
    for (size_t at = first; at < last; at += 64) {
        rig_run(r, audio, at, last - at < 64 ? last - at : 64);
    }
}

// Noise in, silence out.
static void fill(float *const *audio, size_t n_channels)
{
    ub_random random = ub_random_new(5);
    for (size_t i = 0; i < 2 * n_channels; i++) {
        for (size_t k = 0; k < N_SAMPLES; k++) {
            audio[i][k] = i < n_channels ? ub_random_uniform(&random) - 0.5f : 0.0f;
        }
    }
}

static float ports[4][N_SAMPLES];
static float *const audio[4] = {ports[0], ports[1], ports[2], ports[3]};

static float largest_error(const float *in, const float *out, size_t latency)
{
    float worst = 0.0f;
    for (size_t i = latency; i < N_SAMPLES; i++) {
        worst = fmaxf(worst, fabsf(out[i] - in[i - latency]));
    }
    return worst;
}

static void symbols_and_numbers_of_ports_stay(void **state)
{
    (void)state;
    const struct {
        const char *symbol;
        uint32_t number;
    } wanted[] = {{"latency", SIMPLE_LATENCY},
                  {"enabled", SIMPLE_ENABLED},
                  {"preset", 2},
                  {"gain_1", 3},
                  {"solo_1", 4},
                  {"mute_1", 5},
                  {"level_1", 6},
                  {"level_4", 18},
                  {"in", 19},
                  {"out", 20}};
    rig r = rig_new(SIMPLE_MONO_URI);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        LilvNode *symbol = lilv_new_string(r.world, wanted[i].symbol);
        const LilvPort *port = lilv_plugin_get_port_by_symbol(r.plugin, symbol);
        lilv_node_free(symbol);
        assert_non_null(port);
        assert_int_equal(lilv_port_get_index(r.plugin, port), wanted[i].number);
    }
    LilvNodes *required = lilv_plugin_get_required_features(r.plugin);
    assert_int_equal(lilv_nodes_size(required), 0);
    lilv_nodes_free(required);
    assert_int_equal(lilv_plugin_get_latency_port_index(r.plugin), SIMPLE_LATENCY);
    rig_start(&r);
    rig_free(&r);
}

static void the_output_is_the_delayed_input_while_presets_change(void **state)
{
    (void)state;
    for (size_t n_channels = 1; n_channels <= 2; n_channels++) {
        rig r = rig_new(n_channels == 1 ? SIMPLE_MONO_URI : SIMPLE_STEREO_URI);
        fill(audio, n_channels);
        rig_start(&r);
        for (size_t at = 0; at < N_SAMPLES; at += 100) {
            // Also faster than the stream takes them, and what is no preset.
            const float wanted[] = {0.0f, 1.0f, 2.0f, 3.0f, 1e30f, -5.0f, NAN};
            r.controls[SIMPLE_PRESET] = wanted[at / (at < 9000 ? 3000 : 100) % 7];
            play(&r, audio, at, at + 100);
        }
        const size_t latency = (size_t)r.controls[SIMPLE_LATENCY];
        assert_int_equal(latency, LATENCY);
        for (size_t c = 0; c < n_channels; c++) {
            assert_true(largest_error(audio[c], audio[n_channels + c], latency) < 1e-6f);
        }
        rig_free(&r);
    }
}

static void soloed(const char *uri, float preset, float *const *sound)
{
    rig r = rig_new(uri);
    fill(sound, 1);
    r.controls[SIMPLE_PRESET] = preset;
    r.controls[simple_port_of(1, SIMPLE_SOLO)] = 1.0f;
    rig_start(&r);
    play(&r, sound, 0, N_SAMPLES);
    assert_true(r.controls[simple_port_of(0, SIMPLE_LEVEL_DB)] > -60.0f);
    rig_free(&r);
}

// The library's own output for source 1 of a preset.
static void streamed(const char *name, const float *in, float *out)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/unbraid.lv2/%s.safetensors", getenv("LV2_PATH"), name);
    unsigned char *bytes;
    size_t size;
    ub_dictionary dictionary;
    ub_stream *stream;
    ub_stream_model *model;
    ub_stream_settings settings = ub_stream_settings_default();
    settings.rate_hz = RATE_HZ;
    settings.n_channels = 1;
    assert_int_equal(ub_file_read(path, (size_t)1 << 28, &bytes, &size, NULL), UB_OK);
    assert_int_equal(ub_dictionary_decode(bytes, size, &dictionary, NULL), UB_OK);
    settings.mask_exponent = 1.0; // as the presets say
    assert_int_equal(ub_stream_new(&settings, &stream, NULL), UB_OK);
    assert_int_equal(ub_stream_model_new(&settings, &dictionary, &model, NULL), UB_OK);
    assert_true(ub_stream_swap(stream, model));
    ub_stream_reset(stream);
    float *const stems[] = {NULL, out};
    ub_stream_process(stream, &in, NULL, stems, 2, N_SAMPLES);
    ub_stream_free(stream);
    ub_dictionary_free(&dictionary);
    free(bytes);
}

static void a_solo_is_the_stem_of_the_library(void **state)
{
    (void)state;
    const struct {
        const char *name;
        float number;
    } presets[] = {{"drumkit", DRUMKIT}, {"speech-noise", SPEECH}};
    for (size_t i = 0; i < 2; i++) {
        soloed(SIMPLE_MONO_URI, presets[i].number, audio);
        streamed(presets[i].name, ports[0], ports[2]);
        float worst = 0.0f, loudest = 0.0f;
        for (size_t k = 0; k < N_SAMPLES; k++) {
            worst = fmaxf(worst, fabsf(ports[1][k] - ports[2][k]));
            loudest = fmaxf(loudest, fabsf(ports[2][k]));
        }
        assert_true(loudest > 0.05f);
        assert_true(worst < 1e-6f); // the mix is made of the same stems, by a sum
    }
}

static void presets_change_while_it_plays_without_a_click(void **state)
{
    (void)state;
    rig r = rig_new(SIMPLE_MONO_URI);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        ports[0][i] = 0.5f * sinf(0.05f * (float)i);
    }
    r.controls[simple_port_of(0, SIMPLE_SOLO)] = 1.0f;
    rig_start(&r);
    const float *level_1 = &r.controls[simple_port_of(0, SIMPLE_LEVEL_DB)];
    float levels[3];
    for (size_t turn = 0; turn < 3; turn++) {
        r.controls[SIMPLE_PRESET] = turn == 1 ? SPEECH : DRUMKIT;
        play(&r, audio, 10000 * turn, 10000 * (turn + 1));
        levels[turn] = *level_1;
    }
    // Such a tone is speech rather than a kick.
    assert_true(levels[1] > levels[0] + 10.0f && levels[1] > levels[2] + 10.0f);
    float worst = 0.0f;
    for (size_t i = 2; i < N_SAMPLES; i++) {
        worst = fmaxf(worst, fabsf(ports[1][i] - 2.0f * ports[1][i - 1] + ports[1][i - 2]));
    }
    // The tone bends by 0.00125; a change from frame to frame by a little more, a jump by 0.1.
    assert_true(worst < 0.005f);
    rig_free(&r);
}

static void one_buffer_for_all_ports_is_fine(void **state)
{
    (void)state;
    rig r = rig_new(SIMPLE_STEREO_URI);
    fill(audio, 2);
    float in[N_SAMPLES];
    memcpy(in, ports[0], sizeof in);
    float *const shared[4] = {ports[0], ports[0], ports[0], ports[0]};
    rig_start(&r);
    play(&r, shared, 0, N_SAMPLES);
    assert_true(largest_error(in, ports[0], (size_t)r.controls[SIMPLE_LATENCY]) < 1e-6f);
    rig_free(&r);
}

static void nothing_but_sound_need_be_connected(void **state)
{
    (void)state;
    rig r = rig_new(SIMPLE_MONO_URI);
    fill(audio, 1);
    lilv_instance_activate(r.instance);
    float *const deaf[2] = {ports[0], NULL};
    rig_run(&r, deaf, 0, 64);
    rig_run(&r, audio, 0, 0);
    lilv_instance_activate(r.instance);
    play(&r, audio, 0, N_SAMPLES);
    assert_true(largest_error(ports[0], ports[1], LATENCY) < 1e-6f);
    rig_free(&r);
}

static void bypass_is_the_delayed_input_to_the_bit(void **state)
{
    (void)state;
    rig r = rig_new(SIMPLE_MONO_URI);
    fill(audio, 1);
    r.controls[SIMPLE_ENABLED] = 0.0f;
    r.controls[simple_port_of(0, SIMPLE_MUTE)] = 1.0f;
    rig_start(&r);
    play(&r, audio, 0, N_SAMPLES);
    assert_true(largest_error(ports[0], ports[1], (size_t)r.controls[SIMPLE_LATENCY]) == 0.0f);
    rig_free(&r);
}

static LV2_URID map_nothing(LV2_URID_Map_Handle handle, const char *uri)
{
    (void)handle;
    (void)uri;
    return 1;
}

static int count_text(LV2_Log_Handle handle, LV2_URID type, const char *format, va_list arguments)
{
    (void)type;
    (void)format;
    (void)arguments;
    ++*(size_t *)handle;
    return 0;
}

static int count_line(LV2_Log_Handle handle, LV2_URID type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int n = count_text(handle, type, format, arguments);
    va_end(arguments);
    return n;
}

static void a_bundle_without_its_files_passes_everything_as_one_source(void **state)
{
    (void)state;
    size_t n_said = 0;
    LV2_URID_Map map = {NULL, map_nothing};
    LV2_Log_Log log = {&n_said, count_line, count_text};
    const LV2_Feature with_map = {LV2_URID__map, &map}, with_log = {LV2_LOG__log, &log};
    const LV2_Feature *const features[] = {&with_map, &with_log, NULL};
    const float in[64] = {0.5f};
    float out[64], preset = 1.0f, level = 0.0f;
    // The library is the one that lilv has loaded in the tests above.
    rig r = rig_new(SIMPLE_MONO_URI);
    const LV2_Descriptor *descriptor = lilv_instance_get_descriptor(r.instance);
    LV2_Handle handle = descriptor->instantiate(descriptor, RATE_HZ, "/nowhere", features);
    assert_non_null(handle);
    assert_int_equal(n_said, 5); // a line for each preset
    descriptor->connect_port(handle, SIMPLE_PRESET, &preset);
    descriptor->connect_port(handle, simple_port_of(0, SIMPLE_LEVEL_DB), &level);
    descriptor->connect_port(handle, SIMPLE_FIRST_AUDIO, (void *)(uintptr_t)in);
    descriptor->connect_port(handle, SIMPLE_FIRST_AUDIO + 1, out);
    descriptor->activate(handle);
    for (size_t i = 0; i < 100; i++) {
        descriptor->run(handle, 64);
    }
    // An impulse every 64 samples, LATENCY = 39 * 64 + 60 late, at the level of source 1.
    assert_true(fabsf(out[60] - 0.5f) < 1e-6f && fabsf(out[61]) < 1e-6f);
    assert_true(level > -30.0f);
    descriptor->cleanup(handle);
    rig_start(&r);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_and_numbers_of_ports_stay),
        cmocka_unit_test(the_output_is_the_delayed_input_while_presets_change),
        cmocka_unit_test(a_solo_is_the_stem_of_the_library),
        cmocka_unit_test(presets_change_while_it_plays_without_a_click),
        cmocka_unit_test(one_buffer_for_all_ports_is_fine),
        cmocka_unit_test(nothing_but_sound_need_be_connected),
        cmocka_unit_test(bypass_is_the_delayed_input_to_the_bit),
        cmocka_unit_test(a_bundle_without_its_files_passes_everything_as_one_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
