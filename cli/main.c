// SPDX-License-Identifier: GPL-3.0-or-later
// The table of commands, and the only exit statuses.
#include "command.h"
#include "interrupt.h"
#include "report.h"
#include "unbraid/unbraid.h"
#include "waiting.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_MISUSED = 2,
};

struct command {
    const char *name;
    const char *summary;
    enum outcome (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"separate", "split recordings into stems that sum to them", separate_run},
    {"transcribe", "find the notes of recordings", transcribe_run},
    {"learn", "learn a dictionary from recordings of single sources", learn_run},
    {"eval", "score stems against the true ones", eval_run},
    {"presets", "list the presets that come along", presets_run},
    {"info", "show what a dictionary or a sound file holds", info_run},
#ifdef UNBRAID_LIVE
    {"live", "separate and rebalance sound while it plays", live_run},
    {"play", "play the stems of a track together", play_run},
    {"devices", "list sound devices", devices_run},
#endif
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static enum outcome print_help(void)
{
    puts("Usage: unbraid COMMAND [OPTION]... [FILE]...\n"
         "Separate recordings into their sources by non-negative matrix factorisation.\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    puts("\n"
         "Options:\n"
         "  -h, --help     show this help; 'unbraid COMMAND --help' shows a command's\n"
         "      --version  show the version\n"
         "\n"
         "Exit status: 0 done, 1 something failed, 2 wrong usage.\n"
         "\n"
         "Try: unbraid separate song.wav");
    return DONE;
}

// UB_ISA names the kernels to use; options.c takes it over.
static bool check_kernels(void)
{
    const char *wanted = getenv("UB_ISA");
    const char *names[4];
    const size_t n = ub_nmf_kernels(names);
    char known[64] = "";
    for (size_t i = 0; i < n; i++) {
        if (!wanted || strcmp(wanted, names[i]) == 0) {
            return true;
        }
        strcat(strcat(known, i ? ", " : ""), names[i]);
    }
    report_error("UB_ISA",
                 "is '%.20s', which this computer does not run; unset it or take one of: %s",
                 wanted, known);
    return false;
}

static enum outcome run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return print_help();
    }
    if (strcmp(word, "--version") == 0) {
        puts("unbraid " UNBRAID_VERSION);
        return DONE;
    }
    if (!check_kernels()) {
        return MISUSED;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (argc > 1) {
        report_error(word, "no such command; 'unbraid --help' lists them");
    } else {
        report_error("usage", "a command is missing; 'unbraid --help' lists them");
    }
    return MISUSED;
}

// Results that did not reach stdout were not delivered.
static enum outcome flush_results(enum outcome so_far)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        report_error("stdout", "the output could not be written; check the disk or the pipe");
        return so_far == DONE ? FAILED : so_far;
    }
    return so_far;
}

int main(int argc, char **argv)
{
    wait_passively(argv);
    interrupt_watch();
    const enum outcome outcome = flush_results(run(argc, argv));
    interrupt_obey();
    switch (outcome) {
    case DONE:
        return EXIT_DONE;
    case MISUSED:
        return EXIT_MISUSED;
    case FAILED:
        break;
    }
    return EXIT_FAILED;
}
