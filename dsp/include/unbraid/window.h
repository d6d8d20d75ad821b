// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_WINDOW_H
#define UNBRAID_WINDOW_H

#include "status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Analysis and synthesis windows that the transform knows. */
typedef enum ub_window {
    UB_WINDOW_HANN, ///< periodic Hann for analysis; its least-squares dual for synthesis
    UB_WINDOW_SQRT_HANN, ///< square root of periodic Hann, for both
    UB_WINDOW_ASYMMETRIC, ///< long analysis, short synthesis: latency of two hops (Mauler, Martin)
} ub_window;

/** The word for a window in files and options ("hann", "sqrt-hann", "asymmetric"), or NULL. */
UB_API UB_RT const char *ub_window_name(ub_window window);

/** The window of that name. @return UB_OK or UB_BAD_SETTING. */
UB_API UB_MUST_USE ub_status ub_window_from_name(const char *name, ub_window *window,
                                                 ub_message *why);

/**
   Fill an analysis window and the synthesis window that belongs to it, such that overlap-adding
   analysis[n] * synthesis[n] at every multiple of the hop is exactly 1.

   @param window   Hann and sqrt-Hann need size >= 2 hop (Hann: size >= 2 hop as well); the
                   synthesis window is the analysis window divided by the sum over all hops of
                   its square, which for sqrt-Hann with size a multiple of 2 hop is a constant.
                   Asymmetric, with N = size and M = hop [1]: analysis is a rising sqrt-Hann
                   half of length N - M and a falling one of length M; synthesis is zero before
                   N - 2M, and its product with the analysis window is a Hann of length 2M.
   @param size     Samples, at least 2.
   @param hop      Samples from one frame to the next, 1 to size / 2.
   @param analysis, synthesis  Room for `size` floats each.
   @return UB_OK or UB_BAD_SETTING.

   [1] Mauler, Martin. A low delay, variable resolution, perfect reconstruction spectral
   analysis-synthesis system for speech enhancement. EUSIPCO 2007.
*/
UB_API UB_MUST_USE ub_status ub_window_fill(ub_window window, size_t size, size_t hop,
                                            float *analysis, float *synthesis, ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
