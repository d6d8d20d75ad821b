// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The guide of UB_METHOD_SPEECH: a voice that speaks is what a dictionary says is speech and what
   is not always there (noise_floor.h). Private header.
*/
#ifndef UNBRAID_GUIDE_SPEECH_H
#define UNBRAID_GUIDE_SPEECH_H

#include "guide.h"

/** Sources "speech" and "noise". The dictionary has a source "speech", and others, whatever their
    names, of what noise may be. */
extern const ub_guide ub_guide_speech;

#endif
