// SPDX-License-Identifier: GPL-3.0-or-later
/** Whether recordings of one command can have stems beside each other. */
#ifndef UNBRAID_CLI_STEM_CLAIMS_H
#define UNBRAID_CLI_STEM_CLAIMS_H

#include "options.h"
#include "stems.h"
#include "tracks.h"

/** Two recordings whose stems would have the same names, and names that no folder can have: known
    before anything is written. @return DONE, or FAILED or MISUSED after a report. */
enum outcome stem_claims_check(const struct usage *usage, const struct stem_choice *choice,
                               const struct track_list *list);

#endif
