// SPDX-License-Identifier: GPL-3.0-or-later
/** The one line that shows on a terminal what is heard. */
#ifndef UNBRAID_CLI_STATUS_LINE_H
#define UNBRAID_CLI_STATUS_LINE_H

#include "mixer.h"

struct status_line {
    char text[4096];
    size_t length;
};

/** Append a text; what finds no room is left out. */
void status_line_add(struct status_line *line, const char *format, ...) UB_PRINTF(2, 3);

/** Append the faders that are known, each with a meter of its level, an RMS. */
void status_line_add_mixer(struct status_line *line, const struct mixer *mixer,
                           const float *levels);

/** Draw the line anew on a terminal, cut to its width. */
void status_line_show(struct status_line *line, int terminal);

/** Take it away. */
void status_line_clear(int terminal);

#endif
