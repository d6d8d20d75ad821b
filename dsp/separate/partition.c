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

// Samples that are rounded at a time, stem by stem.
enum { BLOCK = 256 };

typedef struct sample_range {
    double scale;
    int32_t minimum, maximum;
} sample_range;

// Finite, so that what a stem lacks can be compared: silence for NaN, 1e12 (far beyond any integer
// here) for infinity.
static inline double finite_step(float sample, double scale)
{
    const double wanted = (double)sample * scale;
    const double above = wanted >= -1e12 ? wanted : wanted < 0.0 ? -1e12 : 0.0;
    return above <= 1e12 ? above : 1e12;
}

// To the nearest, ties to even, without a call: what is added leaves no bits behind the point.
static inline double to_nearest(double x)
{
    const double shift = 6755399441055744.0; // 1.5 * 2^52
    return (x + shift) - shift;
}

static inline double clip(double x, const sample_range *range)
{
    const double low = (double)range->minimum, high = (double)range->maximum;
    const double above = x > low ? x : low;
    return above < high ? above : high;
}

// Round n samples of a stem by itself. @return how many had to be clipped.
static size_t round_stem(const float *samples, size_t n, const sample_range *range, int32_t *given)
{
    const double low = (double)range->minimum - 0.5, high = (double)range->maximum + 0.5;
    unsigned n_clipped = 0;
    for (size_t i = 0; i < n; i++) {
        const double wanted = finite_step(samples[i], range->scale);
        given[i] = (int32_t)to_nearest(clip(wanted, range));
        n_clipped += wanted > high || wanted < low ? 1u : 0u;
    }
    return n_clipped;
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

// Sample `at`, whose rounded stems lack `missing`.
static void mend(const float *const *stems, size_t n_stems, size_t at, const sample_range *range,
                 int64_t missing, int32_t *const *out, stem_row *row)
{
    row->n = n_stems;
    for (size_t j = 0; j < n_stems; j++) {
        row->wanted[j] = finite_step(stems[j][at], range->scale);
        row->given[j] = out[j][at];
    }
    share_out(row, missing, range->minimum, range->maximum);
    for (size_t j = 0; j < n_stems; j++) {
        out[j][at] = (int32_t)row->given[j];
    }
}

void ub_partition_integers(const int32_t *mix, const float *const *stems, size_t n_stems, size_t n,
                           double scale, int32_t minimum, int32_t maximum, int32_t *const *out,
                           size_t *n_clipped)
{
    const sample_range range = {scale, minimum, maximum};
    n_stems = n_stems < MOST_STEMS ? n_stems : MOST_STEMS;
    stem_row row;
    int64_t missing[BLOCK];
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t some = n - first < BLOCK ? n - first : BLOCK;
        for (size_t i = 0; i < some; i++) {
            missing[i] = mix[first + i];
        }
        for (size_t j = 0; j < n_stems; j++) {
            const size_t clipped = round_stem(stems[j] + first, some, &range, out[j] + first);
            for (size_t i = 0; i < some; i++) {
                missing[i] -= out[j][first + i];
            }
            if (n_clipped) {
                n_clipped[j] += clipped;
            }
        }
        for (size_t i = 0; i < some; i++) {
            if (missing[i] != 0) {
                mend(stems, n_stems, first + i, &range, missing[i], out, &row);
            }
        }
    }
}
