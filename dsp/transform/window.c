// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/window.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
    [UB_WINDOW_HANN] = "hann",
    [UB_WINDOW_SQRT_HANN] = "sqrt-hann",
    [UB_WINDOW_ASYMMETRIC] = "asymmetric",
};

enum { N_NAMES = sizeof names / sizeof *names };

const char *ub_window_name(ub_window window)
{
    return (size_t)window < N_NAMES ? names[window] : NULL;
}

ub_status ub_window_from_name(const char *name, ub_window *window, ub_message *why)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        if (strcmp(names[i], name) == 0) {
            *window = (ub_window)i;
            return UB_OK;
        }
    }
    return ub_fail(why, UB_BAD_SETTING,
                   "there is no window '%.40s'; use hann, sqrt-hann or asymmetric", name);
}

// Square root of the periodic Hann window: sin(pi n / size).
static double sqrt_hann(size_t n, size_t size)
{
    return sin(M_PI * (double)n / (double)size);
}

static double symmetric(ub_window window, size_t n, size_t size)
{
    const double s = sqrt_hann(n, size);
    return window == UB_WINDOW_HANN ? s * s : s;
}

// The synthesis window nearest to the analysis window (in the least-squares sense) whose product
// with it overlap-adds to one: divide by the sum of squares over all hops.
static void fill_symmetric(ub_window window, size_t size, size_t hop, float *analysis,
                           float *synthesis)
{
    for (size_t phase = 0; phase < hop; phase++) {
        double sum = 0.0;
        for (size_t n = phase; n < size; n += hop) {
            const double a = symmetric(window, n, size);
            sum += a * a;
        }
        for (size_t n = phase; n < size; n += hop) {
            const double a = symmetric(window, n, size);
            analysis[n] = (float)a;
            synthesis[n] = (float)(a / sum);
        }
    }
}

// Mauler and Martin (2007): the product of the pair is a periodic Hann window over the last two
// hops, which overlap-adds to one.
static void fill_asymmetric(size_t size, size_t hop, float *analysis, float *synthesis)
{
    const size_t rise = size - hop, tail = size - 2 * hop;
    for (size_t n = 0; n < size; n++) {
        const double a = n < rise ? sqrt_hann(n, 2 * rise) : sqrt_hann(n - tail, 2 * hop);
        double s = 0.0;
        if (n >= tail) {
            const double root = sqrt_hann(n - tail, 2 * hop);
            s = n < rise && a > 0.0 ? root * root / a : root;
        }
        analysis[n] = (float)a;
        synthesis[n] = (float)s;
    }
}

ub_status ub_window_fill(ub_window window, size_t size, size_t hop, float *analysis,
                         float *synthesis, ub_message *why)
{
    if (!ub_window_name(window)) {
        return ub_fail(why, UB_BAD_SETTING, "there is no window number %d", (int)window);
    }
    if (size < 2 || hop < 1 || hop > size / 2) {
        return ub_fail(why, UB_BAD_SETTING,
                       "a window of %zu samples needs a hop from 1 to %zu samples, not %zu", size,
                       size / 2, hop);
    }
    if (window == UB_WINDOW_ASYMMETRIC) {
        fill_asymmetric(size, hop, analysis, synthesis);
    } else {
        fill_symmetric(window, size, hop, analysis, synthesis);
    }
    return UB_OK;
}
