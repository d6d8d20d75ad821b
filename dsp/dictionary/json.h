// SPDX-License-Identifier: GPL-3.0-or-later
/**
   JSON from untrusted bytes, as the headers of safetensors files use it. Private header.
*/
#ifndef UNBRAID_DICTIONARY_JSON_H
#define UNBRAID_DICTIONARY_JSON_H

#include "unbraid/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/**
   Parse `size` bytes that hold one JSON object or array. Refused beside what is no JSON: numbers
   with a fraction or an exponent, keys that come twice, U+0000, and more than 65536 braces,
   brackets, colons and commas.

   @param out  A new reference for json_decref(). Set on success only.
   @return UB_OK, UB_BAD_FORMAT, UB_NO_MEMORY.
*/
ub_status ub_json_parse(const char *text, size_t size, json_t **out, ub_message *why);

/** The whole number >= 0 at an index of an array; false when it is not one. */
bool ub_json_size_at(const json_t *array, size_t index, size_t *size);

#endif
