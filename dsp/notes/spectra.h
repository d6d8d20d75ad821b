// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Spectra to find notes in: one channel, up to where notes have partials, in bands that keep
   neighbouring partials apart. Private header.
*/
#ifndef UNBRAID_NOTES_SPECTRA_H
#define UNBRAID_NOTES_SPECTRA_H

#include "factor/bands.h"
#include "separate/front.h"

/** How bins become bands. */
typedef struct ub_note_bands {
    size_t n_bins; ///< bins that are used
    double bin_hz;
    ub_bands bands;
} ub_note_bands;

/** For spectra of `bin_hz` per bin; templates know nothing above `top_hz`. */
ub_status ub_note_bands_new(double bin_hz, double top_hz, size_t n_bins, ub_note_bands *out);
void ub_note_bands_free(ub_note_bands *bands);

/** Floats of work space for ub_note_bands_hear(). */
size_t ub_note_bands_work_size(const ub_note_bands *bands);

/** The sum of the channels in bands: column `frame` of each of n_channels spectra.
    @return its ub_tonality_gate(). */
float ub_note_bands_hear(const ub_note_bands *bands, const ub_matrix *spectra, size_t n_channels,
                         size_t frame, float *work, float *column);

/** Templates of bins to templates of bands, of sum one, followed by UB_NOTE_NOISES of noise. */
ub_status ub_note_templates(const ub_note_bands *bands, const ub_matrix *templates, ub_matrix *out);

/**
   Bring the mean level to what the floor is made for, and add it: a band of n bins gets n times
   UB_NOTE_FLOOR. What lies below it cannot draw templates to it.
*/
void ub_note_bands_level(const ub_note_bands *bands, float gain, size_t n, ub_matrix *spectra);

enum {
    UB_NOTE_NOISES = 9 ///< a flat one, and humps from low to high
};

#endif
