// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Hits in the activations of drums. A source is a drum that is hit in one way at a time; its keys
   are those ways (a closed and an open hi-hat). Private header.
*/
#ifndef UNBRAID_GUIDE_HITS_H
#define UNBRAID_GUIDE_HITS_H

#include "dictionary/keys.h"
#include "hit_judge.h"
#include "unbraid/note.h"

/** What may be a hit. */
typedef struct ub_hit {
    double frame; ///< when, between frames
    size_t key;
    float strength; ///< how much the activation of the source rises
    float beside[UB_HIT_PARTS]; ///< the largest rise of each part of the kit around
} ub_hit;

/** A list that grows; a zeroed one is empty. */
typedef struct ub_hits {
    ub_hit *hits;
    size_t n, capacity;
} ub_hits;

void ub_hits_free(ub_hits *hits);

/**
   Add the rises of sources that are the largest around.
   @param sounding      Keys x frames.
   @param first, n      Frames to find them in; those around are looked at too.
   @param first_frame   Number that the frame `first` has in the recording.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_hits_find(const ub_keys *keys, const ub_matrix *sounding, size_t first, size_t n,
                       size_t first_frame, ub_hits *hits);

/** How sure a hit must be. */
typedef enum ub_hit_care {
    UB_HIT_SURE, ///< where a wrong hit is as bad as a missed one: notes
    UB_HIT_LIKELY ///< where a missed one is worse: what no hit explains goes to other drums
} ub_hit_care;

/**
   Keep the hits that are strong enough beside the strongest of their source, and of seldom drums
   beside what else is hit, in the order of time.
   @param levels  Of each source, what its strong hits are like; n_sources of them, zeroed.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_hits_choose(const ub_keys *keys, ub_hit_care care, ub_hits *hits, double *levels,
                         size_t n_sources);

/** How frames become seconds. */
typedef struct ub_hit_clock {
    double first_s, frame_rate_hz; ///< the middle of frame 0
    double end_s; ///< of the recording
} ub_hit_clock;

/**
   Notes of the hits that ub_hits_choose() keeps. Hits are sorted.
   @param out  Gets them, sorted by the caller. @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_hits_to_notes(const ub_keys *keys, ub_hits *hits, const ub_hit_clock *clock,
                           ub_notes *out);

#endif
