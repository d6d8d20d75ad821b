// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Command lines: one parser and one layout of --help for all commands. Options that set a
   parameter of the library are made from ub_param_table(), so that a new row there is an option
   here.
*/
#ifndef UNBRAID_CLI_OPTIONS_H
#define UNBRAID_CLI_OPTIONS_H

#include "command.h"
#include "presets.h"

/** An option of the command itself. */
struct option_row {
    const char *name; ///< without "--"
    char letter; ///< 0 when it has none
    const char *value; ///< placeholder of its value; NULL for a switch
    const char *summary; ///< lower case, no full stop
};

/** What a command takes. */
struct usage {
    const char *command;
    const char *operands; ///< as shown in the usage line
    const char *summary; ///< a sentence
    const struct option_row *rows;
    size_t n_rows;
    const ub_param_id *params; ///< the parameters that the command heeds
    size_t n_params;
    const char *notes; ///< printed after the options
};

/** What was given. */
struct options {
    ub_settings settings; ///< defaults, then presets, then options, whatever their order
    bool given[UB_PARAM_COUNT]; ///< set by an option of its own
    char dictionary[PRESETS_PATH]; ///< of the last preset that names one; "" when none does
    char offline_dictionary[PRESETS_PATH]; ///< the same for whole recordings
    char **operands; ///< borrowed from argv
    size_t n_operands;
};

/** Told of each option of the command itself. @return false, after a report, when its value makes
    no sense. */
typedef bool (*option_taker)(void *context, const char *name, const char *value);

/**
   Read a command line. --help, and --preset where there are parameters, are added to the
   command's options.

   @param end  When the result is false: what the command shall return at once.
   @return whether to go on.
*/
bool options_parse(const struct usage *usage, int argc, char **argv, option_taker take,
                   void *context, struct options *options, enum outcome *end);

/** The taker of a command whose only option is a switch: sets the bool at `context`. */
bool options_take_switch(void *context, const char *name, const char *value);

/** Report wrong usage, pointing to --help. @return MISUSED. */
enum outcome options_misused(const struct usage *usage, const char *subject, const char *format,
                             ...) UB_PRINTF(3, 4);

#endif
