// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin.h"
#include "simple.h"
#include "strip_ports.h"

#include <lv2/core/lv2_util.h>

#include <stdlib.h>
#include <string.h>

float plugin_value(const plugin *p, size_t port, float fallback)
{
    return port_read(p->ports[port], fallback);
}

// ---- life --------------------------------------------------------------------------------------

static void cleanup(LV2_Handle handle)
{
    plugin *p = handle;
    if (p->has_ready) {
        product_free(&p->ready);
    }
    engine_free(p->old_engine);
    ub_stream_model_free(p->old_model);
    engine_free(p->engine);
    loader_stop(&p->loader);
    free(p);
}

static bool start(plugin *p, double rate_hz)
{
    p->now = p->asked = tuning_standard();
    if (loader_start(&p->loader, rate_hz, p->n_channels, &p->logger)) {
        return false;
    }
    p->learning.source = -1;
    p->where = p->wish.where = places_in_order();
    sources_numbers(&p->loader.sources, p->now.n_free > 0, p->numbers);
    const ub_stream_settings settings = loader_settings(&p->loader, p->now);
    ub_message why = {""};
    if (engine_new(&settings, &p->engine, &why)) {
        lv2_log_error(&p->logger, "unbraid: %s\n", why.text);
        loader_stop(&p->loader);
        return false;
    }
    return true;
}

static LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate_hz,
                              const char *bundle_path, const LV2_Feature *const *features)
{
    (void)bundle_path;
    plugin *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    LV2_Log_Log *log = NULL;
    // clang-format off
    const char *missing = lv2_features_query(features,
        LV2_LOG__log, &log, false,
        LV2_URID__map, &p->map, true,
        LV2_WORKER__schedule, &p->schedule, true,
        NULL);
    // clang-format on
    lv2_log_logger_init(&p->logger, p->map, log);
    if (missing) {
        lv2_log_error(&p->logger, "unbraid: the host does not offer <%s>\n", missing);
        free(p);
        return NULL;
    }
    atomic_flag_clear(&p->wish.lock);
    p->uris = plugin_uris_map(p->map);
    lv2_atom_forge_init(&p->forge, p->map);
    p->n_channels = strcmp(descriptor->URI, PLUGIN_MONO_URI) == 0 ? 1 : 2;
    if (!start(p, rate_hz)) {
        free(p);
        return NULL;
    }
    return p;
}

static void connect_port(LV2_Handle handle, uint32_t port, void *data)
{
    plugin *p = handle;
    if (port < PORT_FIRST_AUDIO) {
        p->ports[port] = data;
    } else if (port - PORT_FIRST_AUDIO < p->n_channels * N_AUDIO) {
        p->audio[port - PORT_FIRST_AUDIO] = data;
    } else if (port == port_of_midi((unsigned)p->n_channels)) {
        p->midi.port = data;
    }
}

static void activate(LV2_Handle handle)
{
    plugin *p = handle;
    engine_reset(p->engine);
    atomic_store(&p->loader.must_stop, false);
    atomic_store(&p->is_active, true);
}

static void deactivate(LV2_Handle handle)
{
    plugin *p = handle;
    atomic_store(&p->is_active, false);
    atomic_store(&p->loader.must_stop, true);
}

// ---- sound -------------------------------------------------------------------------------------

// Of a source or the rest: its gain, solo and mute follow one another.
static ub_strip read_strip(const plugin *p, size_t first_port)
{
    return port_read_strip(p->ports[first_port + SOURCE_GAIN_DB],
                           p->ports[first_port + SOURCE_SOLO], p->ports[first_port + SOURCE_MUTE]);
}

static size_t strip_of(size_t place)
{
    return place == PLACE_REST ? PORT_FIRST_REST : port_of_source((unsigned)place, SOURCE_GAIN_DB);
}

static void set_gains(plugin *p)
{
    ub_strip strips[N_PLACES];
    float gains[N_PLACES];
    for (size_t place = 0; place < N_PLACES; place++) {
        strips[place] = read_strip(p, strip_of(place));
    }
    const float others = ub_strip_gains(strips, N_PLACES, gains);
    for (size_t i = 0; i < UB_STREAM_MAX_SOURCES; i++) {
        ub_stream_set_gain(p->engine->stream, i, others);
    }
    for (size_t place = 0; place < N_PLACES; place++) {
        ub_stream_set_gain(p->engine->stream, p->numbers[place], gains[place]);
    }
}

static void write_level(const plugin *p, size_t place, size_t port)
{
    port_write_level(p->ports[port], ub_stream_level(p->engine->stream, p->numbers[place]));
}

static void report(const plugin *p)
{
    const ub_stream *stream = p->engine->stream;
    port_write(p->ports[PORT_LATENCY], (float)p->engine->latency);
    port_write(p->ports[PORT_SOURCES], (float)ub_stream_n_sources(stream));
    port_write(p->ports[PORT_PROGRESS],
               (float)atomic_load_explicit(&p->loader.progress, memory_order_relaxed));
    write_level(p, PLACE_REST, PORT_FIRST_REST + REST_LEVEL_DB);
    for (unsigned j = 0; j < N_SOURCES; j++) {
        write_level(p, j, port_of_source(j, SOURCE_LEVEL_DB));
        port_write(p->ports[port_of_source(j, SOURCE_HEARD_S)],
                   (float)((double)p->learning.heard[j] / p->loader.rate_hz));
    }
}

// The stem of each place from the source that is there; the rest is behind those of the sources.
static void play(plugin *p, size_t n)
{
    float *stems[MAX_CHANNELS * (UB_STREAM_MAX_SOURCES + 1)] = {NULL};
    float *const *outs = p->audio + p->n_channels;
    for (size_t j = 0; j <= N_STEMS; j++) {
        const size_t number = p->numbers[j < N_STEMS ? j : PLACE_REST];
        for (size_t c = 0; c < p->n_channels; c++) {
            stems[number * p->n_channels + c] = outs[(1 + j) * p->n_channels + c];
        }
    }
    engine_process(p->engine, (const float *const *)p->audio, outs, stems, UB_STREAM_MAX_SOURCES,
                   n);
}

static void run(LV2_Handle handle, uint32_t n)
{
    plugin *p = handle;
    messages_read(p);
    exchange_run(p);
    set_gains(p);
    engine_enable(p->engine, plugin_value(p, PORT_ENABLED, 1.0f) > 0.5f);
    engine_listen_to_removed(p->engine, plugin_value(p, PORT_REMOVED, 0.0f) > 0.5f);
    learning_run(p, n);
    play(p, n);
    report(p);
    messages_write(p);
    midi_write(p, n);
}

static const void *extension_data(const char *uri)
{
    if (strcmp(uri, LV2_WORKER__interface) == 0) {
        return &exchange_interface;
    }
    return strcmp(uri, LV2_STATE__interface) == 0 ? &state_interface : NULL;
}

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index)
{
    static const LV2_Descriptor stereo = {PLUGIN_STEREO_URI, instantiate,   connect_port,
                                          activate,          run,           deactivate,
                                          cleanup,           extension_data};
    static const LV2_Descriptor mono = {PLUGIN_MONO_URI, instantiate, connect_port,  activate, run,
                                        deactivate,      cleanup,     extension_data};
    const LV2_Descriptor *const all[] = {&stereo, &mono, &simple_stereo, &simple_mono};
    return index < sizeof all / sizeof all[0] ? all[index] : NULL;
}
