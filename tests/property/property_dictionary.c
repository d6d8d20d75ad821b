// SPDX-License-Identifier: GPL-3.0-or-later
// Random dictionaries: there and back through bytes, damaged bytes, and the fit to other transforms
// against the rule of its header, written in hertz.
#include "dictionary_case.h"
#include "malloc_guard.h"
#include "unbraid/random.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t SEED = 2;

static const size_t WINDOWS[] = {4, 6, 10, 16, 48, 70, 256, 1000, 1024, 2048, 4480};
static const double RATES[] = {1000.0, 8000.0, 11025.0, 22050.0, 44100.0, 48000.0, 96000.0, 1e6};
enum { N_WINDOWS = sizeof WINDOWS / sizeof *WINDOWS, N_RATES = sizeof RATES / sizeof *RATES };

static size_t below(ub_random *random, size_t n)
{
    return (size_t)(ub_random_bits(random) % n);
}

// A few characters of all lengths, then a number that makes the text distinct.
static void random_text(ub_random *random, const char *const *pieces, size_t n_pieces,
                        size_t number, char text[64])
{
    text[0] = '\0';
    for (size_t i = below(random, 6); i > 0; i--) {
        strcat(text, pieces[below(random, n_pieces)]);
    }
    snprintf(text + strlen(text), 16, "%u", (unsigned)number % 1000u);
}

// Some of the optional ones.
static void add_parts(ub_random *random, ub_dictionary *d)
{
    const size_t before = below(random, 3), after = below(random, 3);
    if (before + after > 0) {
        dictionary_case_add_context(d, before, after, ub_random_bits(random));
    }
    if (below(random, 2)) {
        dictionary_case_add_reconstruction(d, ub_random_bits(random));
    }
    if (below(random, 2)) {
        dictionary_case_add_pitches(d);
    }
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = malloc(strlen(with) + 1);
    assert_non_null(*text);
    strcpy(*text, with);
}

static float random_value(ub_random *random)
{
    const float special[] = {0.0f, -0.0f, FLT_MAX, FLT_MIN, FLT_TRUE_MIN, 1.0f, 0.1f};
    const size_t i = below(random, 20);
    return i < 7 ? special[i] : ub_random_uniform(random);
}

static ub_dictionary random_dictionary(ub_random *random)
{
    const char *const name_pieces[] = {
        "a", "Z", " ", "'", "\"", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\xb8"};
    const char *const text_pieces[] = {"a", "\n", "\t", "\\", "\"", "/", "\xc3\xa9", "{\"a\":1.5}"};
    const size_t n_sources = 1 + below(random, below(random, 4) ? 5 : UB_DICTIONARY_MAX_SOURCES);
    const size_t window = WINDOWS[below(random, N_WINDOWS)];
    ub_dictionary d = dictionary_case(n_sources, window, ub_random_bits(random));
    add_parts(random, &d);
    char text[64];
    for (size_t j = 0; j < n_sources; j++) {
        random_text(random, name_pieces, 8, j, text);
        replace(&d.source_names[j], text);
    }
    random_text(random, text_pieces, 8, 0, text);
    replace(&d.licence, text);
    random_text(random, text_pieces, 8, 0, text);
    replace(&d.origin, below(random, 4) ? text : "");
    d.rate_hz = RATES[below(random, N_RATES)] + (below(random, 2) ? 0.0 : 0.125 / 3.0);
    d.rate_hz = fmin(d.rate_hz, 1e6);
    d.window = (ub_window)below(random, 3);
    d.hop_samples = 1 + below(random, window / 2);
    d.beta = 8.0 * (double)ub_random_uniform(random) - 4.0;
    d.sparsity = below(random, 4) ? (double)ub_random_uniform(random) * 1e-3 : DBL_MAX;
    for (size_t k = 0; k < d.templates.n_cols; k++) {
        for (size_t f = 0; f < d.templates.n_rows; f++) {
            ub_matrix_column(&d.templates, k)[f] = random_value(random);
        }
    }
    return d;
}

// Only what is rounded already survives half precision.
static void round_to_half(ub_dictionary *d)
{
    unsigned char *bytes;
    size_t size;
    d->storage = UB_STORAGE_F16;
    assert_int_equal(ub_dictionary_encode(d, &bytes, &size, NULL), UB_OK);
    ub_dictionary_free(d);
    assert_int_equal(ub_dictionary_decode(bytes, size, d, NULL), UB_OK);
    free(bytes);
}

// The rule of the header, value by value: at the scale at which the largest value of the component
// is 2^15 or more, the nearest of the numbers with 11 bits, of 2^-24 or more.
static double reference_half(double value, double largest)
{
    double scale = 1.0;
    while (largest * scale < 32768.0) {
        scale *= 2.0;
    }
    while (largest * scale >= 65520.0) { // 65536 when rounded
        scale /= 2.0;
    }
    double step = pow(2.0, -24.0);
    while (value * scale >= 2048.0 * step) {
        step *= 2.0;
    }
    return fmin(nearbyint(value * scale / step) * step, 65504.0) / scale;
}

static void half_precision_follows_its_rule(void **state)
{
    (void)state;
    ub_random random = ub_random_new(SEED);
    for (int round = 0; round < 40; round++) {
        ub_dictionary d = dictionary_case(1 + below(&random, 3), 70, ub_random_bits(&random)), back;
        unsigned char *bytes;
        size_t size;
        d.storage = UB_STORAGE_F16;
        for (size_t k = 0; k < d.templates.n_cols; k++) {
            for (size_t f = 0; f < d.templates.n_rows; f++) { // over 270 dB
                ub_matrix_column(&d.templates, k)[f] *=
                    powf(10.0f, 13.5f * ub_random_uniform(&random) - 10.0f);
            }
        }
        assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
        assert_int_equal(ub_dictionary_decode(bytes, size, &back, NULL), UB_OK);
        for (size_t k = 0; k < d.templates.n_cols; k++) {
            const float *before = ub_matrix_column(&d.templates, k);
            double largest = 0.0;
            for (size_t f = 0; f < d.templates.n_rows; f++) {
                largest = fmax(largest, (double)before[f]);
            }
            for (size_t f = 0; f < d.templates.n_rows; f++) {
                assert_true((double)ub_matrix_column(&back.templates, k)[f] ==
                            reference_half((double)before[f], largest));
            }
        }
        free(bytes);
        ub_dictionary_free(&d);
        ub_dictionary_free(&back);
    }
}

static void every_dictionary_survives_its_bytes(void **state)
{
    (void)state;
    ub_random random = ub_random_new(SEED);
    for (int round = 0; round < 200; round++) {
        ub_dictionary d = random_dictionary(&random), back;
        ub_message why = {""};
        unsigned char *bytes, *again;
        size_t size, again_size;
        if (round % 2) {
            round_to_half(&d);
        }
        if (ub_dictionary_encode(&d, &bytes, &size, &why) ||
            ub_dictionary_decode(bytes, size, &back, &why) || !same_dictionary(&d, &back)) {
            fail_msg("seed %u, round %d: %s", (unsigned)SEED, round, why.text);
        }
        assert_int_equal(ub_dictionary_encode(&back, &again, &again_size, &why), UB_OK);
        assert_int_equal(size, again_size);
        assert_memory_equal(bytes, again, size);
        free(bytes), free(again);
        ub_dictionary_free(&d);
        ub_dictionary_free(&back);
    }
}

// Some bytes changed, a piece cut out or doubled.
static void damage(ub_random *random, unsigned char *bytes, size_t *size)
{
    const size_t at = below(random, *size), n = below(random, *size - at) % 40;
    switch (below(random, 3)) {
    case 0:
        for (size_t i = 0; i <= n % 4; i++) {
            bytes[below(random, *size)] = (unsigned char)ub_random_bits(random);
        }
        break;
    case 1:
        memmove(bytes + at, bytes + at + n, *size - at - n);
        *size -= n;
        break;
    default:
        memmove(bytes + at + n, bytes + at, *size - at);
        *size += n;
    }
}

static void damaged_bytes_are_refused_or_keep_the_promises(void **state)
{
    (void)state;
    ub_random random = ub_random_new(SEED);
    size_t n_good = 0, n_bad = 0;
    for (int round = 0; round < 4000; round++) {
        ub_dictionary d = dictionary_case(1 + below(&random, 3), 16, SEED), back = {0};
        add_parts(&random, &d);
        d.storage = round % 2 ? UB_STORAGE_F16 : UB_STORAGE_F32;
        unsigned char *bytes;
        size_t size;
        assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
        bytes = realloc(bytes, size + 200);
        assert_non_null(bytes);
        for (size_t i = below(&random, 3); i < 3; i++) {
            damage(&random, bytes, &size);
        }
        bytes = realloc(bytes, size); // exactly, so that a sanitizer sees a read beyond
        assert_non_null(bytes);
        ub_message why = {""};
        const ub_status status = ub_dictionary_decode(bytes, size, &back, &why);
        if (status ? status != UB_BAD_FORMAT || strlen(why.text) < 5
                   : ub_dictionary_check(&back, &why) != UB_OK) {
            fail_msg("seed %u, round %d: %d, %s", (unsigned)SEED, round, (int)status, why.text);
        }
        *(status ? &n_bad : &n_good) += 1;
        free(bytes);
        ub_dictionary_free(&d);
        ub_dictionary_free(&back);
    }
    assert_true(n_good > 10 && n_bad > 1000);
}

// The template as a function of frequency: straight lines between the bins.
static double value_at(const float *w, size_t n, double bin_hz, double hz)
{
    const double at = hz / bin_hz;
    const size_t low = (size_t)fmin(floor(at), (double)(n - 1));
    const size_t high = low + 1 < n ? low + 1 : low;
    return (double)w[low] + (at - (double)low) * ((double)w[high] - (double)w[low]);
}

// Around a bin wider than the old ones: their mean with the weights of a triangle as wide.
static double mean_around(const float *w, size_t n, double bin_hz, double hz, double width_hz)
{
    double sum = 0.0, weights = 0.0;
    for (size_t f = 0; f < n; f++) {
        const double weight = fmax(0.0, 1.0 - fabs((double)f * bin_hz - hz) / width_hz);
        sum += weight * (double)w[f];
        weights += weight;
    }
    return sum / weights;
}

static void reference_fit_template(const float *w, size_t n, double bin_hz, size_t n_new,
                                   double new_bin_hz, double *out)
{
    const double nyquist_hz = (double)(n - 1) * bin_hz;
    const double new_nyquist_hz = (double)(n_new - 1) * new_bin_hz;
    const double hair_hz = 1e-9 * nyquist_hz; // for frequencies that are equal but for rounding
    double old_sum = 0.0, new_sum = 0.0, top_sum = 0.0, n_top = 0.0;
    for (size_t f = 0; f < n; f++) {
        const double hz = (double)f * bin_hz;
        old_sum += hz <= new_nyquist_hz + hair_hz ? (double)w[f] : 0.0;
        // The bins of the topmost 1000 Hz, the last one at least.
        const bool top = f == n - 1 || (double)(n - f) * bin_hz < 1000.0 + bin_hz - hair_hz;
        top_sum += top ? (double)w[f] : 0.0;
        n_top += top ? 1.0 : 0.0;
    }
    for (size_t f = 0; f < n_new; f++) {
        const double hz = (double)f * new_bin_hz;
        out[f] = hz > nyquist_hz + hair_hz ? -1.0
                 : new_bin_hz > bin_hz     ? mean_around(w, n, bin_hz, hz, new_bin_hz)
                                           : value_at(w, n, bin_hz, hz);
        new_sum += fmax(out[f], 0.0);
    }
    for (size_t f = 0; f < n_new; f++) {
        out[f] = out[f] < 0.0    ? top_sum / n_top * new_bin_hz / bin_hz
                 : new_sum > 0.0 ? out[f] * old_sum / new_sum
                                 : 0.0;
    }
}

static void a_fit_follows_its_rule(void **state)
{
    (void)state;
    ub_random random = ub_random_new(SEED);
    for (int round = 0; round < 300; round++) {
        ub_dictionary d = dictionary_case(1, WINDOWS[below(&random, N_WINDOWS)], SEED), fitted;
        d.rate_hz = RATES[below(&random, N_RATES)];
        const double rate_hz = RATES[below(&random, N_RATES)];
        const size_t window = WINDOWS[below(&random, N_WINDOWS)], n_new = window / 2 + 1;
        assert_int_equal(ub_dictionary_fit(&d, rate_hz, window, 1, &fitted, NULL), UB_OK);
        assert_int_equal(ub_dictionary_check(&fitted, NULL), UB_OK);
        double *wanted = malloc(n_new * sizeof *wanted);
        assert_non_null(wanted);
        for (size_t k = 0; k < 2; k++) {
            reference_fit_template(ub_matrix_column(&d.templates, k), d.templates.n_rows,
                                   d.rate_hz / (double)d.window_samples, n_new,
                                   rate_hz / (double)window, wanted);
            for (size_t f = 0; f < n_new; f++) {
                const double got = (double)ub_matrix_column(&fitted.templates, k)[f];
                // Rounded to float before and after the scaling.
                if (fabs(got - wanted[f]) > 1e-6 * wanted[f] + 1e-7) {
                    fail_msg("seed %u, round %d: %g Hz/%zu to %g Hz/%zu, bin %zu: %g, not %g",
                             (unsigned)SEED, round, d.rate_hz, d.window_samples, rate_hz, window, f,
                             got, wanted[f]);
                }
            }
        }
        free(wanted);
        ub_dictionary_free(&d);
        ub_dictionary_free(&fitted);
    }
}

static void a_fit_stays_finite_and_keeps_silence(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(1, 1024, SEED), fitted;
    for (size_t f = 0; f < d.templates.n_rows; f++) {
        ub_matrix_column(&d.templates, 0)[f] = FLT_MAX;
        ub_matrix_column(&d.templates, 1)[f] = 0.0f;
    }
    for (size_t i = 0; i < N_WINDOWS; i++) {
        assert_int_equal(ub_dictionary_fit(&d, 8000.0, WINDOWS[i], 1, &fitted, NULL), UB_OK);
        assert_int_equal(ub_dictionary_check(&fitted, NULL), UB_OK);
        for (size_t f = 0; f < fitted.templates.n_rows; f++) {
            assert_true(ub_matrix_column(&fitted.templates, 1)[f] == 0.0f);
        }
        ub_dictionary_free(&fitted);
    }
    ub_dictionary_free(&d);
}

typedef struct work {
    ub_dictionary d;
    unsigned char *bytes;
    size_t size;
} work;

static ub_status decode(const work *from, ub_dictionary *out)
{
    return ub_dictionary_decode(from->bytes, from->size, out, NULL);
}

static ub_status copy(const work *from, ub_dictionary *out)
{
    return ub_dictionary_copy(&from->d, out);
}

static ub_status fit(const work *from, ub_dictionary *out)
{
    return ub_dictionary_fit(&from->d, 48000.0, 32, 8, out, NULL);
}

static ub_status encode(const work *from, ub_dictionary *out)
{
    (void)out;
    unsigned char *bytes = NULL;
    size_t size;
    const ub_status status = ub_dictionary_encode(&from->d, &bytes, &size, NULL);
    assert_true((status == UB_OK) == (bytes != NULL));
    free(bytes);
    return status;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    work from = {.d = dictionary_case(2, 16, SEED)};
    dictionary_case_add_context(&from.d, 1, 1, SEED);
    dictionary_case_add_reconstruction(&from.d, SEED);
    dictionary_case_add_pitches(&from.d);
    from.d.storage = UB_STORAGE_F16; // which needs all that the other does, and exponents
    assert_int_equal(ub_dictionary_encode(&from.d, &from.bytes, &from.size, NULL), UB_OK);
    ub_status (*const calls[])(const work *, ub_dictionary *) = {decode, copy, fit, encode};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        size_t n = 1, made, held;
        do {
            ub_dictionary out = {0};
            malloc_guard_start(n);
            const ub_status status = calls[i](&from, &out);
            made = malloc_guard_stop(&held);
            assert_int_equal(status, made < n ? UB_OK : UB_NO_MEMORY);
            assert_true(status == UB_OK || (held == 0 && out.source_names == NULL));
            ub_dictionary_free(&out);
        } while (made >= n++);
    }
    free(from.bytes);
    ub_dictionary_free(&from.d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dictionary_survives_its_bytes),
        cmocka_unit_test(half_precision_follows_its_rule),
        cmocka_unit_test(damaged_bytes_are_refused_or_keep_the_promises),
        cmocka_unit_test(a_fit_follows_its_rule),
        cmocka_unit_test(a_fit_stays_finite_and_keeps_silence),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
