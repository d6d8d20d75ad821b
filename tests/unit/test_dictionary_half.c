// SPDX-License-Identifier: GPL-3.0-or-later
// Dictionaries whose files hold half precision.
#include "dictionary_case.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A dictionary with all parts, in half precision.
static ub_dictionary half_case(void)
{
    ub_dictionary d = dictionary_case(2, 16, 1);
    dictionary_case_add_context(&d, 1, 1, 2);
    dictionary_case_add_reconstruction(&d, 3);
    d.storage = UB_STORAGE_F16;
    return d;
}

static ub_dictionary through_bytes(const ub_dictionary *d, size_t *size)
{
    ub_dictionary back;
    unsigned char *bytes;
    assert_int_equal(ub_dictionary_encode(d, &bytes, size, NULL), UB_OK);
    assert_int_equal(ub_dictionary_decode(bytes, *size, &back, NULL), UB_OK);
    free(bytes);
    return back;
}

static void half_precision_is_half_the_size_and_exact_to_11_bits(void **state)
{
    (void)state;
    ub_dictionary d = half_case();
    // What a template has 174 dB below its largest value is as exact as all else.
    float *first = ub_matrix_column(&d.templates, 0);
    first[0] = 1.0f;
    first[1] = 1.9e-9f;
    first[2] = 1e-12f; // at 240 dB there is one bit left, at 260 none
    first[3] = 1e-13f;
    size_t size, full_size;
    ub_dictionary back = through_bytes(&d, &size);
    for (size_t k = 0; k < d.templates.n_cols; k++) {
        const ub_matrix *parts[][2] = {{&d.templates, &back.templates},
                                       {&d.context, &back.context},
                                       {&d.reconstruction, &back.reconstruction}};
        for (size_t i = 0; i < 3; i++) {
            for (size_t f = 0; f < parts[i][0]->n_rows; f++) {
                const float wanted = ub_matrix_column(parts[i][0], k)[f];
                const float got = ub_matrix_column(parts[i][1], k)[f];
                assert_true(fabsf(got - wanted) <= wanted * 0x1p-11f || wanted <= 1e-12f);
            }
        }
    }
    assert_true(ub_matrix_column(&back.templates, 0)[2] == 0x1p-39f);
    assert_true(ub_matrix_column(&back.templates, 0)[3] == 0.0f);
    ub_dictionary again = through_bytes(&back, &size);
    assert_true(same_dictionary(&back, &again));
    d.storage = UB_STORAGE_F32;
    ub_dictionary_free(&again);
    again = through_bytes(&d, &full_size);
    assert_true(same_dictionary(&d, &again));
    const size_t n_values = 4 * 9 * d.templates.n_cols;
    assert_true(full_size - size > 2 * n_values - 64 && full_size - size <= 2 * n_values);
    ub_dictionary_free(&again);
    ub_dictionary_free(&back);
    ub_dictionary_free(&d);
}

static void the_scale_of_a_template_is_its_own(void **state)
{
    (void)state;
    const float scales[] = {FLT_MAX, 1e30f, 1.0f, 1e-30f, 1e-38f, FLT_TRUE_MIN, 0.0f};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        ub_dictionary d = half_case();
        size_t size;
        memset(ub_matrix_column(&d.context, 0), 0, d.context.n_rows * sizeof(float));
        memset(ub_matrix_column(&d.reconstruction, 0), 0, d.reconstruction.n_rows * sizeof(float));
        for (size_t f = 0; f < d.templates.n_rows; f++) {
            ub_matrix_column(&d.templates, 0)[f] = scales[i] * (f == 0 ? 1.0f : 0.25f);
        }
        ub_dictionary back = through_bytes(&d, &size);
        for (size_t f = 0; f < d.templates.n_rows; f++) {
            const float wanted = ub_matrix_column(&d.templates, 0)[f];
            const float got = ub_matrix_column(&back.templates, 0)[f];
            assert_true(fabsf(got - wanted) <= wanted * 0x1p-11f);
        }
        ub_dictionary_free(&back);
        ub_dictionary_free(&d);
    }
}

static void exponents_that_cannot_be_are_refused(void **state)
{
    (void)state;
    ub_dictionary d = half_case(), back;
    unsigned char *bytes;
    size_t size;
    for (size_t k = 0; k < 4; k++) {
        ub_matrix_column(&d.templates, k)[0] = 1.0f;
    }
    assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
    const char lists[][14] = {"[164,15,1,15]", "[-112,5,1,15]", "[165,15,1,15]", "[-113,5,1,15]",
                              "[0.5,15,1,15]", "[15,15,15   ]", "[15,15,1,1,1]", "            0"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        ub_message why = {""};
        char *at = strstr((char *)bytes + 8, i ? lists[i - 1] : "[15,15,15,15]");
        assert_non_null(at);
        memcpy(at, lists[i], 13);
        back = (ub_dictionary){0};
        assert_int_equal(ub_dictionary_decode(bytes, size, &back, &why),
                         i < 2 ? UB_OK : UB_BAD_FORMAT);
        assert_true(i < 2 || strstr(why.text, "component_exponent"));
        ub_dictionary_free(&back);
    }
    free(bytes);
    ub_dictionary_free(&d);
}

static void there_are_two_storages(void **state)
{
    (void)state;
    ub_dictionary d = half_case();
    ub_message why = {""};
    d.storage = (ub_storage)2;
    assert_int_equal(ub_dictionary_check(&d, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "storage"));
    ub_dictionary_free(&d);
}

static void infinite_halves_are_refused(void **state)
{
    (void)state;
    ub_dictionary d = half_case(), back;
    unsigned char *bytes;
    size_t size;
    assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
    const unsigned char bad[] = {0x7c, 0x7e, 0xfc, 0xfe, 0xbc}; // infinite, none, negative
    for (size_t i = 0; i < sizeof bad; i++) {
        ub_message why = {""};
        bytes[size - 1] = bad[i];
        assert_int_equal(ub_dictionary_decode(bytes, size, &back, &why), UB_BAD_FORMAT);
        assert_non_null(strstr(why.text, "values"));
    }
    free(bytes);
    ub_dictionary_free(&d);
}

static void every_truncation_is_refused_with_a_reason(void **state)
{
    (void)state;
    ub_dictionary d = half_case();
    assert_true(every_truncation_is_refused(&d));
    ub_dictionary_free(&d);
}

static void a_join_is_as_exact_as_its_most_exact_part(void **state)
{
    (void)state;
    ub_dictionary a = dictionary_case(1, 16, 1), b = dictionary_case(1, 16, 2), joined;
    strcpy(b.source_names[0], "x");
    const ub_dictionary *both[] = {&a, &b};
    for (int i = 0; i < 4; i++) {
        a.storage = i & 1 ? UB_STORAGE_F16 : UB_STORAGE_F32;
        b.storage = i & 2 ? UB_STORAGE_F16 : UB_STORAGE_F32;
        assert_int_equal(ub_dictionary_join(both, 2, &joined, NULL), UB_OK);
        assert_int_equal(joined.storage, i == 3 ? UB_STORAGE_F16 : UB_STORAGE_F32);
        ub_dictionary_free(&joined);
    }
    ub_dictionary_free(&a);
    ub_dictionary_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_precision_is_half_the_size_and_exact_to_11_bits),
        cmocka_unit_test(the_scale_of_a_template_is_its_own),
        cmocka_unit_test(every_truncation_is_refused_with_a_reason),
        cmocka_unit_test(exponents_that_cannot_be_are_refused),
        cmocka_unit_test(there_are_two_storages),
        cmocka_unit_test(infinite_halves_are_refused),
        cmocka_unit_test(a_join_is_as_exact_as_its_most_exact_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
