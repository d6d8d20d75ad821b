// SPDX-License-Identifier: GPL-3.0-or-later
#include "svd.h"
#include "unbraid/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPARE = 10, // directions beside those asked for; they make the iteration converge
    MOST_ROUNDS = 200, // of the subspace iteration
    MOST_SWEEPS = 60 // of the Jacobi rotations; about ten are used
};

static void rotate(double *x, double *y, size_t step, size_t n, double c, double s)
{
    for (size_t i = 0; i < n; i++) {
        const double a = x[i * step], b = y[i * step];
        x[i * step] = c * a - s * b;
        y[i * step] = s * a + c * b;
    }
}

// Golub, Van Loan, Matrix Computations, section 8.5: the rotation that makes a[p][q] zero.
static void jacobi_rotation(double *a, size_t n, size_t p, size_t q, double *vectors)
{
    const double apq = a[p * n + q];
    if (apq == 0.0) {
        return;
    }
    const double tau = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    const double t = (tau >= 0.0 ? 1.0 : -1.0) / (fabs(tau) + sqrt(1.0 + tau * tau));
    const double c = 1.0 / sqrt(1.0 + t * t), s = t * c;
    rotate(a + p * n, a + q * n, 1, n, c, s);
    rotate(a + p, a + q, n, n, c, s);
    rotate(vectors + p * n, vectors + q * n, 1, n, c, s);
}

static double off_diagonal(const double *a, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            sum += a[i * n + j] * a[i * n + j];
        }
    }
    return sum;
}

static void swap_rows(double *vectors, size_t n, size_t i, size_t j)
{
    for (size_t f = 0; f < n; f++) {
        const double x = vectors[i * n + f];
        vectors[i * n + f] = vectors[j * n + f];
        vectors[j * n + f] = x;
    }
}

static void sort_descending(double *values, double *vectors, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++) {
            best = values[j] > values[best] ? j : best;
        }
        if (best != i) {
            const double x = values[i];
            values[i] = values[best];
            values[best] = x;
            swap_rows(vectors, n, i, best);
        }
    }
}

void ub_symmetric_eigen(double *a, size_t n, double *values, double *vectors)
{
    double trace = 0.0;
    memset(vectors, 0, n * n * sizeof *vectors);
    for (size_t i = 0; i < n; i++) {
        vectors[i * n + i] = 1.0;
        trace += a[i * n + i] * a[i * n + i];
    }
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        if (off_diagonal(a, n) <= 1e-30 * trace) {
            break;
        }
        for (size_t p = 0; p + 1 < n; p++) {
            for (size_t q = p + 1; q < n; q++) {
                jacobi_rotation(a, n, p, q, vectors);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = a[i * n + i];
    }
    sort_descending(values, vectors, n);
}

static double dot(const double *x, const double *y, size_t n)
{
    // Eight partial sums: a fixed order that vectorises.
    double part[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            part[j] += x[i + j] * y[i + j];
        }
    }
    for (; i < n; i++) {
        part[0] += x[i] * y[i];
    }
    return ((part[0] + part[1]) + (part[2] + part[3])) +
           ((part[4] + part[5]) + (part[6] + part[7]));
}

static void add_scaled(double *x, const double *y, double scale, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] += scale * y[i];
    }
}

// Modified Gram-Schmidt, twice for safety; a direction that vanishes becomes zero.
static void orthonormalise(double *rows, size_t n_rows, size_t n)
{
    for (size_t i = 0; i < n_rows; i++) {
        double *row = rows + i * n;
        const double length = sqrt(dot(row, row, n));
        for (int round = 0; round < 2; round++) {
            for (size_t j = 0; j < i; j++) {
                add_scaled(row, rows + j * n, -dot(row, rows + j * n, n), n);
            }
        }
        const double rest = sqrt(dot(row, row, n));
        const double scale = rest > 1e-12 * length && rest > 0.0 ? 1.0 / rest : 0.0;
        for (size_t f = 0; f < n; f++) {
            row[f] *= scale;
        }
    }
}

// The matrix with its shorter side as `m`, in double, `n` vectors of m.
typedef struct operand {
    double *columns;
    size_t m, n;
    bool transposed;
} operand;

static bool operand_new(const ub_matrix *a, operand *out)
{
    out->transposed = a->n_cols < a->n_rows;
    out->m = out->transposed ? a->n_cols : a->n_rows;
    out->n = out->transposed ? a->n_rows : a->n_cols;
    out->columns = malloc((out->m * out->n + 1) * sizeof(double));
    if (!out->columns) {
        return false;
    }
    for (size_t i = 0; i < out->n; i++) {
        for (size_t j = 0; j < out->m; j++) {
            const size_t row = out->transposed ? i : j, col = out->transposed ? j : i;
            out->columns[i * out->m + j] = (double)ub_matrix_column(a, col)[row];
        }
    }
    return true;
}

// gram = a a' over the shorter side.
static void fill_gram(const operand *a, double *gram)
{
    memset(gram, 0, a->m * a->m * sizeof *gram);
    for (size_t i = 0; i < a->n; i++) {
        const double *x = a->columns + i * a->m;
        for (size_t p = 0; p < a->m; p++) {
            if (x[p] != 0.0) {
                add_scaled(gram + p * a->m, x, x[p], p + 1);
            }
        }
    }
    for (size_t p = 0; p < a->m; p++) {
        for (size_t q = 0; q < p; q++) {
            gram[q * a->m + p] = gram[p * a->m + q];
        }
    }
}

static void multiply(const double *gram, size_t m, const double *rows, size_t n_rows, double *out)
{
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t p = 0; p < m; p++) {
            out[i * m + p] = dot(gram + p * m, rows + i * m, m);
        }
    }
}

// Rotate the rows of `basis` to eigenvectors of the Gram matrix within their span.
static void rayleigh_ritz(const double *product, double *basis, size_t n_rows, size_t m,
                          double *small, double *values, double *vectors, double *spare)
{
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j <= i; j++) {
            small[i * n_rows + j] = small[j * n_rows + i] = dot(product + i * m, basis + j * m, m);
        }
    }
    ub_symmetric_eigen(small, n_rows, values, vectors);
    memset(spare, 0, n_rows * m * sizeof *spare);
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_rows; j++) {
            add_scaled(spare + i * m, basis + j * m, vectors[i * n_rows + j], m);
        }
    }
    memcpy(basis, spare, n_rows * m * sizeof *spare);
}

static bool rests(const double *values, double *last, size_t n)
{
    bool resting = true;
    for (size_t i = 0; i < n; i++) {
        resting &= fabs(values[i] - last[i]) <= 1e-13 * fabs(values[0]);
        last[i] = values[i];
    }
    return resting;
}

// Eigenvectors of the Gram matrix into `basis` (n_rows x m), eigenvalues into `values`.
static bool subspace_iteration(const double *gram, size_t m, size_t n_rows, size_t n_wanted,
                               uint64_t seed, double *basis, double *values)
{
    double *product = malloc(n_rows * m * sizeof *product);
    double *spare = malloc(n_rows * m * sizeof *spare);
    double *small = malloc(2 * n_rows * n_rows * sizeof *small);
    double *last = calloc(n_rows, sizeof *last);
    const bool good = product && spare && small && last;
    ub_random random = ub_random_new(seed);
    for (size_t i = 0; good && i < n_rows * m; i++) {
        basis[i] = ub_random_normal(&random);
    }
    for (int round = 0; good && round < MOST_ROUNDS; round++) {
        orthonormalise(basis, n_rows, m);
        multiply(gram, m, basis, n_rows, product);
        rayleigh_ritz(product, basis, n_rows, m, small, values, small + n_rows * n_rows, spare);
        if (n_rows == m || rests(values, last, n_wanted)) {
            break;
        }
        multiply(gram, m, basis, n_rows, product);
        memcpy(basis, product, n_rows * m * sizeof *basis);
    }
    free(product);
    free(spare);
    free(small);
    free(last);
    return good;
}

static void other_side(const operand *a, const double *near, double s, double *far)
{
    for (size_t i = 0; i < a->n; i++) {
        far[i] = dot(a->columns + i * a->m, near, a->m) / s;
    }
}

void ub_svd_free(ub_svd *svd)
{
    free(svd->s);
    free(svd->u);
    free(svd->v);
    *svd = (ub_svd){0};
}

static bool triplets_new(const operand *a, const double *basis, const double *values, size_t most,
                         ub_svd *out)
{
    size_t n = 0;
    while (n < most && values[n] > 1e-14 * values[0] && values[n] > 0.0) {
        n++;
    }
    const size_t room = n ? n : 1;
    ub_svd svd = {.n = n,
                  .s = calloc(room, sizeof(double)),
                  .u = calloc(room * (a->transposed ? a->n : a->m), sizeof(double)),
                  .v = calloc(room * (a->transposed ? a->m : a->n), sizeof(double))};
    if (!svd.s || !svd.u || !svd.v) {
        ub_svd_free(&svd);
        return false;
    }
    double *near = a->transposed ? svd.v : svd.u, *far = a->transposed ? svd.u : svd.v;
    for (size_t i = 0; i < n; i++) {
        svd.s[i] = sqrt(values[i]);
        memcpy(near + i * a->m, basis + i * a->m, a->m * sizeof *near);
        other_side(a, basis + i * a->m, svd.s[i], far + i * a->n);
    }
    *out = svd;
    return true;
}

ub_status ub_svd_new(const ub_matrix *a, size_t most, uint64_t seed, ub_svd *out)
{
    operand op;
    if (!operand_new(a, &op)) {
        return UB_NO_MEMORY;
    }
    most = most < op.m ? most : op.m;
    const size_t n_rows = 2 * most + SPARE < op.m ? most + SPARE : op.m;
    double *gram = malloc((op.m * op.m + 1) * sizeof *gram);
    double *basis = malloc((n_rows * op.m + 1) * sizeof *basis);
    double *values = calloc(n_rows ? n_rows : 1, sizeof *values);
    bool good = gram && basis && values;
    if (good) {
        fill_gram(&op, gram);
        good = subspace_iteration(gram, op.m, n_rows, most, seed, basis, values) &&
               triplets_new(&op, basis, values, most, out);
    }
    free(op.columns);
    free(gram);
    free(basis);
    free(values);
    return good ? UB_OK : UB_NO_MEMORY;
}
