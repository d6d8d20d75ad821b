// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Whether a frame holds tones: noise can be made of notes as well, only there are none.

   The measure is the share of the sum of magnitudes that stands in bins four times as high as the
   median around them. Partials of tones make more than a quarter of it, noise a fiftieth at most,
   whatever its colour. Private header.
*/
#ifndef UNBRAID_NOTES_TONALITY_H
#define UNBRAID_NOTES_TONALITY_H

#include "unbraid/attributes.h"

#include <stddef.h>

/** That share, 0 to 1; 0 for silence.
    @param reach   Most bins on either side whose median counts; near 0 Hz there are fewer.
    @param sorted  Room for 2 reach + 2 floats. */
UB_RT float ub_tonality(const float *magnitude, size_t n_bins, size_t reach, float *sorted);

/** What the activations of keys are multiplied by: 0 for noise, 1 where there are tones. */
UB_RT float ub_tonality_gate(float tonality);

#endif
