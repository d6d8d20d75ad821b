// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_MIX_H
#define UNBRAID_MIX_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
   Stems that are heard together, each with a gain that glides, and a switch that lets all of them
   be heard or not, without a click. The output depends on the samples alone and not on how they
   are cut into blocks.
*/
typedef struct ub_mix ub_mix;

enum { UB_MIX_MAX_CHANNELS = 2, UB_MIX_MAX_STEMS = 64 };

typedef struct ub_mix_settings {
    double rate_hz; ///< 1000 to 1000000
    size_t n_channels; ///< 1 or 2
    size_t n_stems; ///< 1 to UB_MIX_MAX_STEMS
    double glide_s; ///< time constant of gains, and time of opening and closing, 0 to 10; 0 jumps
} ub_mix_settings;

/** A mix that is open, all gains 1. @return UB_OK, UB_BAD_SETTING, UB_NO_MEMORY. */
UB_API UB_MUST_USE ub_status ub_mix_new(const ub_mix_settings *settings, ub_mix **out,
                                        ub_message *why);

/** NULL is fine. */
UB_API void ub_mix_free(ub_mix *mix);

/** The gain of a stem, linear, 0 to 1000; it glides there. Another one changes nothing. */
UB_API UB_RT void ub_mix_set_gain(ub_mix *mix, size_t stem, float gain);

/** Let the sum be heard, or not: it goes there in a straight line. */
UB_API UB_RT void ub_mix_open(ub_mix *mix, bool is_open);

/** Gains, and the opening or closing, arrive at once. */
UB_API UB_RT void ub_mix_arrive(ub_mix *mix);

/** Whether it is closed, all the way. */
UB_API UB_RT bool ub_mix_is_closed(const ub_mix *mix);

/** RMS of a stem before its gain, over all channels and the last 50 ms or so. */
UB_API UB_RT float ub_mix_level(const ub_mix *mix, size_t stem);

/**
   Process n samples (0 is fine). With all gains at 1 and open, the output is the sum of the stems
   in their order, in single precision. Time O(stems x channels x n).

   @param stems  [stem * n_channels + channel][sample]; a signal may be there more than once. What
                 is not finite, or beyond 1e6, counts as silence.
   @param out    [channel][sample], none of them one of the stems.
*/
UB_API UB_RT void ub_mix_process(ub_mix *mix, const float *const *stems, float *const *out,
                                 size_t n);

#ifdef __cplusplus
}
#endif
#endif
