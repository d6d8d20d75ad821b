// SPDX-License-Identifier: GPL-3.0-or-later
/** The keys of a dictionary of notes: the templates of one pitch of one source. Private header. */
#ifndef UNBRAID_DICTIONARY_KEYS_H
#define UNBRAID_DICTIONARY_KEYS_H

#include "unbraid/dictionary.h"

#include <stdbool.h>

typedef struct ub_keys {
    size_t n; ///< keys, by source and then pitch, ascending
    int *pitch; ///< n
    size_t *source; ///< n
    size_t n_components; ///< K
    size_t *of_component; ///< K: the key of each; n for templates of no note
} ub_keys;

/** @return UB_OK; UB_BAD_VALUE for a dictionary without notes; UB_NO_MEMORY. */
ub_status ub_keys_new(const ub_dictionary *dictionary, ub_keys *out, ub_message *why);
void ub_keys_free(ub_keys *keys);

/** The key of each pitch of the source that a key is of; n where there is none: n x
    (UB_DICTIONARY_MAX_PITCH + 1), to be freed. @return NULL without memory. */
size_t *ub_keys_neighbours_new(const ub_keys *keys);

/** The key of the same source that is so many semitones higher; n: there is none. Real-time safe.
 */
size_t ub_keys_neighbour(const ub_keys *keys, const size_t *neighbours, size_t key, int semitones);

/** What sounds on each key: the sums of the activations of its templates, the first K of `h`, times
    the gate of the frame. */
void ub_keys_add_up(const ub_keys *keys, const float *h, float gate, float *sums);

#endif
