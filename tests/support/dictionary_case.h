// SPDX-License-Identifier: GPL-3.0-or-later
/** Small dictionaries for tests. */
#ifndef UNBRAID_TESTS_DICTIONARY_CASE_H
#define UNBRAID_TESTS_DICTIONARY_CASE_H

#include "unbraid/dictionary.h"

#include <stdbool.h>

#include <stdint.h>

/** n_sources sources s0, s1 ... with two templates each of random values, window of
    window_samples, hop a quarter of it, 44.1 kHz. Aborts when there is no memory. */
ub_dictionary dictionary_case(size_t n_sources, size_t window_samples, uint64_t seed);

/** Give it random context, random reconstruction templates, or the pitches -1, 0, 1 ... */
void dictionary_case_add_context(ub_dictionary *d, size_t n_before, size_t n_after, uint64_t seed);
void dictionary_case_add_reconstruction(ub_dictionary *d, uint64_t seed);
void dictionary_case_add_pitches(ub_dictionary *d);

/** True when every field is the same, bit for bit. */
bool same_dictionary(const ub_dictionary *a, const ub_dictionary *b);

/** True when a file of it is refused wherever it is cut off, as a bad format and with a reason. */
bool every_truncation_is_refused(const ub_dictionary *d);

#endif
