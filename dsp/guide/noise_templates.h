// SPDX-License-Identifier: GPL-3.0-or-later
/** Templates of the noise of this very recording, beside those of a dictionary. Private header. */
#ifndef UNBRAID_GUIDE_NOISE_TEMPLATES_H
#define UNBRAID_GUIDE_NOISE_TEMPLATES_H

#include "unbraid/dictionary.h"

/**
   A dictionary with templates more: the mean spectra of the noise in six parts of a stretch.

   @param dictionary  Borrowed, and its names by `out`.
   @param noise       Powers, F x T as ub_noise_floor_find() gives them; F is that of the templates.
   @param wanted      A source that the noise is no part of: it joins the first other one.
   @param out         Templates, sources and what belongs to its transform; nothing optional. Freed
                      by ub_noise_templates_free(). Set in any case.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_noise_templates_join(const ub_dictionary *dictionary, const ub_matrix *noise,
                                  const char *wanted, ub_dictionary *out);

/** Free what it does not borrow, and zero the struct. */
void ub_noise_templates_free(ub_dictionary *joined);

#endif
