// SPDX-License-Identifier: GPL-3.0-or-later
#include "options.h"
#include "print_json.h"
#include "progress.h"
#include "report.h"
#include "scoring.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct option_row rows[] = {
    {"match", '\0', NULL, "find out which estimate is whose by the best mean SI-SDR, not by name"},
    {"bss", '\0', NULL, "BSS Eval v3 too: SDR, SIR and SAR of the mono downmix (slow)"},
    {"skip", '\0', "SECONDS", "leave this much at the start out of the scores (default 0)"},
    {"json", '\0', NULL, "print one JSON object"},
    {"progress", '\0', "MODE", "auto, bar, json or none (default auto: a bar on a terminal)"},
};

static const struct usage eval_usage = {
    .command = "eval",
    .operands = "REFERENCE_DIR ESTIMATE_DIR",
    .summary = "Score stems against the true ones, in dB.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .notes = "Every sound file in REFERENCE_DIR is a true source; its estimate is the file of the\n"
             "same name, whatever the extension, in ESTIMATE_DIR. A missing one is silence.\n"
             "The mix is the sum of the references. Beside each stem stand the score of doing\n"
             "nothing (the mix as the estimate) and of an oracle (ratio masks of the truth).\n",
};

struct job {
    struct options options;
    struct scoring_request request;
    bool as_json;
    enum progress_mode progress;
};

// A column of the table: one figure of a score.
struct column {
    const char *title;
    const char *key; // in JSON
    size_t offset;
};

static const struct column columns[] = {
    {"SDR", "sdr", offsetof(ub_score, sdr)},
    {"SI-SDR", "si_sdr", offsetof(ub_score, si_sdr)},
    {"dSDR", "sdr_gain", offsetof(ub_score, sdr_gain)},
    {"dSI", "si_sdr_gain", offsetof(ub_score, si_sdr_gain)},
    {"SDRv3", "bss_sdr", offsetof(ub_score, bss_sdr)},
    {"SIRv3", "bss_sir", offsetof(ub_score, bss_sir)},
    {"SARv3", "bss_sar", offsetof(ub_score, bss_sar)},
};

static const char *const row_titles[N_ROWS] = {"estimate", "do nothing", "oracle mask"};
static const char *const row_keys[N_ROWS] = {"estimate", "do_nothing", "oracle_mask"};

static size_t n_columns(const struct job *job)
{
    const size_t all = sizeof columns / sizeof columns[0];
    return job->request.bss ? all : all - 3;
}

static double figure(const ub_score *score, size_t column)
{
    double value;
    memcpy(&value, (const char *)score + columns[column].offset, sizeof value);
    return value;
}

static double mean(const struct scoring *scoring, enum scoring_row row, size_t column)
{
    double sum = 0.0;
    for (size_t i = 0; i < scoring->references.n; i++) {
        sum += figure(&scoring->scores[row][i], column);
    }
    return sum / (double)scoring->references.n;
}

static bool take_skip(struct job *job, const char *value)
{
    char *end;
    job->request.skip_s = strtod(value, &end);
    if (end == value || *end || !(job->request.skip_s >= 0.0 && job->request.skip_s < 1e9)) {
        options_misused(&eval_usage, "--skip", "is '%.20s', but must be seconds from 0 on", value);
        return false;
    }
    return true;
}

static bool take(void *context, const char *name, const char *value)
{
    struct job *job = context;
    if (strcmp(name, "match") == 0) {
        job->request.match = true;
    } else if (strcmp(name, "bss") == 0) {
        job->request.bss = true;
    } else if (strcmp(name, "json") == 0) {
        job->as_json = true;
    } else if (strcmp(name, "skip") == 0) {
        return take_skip(job, value);
    } else if (!progress_mode_from_name(value, &job->progress)) {
        options_misused(&eval_usage, "--progress",
                        "is '%.20s', but must be auto, bar, json or none", value);
        return false;
    }
    return true;
}

static void print_row(const struct job *job, const struct scoring *scoring, enum scoring_row row,
                      size_t stem)
{
    printf("  %-24s", row_titles[row]);
    for (size_t c = 0; c < n_columns(job); c++) {
        const double value = stem < scoring->references.n ? figure(&scoring->scores[row][stem], c)
                                                          : mean(scoring, row, c);
        printf(" %7.2f", value);
    }
    putchar('\n');
}

static void print_rows(const struct job *job, const struct scoring *scoring, size_t stem)
{
    for (enum scoring_row row = 0; row < N_ROWS; row++) {
        print_row(job, scoring, row, stem);
    }
}

static void print_table(const struct job *job, const struct scoring *scoring)
{
    printf("%-26s", "stem");
    for (size_t c = 0; c < n_columns(job); c++) {
        printf(" %7s", columns[c].title);
    }
    putchar('\n');
    for (size_t i = 0; i < scoring->references.n; i++) {
        const size_t chosen = scoring->chosen[i];
        fputs(scoring->references.tracks[i].name, stdout);
        if (chosen == SIZE_MAX) {
            fputs(" (missing)", stdout);
        } else if (job->request.match) {
            printf("<-%s", scoring->estimates.tracks[chosen].name);
        }
        putchar('\n');
        print_rows(job, scoring, i);
    }
    puts("mean");
    print_rows(job, scoring, scoring->references.n);
    printf("residual of the estimates' sum against the mix: %.1f dB\n", scoring->residual_db);
}

// `stem` past the last one: the means.
static void print_scores_json(const struct job *job, const struct scoring *scoring, size_t stem)
{
    for (enum scoring_row row = 0; row < N_ROWS; row++) {
        printf("%s\"%s\": {", row ? ", " : "", row_keys[row]);
        for (size_t c = 0; c < n_columns(job); c++) {
            printf("%s\"%s\": ", c ? ", " : "", columns[c].key);
            print_json_number(stdout,
                              stem < scoring->references.n ? figure(&scoring->scores[row][stem], c)
                                                           : mean(scoring, row, c),
                              6);
        }
        putchar('}');
    }
}

static void print_json(const struct job *job, const struct scoring *scoring)
{
    printf("{\"rate_hz\": %u, \"skipped_samples\": %zu, \"residual_db\": ", scoring->rate_hz,
           scoring->n_skipped);
    print_json_number(stdout, scoring->residual_db, 6);
    fputs(", \"stems\": [", stdout);
    for (size_t i = 0; i < scoring->references.n; i++) {
        const size_t chosen = scoring->chosen[i];
        fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
        print_json_string(stdout, scoring->references.tracks[i].name);
        fputs(", \"file\": ", stdout);
        if (chosen == SIZE_MAX) {
            fputs("null", stdout);
        } else {
            print_json_string(stdout, scoring->estimates.tracks[chosen].path);
        }
        fputs(", ", stdout);
        print_scores_json(job, scoring, i);
        putchar('}');
    }
    fputs("], \"mean\": {", stdout);
    print_scores_json(job, scoring, scoring->references.n);
    puts("}}");
}

static bool is_folder(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)) {
        report_error(path, "is no folder; name a folder of stems");
        return false;
    }
    return true;
}

static enum outcome eval_all(struct job *job)
{
    job->request.reference_folder = job->options.operands[0];
    job->request.estimate_folder = job->options.operands[1];
    if (!is_folder(job->request.reference_folder) || !is_folder(job->request.estimate_folder)) {
        return FAILED;
    }
    struct scoring scoring = {0};
    struct progress progress = progress_start(job->progress, job->request.estimate_folder);
    const ub_progress listener = progress_listener(&progress);
    const bool is_scored = scoring_run(&job->request, &listener, &scoring);
    progress_stop(&progress);
    if (is_scored) {
        (job->as_json ? print_json : print_table)(job, &scoring);
    }
    scoring_free(&scoring);
    return is_scored ? DONE : FAILED;
}

enum outcome eval_run(int argc, char **argv)
{
    struct job job = {0};
    progress_mode_from_name("auto", &job.progress);
    enum outcome outcome = DONE;
    if (!options_parse(&eval_usage, argc, argv, take, &job, &job.options, &outcome)) {
        return outcome;
    }
    if (job.options.n_operands != 2) {
        return options_misused(&eval_usage, "eval", "takes two folders, not %zu",
                               job.options.n_operands);
    }
    return eval_all(&job);
}
