// SPDX-License-Identifier: GPL-3.0-or-later
// What no run of the tool makes sure to meet: more sound than the disk takes.
#include "recorder.h"

#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    RATE = 8000,
    STEP = 256,
    N_FRAMES = 1500 * STEP, // more than ten times what waits in memory; exact in a float
    LATENCY = 1000,
};

// Push the numbers of frames from one, and as a stem the same, later.
static void push(struct recorder *recorder, size_t n_frames, size_t at)
{
    float in[STEP], stem[STEP];
    for (size_t i = 0; i < n_frames; i++) {
        in[i] = at + i < N_FRAMES ? (float)(at + i + 1) : 0.0f;
        stem[i] = at + i < LATENCY ? 0.0f : (float)(at + i + 1 - LATENCY);
    }
    recorder_push(recorder, (const float *[]){in}, (float *[]){stem}, n_frames);
}

static float *read_all(const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s.wav", folder, name);
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    assert_non_null(file);
    assert_int_equal(info.frames, N_FRAMES);
    float *samples = malloc(N_FRAMES * sizeof *samples);
    assert_non_null(samples);
    assert_int_equal(sf_readf_float(file, samples, N_FRAMES), N_FRAMES);
    sf_close(file);
    unlink(path);
    return samples;
}

static void what_is_lost_is_silent_and_the_rest_in_its_place(void **unused)
{
    (void)unused;
    char folder[] = "/tmp/unbraid-recorder-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const struct recorder_settings settings = {.folder = folder,
                                               .rate_hz = RATE,
                                               .n_channels = 1,
                                               .names = (const char *[]){"stem"},
                                               .n_sources = 1,
                                               .latency = LATENCY};
    struct recorder *recorder = NULL;
    assert_true(recorder_start(&settings, &recorder));
    for (size_t at = 0; at < N_FRAMES; at += STEP) {
        push(recorder, STEP, at);
    }
    recorder_end_input(recorder);
    for (size_t at = 0; at < LATENCY; at += 250) {
        recorder_wait(recorder, 250);
        push(recorder, 250, N_FRAMES + at);
    }
    assert_true(recorder_finish(recorder));
    recorder_free(recorder);

    float *input = read_all(folder, "input"), *stem = read_all(folder, "stem");
    size_t n_wrong = 0, n_heard = 0;
    for (size_t i = 0; i < N_FRAMES; i++) {
        const float number = (float)(i + 1);
        n_wrong +=
            (input[i] != 0.0f && input[i] != number) || (stem[i] != 0.0f && stem[i] != number);
        n_heard += input[i] != 0.0f;
    }
    assert_int_equal(n_wrong, 0);
    assert_true(n_heard >= 4 * RATE - STEP); // what memory holds was there at once
    assert_true(stem[N_FRAMES - 1] == (float)N_FRAMES); // the end was waited for
    free(stem);
    free(input);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_lost_is_silent_and_the_rest_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
