// SPDX-License-Identifier: GPL-3.0-or-later
/** --gain, --solo and --mute, kept until the names are known that they are for. */
#ifndef UNBRAID_CLI_MIXER_OPTIONS_H
#define UNBRAID_CLI_MIXER_OPTIONS_H

#include "mixer.h"
#include "options.h"

/** Their rows in the table of a command. */
#define MIXER_OPTION_ROWS(THING)                                                                   \
    {"gain", '\0', "NAME=DB",                                                                      \
     "gain of a " THING ", -60 to 12 or -inf; may be given more than once"},                       \
        {"solo", '\0', "NAME", "let this " THING " be heard alone; may be given more than once"},  \
    {                                                                                              \
        "mute", '\0', "NAME", "let this " THING " not be heard; may be given more than once"       \
    }

struct mixer_option; // one of them

struct mixer_options {
    struct mixer_option *taken;
    size_t n;
};

/** Room for as many as argc words can hold. @return false after a report. */
bool mixer_options_new(int argc, const char *command, struct mixer_options *out);

void mixer_options_free(struct mixer_options *options);

/** Take an option of these names. @return whether it is one; `is_good` is set to false after a
    report. */
bool mixer_options_take(struct mixer_options *options, const struct usage *usage, const char *name,
                        const char *value, bool *is_good);

/** Set the faders. @param where  Where names come from, for reports.
    @return DONE, or MISUSED after a report. */
enum outcome mixer_options_apply(const struct mixer_options *options, const struct usage *usage,
                                 const char *where, struct mixer *mixer);

#endif
