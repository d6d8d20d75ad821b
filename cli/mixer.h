// SPDX-License-Identifier: GPL-3.0-or-later
/** Faders: gain, mute and solo of each source, changed by keys. */
#ifndef UNBRAID_CLI_MIXER_H
#define UNBRAID_CLI_MIXER_H

#include <unbraid/stream.h>

struct fader {
    const char *name; ///< borrowed
    double gain_db; ///< MIXER_LOWEST_DB and below is silence
    bool is_mute, is_solo;
};

struct mixer {
    struct fader faders[UB_STREAM_MAX_SOURCES];
    size_t n_faders;
    size_t selected; ///< the one that keys change
};

enum { MIXER_LOWEST_DB = -60, MIXER_HIGHEST_DB = 12 };

/** Read "NAME=DB", where DB is "-inf" or a number of dB. @return false when it is not of that form
    or out of range; then `gain_db` has not changed. */
bool mixer_read_gain(const char *text, size_t *name_length, double *gain_db);

/** The fader of a name of that length, or NULL. */
struct fader *mixer_find(struct mixer *mixer, const char *name, size_t length);

/** The linear gains of all sources, with mutes and solos. */
void mixer_gains(const struct mixer *mixer, float *gains);

/** Act on a key. @return whether it is one of the mixer. */
bool mixer_key(struct mixer *mixer, int key);

#endif
