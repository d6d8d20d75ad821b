// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Bands of neighbouring bins: a coarse spectrum on which updates cost a fifth.

   A band is as wide as a seventieth of its frequency, a quarter of a semitone, and never less than
   a bin. Adding up the rows of V and W of a band keeps the linear model, and with Kullback-Leibler
   (counts of independent Poisson variables) it is the exact model of the sums: activations that fit
   the bands fit the bins but for what tells close partials of high frequency apart. So most updates
   may be made on bands and only the last on bins. Private header.
*/
#ifndef UNBRAID_FACTOR_BANDS_H
#define UNBRAID_FACTOR_BANDS_H

#include "unbraid/nmf.h"

typedef struct ub_bands {
    size_t n_bins; ///< with the other rows
    size_t n_bands;
    size_t *first; ///< n_bands + 1: first bin of each band, and n_bins at the end
} ub_bands;

/** The bands of a spectrum of n_bins (at least 1) bins, and n_others rows behind them that are
    bands as they are. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_bands_new(size_t n_bins, size_t n_others, ub_bands *out);

/** The same, without other rows, with bands of a `bins_per_width`-th of their frequency. */
ub_status ub_bands_new_of_width(size_t n_bins, size_t bins_per_width, ub_bands *out);

/** The bands of ub_bands_new(), roughly, out of finer ones, which are their bins. */
ub_status ub_bands_of_bands(const ub_bands *finer, ub_bands *out);

/** Zeroed structs are fine. */
void ub_bands_free(ub_bands *bands);

/** bands[b] = sum of bins[f] over the band; both arrays have the stated lengths. Real-time safe. */
void ub_bands_merge(const ub_bands *bands, const float *bins, float *merged);

/** Merge each column. `out` is new. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_bands_merge_matrix(const ub_bands *bands, const ub_matrix *bins, ub_matrix *out);

/**
   Share a template of bands out over its bins: in proportion to `weights` (n_bins), evenly where a
   band has none. The sum of a band is kept.
*/
void ub_bands_share(const ub_bands *bands, const float *merged, const double *weights, float *bins);

#endif
