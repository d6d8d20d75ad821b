// SPDX-License-Identifier: GPL-3.0-or-later
/** A dictionary for a window of another shape. Private header. */
#ifndef UNBRAID_DICTIONARY_RESHAPE_H
#define UNBRAID_DICTIONARY_RESHAPE_H

#include "unbraid/dictionary.h"

/**
   Bring templates, context and reconstruction to what the same sounds, taken as noise of these
   spectra, look like through another window of the same length. Their energy stays.

   @param fall_samples  The hop of an asymmetric window, within which it falls, at the rate of the
   dictionary; brought into what its length allows. Of no meaning for others.
   @return UB_OK or UB_NO_MEMORY, after which nothing has changed. What the dictionary says of its
   window stays.
*/
ub_status ub_dictionary_reshape(ub_dictionary *dictionary, ub_window window, size_t fall_samples);

#endif
