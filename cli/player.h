// SPDX-License-Identifier: GPL-3.0-or-later
/** Stems on their way to an output of PortAudio. All of it belongs to the main thread; what it
    shares with the audio thread is atomic. */
#ifndef UNBRAID_CLI_PLAYER_H
#define UNBRAID_CLI_PLAYER_H

#include "stem_reader.h"

struct player_settings {
    const char *output; ///< as sound_device_find() takes it
    unsigned long block_frames; ///< of a callback; 0 for what the device likes
};

struct player;

/** What can be seen from outside while it plays. */
struct player_state {
    bool is_running; ///< until all is played, or the device is gone
    bool is_complete; ///< all is played
    bool is_paused;
    uint64_t n_frames, n_xruns; ///< frames that were played; times that sound was lost
};

/** Open the device between sound_devices_open() and _close(). Sound does not run yet.
    @param reader  Must stay until the player is closed. @return false after a report. */
bool player_open(const struct player_settings *settings, struct stem_reader *reader,
                 struct player **out);

/** Let sound run. @return false after a report. */
bool player_start(struct player *player);

/** Stop it at once. NULL is fine for both. */
void player_stop(struct player *player);
void player_close(struct player *player);

struct player_state player_state(const struct player *player);

/** The linear gain of a stem. Before player_start() it holds from the first sample on. */
void player_set_gain(struct player *player, size_t stem, float gain);

/** RMS of a stem before its gain. */
float player_level(const struct player *player, size_t stem);

/** Pause, or go on. */
void player_pause(struct player *player, bool is_paused);

#endif
