// SPDX-License-Identifier: GPL-3.0-or-later
// The audio thread runs the stream and touches atomics, nothing else.
#include "live.h"
#include "recorder.h"
#include "report.h"
#include "sound_devices.h"
#include "sound_stream.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_FRAMES = 256 };

static const float silence[STEP_FRAMES];

struct live {
    ub_stream *stream;
    PaStream *sound;
    struct recorder *recorder; // NULL when nothing is recorded
    float stems[UB_STREAM_MAX_SOURCES * UB_STREAM_MAX_CHANNELS][STEP_FRAMES];
    size_t n_sources, n_channels, n_outputs;
    const char *names[UB_STREAM_MAX_SOURCES];
    double rate_hz;
    uint64_t n_wanted; // 0: no end
    _Atomic float gains[UB_STREAM_MAX_SOURCES], levels[UB_STREAM_MAX_SOURCES];
    atomic_uint_least64_t n_frames, n_xruns;
};

// At most STEP_FRAMES.
static void process_step(struct live *live, const float *const *in, float *const *out, size_t n)
{
    if (!live->recorder) {
        ub_stream_process(live->stream, in, out, NULL, 0, n);
        return;
    }
    float *stems[UB_STREAM_MAX_SOURCES * UB_STREAM_MAX_CHANNELS];
    for (size_t i = 0; i < live->n_sources * live->n_channels; i++) {
        stems[i] = live->stems[i];
    }
    ub_stream_process(live->stream, in, out, stems, live->n_sources, n);
    recorder_push(live->recorder, in, stems, n);
}

// Some drivers give no input when they have lost it. The stream does not mind how a block is cut.
static void process(struct live *live, const float *const *in, float *const *out, size_t n)
{
    size_t step;
    for (size_t at = 0; at < n; at += step) {
        step = n - at < STEP_FRAMES ? n - at : STEP_FRAMES;
        const float *ins[UB_STREAM_MAX_CHANNELS];
        float *outs[UB_STREAM_MAX_CHANNELS];
        for (size_t c = 0; c < live->n_channels; c++) {
            ins[c] = in ? in[c] + at : silence;
            outs[c] = out[c] + at;
        }
        process_step(live, ins, outs, step);
    }
}

static int run(const void *input, void *output, unsigned long n,
               const PaStreamCallbackTimeInfo *time, PaStreamCallbackFlags flags, void *context)
{
    (void)time;
    struct live *live = context;
    if (flags & SOUND_LOST) {
        atomic_fetch_add_explicit(&live->n_xruns, 1, memory_order_relaxed);
    }
    for (size_t i = 0; i < live->n_sources; i++) {
        ub_stream_set_gain(live->stream, i,
                           atomic_load_explicit(&live->gains[i], memory_order_relaxed));
    }
    const uint64_t done = atomic_load_explicit(&live->n_frames, memory_order_relaxed);
    const uint64_t left = live->n_wanted ? live->n_wanted - done : UINT64_MAX;
    const size_t n_now = left < n ? (size_t)left : n;
    process(live, input, output, n_now);
    sound_stream_fill(output, live->n_channels, live->n_outputs, n_now, n);
    for (size_t i = 0; i < live->n_sources; i++) {
        atomic_store_explicit(&live->levels[i], ub_stream_level(live->stream, i),
                              memory_order_relaxed);
    }
    atomic_store_explicit(&live->n_frames, done + n_now, memory_order_relaxed);
    return live->n_wanted && done + n_now == live->n_wanted ? paComplete : paContinue;
}

static size_t fewer(int a, size_t b)
{
    return (size_t)a < b ? (size_t)a : b;
}

static bool find_devices(const struct live_settings *settings, PaDeviceIndex *in,
                         PaDeviceIndex *out)
{
    *in = sound_device_find(settings->input, SOUND_INPUT);
    *out = *in == paNoDevice ? paNoDevice : sound_device_find(settings->output, SOUND_OUTPUT);
    if (*out == paNoDevice) {
        return false;
    }
    if (Pa_GetDeviceInfo(*in)->hostApi != Pa_GetDeviceInfo(*out)->hostApi) {
        report_error("--output", "belongs to another host API than the input; name two devices of "
                                 "one, as 'unbraid devices' lists them");
        return false;
    }
    return true;
}

static bool open_sound(const struct live_settings *settings, struct live *live)
{
    PaDeviceIndex in, out;
    if (!find_devices(settings, &in, &out)) {
        return false;
    }
    live->n_outputs = fewer(sound_device_channels(out, SOUND_OUTPUT), UB_STREAM_MAX_CHANNELS);
    live->n_channels = fewer(sound_device_channels(in, SOUND_INPUT), live->n_outputs);
    live->rate_hz =
        settings->rate_hz > 0.0 ? settings->rate_hz : Pa_GetDeviceInfo(out)->defaultSampleRate;
    const struct sound_stream_settings sound = {
        .command = "live",
        .input = in,
        .output = out,
        .n_inputs = live->n_channels,
        .n_outputs = live->n_outputs,
        .rate_hz = live->rate_hz,
        .block_frames = settings->block_frames,
        .run = run,
        .context = live,
    };
    live->sound = sound_stream_open(&sound);
    return live->sound != NULL;
}

static bool open_stream(const struct live_settings *settings, const ub_dictionary *dictionary,
                        const char *dictionary_path, struct live *live)
{
    ub_stream_settings stream = ub_stream_settings_default();
    stream.rate_hz = live->rate_hz;
    stream.n_channels = live->n_channels;
    stream.mode = settings->mode;
    stream.mask_exponent = settings->mask_exponent;
    stream.n_free = settings->n_free;
    ub_message why = {""};
    ub_stream_model *model = NULL;
    ub_status status = ub_stream_new(&stream, &live->stream, &why);
    if (status) {
        report_status("live", status, &why);
        return false;
    }
    status = ub_stream_model_new(&stream, dictionary, &model, &why);
    if (status) {
        report_status(dictionary_path, status, &why);
        return false;
    }
    live->n_sources = ub_stream_model_n_sources(model);
    for (size_t i = 0; i < live->n_sources; i++) {
        live->names[i] = ub_stream_model_name(model, i); // lives as long as the stream
    }
    ub_stream_swap(live->stream, model); // live_start() resets the stream, which takes it
    return true;
}

static bool open_recorder(const struct live_settings *settings, struct live *live)
{
    const struct recorder_settings recorder = {
        .folder = settings->record,
        .rate_hz = live->rate_hz,
        .n_channels = live->n_channels,
        .names = live->names,
        .n_sources = live->n_sources,
        .latency = ub_stream_latency(live->stream),
    };
    return !settings->record || recorder_start(&recorder, &live->recorder);
}

bool live_open(const struct live_settings *settings, const ub_dictionary *dictionary,
               const char *dictionary_path, struct live **out)
{
    struct live *live = calloc(1, sizeof *live);
    if (!live) {
        report_error("live", "no memory; close other programs");
        return false;
    }
    for (size_t i = 0; i < UB_STREAM_MAX_SOURCES; i++) {
        atomic_init(&live->gains[i], 1.0f);
        atomic_init(&live->levels[i], 0.0f);
    }
    atomic_init(&live->n_frames, 0);
    atomic_init(&live->n_xruns, 0);
    if (!open_sound(settings, live) || !open_stream(settings, dictionary, dictionary_path, live) ||
        !open_recorder(settings, live)) {
        live_close(live);
        return false;
    }
    live->n_wanted = settings->n_frames;
    if (settings->seconds > 0.0) {
        live->n_wanted = (uint64_t)ceil(settings->seconds * live->rate_hz);
    }
    *out = live;
    return true;
}

bool live_start(struct live *live)
{
    for (size_t i = 0; i < live->n_sources; i++) {
        ub_stream_set_gain(live->stream, i, atomic_load(&live->gains[i]));
    }
    ub_stream_reset(live->stream);
    return sound_stream_start(live->sound, "live");
}

// What the stream still holds belongs to the stems.
static void flush_stems(struct live *live)
{
    const float *in[UB_STREAM_MAX_CHANNELS] = {silence, silence};
    recorder_end_input(live->recorder);
    size_t n;
    for (size_t left = ub_stream_latency(live->stream); left > 0; left -= n) {
        n = left < STEP_FRAMES ? left : STEP_FRAMES;
        recorder_wait(live->recorder, n);
        process_step(live, in, NULL, n);
    }
}

bool live_stop(struct live *live)
{
    sound_stream_stop(live->sound);
    if (!live->recorder) {
        return true;
    }
    flush_stems(live);
    return recorder_finish(live->recorder);
}

void live_close(struct live *live)
{
    if (live) {
        sound_stream_close(live->sound);
        recorder_free(live->recorder);
        ub_stream_free(live->stream);
        free(live);
    }
}

double live_rate_hz(const struct live *live)
{
    return live->rate_hz;
}

size_t live_n_channels(const struct live *live)
{
    return live->n_channels;
}

struct live_latency live_latency(const struct live *live)
{
    const PaStreamInfo *info = Pa_GetStreamInfo(live->sound);
    return (struct live_latency){
        .separation_s = (double)ub_stream_latency(live->stream) / live->rate_hz,
        .device_s = info ? info->inputLatency + info->outputLatency : 0.0,
    };
}

struct live_state live_state(const struct live *live)
{
    // Whether it runs is asked first: what has been done when it has stopped is all.
    const bool is_running = Pa_IsStreamActive(live->sound) == 1;
    const uint64_t n_frames = atomic_load(&live->n_frames);
    return (struct live_state){
        .is_running = is_running,
        .is_complete = live->n_wanted > 0 && n_frames == live->n_wanted,
        .n_frames = n_frames,
        .n_xruns = atomic_load(&live->n_xruns),
        .load = Pa_GetStreamCpuLoad(live->sound),
    };
}

void live_set_gain(struct live *live, size_t source, float gain)
{
    atomic_store_explicit(&live->gains[source], gain, memory_order_relaxed);
}

float live_level(const struct live *live, size_t source)
{
    return atomic_load_explicit(&live->levels[source], memory_order_relaxed);
}
