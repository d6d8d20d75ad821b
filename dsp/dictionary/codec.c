// SPDX-License-Identifier: GPL-3.0-or-later
// A dictionary to bytes and back.
#include "ground/number.h"
#include "safetensors.h"
#include "unbraid/dictionary.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "unbraid-dictionary";
static const char VERSION[] = "1";

static bool put_text(json_t *metadata, const char *key, const char *text)
{
    return json_object_set_new(metadata, key, json_string(text)) == 0;
}

static bool put_number(json_t *metadata, const char *key, double number)
{
    char text[UB_NUMBER_SIZE];
    ub_number_format(number, text);
    return put_text(metadata, key, text);
}

// A JSON value as the text of a metadata entry, since metadata maps strings to strings.
static bool put_json(json_t *metadata, const char *key, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    const bool good = text && put_text(metadata, key, text);
    free(text);
    json_decref(value);
    return good;
}

static json_t *names_json(const ub_dictionary *dictionary)
{
    json_t *names = json_array();
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        json_array_append_new(names, json_string(dictionary->source_names[j]));
    }
    return names;
}

static json_t *components_json(const ub_dictionary *dictionary)
{
    json_t *components = json_array();
    for (size_t k = 0; k < dictionary->templates.n_cols; k++) {
        json_array_append_new(components,
                              json_integer((json_int_t)dictionary->component_source[k]));
    }
    return components;
}

static bool put_metadata(const ub_dictionary *dictionary, json_t *metadata)
{
    return put_text(metadata, "format", FORMAT) && put_text(metadata, "format_version", VERSION) &&
           put_json(metadata, "sources", names_json(dictionary)) &&
           put_json(metadata, "component_source", components_json(dictionary)) &&
           put_number(metadata, "sample_rate_hz", dictionary->rate_hz) &&
           put_text(metadata, "window", ub_window_name(dictionary->window)) &&
           put_number(metadata, "window_samples", (double)dictionary->window_samples) &&
           put_number(metadata, "hop_samples", (double)dictionary->hop_samples) &&
           put_number(metadata, "beta", dictionary->beta) &&
           put_number(metadata, "sparsity", dictionary->sparsity) &&
           put_text(metadata, "licence", dictionary->licence) &&
           put_text(metadata, "origin", dictionary->origin);
}

ub_status ub_dictionary_encode(const ub_dictionary *dictionary, unsigned char **bytes, size_t *size,
                               ub_message *why)
{
    ub_status status = ub_dictionary_check(dictionary, why);
    if (status) {
        return status;
    }
    json_t *metadata = json_object();
    if (metadata && put_metadata(dictionary, metadata)) {
        status = ub_safetensors_encode(metadata, "templates", &dictionary->templates, bytes, size);
    } else {
        // json_string() makes nothing of text that is not UTF-8.
        status = UB_BAD_VALUE;
    }
    json_decref(metadata);
    if (status == UB_BAD_VALUE) {
        return ub_fail(why, status, "licence or origin is not UTF-8");
    }
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
    const ub_status status = get_text(file, key, &text, why);
    if (status) {
        return status;
    }
    *array = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_array(*array) || json_array_size(*array) < 1 || json_array_size(*array) > most) {
        json_decref(*array);
        return ub_fail(why, UB_BAD_FORMAT, "%s is not a list of 1 to %zu entries", key, most);
    }
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
        if (!json_is_string(name) || json_string_length(name) > UB_DICTIONARY_MAX_NAME ||
            json_string_length(name) != strlen(json_string_value(name))) {
            return ub_fail(why, UB_BAD_FORMAT, "name %zu of sources is not usable", j);
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
        const json_t *source = json_array_get(components, k);
        if (!json_is_integer(source) || json_integer_value(source) < 0) {
            return ub_fail(why, UB_BAD_FORMAT, "entry %zu of component_source is not an index", k);
        }
        dictionary->component_source[k] = (size_t)json_integer_value(source);
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
    if (!version || strcmp(version, VERSION) != 0) {
        return ub_fail(why, UB_BAD_FORMAT,
                       "its format version is '%.20s', this program reads version %s; use a newer "
                       "unbraid",
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

enum {
    MOST_BINS = (1 << 19) + 1 // of the largest window
};

ub_status ub_dictionary_decode(const void *bytes, size_t size, ub_dictionary *out, ub_message *why)
{
    ub_safetensors file;
    ub_dictionary dictionary = {0};
    ub_status status = ub_safetensors_open(bytes, size, &file, why);
    if (status) {
        return status;
    }
    status = check_format(&file, why);
    status = status ? status : decode_numbers(&file, &dictionary, why);
    status = status
                 ? status
                 : ub_safetensors_matrix(&file, "templates", MOST_BINS,
                                         UB_DICTIONARY_MAX_COMPONENTS, &dictionary.templates, why);
    status = status ? status : decode_sources(&file, &dictionary, why);
    ub_safetensors_close(&file);
    status = status ? status : ub_dictionary_check(&dictionary, why);
    if (status) {
        ub_dictionary_free(&dictionary);
        return status == UB_NO_MEMORY ? status : UB_BAD_FORMAT;
    }
    *out = dictionary;
    return UB_OK;
}
