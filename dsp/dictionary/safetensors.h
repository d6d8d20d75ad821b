// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The safetensors container: 8 bytes of little-endian header length, a JSON header that names
   tensors and holds a map of strings, and the tensors' bytes. Private header.
*/
#ifndef UNBRAID_DICTIONARY_SAFETENSORS_H
#define UNBRAID_DICTIONARY_SAFETENSORS_H

#include "unbraid/matrix.h"
#include "unbraid/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    UB_SAFETENSORS_MOST_HEADER = 1 << 24 // bytes
};

/** An opened file. Zeroed is closed. Borrows the bytes. */
typedef struct ub_safetensors {
    json_t *header;
    const unsigned char *data;
    size_t data_size;
} ub_safetensors;

/**
   Check everything about the container: lengths, JSON, and for every tensor its type, shape and
   place: inside the data, of the size that type and shape say, the tensors side by side without
   gap or overlap up to the end of the file. Types that are not known here are let pass with the
   size that their offsets give.
   @return UB_OK, UB_BAD_FORMAT, UB_NO_MEMORY.
*/
ub_status ub_safetensors_open(const void *bytes, size_t size, ub_safetensors *out, ub_message *why);
void ub_safetensors_close(ub_safetensors *file);

/** The text of a key in the metadata, or NULL. Borrowed. */
const char *ub_safetensors_text(const ub_safetensors *file, const char *key);

/** Whether there is a tensor of that name. */
bool ub_safetensors_has(const ub_safetensors *file, const char *name);

/** Whether there is a tensor of that name, and of this type ("F32"). */
bool ub_safetensors_has_type(const ub_safetensors *file, const char *name, const char *type);

/**
   A two-dimensional tensor of F32 or F16, [rows, columns] row by row in the file.
   @return UB_OK, UB_BAD_FORMAT (missing, another type or shape, more than most_rows or most_cols),
           UB_NO_MEMORY.
*/
ub_status ub_safetensors_matrix(const ub_safetensors *file, const char *name, size_t most_rows,
                                size_t most_cols, ub_matrix *out, ub_message *why);

/** A tensor to be written. Borrows all. */
typedef struct ub_safetensors_tensor {
    const char *name;
    const ub_matrix *matrix;
    const int *exponents; ///< NULL: F32. Else F16, column k times 2^exponents[k]
} ub_safetensors_tensor;

/**
   Bytes of a file with n tensors. The same input gives the same bits on every machine.
   @param metadata  An object of strings; its order is kept.
   @param bytes     Freed by the caller with free(). Set on success only.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_safetensors_encode(const json_t *metadata, const ub_safetensors_tensor *tensors,
                                size_t n, unsigned char **bytes, size_t *size);

#endif
