// SPDX-License-Identifier: GPL-3.0-or-later
/** From what a caller may choose to the updates that are made: how many, where, and until when.
    Private header. */
#ifndef UNBRAID_SEPARATE_SCHEDULE_H
#define UNBRAID_SEPARATE_SCHEDULE_H

#include "unbraid/nmf.h"
#include "unbraid/params.h"

/** Settings of a factorisation of these spectra. `sparsity` and `continuity` of the parameters have
    no unit: they are scaled by the mean of the spectra and the sums of the templates. Without
    spectra (n_channels 0) there are no penalties. */
ub_nmf_settings ub_schedule_fit(const ub_settings *settings, const ub_matrix *spectra,
                                size_t n_channels);

/** The same where the templates are what is wanted: all updates on bins. */
ub_nmf_settings ub_schedule_learning(const ub_settings *settings, const ub_matrix *spectra,
                                     size_t n_channels);

/** From the settings of a factorisation: to find gains of fixed templates in a sample of frames. */
ub_nmf_settings ub_schedule_gains(const ub_settings *settings, const ub_nmf_settings *fit);

/** From the settings of a factorisation: activations of fixed templates frame by frame, by an
    activator. The number of updates is fixed, so that a frame does not depend on others. */
ub_nmf_settings ub_schedule_frames(const ub_settings *settings, const ub_nmf_settings *fit);

/** From the settings of a factorisation: updates that smooth activations which an activator has
    found. */
ub_nmf_settings ub_schedule_smoothing(const ub_settings *settings, const ub_nmf_settings *fit);

/** What updates are likely to cost, in updates of the activations on all bins. */
double ub_schedule_cost(const ub_nmf_settings *nmf, bool updates_templates);

#endif
