// SPDX-License-Identifier: GPL-3.0-or-later
// Dictionaries put together, and parts of one.
#include "shell.h"
#include "unbraid/dictionary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ub_status check_parts(const ub_dictionary *const *dictionaries, size_t n, size_t *n_sources,
                             size_t *n_components, ub_message *why)
{
    *n_sources = *n_components = 0;
    for (size_t i = 0; i < n; i++) {
        *n_sources += dictionaries[i]->n_sources;
        *n_components += dictionaries[i]->templates.n_cols;
    }
    if (n == 0 || *n_sources > UB_DICTIONARY_MAX_SOURCES ||
        *n_components > UB_DICTIONARY_MAX_COMPONENTS) {
        return ub_fail(why, UB_BAD_VALUE,
                       "%zu sources with %zu templates in all; at most %d with %d fit", *n_sources,
                       *n_components, UB_DICTIONARY_MAX_SOURCES, UB_DICTIONARY_MAX_COMPONENTS);
    }
    return UB_OK;
}

// Whether "a; b; c" has the text as an entry, not merely inside one: GPL is not LGPL.
static bool lists(const char *list, const char *text)
{
    const size_t size = strlen(text);
    for (const char *at = strstr(list, text); at; at = strstr(at + 1, text)) {
        const bool starts = at == list || (at - list >= 2 && memcmp(at - 2, "; ", 2) == 0);
        if (starts && (at[size] == '\0' || strncmp(at + size, "; ", 2) == 0)) {
            return true;
        }
    }
    return false;
}

// "a; b", without what is there already.
static char *join_texts(const ub_dictionary *const *dictionaries, size_t n, bool licence)
{
    size_t size = 1;
    for (size_t i = 0; i < n; i++) {
        size += strlen(licence ? dictionaries[i]->licence : dictionaries[i]->origin) + 2;
    }
    char *joined = calloc(size, 1);
    for (size_t i = 0; joined && i < n; i++) {
        const char *text = licence ? dictionaries[i]->licence : dictionaries[i]->origin;
        if (*text && !lists(joined, text)) {
            strcat(strcat(joined, *joined ? "; " : ""), text);
        }
    }
    return joined;
}

static ub_status append(const ub_dictionary *part, ub_dictionary *joined, size_t *source,
                        size_t *component)
{
    for (size_t j = 0; j < part->n_sources; j++) {
        joined->source_names[*source + j] = strdup(part->source_names[j]);
        if (!joined->source_names[*source + j]) {
            return UB_NO_MEMORY;
        }
    }
    for (size_t k = 0; k < part->templates.n_cols; k++) {
        ub_dictionary_put(part, k, joined, *component + k, *source + part->component_source[k]);
    }
    *source += part->n_sources;
    *component += part->templates.n_cols;
    return UB_OK;
}

static bool same_context(const ub_dictionary *a, const ub_dictionary *b)
{
    const double distance = (double)a->context_samples / a->rate_hz;
    return a->n_before == b->n_before && a->n_after == b->n_after &&
           fabs((double)b->context_samples / b->rate_hz - distance) <= 0.01 * distance;
}

// Which optional parts the whole has, as a dictionary whose matrices are only looked at.
static ub_dictionary outline(const ub_dictionary *const *dictionaries, size_t n)
{
    ub_dictionary like = *dictionaries[0];
    bool all_agree = true;
    for (size_t i = 1; i < n; i++) {
        all_agree = all_agree && same_context(&like, dictionaries[i]);
        // Nothing is rounded that was not before.
        like.storage = dictionaries[i]->storage == UB_STORAGE_F16 ? like.storage : UB_STORAGE_F32;
        if (dictionaries[i]->reconstruction.n_rows > 0) {
            like.reconstruction.n_rows = like.templates.n_rows;
        }
        if (dictionaries[i]->component_pitch) {
            like.component_pitch = dictionaries[i]->component_pitch;
        }
    }
    if (!all_agree) {
        like.context.n_rows = like.n_before = like.n_after = like.context_samples = 0;
    }
    return like;
}

static ub_status put_texts(const ub_dictionary *const *dictionaries, size_t n,
                           ub_dictionary *joined)
{
    free(joined->licence);
    free(joined->origin);
    joined->licence = join_texts(dictionaries, n, true);
    joined->origin = join_texts(dictionaries, n, false);
    return joined->licence && joined->origin ? UB_OK : UB_NO_MEMORY;
}

ub_status ub_dictionary_join(const ub_dictionary *const *dictionaries, size_t n, ub_dictionary *out,
                             ub_message *why)
{
    size_t n_sources, n_components, source = 0, component = 0;
    ub_status status = check_parts(dictionaries, n, &n_sources, &n_components, why);
    if (status) {
        return status;
    }
    ub_dictionary joined = {0};
    const ub_dictionary like = outline(dictionaries, n);
    status = ub_dictionary_shell(&like, n_sources, n_components, &joined);
    status = status ? status : put_texts(dictionaries, n, &joined);
    for (size_t i = 0; !status && i < n; i++) {
        ub_dictionary part;
        status = ub_dictionary_fit(dictionaries[i], joined.rate_hz, joined.window_samples,
                                   joined.hop_samples, &part, why);
        if (!status) {
            status = append(&part, &joined, &source, &component);
            ub_dictionary_free(&part);
        }
    }
    status = status == UB_NO_MEMORY
                 ? ub_fail(why, status, "no memory for %zu templates", n_components)
                 : status;
    status = status ? status : ub_dictionary_check(&joined, why);
    if (status) {
        ub_dictionary_free(&joined);
        return status;
    }
    *out = joined;
    return UB_OK;
}

// How many sources and components are picked, or why they cannot be.
static ub_status check_pick(const ub_dictionary *from, const size_t *sources, size_t n_sources,
                            size_t *n_components, ub_message *why)
{
    *n_components = 0;
    if (n_sources == 0 || n_sources > from->n_sources) {
        return ub_fail(why, UB_BAD_VALUE, "%zu of %zu sources cannot be picked", n_sources,
                       from->n_sources);
    }
    for (size_t i = 0; i < n_sources; i++) {
        if (sources[i] >= from->n_sources) {
            return ub_fail(why, UB_BAD_VALUE, "there is no source number %zu", sources[i]);
        }
        for (size_t k = 0; k < from->templates.n_cols; k++) {
            *n_components += from->component_source[k] == sources[i];
        }
    }
    return UB_OK;
}

static ub_status pick(const ub_dictionary *from, const size_t *sources, ub_dictionary *picked)
{
    size_t component = 0;
    for (size_t i = 0; i < picked->n_sources; i++) {
        picked->source_names[i] = strdup(from->source_names[sources[i]]);
        if (!picked->source_names[i]) {
            return UB_NO_MEMORY;
        }
        for (size_t k = 0; k < from->templates.n_cols; k++) {
            if (from->component_source[k] == sources[i]) {
                ub_dictionary_put(from, k, picked, component++, i);
            }
        }
    }
    return UB_OK;
}

ub_status ub_dictionary_pick(const ub_dictionary *from, const size_t *sources, size_t n_sources,
                             ub_dictionary *out, ub_message *why)
{
    size_t n_components;
    ub_status status = check_pick(from, sources, n_sources, &n_components, why);
    if (status) {
        return status;
    }
    ub_dictionary picked = {0};
    status = ub_dictionary_shell(from, n_sources, n_components, &picked);
    status = status ? status : pick(from, sources, &picked);
    status = status ? ub_fail(why, status, "no memory for %zu templates", n_components)
                    : ub_dictionary_check(&picked, why); // a source may not come twice
    if (status) {
        ub_dictionary_free(&picked);
        return status;
    }
    *out = picked;
    return UB_OK;
}
