// SPDX-License-Identifier: GPL-3.0-or-later
/** A dictionary of drums as the deconvolution takes it. Private header. */
#ifndef UNBRAID_GUIDE_DRUM_KIT_H
#define UNBRAID_GUIDE_DRUM_KIT_H

#include "dictionary/keys.h"
#include "factor/bands.h"
#include "hit_templates.h"

typedef struct ub_drum_kit {
    ub_bands bands; ///< `first` begins above the lowest bins
    ub_hit_templates templates; ///< bands in place of bins, of sum one over all that they last
    float *heads; ///< of each component, the share of it that sounds in the first tenth of a second
} ub_drum_kit;

/** From a dictionary that is for this sample rate and transform.
    @return UB_OK; UB_BAD_VALUE where frames of a template are not a hop apart; UB_NO_MEMORY. */
ub_status ub_drum_kit_new(const ub_dictionary *dictionary, ub_drum_kit *out, ub_message *why);
void ub_drum_kit_free(ub_drum_kit *kit);

/** The channels of a frame added up, in bands. */
void ub_drum_kit_hear(const ub_drum_kit *kit, const ub_matrix *spectra, size_t n_channels,
                      size_t frame, float *column);

/**
   Deconvolve spectra with the templates of the kit, which become those of the kit that plays
   (Dittmar, Gartner 2014).
   @param spectra   Bands x frames.
   @param sounding  Keys x frames: what each key has in the first tenth of a second of hits.
                    Whole hits would make a crash, which rings, more than it is beside a stick.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_drum_kit_deconvolve(const ub_drum_kit *kit, const ub_keys *keys,
                                 const ub_matrix *spectra, ub_matrix *sounding);

#endif
