// SPDX-License-Identifier: GPL-3.0-or-later
/** The files of a comparison, loaded and put side by side, and what they score. */
#ifndef UNBRAID_CLI_SCORING_H
#define UNBRAID_CLI_SCORING_H

#include "signal_file.h"
#include "tracks.h"

#include <unbraid/evaluate.h>

#include <stdbool.h>

/** What the command line asks. Borrowed texts. */
struct scoring_request {
    const char *reference_folder;
    const char *estimate_folder;
    bool match; ///< by best SI-SDR, not by name
    bool bss;
    double skip_s; ///< left out of the scores at the start
};

/** The three rows of a stem. */
enum scoring_row {
    ROW_ESTIMATE,
    ROW_NOTHING, ///< the mix as the estimate
    ROW_ORACLE, ///< ratio masks made of the true sources
    N_ROWS
};

struct scoring {
    struct track_list references; ///< sorted by name
    struct track_list estimates;
    struct signal_file *reference_signals; ///< as many as references, all of one shape
    struct signal_file *estimate_signals; ///< with names: per reference; with match: per estimate
    size_t n_estimate_signals;
    size_t *chosen; ///< per reference, an index into `estimates`; SIZE_MAX: missing
    ub_score *scores[N_ROWS]; ///< per reference
    double residual_db;
    unsigned rate_hz;
    size_t n_skipped; ///< samples
};

/** Load and score. Failures have been reported. @return whether there are scores. */
bool scoring_run(const struct scoring_request *request, const ub_progress *progress,
                 struct scoring *scoring);

/** Free and zero. Zeroed and half-filled ones are fine. */
void scoring_free(struct scoring *scoring);

#endif
