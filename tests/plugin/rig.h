// SPDX-License-Identifier: GPL-3.0-or-later
/** What the tests of the plugin share: sound, dictionaries on disk, an instance that plays. */
#ifndef UNBRAID_TESTS_RIG_H
#define UNBRAID_TESTS_RIG_H

#include "host.h"

#include "unbraid/stream.h"

#include <stdint.h>

/** Noise in, and room for what comes out: the audio ports in their order. */
typedef struct take {
    size_t n, n_channels;
    float *audio[HOST_MAX_AUDIO];
} take;

take take_new(size_t n_channels, size_t n, uint64_t seed);
void take_free(take *t);

/** Samples [first, first + n) of the take in one cycle. */
void take_run(take *t, host *h, size_t first, size_t n);

/** The whole take in cycles of 64 and work between them. */
void take_play(take *t, host *h);

/** Output minus delayed input from sample `first` on, relative to the input, in dB. */
double take_null_db(const take *t, size_t latency, size_t first);

/** For cmocka_run_group_tests(): a folder with small.safetensors, of sources low and high. */
int rig_set_up(void **state);
int rig_tear_down(void **state);
const char *rig_folder(void);
const char *rig_dictionary(void);

/** An active instance with the dictionary, as new: no sound in it. */
host *rig_playing(const char *uri, double rate_hz, ub_stream_mode mode);

/** Forget all sound. */
void rig_restart(host *h);

size_t rig_latency(const host *h);

#endif
