// SPDX-License-Identifier: GPL-3.0-or-later
#include "console.h"
#include "dictionary_file.h"
#include "interrupt.h"
#include "live.h"
#include "mixer_options.h"
#include "option_values.h"
#include "report.h"
#include "sound_devices.h"
#include "sound_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct option_row rows[] = {
    {"dictionary", 'd', "DICT", "separate into the sources of this dictionary"},
    {"input", '\0', "DEV", "number, name or part of the name of the device that is heard"},
    {"output", '\0', "DEV", "the same for the device that plays"},
    {"mode", '\0', "NAME",
     "quality, balanced, live or short, from long to short latency "
     "(default balanced)"},
    {"rate", '\0', "HZ", "sample rate (8000 to 192000 Hz; default that of the output)"},
    {"block", '\0', "N",
     "samples that are processed at a time (1 to 65536; default as the device "
     "likes)"},
    MIXER_OPTION_ROWS("source"),
    {"record", '\0', "DIR",
     "write the input and the stems to this folder, as WAV of 32-bit floats"},
    {"frames", '\0', "N", "stop after so many samples of a channel"},
    {"seconds", '\0', "S", "stop after so much sound"},
};

static const ub_param_id params[] = {UB_PARAM_FREE, UB_PARAM_MASK_EXPONENT};

static const struct usage live_usage = {
    .command = "live",
    .operands = "",
    .summary = "Separate and rebalance sound while it plays.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .notes =
        "Keys: 1 to 9, left, right or Tab choose a source; up, down, + and - change its gain;\n"
        "m mutes it, s makes it solo; 0 resets all; q or Ctrl-C ends.\n",
};

struct job {
    struct live_settings settings;
    const char *dictionary_path;
    struct mixer_options faders;
    ub_dictionary dictionary;
    struct mixer mixer;
    struct live *live;
};

static bool take_mode(const char *value, ub_stream_mode *mode)
{
    static const struct {
        const char *name;
        ub_stream_mode mode;
    } modes[] = {{"quality", UB_STREAM_QUALITY},
                 {"balanced", UB_STREAM_BALANCED},
                 {"live", UB_STREAM_LIVE},
                 {"short", UB_STREAM_SHORT}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(value, modes[i].name) == 0) {
            *mode = modes[i].mode;
            return true;
        }
    }
    options_misused(&live_usage, "--mode",
                    "is '%.20s', but must be quality, balanced, live or short", value);
    return false;
}

static bool take_block(struct live_settings *settings, const char *value)
{
    uint64_t block = 0;
    const bool is_good =
        option_count(&live_usage, "--block", value, 1, SOUND_LONGEST_BLOCK, &block);
    settings->block_frames = (unsigned long)block;
    return is_good;
}

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    struct live_settings *settings = &job->settings;
    bool is_good = true;
    if (mixer_options_take(&job->faders, &live_usage, name, value, &is_good)) {
        return is_good;
    }
    if (strcmp(name, "dictionary") == 0) {
        job->dictionary_path = value;
    } else if (strcmp(name, "input") == 0) {
        settings->input = value;
    } else if (strcmp(name, "output") == 0) {
        settings->output = value;
    } else if (strcmp(name, "mode") == 0) {
        return take_mode(value, &settings->mode);
    } else if (strcmp(name, "rate") == 0) {
        return option_number(&live_usage, "--rate", value, 8000.0, 192000.0, &settings->rate_hz);
    } else if (strcmp(name, "block") == 0) {
        return take_block(settings, value);
    } else if (strcmp(name, "record") == 0) {
        settings->record = *value ? value : ".";
    } else if (strcmp(name, "frames") == 0) {
        return option_count(&live_usage, "--frames", value, 1, UINT64_C(1) << 62,
                            &settings->n_frames);
    } else {
        return option_number(&live_usage, "--seconds", value, 1e-3, 1e9, &settings->seconds);
    }
    return true;
}

static enum outcome check_options(const struct job *job, const struct options *options)
{
    if (options->n_operands > 0) {
        return options_misused(&live_usage, options->operands[0], "is not an option");
    }
    if (!job->dictionary_path) {
        return options_misused(&live_usage, "live",
                               "names no dictionary (-d) and no preset with one");
    }
    if (job->settings.n_free > UB_STREAM_MAX_FREE) {
        return options_misused(&live_usage, "--free", "must be at most %d live",
                               UB_STREAM_MAX_FREE);
    }
    if (job->settings.n_frames > 0 && job->settings.seconds > 0.0) {
        return options_misused(&live_usage, "--seconds", "excludes --frames");
    }
    return DONE;
}

static enum outcome set_faders(struct job *job)
{
    struct mixer *mixer = &job->mixer;
    for (; mixer->n_faders < job->dictionary.n_sources; mixer->n_faders++) {
        mixer->faders[mixer->n_faders].name = job->dictionary.source_names[mixer->n_faders];
    }
    if (job->settings.n_free > 0) {
        mixer->faders[mixer->n_faders++].name = "rest";
    }
    return mixer_options_apply(&job->faders, &live_usage, job->dictionary_path, mixer);
}

static enum outcome load_dictionary(struct job *job)
{
    ub_message why = {""};
    const ub_status status = dictionary_file_load(job->dictionary_path, &job->dictionary, &why);
    if (status) {
        report_status(job->dictionary_path, status, &why);
        return FAILED;
    }
    const size_t most = UB_STREAM_MAX_SOURCES - (job->settings.n_free > 0);
    if (job->dictionary.n_sources > most) {
        report_error(job->dictionary_path,
                     "has %zu sources, but at most %zu can be separated live; learn fewer",
                     job->dictionary.n_sources, most);
        return FAILED;
    }
    return set_faders(job);
}

static void set_gains(const struct job *job)
{
    float gains[MIXER_MAX_FADERS];
    mixer_gains(&job->mixer, gains);
    for (size_t i = 0; i < job->mixer.n_faders; i++) {
        live_set_gain(job->live, i, gains[i]);
    }
}

static bool look(void *context)
{
    const struct job *job = context;
    return live_state(job->live).is_running;
}

static void take_key(void *context, int key)
{
    struct job *job = context;
    if (mixer_key(&job->mixer, key)) {
        set_gains(job);
    }
}

static void describe(void *context, struct status_line *line)
{
    const struct job *job = context;
    const struct live_state state = live_state(job->live);
    const struct live_latency latency = live_latency(job->live);
    float levels[MIXER_MAX_FADERS];
    for (size_t i = 0; i < job->mixer.n_faders; i++) {
        levels[i] = live_level(job->live, i);
    }
    status_line_add(line, "%.1f ms  cpu %.0f %%  xruns %" PRIu64,
                    1000.0 * (latency.separation_s + latency.device_s), 100.0 * state.load,
                    state.n_xruns);
    status_line_add_mixer(line, &job->mixer, levels);
}

static void print_summary(const struct live *live)
{
    const struct live_state state = live_state(live);
    const struct live_latency latency = live_latency(live);
    printf("%" PRIu64 " frames at %g Hz, channels: %zu, xruns: %" PRIu64
           ", latency: %.1f ms (separation %.1f ms, device %.1f ms)\n",
           state.n_frames, live_rate_hz(live), live_n_channels(live), state.n_xruns,
           1000.0 * (latency.separation_s + latency.device_s), 1000.0 * latency.separation_s,
           1000.0 * latency.device_s);
}

// Until the sound ends, or somebody ends it.
static enum outcome follow(struct job *job)
{
    const struct console console = {look, take_key, describe, job};
    if (console_follow(&console) || live_state(job->live).is_complete) {
        return DONE;
    }
    report_error("live", "the device has stopped; look whether it is still there with "
                         "'unbraid devices'");
    return FAILED;
}

static enum outcome play(struct job *job)
{
    if (!live_open(&job->settings, &job->dictionary, job->dictionary_path, &job->live)) {
        return FAILED;
    }
    set_gains(job);
    enum outcome outcome = FAILED;
    if (live_start(job->live)) {
        outcome = follow(job);
        outcome = live_stop(job->live) ? outcome : FAILED;
        print_summary(job->live);
        interrupt_accept();
    }
    live_close(job->live);
    return outcome;
}

static enum outcome run(struct job *job, int argc, char **argv)
{
    struct options options;
    enum outcome outcome = DONE;
    if (!options_parse(&live_usage, argc, argv, take, job, &options, &outcome)) {
        return outcome;
    }
    if (!job->dictionary_path && options.dictionary[0]) {
        job->dictionary_path = options.dictionary;
    }
    job->settings.n_free = (size_t)options.settings.value[UB_PARAM_FREE];
    job->settings.mask_exponent = options.settings.value[UB_PARAM_MASK_EXPONENT];
    outcome = check_options(job, &options);
    outcome = outcome == DONE ? load_dictionary(job) : outcome;
    if (outcome != DONE) {
        return outcome;
    }
    if (!sound_devices_open()) {
        return FAILED;
    }
    outcome = play(job);
    sound_devices_close();
    return outcome;
}

enum outcome live_run(int argc, char **argv)
{
    struct job job = {.settings = {.mode = UB_STREAM_BALANCED}};
    enum outcome outcome = FAILED;
    if (mixer_options_new(argc, "live", &job.faders)) {
        outcome = run(&job, argc, argv);
    }
    ub_dictionary_free(&job.dictionary);
    mixer_options_free(&job.faders);
    return outcome;
}
