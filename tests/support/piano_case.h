// SPDX-License-Identifier: GPL-3.0-or-later
/** One or two pianos whose keys sound as a test says, for those who judge beginnings. */
#ifndef UNBRAID_TESTS_PIANO_CASE_H
#define UNBRAID_TESTS_PIANO_CASE_H

#include "dictionary/keys.h"

#include <stdbool.h>
#include <stddef.h>

enum { PIANO_KEYS = 88, PIANO_LOWEST = 21, PIANO_FRAMES = 200, PIANO_ONSET = 100 };

typedef struct piano {
    int pitch[2 * PIANO_KEYS];
    size_t source[2 * PIANO_KEYS];
    ub_keys keys;
    float sounding[PIANO_FRAMES][2 * PIANO_KEYS];
    bool begins[PIANO_FRAMES][2 * PIANO_KEYS]; ///< what a judge says
    double began[PIANO_KEYS]; ///< when: the last note of each key of the first piano
} piano;

/** Aborts when there is no memory. The caller frees it with free(). */
piano *piano_new(size_t n_sources);

/** A note that is struck and dies away. */
void piano_strike(piano *p, size_t key, size_t frame, float level);

/** Notes that began, of a key and of all. */
size_t piano_n_begun(const piano *p, size_t key);
size_t piano_n_all(const piano *p);

#endif
