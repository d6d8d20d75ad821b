// SPDX-License-Identifier: GPL-3.0-or-later
// Dictionaries and sessions: paths by message, workers of all kinds, bad files, full queues, state.
#include "rig.h"
#include "unbraid/file.h"
#include "unbraid/random.h"

#include <lv2/state/state.h>

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

static host *new_active(host_worker worker)
{
    host *h = host_new(PLUGIN_STEREO_URI, RATE_HZ, worker);
    host_activate(h);
    return h;
}

static void send_path(host *h, const char *path)
{
    host_send_path(h, path, strlen(path) + 1);
}

static void assert_n_sources(const host *h, float n)
{
    assert_true(h->controls[PORT_SOURCES] == n);
}

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", rig_folder(), name);
    return path;
}

static void a_path_loads_whatever_the_worker_is_like(void **state)
{
    (void)state;
    for (int worker = WORKER_DEFERRED; worker <= WORKER_THREAD; worker++) {
        host *h = new_active((host_worker)worker);
        host_settle(h, 1000);
        assert_n_sources(h, 1.0f);
        send_path(h, rig_dictionary());
        host_settle(h, 8000);
        assert_n_sources(h, 2.0f);
        assert_string_equal(h->told, rig_dictionary());
        assert_non_null(strstr(h->said, "1 low, 2 high"));
        h->controls[PORT_MODE] = UB_STREAM_SHORT;
        h->controls[PORT_EXPONENT] = 2.0f;
        host_settle(h, 8000);
        assert_n_sources(h, 2.0f);
        assert_true(rig_latency(h) < 50);
        send_path(h, ""); // none
        host_settle(h, 8000);
        assert_n_sources(h, 1.0f);
        assert_int_equal(h->n_allocations, 0);
        assert_int_equal(h->n_errors, 0);
        host_free(h);
    }
}

static void a_bad_file_leaves_the_old_model_and_says_why(void **state)
{
    (void)state;
    const char *text = "this is no dictionary";
    assert_int_equal(ub_file_write(path_of("bad"), text, strlen(text), NULL), UB_OK);
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    const char *bad[] = {"bad", "missing", "."};
    for (size_t i = 0; i < 3; i++) {
        send_path(h, path_of(bad[i]));
        host_settle(h, 2000);
        assert_n_sources(h, 2.0f);
        assert_int_equal(h->n_errors, i + 1);
        assert_non_null(strstr(h->said, path_of(bad[i])));
        assert_string_equal(h->told, path_of(bad[i]));
    }
    // Other modes still have the old one.
    h->controls[PORT_MODE] = UB_STREAM_BALANCED;
    host_settle(h, 4000);
    assert_n_sources(h, 2.0f);
    assert_int_equal(h->n_allocations, 0);
    host_free(h);
}

static void the_mask_exponent_is_heard(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    take one = take_new(2, 3000, 1), two = take_new(2, 3000, 1);
    take_play(&one, h);
    h->controls[PORT_EXPONENT] = 2.0f;
    host_settle(h, 2000);
    rig_restart(h);
    take_play(&two, h);
    assert_true(memcmp(one.audio[4], two.audio[4], one.n * sizeof(float)) != 0);
    assert_true(take_null_db(&two, rig_latency(h), 0) < -120.0);
    take_free(&one);
    take_free(&two);
    host_free(h);
}

static void the_path_is_told_when_asked_for(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_MONO_URI, RATE_HZ, UB_STREAM_LIVE);
    const size_t before = h->n_told;
    host_settle(h, 1000);
    assert_int_equal(h->n_told, before);
    strcpy(h->told, "");
    host_ask_path(h);
    host_settle(h, 64);
    assert_int_equal(h->n_told, before + 1);
    assert_string_equal(h->told, rig_dictionary());
    host_free(h);
}

static void messages_that_are_wrong_change_nothing(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    char path[5000];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    host_send_path(h, path, sizeof path); // too long
    host_settle(h, 500);
    assert_string_equal(h->told, rig_dictionary());
    assert_int_equal(h->n_errors, 0);
    LV2_Atom *events = (LV2_Atom *)h->events_in;
    events->type = h->forge.Chunk; // no sequence
    events->size = 40;
    host_settle(h, 64);
    assert_n_sources(h, 2.0f);
    host_free(h);
}

static void full_queues_only_delay(void **state)
{
    (void)state;
    host *h = new_active(WORKER_DEFERRED);
    h->requests.is_full = true;
    send_path(h, rig_dictionary());
    h->controls[PORT_MODE] = UB_STREAM_LIVE;
    host_settle(h, 2000);
    assert_n_sources(h, 1.0f);
    h->requests.is_full = false;
    host_settle(h, 2000);
    assert_n_sources(h, 2.0f);
    assert_true(rig_latency(h) < 80);
    h->answers.is_full = true; // what was made is lost, and made again
    send_path(h, rig_dictionary());
    h->controls[PORT_MODE] = UB_STREAM_SHORT;
    host_settle(h, 1000);
    assert_true(rig_latency(h) > 50);
    h->answers.is_full = false;
    host_settle(h, 2000);
    assert_n_sources(h, 2.0f);
    assert_true(rig_latency(h) < 50);
    h->requests.is_full = true;
    h->controls[PORT_MODE] = UB_STREAM_LIVE;
    host_settle(h, 1000);
    h->requests.is_full = false;
    host_settle(h, 1000);
    assert_true(rig_latency(h) > 50);
    // The old model waits while nobody can take it.
    send_path(h, "");
    float *none[HOST_MAX_AUDIO] = {NULL};
    host_run(h, none, 0);
    host_work(h);
    h->requests.is_full = true;
    host_settle(h, 1000);
    assert_n_sources(h, 1.0f);
    h->requests.is_full = false;
    host_settle(h, 1000);
    assert_int_equal(h->n_allocations, 0);
    host_free(h);
}

static void a_session_comes_back_before_the_first_sample(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_BALANCED);
    *host_source(h, 0, SOURCE_GAIN_DB) = -12.0f;
    *host_source(h, 1, SOURCE_SOLO) = 1.0f;
    host_settle(h, 1000);
    rig_restart(h);
    take before = take_new(2, 4000, 2), after = take_new(2, 4000, 2);
    take_play(&before, h);
    assert_int_equal(mkdir(path_of("session"), 0700), 0);
    LilvState *session = host_save(h, path_of("session"));

    // The state holds a path within its folder, so that the folder can move.
    unsigned char *text;
    size_t size;
    assert_int_equal(ub_file_read(path_of("session/state.ttl"), 1 << 20, &text, &size, NULL),
                     UB_OK);
    assert_non_null(strstr((char *)text, "small.safetensors"));
    assert_null(strstr((char *)text, rig_dictionary()));
    free(text);

    host *late = host_new(PLUGIN_STEREO_URI, RATE_HZ, WORKER_DEFERRED);
    host_restore(late, session);
    host_activate(late);
    take_play(&after, late);
    assert_true(*host_source(late, 0, SOURCE_GAIN_DB) == -12.0f);
    assert_n_sources(late, 2.0f);
    // All of it: no sample is played without the dictionary.
    for (size_t i = 2; i < 8; i++) {
        assert_memory_equal(after.audio[i], before.audio[i], after.n * sizeof(float));
    }
    lilv_state_free(session);
    take_free(&before);
    take_free(&after);
    host_free(late);
    host_free(h);
}

static void a_session_restores_while_it_plays(void **state)
{
    (void)state;
    host *first = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    assert_int_equal(mkdir(path_of("live"), 0700), 0);
    LilvState *session = host_save(first, path_of("live"));
    for (int worker = WORKER_DEFERRED; worker <= WORKER_THREAD; worker++) {
        host *h = new_active((host_worker)worker);
        host_settle(h, 1000);
        host_restore(h, session);
        host_settle(h, 4000);
        assert_n_sources(h, 2.0f);
        assert_non_null(strstr(h->told, "small.safetensors"));
        host_free(h);
    }
    lilv_state_free(session);
    host_free(first);
}

static void a_session_comes_back_although_the_worker_is_busy(void **state)
{
    (void)state;
    host *first = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    assert_int_equal(mkdir(path_of("busy"), 0700), 0);
    LilvState *session = host_save(first, path_of("busy"));
    host *h = new_active(WORKER_DEFERRED);
    h->controls[PORT_MODE] = UB_STREAM_SHORT;
    float *none[HOST_MAX_AUDIO] = {NULL};
    host_run(h, none, 0); // now the worker has something to do
    host_deactivate(h);
    host_restore(h, session);
    host_activate(h);
    host_settle(h, 2000);
    assert_n_sources(h, 2.0f);
    assert_int_equal(rig_latency(h), rig_latency(first));
    // Twice while it sleeps, and never played.
    host_deactivate(h);
    host_restore(h, session);
    host_restore(h, session);
    lilv_state_free(session);
    host_free(h);
    host_free(first);
}

static void what_was_asked_for_last_is_saved_although_it_is_not_loaded(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_LIVE);
    const char *text = "a dictionary of tomorrow";
    assert_int_equal(ub_file_write(path_of("tomorrow"), text, strlen(text), NULL), UB_OK);
    send_path(h, path_of("tomorrow"));
    float *none[HOST_MAX_AUDIO] = {NULL};
    host_run(h, none, 0); // the worker sleeps
    assert_int_equal(mkdir(path_of("early"), 0700), 0);
    lilv_state_free(host_save(h, path_of("early")));
    unsigned char *bytes;
    size_t size;
    assert_int_equal(ub_file_read(path_of("early/state.ttl"), 1 << 20, &bytes, &size, NULL), UB_OK);
    assert_non_null(strstr((char *)bytes, "tomorrow"));
    assert_null(strstr((char *)bytes, "small"));
    free(bytes);
    host_free(h);
}

static void a_thousand_changes_leave_the_sum_alone(void **state)
{
    (void)state;
    host *h = rig_playing(PLUGIN_STEREO_URI, RATE_HZ, UB_STREAM_SHORT);
    ub_random random = ub_random_new(4);
    take t = take_new(2, 200000, 5);
    const size_t before = h->n_told;
    for (size_t done = 0; done < t.n;) {
        size_t n = (size_t)(ub_random_bits(&random) % 60);
        n = n < t.n - done ? n : t.n - done;
        send_path(h, ub_random_bits(&random) % 4 ? rig_dictionary() : "");
        h->controls[PORT_EXPONENT] = 0.5f + 1.5f * ub_random_uniform(&random);
        take_run(&t, h, done, n);
        done += n;
        if (ub_random_bits(&random) % 3) {
            host_work(h);
        }
    }
    assert_true(h->n_told > before + 1000);
    assert_true(take_null_db(&t, rig_latency(h), 0) < -120.0);
    assert_int_equal(h->n_allocations, 0);
    take_free(&t);
    host_free(h);
}

// Sessions are saved and restored beside the audio thread.
typedef struct sessions {
    host *h;
    atomic_bool must_end;
    char saved[4096];
    size_t n_saved;
} sessions;

static LV2_State_Status store(LV2_State_Handle handle, uint32_t key, const void *value, size_t size,
                              uint32_t type, uint32_t flags)
{
    (void)key, (void)flags;
    sessions *s = handle;
    if (type == s->h->forge.Path) {
        memcpy(s->saved, value, size);
        s->n_saved++;
    }
    return LV2_STATE_SUCCESS;
}

static const void *retrieve(LV2_State_Handle handle, uint32_t key, size_t *size, uint32_t *type,
                            uint32_t *flags)
{
    const sessions *s = handle;
    if (strcmp(s->h->unmap.unmap(s->h, key), PLUGIN_MODEL_URI) != 0) {
        return NULL;
    }
    *size = strlen(rig_dictionary()) + 1;
    *type = s->h->forge.Path;
    *flags = LV2_STATE_IS_POD;
    return rig_dictionary();
}

static void *save_and_restore(void *context)
{
    sessions *s = context;
    const LV2_State_Interface *state =
        lilv_instance_get_extension_data(s->h->instance, LV2_STATE__interface);
    const LV2_Handle handle = lilv_instance_get_handle(s->h->instance);
    const LV2_Feature *none[] = {NULL};
    while (!atomic_load(&s->must_end)) {
        state->save(handle, store, s, 0, none);
        state->restore(handle, retrieve, s, 0, none);
        sched_yield();
    }
    return NULL;
}

// Everything at once: paths, modes, lessons, sessions, a worker.
static void threads_do_not_race(void **state)
{
    (void)state;
    host *h = new_active(WORKER_THREAD);
    sessions s = {.h = h};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, save_and_restore, &s), 0);
    ub_random random = ub_random_new(6);
    take t = take_new(2, 20000, 7);
    for (size_t done = 0; done < t.n; done += 50) {
        if (ub_random_bits(&random) % 8 == 0) {
            send_path(h, ub_random_bits(&random) % 4 ? rig_dictionary() : "");
        }
        if (ub_random_bits(&random) % 40 == 0) {
            h->controls[PORT_MODE] = (float)(ub_random_bits(&random) % 4);
        }
        h->controls[PORT_ENABLED] = (float)(ub_random_bits(&random) % 2);
        float *lesson = host_source(h, ub_random_bits(&random) % 2, SOURCE_LEARN);
        *lesson = ub_random_bits(&random) % 30 ? *lesson : 1.0f - *lesson;
        *host_source(h, 1, SOURCE_RESET) = ub_random_bits(&random) % 50 ? 0.0f : 1.0f;
        take_run(&t, h, done, 50);
        sched_yield();
    }
    atomic_store(&s.must_end, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < t.n; i++) {
        assert_true(isfinite(t.audio[2][i]) && isfinite(t.audio[4][i]));
    }
    assert_true(s.n_saved > 0);
    assert_true(s.saved[0] == '\0' || strcmp(s.saved, rig_dictionary()) == 0);
    for (size_t j = 0; j < 2; j++) {
        *host_source(h, j, SOURCE_LEARN) = 0.0f;
    }
    host_settle(h, 4000);
    send_path(h, h->told); // what was learned may be more or less
    host_settle(h, 4000);
    assert_n_sources(h, h->told[0] ? 2.0f : 1.0f);
    take_free(&t);
    host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_loads_whatever_the_worker_is_like),
        cmocka_unit_test(a_bad_file_leaves_the_old_model_and_says_why),
        cmocka_unit_test(the_mask_exponent_is_heard),
        cmocka_unit_test(the_path_is_told_when_asked_for),
        cmocka_unit_test(messages_that_are_wrong_change_nothing),
        cmocka_unit_test(full_queues_only_delay),
        cmocka_unit_test(a_session_comes_back_before_the_first_sample),
        cmocka_unit_test(a_session_restores_while_it_plays),
        cmocka_unit_test(a_session_comes_back_although_the_worker_is_busy),
        cmocka_unit_test(what_was_asked_for_last_is_saved_although_it_is_not_loaded),
        cmocka_unit_test(a_thousand_changes_leave_the_sum_alone),
        cmocka_unit_test(threads_do_not_race),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
