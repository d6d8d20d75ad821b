// SPDX-License-Identifier: GPL-3.0-or-later
/** The sound of `unbraid live` from beginning to end, with its keys, faders and lessons. */
#ifndef UNBRAID_CLI_LIVE_SESSION_H
#define UNBRAID_CLI_LIVE_SESSION_H

#include "command.h"
#include "live.h"
#include "mixer.h"
#include "teaching.h"

/** What the command line asks for, and then what belongs to the session itself. */
struct live_session {
    struct live_settings live;
    const ub_dictionary *dictionary; ///< n_sources 0: none
    const char *dictionary_path; ///< NULL: none
    const char *names[UB_STREAM_MAX_SOURCES]; ///< to learn
    size_t n_names;
    const char *save; ///< where to save the dictionary at the end, or NULL
    ub_settings learning;
    struct mixer mixer; ///< sources of the dictionary, those to learn, then perhaps the rest

    struct live *running;
    struct teaching *teaching; // NULL when nothing is to be learned
    ub_stream_model *fresh; // made of what was learned, not given to the stream yet
};

/** Sources that are known or to be learned; the rest is none of them. */
size_t live_session_n_sources(const struct live_session *session);

/** Play and learn between sound_devices_open() and _close(), until it ends or somebody ends it. */
enum outcome live_session_play(struct live_session *session);

#endif
