// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_GROUND_FPU_H
#define UNBRAID_GROUND_FPU_H

#include "unbraid/attributes.h"

#include <stdint.h>

/**
   Flush denormals to zero on this thread, and return the mode to give back to ub_fpu_restore().
   Activations that die out would otherwise pass through numbers that cost a hundred times more.
*/
UB_RT uint64_t ub_fpu_flush_denormals(void);

/** Bring back the mode that the caller had. */
UB_RT void ub_fpu_restore(uint64_t mode);

#endif
