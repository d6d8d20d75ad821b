// SPDX-License-Identifier: GPL-3.0-or-later
// All jumps cost the same, so that one of them is worth looking at: from the best state.
#include "viterbi.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

// A state and the sum of the best path to it.
typedef struct origin {
    size_t state;
    double sum;
} origin;

static size_t best_of(const double *sums, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++) {
        best = sums[k] > sums[best] ? k : best;
    }
    return best;
}

static void consider(const double *sums, size_t state, double cost, origin *best)
{
    if (sums[state] - cost > best->sum) {
        *best = (origin){state, sums[state] - cost};
    }
}

static origin find_origin(const double *sums, size_t n, size_t top, ub_moves moves, size_t state)
{
    origin best = {state, sums[state]};
    for (size_t away = 1; away <= moves.reach; away++) {
        const double cost = (double)away * moves.step;
        if (state >= away) {
            consider(sums, state - away, cost, &best);
        }
        if (n - state > away) {
            consider(sums, state + away, cost, &best);
        }
    }
    consider(sums, top, moves.jump, &best);
    return best;
}

// One frame; `from` is where the best path to each state was before.
static void advance(const float *fits, size_t n, ub_moves moves, const double *before,
                    double *after, uint16_t *from)
{
    const size_t top = best_of(before, n);
    for (size_t k = 0; k < n; k++) {
        const origin best = find_origin(before, n, top, moves, k);
        after[k] = best.sum + (double)fits[k];
        from[k] = (uint16_t)best.state;
    }
}

ub_status ub_viterbi_follow(const ub_matrix *fits, ub_moves moves, size_t *path)
{
    const size_t n = fits->n_rows, n_frames = fits->n_cols;
    assert(n > 0 && n <= UINT16_MAX);
    uint16_t *from = calloc(n * n_frames, sizeof *from);
    double *sums = calloc(2 * n, sizeof *sums);
    if (!from || !sums) {
        free(from);
        free(sums);
        return UB_NO_MEMORY;
    }
    double *before = sums, *after = sums + n;
    for (size_t t = 0; t < n_frames; t++) {
        advance(ub_matrix_column(fits, t), n, moves, before, after, from + t * n);
        double *swap = before;
        before = after;
        after = swap;
    }
    size_t at = best_of(before, n);
    for (size_t t = n_frames; t-- > 0; at = from[t * n + at]) {
        path[t] = at;
    }
    free(from);
    free(sums);
    return UB_OK;
}
