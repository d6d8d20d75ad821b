// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio_file.h"
#include "interrupt.h"
#include "key_files.h"
#include "note_banks.h"
#include "note_files.h"
#include "note_stems.h"
#include "option_values.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "sheet.h"
#include "tracks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {
    {"output", 'o', "MID", "the MIDI file (default {track}.mid, unless other files are asked for)"},
    {"csv", '\0', "CSV", "a list of the notes as comma-separated values"},
    {"json", '\0', "JSON", "the notes, the tempo and the sources as JSON"},
    {"dictionary", 'd', "DICT",
     "find the notes of this dictionary's sources; may be given more than once, then those of all"},
    {"drums", '\0', NULL, "the sources are drums; without a dictionary, find those of a drum kit"},
    {"bpm", '\0', "N", "tempo of the MIDI file (default estimated from the notes)"},
    {"quantize", '\0', "GRID",
     "move the notes of the MIDI file to a grid: 1/16 for sixteenth notes, 1/12 for triplets of "
     "eighths"},
    {"activations", '\0', "NPY", "how much each of 88 keys sounds in each frame, a NumPy array"},
    {"chroma", '\0', "CSV", "the same of the twelve pitch classes, with the times of the frames"},
    {"salience", '\0', "CSV", "the same of the 88 keys, with the times of the frames"},
    {"separate", '\0', NULL,
     "write a stem of each range of notes too, into the folder separated/{track}"},
    {"split", '\0', "NOTE,...", "where a range of --separate begins (default C4)"},
    {"progress", '\0', "MODE", "auto, bar, json or none (default auto: a bar on a terminal)"},
};

static const ub_param_id params[] = {UB_PARAM_SEED, UB_PARAM_THREADS};

static const struct usage transcribe_usage = {
    .command = "transcribe",
    .operands = "FILE...",
    .summary =
        "Find the notes of recordings, write them as MIDI files, and print the files' paths.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .notes =
        "FILE is a sound file, a folder of them, or - for standard input. {track} in the name\n"
        "of an output stands for the name of the recording; of several recordings it must be\n"
        "there, or the output is a folder. MIDI, CSV and JSON go to standard output with -.\n",
};

// Options that name files, in the order of enum note_file.
static const char *const file_options[N_NOTE_FILES] = {"--output",      "--csv",    "--json",
                                                       "--activations", "--chroma", "--salience"};

struct job {
    struct options options;
    const char *patterns[N_NOTE_FILES]; // NULL: not asked for
    enum progress_mode progress;
    bool is_drums;
    double bpm; // 0: to be estimated
    unsigned grid; // 0: none
    bool separates;
    struct note_split split; // n 0: not given
    const char **dictionary_paths;
    size_t n_dictionaries;
    struct note_banks banks;
    struct track_list tracks;
};

static bool take_grid(struct job *job, const char *value)
{
    char *end = NULL;
    const bool is_fraction = strncmp(value, "1/", 2) == 0 && value[2] >= '1' && value[2] <= '9';
    const unsigned long lines = is_fraction ? strtoul(value + 2, &end, 10) : 0;
    if (!is_fraction || *end || lines < 4 || lines > 192 || lines % 4 != 0) {
        options_misused(&transcribe_usage, "--quantize",
                        "is '%.20s', but must be 1/N, where N is 4 to 192 and a multiple of 4",
                        value);
        return false;
    }
    job->grid = (unsigned)lines;
    return true;
}

static bool take_split(struct job *job, const char *value)
{
    if (!note_split_parse(value, &job->split)) {
        options_misused(&transcribe_usage, "--split",
                        "is '%.20s', but must be notes from low to high, as C4 or F#3,Bb5", value);
        return false;
    }
    return true;
}

static bool take_progress(struct job *job, const char *value)
{
    if (!progress_mode_from_name(value, &job->progress)) {
        options_misused(&transcribe_usage, "--progress",
                        "is '%.20s', but must be auto, bar, json or none", value);
        return false;
    }
    return true;
}

static bool take_pattern(struct job *job, enum note_file kind, const char *value)
{
    if (!*value) {
        options_misused(&transcribe_usage, file_options[kind], "is an empty name");
        return false;
    }
    job->patterns[kind] = value;
    return true;
}

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    for (enum note_file kind = 0; kind < N_NOTE_FILES; kind++) {
        if (strcmp(name, file_options[kind] + 2) == 0) {
            return take_pattern(job, kind, value);
        }
    }
    if (strcmp(name, "dictionary") == 0) {
        job->dictionary_paths[job->n_dictionaries++] = value;
    } else if (strcmp(name, "drums") == 0) {
        job->is_drums = true;
    } else if (strcmp(name, "bpm") == 0) {
        return option_number(&transcribe_usage, "--bpm", value, 4.0, 1000.0, &job->bpm);
    } else if (strcmp(name, "quantize") == 0) {
        return take_grid(job, value);
    } else if (strcmp(name, "separate") == 0) {
        job->separates = true;
    } else if (strcmp(name, "split") == 0) {
        return take_split(job, value);
    } else {
        return take_progress(job, value);
    }
    return true;
}

static bool is_standard_output(const char *pattern)
{
    return pattern && strcmp(pattern, "-") == 0;
}

// Options that contradict each other. @return DONE or MISUSED.
static enum outcome check_options(struct job *job)
{
    const struct usage *usage = &transcribe_usage;
    size_t n_files = 0, n_on_stdout = 0;
    if (job->options.n_operands == 0) {
        return options_misused(usage, "transcribe", "names no file");
    }
    for (enum note_file kind = 0; kind < N_NOTE_FILES; kind++) {
        n_files += job->patterns[kind] != NULL;
        n_on_stdout += is_standard_output(job->patterns[kind]);
        if (is_standard_output(job->patterns[kind]) && kind > NOTE_JSON) {
            return options_misused(usage, file_options[kind], "cannot go to standard output");
        }
    }
    if (n_on_stdout > 1) {
        return options_misused(usage, "-", "is standard output, where only one file can go");
    }
    if (n_files == 0) {
        job->patterns[NOTE_MIDI] = "{track}.mid";
    }
    if (job->grid > 0 && !job->patterns[NOTE_MIDI]) {
        return options_misused(usage, "--quantize", "is about the MIDI file, which -o names");
    }
    if (job->split.n > 0 && !job->separates) {
        return options_misused(usage, "--split", "needs --separate");
    }
    if (job->split.n == 0) {
        job->split = (struct note_split){{60}, 1};
    }
    return DONE;
}

static enum outcome load_dictionaries(struct job *job)
{
    const struct note_split *split = job->separates ? &job->split : NULL;
    if (job->n_dictionaries == 0 && job->options.dictionary[0]) {
        job->dictionary_paths[job->n_dictionaries++] = job->options.dictionary;
    }
    return job->n_dictionaries > 0
               ? note_banks_load(job->dictionary_paths, job->n_dictionaries, split, &job->banks)
               : note_banks_load_presets(&transcribe_usage, job->is_drums, split, &job->banks);
}

static enum outcome out_of_memory(void)
{
    report_error("transcribe", "no memory for the names of the files; name fewer files");
    return FAILED;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Two files of one name: known before anything is written. `paths` has room for those of all
// tracks.
static enum outcome check_paths(const struct job *job, char **paths)
{
    size_t n = 0;
    for (size_t i = 0; i < job->tracks.n; i++) {
        for (enum note_file kind = 0; kind < N_NOTE_FILES; kind++) {
            if (!job->patterns[kind]) {
                continue;
            }
            paths[n] = note_file_path(job->patterns[kind], kind, job->tracks.tracks[i].name);
            if (!paths[n++]) {
                return out_of_memory();
            }
        }
    }
    qsort(paths, n, sizeof *paths, by_text);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(paths[i - 1], paths[i]) == 0) {
            return options_misused(&transcribe_usage, paths[i],
                                   "would be written more than once; put {track} into the names "
                                   "of outputs, or rename a recording");
        }
    }
    return DONE;
}

static enum outcome check_track_names(const struct job *job)
{
    const size_t n = job->tracks.n * N_NOTE_FILES;
    char **paths = calloc(n + 1, sizeof *paths);
    const enum outcome outcome = paths ? check_paths(job, paths) : out_of_memory();
    for (size_t i = 0; paths && i < n; i++) {
        free(paths[i]);
    }
    free(paths);
    return outcome;
}

static ub_status open_sheets(const struct job *job, const struct track *track,
                             struct output *output, struct sheet *sheets, ub_message *why)
{
    ub_status status = output ? UB_OK : UB_NO_MEMORY;
    for (enum note_file kind = 0; !status && kind < N_NOTE_FILES; kind++) {
        const char *pattern = job->patterns[kind];
        if (!pattern || is_standard_output(pattern)) {
            continue;
        }
        sheets[kind].path = note_file_path(pattern, kind, track->name);
        status = sheets[kind].path ? sheet_open(output, &sheets[kind], why) : UB_NO_MEMORY;
    }
    return status;
}

static ub_status find_notes(const struct job *job, struct audio_file *recording,
                            const struct note_bank **bank, struct key_files *keys,
                            struct transcript *transcript, ub_message *why)
{
    const ub_audio audio = audio_file_as_audio(recording);
    const ub_key_sink sink = key_files_sink(keys);
    ub_status status = note_banks_choose(&job->banks, transcript->file, &audio,
                                         &job->options.settings, job->progress, bank, why);
    struct progress progress = progress_start(job->progress, transcript->file);
    const ub_progress listener = progress_listener(&progress);
    status =
        status ? status : note_sources_name(&(*bank)->dictionary, job->is_drums, &transcript->midi);
    status = status ? status
                    : ub_transcribe(&audio, &(*bank)->dictionary, &job->options.settings, &listener,
                                    &sink, &transcript->midi.notes, why);
    progress_stop(&progress);
    transcript->duration_s = (double)audio.n_samples / audio.rate_hz;
    transcript->frames = keys->frames;
    return status ? status
                  : ub_tempo_estimate(&transcript->midi.notes, job->bpm, &transcript->tempo, why);
}

static ub_status make_stems(const struct job *job, const struct note_bank *bank,
                            const struct track *track, struct audio_file *recording,
                            struct stems **stems, ub_message *why)
{
    if (!job->separates) {
        return UB_OK;
    }
    struct progress progress = progress_start(job->progress, track->path);
    const ub_progress listener = progress_listener(&progress);
    const ub_status status = note_stems_make(&bank->ranges, &job->options.settings, track,
                                             recording, &listener, stems, why);
    progress_stop(&progress);
    return status;
}

static void print_paths(const struct sheet *sheets, const struct stems *stems)
{
    for (enum note_file kind = 0; kind < N_NOTE_FILES; kind++) {
        if (sheets[kind].path) {
            puts(sheets[kind].path);
        }
    }
    for (size_t i = 0; stems && i < stems_count(stems); i++) {
        puts(stems_path(stems, i));
    }
}

// What goes to standard output goes there last, when the files have their names.
static ub_status write_sheets(const struct job *job, struct output *output, struct sheet *sheets,
                              const struct transcript *transcript, struct stems *stems,
                              ub_message *why)
{
    ub_status status = UB_OK;
    for (enum note_file kind = 0; kind < N_NOTE_FILES; kind++) {
        if (!status && kind <= NOTE_JSON && sheets[kind].file) {
            status = note_file_print(sheets[kind].file, kind, transcript, why);
        }
        sheet_close(&sheets[kind]);
    }
    status = status || !stems ? status : stems_commit(stems, why);
    status = status ? status : output_commit(output, why);
    bool is_stdout_taken = false;
    for (enum note_file kind = 0; !status && kind <= NOTE_JSON; kind++) {
        if (is_standard_output(job->patterns[kind])) {
            status = note_file_print(stdout, kind, transcript, why);
            is_stdout_taken = true;
        }
    }
    if (!status && !is_stdout_taken) {
        print_paths(sheets, stems);
    }
    fflush(stdout);
    return status;
}

static ub_status transcribe(const struct job *job, const struct track *track,
                            struct audio_file *recording, ub_message *why)
{
    struct sheet sheets[N_NOTE_FILES] = {{NULL, NULL, NULL}};
    struct output *output = output_new();
    struct transcript transcript = {.file = track->path, .grid = job->grid};
    ub_status status = open_sheets(job, track, output, sheets, why);
    struct key_files keys = {.activations = sheets[NOTE_ACTIVATIONS].file,
                             .chroma = sheets[NOTE_CHROMA].file,
                             .salience = sheets[NOTE_SALIENCE].file};
    const struct note_bank *bank = NULL;
    status = status ? status : find_notes(job, recording, &bank, &keys, &transcript, why);
    struct stems *stems = NULL;
    status = status ? status : make_stems(job, bank, track, recording, &stems, why);
    status = status ? status : write_sheets(job, output, sheets, &transcript, stems, why);
    stems_free(stems);
    for (enum note_file kind = 0; kind < N_NOTE_FILES; kind++) {
        sheet_close(&sheets[kind]);
        free(sheets[kind].path);
    }
    output_free(output);
    key_files_free(&keys);
    ub_midi_free(&transcript.midi);
    return status;
}

static enum outcome transcribe_track(const struct job *job, const struct track *track)
{
    ub_message why = {""};
    struct audio_file *recording = NULL;
    ub_status status = audio_file_open_for_work(track->path, &recording, &why);
    status = status ? status : transcribe(job, track, recording, &why);
    if (status) {
        report_status(track->path, status, &why);
    }
    audio_file_close(recording);
    return status ? FAILED : DONE;
}

static enum outcome transcribe_all(struct job *job)
{
    enum outcome outcome = load_dictionaries(job);
    if (outcome != DONE) {
        return outcome;
    }
    outcome = track_list_take(&job->tracks, job->options.operands, job->options.n_operands, NULL);
    const enum outcome names = check_track_names(job);
    if (names != DONE) {
        return names;
    }
    for (size_t i = 0; i < job->tracks.n && !interrupted(); i++) {
        if (transcribe_track(job, &job->tracks.tracks[i]) != DONE) {
            outcome = FAILED;
        }
    }
    return outcome;
}

enum outcome transcribe_run(int argc, char **argv)
{
    struct job job = {.dictionary_paths = calloc((size_t)argc + 1, sizeof(char *))};
    if (!job.dictionary_paths) {
        report_error("transcribe", "no memory for the command line; close other programs");
        return FAILED;
    }
    progress_mode_from_name("auto", &job.progress);
    enum outcome outcome = DONE;
    if (options_parse(&transcribe_usage, argc, argv, take, &job, &job.options, &outcome)) {
        outcome = check_options(&job);
        outcome = outcome == DONE ? transcribe_all(&job) : outcome;
    }
    track_list_free(&job.tracks);
    note_banks_free(&job.banks);
    free(job.dictionary_paths);
    return outcome;
}
