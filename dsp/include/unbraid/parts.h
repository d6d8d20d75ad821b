// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_PARTS_H
#define UNBRAID_PARTS_H

#include "midi.h"
#include "note.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { UB_PARTS_MAX = 64 }; ///< of a score

/** Who plays notes of a score: an instrument within a part. */
typedef struct ub_player {
    size_t part; ///< index into the names of parts
    int program; ///< General MIDI 0 to 127
    bool is_drums; ///< then pitches are instruments
} ub_player;

/** A score divided into parts, each of which is to become a stem. The owner of the struct owns
    everything in it. */
typedef struct ub_parts {
    ub_notes notes; ///< sorted; `source` is an index into `players`
    ub_player *players;
    size_t n_players;
    char **names; ///< n, distinct, see ub_name_check(); none is "rest"
    size_t n; ///< parts, 1 to UB_PARTS_MAX
} ub_parts;

/** What is one part. */
typedef enum ub_parts_by {
    UB_PARTS_BY_AUTO, ///< a track, or a channel where only one track has notes
    UB_PARTS_BY_TRACK,
    UB_PARTS_BY_CHANNEL,
} ub_parts_by;

/**
   Divide the notes of a MIDI file into parts. They are in the order of their tracks or channels,
   and have the names of those, or those of their instruments. What has no notes is no part.

   @param midi   Read only.
   @param split  0, or a MIDI note number, 1 to 127: every part but drums becomes two, of the notes
                 below it and of the others, "NAME-left" and "NAME-right".
   @param out    Set on success only; the caller frees it with ub_parts_free().
   @return UB_OK, UB_BAD_SETTING (split), UB_BAD_VALUE (no notes, more than UB_PARTS_MAX parts),
           UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_parts_new(const ub_midi *midi, ub_parts_by by, int split,
                                          ub_parts *out, ub_message *why);

/** Free what the struct owns and zero it. NULL and a zeroed one are fine. */
UB_API void ub_parts_free(ub_parts *parts);

#ifdef __cplusplus
}
#endif
#endif
