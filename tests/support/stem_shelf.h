// SPDX-License-Identifier: GPL-3.0-or-later
/** A sink that keeps the stems and holds the library to the rules of ub_stem_sink. */
#ifndef UNBRAID_TESTS_STEM_SHELF_H
#define UNBRAID_TESTS_STEM_SHELF_H

#include "synth.h"

#include <stdbool.h>

enum { SHELF_MOST_STEMS = 70 };

typedef struct stem_shelf {
    size_t n_channels, n_samples; ///< what the mix has
    size_t n_begun, n_stems;
    size_t n_written; ///< samples per channel so far
    bool broken; ///< a rule of ub_stem_sink was broken
    char names[SHELF_MOST_STEMS][64];
    float *samples[SHELF_MOST_STEMS][SYNTH_MOST_CHANNELS];
    ub_status begin_fails; ///< what `begin` returns, with the message "no room on the shelf"
    ub_status write_fails; ///< what `write` returns, with the message "the shelf is full"
    size_t write_fails_at; ///< once so many samples have been taken
} stem_shelf;

/** A shelf for stems of this mix. */
stem_shelf *stem_shelf_new(const synth *mix);
void stem_shelf_free(stem_shelf *shelf);
ub_stem_sink stem_shelf_sink(stem_shelf *shelf);

/** A sink that takes everything and keeps nothing, not needing memory of its own. */
ub_stem_sink stem_sink_to_nowhere(void);

/** True when all samples came, by the rules. */
bool stem_shelf_is_complete(const stem_shelf *shelf);

/** Samples of the stem of that name, per channel; NULL when there is none. */
float *const *stem_shelf_find(const stem_shelf *shelf, const char *name);

/** 10 log10 of the energy of mix minus sum of stems relative to the mix (relative to 1e-12 per
    sample when the mix is silent); -999 for no difference at all. */
double stem_shelf_null_db(const stem_shelf *shelf, const synth *mix);

/** True when both hold the same bits under the same names. */
bool stem_shelf_same(const stem_shelf *a, const stem_shelf *b);

/** Scale-invariant SDR of an estimate, over all channels, in dB. */
double si_sdr_db(const synth *truth, const float *const *estimate);

#endif
