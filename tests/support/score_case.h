// SPDX-License-Identifier: GPL-3.0-or-later
/** Small scores, and the sound of them. */
#ifndef UNBRAID_TESTS_SCORE_CASE_H
#define UNBRAID_TESTS_SCORE_CASE_H

#include "synth.h"

#include "unbraid/parts.h"

/** Parts "low" (a bass) and "high" (a flute), and "drums" when asked for, whose notes begin in turn
    at random times that the seed says, until `seconds`. Aborts when there is no memory. */
ub_parts score_case(double seconds, bool has_drums, uint64_t seed);

/** The same as a copy. */
ub_parts score_case_copy(const ub_parts *parts);

/** The sound of one part, or of all for a part beyond the last: keys of three partials, hits of
    noise. Channels alike. */
synth *score_case_play(const ub_parts *parts, size_t part, size_t n_channels, double seconds,
                       double rate_hz);

#endif
