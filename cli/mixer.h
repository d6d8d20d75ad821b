// SPDX-License-Identifier: GPL-3.0-or-later
/** Faders: gain, mute and solo of each source or stem, changed by keys. */
#ifndef UNBRAID_CLI_MIXER_H
#define UNBRAID_CLI_MIXER_H

#include <unbraid/stream.h>

#include <stdbool.h>
#include <stddef.h>

struct fader {
    const char *name; ///< borrowed
    double gain_db; ///< MIXER_LOWEST_DB and below is silence
    bool is_mute, is_solo;
    bool is_hidden; ///< there is no such source yet: keys do not reach it, its solo does not count
};

enum { MIXER_MAX_FADERS = 64, MIXER_LOWEST_DB = -60, MIXER_HIGHEST_DB = 12 };

struct mixer {
    struct fader faders[MIXER_MAX_FADERS];
    size_t n_faders; ///< at least one
    size_t selected; ///< the one that keys change
};

/** Read "NAME=DB", where DB is "-inf" or a number of dB. @return false when it is not of that form
    or out of range; then `gain_db` has not changed. */
bool mixer_read_gain(const char *text, size_t *name_length, double *gain_db);

/** The fader of a name of that length, or NULL. */
struct fader *mixer_find(struct mixer *mixer, const char *name, size_t length);

/** The linear gains of all faders, with mutes and solos. Those of hidden ones are 1. */
void mixer_gains(const struct mixer *mixer, float *gains);

/** Act on a key. @return whether it is one of the mixer. */
bool mixer_key(struct mixer *mixer, int key);

#endif
