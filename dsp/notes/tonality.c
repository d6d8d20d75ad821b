// SPDX-License-Identifier: GPL-3.0-or-later
#include "tonality.h"

#include <string.h>

static const float PEAK = 4.0f; // times the median; noise gets there once in 60000 bins
static const float NOISE = 0.02f, TONES = 0.08f; // shares that are certainly noise, or not

static size_t place_of(const float *sorted, size_t n, float value)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (sorted[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void insert(float *sorted, size_t n, float value)
{
    const size_t at = place_of(sorted, n, value);
    memmove(sorted + at + 1, sorted + at, (n - at) * sizeof *sorted);
    sorted[at] = value;
}

static void discard(float *sorted, size_t n, float value)
{
    const size_t at = place_of(sorted, n, value);
    memmove(sorted + at, sorted + at + 1, (n - at - 1) * sizeof *sorted);
}

UB_RT float ub_tonality(const float *magnitude, size_t n_bins, size_t reach, float *sorted)
{
    double all = 0.0, peaks = 0.0;
    size_t first = 0, end = 0; // bins whose values are in `sorted`
    for (size_t f = 0; f < n_bins; f++) {
        const size_t near = f / 2 < reach ? f / 2 : reach; // low noises are steep
        while (end < n_bins && end <= f + near) {
            insert(sorted, end - first, magnitude[end]);
            end++;
        }
        while (first < f - near) {
            discard(sorted, end - first, magnitude[first]);
            first++;
        }
        all += (double)magnitude[f];
        peaks += magnitude[f] > PEAK * sorted[(end - first) / 2] ? (double)magnitude[f] : 0.0;
    }
    return all > 0.0 ? (float)(peaks / all) : 0.0f;
}

UB_RT float ub_tonality_gate(float tonality)
{
    const float gate = (tonality - NOISE) / (TONES - NOISE);
    return gate < 0.0f ? 0.0f : gate > 1.0f ? 1.0f : gate;
}
