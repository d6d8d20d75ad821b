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
   Group components by the shape of their templates, their activations, their panning and what the
   prior of hits says of them: agglomerative clustering down to n_sources groups. Then each
   component is shared out: a group has the more of it the nearer it is,

       s_jk ~ exp(-d_jk / 0.3)    d_jk  the mean distance of k to what is in group j

   so that one that fits nowhere spoils no stem, but is in all of them.

   @param factors    A fit with templates that sum to one.
   @param struck     K: the share of each component that the prior of hits takes for one, 0 to 1.
   @param bin_hz     Frequency of bin 1.
   @param frame_s    Seconds from a frame to the next.
   @param n_sources  1 to the number of components.
   @param component_source  Room for K: group of each component. Groups are numbered in the order
                     in which stems come out: drums, bass, then tonal ones from low to high.
   @param shares     n_sources x K: columns sum to one.
   @param names      Room for n_sources names: "drums", "bass", "tonal-1" ...
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_group_components(const ub_nmf_factors *factors, const float *struck, double bin_hz,
                              double frame_s, size_t n_sources, size_t *component_source,
                              ub_matrix *shares, char (*names)[UB_NAME_SIZE]);

/**
   How unlike components are, as ub_group_components() has it.
   @param apart  K x K: every element is set, 0 for what is alike.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_group_distances(const ub_nmf_factors *factors, const float *struck, double bin_hz,
                             double frame_s, double *apart);

#endif
