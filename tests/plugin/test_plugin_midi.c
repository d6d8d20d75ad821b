// SPDX-License-Identifier: GPL-3.0-or-later
// The notes that the plugin hears: on and off, on the channel of their source, none left hanging.
#include "dictionary_case.h"
#include "rig.h"
#include "unbraid/file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
static const double TONES_HZ[] = {300.0, 500.0, 1200.0, 2100.0};
enum { WINDOW = 512, LONG_WINDOW = 1024, N_TONES = 4 };

// Two sources of two notes each: 60 and 62, 70 and 72.
static const char *notes_dictionary(size_t window)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/notes.safetensors", rig_folder());
    ub_dictionary d = dictionary_case(2, window, 1);
    dictionary_case_add_pitches(&d);
    d.rate_hz = RATE_HZ;
    for (size_t k = 0; k < N_TONES; k++) {
        d.component_pitch[k] = 60 + 10 * (int)(k / 2) + 2 * (int)(k % 2);
        for (size_t f = 0; f < d.templates.n_rows; f++) {
            const double away = (double)f - TONES_HZ[k] * (double)window / RATE_HZ;
            ub_matrix_column(&d.templates, k)[f] = (float)(exp(-away * away / 3.0) + 1e-5);
        }
    }
    unsigned char *bytes;
    size_t size;
    assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
    assert_int_equal(ub_file_write(path, bytes, size, NULL), UB_OK);
    free(bytes);
    ub_dictionary_free(&d);
    return path;
}

static host *new_hearing(const char *uri, size_t midi_bytes)
{
    host *h = rig_playing(uri, RATE_HZ, UB_STREAM_BALANCED);
    const char *path = notes_dictionary(WINDOW);
    host_send_path(h, path, strlen(path) + 1);
    host_settle(h, 8000);
    rig_restart(h);
    h->midi_bytes = midi_bytes;
    return h;
}

// Silence, then these tones for half a second, then silence: soft enough to make no click.
static take tones(size_t n_channels, unsigned which)
{
    take t = take_new(n_channels, 12000, 1);
    for (size_t c = 0; c < n_channels; c++) {
        memset(t.audio[c], 0, t.n * sizeof(float));
        for (size_t i = 2048; i < 6048; i++) {
            for (size_t k = 0; k < N_TONES; k++) {
                const double soft = fmin(1.0, fmin((double)(i - 2048), (double)(6048 - i)) / 160.0);
                const double x = 0.2 * soft * sin(2.0 * M_PI * TONES_HZ[k] * (double)i / RATE_HZ);
                t.audio[c][i] += which & 1u << k ? (float)x : 0.0f;
            }
        }
    }
    return t;
}

static size_t n_sounding(const host *h)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof h->sounding; i++) {
        n += h->sounding[i / 128][i % 128] > 0;
    }
    return n;
}

static void notes_are_sent_on_the_channels_of_their_sources(void **state)
{
    (void)state;
    const char *const uris[] = {PLUGIN_STEREO_URI, PLUGIN_MONO_URI};
    for (size_t i = 0; i < 2; i++) {
        host *h = new_hearing(uris[i], HOST_EVENT_BYTES);
        take t = tones(h->n_channels, 1u << 0 | 1u << 3);
        for (size_t done = 0; done < 5056; done += 64) {
            take_run(&t, h, done, 64);
        }
        assert_int_equal(h->n_on, 2);
        assert_true(h->sounding[0][60] > 0 && h->sounding[1][72] > 0);
        for (size_t done = 5056; done + 64 <= t.n; done += 64) {
            take_run(&t, h, done, 64);
        }
        assert_int_equal(h->n_off, 2);
        assert_int_equal(n_sounding(h), 0);
        assert_int_equal(h->n_allocations, 0);
        take_free(&t);
        host_free(h);
    }
}

static void the_notes_do_not_depend_on_blocks(void **state)
{
    (void)state;
    size_t begun[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        host *h = new_hearing(PLUGIN_STEREO_URI, HOST_EVENT_BYTES);
        take t = tones(h->n_channels, 1);
        const size_t block = i ? 1000 : 1;
        for (size_t done = 0; h->n_on == 0 && done + block <= t.n; done += block) {
            take_run(&t, h, done, block);
            begun[i] = done;
        }
        assert_int_equal(h->n_on, 1);
        take_free(&t);
        host_free(h);
    }
    assert_true(begun[0] >= begun[1] && begun[0] < begun[1] + 1000);
}

static void a_note_ends_with_the_engine_that_heard_it(void **state)
{
    (void)state;
    host *h = new_hearing(PLUGIN_STEREO_URI, HOST_EVENT_BYTES);
    take t = tones(h->n_channels, 1);
    for (size_t done = 0; done < 5056; done += 64) {
        take_run(&t, h, done, 64);
    }
    assert_int_equal(n_sounding(h), 1);
    h->controls[PORT_MODE] = UB_STREAM_QUALITY;
    host_settle(h, 8000);
    assert_int_equal(n_sounding(h), 0);
    take_free(&t);
    host_free(h);
}

static void a_note_ends_with_the_dictionary_that_has_it(void **state)
{
    (void)state;
    host *h = new_hearing(PLUGIN_STEREO_URI, HOST_EVENT_BYTES);
    take t = tones(h->n_channels, 1);
    for (size_t done = 0; done < 5056; done += 64) {
        take_run(&t, h, done, 64);
    }
    assert_int_equal(n_sounding(h), 1);
    host_send_path(h, rig_dictionary(), strlen(rig_dictionary()) + 1); // which has no notes
    host_settle(h, 8000);
    assert_int_equal(n_sounding(h), 0);
    const size_t n_on = h->n_on;
    take_play(&t, h);
    assert_int_equal(h->n_on, n_on);
    take_free(&t);
    host_free(h);
}

// In live mode notes are looked at for longer than other sounds: the engine changes with the
// dictionary, to and fro.
static void live_mode_hears_notes_and_goes_on_without_them(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    h->midi_bytes = HOST_EVENT_BYTES;
    const unsigned latency = (unsigned)rig_latency(h);
    take t = tones(h->n_channels, 1u << 0 | 1u << 3);
    for (size_t round = 0; round < 2; round++) {
        const char *path = notes_dictionary(LONG_WINDOW);
        host_send_path(h, path, strlen(path) + 1);
        host_settle(h, 8000);
        rig_restart(h);
        h->n_on = 0;
        take_play(&t, h);
        assert_int_equal(h->n_on, 2);
        assert_int_equal(rig_latency(h), latency);
        assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
        host_send_path(h, rig_dictionary(), strlen(rig_dictionary()) + 1);
        host_settle(h, 8000);
        rig_restart(h);
        take_play(&t, h);
        assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
    }
    assert_int_equal(n_sounding(h), 0);
    assert_int_equal(h->n_allocations, 0);
    take_free(&t);
    host_free(h);
}

static void notes_that_do_not_fit_come_later(void **state)
{
    (void)state;
    host *h = new_hearing(PLUGIN_STEREO_URI, 96); // one event at a time
    take t = tones(h->n_channels, 0xf);
    for (size_t done = 0; done + 64 <= t.n; done += 64) {
        take_run(&t, h, done, 64);
    }
    assert_int_equal(h->n_on, N_TONES);
    assert_int_equal(h->n_off, N_TONES);
    assert_int_equal(n_sounding(h), 0);
    take_free(&t);
    host_free(h);
}

static void without_the_port_all_is_as_before(void **state)
{
    (void)state;
    host *h = new_hearing(PLUGIN_STEREO_URI, 0);
    take t = tones(h->n_channels, 0xf);
    take_play(&t, h);
    assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
    h->midi_bytes = HOST_EVENT_BYTES; // what was heard before is gone
    host_settle(h, 1000);
    assert_int_equal(h->n_on + h->n_off, 0);
    take_free(&t);
    host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_are_sent_on_the_channels_of_their_sources),
        cmocka_unit_test(the_notes_do_not_depend_on_blocks),
        cmocka_unit_test(a_note_ends_with_the_engine_that_heard_it),
        cmocka_unit_test(a_note_ends_with_the_dictionary_that_has_it),
        cmocka_unit_test(live_mode_hears_notes_and_goes_on_without_them),
        cmocka_unit_test(notes_that_do_not_fit_come_later),
        cmocka_unit_test(without_the_port_all_is_as_before),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
