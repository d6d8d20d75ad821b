// SPDX-License-Identifier: GPL-3.0-or-later
/** How far the work has come, on stderr: a bar for people, JSON lines for programs. */
#ifndef UNBRAID_CLI_PROGRESS_H
#define UNBRAID_CLI_PROGRESS_H

#include <unbraid/status.h>

#include <stdbool.h>
#include <time.h>

enum progress_mode {
    PROGRESS_NONE,
    PROGRESS_BAR,
    PROGRESS_JSON, ///< {"file": ..., "stage": ..., "fraction": ..., "eta_s": ...} per line
};

struct progress {
    enum progress_mode mode;
    const char *file; ///< borrowed
    struct timespec start, last;
    double from, to; ///< share of the work that what is listened to now is; 0 to 1 at the start
    bool is_shown; ///< a bar stands on the terminal
};

/** The mode of that name; "auto" is a bar on a terminal and nothing elsewhere.
    @return false for an unknown name. */
bool progress_mode_from_name(const char *name, enum progress_mode *mode);

/** Start the clock for one file. */
struct progress progress_start(enum progress_mode mode, const char *file);

/** What the library calls. It also passes on a Ctrl-C. `progress` must stay where it is. */
ub_progress progress_listener(struct progress *progress);

/** Take the bar away, before anything else is printed. */
void progress_stop(struct progress *progress);

/** One line about the file, once the bar is away: {"file": ..., "WHAT": ...} for programs; nothing
    where no progress is shown. */
void progress_tell(const struct progress *progress, const char *what, const char *name);

#endif
