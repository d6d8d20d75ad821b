// SPDX-License-Identifier: GPL-3.0-or-later
#include "keys.h"

#include <stdlib.h>
#include <string.h>

enum { N_PITCHES = UB_DICTIONARY_MAX_PITCH + 1 };

// Number the pitches of one source that have templates, from keys->n on.
static void add_source(const ub_dictionary *dictionary, size_t source, ub_keys *keys)
{
    for (int pitch = 0; pitch < N_PITCHES; pitch++) {
        bool is_there = false;
        for (size_t k = 0; k < keys->n_components; k++) {
            if (dictionary->component_source[k] == source &&
                dictionary->component_pitch[k] == pitch) {
                keys->of_component[k] = keys->n;
                is_there = true;
            }
        }
        if (is_there) {
            keys->pitch[keys->n] = pitch;
            keys->source[keys->n++] = source;
        }
    }
}

ub_status ub_keys_new(const ub_dictionary *dictionary, ub_keys *out, ub_message *why)
{
    const size_t n_k = dictionary->templates.n_cols;
    if (!dictionary->component_pitch) {
        return ub_fail(why, UB_BAD_VALUE,
                       "the dictionary does not say which notes its templates "
                       "are; learn one with notes");
    }
    ub_keys keys = {
        .n_components = n_k,
        .pitch = calloc(n_k, sizeof *keys.pitch), // no more keys than templates
        .source = calloc(n_k, sizeof *keys.source),
        .of_component = calloc(n_k, sizeof *keys.of_component),
    };
    if (!keys.pitch || !keys.source || !keys.of_component) {
        ub_keys_free(&keys);
        return ub_fail(why, UB_NO_MEMORY, "no memory for the keys of %zu templates", n_k);
    }
    for (size_t source = 0; source < dictionary->n_sources; source++) {
        add_source(dictionary, source, &keys);
    }
    for (size_t k = 0; k < n_k; k++) {
        if (dictionary->component_pitch[k] < 0) {
            keys.of_component[k] = keys.n;
        }
    }
    if (keys.n == 0) {
        ub_keys_free(&keys);
        return ub_fail(why, UB_BAD_VALUE, "no template of the dictionary is a note");
    }
    *out = keys;
    return UB_OK;
}

void ub_keys_free(ub_keys *keys)
{
    free(keys->pitch);
    free(keys->source);
    free(keys->of_component);
    *keys = (ub_keys){0};
}

size_t *ub_keys_neighbours_new(const ub_keys *keys)
{
    size_t *neighbours = calloc(keys->n * N_PITCHES, sizeof *neighbours);
    for (size_t i = 0; neighbours && i < keys->n * N_PITCHES; i++) {
        neighbours[i] = keys->n;
    }
    for (size_t key = 0; neighbours && key < keys->n; key++) {
        for (size_t other = 0; other < keys->n; other++) {
            if (keys->source[other] == keys->source[key]) {
                neighbours[key * N_PITCHES + (size_t)keys->pitch[other]] = other;
            }
        }
    }
    return neighbours;
}

size_t ub_keys_neighbour(const ub_keys *keys, const size_t *neighbours, size_t key, int semitones)
{
    const int pitch = keys->pitch[key] + semitones;
    const bool exists = pitch >= 0 && pitch < N_PITCHES;
    return exists ? neighbours[key * N_PITCHES + (size_t)pitch] : keys->n;
}

void ub_keys_add_up(const ub_keys *keys, const float *h, float gate, float *sums)
{
    memset(sums, 0, keys->n * sizeof *sums);
    for (size_t k = 0; k < keys->n_components; k++) {
        if (keys->of_component[k] < keys->n) {
            sums[keys->of_component[k]] += gate * h[k];
        }
    }
}
