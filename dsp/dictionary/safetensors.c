// SPDX-License-Identifier: GPL-3.0-or-later
#include "safetensors.h"
#include "half.h"
#include "json.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_SIZE = 8, MOST_DIMENSIONS = 16 };

static const struct {
    const char *name;
    size_t size;
} types[] = {
    {"F32", 4}, {"F64", 8}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
    {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
    {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
};

static size_t type_size(const char *name)
{
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].size;
        }
    }
    return 0;
}

static uint64_t read_length(const unsigned char *bytes)
{
    uint64_t length = 0;
    for (int i = LENGTH_SIZE - 1; i >= 0; i--) {
        length = length << 8 | bytes[i];
    }
    return length;
}

// Product of the shape and the type's size, 0 for a type that is not known; false when it is not
// a shape or does not fit.
static bool tensor_size(const json_t *tensor, size_t *size)
{
    const json_t *shape = json_object_get(tensor, "shape");
    *size = type_size(json_string_value(json_object_get(tensor, "dtype")));
    if (!json_is_array(shape) || json_array_size(shape) > MOST_DIMENSIONS) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(shape); i++) {
        size_t n;
        if (!ub_json_size_at(shape, i, &n) || (n && *size > SIZE_MAX / n)) {
            return false;
        }
        *size *= n;
    }
    return true;
}

typedef struct extent {
    size_t begin, end;
} extent;

static ub_status read_extent(const char *name, const json_t *tensor, size_t data_size, extent *out,
                             ub_message *why)
{
    const json_t *offsets = json_object_get(tensor, "data_offsets");
    const char *type = json_string_value(json_object_get(tensor, "dtype"));
    size_t size;
    if (!type || !tensor_size(tensor, &size)) {
        return ub_fail(why, UB_BAD_FORMAT, "tensor '%.60s' has no usable dtype and shape", name);
    }
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !ub_json_size_at(offsets, 0, &out->begin) || !ub_json_size_at(offsets, 1, &out->end) ||
        out->begin > out->end) {
        return ub_fail(why, UB_BAD_FORMAT, "tensor '%.60s' has no usable data_offsets", name);
    }
    if (out->end > data_size) {
        return ub_fail(why, UB_BAD_FORMAT,
                       "tensor '%.60s' ends at byte %zu of %zu; the file is cut short", name,
                       out->end, data_size);
    }
    if (type_size(type) && out->end - out->begin != size) {
        return ub_fail(why, UB_BAD_FORMAT, "tensor '%.60s' has %zu bytes, but its shape says %zu",
                       name, out->end - out->begin, size);
    }
    return UB_OK;
}

static int by_begin(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->begin != y->begin) {
        return x->begin < y->begin ? -1 : 1;
    }
    return x->end < y->end ? -1 : x->end > y->end;
}

static ub_status check_metadata(const json_t *metadata, ub_message *why)
{
    const char *key;
    const json_t *value;
    if (!json_is_object(metadata)) {
        return ub_fail(why, UB_BAD_FORMAT, "__metadata__ is not an object");
    }
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value)) {
            return ub_fail(why, UB_BAD_FORMAT, "metadata '%.60s' is not a string", key);
        }
    }
    return UB_OK;
}

static ub_status read_extents(const ub_safetensors *file, extent *extents, size_t *n,
                              ub_message *why)
{
    const char *key;
    const json_t *value;
    *n = 0;
    json_object_foreach(file->header, key, value)
    {
        ub_status status;
        if (strcmp(key, "__metadata__") == 0) {
            status = check_metadata(value, why);
        } else {
            status = read_extent(key, value, file->data_size, &extents[(*n)++], why);
        }
        if (status) {
            return status;
        }
    }
    return UB_OK;
}

static ub_status check_layout(const ub_safetensors *file, ub_message *why)
{
    const size_t most = json_object_size(file->header);
    extent *extents = calloc(most + 1, sizeof *extents);
    size_t n, at = 0;
    if (!extents) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu tensors", most);
    }
    ub_status status = read_extents(file, extents, &n, why);
    if (!status) {
        qsort(extents, n, sizeof *extents, by_begin);
    }
    for (size_t i = 0; !status && i < n; i++) {
        if (extents[i].begin != at) {
            status = ub_fail(why, UB_BAD_FORMAT, "tensors overlap or leave a gap at byte %zu",
                             extents[i].begin);
        }
        at = extents[i].end;
    }
    if (!status && at != file->data_size) {
        status =
            ub_fail(why, UB_BAD_FORMAT, "%zu bytes follow the last tensor", file->data_size - at);
    }
    free(extents);
    return status;
}

ub_status ub_safetensors_open(const void *bytes, size_t size, ub_safetensors *out, ub_message *why)
{
    const unsigned char *start = bytes;
    if (size < LENGTH_SIZE + 2) {
        return ub_fail(why, UB_BAD_FORMAT, "%zu bytes are too few for a safetensors file", size);
    }
    const uint64_t length = read_length(start);
    if (start[LENGTH_SIZE] != '{') {
        return ub_fail(why, UB_BAD_FORMAT, "this is not a safetensors file");
    }
    if (length > UB_SAFETENSORS_MOST_HEADER) {
        return ub_fail(why, UB_BAD_FORMAT,
                       "its header says to be %llu bytes long; at most %d are read",
                       (unsigned long long)length, UB_SAFETENSORS_MOST_HEADER);
    }
    if (length > size - LENGTH_SIZE) {
        return ub_fail(why, UB_BAD_FORMAT, "the header is cut short");
    }
    ub_safetensors file = {
        .data = start + LENGTH_SIZE + length,
        .data_size = size - LENGTH_SIZE - (size_t)length,
    };
    ub_message detail = {""};
    ub_status status =
        ub_json_parse((const char *)start + LENGTH_SIZE, (size_t)length, &file.header, &detail);
    if (status) {
        return ub_fail(why, status, "the header cannot be read: %.200s", detail.text);
    }
    status = check_layout(&file, why);
    if (status) {
        ub_safetensors_close(&file);
        return status;
    }
    *out = file;
    return UB_OK;
}

void ub_safetensors_close(ub_safetensors *file)
{
    json_decref(file->header);
    *file = (ub_safetensors){0};
}

const char *ub_safetensors_text(const ub_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

static float read_float(const unsigned char *bytes)
{
    const uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                          (uint32_t)bytes[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float read_half(const unsigned char *bytes)
{
    return ub_half_to_float((uint16_t)(bytes[0] | bytes[1] << 8));
}

static void write_float(float value, unsigned char *bytes)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(bits >> (8 * i));
    }
}

static void write_half(double value, unsigned char *bytes)
{
    const uint16_t bits = ub_half_from_float(value);
    bytes[0] = (unsigned char)(bits & 0xff);
    bytes[1] = (unsigned char)(bits >> 8);
}

bool ub_safetensors_has(const ub_safetensors *file, const char *name)
{
    return json_object_get(file->header, name) != NULL;
}

bool ub_safetensors_has_type(const ub_safetensors *file, const char *name, const char *type)
{
    const json_t *tensor = json_object_get(file->header, name);
    const char *own = json_string_value(json_object_get(tensor, "dtype"));
    return own && strcmp(own, type) == 0;
}

static void read_matrix(const unsigned char *from, bool is_half, ub_matrix *out)
{
    for (size_t row = 0; row < out->n_rows; row++) {
        for (size_t col = 0; col < out->n_cols; col++, from += is_half ? 2 : 4) {
            ub_matrix_column(out, col)[row] = is_half ? read_half(from) : read_float(from);
        }
    }
}

ub_status ub_safetensors_matrix(const ub_safetensors *file, const char *name, size_t most_rows,
                                size_t most_cols, ub_matrix *out, ub_message *why)
{
    const json_t *tensor = json_object_get(file->header, name);
    const json_t *shape = json_object_get(tensor, "shape");
    const bool is_half = ub_safetensors_has_type(file, name, "F16");
    size_t n_rows, n_cols, begin;
    if (!tensor) {
        return ub_fail(why, UB_BAD_FORMAT, "there is no tensor '%s'", name);
    }
    if ((!is_half && !ub_safetensors_has_type(file, name, "F32")) || json_array_size(shape) != 2 ||
        !ub_json_size_at(shape, 0, &n_rows) || !ub_json_size_at(shape, 1, &n_cols) ||
        !ub_json_size_at(json_object_get(tensor, "data_offsets"), 0, &begin)) {
        return ub_fail(why, UB_BAD_FORMAT, "tensor '%s' is not a matrix of F32 or F16", name);
    }
    if (n_rows < 1 || n_rows > most_rows || n_cols < 1 || n_cols > most_cols) {
        return ub_fail(why, UB_BAD_FORMAT,
                       "tensor '%s' has %zu x %zu values, but at most %zu x %zu "
                       "and at least one can be used",
                       name, n_rows, n_cols, most_rows, most_cols);
    }
    const ub_status status = ub_matrix_new(n_rows, n_cols, out);
    if (status) {
        return ub_fail(why, status, "no memory for %zu x %zu values", n_rows, n_cols);
    }
    read_matrix(file->data + begin, is_half, out);
    return UB_OK;
}

static size_t bytes_of(const ub_safetensors_tensor *tensor)
{
    return (tensor->exponents ? 2 : 4) * tensor->matrix->n_rows * tensor->matrix->n_cols;
}

// Entries that find no memory make the whole NULL.
static json_t *header_for(const json_t *metadata, const ub_safetensors_tensor *tensors, size_t n)
{
    json_t *header = json_pack("{s:O}", "__metadata__", metadata);
    size_t begin = 0;
    for (size_t i = 0; header && i < n; i++) {
        const ub_matrix *matrix = tensors[i].matrix;
        const size_t end = begin + bytes_of(&tensors[i]);
        const char *type = tensors[i].exponents ? "F16" : "F32";
        json_t *entry = json_pack("{s:s, s:[I,I], s:[I,I]}", "dtype", type, "shape",
                                  (json_int_t)matrix->n_rows, (json_int_t)matrix->n_cols,
                                  "data_offsets", (json_int_t)begin, (json_int_t)end);
        if (json_object_set_new(header, tensors[i].name, entry)) {
            json_decref(header);
            header = NULL;
        }
        begin = end;
    }
    return header;
}

static unsigned char *write_tensor(const ub_safetensors_tensor *tensor, unsigned char *to)
{
    const int *exponents = tensor->exponents;
    for (size_t row = 0; row < tensor->matrix->n_rows; row++) {
        for (size_t col = 0; col < tensor->matrix->n_cols; col++, to += exponents ? 2 : 4) {
            const float value = ub_matrix_column(tensor->matrix, col)[row];
            if (exponents) {
                write_half(ldexp((double)value, exponents[col]), to);
            } else {
                write_float(value, to);
            }
        }
    }
    return to;
}

ub_status ub_safetensors_encode(const json_t *metadata, const ub_safetensors_tensor *tensors,
                                size_t n, unsigned char **bytes, size_t *size)
{
    json_t *header = header_for(metadata, tensors, n);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text) {
        return UB_NO_MEMORY;
    }
    // Padded with spaces so that the tensors are aligned in the file.
    const size_t length = strlen(text);
    const size_t padded = (length + 7) / 8 * 8;
    assert(padded <= UB_SAFETENSORS_MOST_HEADER);
    *size = LENGTH_SIZE + padded;
    for (size_t i = 0; i < n; i++) {
        *size += bytes_of(&tensors[i]);
    }
    unsigned char *file = malloc(*size);
    if (file) {
        for (int i = 0; i < LENGTH_SIZE; i++) {
            file[i] = (unsigned char)((uint64_t)padded >> (8 * i));
        }
        memset(file + LENGTH_SIZE, ' ', padded);
        memcpy(file + LENGTH_SIZE, text, length);
        unsigned char *to = file + LENGTH_SIZE + padded;
        for (size_t i = 0; i < n; i++) {
            to = write_tensor(&tensors[i], to);
        }
        *bytes = file;
    }
    free(text);
    return file ? UB_OK : UB_NO_MEMORY;
}
