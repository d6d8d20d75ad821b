// SPDX-License-Identifier: GPL-3.0-or-later
// Dictionaries put together, and parts of one.
#include "unbraid/dictionary.h"

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
        char *name = malloc(strlen(part->source_names[j]) + 1);
        if (!name) {
            return UB_NO_MEMORY;
        }
        joined->source_names[*source + j] = strcpy(name, part->source_names[j]);
    }
    for (size_t k = 0; k < part->templates.n_cols; k++) {
        joined->component_source[*component + k] = *source + part->component_source[k];
        memcpy(ub_matrix_column(&joined->templates, *component + k),
               ub_matrix_column(&part->templates, k), part->templates.n_rows * sizeof(float));
    }
    *source += part->n_sources;
    *component += part->templates.n_cols;
    return UB_OK;
}

ub_status ub_dictionary_join(const ub_dictionary *const *dictionaries, size_t n, ub_dictionary *out,
                             ub_message *why)
{
    size_t n_sources, n_components, source = 0, component = 0;
    ub_status status = check_parts(dictionaries, n, &n_sources, &n_components, why);
    if (status) {
        return status;
    }
    ub_dictionary joined = *dictionaries[0]; // the numbers; what is owned is replaced
    joined.templates = (ub_matrix){0};
    joined.n_sources = n_sources;
    joined.source_names = calloc(n_sources, sizeof *joined.source_names);
    joined.component_source = calloc(n_components, sizeof *joined.component_source);
    joined.licence = join_texts(dictionaries, n, true);
    joined.origin = join_texts(dictionaries, n, false);
    status = joined.source_names && joined.component_source && joined.licence && joined.origin
                 ? ub_matrix_new(dictionaries[0]->templates.n_rows, n_components, &joined.templates)
                 : UB_NO_MEMORY;
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

static ub_status pick(const ub_dictionary *from, const size_t *sources, size_t n_components,
                      ub_dictionary *picked)
{
    picked->source_names = calloc(picked->n_sources, sizeof *picked->source_names);
    picked->component_source = calloc(n_components, sizeof *picked->component_source);
    picked->licence = strdup(from->licence);
    picked->origin = strdup(from->origin);
    if (!picked->source_names || !picked->component_source || !picked->licence || !picked->origin ||
        ub_matrix_new(from->templates.n_rows, n_components, &picked->templates)) {
        return UB_NO_MEMORY;
    }
    size_t component = 0;
    for (size_t i = 0; i < picked->n_sources; i++) {
        picked->source_names[i] = strdup(from->source_names[sources[i]]);
        if (!picked->source_names[i]) {
            return UB_NO_MEMORY;
        }
        for (size_t k = 0; k < from->templates.n_cols; k++) {
            if (from->component_source[k] == sources[i]) {
                picked->component_source[component] = i;
                memcpy(ub_matrix_column(&picked->templates, component++),
                       ub_matrix_column(&from->templates, k),
                       from->templates.n_rows * sizeof(float));
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
    ub_dictionary picked = *from; // the numbers; what is owned is replaced
    picked.templates = (ub_matrix){0};
    picked.n_sources = n_sources;
    status = pick(from, sources, n_components, &picked);
    status = status ? ub_fail(why, status, "no memory for %zu templates", n_components)
                    : ub_dictionary_check(&picked, why); // a source may not come twice
    if (status) {
        ub_dictionary_free(&picked);
        return status;
    }
    *out = picked;
    return UB_OK;
}
