// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_file.h"
#include "options.h"
#include "presets.h"
#include "print_json.h"
#include "report.h"

#include <unbraid/separate.h>

#include <stdio.h>
#include <string.h>

static const struct option_row rows[] = {
    {"json", '\0', NULL, "print one JSON object a line and preset"},
};

static const struct usage presets_usage = {
    .command = "presets",
    .operands = "",
    .summary = "List the presets that can be given by name: --preset NAME.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
};

// What is known of one.
struct entry {
    const char *path;
    char name[256];
    ub_preset says;
    char dictionary_path[PRESETS_PATH];
    ub_dictionary dictionary;
    const char *sources[UB_DICTIONARY_MAX_SOURCES + 1];
    size_t n_sources; // 0 where they are not known beforehand
};

static void print_entry(const struct entry *entry)
{
    printf("%s: %s\n", entry->name, entry->says.title[0] ? entry->says.title : "no title");
    if (entry->n_sources > 0) {
        fputs("  sources: ", stdout);
    }
    for (size_t i = 0; i < entry->n_sources; i++) {
        printf("%s%s%s", i ? ", " : "", entry->sources[i], i + 1 == entry->n_sources ? "\n" : "");
    }
    if (entry->says.summary[0]) {
        printf("  %s\n", entry->says.summary);
    }
}

static void print_json_text(const char *key, const char *text)
{
    printf("\"%s\": ", key);
    print_json_string(stdout, text);
    fputs(", ", stdout);
}

static void print_entry_json(const struct entry *entry)
{
    putchar('{');
    print_json_text("name", entry->name);
    print_json_text("title", entry->says.title);
    print_json_text("summary", entry->says.summary);
    print_json_text("file", entry->path);
    print_json_text("dictionary", entry->dictionary_path);
    fputs("\"sources\": [", stdout);
    for (size_t i = 0; i < entry->n_sources; i++) {
        fputs(i ? ", " : "", stdout);
        print_json_string(stdout, entry->sources[i]);
    }
    puts("]}");
}

static enum outcome show(const char *path, bool as_json)
{
    struct entry entry = {.path = path};
    ub_settings settings = ub_settings_default();
    ub_message why = {""};
    const char *subject = path;
    preset_name(path, entry.name, sizeof entry.name);
    ub_status status = preset_read(path, &settings, &entry.says, entry.dictionary_path, &why);
    status = status ? status : preset_offline(path, &entry.says, entry.dictionary_path, &why);
    if (!status && entry.dictionary_path[0]) {
        subject = entry.dictionary_path;
        status = dictionary_file_load(subject, &entry.dictionary, &why);
    }
    if (status) {
        report_status(subject, status, &why);
        return FAILED;
    }
    const bool has_dictionary = entry.dictionary_path[0] != '\0';
    entry.n_sources =
        ub_separate_names(has_dictionary ? &entry.dictionary : NULL, &settings, entry.sources);
    (as_json ? print_entry_json : print_entry)(&entry);
    ub_dictionary_free(&entry.dictionary);
    return DONE;
}

enum outcome presets_run(int argc, char **argv)
{
    struct options options;
    bool as_json = false;
    enum outcome outcome = DONE;
    if (!options_parse(&presets_usage, argc, argv, options_take_switch, &as_json, &options,
                       &outcome)) {
        return outcome;
    }
    if (options.n_operands > 0) {
        return options_misused(&presets_usage, options.operands[0], "is not an option");
    }
    struct preset_list list;
    const ub_status status = preset_list_fill(&list);
    if (status) {
        report_status("presets", status, NULL);
        outcome = FAILED;
    }
    for (size_t i = 0; !status && i < list.n; i++) {
        outcome = show(list.paths[i], as_json) == DONE ? outcome : FAILED;
    }
    preset_list_free(&list);
    return outcome;
}
