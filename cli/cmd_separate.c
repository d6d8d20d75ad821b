// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_file.h"
#include "interrupt.h"
#include "marks.h"
#include "options.h"
#include "passages.h"
#include "progress.h"
#include "report.h"
#include "score_file.h"
#include "stem_claims.h"
#include "stems.h"
#include "tracks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {
    {"output", 'o', "DIR", "folder for the stems, made when missing (default separated)"},
    {"dictionary", 'd', "DICT",
     "separate into the sources of this dictionary; may be given more than once, then into the "
     "sources of all"},
    {"source", '\0', "NAME@FROM-TO",
     "learn a source from a passage of the recording where it plays alone, 0:13-0:20 for instance; "
     "may be given more than once"},
    {"accompaniment", '\0', "FROM-TO",
     "a passage without the voice: what plays there is learned, and the rest is the vocals; may be "
     "given more than once"},
    {"mark", '\0', "NAME@FROM-TO[,LOW-HIGH]",
     "a source is most of what is heard between these times, and frequencies in Hz; may be given "
     "more than once"},
    {"pan", '\0', "NAME@POSITION",
     "a source is heard from there, -100 (left) to 100 (right); may be given more than once"},
    {"midi", '\0', "MID",
     "the score: write a stem for each of its tracks, and the rest; dictionaries are of notes"},
    {"stems-by", '\0', "WHAT",
     "track or channel of the score (default track, or channel where there is one track)"},
    {"split-hands", '\0', "NOTE",
     "two stems, left and right, for the notes below and from NOTE on"},
    {"midi-offset", '\0', "SECONDS", "how much later the notes are than the score says"},
    {"midi-align", '\0', "WHEN",
     "auto, on or off: find out when the notes are played (default auto: where they are not in "
     "time)"},
    {"midi-tolerance", '\0', "SECONDS",
     "how much too early or too late notes may be (default 0.1)"},
    {"only", '\0', "NAME,...", "write these stems only"},
    {"two-stems", '\0', "NAME", "write NAME and no_NAME, which is all the rest"},
    {"filename", '\0', "PATTERN",
     "path of a stem below the output folder (default {track}/{source}.{ext})"},
    {"format", '\0', "NAME", "wav, flac or ogg (default wav)"},
    {"bits", '\0', "N", "16, 24 or 32f per sample (default as the input)"},
    {"progress", '\0', "MODE", "auto, bar, json or none (default auto: a bar on a terminal)"},
};

static const ub_param_id params[] = {
    UB_PARAM_METHOD,    UB_PARAM_SOURCES,       UB_PARAM_COMPONENTS, UB_PARAM_FREE,
    UB_PARAM_WINDOW_MS, UB_PARAM_OVERLAP,       UB_PARAM_BETA,       UB_PARAM_ITERATIONS,
    UB_PARAM_TOLERANCE, UB_PARAM_SPARSITY,      UB_PARAM_CONTINUITY, UB_PARAM_RELAXATION,
    UB_PARAM_INIT,      UB_PARAM_MASK_EXPONENT, UB_PARAM_MWF,        UB_PARAM_COVARIANCE,
    UB_PARAM_SEED,      UB_PARAM_THREADS,
};

static const struct usage separate_usage = {
    .command = "separate",
    .operands = "FILE...",
    .summary = "Split recordings into stems that sum to them, and print the stems' paths.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .notes = "FILE is a sound file, a folder of them, or - for standard input. Rate, channels,\n"
             "length and bits of the stems are those of the input; nothing is normalised.\n"
             "FROM and TO are times, 13.5, 0:13 or 1:02:03.5. JSON progress goes to stderr, one\n"
             "object a line.\n",
};

// What the command line says, and what is loaded for all files.
struct job {
    struct options options;
    struct stem_choice choice;
    enum progress_mode progress;
    const char **dictionary_paths;
    size_t n_dictionaries;
    ub_dictionary dictionary; // of all, joined
    struct passages passages;
    struct marks marks;
    struct score_file score;
    struct track_list tracks;
};

static bool take_bits(struct stem_request *request, const char *value)
{
    static const struct {
        const char *name;
        struct sample_type type;
    } kinds[] = {{"16", {false, 16}}, {"24", {false, 24}}, {"32f", {true, 32}}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(value, kinds[i].name) == 0) {
            request->has_type = true;
            request->type = kinds[i].type;
            return true;
        }
    }
    options_misused(&separate_usage, "--bits", "is '%.20s', but must be 16, 24 or 32f", value);
    return false;
}

static bool take_two_stems(struct job *job, const char *value)
{
    ub_message why = {""};
    job->choice.target = value;
    if (ub_name_check(value, &why)) {
        options_misused(&separate_usage, "--two-stems", "%s", why.text);
        return false;
    }
    return true;
}

static bool take_filename(struct job *job, const char *value)
{
    ub_message why = {""};
    job->choice.pattern = value;
    if (stem_pattern_check(value, &why)) {
        options_misused(&separate_usage, "--filename", "%s", why.text);
        return false;
    }
    return true;
}

static bool take_format(struct job *job, const char *value)
{
    if (!stem_container_from_name(value, &job->choice.request.container)) {
        options_misused(&separate_usage, "--format", "is '%.20s', but must be wav, flac or ogg",
                        value);
        return false;
    }
    return true;
}

static bool take_progress(struct job *job, const char *value)
{
    if (!progress_mode_from_name(value, &job->progress)) {
        options_misused(&separate_usage, "--progress",
                        "is '%.20s', but must be auto, bar, json or none", value);
        return false;
    }
    return true;
}

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    bool well = true;
    if (score_file_take(&job->score, &separate_usage, name, value, &well) ||
        marks_take(&separate_usage, name, value, &well, &job->marks)) {
        return well;
    }
    if (strcmp(name, "output") == 0) {
        job->choice.folder = *value ? value : ".";
    } else if (strcmp(name, "dictionary") == 0) {
        job->dictionary_paths[job->n_dictionaries++] = value;
    } else if (strcmp(name, "source") == 0) {
        return passages_take(&separate_usage, "--source", value, &job->passages);
    } else if (strcmp(name, "accompaniment") == 0) {
        return passages_take(&separate_usage, "--accompaniment", value, &job->passages);
    } else if (strcmp(name, "only") == 0) {
        job->choice.only = value;
    } else if (strcmp(name, "two-stems") == 0) {
        return take_two_stems(job, value);
    } else if (strcmp(name, "filename") == 0) {
        return take_filename(job, value);
    } else if (strcmp(name, "format") == 0) {
        return take_format(job, value);
    } else if (strcmp(name, "bits") == 0) {
        return take_bits(&job->choice.request, value);
    } else {
        return take_progress(job, value);
    }
    return true;
}

static enum outcome check_marks(const struct job *job)
{
    const char *other = job->score.path           ? "--midi"
                        : job->passages.n > 0     ? "passages (--source)"
                        : job->n_dictionaries > 0 ? "a dictionary"
                                                  : NULL;
    return marks_check(&job->marks, &separate_usage, &job->options, other);
}

// Options that contradict each other. @return DONE or MISUSED.
static enum outcome check_options(const struct job *job)
{
    const struct stem_choice *choice = &job->choice;
    const struct usage *usage = &separate_usage;
    const bool *given = job->options.given;
    if (job->options.n_operands == 0) {
        return options_misused(usage, "separate", "names no file");
    }
    if (check_marks(job) != DONE) {
        return MISUSED;
    }
    if (choice->only && choice->target) {
        return options_misused(usage, "--two-stems", "excludes --only");
    }
    if (choice->request.has_type && choice->request.container == STEM_OGG) {
        return options_misused(usage, "--bits", "does not go with --format ogg, which has none");
    }
    if (choice->request.has_type && choice->request.type.is_float &&
        choice->request.container == STEM_FLAC) {
        return options_misused(usage, "--bits", "32f does not go with --format flac");
    }
    if (given[UB_PARAM_FREE] && job->n_dictionaries == 0 && job->passages.n == 0 &&
        !job->score.path) {
        return options_misused(usage, "--free", "needs a dictionary (-d) or a passage (--source)");
    }
    if (given[UB_PARAM_SOURCES] && (job->n_dictionaries > 0 || job->passages.n > 0)) {
        return options_misused(
            usage, "--sources",
            "does not go with a dictionary or passages, whose sources are known");
    }
    if (given[UB_PARAM_SOURCES] &&
        job->options.settings.value[UB_PARAM_METHOD] > UB_METHOD_COMPONENTS) {
        return options_misused(usage, "--sources",
                               "does not go with --method %s, which has its own",
                               ub_param_table()[UB_PARAM_METHOD]
                                   .choices[(size_t)job->options.settings.value[UB_PARAM_METHOD]]);
    }
    return score_file_check(&job->score, usage, &job->options, job->passages.n > 0);
}

// Beside one source alone there has to be something else: its stem would be the recording.
static void settle_free(struct job *job)
{
    double *free_components = &job->options.settings.value[UB_PARAM_FREE];
    if (!job->options.given[UB_PARAM_FREE] && *free_components == 0.0) {
        *free_components = passages_free_components(&job->passages, &job->dictionary);
    }
}

// Without passages; a preset says itself what goes with its dictionary.
static void settle_dictionaries(struct job *job)
{
    const bool is_presets = job->dictionary_paths[0] == job->options.offline_dictionary;
    const double method = job->options.settings.value[UB_PARAM_METHOD];
    if (method <= UB_METHOD_COMPONENTS && !job->score.path && !is_presets) {
        settle_free(job);
    }
}

// Passages teach components and the speech method; marked, the voice is components' too.
static enum outcome settle_passages(struct job *job)
{
    ub_settings *settings = &job->options.settings;
    const ub_method method = (ub_method)settings->value[UB_PARAM_METHOD];
    const char *option = job->passages.has_accompaniment ? "--accompaniment" : "--source";
    if (job->passages.n == 0) {
        settle_dictionaries(job);
        return DONE;
    }
    if (method > UB_METHOD_COMPONENTS && method != UB_METHOD_VOCALS && method != UB_METHOD_SPEECH) {
        return options_misused(&separate_usage, option,
                               "does not go with the method '%s', which learns nothing",
                               ub_param_table()[UB_PARAM_METHOD].choices[method]);
    }
    if (method == UB_METHOD_SPEECH) {
        return DONE;
    }
    settings->value[UB_PARAM_METHOD] = UB_METHOD_COMPONENTS;
    settle_free(job);
    settings->rest_name = passages_rest_name(&job->passages);
    return DONE;
}

static enum outcome load_dictionaries(struct job *job)
{
    if (job->score.path) {
        return score_file_load(&job->score, job->dictionary_paths, job->n_dictionaries) ? DONE
                                                                                        : FAILED;
    }
    if (job->n_dictionaries == 0) {
        return DONE;
    }
    return dictionary_file_load_all(job->dictionary_paths, job->n_dictionaries, &job->dictionary)
               ? DONE
               : FAILED;
}

// The names of all stems, where they are known before any work is done; 0 where not.
static size_t known_names(const struct job *job, const char **names)
{
    const struct passages *passages = &job->passages;
    if (job->score.path) {
        return score_file_names(&job->score, names);
    }
    if (job->marks.n > 0) {
        return ub_marks_names(job->marks.list, job->marks.n, &job->options.settings, names);
    }
    const ub_dictionary *dictionary = job->n_dictionaries ? &job->dictionary : NULL;
    if (passages->n == 0 || job->options.settings.value[UB_PARAM_METHOD] > UB_METHOD_COMPONENTS) {
        return ub_separate_names(dictionary, &job->options.settings, names);
    }
    size_t n = 0;
    for (size_t j = 0; j < job->dictionary.n_sources; j++) {
        if (!passages_teach(passages, job->dictionary.source_names[j])) {
            names[n++] = job->dictionary.source_names[j];
        }
    }
    for (size_t j = 0; j < passages->n_names; j++) {
        names[n++] = passages->names[j];
    }
    if (job->options.settings.value[UB_PARAM_FREE] > 0.0) {
        const char *rest = job->options.settings.rest_name;
        names[n++] = rest ? rest : "rest";
    }
    return n;
}

static enum outcome check_names(const struct job *job)
{
    const char *names[2 * UB_DICTIONARY_MAX_SOURCES + 1];
    const size_t n = known_names(job, names);
    ub_message why = {""};
    if (n > 0 && stem_choice_check(&job->choice, n, names, &why)) {
        return options_misused(&separate_usage, job->choice.target ? "--two-stems" : "--only", "%s",
                               why.text);
    }
    return DONE;
}

static void report_clipping(const struct stems *stems, const char *input)
{
    if (stems_recording_clipped(stems) > 0) {
        report_warning(input,
                       "%zu samples of the recording lie beyond full scale and were clipped; use "
                       "--bits 32f to keep them",
                       stems_recording_clipped(stems));
    }
    for (size_t i = 0; i < stems_count(stems); i++) {
        if (stems_clipped(stems, i) > 0) {
            report_warning(stems_path(stems, i),
                           "%zu samples were clipped; use --bits 32f to keep them",
                           stems_clipped(stems, i));
        }
    }
}

static void print_paths(const struct stems *stems)
{
    for (size_t i = 0; i < stems_count(stems); i++) {
        puts(stems_path(stems, i));
    }
    fflush(stdout);
}

// The dictionary for a recording: that of the command line, and what its passages teach.
static ub_status find_dictionary(const struct job *job, const ub_audio *mix,
                                 const ub_progress *listener, ub_dictionary *learned,
                                 const ub_dictionary **dictionary, ub_message *why)
{
    const ub_dictionary *given = job->n_dictionaries ? &job->dictionary : NULL;
    *dictionary = given;
    if (job->passages.n == 0) {
        return UB_OK;
    }
    *dictionary = learned;
    return passages_learn(&job->passages, mix, given, &job->options.settings, listener, learned,
                          why);
}

// Of the progress of a recording with passages.
static const double SHARE_OF_LEARNING = 0.3;

static ub_status separate_into(struct job *job, struct audio_file *recording, const char *input,
                               struct stems *stems, ub_message *why)
{
    const ub_audio mix = audio_file_as_audio(recording);
    const ub_stem_sink sink = stems_sink(stems);
    struct progress progress = progress_start(job->progress, input);
    const ub_progress listener = progress_listener(&progress);
    ub_dictionary learned = {0};
    const ub_dictionary *dictionary;
    progress.to = job->passages.n > 0 ? SHARE_OF_LEARNING : 0.0;
    ub_status status = find_dictionary(job, &mix, &listener, &learned, &dictionary, why);
    progress.from = progress.to;
    progress.to = 1.0;
    if (!status && job->score.path) {
        status =
            score_file_separate(&job->score, &mix, &job->options.settings, &listener, &sink, why);
    } else if (!status && job->marks.n > 0) {
        status = ub_separate_marks(&mix, job->marks.list, job->marks.n, &job->options.settings,
                                   &listener, &sink, why);
    } else if (!status) {
        status = ub_separate(&mix, dictionary, &job->options.settings, &listener, &sink, why);
    }
    status = status ? status : stems_commit(stems, why);
    progress_stop(&progress);
    ub_dictionary_free(&learned);
    return status;
}

static enum outcome separate_track(struct job *job, const struct track *track)
{
    ub_message why = {""};
    struct audio_file *recording = NULL;
    struct stems *stems = NULL;
    ub_status status = audio_file_open_for_work(track->path, &recording, &why);
    status = status ? status
                    : stems_new(&job->choice, track->name, track->path, recording, &stems, &why);
    status = status ? status : separate_into(job, recording, track->path, stems, &why);
    if (status) {
        report_status(track->path, status, &why);
    } else {
        score_file_report(&job->score);
        report_clipping(stems, track->path);
        print_paths(stems);
    }
    stems_free(stems);
    audio_file_close(recording);
    return status ? FAILED : DONE;
}

static enum outcome separate_all(struct job *job)
{
    enum outcome outcome = load_dictionaries(job);
    outcome = outcome == DONE ? settle_passages(job) : outcome;
    outcome = outcome == DONE ? check_names(job) : outcome;
    if (outcome != DONE) {
        return outcome;
    }
    outcome = track_list_take(&job->tracks, job->options.operands, job->options.n_operands,
                              job->choice.folder);
    const enum outcome names = stem_claims_check(&separate_usage, &job->choice, &job->tracks);
    if (names != DONE) {
        return names;
    }
    if (job->score.path && job->tracks.n > 1) {
        return options_misused(&separate_usage, "--midi",
                               "is the score of one recording, but "
                               "there are %zu; separate them one by one",
                               job->tracks.n);
    }
    if (job->passages.n > 0 && job->tracks.n > 1) {
        return options_misused(&separate_usage,
                               job->passages.has_accompaniment ? "--accompaniment" : "--source",
                               "marks a passage of one recording, but there are %zu; separate "
                               "them one by one",
                               job->tracks.n);
    }
    if (job->marks.n > 0 && job->tracks.n > 1) {
        return options_misused(&separate_usage, job->marks.option,
                               "is of one recording, but there are %zu; separate them one by one",
                               job->tracks.n);
    }
    for (size_t i = 0; i < job->tracks.n && !interrupted(); i++) {
        if (separate_track(job, &job->tracks.tracks[i]) != DONE) {
            outcome = FAILED;
        }
    }
    return outcome;
}

enum outcome separate_run(int argc, char **argv)
{
    struct job job = {.choice = {.folder = "separated", .pattern = "{track}/{source}.{ext}"},
                      .dictionary_paths = calloc((size_t)argc, sizeof(char *)),
                      .score = score_file_none()};
    if (!job.dictionary_paths || !passages_new((size_t)argc, &job.passages) ||
        !marks_new((size_t)argc, &job.marks)) {
        free(job.dictionary_paths);
        passages_free(&job.passages);
        marks_free(&job.marks);
        report_error("separate", "no memory for the command line; close other programs");
        return FAILED;
    }
    progress_mode_from_name("auto", &job.progress);
    enum outcome outcome = DONE;
    if (options_parse(&separate_usage, argc, argv, take, &job, &job.options, &outcome)) {
        if (job.n_dictionaries == 0 && job.options.offline_dictionary[0]) {
            job.dictionary_paths[job.n_dictionaries++] = job.options.offline_dictionary;
        }
        outcome = check_options(&job);
        outcome = outcome == DONE ? separate_all(&job) : outcome;
    }
    track_list_free(&job.tracks);
    ub_dictionary_free(&job.dictionary);
    passages_free(&job.passages);
    marks_free(&job.marks);
    score_file_free(&job.score);
    free(job.dictionary_paths);
    return outcome;
}
