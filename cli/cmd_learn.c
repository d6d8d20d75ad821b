// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio_file.h"
#include "dictionary_file.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "tracks.h"

#include <unbraid/file.h>
#include <unbraid/learn_notes.h>
#include <unbraid/midi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct option_row rows[] = {
    {"output", 'o', "DICT", "the dictionary to write (required)"},
    {"add", '\0', "DICT", "put the sources of this dictionary in front of the new ones"},
    {"notes", '\0', NULL,
     "learn single notes, for 'unbraid transcribe', from a scale or from what --midi says is "
     "played"},
    {"midi", '\0', "MID",
     "what a recording plays, with --notes: once for each recording, in their order"},
    {"half", '\0', NULL,
     "write values in half precision: half the size, and rounded to 11 bits, which is not heard"},
    {"licence", '\0', "TEXT", "licence of the recordings, kept in the dictionary"},
    {"origin", '\0', "TEXT",
     "where the recordings come from, kept in the dictionary (default their file names)"},
    {"progress", '\0', "MODE", "auto, bar, json or none (default auto: a bar on a terminal)"},
};

enum { MAX_MIDI_BYTES = 1 << 26 };

static const ub_param_id params[] = {
    UB_PARAM_COMPONENTS, UB_PARAM_WINDOW_MS,      UB_PARAM_WINDOW_SHAPE, UB_PARAM_OVERLAP,
    UB_PARAM_CONTEXT,    UB_PARAM_RECONSTRUCTION, UB_PARAM_BETA,         UB_PARAM_ITERATIONS,
    UB_PARAM_TOLERANCE,  UB_PARAM_SPARSITY,       UB_PARAM_CONTINUITY,   UB_PARAM_RELAXATION,
    UB_PARAM_INIT,       UB_PARAM_SEED,           UB_PARAM_THREADS,
};

static const struct usage learn_usage = {
    .command = "learn",
    .operands = "[NAME=]FILE[,FILE]...",
    .summary = "Learn a dictionary of templates from recordings in which one source plays alone.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .notes = "FILE is a sound file or a folder of them. A NAME may come more than once; its\n"
             "recordings are taken together. All recordings must have one sample rate.\n"
             "With --notes a source without a NAME is called after its FILE.\n",
};

// One source: what it is called and the recordings it is learned from.
struct source {
    char *name;
    struct track_list tracks;
    struct audio_file **files; // as many as tracks, opened
    ub_audio *audio;
};

struct job {
    struct options options;
    const char *output_path;
    const char *add_path;
    const char *licence;
    const char *origin;
    char *made_origin; // from the file names
    enum progress_mode progress;
    bool is_notes;
    bool is_half;
    const char **midi_paths;
    ub_midi *midi; // as many, read
    size_t n_midi;
    struct source *sources;
    size_t n_sources;
    ub_dictionary added; // what --add names
    ub_dictionary learned;
};

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    if (strcmp(name, "output") == 0) {
        job->output_path = value;
    } else if (strcmp(name, "add") == 0) {
        job->add_path = value;
    } else if (strcmp(name, "notes") == 0) {
        job->is_notes = true;
    } else if (strcmp(name, "half") == 0) {
        job->is_half = true;
    } else if (strcmp(name, "midi") == 0) {
        job->midi_paths[job->n_midi++] = value;
    } else if (strcmp(name, "licence") == 0) {
        job->licence = value;
    } else if (strcmp(name, "origin") == 0) {
        job->origin = value;
    } else if (!progress_mode_from_name(value, &job->progress)) {
        options_misused(&learn_usage, "--progress",
                        "is '%.20s', but must be auto, bar, json or none", value);
        return false;
    }
    return true;
}

static enum outcome failed(const char *subject, ub_status status, const ub_message *why)
{
    report_status(subject, status, why);
    return FAILED;
}

static enum outcome out_of_memory(void)
{
    report_error("learn", "no memory for the list of recordings; name fewer files");
    return FAILED;
}

// The source of that name, made when new. NULL without memory.
static struct source *source_named(struct job *job, const char *name, size_t length)
{
    for (size_t i = 0; i < job->n_sources; i++) {
        if (strlen(job->sources[i].name) == length &&
            strncmp(job->sources[i].name, name, length) == 0) {
            return &job->sources[i];
        }
    }
    struct source *new = &job->sources[job->n_sources];
    *new = (struct source){.name = strndup(name, length)};
    job->n_sources += new->name != NULL;
    return new->name ? new : NULL;
}

static enum outcome add_path(struct source *source, const char *path)
{
    ub_message why = {""};
    const ub_status status = track_list_add(&source->tracks, path, true, NULL, &why);
    return status ? failed(path, status, &why) : DONE;
}

// Files with commas between them, or one file whose own name has commas.
static enum outcome add_paths(struct source *source, const char *list)
{
    struct stat about;
    if (stat(list, &about) == 0) {
        return add_path(source, list);
    }
    enum outcome outcome = DONE;
    while (outcome == DONE) {
        const size_t n = strcspn(list, ",");
        char *path = strndup(list, n);
        if (!path) {
            return out_of_memory();
        }
        outcome = n > 0 ? add_path(source, path)
                        : options_misused(&learn_usage, source->name, "has an empty file name");
        free(path);
        if (list[n] == '\0') {
            break;
        }
        list += n + 1;
    }
    return outcome;
}

static enum outcome add_operand(struct job *job, const char *operand)
{
    const char *equals = strchr(operand, '=');
    if (!equals && !job->is_notes) {
        return options_misused(&learn_usage, operand, "is not of the form NAME=FILE");
    }
    const char *slash = strrchr(operand, '/');
    const char *name = equals || !slash ? operand : slash + 1;
    const char *dot = strrchr(name, '.');
    const char *end = equals ? equals : dot && dot != name ? dot : name + strlen(name);
    struct source *source = source_named(job, name, (size_t)(end - name));
    if (!source) {
        return out_of_memory();
    }
    ub_message why = {""};
    if (ub_name_check(source->name, &why)) {
        return options_misused(&learn_usage, operand, "%s", why.text);
    }
    return equals ? add_paths(source, equals + 1) : add_path(source, operand);
}

static enum outcome load_added(struct job *job)
{
    ub_message why = {""};
    const ub_status status = dictionary_file_load(job->add_path, &job->added, &why);
    if (status) {
        return failed(job->add_path, status, &why);
    }
    for (size_t i = 0; i < job->n_sources; i++) {
        for (size_t k = 0; k < job->added.n_sources; k++) {
            if (strcmp(job->sources[i].name, job->added.source_names[k]) == 0) {
                report_error(job->add_path,
                             "has a source '%s' already; give the new one another name, or learn "
                             "all recordings of it together",
                             job->sources[i].name);
                return FAILED;
            }
        }
    }
    return DONE;
}

// All recordings are open at once: one-shot collections have more files than the usual limit.
static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum outcome open_recording(struct job *job, struct source *source, size_t i)
{
    const char *path = source->tracks.tracks[i].path;
    ub_message why = {""};
    const ub_status status = audio_file_open_for_work(path, &source->files[i], &why);
    if (status) {
        return failed(path, status, &why);
    }
    const unsigned rate_hz = audio_file_info(source->files[i])->rate_hz;
    const unsigned first_hz = audio_file_info(job->sources[0].files[0])->rate_hz;
    if (rate_hz != first_hz) {
        report_error(path,
                     "has %u Hz, the recordings before it %u Hz; resample it, or learn its source "
                     "in a second call with --add",
                     rate_hz, first_hz);
        return FAILED;
    }
    source->audio[i] = audio_file_as_audio(source->files[i]);
    return DONE;
}

static enum outcome open_recordings(struct job *job)
{
    allow_many_files();
    for (size_t s = 0; s < job->n_sources; s++) {
        struct source *source = &job->sources[s];
        source->files = calloc(source->tracks.n, sizeof(struct audio_file *));
        source->audio = calloc(source->tracks.n, sizeof(ub_audio));
        if (!source->files || !source->audio) {
            return out_of_memory();
        }
        for (size_t i = 0; i < source->tracks.n; i++) {
            const enum outcome outcome = open_recording(job, source, i);
            if (outcome != DONE) {
                return outcome;
            }
        }
    }
    return DONE;
}

// "drums: kit.wav, loop.flac; bass: line.wav"
static enum outcome make_origin(struct job *job)
{
    size_t size = 1;
    for (size_t s = 0; s < job->n_sources; s++) {
        size += strlen(job->sources[s].name) + 4;
        for (size_t i = 0; i < job->sources[s].tracks.n; i++) {
            size += strlen(job->sources[s].tracks.tracks[i].path) + 2;
        }
    }
    job->made_origin = calloc(size, 1);
    if (!job->made_origin) {
        return out_of_memory();
    }
    char *to = job->made_origin;
    for (size_t s = 0; s < job->n_sources; s++) {
        to += sprintf(to, "%s%s:", s ? "; " : "", job->sources[s].name);
        for (size_t i = 0; i < job->sources[s].tracks.n; i++) {
            const char *path = job->sources[s].tracks.tracks[i].path;
            const char *slash = strrchr(path, '/');
            to += sprintf(to, "%s %s", i ? "," : "", slash ? slash + 1 : path);
        }
    }
    job->origin = job->made_origin;
    return DONE;
}

static ub_status read_midi(const char *path, ub_midi *midi, ub_message *why)
{
    unsigned char *bytes;
    size_t size;
    ub_status status = ub_file_read(path, MAX_MIDI_BYTES, &bytes, &size, why);
    if (!status) {
        status = ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_PEDAL, midi, why);
        free(bytes);
    }
    return status;
}

// What the recordings play, where that is said.
static enum outcome read_scores(struct job *job)
{
    size_t n_recordings = 0;
    for (size_t s = 0; s < job->n_sources; s++) {
        n_recordings += job->sources[s].tracks.n;
    }
    if (job->n_midi > 0 && job->n_midi != n_recordings) {
        return options_misused(&learn_usage, "--midi",
                               "is there %zu times, but must be there once for each of the %zu "
                               "recordings, or not at all",
                               job->n_midi, n_recordings);
    }
    job->midi = calloc(job->n_midi + 1, sizeof *job->midi);
    if (!job->midi) {
        return out_of_memory();
    }
    for (size_t i = 0; i < job->n_midi; i++) {
        ub_message why = {""};
        const ub_status status = read_midi(job->midi_paths[i], &job->midi[i], &why);
        if (status) {
            return failed(job->midi_paths[i], status, &why);
        }
    }
    return DONE;
}

// @param first  Of all recordings, the first of the source.
static ub_status learn_notes_of(const struct job *job, const struct source *source, size_t first,
                                const ub_progress *listener, ub_dictionary *out, ub_message *why)
{
    ub_note_lesson *lessons = calloc(source->tracks.n, sizeof *lessons);
    if (!lessons) {
        return UB_NO_MEMORY;
    }
    for (size_t i = 0; i < source->tracks.n; i++) {
        lessons[i] = (ub_note_lesson){source->audio[i],
                                      job->n_midi > 0 ? &job->midi[first + i].notes : NULL};
    }
    const ub_status status =
        ub_learn_notes(source->name, lessons, source->tracks.n, &job->options.settings,
                       job->licence, job->origin, listener, out, why);
    free(lessons);
    return status;
}

static ub_status learn_notes(struct job *job, const ub_progress *listener, ub_message *why)
{
    ub_dictionary *each = calloc(job->n_sources, sizeof *each);
    const ub_dictionary **list = calloc(job->n_sources, sizeof *list);
    ub_status status = each && list ? UB_OK : UB_NO_MEMORY;
    size_t first = 0;
    for (size_t s = 0; !status && s < job->n_sources; s++) {
        list[s] = &each[s];
        status = learn_notes_of(job, &job->sources[s], first, listener, &each[s], why);
        first += job->sources[s].tracks.n;
    }
    if (!status) {
        status = job->n_sources > 1 ? ub_dictionary_join(list, job->n_sources, &job->learned, why)
                                    : ub_dictionary_copy(&each[0], &job->learned);
    }
    for (size_t s = 0; each && s < job->n_sources; s++) {
        ub_dictionary_free(&each[s]);
    }
    free(list);
    free(each);
    return status;
}

static ub_status learn(struct job *job, const ub_progress *listener, ub_message *why)
{
    if (job->is_notes) {
        return learn_notes(job, listener, why);
    }
    ub_training *training = calloc(job->n_sources, sizeof *training);
    if (!training) {
        return UB_NO_MEMORY;
    }
    for (size_t s = 0; s < job->n_sources; s++) {
        const struct source *source = &job->sources[s];
        training[s] = (ub_training){source->name, source->audio, source->tracks.n};
    }
    const ub_status status = ub_learn(training, job->n_sources, &job->options.settings,
                                      job->licence, job->origin, listener, &job->learned, why);
    free(training);
    return status;
}

static ub_status join_and_save(struct job *job, ub_message *why)
{
    job->learned.storage = job->added.storage = job->is_half ? UB_STORAGE_F16 : UB_STORAGE_F32;
    if (!job->add_path) {
        return dictionary_file_save(job->output_path, &job->learned, why);
    }
    const ub_dictionary *both[] = {&job->added, &job->learned};
    ub_dictionary joined;
    ub_status status = ub_dictionary_join(both, 2, &joined, why);
    if (!status) {
        status = dictionary_file_save(job->output_path, &joined, why);
        ub_dictionary_free(&joined);
    }
    return status;
}

static enum outcome learn_all(struct job *job)
{
    // What would only fail after all the work: a target that cannot be written, a name taken.
    enum outcome outcome = dictionary_file_can_be_saved(job->output_path, "-o") ? DONE : FAILED;
    if (outcome == DONE && job->add_path) {
        outcome = load_added(job);
    }
    outcome = outcome == DONE ? read_scores(job) : outcome;
    outcome = outcome == DONE ? open_recordings(job) : outcome;
    if (outcome == DONE && !job->origin) {
        outcome = make_origin(job);
    }
    if (outcome != DONE) {
        return outcome;
    }
    ub_message why = {""};
    struct progress progress = progress_start(job->progress, job->output_path);
    const ub_progress listener = progress_listener(&progress);
    ub_status status = learn(job, &listener, &why);
    progress_stop(&progress);
    status = status ? status : join_and_save(job, &why);
    if (status) {
        return failed(job->output_path, status, &why);
    }
    puts(job->output_path);
    return DONE;
}

// Notes are learned in one way.
static enum outcome check_settings(const struct job *job)
{
    for (size_t i = 0; job->is_notes && i < sizeof params / sizeof params[0]; i++) {
        if (params[i] != UB_PARAM_THREADS && job->options.given[params[i]]) {
            char subject[80];
            snprintf(subject, sizeof subject, "--%s", ub_param_table()[params[i]].key);
            return options_misused(&learn_usage, subject, "does not go with --notes");
        }
    }
    return job->n_midi > 0 && !job->is_notes
               ? options_misused(&learn_usage, "--midi", "needs --notes")
               : DONE;
}

static enum outcome check_options(struct job *job)
{
    if (!job->output_path) {
        return options_misused(&learn_usage, "--output", "is missing");
    }
    if (job->options.n_operands == 0) {
        return options_misused(&learn_usage, "learn", "names no source");
    }
    job->sources = calloc(job->options.n_operands, sizeof *job->sources);
    enum outcome outcome = job->sources ? check_settings(job) : out_of_memory();
    for (size_t i = 0; outcome == DONE && i < job->options.n_operands; i++) {
        outcome = add_operand(job, job->options.operands[i]);
    }
    return outcome;
}

static void source_free(struct source *source)
{
    for (size_t i = 0; source->files && i < source->tracks.n; i++) {
        audio_file_close(source->files[i]);
    }
    free(source->files);
    free(source->audio);
    track_list_free(&source->tracks);
    free(source->name);
}

enum outcome learn_run(int argc, char **argv)
{
    struct job job = {.midi_paths = calloc((size_t)argc, sizeof(char *))};
    if (!job.midi_paths) {
        return out_of_memory();
    }
    progress_mode_from_name("auto", &job.progress);
    enum outcome outcome = DONE;
    if (options_parse(&learn_usage, argc, argv, take, &job, &job.options, &outcome)) {
        outcome = check_options(&job);
        outcome = outcome == DONE ? learn_all(&job) : outcome;
    }
    for (size_t s = 0; s < job.n_sources; s++) {
        source_free(&job.sources[s]);
    }
    for (size_t i = 0; job.midi && i < job.n_midi; i++) {
        ub_midi_free(&job.midi[i]);
    }
    free(job.midi);
    free(job.midi_paths);
    free(job.sources);
    free(job.made_origin);
    ub_dictionary_free(&job.added);
    ub_dictionary_free(&job.learned);
    return outcome;
}
