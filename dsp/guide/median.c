// SPDX-License-Identifier: GPL-3.0-or-later
// Rows lie across memory: sixteen of them, a cache line of every column, are turned at a time.
#include "median.h"
#include "ground/threads.h"

#include <stdlib.h>
#include <string.h>

enum { LINES = 16 };

// Where a value stands in a sorted window, or where it would.
static size_t place(const float *sorted, size_t n, float value)
{
    size_t first = 0;
    while (n > 0) {
        const size_t half = n / 2;
        const bool is_right = sorted[first + half] < value;
        first = is_right ? first + half + 1 : first;
        n = is_right ? n - half - 1 : half;
    }
    return first;
}

static void insert(float *sorted, size_t *n, float value)
{
    const size_t at = place(sorted, *n, value);
    memmove(sorted + at + 1, sorted + at, (*n - at) * sizeof *sorted);
    sorted[at] = value;
    (*n)++;
}

static void remove_one(float *sorted, size_t *n, float value)
{
    const size_t at = place(sorted, *n, value);
    (*n)--;
    memmove(sorted + at, sorted + at + 1, (*n - at) * sizeof *sorted);
}

// One goes, one comes: only what is between them moves.
static void replace(float *sorted, size_t n, float old, float value)
{
    size_t at = place(sorted, n, old);
    for (; at + 1 < n && sorted[at + 1] < value; at++) {
        sorted[at] = sorted[at + 1];
    }
    for (; at > 0 && sorted[at - 1] > value; at--) {
        sorted[at] = sorted[at - 1];
    }
    sorted[at] = value;
}

// The window slides value by value; it grows before it shrinks and so is never empty.
static void run(const float *x, const ub_span *spans, size_t n, float *sorted, float *out)
{
    ub_span now = {spans[0].first, spans[0].first};
    size_t n_sorted = 0;
    for (size_t i = 0; i < n; i++) {
        while (now.first < spans[i].first && now.end < spans[i].end) {
            replace(sorted, n_sorted, x[now.first++], x[now.end++]);
        }
        while (now.end < spans[i].end) {
            insert(sorted, &n_sorted, x[now.end++]);
        }
        while (now.first < spans[i].first) {
            remove_one(sorted, &n_sorted, x[now.first++]);
        }
        out[i] = sorted[(n_sorted - 1) / 2];
    }
}

// ---- along frequency: columns as they are ------------------------------------------------------

ub_status ub_median_along_frequency(const ub_matrix *V, const ub_span *spans, size_t n_threads,
                                    ub_matrix *out)
{
    const size_t n = ub_thread_count(n_threads), stride = V->stride;
    float *sorted = malloc(n * stride * sizeof *sorted);
    if (!sorted) {
        return UB_NO_MEMORY;
    }
#pragma omp parallel for schedule(static) num_threads((int)n)
    for (size_t t = 0; t < V->n_cols; t++) {
        run(ub_matrix_column(V, t), spans, V->n_rows, sorted + ub_thread_index() * stride,
            ub_matrix_column(out, t));
    }
    free(sorted);
    return UB_OK;
}

// ---- along time --------------------------------------------------------------------------------

// Some rows of the matrix, turned into lines and back.
static void median_of_rows(const ub_matrix *V, size_t first, const ub_span *spans, float *lines,
                           ub_matrix *out)
{
    const size_t n_frames = V->n_cols, rest = V->n_rows - first;
    const size_t n = rest < LINES ? rest : LINES;
    float *sorted = lines + LINES * n_frames, *medians = sorted + n_frames;
    for (size_t t = 0; t < n_frames; t++) {
        const float *v = ub_matrix_column(V, t) + first;
        for (size_t i = 0; i < n; i++) {
            lines[i * n_frames + t] = v[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        run(lines + i * n_frames, spans, n_frames, sorted, medians);
        memcpy(lines + i * n_frames, medians, n_frames * sizeof *medians);
    }
    for (size_t t = 0; t < n_frames; t++) {
        float *to = ub_matrix_column(out, t) + first;
        for (size_t i = 0; i < n; i++) {
            to[i] = lines[i * n_frames + t];
        }
    }
}

ub_status ub_median_along_time(const ub_matrix *V, size_t around, size_t n_threads, ub_matrix *out)
{
    const size_t n = ub_thread_count(n_threads), n_frames = V->n_cols;
    const size_t n_floats = (LINES + 2) * n_frames;
    float *lines = malloc(n * n_floats * sizeof *lines);
    ub_span *spans = malloc(n_frames * sizeof *spans);
    if (!lines || !spans) {
        free(lines);
        free(spans);
        return UB_NO_MEMORY;
    }
    for (size_t t = 0; t < n_frames; t++) {
        spans[t].first = t < around ? 0 : t - around;
        spans[t].end = n_frames - t <= around ? n_frames : t + around + 1;
    }
#pragma omp parallel for schedule(static) num_threads((int)n)
    for (size_t first = 0; first < V->n_rows; first += LINES) {
        median_of_rows(V, first, spans, lines + ub_thread_index() * n_floats, out);
    }
    free(lines);
    free(spans);
    return UB_OK;
}
