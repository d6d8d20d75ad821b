// SPDX-License-Identifier: GPL-3.0-or-later
/** The guide of UB_METHOD_VOCALS: what does not repeat itself (repetition.h) is the voice. Private
    header. */
#ifndef UNBRAID_GUIDE_VOCALS_H
#define UNBRAID_GUIDE_VOCALS_H

#include "guide.h"

/** Sources "vocals" and "accompaniment". */
extern const ub_guide ub_guide_vocals;

#endif
