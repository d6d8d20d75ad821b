// SPDX-License-Identifier: GPL-3.0-or-later
// Integer stems that sum to the integer mix.
#include "unbraid/separate.h"

#include <math.h>
#include <stdbool.h>

enum { MOST_STEMS = 256 };

// One sample of all stems: values before rounding and the integers that they become.
typedef struct stem_row {
    size_t n;
    double wanted[MOST_STEMS];
    int64_t given[MOST_STEMS];
} stem_row;

// Finite, so that what a stem lacks can be compared: silence for NaN, 1e12 (far beyond any integer
// here) for infinity.
static double finite_step(float sample, double scale)
{
    const double wanted = (double)sample * scale;
    if (wanted >= -1e12) {
        return wanted <= 1e12 ? wanted : 1e12;
    }
    return wanted < 0.0 ? -1e12 : 0.0;
}

// To the nearest, ties to even, without a call: what is added leaves no bits behind the point.
static int64_t to_nearest(double x)
{
    const double shift = 6755399441055744.0; // 1.5 * 2^52
    return (int64_t)((x + shift) - shift);
}

static int64_t clip(double x, int32_t minimum, int32_t maximum)
{
    if (x <= (double)minimum) {
        return minimum;
    }
    return x >= (double)maximum ? maximum : to_nearest(x);
}

// The stem that gains most (or loses least) by one step towards `sign`, among those with room.
static size_t best_for_step(const stem_row *row, int64_t sign, int32_t minimum, int32_t maximum)
{
    size_t best = SIZE_MAX;
    double best_lack = -INFINITY;
    for (size_t j = 0; j < row->n; j++) {
        const bool room = sign > 0 ? row->given[j] < maximum : row->given[j] > minimum;
        const double lack = (row->wanted[j] - (double)row->given[j]) * (double)sign;
        if (room && lack > best_lack) {
            best_lack = lack;
            best = j;
        }
    }
    return best;
}

// Share out what is missing: whole steps at once where much is missing (a clipped stem, or 32-bit
// integers beyond the precision of float), single steps at the end.
static void share_out(stem_row *row, int64_t missing, int32_t minimum, int32_t maximum)
{
    while (missing != 0) {
        const int64_t sign = missing > 0 ? 1 : -1;
        const size_t j = best_for_step(row, sign, minimum, maximum);
        if (j == SIZE_MAX) {
            return; // no stem has room: the mix itself is out of range
        }
        const int64_t room =
            sign > 0 ? (int64_t)maximum - row->given[j] : row->given[j] - (int64_t)minimum;
        int64_t step = missing * sign / (int64_t)row->n;
        step = step < 1 ? 1 : step;
        step = step < room ? step : room;
        row->given[j] += sign * step;
        missing -= sign * step;
    }
}

void ub_partition_integers(const int32_t *mix, const float *const *stems, size_t n_stems, size_t n,
                           double scale, int32_t minimum, int32_t maximum, int32_t *const *out,
                           size_t *n_clipped)
{
    stem_row row = {.n = n_stems < MOST_STEMS ? n_stems : MOST_STEMS};
    for (size_t i = 0; i < n; i++) {
        int64_t missing = mix[i];
        for (size_t j = 0; j < row.n; j++) {
            row.wanted[j] = finite_step(stems[j][i], scale);
            row.given[j] = clip(row.wanted[j], minimum, maximum);
            missing -= row.given[j];
            if (n_clipped &&
                (row.wanted[j] > (double)maximum + 0.5 || row.wanted[j] < (double)minimum - 0.5)) {
                n_clipped[j]++;
            }
        }
        share_out(&row, missing, minimum, maximum);
        for (size_t j = 0; j < row.n; j++) {
            out[j][i] = (int32_t)row.given[j];
        }
    }
}
