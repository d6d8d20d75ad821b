// SPDX-License-Identifier: GPL-3.0-or-later
/** The dictionaries that notes are found with: those that were named, or those of presets, of which
    each recording gets the one that fits it. */
#ifndef UNBRAID_CLI_NOTE_BANKS_H
#define UNBRAID_CLI_NOTE_BANKS_H

#include "note_stems.h"
#include "options.h"
#include "progress.h"

enum { NOTE_BANKS_MOST = 3 };

struct note_bank {
    const char *preset; ///< its name, where nobody named a dictionary
    ub_dictionary dictionary; ///< of all that were named, joined
    ub_dictionary ranges; ///< the same with ranges of notes as sources, where stems are wanted
};

/** A zeroed one is fine. */
struct note_banks {
    struct note_bank banks[NOTE_BANKS_MOST];
    size_t n;
};

/** Load n dictionaries as one. @param split  NULL where no stems are wanted. @return DONE, or
    FAILED after a report. */
enum outcome note_banks_load(const char *const *paths, size_t n, const struct note_split *split,
                             struct note_banks *banks);

/** Load those of the presets. @param usage  Of the command. @return DONE; MISUSED where a preset is
    missing, or FAILED, after a report. */
enum outcome note_banks_load_presets(const struct usage *usage, bool is_drums,
                                     const struct note_split *split, struct note_banks *banks);

void note_banks_free(struct note_banks *banks);

/** The one for a recording; of several, the name is told where progress is. @return as
    ub_transcribe_choose(). */
ub_status note_banks_choose(const struct note_banks *banks, const char *file, const ub_audio *audio,
                            const ub_settings *settings, enum progress_mode mode,
                            const struct note_bank **out, ub_message *why);

#endif
