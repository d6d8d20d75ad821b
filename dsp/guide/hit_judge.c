// SPDX-License-Identifier: GPL-3.0-or-later
#include "hit_judge.h"
#include "evidence.h"

#include <math.h>

typedef struct weights {
    bool is_judged;
    double constant, strength, standing, activity, beside[UB_HIT_PARTS]; // the last in their order
} weights;

// Learned by tests/bench/hit_score.py. What rises beside a hit can only speak against it: that
// crashes are struck with kicks is how drummers play, not how drums sound.
static const weights WEIGHTS[UB_HIT_PARTS] = {
    [UB_HIT_STICK] = {true, -4.82, 1.68, 0.00, 0.59, {-0.61, -0.70, 0.00, 0.00, 0.00, -0.61, 0.00}},
    [UB_HIT_TOMS] = {true, -5.53, 0.14, 3.79, 0.24, {-0.52, -0.33, 0.00, -0.06, 0.00, -0.85, 0.00}},
    [UB_HIT_CRASH] = {true, 0.16, 1.90, 0.00, 0.00, {0.00, -0.85, 0.00, 0.00, 0.00, 0.00, 0.00}},
    [UB_HIT_RIDE] = {true, 3.08, 0.00, 0.00, 1.20, {0.00, 0.00, -0.54, 0.00, -0.11, 0.00, 0.00}},
};

ub_hit_part ub_hit_part_of(int pitch)
{
    switch (pitch) {
    case 35:
    case 36:
        return UB_HIT_KICK;
    case 38:
    case 40:
        return UB_HIT_SNARE;
    case 37:
        return UB_HIT_STICK;
    case 42:
    case 44:
    case 46:
        return UB_HIT_HATS;
    case 41:
    case 43:
    case 45:
    case 47:
    case 48:
    case 50:
        return UB_HIT_TOMS;
    case 49:
    case 52:
    case 55:
    case 57:
        return UB_HIT_CRASH;
    case 51:
    case 53:
    case 59:
        return UB_HIT_RIDE;
    default:
        return UB_HIT_PARTS;
    }
}

double ub_hit_judge(ub_hit_part part, const ub_hit_evidence *e)
{
    if (part >= UB_HIT_PARTS || !WEIGHTS[part].is_judged) {
        return (double)INFINITY;
    }
    const weights *w = &WEIGHTS[part];
    const double own = ub_evidence_level(e->strength / e->loudest);
    double score = w->constant + w->strength * ub_evidence_level(e->strength / e->level) +
                   w->standing * e->standing + w->activity * ub_evidence_level(e->activity);
    for (size_t i = 0; i < UB_HIT_PARTS; i++) {
        const double beside = ub_evidence_level(e->beside[i] / e->loudest) - own;
        score += w->beside[i] * ub_evidence_within(beside, -3.0, 4.0);
    }
    return score;
}
