// SPDX-License-Identifier: GPL-3.0-or-later
/** UB_METHOD_BAND: vocals, drums, bass, other. Private header. */
#ifndef UNBRAID_GUIDE_BAND_H
#define UNBRAID_GUIDE_BAND_H

#include "guide.h"

/** Drums are what is struck (harmonic_percussive.h; a dictionary is asked as there); of what rings
    the bass is what is low (bass.h), and of the rest a voice is what does not repeat itself
    (repetition.h), so far as anything glides there as voices do. */
extern const ub_guide ub_guide_band;

#endif
