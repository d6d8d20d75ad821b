// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Tells hits of drums that are seldom struck, sticks, toms, crashes and rides, from what other
   drums leave on their keys: a logistic regression over how strong a hit is beside those of its own
   drum, and beside what rises on the others at the same time. Private header.

   Weights were learned from patterns rendered with the kits of presets/drum_hits.py, each
   transcribed without its own kit (tests/bench/hit_score.py; docs/measurements.md).
*/
#ifndef UNBRAID_GUIDE_HIT_JUDGE_H
#define UNBRAID_GUIDE_HIT_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

/** The parts of a kit. */
typedef enum ub_hit_part {
    UB_HIT_KICK,
    UB_HIT_SNARE,
    UB_HIT_STICK,
    UB_HIT_HATS,
    UB_HIT_TOMS,
    UB_HIT_CRASH,
    UB_HIT_RIDE,
    UB_HIT_PARTS, ///< their number; other percussion
} ub_hit_part;

/** What is known of a hit. Strengths are in one unit, whichever. */
typedef struct ub_hit_evidence {
    double strength;
    double level; ///< of strong hits of its source, above 0
    double loudest; ///< the largest level of all sources
    double activity; ///< 0 to 1: share that its source has of all that rises anywhere
    double standing; ///< 0 to 1: share that its source has of what rises where it is clearest
    double beside[UB_HIT_PARTS]; ///< the largest rise of each part within two frames
} ub_hit_evidence;

/** The part that a key of General MIDI's drum channel is. */
ub_hit_part ub_hit_part_of(int pitch);

/** The logarithm of the odds that a hit of a part is one; infinite for kick, snare, hi-hats and
   other percussion, whose strength decides. */
double ub_hit_judge(ub_hit_part part, const ub_hit_evidence *evidence);

#endif
