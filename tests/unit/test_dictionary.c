// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_case.h"
#include "malloc_guard.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 5; n++) {
        ub_dictionary d = dictionary_case(n, 8 * n, n), back;
        unsigned char *bytes, *again;
        size_t size, again_size;
        ub_message why = {""};
        assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, &why), UB_OK);
        assert_int_equal(ub_dictionary_encode(&d, &again, &again_size, &why), UB_OK);
        assert_int_equal(size, again_size);
        assert_memory_equal(bytes, again, size);
        assert_int_equal(ub_dictionary_decode(bytes, size, &back, &why), UB_OK);
        assert_true(same_dictionary(&d, &back));
        free(bytes), free(again);
        ub_dictionary_free(&d);
        ub_dictionary_free(&back);
        ub_dictionary_free(&back);
    }
    ub_dictionary_free(NULL);
}

static void every_truncation_is_refused_with_a_reason(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(2, 16, 1);
    assert_true(every_truncation_is_refused(&d));
    ub_dictionary_free(&d);
}

static void flipped_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(2, 16, 1);
    unsigned char *bytes;
    size_t size, n_good = 0;
    assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
    const uint64_t seed = 20;
    print_message("seed %u\n", (unsigned)seed);
    ub_random random = ub_random_new(seed);
    for (size_t i = 0; i < 20000; i++) {
        const size_t at = (size_t)(ub_random_bits(&random) % size);
        const unsigned char old = bytes[at];
        bytes[at] = (unsigned char)ub_random_bits(&random);
        ub_dictionary back = {0};
        ub_message why = {""};
        const ub_status status = ub_dictionary_decode(bytes, size, &back, &why);
        if (status) {
            assert_int_equal(status, UB_BAD_FORMAT);
            assert_true(strlen(why.text) > 5);
        } else {
            n_good++;
            assert_int_equal(ub_dictionary_check(&back, &why), UB_OK);
        }
        ub_dictionary_free(&back);
        bytes[at] = old;
    }
    assert_true(n_good > 0 && n_good < 20000); // both branches were tried
    free(bytes);
    ub_dictionary_free(&d);
}

// A file of this header and `n_floats` floats of 1.
static ub_status decode_header(const char *header, size_t n_floats, ub_message *why)
{
    const size_t length = strlen(header), size = 8 + length + 4 * n_floats;
    unsigned char *bytes = calloc(1, size);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    }
    memcpy(bytes + 8, header, length);
    const float one = 1.0f;
    for (size_t i = 0; i < n_floats; i++) {
        memcpy(bytes + 8 + length + 4 * i, &one, 4); // little-endian machines run the tests
    }
    ub_dictionary back = {0};
    why->text[0] = '\0';
    const ub_status status = ub_dictionary_decode(bytes, size, &back, why);
    ub_dictionary_free(&back);
    free(bytes);
    return status;
}

#define METADATA(version, sources, owners, window, rate)                                           \
    "\"__metadata__\":{\"format\":\"unbraid-dictionary\",\"format_version\":\"" version            \
    "\",\"sources\":\"" sources "\",\"component_source\":\"" owners                                \
    "\",\"sample_rate_hz\":\"" rate "\",\"window\":\"" window                                      \
    "\",\"window_samples\":\"4\",\"hop_samples\":\"1\",\"beta\":\"1\",\"sparsity\":\"0\","         \
    "\"licence\":\"\",\"origin\":\"\",\"later\":\"ignored\"}"
#define GOOD METADATA("1", "[\\\"a\\\"]", "[0]", "hann", "8000")
#define TENSOR(type, shape, offsets)                                                               \
    "\"templates\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define MATRIX TENSOR("F32", "[3,1]", "[0,12]")

static void a_header_by_hand_is_read_and_what_is_unknown_ignored(void **state)
{
    (void)state;
    ub_message why;
    assert_int_equal(decode_header("{" GOOD "," MATRIX "}", 3, &why), UB_OK);
    assert_int_equal(decode_header("{" MATRIX "," GOOD ",\"more\":{\"dtype\":\"I64\",\"shape\":[2],"
                                   "\"data_offsets\":[12,28]}}  ",
                                   7, &why),
                     UB_OK);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t n_floats;
    } bad[] = {
        {"{}", 0},
        {"[]", 0},
        {"{" GOOD "}", 0},
        {"{" GOOD "," MATRIX, 3},
        {"{" MATRIX "}", 3},
        {"{" GOOD "," MATRIX "," MATRIX "}", 3},
        {"{\"__metadata__\":[]," MATRIX "}", 3},
        {"{\"__metadata__\":{\"format\":1}," MATRIX "}", 3},
        {"{\"__metadata__\":{\"format\":\"pt\"}," MATRIX "}", 3},
        {"{" METADATA("2", "[\\\"a\\\"]", "[0]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[]", "[0]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[1]", "[0]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "nothing", "[0]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[\\\"a/b\\\"]", "[0]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[\\\"a\\\"]", "[0,0]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[\\\"a\\\"]", "[1]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[\\\"a\\\"]", "[-1]", "hann", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[\\\"a\\\"]", "[0]", "kaiser", "8000") "," MATRIX "}", 3},
        {"{" METADATA("1", "[\\\"a\\\"]", "[0]", "hann", "8e9") "," MATRIX "}", 3},
        {"{" METADATA("1", "[\\\"a\\\"]", "[0]", "hann", "nan") "," MATRIX "}", 3},
        {"{" GOOD "," TENSOR("F16", "[3,1]", "[0,12]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[4,1]", "[0,16]") "}", 4},
        {"{" GOOD "," TENSOR("F32", "[3]", "[0,12]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,-1]", "[0,12]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,1.5]", "[0,12]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,0]", "[0,0]") "}", 0},
        {"{" GOOD "," TENSOR("F32", "[4611686018427387904,4]", "[0,0]") "}", 0},
        {"{" GOOD "," TENSOR("F99", "[3,1]", "[0,12]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,1]", "[12,0]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,1]", "[0,16]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,1]", "[0,8]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,1]", "[0]") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,1]", "\"0,12\"") "}", 3},
        {"{" GOOD "," TENSOR("F32", "[3,1]", "[4,16]") "}", 4},
        {"{" GOOD "," MATRIX "}", 4},
        {"{" GOOD "," MATRIX ",\"more\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
         4},
        {"{" GOOD "," MATRIX
         ",\"more\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}}",
         5},
        {"{" GOOD "," MATRIX ",\"more\":3}", 3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ub_message why;
        const ub_status status = decode_header(bad[i].header, bad[i].n_floats, &why);
        if (status != UB_BAD_FORMAT || strlen(why.text) <= 5) {
            fail_msg("header %zu: status %d, '%s'", i, (int)status, why.text);
        }
    }
    ub_dictionary back;
    ub_message why = {""};
    const unsigned char huge[] = "\xff\xff\xff\xff\xff\xff\xff\xff{}";
    assert_int_equal(ub_dictionary_decode(huge, 10, &back, &why), UB_BAD_FORMAT);
    char *deep = malloc(100001);
    assert_non_null(deep);
    memset(deep, '[', 100000);
    deep[0] = '{', deep[100000] = '\0';
    assert_int_equal(decode_header(deep, 0, &why), UB_BAD_FORMAT);
    free(deep);
}

typedef void (*damage)(ub_dictionary *);

static void no_source(ub_dictionary *d)
{
    d->n_sources = 0;
}
static void no_names(ub_dictionary *d)
{
    strcpy(d->source_names[1], "s0");
}
static void bad_name(ub_dictionary *d)
{
    d->source_names[0][0] = '/';
}
static void owner(ub_dictionary *d)
{
    d->component_source[0] = 9;
}
static void unused(ub_dictionary *d)
{
    d->component_source[2] = d->component_source[3] = 0;
}
static void negative(ub_dictionary *d)
{
    ub_matrix_column(&d->templates, 1)[3] = -1.0f;
}
static void missing(ub_dictionary *d)
{
    ub_matrix_column(&d->templates, 1)[3] = NAN;
}
static void window(ub_dictionary *d)
{
    d->window = (ub_window)5;
}
static void size(ub_dictionary *d)
{
    d->window_samples = 22;
}
static void bins(ub_dictionary *d)
{
    d->window_samples = 32;
}
static void hop(ub_dictionary *d)
{
    d->hop_samples = 0;
}
static void rate(ub_dictionary *d)
{
    d->rate_hz = NAN;
}
static void beta(ub_dictionary *d)
{
    d->beta = 5.0;
}
static void sparsity(ub_dictionary *d)
{
    d->sparsity = -1.0;
}
static void control(ub_dictionary *d)
{
    d->licence[0] = '\x1b';
}

static void broken_promises_are_seen(void **state)
{
    (void)state;
    const damage damages[] = {no_source, no_names, bad_name, owner,    unused,
                              negative,  missing,  window,   size,     bins,
                              hop,       rate,     beta,     sparsity, control};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        ub_dictionary d = dictionary_case(2, 16, 1), copy;
        ub_message why = {""};
        assert_int_equal(ub_dictionary_check(&d, &why), UB_OK);
        assert_int_equal(ub_dictionary_copy(&d, &copy), UB_OK);
        assert_true(same_dictionary(&d, &copy));
        damages[i](&copy);
        const ub_status status = ub_dictionary_check(&copy, &why);
        if (status == UB_OK || strlen(why.text) <= 5) {
            fail_msg("damage %zu passes", i);
        }
        unsigned char *bytes;
        size_t n;
        assert_int_equal(ub_dictionary_encode(&copy, &bytes, &n, &why), status);
        copy.n_sources = 2;
        ub_dictionary_free(&copy);
        ub_dictionary_free(&d);
    }
}

static void names_must_do_as_file_names(void **state)
{
    (void)state;
    char longest[UB_DICTIONARY_MAX_NAME + 2];
    memset(longest, 'x', sizeof longest);
    longest[UB_DICTIONARY_MAX_NAME] = '\0';
    const char *good[] = {"a", "lead guitar", "na\xc3\xafve", "\xf0\x9f\x8e\xb8", "a.b-c", longest};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(ub_name_check(good[i], NULL), UB_OK);
    }
    longest[UB_DICTIONARY_MAX_NAME] = 'x';
    longest[UB_DICTIONARY_MAX_NAME + 1] = '\0';
    const char *bad[] = {"",
                         ".",
                         "-a",
                         "a/b",
                         "a\\b",
                         "a=b",
                         "a,b",
                         "a\nb",
                         "\x7f",
                         "\xff",
                         "\xc0\x80",
                         "\xed\xa0\x80",
                         "\xf4\x90\x80\x80",
                         "\xe2\x82",
                         longest};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ub_message why = {""};
        assert_int_equal(ub_name_check(bad[i], &why), UB_BAD_VALUE);
        assert_true(strlen(why.text) > 5);
    }
}

// Centre of gravity of a template, in Hz, and its sum.
static double centre_hz(const ub_dictionary *d, size_t k, double *sum)
{
    double moment = 0.0;
    *sum = 0.0;
    for (size_t f = 0; f < d->templates.n_rows; f++) {
        const double w = (double)ub_matrix_column(&d->templates, k)[f];
        moment += w * (double)f * d->rate_hz / (double)d->window_samples;
        *sum += w;
    }
    return moment / *sum;
}

static void a_dictionary_fits_other_rates_and_windows(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(1, 4096, 1), same;
    for (size_t f = 0; f < d.templates.n_rows; f++) {
        const double x = ((double)f - 100.0) / 2.0;
        ub_matrix_column(&d.templates, 0)[f] = (float)exp(-x * x);
    }
    assert_int_equal(ub_dictionary_fit(&d, 44100.0, 4096, 1024, &same, NULL), UB_OK);
    assert_true(same_dictionary(&d, &same));
    ub_dictionary_free(&same);
    const struct {
        double rate_hz;
        size_t window;
    } to[] = {{48000.0, 4480}, {22050.0, 2048}, {96000.0, 8960}, {44100.0, 8192}, {44100.0, 2048}};
    double old_sum, new_sum;
    const double old_hz = centre_hz(&d, 0, &old_sum);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        ub_dictionary fitted;
        assert_int_equal(
            ub_dictionary_fit(&d, to[i].rate_hz, to[i].window, to[i].window / 4, &fitted, NULL),
            UB_OK);
        assert_int_equal(ub_dictionary_check(&fitted, NULL), UB_OK);
        assert_true(fitted.rate_hz == to[i].rate_hz && fitted.window_samples == to[i].window);
        assert_true(fabs(centre_hz(&fitted, 0, &new_sum) - old_hz) <
                    to[i].rate_hz / (double)to[i].window);
        assert_true(fabs(new_sum / old_sum - 1.0) < 0.05);
        // Template 1 is noise up to the old Nyquist frequency and holds its level above it.
        const float *noise = ub_matrix_column(&fitted.templates, 1);
        assert_true(noise[fitted.templates.n_rows - 1] > 0.1f);
        ub_dictionary_free(&fitted);
    }
    ub_message why = {""};
    assert_int_equal(ub_dictionary_fit(&d, 0.0, 4096, 1024, &same, &why), UB_BAD_SETTING);
    assert_int_equal(ub_dictionary_fit(&d, 44100.0, 22, 4, &same, &why), UB_BAD_SETTING);
    ub_dictionary_free(&d);
}

static void dictionaries_are_joined_for_the_transform_of_the_first(void **state)
{
    (void)state;
    ub_dictionary a = dictionary_case(2, 64, 1), b = dictionary_case(1, 32, 2), joined;
    strcpy(b.source_names[0], "x");
    strcpy(b.licence, "CC0");
    b.rate_hz = 22050.0;
    ub_message why = {""};
    const ub_dictionary *both[] = {&a, &b};
    assert_int_equal(ub_dictionary_join(both, 2, &joined, &why), UB_OK);
    assert_int_equal(joined.n_sources, 3);
    assert_string_equal(joined.source_names[2], "x");
    assert_string_equal(joined.licence, "CC0-1.0; CC0");
    assert_string_equal(joined.origin, a.origin);
    assert_int_equal(joined.templates.n_cols, 6);
    assert_int_equal(joined.templates.n_rows, 33);
    assert_int_equal(joined.component_source[5], 2);
    assert_memory_equal(ub_matrix_column(&joined.templates, 3), ub_matrix_column(&a.templates, 3),
                        33 * sizeof(float));
    ub_dictionary_free(&joined);
    strcpy(a.licence, "LGPL"); // holds the other, but is not it
    strcpy(b.licence, "GPL");
    assert_int_equal(ub_dictionary_join(both, 2, &joined, &why), UB_OK);
    assert_string_equal(joined.licence, "LGPL; GPL");
    strcpy(b.source_names[0], "y");
    const ub_dictionary *again[] = {&joined, &b};
    ub_dictionary more;
    assert_int_equal(ub_dictionary_join(again, 2, &more, &why), UB_OK);
    assert_string_equal(more.licence, "LGPL; GPL");
    ub_dictionary_free(&more);
    ub_dictionary_free(&joined);
    const ub_dictionary *twice[] = {&a, &a};
    assert_int_equal(ub_dictionary_join(twice, 2, &joined, &why), UB_BAD_VALUE);
    assert_non_null(strstr(why.text, "s0"));
    assert_int_not_equal(ub_dictionary_join(both, 0, &joined, &why), UB_OK);
    ub_dictionary_free(&a);
    ub_dictionary_free(&b);
}

static void sources_are_picked_in_the_order_that_is_given(void **state)
{
    (void)state;
    ub_dictionary from = dictionary_case(3, 32, 4), picked = {0}, all;
    const size_t two[] = {2, 0}, twice[] = {1, 1}, beyond[] = {3}, same[] = {0, 1, 2};
    ub_message why = {""};
    assert_int_equal(ub_dictionary_pick(&from, two, 2, &picked, &why), UB_OK);
    assert_int_equal(picked.n_sources, 2);
    assert_string_equal(picked.source_names[0], from.source_names[2]);
    assert_string_equal(picked.source_names[1], from.source_names[0]);
    assert_string_equal(picked.licence, from.licence);
    size_t at = 0;
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < from.templates.n_cols; k++) {
            if (from.component_source[k] == two[i]) {
                assert_int_equal(picked.component_source[at], i);
                assert_memory_equal(ub_matrix_column(&picked.templates, at++),
                                    ub_matrix_column(&from.templates, k), 17 * sizeof(float));
            }
        }
    }
    assert_int_equal(picked.templates.n_cols, at);
    ub_dictionary_free(&picked);
    assert_int_equal(ub_dictionary_pick(&from, same, 3, &all, &why), UB_OK);
    assert_memory_equal(all.component_source, from.component_source,
                        from.templates.n_cols * sizeof *all.component_source);
    ub_dictionary_free(&all);
    assert_int_equal(ub_dictionary_pick(&from, twice, 2, &picked, &why), UB_BAD_VALUE);
    assert_int_equal(ub_dictionary_pick(&from, beyond, 1, &picked, &why), UB_BAD_VALUE);
    assert_int_equal(ub_dictionary_pick(&from, two, 0, &picked, &why), UB_BAD_VALUE);
    assert_null(picked.source_names);
    ub_dictionary_free(&from);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_dictionary a = dictionary_case(1, 16, 1), b = dictionary_case(1, 16, 2);
    strcpy(b.source_names[0], "x");
    const ub_dictionary *both[] = {&a, &b};
    for (size_t n = 1;; n++) {
        ub_dictionary joined = {0}, picked = {0};
        size_t held;
        malloc_guard_start(n);
        ub_status status = ub_dictionary_join(both, 2, &joined, NULL);
        if (!status) {
            status = ub_dictionary_pick(&joined, &(size_t){1}, 1, &picked, NULL);
            ub_dictionary_free(status ? &joined : NULL);
        }
        const size_t made = malloc_guard_stop(&held);
        if (made < n) {
            assert_int_equal(status, UB_OK);
            ub_dictionary_free(&joined);
            ub_dictionary_free(&picked);
            break;
        }
        assert_int_equal(status, UB_NO_MEMORY);
        assert_int_equal(held, 0);
        assert_null(joined.source_names);
    }
    ub_dictionary_free(&a);
    ub_dictionary_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(every_truncation_is_refused_with_a_reason),
        cmocka_unit_test(flipped_bytes_are_refused_or_harmless),
        cmocka_unit_test(a_header_by_hand_is_read_and_what_is_unknown_ignored),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(broken_promises_are_seen),
        cmocka_unit_test(names_must_do_as_file_names),
        cmocka_unit_test(a_dictionary_fits_other_rates_and_windows),
        cmocka_unit_test(dictionaries_are_joined_for_the_transform_of_the_first),
        cmocka_unit_test(sources_are_picked_in_the_order_that_is_given),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
