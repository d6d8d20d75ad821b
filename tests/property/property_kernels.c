// SPDX-License-Identifier: GPL-3.0-or-later
// Every set of kernels that this machine runs, one kernel at a time, against plain loops over
// shapes that leave every kind of remainder.
#include "factor/fit.h"
#include "kernel_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_SHAPES = 60 };

static double model_at(const kernel_case *b, size_t c, size_t f, size_t t, size_t first, size_t end)
{
    double x = 0.0;
    for (size_t k = first; k < end; k++) {
        x += kernel_case_at(&b->gains, c, k) * kernel_case_at(&b->templates, f, k) *
             kernel_case_at(&b->activations, k, t);
    }
    return x;
}

// Where a template entry lies, by what kernels.h says.
static size_t offset_of(const kernel_case *b, size_t c, size_t f, size_t k)
{
    size_t width;
    const size_t panel_bins = b->kernels->panel_bins;
    const size_t start = ub_packing_panel(&b->packing, panel_bins, c, f / panel_bins, &width);
    return start + k * width + f % panel_bins;
}

static void for_all(void (*check)(kernel_case *, ub_random *))
{
    const ub_kernels *sets[4];
    const size_t n = ub_kernels_all(sets);
    for (size_t set = 0; set < n; set++) {
        ub_random random = ub_random_new(11);
        for (size_t i = 0; i < N_SHAPES; i++) {
            kernel_case b = kernel_case_new(sets[set], 40, 24, &random);
            check(&b, &random);
            kernel_case_free(&b);
        }
    }
}

static void check_pack(kernel_case *b, ub_random *random)
{
    (void)random;
    double sum = 0.0, wanted = 0.0;
    for (size_t c = 0; c < b->n_channels; c++) {
        for (size_t f = 0; f < b->n_bins; f++) {
            for (size_t k = 0; k < b->n_components; k++) {
                const float gain = ub_matrix_column(&b->gains, k)[c];
                const float product = gain * ub_matrix_column(&b->templates, k)[f];
                assert_true(b->packed.data[offset_of(b, c, f, k)] == product);
                wanted += (double)product;
            }
        }
    }
    for (size_t i = 0; i < b->packing.n_floats; i++) {
        sum += (double)b->packed.data[i];
    }
    // The padding holds nothing.
    assert_true(fabs(sum - wanted) <= 1e-12 * wanted);
}

static void packing_scales_by_gains_and_pads_with_zeros(void **state)
{
    (void)state;
    for_all(check_pack);
}

static void check_model(kernel_case *b, ub_random *random)
{
    const size_t n_k = b->n_components, padded = b->packing.padded_bins;
    const size_t first[] = {0, ub_random_bits(random) % (n_k + 1), n_k};
    ub_matrix groups[2];
    assert_int_equal(ub_matrix_new(padded, b->n_frames, &groups[0]), UB_OK);
    assert_int_equal(ub_matrix_new(padded, b->n_frames, &groups[1]), UB_OK);
    float *out[] = {groups[0].data, groups[1].data};
    for (size_t c = 0; c < b->n_channels; c++) {
        b->kernels->model(&b->packing, b->packed.data, c, b->activations.data,
                          b->activations.stride, b->n_frames, 2, first, out, groups[0].stride);
        for (size_t t = 0; t < b->n_frames; t++) {
            for (size_t f = 0; f < padded; f++) {
                for (size_t g = 0; g < 2; g++) {
                    const double x =
                        f < b->n_bins ? model_at(b, c, f, t, first[g], first[g + 1]) : 0.0;
                    // K roundings of half an ulp each, all terms positive.
                    assert_true(fabs(kernel_case_at(&groups[g], f, t) - x) <=
                                6e-8 * (double)(n_k + 2) * x);
                }
            }
        }
    }
    ub_matrix_free(&groups[0]);
    ub_matrix_free(&groups[1]);
}

static void models_of_groups_match_the_reference(void **state)
{
    (void)state;
    for_all(check_model);
}

// ---- one sweep ---------------------------------------------------------------------------------

static double divergence(double beta, double v, double x)
{
    if (beta == 0.0) {
        return v / x - log(v / x) - 1.0;
    }
    if (beta == 1.0) {
        return v * log(v / x) - v + x;
    }
    return (pow(v, beta) + (beta - 1.0) * pow(x, beta) - beta * v * pow(x, beta - 1.0)) /
           (beta * (beta - 1.0));
}

typedef struct sweep_room {
    float *work, *ratio_sums, *power_sums;
    ub_matrix renewed, template_sums, ones, exponents;
} sweep_room;

// Every fifth row rests, unless all have the exponent.
static sweep_room room_new(const kernel_case *b, double exponent, bool all)
{
    const size_t n_k = (b->n_components + 15) / 16 * 16;
    const size_t work = ub_sweep_work_size(&b->packing, b->kernels->panel_bins, b->n_frames);
    sweep_room room;
    ub_matrix memory[3];
    assert_int_equal(ub_matrix_new(work, 1, &memory[0]), UB_OK);
    assert_int_equal(ub_matrix_new(b->packing.n_floats, 1, &memory[1]), UB_OK);
    assert_int_equal(ub_matrix_new(b->packing.n_floats, 1, &memory[2]), UB_OK);
    room.work = memory[0].data;
    room.ratio_sums = memory[1].data;
    room.power_sums = memory[2].data;
    assert_int_equal(ub_matrix_new(n_k, b->n_frames, &room.renewed), UB_OK);
    assert_int_equal(ub_matrix_new(n_k, 1, &room.template_sums), UB_OK);
    assert_int_equal(ub_matrix_new(n_k, 1, &room.ones), UB_OK);
    assert_int_equal(ub_matrix_new(n_k, 1, &room.exponents), UB_OK);
    for (size_t k = 0; k < b->n_components; k++) {
        room.ones.data[k] = 1.0f;
        room.exponents.data[k] = k % 5 == 4 && !all ? 0.0f : (float)exponent;
        double sum = 0.0;
        for (size_t i = 0; i < b->n_channels * b->n_bins; i++) {
            sum += kernel_case_at(&b->gains, i / b->n_bins, k) *
                   kernel_case_at(&b->templates, i % b->n_bins, k);
        }
        room.template_sums.data[k] = (float)sum;
    }
    return room;
}

static void room_free(sweep_room *room)
{
    free(room->work);
    free(room->ratio_sums);
    free(room->power_sums);
    ub_matrix_free(&room->renewed);
    ub_matrix_free(&room->template_sums);
    ub_matrix_free(&room->ones);
    ub_matrix_free(&room->exponents);
}

static const double FLOOR = 1e-10;

// New activations of a frame, by the definition.
static double renewed_at(const kernel_case *b, double beta, double exponent, double l1, double l2,
                         size_t k, size_t t)
{
    const double h = kernel_case_at(&b->activations, k, t);
    double numerator = 0.0, denominator = l1 + l2 * h;
    for (size_t c = 0; c < b->n_channels; c++) {
        for (size_t f = 0; f < b->n_bins; f++) {
            const double w = kernel_case_at(&b->gains, c, k) * kernel_case_at(&b->templates, f, k);
            const double x = model_at(b, c, f, t, 0, b->n_components) + FLOOR;
            numerator += w * kernel_case_at(&b->spectra[c], f, t) * pow(x, beta - 2.0);
            denominator += w * pow(x, beta - 1.0);
        }
    }
    return h * pow(numerator / denominator, exponent);
}

static void check_sums(const kernel_case *b, const sweep_room *room, double beta)
{
    kernel_case renewed = *b;
    renewed.activations = room->renewed;
    for (size_t c = 0; c < b->n_channels; c++) {
        for (size_t f = 0; f < b->n_bins; f += 1 + b->n_bins / 20) {
            for (size_t k = 0; k < b->n_components; k++) {
                double ratio = 0.0, power = 0.0;
                for (size_t t = 0; t < b->n_frames; t++) {
                    const double h = kernel_case_at(&room->renewed, k, t);
                    const double x = model_at(&renewed, c, f, t, 0, b->n_components) + FLOOR;
                    ratio += kernel_case_at(&b->spectra[c], f, t) * pow(x, beta - 2.0) * h;
                    power += pow(x, beta - 1.0) * h;
                }
                const size_t i = offset_of(b, c, f, k);
                assert_true(fabs((double)room->ratio_sums[i] - ratio) <= 2e-5 * ratio);
                if (beta != 1.0) {
                    assert_true(fabs((double)room->power_sums[i] - power) <= 2e-5 * power);
                }
            }
        }
    }
}

// 2e-5: the powers of the general divergence are good to some 1e-6, as kernels.h says, and the
// sums of up to 450 products to about as much.
static void check_sweep(kernel_case *b, ub_random *random)
{
    const double betas[] = {-1.0, 0.0, 0.5, 1.0, 1.3, 1.5, 2.0, 3.0};
    const double exponents[] = {0.5, 1.0, 1.5};
    const double beta = betas[ub_random_bits(random) % 8];
    const double exponent = exponents[ub_random_bits(random) % 3];
    const double l1 = 0.1 * (double)(ub_random_bits(random) % 2), l2 = 0.5 * l1;
    const bool plain = exponent == 1.0 && ub_random_bits(random) % 2;
    const bool want_cost = ub_random_bits(random) % 2;
    sweep_room room = room_new(b, exponent, plain);
    const float *spectra[KERNEL_CASE_MOST_CHANNELS];
    for (size_t c = 0; c < b->n_channels; c++) {
        spectra[c] = b->spectra[c].data;
    }
    const ub_sweep sweep = {
        .packing = b->packing,
        .form = ub_form_for(beta),
        .beta = beta,
        .spectra = spectra,
        .spectrum_stride = b->spectra[0].stride,
        .floor = (float)FLOOR,
        .templates = b->packed.data,
        .transposed = b->transposed.data,
        .template_sums = room.template_sums.data,
        .activations = b->activations.data,
        .new_activations = room.renewed.data,
        .activation_stride = b->activations.stride,
        .n_frames = b->n_frames,
        .scale = room.ones.data,
        .exponents = room.exponents.data,
        .is_plain = plain,
        .l1 = (float)l1,
        .l2 = (float)l2,
        .want_cost = want_cost,
        .update_activations = true,
        .update_templates = true,
    };
    const ub_sweep_work work =
        ub_sweep_work_in(room.work, &b->packing, b->kernels->panel_bins, b->n_frames);
    const double cost =
        b->kernels->sweep(&sweep, 0, b->n_frames, &work, room.ratio_sums, room.power_sums);
    double wanted = 0.0;
    for (size_t t = 0; t < b->n_frames; t++) {
        for (size_t k = 0; k < b->n_components; k++) {
            const double p = (double)room.exponents.data[k];
            const double h = renewed_at(b, beta, p, l1, l2, k, t);
            assert_true(fabs(kernel_case_at(&room.renewed, k, t) - h) <= 2e-5 * h);
        }
        for (size_t i = 0; i < b->n_channels * b->n_bins; i++) {
            const size_t c = i / b->n_bins, f = i % b->n_bins;
            const double x = model_at(b, c, f, t, 0, b->n_components) + FLOOR;
            wanted += divergence(beta, kernel_case_at(&b->spectra[c], f, t), x);
        }
    }
    // Padded bins compare nothing with the floor; fit.c takes them out the same way.
    const size_t n_padding = b->packing.padded_bins - b->n_bins;
    const double padding =
        beta > 0.0 ? (double)(n_padding * b->n_channels * b->n_frames) * pow(FLOOR, beta) / beta
                   : 0.0;
    assert_true(want_cost ? fabs(cost - padding - wanted) <= 2e-5 * wanted : cost == 0.0);
    check_sums(b, &room, beta);
    room_free(&room);
}

static void a_sweep_matches_the_reference(void **state)
{
    (void)state;
    for_all(check_sweep);
}

// ---- masks and powers --------------------------------------------------------------------------

static void check_masks(kernel_case *b, ub_random *random)
{
    const double exponents[] = {0.5, 0.8, 1.0, 1.3, 2.0};
    const double p = exponents[ub_random_bits(random) % 5];
    const size_t n = b->n_bins, n_groups = 1 + ub_random_bits(random) % 8;
    const size_t offset = 16 * (ub_random_bits(random) % 3);
    ub_matrix models = kernel_case_matrix(offset + n + 16, n_groups, random), masks;
    for (size_t i = 0; i < n * n_groups; i++) {
        // From silence to the loudest that is promised.
        float *x = ub_matrix_column(&models, i / n) + offset + i % n;
        const double level = pow(10.0, 33.0 * (double)ub_random_uniform(random) - 18.0);
        *x = ub_random_bits(random) % 4 == 0 ? 0.0f : *x * (float)level;
        *x = i % n == n / 2 ? 0.0f : *x; // one bin that nobody explains
    }
    assert_int_equal(ub_matrix_copy(&models, &masks), UB_OK);
    float *columns[8];
    for (size_t g = 0; g < n_groups; g++) {
        columns[g] = ub_matrix_column(&masks, g);
    }
    b->kernels->masks(columns, n_groups, offset, n, (float)p);
    for (size_t f = offset; f < offset + n; f++) {
        double sum = 0.0, total = 0.0;
        for (size_t g = 0; g < n_groups; g++) {
            sum += kernel_case_at(&masks, f, g);
            total += pow(kernel_case_at(&models, f, g) + 1e-18, p);
        }
        assert_true(fabs(sum - 1.0) <= 2e-7);
        for (size_t g = 0; g < n_groups; g++) {
            const double wanted = pow(kernel_case_at(&models, f, g) + 1e-18, p) / total;
            assert_true(fabs(kernel_case_at(&masks, f, g) - wanted) <= 2e-5 * wanted + 1e-37);
            assert_true(f != offset + n / 2 ||
                        kernel_case_at(&masks, f, g) == kernel_case_at(&masks, f, 0));
        }
    }
    for (size_t f = 0; f < offset; f++) {
        assert_true(kernel_case_at(&masks, f, 0) == kernel_case_at(&models, f, 0));
    }
    ub_matrix_free(&models);
    ub_matrix_free(&masks);
}

static void masks_sum_to_one_and_share_silence(void **state)
{
    (void)state;
    for_all(check_masks);
}

static void powers_are_as_exact_as_promised(void **state)
{
    (void)state;
    const ub_kernels *sets[4];
    const size_t n_sets = ub_kernels_all(sets);
    enum { N = 4099 };
    static float x[N], y[N];
    for (size_t set = 0; set < n_sets; set++) {
        ub_random random = ub_random_new(12);
        double worst = 0.0;
        for (size_t round = 0; round < 40; round++) {
            const double most = round % 2 ? 125.0 : 8.0; // octaves
            const float p = 4.0f * ub_random_uniform(&random) - 2.0f;
            for (size_t i = 0; i < N; i++) {
                x[i] = (float)exp2(most * (2.0 * (double)ub_random_uniform(&random) - 1.0));
            }
            sets[set]->power(x, N, p, y);
            for (size_t i = 0; i < N; i++) {
                const double wanted = pow((double)x[i], (double)p);
                const double octaves = fabs(log2((double)x[i]));
                if (wanted < 1.2e-38 || wanted > 1.6e38) {
                    continue; // clamped at the ends of single precision
                }
                const double promised = 2e-6 * fabs((double)p) * fmax(1.0, octaves / 8.0);
                // Half an ulp of the result is there even for p near zero.
                const double error = fabs((double)y[i] / wanted - 1.0) / (promised + 1.2e-7);
                worst = fmax(worst, error);
            }
        }
        print_message("%s: worst error %.2f of what is promised\n", sets[set]->name, worst);
        assert_true(worst <= 1.0);
        const float edge[] = {0.0f, 1.0f};
        float result[2];
        sets[set]->power(edge, 2, 1.7f, result);
        assert_true(result[0] == 0.0f && result[1] == 1.0f);
    }
}

static void kernel_sets_are_found_by_name(void **state)
{
    (void)state;
    const ub_kernels *sets[4];
    const size_t n = ub_kernels_all(sets);
    assert_string_equal(sets[0]->name, "generic");
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(ub_kernels_named(sets[i]->name), sets[i]);
    }
    assert_ptr_equal(ub_kernels_best(), sets[n - 1]);
    assert_null(ub_kernels_named("z80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_scales_by_gains_and_pads_with_zeros),
        cmocka_unit_test(models_of_groups_match_the_reference),
        cmocka_unit_test(a_sweep_matches_the_reference),
        cmocka_unit_test(masks_sum_to_one_and_share_silence),
        cmocka_unit_test(powers_are_as_exact_as_promised),
        cmocka_unit_test(kernel_sets_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
