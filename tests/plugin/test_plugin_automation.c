// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that a host can move, moved at random, for as long as UNBRAID_AUTOMATION_S says:
// seconds of sound at 48 kHz, 10 unless set.
#include "rig.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RATE = 48000, LONGEST = 1024 };

static float random_in(ub_random *random, float low, float high)
{
    return low + (high - low) * ub_random_uniform(random);
}

static bool one_in(ub_random *random, unsigned n)
{
    return ub_random_bits(random) % n == 0;
}

static void move_sources(host *h, ub_random *random)
{
    const size_t j = (size_t)(ub_random_bits(random) % N_SOURCES);
    *host_source(h, j, SOURCE_GAIN_DB) = random_in(random, -90.0f, 20.0f);
    *host_source(h, j, SOURCE_SOLO) = one_in(random, 8) ? 1.0f : 0.0f;
    *host_source(h, j, SOURCE_MUTE) = one_in(random, 4) ? 1.0f : 0.0f;
    if (one_in(random, 40)) {
        float *learn = host_source(h, j, SOURCE_LEARN);
        *learn = 1.0f - *learn;
    }
    *host_source(h, j, SOURCE_RESET) = one_in(random, 200) ? 1.0f : 0.0f;
}

static void move(host *h, ub_random *random)
{
    move_sources(h, random);
    h->controls[PORT_ENABLED] = one_in(random, 4) ? 0.0f : 1.0f;
    h->controls[PORT_REMOVED] = one_in(random, 4) ? 1.0f : 0.0f;
    h->controls[PORT_FREEWHEEL] = one_in(random, 4) ? 1.0f : 0.0f;
    if (one_in(random, 10)) {
        h->controls[PORT_EXPONENT] = random_in(random, -1.0f, 4.0f);
    }
    if (one_in(random, 10)) {
        h->controls[PORT_SPARSITY] = random_in(random, -1.0f, 4.0f);
        h->controls[PORT_FORGET_S] = random_in(random, -1.0f, 70.0f);
    }
    if (one_in(random, 40)) {
        h->controls[PORT_FREE] = one_in(random, 2) ? 0.0f : random_in(random, -1.0f, 70.0f);
    }
    h->controls[PORT_FIRST_REST + REST_SOLO] = one_in(random, 8) ? 1.0f : 0.0f;
    if (one_in(random, 40)) {
        h->controls[PORT_MODE] = random_in(random, -2.0f, 6.0f);
    }
    if (one_in(random, 4)) {
        const char *path = one_in(random, 8) ? "" : rig_dictionary();
        host_send_path(h, path, strlen(path) + 1);
    }
}

static void make_noise(take *t, ub_random *random)
{
    static const float BAD[] = {NAN, INFINITY, -INFINITY, 1e30f, 1e-40f, 3e38f};
    const float level = one_in(random, 5) ? 0.0f : random_in(random, 0.0f, 2.0f);
    for (size_t c = 0; c < t->n_channels; c++) {
        for (size_t i = 0; i < t->n; i++) {
            t->audio[c][i] = random_in(random, -level, level);
        }
        if (one_in(random, 50)) {
            t->audio[c][ub_random_bits(random) % t->n] = BAD[ub_random_bits(random) % 6];
        }
    }
}

static void assert_sane(const take *t, size_t n)
{
    for (size_t i = t->n_channels; i < t->n_channels * N_AUDIO; i++) {
        for (size_t k = 0; k < n; k++) {
            if (!isfinite(t->audio[i][k])) {
                fail_msg("port %zu is not finite", i);
            }
        }
    }
}

static void whatever_moves_the_plugin_stays_sane(void **state)
{
    (void)state;
    const char *wanted = getenv("UNBRAID_AUTOMATION_S");
    const size_t n_samples = (size_t)((wanted ? atof(wanted) : 10.0) * RATE);
    host *h = host_new(PLUGIN_STEREO_URI, RATE, WORKER_DEFERRED);
    host_activate(h);
    ub_random random = ub_random_new(11);
    take t = take_new(2, LONGEST, 1);
    const size_t told_before = h->n_told;
    size_t n_cycles = 0;
    for (size_t done = 0; done < n_samples; n_cycles++) {
        const size_t n = (size_t)(ub_random_bits(&random) % (LONGEST + 1));
        move(h, &random);
        make_noise(&t, &random);
        h->requests.is_full = one_in(&random, 10);
        h->answers.is_full = one_in(&random, 10);
        take_run(&t, h, 0, n);
        assert_sane(&t, n);
        if (!one_in(&random, 3)) {
            host_work(h);
        }
        if (one_in(&random, 2000)) {
            rig_restart(h);
        }
        done += n;
    }
    printf("%zu cycles, %zu dictionaries\n", n_cycles, h->n_told - told_before);
    assert_int_equal(h->n_allocations, 0);
    take_free(&t);
    host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_moves_the_plugin_stays_sane),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
