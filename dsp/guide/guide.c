// SPDX-License-Identifier: GPL-3.0-or-later
#include "guide.h"
#include "band.h"
#include "bass.h"
#include "harmonic_percussive.h"
#include "hits_guide.h"
#include "speech.h"
#include "vocals.h"

const ub_guide *ub_guide_of_method(ub_method method)
{
    switch (method) {
    case UB_METHOD_HARMONIC_PERCUSSIVE:
        return &ub_guide_harmonic_percussive;
    case UB_METHOD_HITS:
        return &ub_guide_hits;
    case UB_METHOD_VOCALS:
        return &ub_guide_vocals;
    case UB_METHOD_SPEECH:
        return &ub_guide_speech;
    case UB_METHOD_BASS:
        return &ub_guide_bass;
    case UB_METHOD_BAND:
        return &ub_guide_band;
    default:
        return NULL;
    }
}
