// SPDX-License-Identifier: GPL-3.0-or-later
#include "options.h"
#include "options_help.h"
#include "report.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_OPTIONS = 64,
    // Codes that getopt_long returns: rows of the command, then parameters, beyond any letter.
    CODE_ROW = 1000,
    CODE_PARAM = 2000,
    CODE_PRESET = 3000,
    CODE_HELP,
};

// getopt's two tables, made from the command's rows and the parameters.
struct tables {
    struct option longs[MAX_OPTIONS + 1];
    size_t n_longs;
    char shorts[3 * MAX_OPTIONS];
};

// Values of parameters as texts, kept until all presets are read: options win over presets.
struct parameter_texts {
    const char *text[UB_PARAM_COUNT];
};

enum outcome options_misused(const struct usage *usage, const char *subject, const char *format,
                             ...)
{
    char text[2 * UB_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report_error(subject, "%s; see 'unbraid %s --help'", text, usage->command);
    return MISUSED;
}

static void add(struct tables *tables, const char *name, char letter, bool has_value, int code)
{
    assert(tables->n_longs < MAX_OPTIONS);
    tables->longs[tables->n_longs++] =
        (struct option){name, has_value ? required_argument : no_argument, NULL, code};
    if (letter) {
        const char text[] = {letter, has_value ? ':' : '\0', '\0'};
        strcat(tables->shorts, text);
    }
}

static void make_tables(const struct usage *usage, struct tables *tables)
{
    memset(tables, 0, sizeof *tables);
    strcpy(tables->shorts, ":");
    for (size_t i = 0; i < usage->n_rows; i++) {
        const struct option_row *row = &usage->rows[i];
        add(tables, row->name, row->letter, row->value != NULL, CODE_ROW + (int)i);
    }
    for (size_t i = 0; i < usage->n_params; i++) {
        const ub_param_id id = usage->params[i];
        add(tables, ub_param_table()[id].key, options_letter(id), true, CODE_PARAM + (int)id);
    }
    if (usage->n_params > 0) {
        add(tables, "preset", '\0', true, CODE_PRESET);
    }
    add(tables, "help", 'h', false, CODE_HELP);
}

// The code of a short option's long form.
static int code_of_letter(const struct usage *usage, int letter)
{
    for (size_t i = 0; i < usage->n_rows; i++) {
        if (usage->rows[i].letter == letter) {
            return CODE_ROW + (int)i;
        }
    }
    for (size_t i = 0; i < usage->n_params; i++) {
        if (options_letter(usage->params[i]) == letter) {
            return CODE_PARAM + (int)usage->params[i];
        }
    }
    return letter == 'h' ? CODE_HELP : letter;
}

static enum outcome no_such_preset(const struct usage *usage, const char *name)
{
    struct preset_list list;
    char known[UB_MESSAGE_SIZE] = "none";
    size_t used = 0;
    if (preset_list_fill(&list) == UB_OK) {
        for (size_t i = 0; i < list.n && used < sizeof known; i++) {
            char word[80];
            preset_name(list.paths[i], word, sizeof word);
            used +=
                (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", word);
        }
    }
    preset_list_free(&list);
    return options_misused(usage, "--preset", "there is no preset '%.80s'; there are: %s", name,
                           known);
}

// What this preset does not say stays as earlier ones have said it.
static bool take_preset(const struct usage *usage, const char *word, struct options *options,
                        enum outcome *end)
{
    char path[PRESETS_PATH], dictionary[PRESETS_PATH], offline[PRESETS_PATH];
    if (!preset_is_path(word) && !preset_find(word, path)) {
        *end = no_such_preset(usage, word);
        return false;
    }
    ub_preset preset;
    ub_message why = {""};
    const char *subject = preset_is_path(word) ? word : path;
    ub_status status = preset_read(subject, &options->settings, &preset, dictionary, &why);
    if (!status) {
        strcpy(offline, dictionary);
        status = preset_offline(subject, &preset, offline, &why);
    }
    if (status) {
        report_status(subject, status, &why);
        *end = FAILED;
        return false;
    }
    if (dictionary[0]) {
        strcpy(options->dictionary, dictionary);
    }
    if (offline[0]) {
        strcpy(options->offline_dictionary, offline);
    }
    return true;
}

static bool set_parameters(const struct usage *usage, const struct parameter_texts *texts,
                           struct options *options, enum outcome *end)
{
    for (size_t id = 0; id < UB_PARAM_COUNT; id++) {
        if (!texts->text[id]) {
            continue;
        }
        const char *key = ub_param_table()[id].key;
        ub_message why = {""};
        if (ub_settings_set(&options->settings, key, texts->text[id], &why)) {
            char subject[80];
            snprintf(subject, sizeof subject, "--%s", key);
            *end = options_misused(usage, subject, "%s", why.text);
            return false;
        }
        options->given[id] = true;
    }
    return true;
}

// What getopt could not make sense of: optopt holds a short option's letter or a long one's code,
// and is 0 for an unknown long one.
static enum outcome misread(const struct usage *usage, const struct tables *tables, int answer,
                            char **argv)
{
    char name[80];
    snprintf(name, sizeof name, "%.70s", argv[optind - 1]);
    for (size_t i = 0; i < tables->n_longs; i++) {
        if (optopt == tables->longs[i].val) {
            snprintf(name, sizeof name, "--%s", tables->longs[i].name);
        }
    }
    if (optopt > 0 && optopt < CODE_ROW) {
        snprintf(name, sizeof name, "-%c", optopt);
    }
    if (answer == ':') {
        return options_misused(usage, name, "needs a value");
    }
    return options_misused(usage, name,
                           optopt >= CODE_ROW ? "takes no value" : "there is no such option");
}

// One answer of getopt. @return whether to go on.
static bool take_answer(const struct usage *usage, int answer, option_taker take, void *context,
                        struct options *options, struct parameter_texts *texts, enum outcome *end)
{
    const int code = answer < CODE_ROW ? code_of_letter(usage, answer) : answer;
    if (code == CODE_HELP) {
        options_print_help(usage);
        *end = DONE;
        return false;
    }
    if (code == CODE_PRESET) {
        return take_preset(usage, optarg, options, end);
    }
    if (code >= CODE_PARAM) {
        texts->text[code - CODE_PARAM] = optarg;
        return true;
    }
    if (!take(context, usage->rows[code - CODE_ROW].name, optarg)) {
        *end = MISUSED;
        return false;
    }
    return true;
}

// UB_ISA names the kernels, for tests and measurements; main() has refused what does not exist.
static void take_environment(ub_settings *settings)
{
    const char *kernels = getenv("UB_ISA");
    if (kernels) {
        const ub_status status = ub_settings_set(settings, "kernels", kernels, NULL);
        (void)status;
    }
}

bool options_take_switch(void *context, const char *name, const char *value)
{
    (void)name;
    (void)value;
    *(bool *)context = true;
    return true;
}

bool options_parse(const struct usage *usage, int argc, char **argv, option_taker take,
                   void *context, struct options *options, enum outcome *end)
{
    struct tables tables;
    make_tables(usage, &tables);
    *options = (struct options){.settings = ub_settings_default()};
    take_environment(&options->settings);
    struct parameter_texts texts = {{NULL}};
    opterr = 0;
    int answer;
    while ((answer = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
        if (answer == '?' || answer == ':') {
            *end = misread(usage, &tables, answer, argv);
            return false;
        }
        if (!take_answer(usage, answer, take, context, options, &texts, end)) {
            return false;
        }
    }
    options->operands = argv + optind;
    options->n_operands = (size_t)(argc - optind);
    return set_parameters(usage, &texts, options, end);
}
