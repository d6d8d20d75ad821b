// SPDX-License-Identifier: GPL-3.0-or-later
/** The terminal while sound runs: a line that shows it, and keys that change it. */
#ifndef UNBRAID_CLI_CONSOLE_H
#define UNBRAID_CLI_CONSOLE_H

#include "status_line.h"

#include <stdbool.h>

/** What a command does meanwhile; all are called from console_follow(). */
struct console {
    /** Called some twenty times a second. @return whether to go on. */
    bool (*look)(void *context);
    /** A key has come. */
    void (*key)(void *context, int key);
    /** Describe what there is to see. */
    void (*describe)(void *context, struct status_line *line);
    void *context;
};

/**
   Follow the sound until `look` says so, or somebody asks for the end: by q, or by a signal.
   Meanwhile the line stands where reports go, if that is a terminal.

   @return whether somebody asked.
*/
bool console_follow(const struct console *console);

/** Within console_follow(): take the line away, before something is reported. */
void console_speak(void);

#endif
