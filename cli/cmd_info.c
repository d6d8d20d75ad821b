// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio_file.h"
#include "dictionary_file.h"
#include "options.h"
#include "print_json.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

static const struct option_row rows[] = {
    {"json", '\0', NULL, "print one JSON object a line and file"},
};

static const struct usage info_usage = {
    .command = "info",
    .operands = "FILE...",
    .summary = "Show what dictionaries and sound files hold.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
};

static size_t components_of(const ub_dictionary *dictionary, size_t source)
{
    size_t n = 0;
    for (size_t k = 0; k < dictionary->templates.n_cols; k++) {
        n += dictionary->component_source[k] == source;
    }
    return n;
}

static const char *storage_of(const ub_dictionary *dictionary)
{
    return dictionary->storage == UB_STORAGE_F16 ? "F16" : "F32";
}

static double context_ms(const ub_dictionary *dictionary)
{
    return 1000.0 * (double)dictionary->context_samples / dictionary->rate_hz;
}

static void print_optional(const ub_dictionary *dictionary)
{
    if (dictionary->context.n_rows > 0) {
        printf("  context:   %zu frames before, %zu after, %.1f ms apart\n", dictionary->n_before,
               dictionary->n_after, context_ms(dictionary));
    }
    if (dictionary->reconstruction.n_rows > 0) {
        puts("  masks:     from reconstruction templates of their own");
    }
    if (dictionary->component_pitch) {
        printf("  notes:     %zu components have a pitch\n", ub_dictionary_n_notes(dictionary));
    }
}

static void print_dictionary(const char *path, const ub_dictionary *dictionary)
{
    printf("%s: dictionary\n  sources:   ", path);
    for (size_t i = 0; i < dictionary->n_sources; i++) {
        printf("%s%s (%zu components)", i ? ", " : "", dictionary->source_names[i],
               components_of(dictionary, i));
    }
    printf("\n  templates: %zu bins x %zu components, stored as %s\n", dictionary->templates.n_rows,
           dictionary->templates.n_cols, storage_of(dictionary));
    printf("  rate:      %g Hz\n", dictionary->rate_hz);
    printf("  window:    %s, %zu samples (%.1f ms), hop %zu samples\n",
           ub_window_name(dictionary->window), dictionary->window_samples,
           1000.0 * (double)dictionary->window_samples / dictionary->rate_hz,
           dictionary->hop_samples);
    print_optional(dictionary);
    printf("  beta:      %g\n  sparsity:  %g\n", dictionary->beta, dictionary->sparsity);
    printf("  licence:   %s\n", dictionary->licence[0] ? dictionary->licence : "not given");
    printf("  origin:    %s\n", dictionary->origin[0] ? dictionary->origin : "not given");
}

static void print_json_text(const char *key, const char *text)
{
    printf(", \"%s\": ", key);
    print_json_string(stdout, text);
}

static void print_dictionary_json(const char *path, const ub_dictionary *dictionary)
{
    fputs("{\"file\": ", stdout);
    print_json_string(stdout, path);
    fputs(", \"kind\": \"dictionary\", \"sources\": [", stdout);
    for (size_t i = 0; i < dictionary->n_sources; i++) {
        fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
        print_json_string(stdout, dictionary->source_names[i]);
        printf(", \"components\": %zu}", components_of(dictionary, i));
    }
    printf("], \"bins\": %zu, \"components\": %zu, \"rate_hz\": %.17g",
           dictionary->templates.n_rows, dictionary->templates.n_cols, dictionary->rate_hz);
    print_json_text("storage", storage_of(dictionary));
    print_json_text("window", ub_window_name(dictionary->window));
    printf(", \"window_samples\": %zu, \"hop_samples\": %zu, \"beta\": %.17g, \"sparsity\": %.17g",
           dictionary->window_samples, dictionary->hop_samples, dictionary->beta,
           dictionary->sparsity);
    printf(", \"frames_before\": %zu, \"frames_after\": %zu, \"context_samples\": %zu, "
           "\"has_reconstruction\": %s, \"notes\": %zu",
           dictionary->n_before, dictionary->n_after, dictionary->context_samples,
           dictionary->reconstruction.n_rows > 0 ? "true" : "false",
           ub_dictionary_n_notes(dictionary));
    print_json_text("licence", dictionary->licence);
    print_json_text("origin", dictionary->origin);
    puts("}");
}

static void print_audio(const char *path, const struct audio_info *info)
{
    const double seconds = (double)info->n_samples / info->rate_hz;
    const unsigned long minutes = (unsigned long)(seconds / 60.0);
    printf("%s: sound\n  format:    %s, %s\n", path, info->format, info->encoding);
    printf("  rate:      %u Hz\n  channels:  %zu\n", info->rate_hz, info->n_channels);
    if (info->is_lossy) {
        puts("  bits:      lossy");
    } else {
        printf("  bits:      %u%s\n", info->type.bits, info->type.is_float ? " (float)" : "");
    }
    printf("  length:    %lu:%06.3f (%zu samples)\n", minutes, seconds - 60.0 * (double)minutes,
           info->n_samples);
}

static void print_audio_json(const char *path, const struct audio_info *info)
{
    fputs("{\"file\": ", stdout);
    print_json_string(stdout, path);
    fputs(", \"kind\": \"sound\"", stdout);
    print_json_text("format", info->format);
    print_json_text("encoding", info->encoding);
    printf(", \"rate_hz\": %u, \"channels\": %zu, \"bits\": ", info->rate_hz, info->n_channels);
    if (info->is_lossy) {
        fputs("null", stdout);
    } else {
        printf("%u", info->type.bits);
    }
    printf(", \"is_float\": %s, \"samples\": %zu, \"seconds\": ",
           info->type.is_float ? "true" : "false", info->n_samples);
    print_json_number(stdout, (double)info->n_samples / info->rate_hz, 6);
    puts("}");
}

static ub_status show_dictionary(const char *path, bool as_json, ub_message *why)
{
    ub_dictionary dictionary;
    const ub_status status = dictionary_file_load(path, &dictionary, why);
    if (!status) {
        (as_json ? print_dictionary_json : print_dictionary)(path, &dictionary);
        ub_dictionary_free(&dictionary);
    }
    return status;
}

static ub_status show_audio(const char *path, bool as_json, ub_message *why)
{
    struct audio_file *file;
    const ub_status status = audio_file_open(path, &file, why);
    if (!status) {
        (as_json ? print_audio_json : print_audio)(path, audio_file_info(file));
        audio_file_close(file);
    }
    return status;
}

enum outcome info_run(int argc, char **argv)
{
    struct options options;
    bool as_json = false;
    enum outcome outcome = DONE;
    if (!options_parse(&info_usage, argc, argv, options_take_switch, &as_json, &options,
                       &outcome)) {
        return outcome;
    }
    if (options.n_operands == 0) {
        return options_misused(&info_usage, "info", "names no file");
    }
    for (size_t i = 0; i < options.n_operands; i++) {
        const char *path = options.operands[i];
        ub_message why = {""};
        const ub_status status = dictionary_file_looks_like_one(path)
                                     ? show_dictionary(path, as_json, &why)
                                     : show_audio(path, as_json, &why);
        if (status) {
            report_status(path, status, &why);
            outcome = FAILED;
        }
    }
    return outcome;
}
