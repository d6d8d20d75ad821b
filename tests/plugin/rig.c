// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.h"

#include "small.h"
#include "unbraid/file.h"
#include "unbraid/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/unbraid-plugin-XXXXXX";
static char dictionary_path[64];

int rig_set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return 1;
    }
    snprintf(dictionary_path, sizeof dictionary_path, "%s/small.safetensors", folder);
    ub_dictionary dictionary = small_dictionary(8000.0);
    unsigned char *bytes;
    size_t size;
    ub_status status = ub_dictionary_encode(&dictionary, &bytes, &size, NULL);
    ub_dictionary_free(&dictionary);
    if (!status) {
        status = ub_file_write(dictionary_path, bytes, size, NULL);
        free(bytes);
    }
    return status != UB_OK;
}

int rig_tear_down(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

const char *rig_folder(void)
{
    return folder;
}

const char *rig_dictionary(void)
{
    return dictionary_path;
}

take take_new(size_t n_channels, size_t n, uint64_t seed)
{
    take t = {.n = n, .n_channels = n_channels};
    ub_random random = ub_random_new(seed);
    for (size_t i = 0; i < n_channels * N_AUDIO; i++) {
        t.audio[i] = calloc(n, sizeof(float));
        if (!t.audio[i]) {
            abort();
        }
        for (size_t k = 0; i < n_channels && k < n; k++) {
            t.audio[i][k] = ub_random_uniform(&random) - 0.5f;
        }
    }
    return t;
}

void take_free(take *t)
{
    for (size_t i = 0; i < HOST_MAX_AUDIO; i++) {
        free(t->audio[i]);
    }
}

void take_run(take *t, host *h, size_t first, size_t n)
{
    float *audio[HOST_MAX_AUDIO] = {NULL};
    for (size_t i = 0; i < t->n_channels * N_AUDIO; i++) {
        audio[i] = t->audio[i] + first;
    }
    host_run(h, audio, n);
}

void take_play(take *t, host *h)
{
    for (size_t done = 0; done < t->n; done += 64) {
        take_run(t, h, done, t->n - done < 64 ? t->n - done : 64);
        host_work(h);
    }
}

double take_null_db(const take *t, size_t latency, size_t first)
{
    double error = 0.0, energy = 0.0;
    for (size_t c = 0; c < t->n_channels; c++) {
        const float *in = t->audio[c], *out = t->audio[t->n_channels + c];
        for (size_t i = first; i < t->n; i++) {
            const double x = i >= latency ? (double)in[i - latency] : 0.0;
            error += pow((double)out[i] - x, 2.0);
            energy += x * x;
        }
    }
    return 10.0 * log10((error + 1e-30) / (energy + 1e-30));
}

host *rig_playing(const char *uri, double rate_hz, ub_stream_mode mode)
{
    host *h = host_new(uri, rate_hz, WORKER_DEFERRED);
    h->controls[PORT_MODE] = (float)mode;
    host_activate(h);
    host_send_path(h, dictionary_path, strlen(dictionary_path) + 1);
    host_settle(h, (size_t)(rate_hz * 0.5));
    if (h->controls[PORT_SOURCES] != 2.0f) {
        fprintf(stderr, "the dictionary does not play: %s\n", h->said);
        abort();
    }
    rig_restart(h);
    return h;
}

void rig_restart(host *h)
{
    host_deactivate(h);
    host_activate(h);
}

size_t rig_latency(const host *h)
{
    return (size_t)h->controls[PORT_LATENCY];
}
