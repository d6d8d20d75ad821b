// SPDX-License-Identifier: GPL-3.0-or-later
// The audio thread runs the stream and touches atomics, nothing else.
#include "live.h"
#include "note_log.h"
#include "recorder.h"
#include "report.h"
#include "sound_devices.h"
#include "sound_stream.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_FRAMES = 256, N_PLACES = LIVE_REST + 1 };

// -60 dB, where the meters begin.
static const double quietest = 1e-3;

static const float silence[STEP_FRAMES];

struct live {
    ub_stream *stream;
    PaStream *sound;
    struct recorder *recorder; // NULL when nothing is recorded
    struct note_log *notes; // NULL when nobody wants them
    float stems[UB_STREAM_MAX_SOURCES * UB_STREAM_MAX_CHANNELS][STEP_FRAMES];
    ub_stream_settings settings; // of the stream
    size_t n_free; // of models
    bool is_free_given;
    size_t n_recorded; // sources
    size_t n_channels, n_outputs;
    double rate_hz;
    uint64_t n_wanted; // 0: no end
    _Atomic float gains[N_PLACES], levels[N_PLACES];
    _Atomic(struct lesson *) lesson; // that hears the input, or NULL
    _Atomic(ub_stream_model *) fresh, retired; // on their way to the audio thread, and back
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
    for (size_t i = 0; i < live->n_recorded * live->n_channels; i++) {
        stems[i] = live->stems[i];
    }
    ub_stream_process(live->stream, in, out, stems, live->n_recorded, n);
    recorder_push(live->recorder, in, stems, n);
}

// What is heard now is as loud as the stems, which come later, to within a fraction of a second.
static bool is_sound(const struct live *live)
{
    double power = 0.0;
    for (size_t i = 0; i < ub_stream_n_sources(live->stream); i++) {
        const double level = (double)ub_stream_level(live->stream, i);
        power += level * level;
    }
    return power > quietest * quietest;
}

// Some drivers give no input when they have lost it. The stream does not mind how a block is cut.
static void process(struct live *live, const float *const *in, float *const *out, size_t n)
{
    struct lesson *lesson = atomic_load_explicit(&live->lesson, memory_order_acquire);
    const bool sounds = lesson && is_sound(live);
    size_t step;
    for (size_t at = 0; at < n; at += step) {
        step = n - at < STEP_FRAMES ? n - at : STEP_FRAMES;
        const float *ins[UB_STREAM_MAX_CHANNELS];
        float *outs[UB_STREAM_MAX_CHANNELS];
        for (size_t c = 0; c < live->n_channels; c++) {
            ins[c] = in ? in[c] + at : silence;
            outs[c] = out[c] + at;
        }
        if (lesson) {
            lesson_hear(lesson, ins, step, sounds);
        }
        process_step(live, ins, outs, step);
        if (live->notes) {
            note_log_hear(live->notes, live->stream);
        }
    }
}

// The stream keeps one model that it has done with, and takes no other until that is gone.
static void exchange_models(struct live *live)
{
    if (!atomic_load_explicit(&live->retired, memory_order_acquire)) {
        atomic_store_explicit(&live->retired, ub_stream_retired(live->stream),
                              memory_order_release);
    }
    ub_stream_model *fresh = atomic_load_explicit(&live->fresh, memory_order_acquire);
    if (fresh && ub_stream_swap(live->stream, fresh)) {
        atomic_store_explicit(&live->fresh, NULL, memory_order_release);
    }
}

static size_t place_of(const struct live *live, size_t source)
{
    return source == ub_stream_rest(live->stream) ? LIVE_REST : source;
}

static void set_gains(struct live *live)
{
    for (size_t i = 0; i < ub_stream_n_sources(live->stream); i++) {
        ub_stream_set_gain(
            live->stream, i,
            atomic_load_explicit(&live->gains[place_of(live, i)], memory_order_relaxed));
    }
}

static void tell_levels(struct live *live)
{
    for (size_t i = 0; i < ub_stream_n_sources(live->stream); i++) {
        atomic_store_explicit(&live->levels[place_of(live, i)], ub_stream_level(live->stream, i),
                              memory_order_relaxed);
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
    exchange_models(live);
    set_gains(live);
    const uint64_t done = atomic_load_explicit(&live->n_frames, memory_order_relaxed);
    const uint64_t left = live->n_wanted ? live->n_wanted - done : UINT64_MAX;
    const size_t n_now = left < n ? (size_t)left : n;
    process(live, input, output, n_now);
    sound_stream_fill(output, live->n_channels, live->n_outputs, n_now, n);
    tell_levels(live);
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

static bool open_model(const ub_dictionary *dictionary, const char *dictionary_path,
                       struct live *live)
{
    const ub_stream_settings settings = live_model_settings(live, dictionary->n_sources);
    ub_message why = {""};
    ub_stream_model *model = NULL;
    const ub_status status = ub_stream_model_new(&settings, dictionary, &model, &why);
    if (status) {
        report_status(dictionary_path, status, &why);
        return false;
    }
    live->n_recorded = ub_stream_model_n_sources(model);
    ub_stream_swap(live->stream, model); // live_start() resets the stream, which takes it
    return true;
}

static bool open_stream(const struct live_settings *settings, const ub_dictionary *dictionary,
                        const char *dictionary_path, struct live *live)
{
    live->settings = ub_stream_settings_default();
    live->settings.rate_hz = live->rate_hz;
    live->settings.n_channels = live->n_channels;
    live->settings.mode = settings->mode;
    live->settings.mask_exponent = settings->mask_exponent;
    live->settings.forget_s = settings->forget_s;
    ub_stream_suit_dictionary(&live->settings, dictionary);
    live->n_free = settings->n_free;
    live->is_free_given = settings->is_free_given;
    ub_message why = {""};
    const ub_status status = ub_stream_new(&live->settings, &live->stream, &why);
    if (status) {
        report_status("live", status, &why);
        return false;
    }
    return dictionary->n_sources == 0 || open_model(dictionary, dictionary_path, live);
}

static bool open_recorder(const struct live_settings *settings, const ub_dictionary *dictionary,
                          struct live *live)
{
    const char *names[N_PLACES];
    for (size_t i = 0; i < live->n_recorded; i++) {
        names[i] = i < dictionary->n_sources ? dictionary->source_names[i] : "rest";
    }
    const struct recorder_settings recorder = {
        .folder = settings->record,
        .rate_hz = live->rate_hz,
        .n_channels = live->n_channels,
        .names = names,
        .n_sources = live->n_recorded,
        .latency = ub_stream_latency(live->stream),
    };
    return !settings->record || recorder_start(&recorder, &live->recorder);
}

static bool open_notes(const struct live_settings *settings, const ub_dictionary *dictionary,
                       struct live *live)
{
    if (!settings->midi) {
        return true;
    }
    const struct note_log_settings notes = {
        .path = settings->midi,
        .names = (const char *const *)dictionary->source_names,
        .n_sources = dictionary->n_sources,
        .rate_hz = live->rate_hz,
        .delay_s = ub_stream_note_delay(live->stream),
    };
    live->notes = note_log_new(&notes);
    return live->notes != NULL;
}

bool live_open(const struct live_settings *settings, const ub_dictionary *dictionary,
               const char *dictionary_path, struct live **out)
{
    struct live *live = calloc(1, sizeof *live);
    if (!live) {
        report_error("live", "no memory; close other programs");
        return false;
    }
    for (size_t i = 0; i < N_PLACES; i++) {
        atomic_init(&live->gains[i], 1.0f);
        atomic_init(&live->levels[i], 0.0f);
    }
    atomic_init(&live->lesson, NULL);
    atomic_init(&live->fresh, NULL);
    atomic_init(&live->retired, NULL);
    atomic_init(&live->n_frames, 0);
    atomic_init(&live->n_xruns, 0);
    if (!open_sound(settings, live) || !open_stream(settings, dictionary, dictionary_path, live) ||
        !open_recorder(settings, dictionary, live) || !open_notes(settings, dictionary, live)) {
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
    ub_stream_reset(live->stream); // takes the model, so that it is known which source is the rest
    set_gains(live);
    ub_stream_reset(live->stream); // and gains do not glide at first
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

bool live_follow(struct live *live, void (*speak)(void))
{
    return !live->notes || note_log_follow(live->notes, speak);
}

bool live_stop(struct live *live)
{
    sound_stream_stop(live->sound);
    const bool has_notes =
        !live->notes || note_log_finish(live->notes, atomic_load(&live->n_frames));
    if (!live->recorder) {
        return has_notes;
    }
    flush_stems(live);
    return recorder_finish(live->recorder) && has_notes;
}

void live_close(struct live *live)
{
    if (live) {
        sound_stream_close(live->sound);
        recorder_free(live->recorder);
        note_log_free(live->notes);
        ub_stream_model_free(atomic_load(&live->fresh));
        ub_stream_model_free(atomic_load(&live->retired));
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

ub_stream_settings live_model_settings(const struct live *live, size_t n_known)
{
    ub_stream_settings settings = live->settings;
    settings.n_free = live->n_free;
    if (!live->is_free_given) {
        settings.n_free = n_known == 1 ? LIVE_FREE_ALONE : 0;
    }
    return settings;
}

bool live_swap(struct live *live, ub_stream_model *model)
{
    ub_stream_model_free(atomic_exchange(&live->retired, NULL));
    if (atomic_load(&live->fresh)) {
        return false;
    }
    atomic_store(&live->fresh, model);
    return true;
}

void live_teach(struct live *live, struct lesson *lesson)
{
    atomic_store(&live->lesson, lesson);
}

void live_set_gain(struct live *live, size_t place, float gain)
{
    atomic_store_explicit(&live->gains[place], gain, memory_order_relaxed);
}

float live_level(const struct live *live, size_t place)
{
    return atomic_load_explicit(&live->levels[place], memory_order_relaxed);
}
