// SPDX-License-Identifier: GPL-3.0-or-later
// What a dictionary must be, and its copies.
#include "unbraid/dictionary.h"
#include "ground/number.h"
#include "text.h"
#include "unbraid/stft.h"

#include <float.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void ub_dictionary_free(ub_dictionary *dictionary)
{
    if (!dictionary) {
        return;
    }
    ub_matrix_free(&dictionary->templates);
    for (size_t j = 0; dictionary->source_names && j < dictionary->n_sources; j++) {
        free(dictionary->source_names[j]);
    }
    free(dictionary->source_names);
    free(dictionary->component_source);
    free(dictionary->licence);
    free(dictionary->origin);
    *dictionary = (ub_dictionary){0};
}

static ub_status check_names(const ub_dictionary *dictionary, ub_message *why)
{
    if (dictionary->n_sources < 1 || dictionary->n_sources > UB_DICTIONARY_MAX_SOURCES ||
        !dictionary->source_names) {
        return ub_fail(why, UB_BAD_SHAPE, "%zu sources, but 1 to %d are allowed",
                       dictionary->n_sources, UB_DICTIONARY_MAX_SOURCES);
    }
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        if (!dictionary->source_names[j]) {
            return ub_fail(why, UB_BAD_VALUE, "source %zu has no name", j);
        }
        const ub_status status = ub_name_check(dictionary->source_names[j], why);
        if (status) {
            return status;
        }
        for (size_t i = 0; i < j; i++) {
            if (strcmp(dictionary->source_names[i], dictionary->source_names[j]) == 0) {
                return ub_fail(why, UB_BAD_VALUE, "two sources are named '%s'",
                               dictionary->source_names[j]);
            }
        }
    }
    return UB_OK;
}

static ub_status check_templates(const ub_dictionary *dictionary, ub_message *why)
{
    const ub_matrix *templates = &dictionary->templates;
    const size_t n_bins = dictionary->window_samples / 2 + 1;
    if (templates->n_rows != n_bins) {
        return ub_fail(why, UB_BAD_SHAPE,
                       "templates have %zu bins, but a window of %zu samples "
                       "has %zu",
                       templates->n_rows, dictionary->window_samples, n_bins);
    }
    if (templates->n_cols < 1 || templates->n_cols > UB_DICTIONARY_MAX_COMPONENTS ||
        !dictionary->component_source) {
        return ub_fail(why, UB_BAD_SHAPE, "%zu templates, but 1 to %d are allowed",
                       templates->n_cols, UB_DICTIONARY_MAX_COMPONENTS);
    }
    if (!ub_matrix_is_nonnegative(templates)) {
        return ub_fail(why, UB_BAD_VALUE, "templates hold negative, infinite or missing values");
    }
    bool used[UB_DICTIONARY_MAX_SOURCES] = {false};
    for (size_t k = 0; k < templates->n_cols; k++) {
        const size_t source = dictionary->component_source[k];
        if (source >= dictionary->n_sources) {
            return ub_fail(why, UB_BAD_VALUE, "template %zu belongs to source %zu of %zu", k,
                           source, dictionary->n_sources);
        }
        used[source] = true;
    }
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        if (!used[j]) {
            return ub_fail(why, UB_BAD_VALUE, "source '%s' has no template",
                           dictionary->source_names[j]);
        }
    }
    return UB_OK;
}

ub_status ub_dictionary_check(const ub_dictionary *dictionary, ub_message *why)
{
    const ub_stft_settings stft = {dictionary->window, dictionary->window_samples,
                                   dictionary->hop_samples};
    ub_status status = ub_stft_settings_check(&stft, why);
    status = status ? status : check_names(dictionary, why);
    status = status ? status : check_templates(dictionary, why);
    if (status) {
        return status;
    }
    if (!ub_in_range(dictionary->rate_hz, 1000.0, 1e6)) {
        return ub_fail(why, UB_BAD_VALUE, "a sample rate of %g Hz is not supported",
                       dictionary->rate_hz);
    }
    if (!ub_in_range(dictionary->beta, -4.0, 4.0) ||
        !ub_in_range(dictionary->sparsity, 0.0, DBL_MAX)) {
        return ub_fail(why, UB_BAD_VALUE, "beta is %g and sparsity %g, which cannot be",
                       dictionary->beta, dictionary->sparsity);
    }
    if (!dictionary->licence || !dictionary->origin) {
        return ub_fail(why, UB_BAD_VALUE, "licence or origin is missing");
    }
    status = ub_text_check(dictionary->licence, "licence", why);
    return status ? status : ub_text_check(dictionary->origin, "origin", why);
}

static char *copy_text(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

static bool copy_sources(const ub_dictionary *from, ub_dictionary *to)
{
    const size_t n_components = from->templates.n_cols;
    to->source_names = calloc(from->n_sources, sizeof *to->source_names);
    to->component_source = malloc(n_components * sizeof *to->component_source);
    to->licence = copy_text(from->licence);
    to->origin = copy_text(from->origin);
    if (!to->source_names || !to->component_source || !to->licence || !to->origin) {
        return false;
    }
    memcpy(to->component_source, from->component_source,
           n_components * sizeof *to->component_source);
    for (size_t j = 0; j < from->n_sources; j++) {
        to->source_names[j] = copy_text(from->source_names[j]);
        if (!to->source_names[j]) {
            return false;
        }
    }
    return true;
}

ub_status ub_dictionary_copy(const ub_dictionary *from, ub_dictionary *out)
{
    ub_dictionary copy = *from; // the numbers; what is owned is replaced
    copy.templates = (ub_matrix){0};
    copy.source_names = NULL;
    copy.component_source = NULL;
    copy.licence = copy.origin = NULL;
    if (ub_matrix_copy(&from->templates, &copy.templates) || !copy_sources(from, &copy)) {
        ub_dictionary_free(&copy);
        return UB_NO_MEMORY;
    }
    *out = copy;
    return UB_OK;
}
