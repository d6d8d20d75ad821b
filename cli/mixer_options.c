// SPDX-License-Identifier: GPL-3.0-or-later
#include "mixer_options.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

struct mixer_option {
    const char *option; // "--gain"
    const char *name; // borrowed, not terminated
    size_t length;
    double gain_db;
};

bool mixer_options_new(int argc, const char *command, struct mixer_options *out)
{
    *out = (struct mixer_options){.taken = calloc((size_t)argc, sizeof *out->taken)};
    if (!out->taken) {
        report_error(command, "no memory for the command line; close other programs");
    }
    return out->taken != NULL;
}

void mixer_options_free(struct mixer_options *options)
{
    free(options->taken);
    *options = (struct mixer_options){NULL, 0};
}

bool mixer_options_take(struct mixer_options *options, const struct usage *usage, const char *name,
                        const char *value, bool *is_good)
{
    struct mixer_option *next = &options->taken[options->n];
    if (strcmp(name, "solo") == 0) {
        *next = (struct mixer_option){.option = "--solo"};
    } else if (strcmp(name, "mute") == 0) {
        *next = (struct mixer_option){.option = "--mute"};
    } else if (strcmp(name, "gain") == 0) {
        *next = (struct mixer_option){.option = "--gain"};
    } else {
        return false;
    }
    next->name = value;
    next->length = strlen(value);
    if (strcmp(name, "gain") == 0 && !mixer_read_gain(value, &next->length, &next->gain_db)) {
        options_misused(usage, "--gain", "is '%.80s', but must be NAME=DB with %d to %d dB or -inf",
                        value, MIXER_LOWEST_DB, MIXER_HIGHEST_DB);
        *is_good = false;
    }
    options->n++;
    return true;
}

enum outcome mixer_options_apply(const struct mixer_options *options, const struct usage *usage,
                                 const char *where, struct mixer *mixer)
{
    for (size_t i = 0; i < options->n; i++) {
        const struct mixer_option *taken = &options->taken[i];
        struct fader *fader = mixer_find(mixer, taken->name, taken->length);
        if (!fader) {
            return options_misused(usage, taken->option, "there is no '%.*s' in %.120s",
                                   (int)(taken->length < 80 ? taken->length : 80), taken->name,
                                   where);
        }
        if (strcmp(taken->option, "--gain") == 0) {
            fader->gain_db = taken->gain_db;
        } else if (strcmp(taken->option, "--solo") == 0) {
            fader->is_solo = true;
        } else {
            fader->is_mute = true;
        }
    }
    return DONE;
}
