// SPDX-License-Identifier: GPL-3.0-or-later
#include "factor/svd.h"
#include "malloc_guard.h"
#include "reference_svd.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static ub_matrix new_matrix(size_t m, size_t n)
{
    ub_matrix a;
    assert_int_equal(ub_matrix_new(m, n, &a), UB_OK);
    return a;
}

// A matrix of rank `rank`: uniform factors, so that its singular values spread.
static ub_matrix random_matrix(size_t m, size_t n, size_t rank, ub_random *random)
{
    ub_matrix a = new_matrix(m, n), left = new_matrix(m, rank), right = new_matrix(n, rank);
    for (size_t i = 0; i < (m + n) * rank; i++) {
        ub_matrix *side = i < m * rank ? &left : &right;
        const size_t j = i < m * rank ? i : i - m * rank;
        ub_matrix_column(side, j / side->n_rows)[j % side->n_rows] = ub_random_uniform(random);
    }
    for (size_t i = 0; i < m * n; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < rank; k++) {
            sum += (double)ub_matrix_column(&left, k)[i % m] *
                   (double)ub_matrix_column(&right, k)[i / m];
        }
        ub_matrix_column(&a, i / m)[i % m] = (float)sum;
    }
    ub_matrix_free(&left);
    ub_matrix_free(&right);
    return a;
}

static double *doubles(const ub_matrix *a)
{
    double *out = calloc(a->n_rows * a->n_cols, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < a->n_rows * a->n_cols; i++) {
        out[i] = (double)ub_matrix_column(a, i / a->n_rows)[i % a->n_rows];
    }
    return out;
}

static double inner(const double *x, const double *y, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

static void assert_orthonormal(const double *vectors, size_t n_vectors, size_t n, double tolerance)
{
    for (size_t i = 0; i < n_vectors; i++) {
        for (size_t j = 0; j <= i; j++) {
            const double wanted = i == j ? 1.0 : 0.0;
            assert_true(fabs(inner(vectors + i * n, vectors + j * n, n) - wanted) <= tolerance);
        }
    }
}

static void a_diagonal_matrix_has_its_diagonal_as_values(void **state)
{
    (void)state;
    const float values[] = {2.0f, 5.0f, 0.0f, 3.0f};
    ub_matrix a = new_matrix(4, 6);
    for (size_t i = 0; i < 4; i++) {
        ub_matrix_column(&a, i + 1)[i] = values[i];
    }
    ub_svd svd;
    assert_int_equal(ub_svd_new(&a, 4, 1, &svd), UB_OK);
    assert_int_equal(svd.n, 3); // the zero is beyond the rank
    const size_t rows[] = {1, 3, 0};
    for (size_t i = 0; i < 3; i++) {
        assert_true(fabs(svd.s[i] - (double)values[rows[i]]) < 1e-12);
        assert_true(fabs(fabs(svd.u[i * 4 + rows[i]]) - 1.0) < 1e-12);
        assert_true(fabs(svd.u[i * 4 + rows[i]] - svd.v[i * 6 + rows[i] + 1]) < 1e-12);
    }
    ub_svd_free(&svd);
    ub_matrix_free(&a);
}

// Vectors of well separated values agree to rounding; a and its transpose take different paths.
static void leading_triplets_match_the_reference(void **state)
{
    (void)state;
    ub_random random = ub_random_new(31);
    const size_t shapes[][4] = {
        // m, n, rank, most
        {7, 7, 7, 7},  {40, 25, 25, 5}, {25, 40, 25, 5}, {60, 55, 8, 8},
        {1, 30, 1, 1}, {30, 1, 1, 1},   {50, 48, 48, 3}, {48, 50, 48, 20},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t m = shapes[i][0], n = shapes[i][1], most = shapes[i][3];
        ub_matrix a = random_matrix(m, n, shapes[i][2], &random);
        double *exact = doubles(&a), *s = calloc(m + n, sizeof *s);
        double *u = calloc(m * (m + n), sizeof *u), *v = calloc(n * (m + n), sizeof *v);
        assert_true(s && u && v);
        reference_svd(exact, m, n, s, u, v);
        ub_svd svd;
        assert_int_equal(ub_svd_new(&a, most, 5, &svd), UB_OK);
        assert_int_equal(svd.n, most);
        assert_orthonormal(svd.u, svd.n, m, 1e-7);
        assert_orthonormal(svd.v, svd.n, n, 1e-7);
        const size_t rank = m < n ? m : n;
        for (size_t k = 0; k < svd.n; k++) {
            assert_true(fabs(svd.s[k] - s[k]) <= 1e-9 * s[0]);
            const double gap =
                fmin(k > 0 ? s[k - 1] - s[k] : s[0], k + 1 < rank ? s[k] - s[k + 1] : s[k]);
            // The square root of the 1e-13 at which the values rest, over their distance.
            const double tolerance = 1e-6 * s[0] / gap;
            assert_true(fabs(fabs(inner(svd.u + k * m, u + k * m, m)) - 1.0) <= tolerance);
            assert_true(fabs(fabs(inner(svd.v + k * n, v + k * n, n)) - 1.0) <= tolerance);
            assert_true(inner(svd.u + k * m, u + k * m, m) * inner(svd.v + k * n, v + k * n, n) >
                        0.0);
        }
        ub_svd_free(&svd);
        ub_matrix_free(&a);
        free(exact);
        free(s);
        free(u);
        free(v);
    }
}

static void triplets_beyond_the_rank_are_left_out(void **state)
{
    (void)state;
    ub_random random = ub_random_new(32);
    ub_matrix a = random_matrix(30, 20, 3, &random);
    ub_svd svd;
    assert_int_equal(ub_svd_new(&a, 20, 1, &svd), UB_OK);
    // Rounding to single precision adds values some 1e-8 of the first: below the threshold, or
    // just above.
    assert_true(svd.n >= 3 && svd.s[2] > 1e-4 * svd.s[0]);
    for (size_t i = 3; i < svd.n; i++) {
        assert_true(svd.s[i] < 1e-6 * svd.s[0]);
    }
    ub_svd_free(&svd);
    for (size_t col = 0; col < 20; col++) {
        for (size_t row = 0; row < 30; row++) {
            ub_matrix_column(&a, col)[row] = 0.0f;
        }
    }
    assert_int_equal(ub_svd_new(&a, 5, 1, &svd), UB_OK);
    assert_int_equal(svd.n, 0);
    ub_svd_free(&svd);
    ub_matrix_free(&a);
}

static void eigenvectors_diagonalise_a_symmetric_matrix(void **state)
{
    (void)state;
    enum { N = 12 };
    ub_random random = ub_random_new(33);
    double a[N * N], copy[N * N], values[N], vectors[N * N];
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j <= i; j++) {
            a[i * N + j] = a[j * N + i] = ub_random_normal(&random);
        }
    }
    for (size_t i = 0; i < N * N; i++) {
        copy[i] = a[i];
    }
    ub_symmetric_eigen(copy, N, values, vectors);
    assert_orthonormal(vectors, N, N, 1e-13);
    for (size_t i = 0; i < N; i++) {
        assert_true(i == 0 || values[i] <= values[i - 1]);
        for (size_t row = 0; row < N; row++) {
            const double product = inner(a + row * N, vectors + i * N, N);
            assert_true(fabs(product - values[i] * vectors[i * N + row]) < 1e-12);
        }
    }
}

static void a_seed_decides_every_bit(void **state)
{
    (void)state;
    ub_random random = ub_random_new(34);
    ub_matrix a = random_matrix(60, 50, 50, &random);
    ub_svd one, same;
    assert_int_equal(ub_svd_new(&a, 4, 9, &one), UB_OK);
    assert_int_equal(ub_svd_new(&a, 4, 9, &same), UB_OK);
    for (size_t i = 0; i < 4 * 60; i++) {
        assert_true(one.u[i] == same.u[i]);
    }
    ub_svd_free(&one);
    ub_svd_free(&same);
    ub_matrix_free(&a);
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_random random = ub_random_new(35);
    ub_matrix a = random_matrix(60, 50, 50, &random);
    ub_status status = UB_NO_MEMORY;
    size_t n = 0, held = 0;
    ub_svd svd;
    while (status == UB_NO_MEMORY) {
        malloc_guard_start(++n);
        status = ub_svd_new(&a, 4, 9, &svd);
        malloc_guard_stop(&held);
        assert_true(status == UB_OK || held == 0);
    }
    assert_int_equal(status, UB_OK);
    assert_true(n > 8);
    ub_svd_free(&svd);
    ub_matrix_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_diagonal_matrix_has_its_diagonal_as_values),
        cmocka_unit_test(leading_triplets_match_the_reference),
        cmocka_unit_test(triplets_beyond_the_rank_are_left_out),
        cmocka_unit_test(eigenvectors_diagonalise_a_symmetric_matrix),
        cmocka_unit_test(a_seed_decides_every_bit),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
