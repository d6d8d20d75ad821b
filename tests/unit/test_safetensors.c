// SPDX-License-Identifier: GPL-3.0-or-later
// The container and the JSON below the dictionaries.
#include "dictionary/json.h"
#include "dictionary/safetensors.h"
#include "dictionary/text.h"
#include "unbraid/dictionary.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A file with this header, of a length that may lie, and `n_data` bytes 0, 1, 2 ...
static unsigned char *new_file(const char *header, uint64_t length, size_t n_data, size_t *size)
{
    const size_t n_header = strlen(header);
    *size = 8 + n_header + n_data;
    unsigned char *bytes = malloc(*size);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(length >> (8 * i));
    }
    memcpy(bytes + 8, header, n_header);
    for (size_t i = 0; i < n_data; i++) {
        bytes[8 + n_header + i] = (unsigned char)i;
    }
    return bytes;
}

static ub_status open_with(const char *header, uint64_t length, size_t n_data, ub_message *why)
{
    size_t size;
    unsigned char *bytes = new_file(header, length, n_data, &size);
    ub_safetensors file = {0};
    const ub_status status = ub_safetensors_open(bytes, size, &file, why);
    assert_true((status == UB_OK) == (file.header != NULL));
    ub_safetensors_close(&file);
    free(bytes);
    return status;
}

typedef struct layout {
    const char *header;
    size_t n_data;
    const char *reason; // part of the message
} layout;

#define T(name, type, shape, offsets)                                                              \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void sound_layouts_are_opened(void **state)
{
    (void)state;
    const layout good[] = {
        {"{}", 0, NULL},
        {"{}   \n", 0, NULL},
        {"{" T("a", "F32", "[2,3]", "[0,24]") "}", 24, NULL},
        {"{" T("a", "BF16", "[]", "[0,2]") "}", 2, NULL},
        // In any order, with empty ones anywhere.
        {"{" T("b", "U8", "[3]", "[4,7]") "," T("a", "F32", "[1]", "[0,4]") "}", 7, NULL},
        {"{" T("a", "F32", "[0,9]", "[4,4]") "," T("b", "F32", "[1]",
                                                   "[0,4]") "," T("c", "F64", "[0]", "[0,0]") "}",
         4, NULL},
        // A type of the future: its offsets say its size.
        {"{" T("a", "F4_X", "[9]", "[0,5]") "," T("b", "I8", "[1]", "[5,6]") "}", 6, NULL},
        {"{\"__metadata__\":{\"e\":\"1.5e3 {[,:]}\\\"1.5\"}}", 0, NULL},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ub_message why = {""};
        if (open_with(good[i].header, strlen(good[i].header), good[i].n_data, &why)) {
            fail_msg("layout %zu: %s", i, why.text);
        }
    }
}

static void unsound_layouts_are_refused_for_the_right_reason(void **state)
{
    (void)state;
    const layout bad[] = {
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[0,4]") "}", 4, "overlap"},
        {"{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[1]", "[4,8]") "}", 8, "overlap"},
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[8,12]") "}", 12, "gap"},
        {"{" T("a", "F32", "[1]", "[4,8]") "}", 8, "gap"},
        {"{" T("a", "F4_X", "[9]", "[0,5]") "," T("b", "I8", "[1]", "[4,5]") "}", 5, "overlap"},
        {"{" T("a", "F4_X", "[9]", "[0,9]") "}", 5, "cut short"},
        {"{" T("a", "F32", "[1]", "[0,4]") "}", 5, "follow the last"},
        {"{}", 1, "follow the last"},
        {"{" T("a", "F32", "[2]", "[0,8]") "}", 7, "cut short"},
        {"{" T("a", "F32", "[2]", "[0,4]") "}", 4, "shape says 8"},
        {"{" T("a", "F32", "[2]", "[4,0]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "[-4,0]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "[0,4,8]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "[0,\"4\"]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "null") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[-1]", "[0,4]") "}", 4, "shape"},
        {"{" T("a", "F32", "{}", "[0,4]") "}", 4, "shape"},
        {"{" T("a", "F32", "[true]", "[0,4]") "}", 4, "shape"},
        {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "shape"},
        {"{" T("a", "U8", "[4294967296,4294967296]", "[0,0]") "}", 0, "shape"},
        {"{" T("a", "F64", "[2305843009213693952]", "[0,0]") "}", 0, "shape"},
        {"{" T("a", "U8", "[18446744073709551617]", "[0,1]") "}", 1, "too big"},
        {"{" T("a", "F32", "[1.0]", "[0,4]") "}", 4, "not whole"},
        {"{" T("a", "F32", "[1]", "[0,4e0]") "}", 4, "not whole"},
        {"{" T("a", "F32", "[1]", "[0,4E0]") "}", 4, "not whole"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype"},
        {"{\"a\":{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype"},
        {"{\"a\":7}", 0, "dtype"},
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("a", "F32", "[1]", "[0,4]") "}", 4, "duplicate"},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         "duplicate"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
        {"{\"__metadata__\":\"a\"}", 0, "not an object"},
        {"{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "not JSON"},
        {"{\"__metadata__\":{\"a\":\"\xff\"}}", 0, "not JSON"},
        {"{} {}", 0, "not JSON"},
        {"{\"a\":[\"", 0, "not JSON"},
        {"{\"a\\", 0, "not JSON"},
        {" {}", 0, "not a safetensors"},
        {"[]", 0, "not a safetensors"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ub_message why = {""};
        const ub_status status =
            open_with(bad[i].header, strlen(bad[i].header), bad[i].n_data, &why);
        if (status != UB_BAD_FORMAT || !strstr(why.text, bad[i].reason)) {
            fail_msg("layout %zu: status %d, '%s'", i, (int)status, why.text);
        }
    }
}

static void a_header_length_that_lies_is_refused(void **state)
{
    (void)state;
    const uint64_t lengths[] = {
        0, 1, 3, 4, 1 << 24, (1 << 24) + 1, UINT32_MAX, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        ub_message why = {""};
        assert_int_equal(open_with("{}", lengths[i], 0, &why), UB_BAD_FORMAT);
        assert_true(strlen(why.text) > 10);
    }
}

static char *repeated(const char *start, const char *unit, size_t n)
{
    char *text = malloc(strlen(start) + n * strlen(unit) + 1);
    assert_non_null(text);
    char *to = text + strlen(strcpy(text, start));
    for (size_t i = 0; i < n; i++, to += strlen(unit)) {
        strcpy(to, unit);
    }
    return text;
}

static void headers_that_nest_deeply_or_hold_very_much_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *unit, *reason;
    } large[] = {{"[", "depth"}, {"{\"a\":", "depth"}, {"[],", "entries"}, {"1,", "entries"}};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        const size_t n = strcmp(large[i].reason, "depth") == 0 ? 10000 : 1000000;
        char *header = repeated("{\"a\":[", large[i].unit, n);
        ub_message why = {""};
        assert_int_equal(open_with(header, strlen(header), 0, &why), UB_BAD_FORMAT);
        if (!strstr(why.text, large[i].reason)) {
            fail_msg("%s: %s", large[i].unit, why.text);
        }
        free(header);
    }
}

static void matrices_are_read_row_by_row(void **state)
{
    (void)state;
    const char header[] = "{" T("a", "U8", "[4]", "[0,4]") "," T("m", "F32", "[2,3]", "[4,28]") "}";
    size_t size;
    unsigned char *bytes = new_file(header, strlen(header), 28, &size);
    for (size_t i = 0; i < 6; i++) { // 0.5 to 3: their bits by hand, lowest byte first
        static const unsigned char high[6][2] = {{0x00, 0x3f}, {0x80, 0x3f}, {0xc0, 0x3f},
                                                 {0x00, 0x40}, {0x20, 0x40}, {0x40, 0x40}};
        unsigned char *at = bytes + size - 24 + 4 * i;
        at[0] = at[1] = 0;
        memcpy(at + 2, high[i], 2);
    }
    ub_safetensors file;
    ub_matrix matrix;
    ub_message why = {""};
    assert_int_equal(ub_safetensors_open(bytes, size, &file, &why), UB_OK);
    assert_int_equal(ub_safetensors_matrix(&file, "m", 2, 3, &matrix, &why), UB_OK);
    for (size_t i = 0; i < 6; i++) {
        assert_true(ub_matrix_column(&matrix, i % 3)[i / 3] == 0.5f * (float)(i + 1));
    }
    ub_matrix_free(&matrix);
    assert_int_equal(ub_safetensors_matrix(&file, "m", 1, 3, &matrix, &why), UB_BAD_FORMAT);
    assert_int_equal(ub_safetensors_matrix(&file, "m", 2, 2, &matrix, &why), UB_BAD_FORMAT);
    assert_int_equal(ub_safetensors_matrix(&file, "a", 9, 9, &matrix, &why), UB_BAD_FORMAT);
    assert_int_equal(ub_safetensors_matrix(&file, "b", 9, 9, &matrix, &why), UB_BAD_FORMAT);
    assert_null(ub_safetensors_text(&file, "b"));
    ub_safetensors_close(&file);
    free(bytes);
}

static void halves_are_read_lowest_byte_first(void **state)
{
    (void)state;
    const char header[] =
        "{" T("a", "BF16", "[1,1]", "[0,2]") "," T("m", "F16", "[2,2]", "[2,10]") "}";
    // 1, 65504, the smallest there is and infinity.
    static const unsigned char data[] = {0x00, 0x3c, 0xff, 0x7b, 0x01, 0x00, 0x00, 0x7c};
    size_t size;
    unsigned char *bytes = new_file(header, strlen(header), 10, &size);
    memcpy(bytes + size - 8, data, 8);
    ub_safetensors file;
    ub_matrix matrix;
    ub_message why = {""};
    assert_int_equal(ub_safetensors_open(bytes, size, &file, &why), UB_OK);
    assert_int_equal(ub_safetensors_matrix(&file, "m", 2, 2, &matrix, &why), UB_OK);
    assert_true(ub_matrix_column(&matrix, 0)[0] == 1.0f);
    assert_true(ub_matrix_column(&matrix, 1)[0] == 65504.0f);
    assert_true(ub_matrix_column(&matrix, 0)[1] == 0x1p-24f);
    assert_true(isinf(ub_matrix_column(&matrix, 1)[1]));
    ub_matrix_free(&matrix);
    assert_int_equal(ub_safetensors_matrix(&file, "a", 1, 1, &matrix, &why), UB_BAD_FORMAT);
    assert_true(ub_safetensors_has_type(&file, "m", "F16"));
    assert_false(ub_safetensors_has_type(&file, "m", "F32"));
    assert_false(ub_safetensors_has_type(&file, "none", "F16"));
    ub_safetensors_close(&file);
    free(bytes);
}

static void the_bytes_of_a_file_of_halves_are_known(void **state)
{
    (void)state;
    const char header[] = "{\"__metadata__\":{},\"m\":{\"dtype\":\"F16\","
                          "\"shape\":[1,2],\"data_offsets\":[0,4]}}";
    const unsigned char data[] = {0x00, 0x3c, 0x01, 0x78};
    json_t *metadata = json_object();
    ub_matrix matrix;
    unsigned char *bytes;
    size_t size;
    assert_int_equal(ub_matrix_new(1, 2, &matrix), UB_OK);
    ub_matrix_column(&matrix, 0)[0] = 2.0f; // times 1/2
    ub_matrix_column(&matrix, 1)[0] = 1.0009765625f; // times 2^15
    const int exponents[] = {-1, 15};
    const ub_safetensors_tensor tensor = {"m", &matrix, exponents};
    assert_int_equal(ub_safetensors_encode(metadata, &tensor, 1, &bytes, &size), UB_OK);
    assert_int_equal(size, 8 + (strlen(header) + 7) / 8 * 8 + 4);
    assert_memory_equal(bytes + 8, header, strlen(header));
    assert_memory_equal(bytes + size - 4, data, 4);
    free(bytes);
    ub_matrix_free(&matrix);
    json_decref(metadata);
}

static void the_bytes_of_a_file_are_known(void **state)
{
    (void)state;
    const char header[] = "{\"__metadata__\":{\"z\":\"1\",\"b\":\"\\\"\"},\"m\":{\"dtype\":\"F32\","
                          "\"shape\":[1,2],\"data_offsets\":[0,8]}}      ";
    const unsigned char data[] = {0x00, 0x00, 0x80, 0x3f, 0x01, 0x00, 0x00, 0x00};
    const size_t length = strlen(header);
    assert_int_equal(length % 8, 0);
    json_t *metadata = json_pack("{s:s,s:s}", "z", "1", "b", "\"");
    ub_matrix matrix;
    unsigned char *bytes;
    size_t size;
    assert_int_equal(ub_matrix_new(1, 2, &matrix), UB_OK);
    ub_matrix_column(&matrix, 0)[0] = 1.0f;
    ub_matrix_column(&matrix, 1)[0] = 1e-45f; // the smallest there is
    assert_int_equal(ub_safetensors_encode(metadata, &(ub_safetensors_tensor){"m", &matrix, NULL},
                                           1, &bytes, &size),
                     UB_OK);
    assert_int_equal(size, 8 + length + 8);
    assert_int_equal(bytes[0], length);
    assert_int_equal(bytes[1] | bytes[2] | bytes[3] | bytes[7], 0);
    assert_memory_equal(bytes + 8, header, length);
    assert_memory_equal(bytes + 8 + length, data, 8);
    free(bytes);
    ub_matrix_free(&matrix);
    json_decref(metadata);
}

static void numbers_of_a_file_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    // The first has a decimal point of two bytes, with which jansson would abort.
    const char *const names[] = {"ps_AF.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8",
                                 "fr_FR.utf8"};
    size_t n_tried = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!setlocale(LC_ALL, names[i])) {
            continue;
        }
        n_tried++;
        json_t *json;
        assert_int_equal(ub_json_parse("[1.5]", 5, &json, NULL), UB_BAD_FORMAT);
        assert_int_equal(ub_json_parse("[12]", 4, &json, NULL), UB_OK);
        json_decref(json);
        setlocale(LC_ALL, "C");
    }
    if (n_tried == 0) {
        print_message("skipped: no locale with another decimal point is installed\n");
        skip();
    }
}

static void messages_are_made_printable(void **state)
{
    (void)state;
    ub_message why = {"a\x1b[1m\xc3\xa9\x07\xc2\x9b|\xff|\xf0\x9f\x8e"};
    ub_text_make_printable(&why);
    assert_string_equal(why.text, "a?[1m\xc3\xa9??\?|?|??\?");
    ub_text_make_printable(NULL);
    // As a file brings it, by way of the decoder.
    const char header[] = "{\"__metadata__\":{\"\\u001b]0;x\\u0007\":1}}";
    size_t size;
    unsigned char *bytes = new_file(header, strlen(header), 0, &size);
    ub_dictionary none;
    assert_int_equal(ub_dictionary_decode(bytes, size, &none, &why), UB_BAD_FORMAT);
    assert_non_null(strstr(why.text, "?]0;x?"));
    free(bytes);
}

static void free_text_is_utf_8_without_control_characters(void **state)
{
    (void)state;
    ub_message why = {""};
    const char *const good[] = {"", "a\tb\nc", "\xc2\xa0 \xe2\x82\xac \xf4\x8f\xbf\xbf"};
    const char *const bad[] = {"\x1b", "\r", "\x7f", "\xc2\x9b", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
                               "\xc3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(ub_text_check(good[i], "licence", &why), UB_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ub_text_check(bad[i], "licence", &why), UB_BAD_VALUE);
        assert_non_null(strstr(why.text, "licence"));
    }
    char *longest = repeated("", "x", UB_DICTIONARY_MAX_TEXT + 1);
    assert_int_equal(ub_text_check(longest, "licence", &why), UB_BAD_VALUE);
    longest[UB_DICTIONARY_MAX_TEXT] = '\0';
    assert_int_equal(ub_text_check(longest, "licence", &why), UB_OK);
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_layouts_are_opened),
        cmocka_unit_test(unsound_layouts_are_refused_for_the_right_reason),
        cmocka_unit_test(a_header_length_that_lies_is_refused),
        cmocka_unit_test(headers_that_nest_deeply_or_hold_very_much_are_refused),
        cmocka_unit_test(matrices_are_read_row_by_row),
        cmocka_unit_test(halves_are_read_lowest_byte_first),
        cmocka_unit_test(the_bytes_of_a_file_are_known),
        cmocka_unit_test(the_bytes_of_a_file_of_halves_are_known),
        cmocka_unit_test(numbers_of_a_file_do_not_depend_on_the_locale),
        cmocka_unit_test(messages_are_made_printable),
        cmocka_unit_test(free_text_is_utf_8_without_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
