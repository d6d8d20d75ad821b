// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The notes of a MIDI file while it is read: which keys are down, which notes the pedal holds, who
   plays them. Private header.
*/
#ifndef UNBRAID_MIDI_ROLL_H
#define UNBRAID_MIDI_ROLL_H

#include "unbraid/midi.h"

#include <stdint.h>

enum {
    UB_ROLL_CHANNELS = 16,
    UB_ROLL_KEYS = 128,
    UB_ROLL_DRUMS = 9, // the channel
};

/** Notes that only the pedal of a channel holds. */
typedef struct ub_roll_held {
    uint32_t *notes;
    size_t n, capacity;
    bool is_pedal_down;
} ub_roll_held;

/** Zeroed but for `offsets`, it is empty. */
typedef struct ub_roll {
    ub_midi_offsets offsets;
    ub_notes notes; ///< offset_s is negative until a note has ended
    ub_midi_source *sources;
    size_t n_sources, sources_capacity;
    ub_roll_held held[UB_ROLL_CHANNELS];
} ub_roll;

/** The keys of a track, a row of 128 for each channel. Zeroed but for track and program, nothing
    has been struck. */
typedef struct ub_roll_keys {
    size_t track;
    int program[UB_ROLL_CHANNELS]; ///< -1 for none
    uint32_t *newest; ///< [channel][key] 1 + index of the note that struck it last; 0 for none
    uint32_t *source; ///< [channel][program + 1] 1 + index of the source; 0 for none
} ub_roll_keys;

/** A key is struck; what sounds on it ends. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_roll_strike(ub_roll *roll, ub_roll_keys *keys, unsigned channel, unsigned key,
                         unsigned velocity, double time_s);

/** A key is let go. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_roll_release(ub_roll *roll, const ub_roll_keys *keys, unsigned channel, unsigned key,
                          double time_s);

/** The pedal of a channel, of all tracks, is down from 64 on. */
void ub_roll_pedal(ub_roll *roll, unsigned channel, unsigned value, double time_s);

/** The end of a track: no key of it stays down. */
void ub_roll_end_track(ub_roll *roll, const ub_roll_keys *keys, double time_s);

/** The end of all tracks: no pedal stays down. */
void ub_roll_end(ub_roll *roll, double time_s);

/** Free what they own. */
void ub_roll_keys_free(ub_roll_keys *keys);
void ub_roll_free(ub_roll *roll);

#endif
