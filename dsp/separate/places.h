// SPDX-License-Identifier: GPL-3.0-or-later
/** The multichannel Wiener filter for blocks of frames: what masks make of them, refined by where
    the sources are among the channels. Private header. */
#ifndef UNBRAID_SEPARATE_PLACES_H
#define UNBRAID_SEPARATE_PLACES_H

#include "mask/spatial.h"

/** A block of frames and its masks. Borrowed. */
typedef struct ub_masked_block {
    const float complex *spectra; ///< [channel][frame of most_frames][bin]
    const float *masks; ///< [channel][source][frame of most_frames], mask_stride floats apart
    size_t mask_stride, most_frames, n_frames;
} ub_masked_block;

typedef struct ub_places {
    size_t n_channels, n_sources, n_bins, most_frames, n_threads;
    ub_spatial *spatial;
    float complex *sources; ///< [source][channel][frame][bin]: of the last block
    ub_spatial_frame *frames; ///< into these
    const float complex **mix;
    float complex **parts;
} ub_places;

/** @return UB_OK or UB_NO_MEMORY. `out` is to be freed in either case. */
ub_status ub_places_new(const ub_places *shape, bool rank_one, ub_places *out);
void ub_places_free(ub_places *places);

/** Hear a block for the next round. Blocks must be those of the whole recording. */
void ub_places_hear(ub_places *places, const ub_masked_block *block);

/** All blocks have been heard. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_places_end_round(ub_places *places);

/** Put what the rounds make of a block into `sources`. */
void ub_places_filter(ub_places *places, const ub_masked_block *block);

/** A frame of the last block. */
static inline float complex *ub_places_frame(const ub_places *places, size_t source, size_t channel,
                                             size_t frame)
{
    const size_t stem = source * places->n_channels + channel;
    return places->sources + (stem * places->most_frames + frame) * places->n_bins;
}

#endif
