// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_svd.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double *new_doubles(size_t n)
{
    double *memory = calloc(n ? n : 1, sizeof *memory);
    if (!memory) {
        fputs("no memory for the reference\n", stderr);
        abort();
    }
    return memory;
}

// One-sided Jacobi (Hestenes 1958): rotate pairs of columns until all are orthogonal. `columns`
// n of m; `turns` n of n starts as the identity and becomes V.
static void orthogonalise(double *columns, double *turns, size_t m, size_t n)
{
    for (int sweep = 0; sweep < 60; sweep++) {
        double worst = 0.0;
        for (size_t p = 0; p + 1 < n; p++) {
            for (size_t q = p + 1; q < n; q++) {
                double pp = 0.0, qq = 0.0, pq = 0.0;
                double *x = columns + p * m, *y = columns + q * m;
                for (size_t i = 0; i < m; i++) {
                    pp += x[i] * x[i];
                    qq += y[i] * y[i];
                    pq += x[i] * y[i];
                }
                if (fabs(pq) <= 1e-16 * sqrt(pp * qq) || pq == 0.0) {
                    continue;
                }
                worst = fmax(worst, fabs(pq) / sqrt(pp * qq));
                const double tau = (qq - pp) / (2.0 * pq);
                const double t = copysign(1.0, tau) / (fabs(tau) + hypot(1.0, tau));
                const double c = 1.0 / hypot(1.0, t), s = c * t;
                for (size_t i = 0; i < m + n; i++) {
                    double *a = i < m ? x + i : turns + p * n + (i - m);
                    double *b = i < m ? y + i : turns + q * n + (i - m);
                    const double old = *a;
                    *a = c * old - s * *b;
                    *b = s * old + c * *b;
                }
            }
        }
        if (worst < 1e-14) {
            return;
        }
    }
}

static double length(const double *x, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sqrt(sum);
}

void reference_svd(const double *a, size_t m, size_t n, double *s, double *u, double *v)
{
    const size_t rank = m < n ? m : n;
    double *columns = new_doubles(m * n), *turns = new_doubles(n * n);
    memcpy(columns, a, m * n * sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        turns[i * n + i] = 1.0;
    }
    orthogonalise(columns, turns, m, n);
    for (size_t i = 0; i < rank; i++) {
        size_t best = 0;
        for (size_t j = 1; j < n; j++) {
            best = length(columns + j * m, m) > length(columns + best * m, m) ? j : best;
        }
        s[i] = length(columns + best * m, m);
        for (size_t row = 0; row < m; row++) {
            u[i * m + row] = s[i] > 0.0 ? columns[best * m + row] / s[i] : 0.0;
            columns[best * m + row] = 0.0; // taken
        }
        memcpy(v + i * n, turns + best * n, n * sizeof *v);
    }
    free(columns);
    free(turns);
}

static void split(const double *x, size_t n, double *plus, double *minus)
{
    for (size_t i = 0; i < n; i++) {
        plus[i] = x[i] > 0.0 ? x[i] : 0.0;
        minus[i] = x[i] < 0.0 ? -x[i] : 0.0;
    }
}

size_t reference_nndsvd(const double *a, size_t m, size_t n, size_t n_components, double *w,
                        double *h)
{
    const size_t rank = m < n ? m : n;
    double *s = new_doubles(rank), *u = new_doubles(rank * m), *v = new_doubles(rank * n);
    double *up = new_doubles(m), *um = new_doubles(m), *vp = new_doubles(n), *vm = new_doubles(n);
    size_t n_negative = 0;
    reference_svd(a, m, n, s, u, v);
    memset(w, 0, n_components * m * sizeof *w);
    memset(h, 0, n_components * n * sizeof *h);
    // A triplet that is all rounding is beyond the rank of a.
    for (size_t k = 0; k < n_components && k < rank && s[k] > 1e-7 * s[0]; k++) {
        split(u + k * m, m, up, um);
        split(v + k * n, n, vp, vm);
        const double plus = length(up, m) * length(vp, n);
        const double minus = length(um, m) * length(vm, n);
        const bool negative = k > 0 && plus < minus;
        n_negative += negative;
        const double *x = negative ? um : up, *y = negative ? vm : vp;
        for (size_t i = 0; i < m; i++) {
            w[k * m + i] = k == 0 ? sqrt(s[0]) * fabs(u[i])
                                  : sqrt(s[k] * fmax(plus, minus)) * x[i] / length(x, m);
        }
        for (size_t i = 0; i < n; i++) {
            h[i * n_components + k] = k == 0 ? sqrt(s[0]) * fabs(v[i])
                                             : sqrt(s[k] * fmax(plus, minus)) * y[i] / length(y, n);
        }
    }
    free(s);
    free(u);
    free(v);
    free(up);
    free(um);
    free(vp);
    free(vm);
    return n_negative;
}
