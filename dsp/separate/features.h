// SPDX-License-Identifier: GPL-3.0-or-later
/** What a component sounds like, in a few numbers. Private header. */
#ifndef UNBRAID_SEPARATE_FEATURES_H
#define UNBRAID_SEPARATE_FEATURES_H

#include "unbraid/nmf.h"

enum {
    UB_N_BANDS = 36 // bands of equal width in log frequency, 40 Hz to 16 kHz
};

typedef struct ub_features {
    double energy; ///< sum of the component's model
    double bands[UB_N_BANDS]; ///< share of each band, sums to one
    double low; ///< share below 250 Hz
    double centre_log_hz; ///< mean of log frequency
    double percussive; ///< share of the activation above its running median of 0.4 s
    double tonal; ///< share of the template above its running median of 230 Hz
} ub_features;

/**
   Features of every component of a fit with templates that sum to one.

   @param bin_hz   Frequency of bin 1.
   @param frame_s  Seconds from a frame to the next.
   @param out      Room for K.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_features_fill(const ub_nmf_factors *factors, double bin_hz, double frame_s,
                           ub_features *out);

#endif
