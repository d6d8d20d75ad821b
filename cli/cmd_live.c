// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_file.h"
#include "live_session.h"
#include "mixer_options.h"
#include "option_values.h"
#include "report.h"
#include "sound_devices.h"
#include "sound_stream.h"

#include <string.h>
#include <unistd.h>

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
    {"learn", '\0', "NAME",
     "learn this source from the input until Enter; may be given more than once"},
    {"save", '\0', "DICT",
     "at the end, write what was learned, and the sources of -d, to this file"},
    {"free", '\0', "N",
     "free components that learn everything else as the source rest (0 to 64; default 32 when one "
     "source is known, else 0)"},
    {"forget", '\0', "S", "how long they remember, in seconds of sound (0.5 to 60; default 1)"},
    {"record", '\0', "DIR",
     "write the input and the stems to this folder, as WAV of 32-bit floats"},
    {"midi", '\0', "FILE",
     "write the notes that are heard to this MIDI file; -: as lines to standard output"},
    {"frames", '\0', "N", "stop after so many samples of a channel"},
    {"seconds", '\0', "S", "stop after so much sound"},
};

static const ub_param_id params[] = {UB_PARAM_MASK_EXPONENT};

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
        "m mutes it, s makes it solo; 0 resets all; q or Ctrl-C ends. With --learn, Enter ends "
        "what\n"
        "is heard and begins the next; l hears more of the chosen source.\n",
};

struct job {
    struct live_session session;
    struct mixer_options faders;
    ub_dictionary dictionary; // n_sources 0: none
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

static bool take_name(struct job *job, const char *value)
{
    ub_message why = {""};
    bool is_taken = strcmp(value, "rest") == 0;
    for (size_t i = 0; i < job->session.n_names; i++) {
        is_taken = is_taken || strcmp(value, job->session.names[i]) == 0;
    }
    if (ub_name_check(value, &why)) {
        options_misused(&live_usage, "--learn", "%s", why.text);
    } else if (is_taken) {
        options_misused(&live_usage, "--learn", "there is a source '%.63s' already; name another",
                        value);
    } else if (job->session.n_names == UB_STREAM_MAX_SOURCES) {
        options_misused(&live_usage, "--learn", "at most %d sources can play",
                        UB_STREAM_MAX_SOURCES);
    } else {
        job->session.names[job->session.n_names++] = value;
        return true;
    }
    return false;
}

static bool take_free(struct live_settings *settings, const char *value)
{
    uint64_t n_free = 0;
    settings->is_free_given =
        option_count(&live_usage, "--free", value, 0, UB_STREAM_MAX_FREE, &n_free);
    settings->n_free = (size_t)n_free;
    return settings->is_free_given;
}

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    struct live_settings *settings = &job->session.live;
    bool is_good = true;
    if (mixer_options_take(&job->faders, &live_usage, name, value, &is_good)) {
        return is_good;
    }
    if (strcmp(name, "dictionary") == 0) {
        job->session.dictionary_path = value;
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
    } else if (strcmp(name, "learn") == 0) {
        return take_name(job, value);
    } else if (strcmp(name, "save") == 0) {
        job->session.save = value;
    } else if (strcmp(name, "free") == 0) {
        return take_free(settings, value);
    } else if (strcmp(name, "forget") == 0) {
        return option_number(&live_usage, "--forget", value, 0.5, 60.0, &settings->forget_s);
    } else if (strcmp(name, "record") == 0) {
        settings->record = *value ? value : ".";
    } else if (strcmp(name, "midi") == 0) {
        settings->midi = value;
    } else if (strcmp(name, "frames") == 0) {
        return option_count(&live_usage, "--frames", value, 1, UINT64_C(1) << 62,
                            &settings->n_frames);
    } else {
        return option_number(&live_usage, "--seconds", value, 1e-3, 1e9, &settings->seconds);
    }
    return true;
}

// Without a terminal there is no Enter: the end of the sound ends the only lesson.
static enum outcome check_learning(const struct job *job)
{
    if (job->session.n_names == 0) {
        return job->session.save ? options_misused(&live_usage, "--save", "needs --learn") : DONE;
    }
    if (job->session.live.record) {
        return options_misused(&live_usage, "--record",
                               "excludes --learn, which changes the stems while they play");
    }
    if (!isatty(STDIN_FILENO) && job->session.n_names > 1) {
        return options_misused(&live_usage, "--learn",
                               "can be given once only without a terminal, where no key ends it");
    }
    if (!isatty(STDIN_FILENO) && !job->session.save) {
        return options_misused(&live_usage, "--learn",
                               "needs --save without a terminal, where no key ends it");
    }
    return DONE;
}

static enum outcome check_options(const struct job *job, const struct options *options)
{
    if (options->n_operands > 0) {
        return options_misused(&live_usage, options->operands[0], "is not an option");
    }
    if (!job->session.dictionary_path && job->session.n_names == 0) {
        return options_misused(&live_usage, "live",
                               "names no dictionary (-d), no preset with one, and no source to "
                               "learn (--learn)");
    }
    if (job->session.live.n_frames > 0 && job->session.live.seconds > 0.0) {
        return options_misused(&live_usage, "--seconds", "excludes --frames");
    }
    return check_learning(job);
}

static void add_fader(struct mixer *mixer, const char *name)
{
    mixer->faders[mixer->n_faders++] = (struct fader){.name = name};
}

// Whether there is ever a rest: alone, a source is given one.
static bool has_rest(const struct job *job)
{
    return job->session.live.is_free_given ? job->session.live.n_free > 0
                                           : job->dictionary.n_sources <= 1;
}

static enum outcome set_faders(struct job *job)
{
    struct mixer *mixer = &job->session.mixer;
    for (size_t i = 0; i < job->dictionary.n_sources; i++) {
        add_fader(mixer, job->dictionary.source_names[i]);
    }
    for (size_t i = 0; i < job->session.n_names; i++) {
        if (mixer_find(mixer, job->session.names[i], strlen(job->session.names[i]))) {
            return options_misused(&live_usage, "--learn", "there is '%.63s' in %.120s already",
                                   job->session.names[i], job->session.dictionary_path);
        }
        add_fader(mixer, job->session.names[i]);
    }
    if (has_rest(job)) {
        add_fader(mixer, "rest");
    }
    return mixer_options_apply(
        &job->faders, &live_usage,
        job->session.dictionary_path ? job->session.dictionary_path : "what is learned", mixer);
}

static bool knows_rest(const struct job *job)
{
    for (size_t i = 0; i < job->dictionary.n_sources; i++) {
        if (strcmp(job->dictionary.source_names[i], "rest") == 0) {
            return true;
        }
    }
    return false;
}

static enum outcome check_sources(struct job *job)
{
    if (knows_rest(job)) {
        if (job->session.live.n_free > 0) {
            return options_misused(&live_usage, "--free", "there is 'rest' in %.120s already",
                                   job->session.dictionary_path);
        }
        job->session.live.is_free_given = true; // none
    }
    const size_t n = live_session_n_sources(&job->session) + has_rest(job);
    if (n > UB_STREAM_MAX_SOURCES) {
        report_error(job->session.dictionary_path ? job->session.dictionary_path : "--learn",
                     "comes to %zu sources, but at most %d can be separated live; learn fewer", n,
                     UB_STREAM_MAX_SOURCES);
        return FAILED;
    }
    return DONE;
}

static enum outcome check_notes(const struct job *job)
{
    if (job->session.live.midi && ub_dictionary_n_notes(&job->dictionary) == 0) {
        report_error(job->session.dictionary_path ? job->session.dictionary_path : "--midi",
                     "has no notes; take a dictionary of notes, such as 'unbraid learn --notes' "
                     "makes");
        return FAILED;
    }
    return DONE;
}

static enum outcome load_dictionary(struct job *job)
{
    ub_message why = {""};
    const ub_status status =
        job->session.dictionary_path
            ? dictionary_file_load(job->session.dictionary_path, &job->dictionary, &why)
            : UB_OK;
    if (status) {
        report_status(job->session.dictionary_path, status, &why);
        return FAILED;
    }
    if (job->session.save && !dictionary_file_can_be_saved(job->session.save, "--save")) {
        return FAILED;
    }
    enum outcome outcome = check_notes(job);
    outcome = outcome == DONE ? check_sources(job) : outcome;
    return outcome == DONE ? set_faders(job) : outcome;
}

// A preset may say how many free components there are; the option wins.
static void take_preset_free(const struct options *options, struct live_settings *settings)
{
    const double n_free = options->settings.value[UB_PARAM_FREE];
    if (!settings->is_free_given && n_free > 0.0) {
        settings->n_free = n_free < UB_STREAM_MAX_FREE ? (size_t)n_free : UB_STREAM_MAX_FREE;
        settings->is_free_given = true;
    }
}

static enum outcome run(struct job *job, int argc, char **argv)
{
    struct options options;
    enum outcome outcome = DONE;
    if (!options_parse(&live_usage, argc, argv, take, job, &options, &outcome)) {
        return outcome;
    }
    if (!job->session.dictionary_path && options.dictionary[0]) {
        job->session.dictionary_path = options.dictionary;
    }
    take_preset_free(&options, &job->session.live);
    job->session.live.mask_exponent = ub_settings_value(&options.settings, UB_PARAM_MASK_EXPONENT,
                                                        ub_stream_settings_default().mask_exponent);
    job->session.learning = options.settings;
    ub_stream_suit_learning(&job->session.learning);
    outcome = check_options(job, &options);
    outcome = outcome == DONE ? load_dictionary(job) : outcome;
    if (outcome != DONE) {
        return outcome;
    }
    if (!sound_devices_open()) {
        return FAILED;
    }
    outcome = live_session_play(&job->session);
    sound_devices_close();
    return outcome;
}

enum outcome live_run(int argc, char **argv)
{
    struct job job = {.session.live = {.mode = UB_STREAM_BALANCED,
                                       .forget_s = ub_stream_settings_default().forget_s}};
    job.session.dictionary = &job.dictionary;
    enum outcome outcome = FAILED;
    if (mixer_options_new(argc, "live", &job.faders)) {
        outcome = run(&job, argc, argv);
    }
    ub_dictionary_free(&job.dictionary);
    mixer_options_free(&job.faders);
    return outcome;
}
