// SPDX-License-Identifier: GPL-3.0-or-later
#include "options_help.h"

#include <stdio.h>
#include <string.h>

enum {
    TEXT_COLUMN = 26,
    LAST_COLUMN = 79,
};

char options_letter(ub_param_id id)
{
    switch (id) {
    case UB_PARAM_SOURCES:
        return 'n';
    case UB_PARAM_COMPONENTS:
        return 'k';
    case UB_PARAM_THREADS:
        return 'j';
    default:
        return '\0';
    }
}

// Print words from column `column` on, breaking lines so that they stay right of TEXT_COLUMN.
static void print_wrapped(const char *text, int column)
{
    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (column > TEXT_COLUMN && column + 1 + length > LAST_COLUMN) {
            printf("\n%*s", TEXT_COLUMN, "");
            column = TEXT_COLUMN;
        } else if (column > TEXT_COLUMN) {
            putchar(' ');
            column++;
        }
        printf("%.*s", length, text);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_option(const char *name, char letter, const char *value, const char *text)
{
    char left[80];
    const char short_form[] = {'-', letter, ',', '\0'};
    const int n = snprintf(left, sizeof left, "  %-3s --%s%s%s", letter ? short_form : "", name,
                           value ? " " : "", value ? value : "");
    fputs(left, stdout);
    if (n >= TEXT_COLUMN - 1) {
        printf("\n%*s", TEXT_COLUMN, "");
    } else {
        printf("%*s", TEXT_COLUMN - n, "");
    }
    print_wrapped(text, TEXT_COLUMN);
}

static void append(char *text, size_t size, const char *more)
{
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

static void describe_choice(const ub_param *param, char *text, size_t size)
{
    for (size_t i = 0; param->choices[i]; i++) {
        append(text, size, i ? ", " : "");
        append(text, size, param->choices[i]);
    }
    append(text, size, "; default ");
    append(text, size, param->choices[(size_t)param->standard]);
}

static void describe_number(const ub_param *param, char *text, size_t size)
{
    char part[120];
    const char *gap = param->unit[0] ? " " : "";
    snprintf(part, sizeof part, "%.16g to %.16g%s%s; default ", param->minimum, param->maximum, gap,
             param->unit);
    append(text, size, part);
    if (param->standard < param->minimum) {
        append(text, size, "as the mode needs");
    } else {
        snprintf(part, sizeof part, "%.16g%s%s", param->standard, gap, param->unit);
        append(text, size, part);
    }
}

static void print_param(ub_param_id id)
{
    const ub_param *param = &ub_param_table()[id];
    char text[400];
    snprintf(text, sizeof text, "%s (", param->summary);
    if (param->kind == UB_PARAM_CHOICE) {
        describe_choice(param, text, sizeof text);
    } else {
        describe_number(param, text, sizeof text);
    }
    append(text, sizeof text, ")");
    const char *value = param->kind == UB_PARAM_CHOICE    ? "NAME"
                        : param->kind == UB_PARAM_INTEGER ? "N"
                        : param->unit[0]                  ? param->unit
                                                          : "X";
    char upper[16];
    snprintf(upper, sizeof upper, "%s", value);
    for (char *c = upper; *c; c++) {
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    }
    print_option(param->key, options_letter(id), upper, text);
}

void options_print_help(const struct usage *usage)
{
    printf("Usage: unbraid %s [OPTION]...%s%s\n%s\n\nOptions:\n", usage->command,
           usage->operands[0] ? " " : "", usage->operands, usage->summary);
    for (size_t i = 0; i < usage->n_rows; i++) {
        const struct option_row *row = &usage->rows[i];
        print_option(row->name, row->letter, row->value, row->summary);
    }
    if (usage->n_params > 0) {
        print_option("preset", '\0', "NAME",
                     "take settings and dictionary from a preset that 'unbraid presets' lists, or "
                     "from a file (with a / or .preset in its name) of lines 'key = value'; may "
                     "be given more than once; options win");
    }
    print_option("help", 'h', NULL, "show this help");
    if (usage->n_params > 0) {
        puts("\nSettings, whose names are the keys of a preset:");
    }
    for (size_t i = 0; i < usage->n_params; i++) {
        print_param(usage->params[i]);
    }
    if (usage->notes) {
        printf("\n%s", usage->notes);
    }
}
