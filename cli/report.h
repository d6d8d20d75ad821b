// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What the tool says on stderr: always one line, "unbraid: SUBJECT: what is wrong; what to do".
*/
#ifndef UNBRAID_CLI_REPORT_H
#define UNBRAID_CLI_REPORT_H

#include <unbraid/status.h>

#include <stdio.h>

/** Say what is wrong with `subject`, a file name or an option. Line breaks and other control
    characters in it are shown as '?', so that a line stays a line. */
void report_error(const char *subject, const char *format, ...) UB_PRINTF(2, 3);

/** The same for what does not make the command fail. */
void report_warning(const char *subject, const char *format, ...) UB_PRINTF(2, 3);

/** Say what a library call came to. A remedy that fits the status is added where the message has
    none. */
void report_status(const char *subject, ub_status status, const ub_message *why);

/** Report to another stream than stderr, while that is not ours; NULL goes back to it. */
void report_to(FILE *to);

/** Where reports go. */
FILE *report_stream(void);

/** Print a text to where reports go, control characters as '?': file names may hold commands to
 * terminals. */
void report_print_clean(const char *text);

#endif
