// SPDX-License-Identifier: GPL-3.0-or-later
/** Separations and dictionaries that are small enough for many tests. */
#ifndef UNBRAID_TESTS_SMALL_H
#define UNBRAID_TESTS_SMALL_H

#include "separate/limits.h"
#include "stem_shelf.h"

/** Two sources, 6 components, 10 updates, one thread. */
ub_settings small_settings(void);

/** "low" and "high", learned from synth_low_notes() and synth_high_bursts() with 4 templates each
    at this sample rate. Aborts when learning fails. */
ub_dictionary small_dictionary(double rate_hz);

/** small_settings() with four templates a source. */
ub_settings small_learning(void);

/** ub_learn(), which must succeed. Aborts the test otherwise. */
ub_dictionary small_learn(const ub_training *sources, size_t n, const ub_settings *settings);

/** Low notes and high bursts together. */
synth *small_mix(size_t n_channels, double seconds, double rate_hz);

/** Separate onto a new shelf. `why` holds the reason of a failure, "" otherwise. */
stem_shelf *small_separate(const synth *mix, const ub_dictionary *dictionary,
                           const ub_settings *settings, ub_status *status, ub_message *why);

/** The same, which must succeed and keep to the rules: aborts otherwise. */
stem_shelf *small_separate_well(const synth *mix, const ub_dictionary *dictionary,
                                const ub_settings *settings);

/** The same within limits, which must succeed and keep to the rules: aborts otherwise. */
stem_shelf *small_separate_within(const ub_limits *limits, const synth *mix,
                                  const ub_dictionary *dictionary, const ub_settings *settings);

#endif
