// SPDX-License-Identifier: GPL-3.0-or-later
// All models are made when the plugin is, so that run() only lends another to the stream: nothing
// has to be loaded while sound plays, and no worker is needed.
#include "simple.h"
#include "dictionary_read.h"
#include "engine.h"
#include "preset_names.h"
#include "strip_ports.h"

#include <unbraid/file.h>
#include <unbraid/preset.h>

#include <lv2/core/lv2_util.h>
#include <lv2/log/logger.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {UNBRAID_PRESET_NAMES};

enum { N_PRESETS = sizeof names / sizeof names[0], MOST_PATH = 4096 };

static const size_t most_preset_bytes = (size_t)1 << 16, most_dictionary_bytes = (size_t)1 << 28;

typedef struct simple {
    engine *engine;
    size_t n_channels;
    ub_stream_model *models[N_PRESETS]; // NULL where a preset is broken: one source, all sound
    bool is_lent[N_PRESETS]; // to the stream, who frees it
    size_t preset; // N_PRESETS before the first
    bool is_fresh; // nothing has been played since activate()
    float *controls[SIMPLE_FIRST_AUDIO];
    float *audio[2 * MAX_CHANNELS];
} simple;

// ---- life --------------------------------------------------------------------------------------

static ub_status path_of(const char *bundle, const char *name, const char *ending,
                         char path[MOST_PATH], ub_message *why)
{
    const int n = snprintf(path, MOST_PATH, "%s/%s%s", bundle, name, ending);
    return n < MOST_PATH ? UB_OK : ub_fail(why, UB_BAD_SETTING, "its path is too long");
}

static ub_status read_preset(const char *bundle, const char *name, ub_settings *settings,
                             ub_preset *preset, ub_message *why)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    char path[MOST_PATH];
    ub_status status = path_of(bundle, name, ".preset", path, why);
    status = status ? status : ub_file_read(path, most_preset_bytes, &bytes, &size, why);
    status = status ? status : ub_preset_parse((const char *)bytes, size, settings, preset, why);
    free(bytes);
    return status;
}

static ub_status make_model(const char *bundle, const char *name, ub_stream_settings stream,
                            ub_stream_model **out, ub_message *why)
{
    ub_settings settings = ub_settings_default();
    ub_preset preset;
    ub_dictionary dictionary = {.n_sources = 0};
    char path[MOST_PATH];
    ub_status status = read_preset(bundle, name, &settings, &preset, why);
    status = status ? status : path_of(bundle, preset.dictionary, "", path, why);
    status = status ? status : dictionary_read(path, most_dictionary_bytes, &dictionary, why);
    if (!status) {
        stream.mask_exponent =
            ub_settings_value(&settings, UB_PARAM_MASK_EXPONENT, stream.mask_exponent);
        stream.n_free = (size_t)settings.value[UB_PARAM_FREE];
        status = ub_stream_model_new(&stream, &dictionary, out, why);
        ub_dictionary_free(&dictionary);
    }
    return status;
}

static ub_status make_all(simple *s, double rate_hz, const char *bundle, LV2_Log_Logger *logger)
{
    ub_stream_settings settings = ub_stream_settings_default();
    settings.rate_hz = rate_hz;
    settings.n_channels = s->n_channels;
    ub_message why = {""};
    for (size_t i = 0; i < N_PRESETS; i++) {
        if (make_model(bundle, names[i], settings, &s->models[i], &why) && logger->log) {
            lv2_log_error(logger, "unbraid: preset %s: %s\n", names[i], why.text);
        }
    }
    const ub_status status = engine_new(&settings, &s->engine, &why);
    if (status && logger->log) {
        lv2_log_error(logger, "unbraid: %s\n", why.text);
    }
    return status;
}

static void take_back(simple *s)
{
    const ub_stream_model *model;
    while ((model = ub_stream_retired(s->engine->stream))) {
        for (size_t i = 0; i < N_PRESETS; i++) {
            s->is_lent[i] = s->is_lent[i] && s->models[i] != model;
        }
    }
}

static void cleanup(LV2_Handle handle)
{
    simple *s = handle;
    if (s->engine) {
        take_back(s);
    }
    engine_free(s->engine);
    for (size_t i = 0; i < N_PRESETS; i++) {
        if (!s->is_lent[i]) {
            ub_stream_model_free(s->models[i]);
        }
    }
    free(s);
}

static LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate_hz,
                              const char *bundle_path, const LV2_Feature *const *features)
{
    simple *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    LV2_Log_Log *log = NULL;
    LV2_URID_Map *map = NULL;
    LV2_Log_Logger logger;
    // Some hosts give no list at all.
    const LV2_Feature *const none[] = {NULL};
    // clang-format off
    const char *missing = lv2_features_query(features ? features : none,
        LV2_LOG__log, &log, false,
        LV2_URID__map, &map, false,
        NULL);
    // clang-format on
    lv2_log_logger_init(&logger, map, missing ? NULL : log);
    s->n_channels = strcmp(descriptor->URI, SIMPLE_MONO_URI) == 0 ? 1 : 2;
    s->preset = N_PRESETS;
    if (make_all(s, rate_hz, bundle_path, &logger)) {
        cleanup(s);
        return NULL;
    }
    return s;
}

static void connect_port(LV2_Handle handle, uint32_t port, void *data)
{
    simple *s = handle;
    if (port < SIMPLE_FIRST_AUDIO) {
        s->controls[port] = data;
    } else if (port - SIMPLE_FIRST_AUDIO < 2 * s->n_channels) {
        s->audio[port - SIMPLE_FIRST_AUDIO] = data;
    }
}

static void activate(LV2_Handle handle)
{
    ((simple *)handle)->is_fresh = true;
}

// ---- sound -------------------------------------------------------------------------------------

// The stream takes one model at a time, and gives back the one before: then we try again.
static void choose_preset(simple *s)
{
    take_back(s);
    const float wanted =
        fminf(fmaxf(port_read(s->controls[SIMPLE_PRESET], 0.0f), 0.0f), (float)N_PRESETS - 1.0f);
    const size_t preset = (size_t)lrintf(wanted);
    if (preset != s->preset && !s->is_lent[preset] &&
        ub_stream_swap(s->engine->stream, s->models[preset])) {
        s->is_lent[preset] = s->models[preset] != NULL;
        s->preset = preset;
    }
}

static void set_gains(const simple *s)
{
    ub_strip strips[SIMPLE_SOURCES];
    float gains[SIMPLE_SOURCES];
    for (unsigned j = 0; j < SIMPLE_SOURCES; j++) {
        strips[j] = port_read_strip(s->controls[simple_port_of(j, SIMPLE_GAIN_DB)],
                                    s->controls[simple_port_of(j, SIMPLE_SOLO)],
                                    s->controls[simple_port_of(j, SIMPLE_MUTE)]);
    }
    const float others = ub_strip_gains(strips, SIMPLE_SOURCES, gains);
    for (size_t j = 0; j < UB_STREAM_MAX_SOURCES; j++) {
        ub_stream_set_gain(s->engine->stream, j, j < SIMPLE_SOURCES ? gains[j] : others);
    }
}

static void report(const simple *s)
{
    port_write(s->controls[SIMPLE_LATENCY], (float)s->engine->latency);
    for (unsigned j = 0; j < SIMPLE_SOURCES; j++) {
        port_write_level(s->controls[simple_port_of(j, SIMPLE_LEVEL_DB)],
                         ub_stream_level(s->engine->stream, j));
    }
}

static void run(LV2_Handle handle, uint32_t n)
{
    simple *s = handle;
    choose_preset(s);
    set_gains(s);
    engine_enable(s->engine, port_read(s->controls[SIMPLE_ENABLED], 1.0f) > 0.5f);
    if (s->is_fresh) {
        engine_reset(s->engine); // the preset and gains hold from the first sample on
        s->is_fresh = false;
    }
    engine_process(s->engine, (const float *const *)s->audio, s->audio + s->n_channels, NULL, 0, n);
    report(s);
}

static const void *extension_data(const char *uri)
{
    (void)uri;
    return NULL;
}

const LV2_Descriptor simple_stereo = {
    SIMPLE_STEREO_URI, instantiate, connect_port, activate, run, NULL, cleanup, extension_data};
const LV2_Descriptor simple_mono = {
    SIMPLE_MONO_URI, instantiate, connect_port, activate, run, NULL, cleanup, extension_data};
