// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Which blind components are heard as one source, and what the source may be called.
   Private header.
*/
#ifndef UNBRAID_SEPARATE_GROUPING_H
#define UNBRAID_SEPARATE_GROUPING_H

#include "unbraid/nmf.h"

enum {
    UB_NAME_SIZE = 16 // bytes of a guessed name
};

/**
   Group components by the shape of their templates, their activations and their panning:
   agglomerative clustering down to n_sources groups.

   @param factors    A fit with templates that sum to one.
   @param bin_hz     Frequency of bin 1.
   @param frame_s    Seconds from a frame to the next.
   @param n_sources  1 to the number of components.
   @param component_source  Room for K: group of each component. Groups are numbered in the order
                     in which stems come out: drums, bass, then tonal ones from low to high.
   @param names      Room for n_sources names: "drums", "bass", "tonal-1" ...
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_group_components(const ub_nmf_factors *factors, double bin_hz, double frame_s,
                              size_t n_sources, size_t *component_source,
                              char (*names)[UB_NAME_SIZE]);

#endif
