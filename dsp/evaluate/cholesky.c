// SPDX-License-Identifier: GPL-3.0-or-later
// Row by row (Banachiewicz). Rows are taken in groups, so that each finished row is fetched from
// memory once for all rows of a group, and in fours, so that each number is loaded once for four
// products.
#include "cholesky.h"

#include <math.h>
#include <string.h>

enum { GROUP = 16, ROWS = 4, LANES = 4 };

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

static lanes load(const double *from)
{
    lanes x;
    memcpy(&x, from, sizeof x); // which need not be aligned
    return x;
}

static double dot(const double *x, const double *y, size_t n)
{
    double part[2 * LANES] = {0};
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        for (size_t j = 0; j < 2 * LANES; j++) {
            part[j] += x[i + j] * y[i + j];
        }
    }
    for (; i < n; i++) {
        part[0] += x[i] * y[i];
    }
    return ((part[0] + part[1]) + (part[2] + part[3])) +
           ((part[4] + part[5]) + (part[6] + part[7]));
}

// Products of ROWS rows with another.
static void dot_rows(const double *rows, size_t stride, const double *y, size_t n, double *out)
{
    lanes part[ROWS] = {{0}};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes other = load(y + i);
        for (size_t r = 0; r < ROWS; r++) {
            part[r] += load(rows + r * stride + i) * other;
        }
    }
    for (size_t r = 0; r < ROWS; r++) {
        out[r] = (part[r][0] + part[r][1]) + (part[r][2] + part[r][3]);
        for (size_t k = i; k < n; k++) {
            out[r] += rows[r * stride + k] * y[k];
        }
    }
}

// Columns [0, first) of the rows [first, end).
static void fill_left(double *a, size_t n, size_t first, size_t end)
{
    for (size_t j = 0; j < first; j++) {
        const double *done = a + j * n, pivot = done[j];
        size_t i = first;
        for (; i + ROWS <= end; i += ROWS) {
            double product[ROWS];
            dot_rows(a + i * n, n, done, j, product);
            for (size_t r = 0; r < ROWS; r++) {
                a[(i + r) * n + j] = (a[(i + r) * n + j] - product[r]) / pivot;
            }
        }
        for (; i < end; i++) {
            a[i * n + j] = (a[i * n + j] - dot(a + i * n, done, j)) / pivot;
        }
    }
}

// The rest of them. An infinite pivot makes zeros of all that is divided by it.
static void fill_corner(double *a, size_t n, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        double *row = a + i * n;
        for (size_t j = first; j < i; j++) {
            row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        }
        const double pivot = row[i] - dot(row, row, i);
        row[i] = pivot > 1e-15 * row[i] ? sqrt(pivot) : INFINITY;
    }
}

ub_status ub_cholesky(double *a, size_t n, const ub_progress *progress)
{
    for (size_t first = 0; first < n; first += GROUP) {
        const double done = (double)first / (double)n;
        const ub_status status = ub_progress_report(progress, "score", done * done * done);
        if (status) {
            return status;
        }
        const size_t end = first + GROUP < n ? first + GROUP : n;
        fill_left(a, n, first, end);
        fill_corner(a, n, first, end);
    }
    return UB_OK;
}

double ub_cholesky_form(const double *factor, size_t n, const double *d, double *work)
{
    for (size_t i = 0; i < n; i++) {
        work[i] = (d[i] - dot(factor + i * n, work, i)) / factor[i * n + i];
    }
    return dot(work, work, n);
}
