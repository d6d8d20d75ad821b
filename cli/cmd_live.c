// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_file.h"
#include "interrupt.h"
#include "live.h"
#include "live_line.h"
#include "mixer.h"
#include "options.h"
#include "report.h"
#include "sound_devices.h"
#include "terminal_keys.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LONGEST_BLOCK = 65536,
    LOOK_MS = 50, // how often is looked for keys and the end, and the line drawn
};

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
    {"gain", '\0', "NAME=DB", "gain of a source, -60 to 12 or -inf; may be given more than once"},
    {"solo", '\0', "NAME", "let this source be heard alone; may be given more than once"},
    {"record", '\0', "DIR",
     "write the input and the stems to this folder, as WAV of 32-bit floats"},
    {"frames", '\0', "N", "stop after so many samples of a channel"},
    {"seconds", '\0', "S", "stop after so much sound"},
};

static const struct usage live_usage = {
    .command = "live",
    .operands = "",
    .summary = "Separate and rebalance sound while it plays.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .notes =
        "Keys: 1 to 9, left, right or Tab choose a source; up, down, + and - change its gain;\n"
        "m mutes it, s makes it solo; 0 resets all; q or Ctrl-C ends.\n",
};

struct job {
    struct live_settings settings;
    const char *dictionary_path;
    const char **gains, **solos; // as given, until the names are known
    size_t n_gains, n_solos;
    ub_dictionary dictionary;
    struct mixer mixer;
};

static bool take_number(const char *option, const char *value, double lowest, double highest,
                        double *number)
{
    char *end;
    *number = strtod(value, &end);
    if (end != value && !*end && *number >= lowest && *number <= highest) {
        return true;
    }
    options_misused(&live_usage, option, "is '%.20s', but must be a number from %.15g to %.15g",
                    value, lowest, highest);
    return false;
}

static bool take_count(const char *option, const char *value, uint64_t highest, uint64_t *count)
{
    char *end;
    const unsigned long long number = strtoull(value, &end, 10);
    if (isdigit((unsigned char)*value) && !*end && number >= 1 && number <= highest) {
        *count = number;
        return true;
    }
    options_misused(&live_usage, option,
                    "is '%.20s', but must be a whole number from 1 to %" PRIu64, value, highest);
    return false;
}

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

static bool take_gain(struct job *job, const char *value)
{
    size_t length;
    double gain_db;
    if (!mixer_read_gain(value, &length, &gain_db)) {
        options_misused(&live_usage, "--gain",
                        "is '%.80s', but must be NAME=DB with %d to %d dB or -inf", value,
                        MIXER_LOWEST_DB, MIXER_HIGHEST_DB);
        return false;
    }
    job->gains[job->n_gains++] = value;
    return true;
}

static bool take_block(struct live_settings *settings, const char *value)
{
    uint64_t block = 0;
    const bool is_good = take_count("--block", value, LONGEST_BLOCK, &block);
    settings->block_frames = (unsigned long)block;
    return is_good;
}

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    struct live_settings *settings = &job->settings;
    if (strcmp(name, "dictionary") == 0) {
        job->dictionary_path = value;
    } else if (strcmp(name, "input") == 0) {
        settings->input = value;
    } else if (strcmp(name, "output") == 0) {
        settings->output = value;
    } else if (strcmp(name, "mode") == 0) {
        return take_mode(value, &settings->mode);
    } else if (strcmp(name, "rate") == 0) {
        return take_number("--rate", value, 8000.0, 192000.0, &settings->rate_hz);
    } else if (strcmp(name, "block") == 0) {
        return take_block(settings, value);
    } else if (strcmp(name, "gain") == 0) {
        return take_gain(job, value);
    } else if (strcmp(name, "solo") == 0) {
        job->solos[job->n_solos++] = value;
    } else if (strcmp(name, "record") == 0) {
        settings->record = *value ? value : ".";
    } else if (strcmp(name, "frames") == 0) {
        return take_count("--frames", value, UINT64_C(1) << 62, &settings->n_frames);
    } else {
        return take_number("--seconds", value, 1e-3, 1e9, &settings->seconds);
    }
    return true;
}

static enum outcome check_options(const struct job *job, const struct options *options)
{
    if (options->n_operands > 0) {
        return options_misused(&live_usage, options->operands[0], "is not an option");
    }
    if (!job->dictionary_path) {
        return options_misused(&live_usage, "live", "names no dictionary (-d)");
    }
    if (job->settings.n_frames > 0 && job->settings.seconds > 0.0) {
        return options_misused(&live_usage, "--seconds", "excludes --frames");
    }
    return DONE;
}

static enum outcome misnamed(const struct job *job, const char *option, const char *name, size_t n)
{
    return options_misused(&live_usage, option, "there is no source '%.*s' in %.120s",
                           (int)(n < 80 ? n : 80), name, job->dictionary_path);
}

static enum outcome set_faders(struct job *job)
{
    struct mixer *mixer = &job->mixer;
    for (; mixer->n_faders < job->dictionary.n_sources; mixer->n_faders++) {
        mixer->faders[mixer->n_faders].name = job->dictionary.source_names[mixer->n_faders];
    }
    for (size_t i = 0; i < job->n_gains; i++) {
        size_t length = 0;
        double gain_db = 0.0;
        mixer_read_gain(job->gains[i], &length, &gain_db); // has been checked
        struct fader *fader = mixer_find(mixer, job->gains[i], length);
        if (!fader) {
            return misnamed(job, "--gain", job->gains[i], length);
        }
        fader->gain_db = gain_db;
    }
    for (size_t i = 0; i < job->n_solos; i++) {
        const size_t length = strlen(job->solos[i]);
        struct fader *fader = mixer_find(mixer, job->solos[i], length);
        if (!fader) {
            return misnamed(job, "--solo", job->solos[i], length);
        }
        fader->is_solo = true;
    }
    return DONE;
}

static enum outcome load_dictionary(struct job *job)
{
    ub_message why = {""};
    const ub_status status = dictionary_file_load(job->dictionary_path, &job->dictionary, &why);
    if (status) {
        report_status(job->dictionary_path, status, &why);
        return FAILED;
    }
    if (job->dictionary.n_sources > UB_STREAM_MAX_SOURCES) {
        report_error(job->dictionary_path,
                     "has %zu sources, but at most %d can be separated live; learn fewer",
                     job->dictionary.n_sources, UB_STREAM_MAX_SOURCES);
        return FAILED;
    }
    return set_faders(job);
}

static void set_gains(struct live *live, const struct mixer *mixer)
{
    float gains[UB_STREAM_MAX_SOURCES];
    mixer_gains(mixer, gains);
    for (size_t i = 0; i < mixer->n_faders; i++) {
        live_set_gain(live, i, gains[i]);
    }
}

// Until the sound ends, or somebody ends it. `screen` is what stderr was. @return whether it ended
// as it was meant to.
static bool follow(struct live *live, struct mixer *mixer, int screen)
{
    const bool is_shown = isatty(screen);
    terminal_keys_start();
    struct live_state state = live_state(live);
    bool is_asked_to_end = false;
    while (state.is_running && !is_asked_to_end) {
        if (is_shown) {
            live_line_show(screen, live, mixer);
        }
        const int key = terminal_key(LOOK_MS);
        if (mixer_key(mixer, key)) {
            set_gains(live, mixer);
        }
        is_asked_to_end = key == 'q' || interrupted();
        state = live_state(live);
    }
    terminal_keys_stop();
    if (is_shown) {
        live_line_clear(screen);
    }
    return is_asked_to_end || state.is_complete;
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

static enum outcome play(struct job *job)
{
    struct live *live = NULL;
    if (!live_open(&job->settings, &job->dictionary, job->dictionary_path, &live)) {
        return FAILED;
    }
    set_gains(live, &job->mixer);
    enum outcome outcome = FAILED;
    if (live_start(live)) {
        // The libraries complain of lost sound and lost devices in pages, over our line.
        const int screen = sound_hush();
        const bool is_good_end = follow(live, &job->mixer, screen);
        sound_unhush(screen);
        outcome = is_good_end ? DONE : FAILED;
        if (!is_good_end) {
            report_error("live", "the device has stopped; look whether it is still there with "
                                 "'unbraid devices'");
        }
        outcome = live_stop(live) ? outcome : FAILED;
        print_summary(live);
        interrupt_accept();
    }
    live_close(live);
    return outcome;
}

static enum outcome run(struct job *job, int argc, char **argv)
{
    struct options options;
    enum outcome outcome = DONE;
    if (!options_parse(&live_usage, argc, argv, take, job, &options, &outcome)) {
        return outcome;
    }
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
    struct job job = {.settings = {.mode = UB_STREAM_BALANCED},
                      .gains = calloc((size_t)argc, sizeof(char *)),
                      .solos = calloc((size_t)argc, sizeof(char *))};
    enum outcome outcome = FAILED;
    if (job.gains && job.solos) {
        outcome = run(&job, argc, argv);
    } else {
        report_error("live", "no memory for the command line; close other programs");
    }
    ub_dictionary_free(&job.dictionary);
    free(job.solos);
    free(job.gains);
    return outcome;
}
