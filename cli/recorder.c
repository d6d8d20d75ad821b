// SPDX-License-Identifier: GPL-3.0-or-later
#include "recorder.h"
#include "interrupt.h"
#include "report.h"
#include "ring.h"
#include "stem_file.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MOST_FILES = 1 + UB_STREAM_MAX_SOURCES, // the input first
    MOST_SIGNALS = MOST_FILES * UB_STREAM_MAX_CHANNELS,
    LOOK_MS = 20,
};

// A disk may pause for so long before sound is lost.
static const double patience_s = 4.0;

struct recorder {
    struct ring *ring;
    size_t n_channels, n_files;
    const char *folder;
    atomic_uint_least64_t n_lost;
    uint64_t gap, n_pushed; // of the audio thread: silence that is to be written, all frames
    atomic_uint_least64_t n_input; // frames that are heard; those behind carry what was late
    uint64_t latency;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_ending;
    // Of the writer, until it has ended.
    struct output *output;
    struct stem_file *files[MOST_FILES];
    uint64_t n_done;
    ub_status status;
    ub_message why;
};

static void nap(void)
{
    const struct timespec time = {.tv_nsec = LOOK_MS * 1000000L};
    nanosleep(&time, NULL);
}

// As much of the silence for lost frames as finds room.
static void fill_gap(struct recorder *recorder)
{
    struct ring *ring = recorder->ring;
    for (size_t room = ring_room(ring); recorder->gap > 0 && room > 0; room = ring_room(ring)) {
        const size_t now = recorder->gap < room ? (size_t)recorder->gap : room;
        ring_write(ring, NULL, now);
        recorder->gap -= now;
    }
}

void recorder_push(struct recorder *recorder, const float *const *in, float *const *stems, size_t n)
{
    struct ring *ring = recorder->ring;
    recorder->n_pushed += n;
    fill_gap(recorder);
    if (recorder->gap > 0 || ring_room(ring) < n) {
        recorder->gap += n;
        atomic_fetch_add_explicit(&recorder->n_lost, n, memory_order_relaxed);
        return;
    }
    const size_t n_channels = recorder->n_channels;
    const float *signals[MOST_SIGNALS];
    for (size_t i = 0; i < recorder->n_files * n_channels; i++) {
        signals[i] = i < n_channels ? in[i] : stems[i - n_channels];
    }
    ring_write(ring, signals, n);
}

void recorder_end_input(struct recorder *recorder)
{
    atomic_store(&recorder->n_input, recorder->n_pushed);
}

void recorder_wait(struct recorder *recorder, size_t n)
{
    fill_gap(recorder);
    while (recorder->gap > 0 || ring_room(recorder->ring) < n) {
        nap();
        fill_gap(recorder);
    }
}

static size_t overlap(uint64_t from, uint64_t to, size_t most)
{
    return to <= from ? 0 : to - from < most ? (size_t)(to - from) : most;
}

static void write_frames(struct recorder *recorder, const float **signals, size_t n)
{
    const size_t n_channels = recorder->n_channels;
    const size_t n_input = overlap(recorder->n_done, atomic_load(&recorder->n_input), n);
    const size_t n_early = overlap(recorder->n_done, recorder->latency, n);
    for (size_t i = n_channels; i < recorder->n_files * n_channels; i++) {
        signals[i] += n_early;
    }
    for (size_t i = 0; !recorder->status && i < recorder->n_files; i++) {
        recorder->status = stem_file_write_floats(recorder->files[i], signals + i * n_channels,
                                                  i == 0 ? n_input : n - n_early, &recorder->why);
    }
    recorder->n_done += n;
}

// After a failure it goes on to read, so that nobody waits for it.
static void *write_all(void *context)
{
    struct recorder *recorder = context;
    for (;;) {
        const bool is_ending = atomic_load(&recorder->is_ending);
        const float *signals[MOST_SIGNALS];
        const size_t n = ring_read(recorder->ring, signals);
        if (n > 0) {
            write_frames(recorder, signals, n);
            ring_release(recorder->ring, n);
        } else if (is_ending) {
            return NULL;
        } else {
            nap();
        }
    }
}

static ub_status begin_file(struct recorder *recorder, const struct recorder_settings *settings,
                            const char *name)
{
    // How long it gets is not known: an RF64 file, which becomes WAV when it is short enough.
    const struct stem_format format = {
        .container = STEM_WAV,
        .type = {true, 32},
        .n_channels = settings->n_channels,
        .n_samples = UINT32_MAX,
        .rate_hz = (unsigned)lround(settings->rate_hz),
    };
    const size_t size = strlen(settings->folder) + strlen(name) + sizeof "/.wav";
    char *path = malloc(size);
    if (!path) {
        return ub_fail(&recorder->why, UB_NO_MEMORY, "no memory for the names of files");
    }
    snprintf(path, size, "%s/%s.wav", settings->folder, name);
    const ub_status status = stem_file_new(recorder->output, path, &format,
                                           &recorder->files[recorder->n_files], &recorder->why);
    recorder->n_files += !status;
    free(path);
    return status;
}

static ub_status begin_files(struct recorder *recorder, const struct recorder_settings *settings)
{
    ub_status status = begin_file(recorder, settings, "input");
    for (size_t i = 0; !status && i < settings->n_sources; i++) {
        if (strcmp(settings->names[i], "input") == 0) {
            return ub_fail(&recorder->why, UB_BAD_SETTING,
                           "a source is called input, as the recording of the input is; learn it "
                           "under another name");
        }
        status = begin_file(recorder, settings, settings->names[i]);
    }
    return status;
}

bool recorder_start(const struct recorder_settings *settings, struct recorder **out)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) {
        report_error("--record", "no memory; close other programs");
        return false;
    }
    recorder->folder = settings->folder;
    recorder->n_channels = settings->n_channels;
    atomic_init(&recorder->n_input, UINT64_MAX);
    recorder->latency = settings->latency;
    atomic_init(&recorder->n_lost, 0);
    atomic_init(&recorder->is_ending, false);
    recorder->ring = ring_new((1 + settings->n_sources) * settings->n_channels,
                              (size_t)(patience_s * settings->rate_hz));
    recorder->output = output_new();
    ub_status status = recorder->ring && recorder->output ? UB_OK : UB_NO_MEMORY;
    status = status ? status : begin_files(recorder, settings);
    recorder->has_thread = !status && interrupt_free_thread(&recorder->thread, write_all, recorder);
    if (!status && !recorder->has_thread) {
        status = ub_fail(&recorder->why, UB_NO_MEMORY, "no thread to write; close other programs");
    }
    if (status) {
        report_status("--record", status, &recorder->why);
        recorder_free(recorder);
        return false;
    }
    *out = recorder;
    return true;
}

static void end_thread(struct recorder *recorder)
{
    if (recorder->has_thread) {
        atomic_store(&recorder->is_ending, true);
        pthread_join(recorder->thread, NULL);
        recorder->has_thread = false;
    }
}

bool recorder_finish(struct recorder *recorder)
{
    end_thread(recorder);
    ub_status status = recorder->status;
    for (size_t i = 0; !status && i < recorder->n_files; i++) {
        status = stem_file_finish(recorder->files[i], &recorder->why);
    }
    status = status ? status : output_commit(recorder->output, &recorder->why);
    const uint64_t n_lost = atomic_load(&recorder->n_lost);
    if (status) {
        report_status("--record", status, &recorder->why);
    } else if (n_lost > 0) {
        report_warning(recorder->folder,
                       "%" PRIu64 " frames came too fast for the disk and are silent in the "
                       "files; use a faster one",
                       n_lost);
    }
    return !status;
}

void recorder_free(struct recorder *recorder)
{
    if (!recorder) {
        return;
    }
    end_thread(recorder);
    for (size_t i = 0; i < recorder->n_files; i++) {
        stem_file_free(recorder->files[i]);
    }
    output_free(recorder->output);
    ring_free(recorder->ring);
    free(recorder);
}
