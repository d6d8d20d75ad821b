// SPDX-License-Identifier: GPL-3.0-or-later
// A dictionary to bytes and back.
#include "ground/floats.h"
#include "ground/number.h"
#include "half.h"
#include "json.h"
#include "safetensors.h"
#include "text.h"
#include "unbraid/dictionary.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "unbraid-dictionary";
static const char VERSION[] = "1";

static bool put_text(json_t *metadata, const char *key, const char *text)
{
    return json_object_set_new(metadata, key, json_string(text)) == 0;
}

static bool put_count(json_t *metadata, const char *key, size_t count)
{
    char text[UB_NUMBER_SIZE];
    snprintf(text, sizeof text, "%zu", count);
    return put_text(metadata, key, text);
}

static bool put_number(json_t *metadata, const char *key, double number)
{
    // Whole ones as people write them, not as 4.41e+04.
    if (number >= 0.0 && number < 1e9 && number == (double)(size_t)number) {
        return put_count(metadata, key, (size_t)number);
    }
    char text[UB_NUMBER_SIZE];
    ub_number_format(number, text);
    return put_text(metadata, key, text);
}

// A list as the text of a metadata entry, since metadata maps strings to strings.
static bool put_list(json_t *metadata, const char *key, json_t *list, size_t n)
{
    // Entries that found no memory are missing.
    char *text = json_array_size(list) == n ? json_dumps(list, JSON_COMPACT) : NULL;
    const bool good = text && put_text(metadata, key, text);
    free(text);
    json_decref(list);
    return good;
}

static bool put_names(json_t *metadata, const ub_dictionary *dictionary)
{
    json_t *names = json_array();
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        json_array_append_new(names, json_string(dictionary->source_names[j]));
    }
    return put_list(metadata, "sources", names, dictionary->n_sources);
}

static bool put_components(json_t *metadata, const ub_dictionary *dictionary)
{
    const size_t n = dictionary->templates.n_cols;
    json_t *components = json_array();
    for (size_t k = 0; k < n; k++) {
        json_array_append_new(components,
                              json_integer((json_int_t)dictionary->component_source[k]));
    }
    return put_list(metadata, "component_source", components, n);
}

// An optional list: NULL where it is absent.
static bool put_integers(json_t *metadata, const char *key, const int *integers, size_t n)
{
    if (!integers) {
        return true;
    }
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++) {
        json_array_append_new(list, json_integer(integers[k]));
    }
    return put_list(metadata, key, list, n);
}

static bool put_context(json_t *metadata, const ub_dictionary *dictionary)
{
    return dictionary->context.n_rows == 0 ||
           (put_count(metadata, "frames_before", dictionary->n_before) &&
            put_count(metadata, "frames_after", dictionary->n_after) &&
            put_count(metadata, "context_samples", dictionary->context_samples));
}

static bool put_metadata(json_t *metadata, const ub_dictionary *dictionary, const int *exponents)
{
    const size_t n = dictionary->templates.n_cols;
    return put_text(metadata, "format", FORMAT) && put_text(metadata, "format_version", VERSION) &&
           put_names(metadata, dictionary) && put_components(metadata, dictionary) &&
           put_integers(metadata, "component_pitch", dictionary->component_pitch, n) &&
           put_integers(metadata, "component_exponent", exponents, n) &&
           put_context(metadata, dictionary) &&
           put_number(metadata, "sample_rate_hz", dictionary->rate_hz) &&
           put_text(metadata, "window", ub_window_name(dictionary->window)) &&
           put_count(metadata, "window_samples", dictionary->window_samples) &&
           put_count(metadata, "hop_samples", dictionary->hop_samples) &&
           put_number(metadata, "beta", dictionary->beta) &&
           put_number(metadata, "sparsity", dictionary->sparsity) &&
           put_text(metadata, "licence", dictionary->licence) &&
           put_text(metadata, "origin", dictionary->origin);
}

static float largest_of_column(const ub_matrix *matrix, size_t column)
{
    return matrix->n_rows > 0 ? ub_floats_largest(ub_matrix_column(matrix, column), matrix->n_rows)
                              : 0.0f; // an optional part that is absent
}

// One for all that belongs to a component, so that its parts keep their scale.
static int *new_exponents(const ub_dictionary *dictionary)
{
    const size_t n = dictionary->templates.n_cols;
    int *exponents = calloc(n, sizeof *exponents);
    for (size_t k = 0; exponents && k < n; k++) {
        const float largest = fmaxf(largest_of_column(&dictionary->templates, k),
                                    fmaxf(largest_of_column(&dictionary->context, k),
                                          largest_of_column(&dictionary->reconstruction, k)));
        exponents[k] = ub_half_exponent(largest);
    }
    return exponents;
}

static ub_status encode_with(const ub_dictionary *dictionary, const int *exponents,
                             unsigned char **bytes, size_t *size)
{
    ub_safetensors_tensor tensors[3] = {{"templates", &dictionary->templates, exponents}};
    size_t n = 1;
    if (dictionary->context.n_rows > 0) {
        tensors[n++] = (ub_safetensors_tensor){"context", &dictionary->context, exponents};
    }
    if (dictionary->reconstruction.n_rows > 0) {
        tensors[n++] =
            (ub_safetensors_tensor){"reconstruction", &dictionary->reconstruction, exponents};
    }
    json_t *metadata = json_object();
    const ub_status status = metadata && put_metadata(metadata, dictionary, exponents)
                                 ? ub_safetensors_encode(metadata, tensors, n, bytes, size)
                                 : UB_NO_MEMORY; // the check has seen to all else
    json_decref(metadata);
    return status;
}

static ub_status encode(const ub_dictionary *dictionary, unsigned char **bytes, size_t *size)
{
    if (dictionary->storage == UB_STORAGE_F32) {
        return encode_with(dictionary, NULL, bytes, size);
    }
    int *exponents = new_exponents(dictionary);
    const ub_status status =
        exponents ? encode_with(dictionary, exponents, bytes, size) : UB_NO_MEMORY;
    free(exponents);
    return status;
}

ub_status ub_dictionary_encode(const ub_dictionary *dictionary, unsigned char **bytes, size_t *size,
                               ub_message *why)
{
    ub_status status = ub_dictionary_check(dictionary, why);
    if (status) {
        return status;
    }
    status = encode(dictionary, bytes, size);
    return status ? ub_fail(why, status, "no memory to write the dictionary") : UB_OK;
}

static ub_status get_text(const ub_safetensors *file, const char *key, const char **text,
                          ub_message *why)
{
    *text = ub_safetensors_text(file, key);
    return *text ? UB_OK : ub_fail(why, UB_BAD_FORMAT, "the metadata has no '%s'", key);
}

static ub_status get_number(const ub_safetensors *file, const char *key, double *number,
                            ub_message *why)
{
    const char *text;
    const ub_status status = get_text(file, key, &text, why);
    if (status) {
        return status;
    }
    return ub_number_parse(text, number)
               ? UB_OK
               : ub_fail(why, UB_BAD_FORMAT, "%s is '%.40s', not a number", key, text);
}

static ub_status get_count(const ub_safetensors *file, const char *key, size_t *count,
                           ub_message *why)
{
    double number;
    const ub_status status = get_number(file, key, &number, why);
    if (status) {
        return status;
    }
    if (!(number >= 0.0 && number <= 1e9) || number != (double)(size_t)number) {
        return ub_fail(why, UB_BAD_FORMAT, "%s is %g, not a count", key, number);
    }
    *count = (size_t)number;
    return UB_OK;
}

static ub_status get_array(const ub_safetensors *file, const char *key, size_t most, json_t **array,
                           ub_message *why)
{
    const char *text;
    ub_status status = get_text(file, key, &text, why);
    if (status) {
        return status;
    }
    ub_message detail = {""};
    json_t *json;
    status = ub_json_parse(text, strlen(text), &json, &detail);
    if (status) {
        return ub_fail(why, status, "%s cannot be read: %.200s", key, detail.text);
    }
    if (!json_is_array(json) || json_array_size(json) < 1 || json_array_size(json) > most) {
        json_decref(json);
        return ub_fail(why, UB_BAD_FORMAT, "%s is not a list of 1 to %zu entries", key, most);
    }
    *array = json;
    return UB_OK;
}

static ub_status take_names(const json_t *names, ub_dictionary *dictionary, ub_message *why)
{
    dictionary->source_names = calloc(json_array_size(names), sizeof(char *));
    if (!dictionary->source_names) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for the names");
    }
    dictionary->n_sources = json_array_size(names);
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        const json_t *name = json_array_get(names, j);
        if (!json_is_string(name)) {
            return ub_fail(why, UB_BAD_FORMAT, "entry %zu of sources is not a name", j);
        }
        dictionary->source_names[j] = malloc(json_string_length(name) + 1);
        if (!dictionary->source_names[j]) {
            return ub_fail(why, UB_NO_MEMORY, "no memory for the names");
        }
        strcpy(dictionary->source_names[j], json_string_value(name));
    }
    return UB_OK;
}

static ub_status take_components(const json_t *components, ub_dictionary *dictionary,
                                 ub_message *why)
{
    const size_t n = json_array_size(components);
    if (n != dictionary->templates.n_cols) {
        return ub_fail(why, UB_BAD_FORMAT, "component_source has %zu entries for %zu templates", n,
                       dictionary->templates.n_cols);
    }
    dictionary->component_source = calloc(n, sizeof *dictionary->component_source);
    if (!dictionary->component_source) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", n);
    }
    for (size_t k = 0; k < n; k++) {
        if (!ub_json_size_at(components, k, &dictionary->component_source[k])) {
            return ub_fail(why, UB_BAD_FORMAT, "entry %zu of component_source is not an index", k);
        }
    }
    return UB_OK;
}

static ub_status take_integers(const json_t *list, const char *key, int least, int most,
                               int *integers, ub_message *why)
{
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *entry = json_array_get(list, k);
        const json_int_t value = json_integer_value(entry);
        if (!json_is_integer(entry) || value < least || value > most) {
            return ub_fail(why, UB_BAD_FORMAT, "entry %zu of %s is not a whole number of %d to %d",
                           k, key, least, most);
        }
        integers[k] = (int)value;
    }
    return UB_OK;
}

static ub_status take_text(const ub_safetensors *file, const char *key, char **out, ub_message *why)
{
    const char *text = ub_safetensors_text(file, key);
    text = text ? text : "";
    *out = malloc(strlen(text) + 1);
    if (!*out) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for the metadata");
    }
    strcpy(*out, text);
    return UB_OK;
}

static ub_status check_format(const ub_safetensors *file, ub_message *why)
{
    const char *format = ub_safetensors_text(file, "format");
    const char *version = ub_safetensors_text(file, "format_version");
    if (!format || strcmp(format, FORMAT) != 0) {
        return ub_fail(why, UB_BAD_FORMAT,
                       "it is a safetensors file, but not an unbraid dictionary");
    }
    // "1" and "1.anything": what a minor version adds is ignored here.
    const size_t n = strlen(VERSION);
    if (!version || strncmp(version, VERSION, n) != 0 || (version[n] && version[n] != '.')) {
        return ub_fail(why, UB_BAD_FORMAT,
                       "its format version is '%.20s', but this unbraid reads version %s; use a "
                       "newer unbraid, or learn the dictionary again with this one",
                       version ? version : "", VERSION);
    }
    return UB_OK;
}

static ub_status decode_numbers(const ub_safetensors *file, ub_dictionary *out, ub_message *why)
{
    const char *window;
    ub_status status = get_number(file, "sample_rate_hz", &out->rate_hz, why);
    status = status ? status : get_text(file, "window", &window, why);
    status = status ? status : ub_window_from_name(window, &out->window, why);
    status = status ? status : get_count(file, "window_samples", &out->window_samples, why);
    status = status ? status : get_count(file, "hop_samples", &out->hop_samples, why);
    status = status ? status : get_number(file, "beta", &out->beta, why);
    status = status ? status : get_number(file, "sparsity", &out->sparsity, why);
    status = status ? status : take_text(file, "licence", &out->licence, why);
    return status ? status : take_text(file, "origin", &out->origin, why);
}

static ub_status decode_sources(const ub_safetensors *file, ub_dictionary *out, ub_message *why)
{
    json_t *names, *components;
    ub_status status = get_array(file, "sources", UB_DICTIONARY_MAX_SOURCES, &names, why);
    if (status) {
        return status;
    }
    status = take_names(names, out, why);
    json_decref(names);
    status = status ? status
                    : get_array(file, "component_source", UB_DICTIONARY_MAX_COMPONENTS, &components,
                                why);
    if (status) {
        return status;
    }
    status = take_components(components, out, why);
    json_decref(components);
    return status;
}

// An optional list of a number for each of n templates; NULL where it is absent.
static ub_status get_integers(const ub_safetensors *file, const char *key, size_t n, int least,
                              int most, int **out, ub_message *why)
{
    json_t *list;
    if (!ub_safetensors_text(file, key)) {
        return UB_OK;
    }
    ub_status status = get_array(file, key, UB_DICTIONARY_MAX_COMPONENTS, &list, why);
    if (status) {
        return status;
    }
    int *integers = NULL;
    if (json_array_size(list) != n) {
        status = ub_fail(why, UB_BAD_FORMAT, "%s has %zu entries for %zu templates", key,
                         json_array_size(list), n);
    } else if (!(integers = calloc(n, sizeof *integers))) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", n);
    } else {
        status = take_integers(list, key, least, most, integers, why);
    }
    json_decref(list);
    if (status) {
        free(integers);
        return status;
    }
    *out = integers;
    return UB_OK;
}

enum {
    MOST_BINS = (1 << 19) + 1 // of the largest window
};

// Shapes are compared by the check that follows.
static ub_status decode_optional(const ub_safetensors *file, ub_dictionary *out, ub_message *why)
{
    ub_status status = UB_OK;
    if (ub_safetensors_has(file, "context")) {
        status = get_count(file, "frames_before", &out->n_before, why);
        status = status ? status : get_count(file, "frames_after", &out->n_after, why);
        status = status ? status : get_count(file, "context_samples", &out->context_samples, why);
        status = status ? status
                        : ub_safetensors_matrix(file, "context",
                                                (size_t)MOST_BINS * UB_DICTIONARY_MAX_CONTEXT,
                                                UB_DICTIONARY_MAX_COMPONENTS, &out->context, why);
    }
    if (!status && ub_safetensors_has(file, "reconstruction")) {
        status = ub_safetensors_matrix(file, "reconstruction", MOST_BINS,
                                       UB_DICTIONARY_MAX_COMPONENTS, &out->reconstruction, why);
    }
    return status;
}

static void scale_back(const ub_safetensors *file, const char *name, const int *exponents,
                       ub_matrix *matrix)
{
    if (!ub_safetensors_has_type(file, name, "F16")) {
        return;
    }
    for (size_t k = 0; k < matrix->n_cols; k++) {
        const double scale = ldexp(1.0, -exponents[k]);
        for (size_t row = 0; row < matrix->n_rows; row++) {
            float *value = &ub_matrix_column(matrix, k)[row];
            *value = (float)((double)*value * scale);
        }
    }
}

// Halves stay halves when they are written again, unless there are floats beside them.
static ub_storage storage_of(const ub_safetensors *file)
{
    const bool has_floats = ub_safetensors_has_type(file, "templates", "F32") ||
                            ub_safetensors_has_type(file, "context", "F32") ||
                            ub_safetensors_has_type(file, "reconstruction", "F32");
    return has_floats ? UB_STORAGE_F32 : UB_STORAGE_F16;
}

static ub_status decode_storage(const ub_safetensors *file, ub_dictionary *out, ub_message *why)
{
    int *exponents = NULL;
    const ub_status status =
        get_integers(file, "component_exponent", out->templates.n_cols, UB_HALF_MIN_EXPONENT,
                     UB_HALF_MAX_EXPONENT, &exponents, why);
    if (exponents) {
        scale_back(file, "templates", exponents, &out->templates);
        scale_back(file, "context", exponents, &out->context);
        scale_back(file, "reconstruction", exponents, &out->reconstruction);
    }
    free(exponents);
    out->storage = storage_of(file);
    return status;
}

static ub_status decode(const ub_safetensors *file, ub_dictionary *out, ub_message *why)
{
    ub_status status = check_format(file, why);
    status = status ? status : decode_numbers(file, out, why);
    status = status ? status
                    : ub_safetensors_matrix(file, "templates", MOST_BINS,
                                            UB_DICTIONARY_MAX_COMPONENTS, &out->templates, why);
    status = status ? status : decode_optional(file, out, why);
    status = status ? status : decode_sources(file, out, why);
    status = status ? status
                    : get_integers(file, "component_pitch", out->templates.n_cols, -1,
                                   UB_DICTIONARY_MAX_PITCH, &out->component_pitch, why);
    status = status ? status : decode_storage(file, out, why);
    return status ? status : ub_dictionary_check(out, why);
}

ub_status ub_dictionary_decode(const void *bytes, size_t size, ub_dictionary *out, ub_message *why)
{
    ub_safetensors file = {0};
    ub_dictionary dictionary = {0};
    ub_status status = ub_safetensors_open(bytes, size, &file, why);
    status = status ? status : decode(&file, &dictionary, why);
    ub_safetensors_close(&file);
    if (status) {
        ub_dictionary_free(&dictionary);
        ub_text_make_printable(why);
        return status == UB_NO_MEMORY ? status : UB_BAD_FORMAT;
    }
    *out = dictionary;
    return UB_OK;
}
