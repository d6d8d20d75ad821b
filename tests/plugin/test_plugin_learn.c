// SPDX-License-Identifier: GPL-3.0-or-later
// Sources that are learned while the plugin plays: gathering, learning, forgetting, sessions,
// export.
#include "rig.h"
#include "sanitized.h"
#include "unbraid/dictionary.h"
#include "unbraid/file.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

typedef enum sound { SOUND_NONE, SOUND_LOW, SOUND_HIGH, SOUND_BOTH } sound;

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", rig_folder(), name);
    return path;
}

// Two sounds that share no bins: chords that move within a low and a high octave.
static void fill(take *t, sound which)
{
    for (size_t i = 0; i < t->n; i++) {
        const double s = (double)i / RATE_HZ, step = 1.0 + 0.1 * (double)((i / 1000) % 4);
        const double low = 0.2 * sin(2.0 * M_PI * 200.0 * step * s);
        const double high = 0.2 * sin(2.0 * M_PI * 1500.0 * step * s);
        const double x = (which & SOUND_LOW ? low : 0.0) + (which & SOUND_HIGH ? high : 0.0);
        for (size_t c = 0; c < t->n_channels; c++) {
            t->audio[c][i] = (float)(x * (c == 0 ? 1.0 : 0.7));
        }
    }
}

static void play(host *h, sound which, size_t n)
{
    take t = take_new(h->n_channels, n, 1);
    fill(&t, which);
    take_play(&t, h);
    take_free(&t);
}

static void hear(host *h, size_t source, sound which, double seconds)
{
    *host_source(h, source, SOURCE_LEARN) = 1.0f;
    play(h, which, (size_t)(seconds * RATE_HZ));
    *host_source(h, source, SOURCE_LEARN) = 0.0f;
}

static void teach(host *h, size_t source, sound which, double seconds)
{
    hear(h, source, which, seconds);
    host_settle(h, 4000);
}

static host *new_active(const char *uri, host_worker worker)
{
    host *h = host_new(uri, RATE_HZ, worker);
    h->controls[PORT_MODE] = UB_STREAM_LIVE;
    host_activate(h);
    host_settle(h, 2000);
    return h;
}

static double energy_db(const float *x, size_t first, size_t n)
{
    double energy = 1e-20;
    for (size_t i = first; i < n; i++) {
        energy += (double)x[i] * (double)x[i];
    }
    return 10.0 * log10(energy);
}

// How much louder the first stem is than the third while one sound plays, in dB.
static double lead_db(host *h, sound which)
{
    const size_t channels = h->n_channels;
    rig_restart(h);
    take t = take_new(channels, 8000, 1);
    fill(&t, which);
    take_play(&t, h);
    assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
    const double lead =
        energy_db(t.audio[2 * channels], 2000, t.n) - energy_db(t.audio[4 * channels], 2000, t.n);
    take_free(&t);
    return lead;
}

// Deferred workers have the tests below; learning takes long under a sanitizer.
#ifdef SANITIZED
enum { FIRST_WORKER = WORKER_DEFERRED + 1 };
#else
enum { FIRST_WORKER = WORKER_DEFERRED };
#endif

static void what_was_taught_is_told_apart(void **state)
{
    (void)state;
    for (int worker = FIRST_WORKER; worker <= WORKER_THREAD; worker++) {
        host *h = new_active(worker % 2 ? PLUGIN_MONO_URI : PLUGIN_STEREO_URI, (host_worker)worker);
        teach(h, 0, SOUND_LOW, 2.0);
        assert_true(h->controls[PORT_SOURCES] == 1.0f);
        assert_true(h->controls[PORT_PROGRESS] == 100.0f);
        assert_true(fabsf(*host_source(h, 0, SOURCE_HEARD_S) - 2.0f) < 0.01f);
        teach(h, 2, SOUND_HIGH, 2.0); // the second place stays empty
        assert_true(h->controls[PORT_SOURCES] == 2.0f);
        assert_non_null(strstr(h->said, "1 Source 1, 3 Source 3"));
        assert_true(lead_db(h, SOUND_LOW) > 20.0);
        assert_true(lead_db(h, SOUND_HIGH) < -20.0);
        assert_true(*host_source(h, 2, SOURCE_LEVEL_DB) > -30.0f);
        assert_true(*host_source(h, 1, SOURCE_LEVEL_DB) == -80.0f);
        // The fader of the third place is that of its sound.
        *host_source(h, 2, SOURCE_MUTE) = 1.0f;
        rig_restart(h);
        take t = take_new(h->n_channels, 8000, 1);
        fill(&t, SOUND_HIGH);
        take_play(&t, h);
        const double heard = energy_db(t.audio[h->n_channels], 2000, t.n);
        assert_true(heard < energy_db(t.audio[0], 2000, t.n) - 20.0);
        take_free(&t);
        assert_int_equal(h->n_errors, 0);
        assert_int_equal(h->n_allocations, 0);
        host_free(h);
    }
}

static void the_rest_learns_what_was_not_taught(void **state)
{
    (void)state;
    host *h = new_active(PLUGIN_STEREO_URI, WORKER_DEFERRED);
    h->controls[PORT_FREE] = 8.0f;
    host_settle(h, 2000);
    assert_true(h->controls[PORT_SOURCES] == 1.0f);
    take all = take_new(2, 4000, 1); // without any source everything is the rest
    fill(&all, SOUND_BOTH);
    take_play(&all, h);
    assert_true(*host_source(h, 0, SOURCE_LEVEL_DB) == -80.0f);
    assert_true(h->controls[PORT_FIRST_REST + REST_LEVEL_DB] > -30.0f);
    take_free(&all);
    teach(h, 1, SOUND_LOW, 2.0);
    assert_true(h->controls[PORT_SOURCES] == 2.0f);
    rig_restart(h);
    take t = take_new(2, 40000, 1);
    fill(&t, SOUND_BOTH);
    take_play(&t, h);
    assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
    const float *taught = t.audio[6], *rest = t.audio[12];
    const size_t latency = rig_latency(h);
    double error = 0.0, energy = 0.0;
    for (size_t i = 24000; i < t.n; i++) { // once it has learned
        const double s = (double)(i - latency) / RATE_HZ;
        const double step = 1.0 + 0.1 * (double)(((i - latency) / 1000) % 4);
        const double high = 0.2 * sin(2.0 * M_PI * 1500.0 * step * s);
        assert_true(fabsf(taught[i] + rest[i] - t.audio[2][i]) < 1e-6f);
        error += pow((double)rest[i] - high, 2.0);
        energy += high * high;
    }
    assert_true(error < 0.1 * energy);
    h->controls[PORT_FIRST_REST + REST_MUTE] = 1.0f;
    rig_restart(h);
    take_play(&t, h);
    assert_true(fabs(energy_db(t.audio[2], 24000, t.n) - energy_db(t.audio[6], 24000, t.n)) < 0.01);
    h->controls[PORT_FREE] = 0.0f;
    host_settle(h, 2000);
    assert_true(h->controls[PORT_SOURCES] == 1.0f);
    assert_true(h->controls[PORT_FIRST_REST + REST_LEVEL_DB] == -80.0f);
    assert_int_equal(h->n_errors, 0);
    assert_int_equal(h->n_allocations, 0);
    take_free(&t);
    host_free(h);
}

static void passages_add_up_to_a_limit_and_a_reset_forgets_them(void **state)
{
    (void)state;
    host *h = new_active(PLUGIN_MONO_URI, WORKER_DEFERRED);
    teach(h, 0, SOUND_LOW, 1.0);
    teach(h, 1, SOUND_NONE, 1.0); // silence teaches nothing
    assert_int_equal(h->n_errors, 1);
    assert_non_null(strstr(h->said, "source 2 has learned nothing"));
    teach(h, 0, SOUND_HIGH, 1.5);
    assert_true(fabsf(*host_source(h, 0, SOURCE_HEARD_S) - 2.5f) < 0.01f);
    teach(h, 2, SOUND_HIGH, 1.0);
    assert_true(lead_db(h, SOUND_LOW) > 20.0); // still: both passages count
    hear(h, 2, SOUND_HIGH, 65.0);
    assert_true(*host_source(h, 2, SOURCE_HEARD_S) == (float)LONGEST_LESSON_S);
    host_settle(h, 2000);
    *host_source(h, 2, SOURCE_RESET) = 1.0f;
    host_settle(h, 2000);
    assert_true(h->controls[PORT_SOURCES] == 1.0f);
    assert_true(*host_source(h, 2, SOURCE_HEARD_S) == 0.0f);
    *host_source(h, 0, SOURCE_RESET) = 1.0f;
    host_settle(h, 2000);
    assert_true(lead_db(h, SOUND_LOW) > 100.0); // one source again, which is everything
    assert_int_equal(h->n_allocations, 0);
    host_free(h);
}

static void a_source_of_a_file_is_replaced_and_comes_back(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    take before = take_new(2, 6000, 3), learned = take_new(2, 6000, 3),
         after = take_new(2, 6000, 3);
    take_play(&before, h);
    teach(h, 1, SOUND_LOW, 1.0);
    assert_non_null(strstr(h->said, "1 low, 2 high")); // it keeps its name
    rig_restart(h);
    take_play(&learned, h);
    *host_source(h, 1, SOURCE_RESET) = 1.0f;
    host_settle(h, 2000);
    rig_restart(h);
    take_play(&after, h);
    const size_t bytes = before.n * sizeof(float);
    assert_true(memcmp(before.audio[4], learned.audio[4], bytes) != 0);
    assert_memory_equal(before.audio[4], after.audio[4], bytes);
    // A file takes the place of all that was learned.
    teach(h, 4, SOUND_HIGH, 1.0);
    assert_true(h->controls[PORT_SOURCES] == 3.0f);
    host_send_path(h, rig_dictionary(), strlen(rig_dictionary()) + 1);
    host_settle(h, 2000);
    assert_true(h->controls[PORT_SOURCES] == 2.0f);
    assert_true(*host_source(h, 4, SOURCE_HEARD_S) == 0.0f);
    take_free(&before);
    take_free(&learned);
    take_free(&after);
    host_free(h);
}

static void assert_plays_alike(host *a, host *b)
{
    take one = take_new(2, 6000, 4), two = take_new(2, 6000, 4);
    rig_restart(a);
    rig_restart(b);
    take_play(&one, a);
    take_play(&two, b);
    for (size_t i = 2; i < HOST_MAX_AUDIO; i++) {
        assert_memory_equal(one.audio[i], two.audio[i], one.n * sizeof(float));
    }
    take_free(&one);
    take_free(&two);
}

static void what_was_learned_is_saved_with_the_session(void **state)
{
    (void)state;
    host *h = new_active(PLUGIN_STEREO_URI, WORKER_DEFERRED);
    teach(h, 1, SOUND_LOW, 1.0);
    teach(h, 3, SOUND_HIGH, 1.0);
    assert_int_equal(mkdir(path_of("learned"), 0700), 0);
    LilvState *session = host_save(h, path_of("learned"));
    host *late = host_new(PLUGIN_STEREO_URI, RATE_HZ, WORKER_DEFERRED);
    host_restore(late, session);
    host_activate(late);
    host_settle(late, 2000);
    assert_true(late->controls[PORT_SOURCES] == 2.0f);
    assert_true(*host_source(late, 0, SOURCE_LEVEL_DB) == -80.0f);
    assert_plays_alike(h, late);
    lilv_state_free(session);

    // And saved again, with more: a session of a session.
    teach(late, 0, SOUND_BOTH, 1.0);
    assert_int_equal(mkdir(path_of("later"), 0700), 0);
    session = host_save(late, path_of("later"));
    host *latest = new_active(PLUGIN_STEREO_URI, WORKER_IMMEDIATE);
    host_restore(latest, session);
    host_settle(latest, 4000);
    assert_true(latest->controls[PORT_SOURCES] == 3.0f);
    assert_plays_alike(late, latest);
    lilv_state_free(session);
    host_free(latest);
    host_free(late);
    host_free(h);
}

static void what_was_learned_is_exported_for_the_tool(void **state)
{
    (void)state;
    host *h = new_active(PLUGIN_STEREO_URI, WORKER_DEFERRED);
    host_export(h, path_of("none.safetensors"));
    host_settle(h, 500);
    assert_int_equal(h->n_errors, 1); // there is nothing
    teach(h, 2, SOUND_LOW, 1.0);
    for (size_t i = 0; i < 2; i++) { // a dictionary is overwritten
        host_export(h, path_of("mine.safetensors"));
        host_settle(h, 500);
        assert_non_null(strstr(h->said, "written"));
    }
    unsigned char *bytes;
    size_t size;
    ub_dictionary dictionary;
    assert_int_equal(ub_file_read(path_of("mine.safetensors"), 1 << 24, &bytes, &size, NULL),
                     UB_OK);
    assert_int_equal(ub_dictionary_decode(bytes, size, &dictionary, NULL), UB_OK);
    assert_int_equal(dictionary.n_sources, 1);
    assert_string_equal(dictionary.source_names[0], "Source 3");
    assert_true(dictionary.rate_hz == RATE_HZ);
    ub_dictionary_free(&dictionary);
    free(bytes);
    assert_int_equal(ub_file_write(path_of("song.wav"), "RIFF", 4, NULL), UB_OK);
    host_export(h, path_of("song.wav"));
    host_settle(h, 500);
    assert_int_equal(h->n_errors, 2);
    assert_non_null(strstr(h->said, "not overwritten"));
    assert_int_equal(ub_file_read(path_of("song.wav"), 100, &bytes, &size, NULL), UB_OK);
    assert_int_equal(size, 4);
    free(bytes);
    assert_int_equal(h->n_allocations, 0);
    host_free(h);
}

static void full_queues_and_late_workers_lose_sound_but_nothing_else(void **state)
{
    (void)state;
    host *h = new_active(PLUGIN_MONO_URI, WORKER_DEFERRED);
    *host_source(h, 0, SOURCE_LEARN) = 1.0f;
    h->requests.is_full = true;
    take t = take_new(1, 80000, 1); // ten seconds, two more than both halves hold
    fill(&t, SOUND_LOW);
    for (size_t done = 0; done < t.n; done += 800) {
        take_run(&t, h, done, 800);
    }
    assert_true(*host_source(h, 0, SOURCE_HEARD_S) < 8.01f);
    *host_source(h, 0, SOURCE_LEARN) = 0.0f;
    host_settle(h, 1000);
    h->requests.is_full = false;
    h->answers.is_full = true; // what was made of it does not arrive, and is made again
    host_settle(h, 1000);
    h->answers.is_full = false;
    host_settle(h, 4000);
    assert_true(h->controls[PORT_PROGRESS] == 100.0f);
    teach(h, 2, SOUND_HIGH, 1.0);
    assert_true(lead_db(h, SOUND_LOW) > 20.0);
    assert_int_equal(h->n_allocations, 0);
    take_free(&t);
    host_free(h);
}

static void learning_is_broken_off_when_the_plugin_goes_to_sleep_and_taken_up_again(void **state)
{
    (void)state;
    host *h = new_active(PLUGIN_MONO_URI, WORKER_DEFERRED);
    hear(h, 0, SOUND_LOW, 1.0);
    float *none[HOST_MAX_AUDIO] = {NULL};
    host_run(h, none, 0);
    host_run(h, none, 0); // the worker has been asked
    host_deactivate(h);
    host_work(h);
    assert_true(h->controls[PORT_PROGRESS] < 100.0f);
    host_activate(h);
    host_settle(h, 2000);
    assert_true(h->controls[PORT_PROGRESS] == 100.0f);
    assert_int_equal(h->n_errors, 0);
    host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taught_is_told_apart),
        cmocka_unit_test(the_rest_learns_what_was_not_taught),
        cmocka_unit_test(passages_add_up_to_a_limit_and_a_reset_forgets_them),
        cmocka_unit_test(a_source_of_a_file_is_replaced_and_comes_back),
        cmocka_unit_test(what_was_learned_is_saved_with_the_session),
        cmocka_unit_test(what_was_learned_is_exported_for_the_tool),
        cmocka_unit_test(full_queues_and_late_workers_lose_sound_but_nothing_else),
        cmocka_unit_test(learning_is_broken_off_when_the_plugin_goes_to_sleep_and_taken_up_again),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
