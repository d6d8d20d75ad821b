// SPDX-License-Identifier: GPL-3.0-or-later
// The presets that the bundle brings for the plugin: each can be loaded, and is what it says.
#include "rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 44100.0;

static const struct {
    const char *name;
    float n_sources;
} presets[] = {{"drumkit", 4.0f},
               {"harmonic-percussive", 2.0f},
               {"speech-noise", 2.0f},
               {"piano", 2.0f},
               {"bass", 2.0f}};

enum { N_PRESETS = sizeof presets / sizeof presets[0] };

static size_t count_presets(host *h)
{
    LilvNode *kind = lilv_new_uri(h->world, "http://lv2plug.in/ns/ext/presets#Preset");
    LilvNodes *found = lilv_plugin_get_related(h->plugin, kind);
    const size_t n = lilv_nodes_size(found);
    lilv_nodes_free(found);
    lilv_node_free(kind);
    return n;
}

static LilvState *preset_of(host *h, const char *name)
{
    char uri[200];
    snprintf(uri, sizeof uri, "urn:unbraid:preset:%s-%s", name,
             h->n_channels == 1 ? "mono" : "stereo");
    LilvNode *node = lilv_new_uri(h->world, uri);
    assert_true(lilv_world_load_resource(h->world, node) > 0);
    LilvState *state = lilv_state_new_from_world(h->world, &h->map, node);
    lilv_node_free(node);
    assert_non_null(state);
    assert_non_null(lilv_state_get_label(state));
    return state;
}

static void every_preset_loads_and_nulls(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * N_PRESETS; i++) {
        const size_t n_channels = 1 + i % 2;
        host *h = host_new(n_channels == 1 ? PLUGIN_MONO_URI : PLUGIN_STEREO_URI, RATE_HZ,
                           WORKER_DEFERRED);
        assert_int_equal(count_presets(h), N_PRESETS);
        host_activate(h);
        h->controls[PORT_EXPONENT] = 1.9f;
        LilvState *preset = preset_of(h, presets[i / 2].name);
        host_restore(h, preset);
        lilv_state_free(preset);
        host_settle(h, (size_t)(0.5 * RATE_HZ));
        assert_true(h->controls[PORT_SOURCES] == presets[i / 2].n_sources);
        assert_true(h->controls[PORT_EXPONENT] == 1.0f);
        assert_int_equal(h->n_errors, 0);
        rig_restart(h);
        take t = take_new(n_channels, 20000, i);
        take_play(&t, h);
        assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
        take_free(&t);
        host_free(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_preset_loads_and_nulls),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
