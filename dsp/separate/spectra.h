// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Magnitudes of a recording to fit to: of all its frames, or of a sample of them. Private header.
*/
#ifndef UNBRAID_SEPARATE_SPECTRA_H
#define UNBRAID_SEPARATE_SPECTRA_H

#include "front.h"

/** Frames whose magnitudes, of all channels, fit into so many bytes; at least 64. */
size_t ub_spectra_frames_within(const ub_front *front, size_t n_bytes);

/** Matrices of zeros for n_frames frames with ub_front_n_rows() rows, one per channel. @return
 * UB_OK or UB_NO_MEMORY. */
ub_status ub_spectra_new(const ub_front *front, size_t n_frames, ub_matrix **out, ub_message *why);
void ub_spectra_free(ub_matrix *spectra, size_t n_channels);

/** Put frames [first, first + n) of the recording into the columns from `to` on. Of the progress
    only the stages are told.
    @return as ub_front_read(). */
ub_status ub_spectra_read(ub_front *front, size_t first, size_t n, const ub_progress *progress,
                          ub_matrix *spectra, size_t to, ub_message *why);

/** The whole recording. Free what it gives with ub_spectra_free().
    @return as ub_front_read(), UB_NO_MEMORY, UB_CANCELLED. */
ub_status ub_spectra_read_all(ub_front *front, const ub_progress *progress, ub_matrix **spectra,
                              ub_message *why);

/** How to choose frames. */
typedef struct ub_sampling {
    size_t n_frames; ///< at most so many; as many of them as there are whole runs
    bool whole_cells; ///< runs of 64 frames, however few runs that makes
    bool skip_silence; ///< read all of the recording first, and leave out what is silent in it
    uint64_t seed;
} ub_sampling;

/**
   A sample of the recording: runs of consecutive frames, spread evenly over it. The recording is
   divided into as many stretches as there are runs, and each gives the run that the seed says:
   runs at equal distances could meet the same beat of every bar. A run has 8 to 64 frames, fewer
   than 64 where that makes fewer than 64 runs and whole cells are not asked for.

   Silent are stretches of 64 frames 60 dB below the loudest. Where that leaves fewer frames than
   wanted, the sample is smaller; where all is silent, all counts.

   @return as ub_spectra_read_all(), which does it where all frames are wanted.
*/
ub_status ub_spectra_sample(ub_front *front, const ub_sampling *sampling,
                            const ub_progress *progress, ub_matrix **spectra, ub_message *why);

#endif
