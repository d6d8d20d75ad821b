// SPDX-License-Identifier: GPL-3.0-or-later
#include "console.h"
#include "interrupt.h"
#include "mixer_options.h"
#include "option_values.h"
#include "player.h"
#include "report.h"
#include "sound_devices.h"
#include "sound_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const double skip_s = 5.0;

static const struct option_row rows[] = {
    {"output", '\0', "DEV", "number, name or part of the name of the device that plays"},
    {"block", '\0', "N",
     "samples that are processed at a time (1 to 65536; default as the device likes)"},
    MIXER_OPTION_ROWS("stem"),
    {"start", '\0', "S", "begin at this time (from 0 s on; default 0)"},
    {"seconds", '\0', "S", "play so much of it (from 0.001 s on; default all)"},
    {"loop", '\0', NULL, "play it over and over"},
};

static const struct usage play_usage = {
    .command = "play",
    .operands = "DIR|FILE...",
    .summary = "Play the stems of a track together.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .notes =
        "DIR is what 'unbraid separate' wrote; FILE is one stem.\n"
        "Keys: space pauses; comma and period go 5 s back and forth; 1 to 9, left, right or Tab\n"
        "choose a stem; up, down, + and - change its gain; m mutes it, s makes it solo; 0 resets\n"
        "all; q or Ctrl-C ends.\n",
};

struct job {
    struct player_settings settings;
    struct stem_reader_settings passage;
    struct mixer_options faders;
    struct track_list tracks;
    struct mixer mixer;
    struct stem_reader *reader;
    struct player *player;
};

static bool take_block(struct job *job, const char *value)
{
    uint64_t block = 0;
    const bool is_good =
        option_count(&play_usage, "--block", value, 1, SOUND_LONGEST_BLOCK, &block);
    job->settings.block_frames = (unsigned long)block;
    return is_good;
}

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    bool is_good = true;
    if (mixer_options_take(&job->faders, &play_usage, name, value, &is_good)) {
        return is_good;
    }
    if (strcmp(name, "output") == 0) {
        job->settings.output = value;
    } else if (strcmp(name, "block") == 0) {
        return take_block(job, value);
    } else if (strcmp(name, "start") == 0) {
        return option_number(&play_usage, "--start", value, 0.0, 1e9, &job->passage.start_s);
    } else if (strcmp(name, "seconds") == 0) {
        return option_number(&play_usage, "--seconds", value, 1e-3, 1e9, &job->passage.seconds);
    } else {
        job->passage.loops = true;
    }
    return true;
}

static enum outcome add_stems(struct job *job, const struct options *options)
{
    if (options->n_operands == 0) {
        return options_misused(&play_usage, "play", "names no stems");
    }
    for (size_t i = 0; i < options->n_operands; i++) {
        ub_message why = {""};
        const ub_status status =
            track_list_add(&job->tracks, options->operands[i], false, NULL, &why);
        if (status) {
            report_status(options->operands[i], status, &why);
            return FAILED;
        }
    }
    return DONE;
}

// With stems of one name, as of two folders, options are for the first.
static enum outcome set_faders(struct job *job)
{
    struct mixer *mixer = &job->mixer;
    for (; mixer->n_faders < job->tracks.n; mixer->n_faders++) {
        mixer->faders[mixer->n_faders].name = job->tracks.tracks[mixer->n_faders].name;
    }
    return mixer_options_apply(&job->faders, &play_usage, "these stems", mixer);
}

static void set_gains(const struct job *job)
{
    float gains[MIXER_MAX_FADERS];
    mixer_gains(&job->mixer, gains);
    for (size_t i = 0; i < job->mixer.n_faders; i++) {
        player_set_gain(job->player, i, gains[i]);
    }
}

static bool look(void *context)
{
    const struct job *job = context;
    return player_state(job->player).is_running;
}

static void take_key(void *context, int key)
{
    struct job *job = context;
    if (key == ' ') {
        player_pause(job->player, !player_state(job->player).is_paused);
    } else if (key == ',' || key == '.') {
        const double n_frames = skip_s * stem_reader_rate_hz(job->reader);
        stem_reader_skip(job->reader, (int64_t)(key == '.' ? n_frames : -n_frames));
    } else if (mixer_key(&job->mixer, key)) {
        set_gains(job);
    }
}

// "1:23.4"
static void add_time(struct status_line *line, double rate_hz, uint64_t frame)
{
    const double tenths = 10.0 * (double)frame / rate_hz;
    const uint64_t n = (uint64_t)tenths;
    status_line_add(line, "%" PRIu64 ":%02" PRIu64 ".%" PRIu64, n / 600, n / 10 % 60, n % 10);
}

static void describe(void *context, struct status_line *line)
{
    const struct job *job = context;
    const struct player_state state = player_state(job->player);
    const double rate_hz = stem_reader_rate_hz(job->reader);
    float levels[MIXER_MAX_FADERS];
    for (size_t i = 0; i < job->mixer.n_faders; i++) {
        levels[i] = player_level(job->player, i);
    }
    add_time(line, rate_hz, stem_reader_position(job->reader));
    status_line_add(line, " of ");
    add_time(line, rate_hz, stem_reader_length(job->reader));
    status_line_add(line, "%s", state.is_paused ? " paused" : "");
    if (state.n_xruns > 0) {
        status_line_add(line, "  xruns %" PRIu64, state.n_xruns);
    }
    status_line_add_mixer(line, &job->mixer, levels);
}

// Until the sound ends, or somebody ends it.
static enum outcome follow(struct job *job)
{
    const struct console console = {look, take_key, describe, job};
    const bool is_asked = console_follow(&console);
    const struct player_state state = player_state(job->player);
    if (!is_asked && !state.is_complete) {
        report_error("play", "the device has stopped; look whether it is still there with "
                             "'unbraid devices'");
        return FAILED;
    }
    return DONE;
}

static enum outcome play_open(struct job *job)
{
    if (!player_open(&job->settings, job->reader, &job->player)) {
        return FAILED;
    }
    set_gains(job);
    enum outcome outcome = FAILED;
    if (stem_reader_start(job->reader) && player_start(job->player)) {
        outcome = follow(job);
        player_stop(job->player);
        outcome = stem_reader_is_good(job->reader) ? outcome : FAILED;
        const struct player_state state = player_state(job->player);
        printf("%" PRIu64 " frames at %g Hz, stems: %zu, xruns: %" PRIu64 "\n", state.n_frames,
               stem_reader_rate_hz(job->reader), job->tracks.n, state.n_xruns);
        interrupt_accept();
    }
    player_close(job->player);
    return outcome;
}

static enum outcome play(struct job *job)
{
    if (!stem_reader_open(&job->passage, &job->reader)) {
        return FAILED;
    }
    enum outcome outcome = set_faders(job);
    if (outcome == DONE) {
        outcome = FAILED;
        if (sound_devices_open()) {
            outcome = play_open(job);
            sound_devices_close();
        }
    }
    stem_reader_free(job->reader);
    return outcome;
}

enum outcome play_run(int argc, char **argv)
{
    struct job job = {.passage = {.tracks = &job.tracks}};
    struct options options;
    enum outcome outcome = FAILED;
    if (!mixer_options_new(argc, "play", &job.faders)) {
        return outcome;
    }
    if (options_parse(&play_usage, argc, argv, take, &job, &options, &outcome)) {
        outcome = add_stems(&job, &options);
        outcome = outcome == DONE ? play(&job) : outcome;
    }
    track_list_free(&job.tracks);
    mixer_options_free(&job.faders);
    return outcome;
}
