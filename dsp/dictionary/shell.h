// SPDX-License-Identifier: GPL-3.0-or-later
/** Dictionaries made of the components of others. Private header. */
#ifndef UNBRAID_DICTIONARY_SHELL_H
#define UNBRAID_DICTIONARY_SHELL_H

#include "unbraid/dictionary.h"

/**
   A dictionary with the numbers, texts and optional parts of `like`, and room for n_components
   components of n_sources sources that have no names yet.
   @return UB_OK or UB_NO_MEMORY; `out` is set on success only.
*/
ub_status ub_dictionary_shell(const ub_dictionary *like, size_t n_sources, size_t n_components,
                              ub_dictionary *out);

/** Put a component of `from`, which has as many bins, into place `at` of `to`, for its `source`:
    everything that `to` has of a component. */
void ub_dictionary_put(const ub_dictionary *from, size_t component, ub_dictionary *to, size_t at,
                       size_t source);

#endif
