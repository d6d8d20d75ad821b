// SPDX-License-Identifier: GPL-3.0-or-later
/** The --help of a command. */
#ifndef UNBRAID_CLI_OPTIONS_HELP_H
#define UNBRAID_CLI_OPTIONS_HELP_H

#include "options.h"

/** The short form of a parameter's option, 0 when it has none. */
char options_letter(ub_param_id id);

/** Print what the command takes, with defaults, ranges and units, to stdout. */
void options_print_help(const struct usage *usage);

#endif
