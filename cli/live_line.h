// SPDX-License-Identifier: GPL-3.0-or-later
/** The one line that shows a live stream while it runs. */
#ifndef UNBRAID_CLI_LIVE_LINE_H
#define UNBRAID_CLI_LIVE_LINE_H

#include "live.h"
#include "mixer.h"

/** Draw the line anew on a terminal, cut to its width. */
void live_line_show(int terminal, const struct live *live, const struct mixer *mixer);

/** Take it away. */
void live_line_clear(int terminal);

#endif
