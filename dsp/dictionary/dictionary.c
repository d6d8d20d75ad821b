// SPDX-License-Identifier: GPL-3.0-or-later
// What a dictionary must be, and its copies.
#include "unbraid/dictionary.h"
#include "ground/number.h"
#include "shell.h"
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
    ub_matrix_free(&dictionary->context);
    ub_matrix_free(&dictionary->reconstruction);
    free(dictionary->component_pitch);
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

size_t ub_dictionary_n_notes(const ub_dictionary *dictionary)
{
    size_t n = 0;
    for (size_t k = 0; dictionary->component_pitch && k < dictionary->templates.n_cols; k++) {
        n += dictionary->component_pitch[k] >= 0;
    }
    return n;
}

static ub_status check_context(const ub_dictionary *dictionary, ub_message *why)
{
    const ub_matrix *context = &dictionary->context;
    const size_t before = dictionary->n_before, after = dictionary->n_after;
    if (context->n_rows == 0 && before == 0 && after == 0) {
        return UB_OK;
    }
    if (before > UB_DICTIONARY_MAX_CONTEXT || after > UB_DICTIONARY_MAX_CONTEXT - before ||
        before + after == 0 || context->n_rows != (before + after) * dictionary->templates.n_rows ||
        context->n_cols != dictionary->templates.n_cols) {
        return ub_fail(why, UB_BAD_SHAPE,
                       "%zu x %zu values of context do not fit %zu frames before and %zu after, of "
                       "which %d are allowed",
                       context->n_rows, context->n_cols, before, after, UB_DICTIONARY_MAX_CONTEXT);
    }
    if (dictionary->context_samples < 1 || dictionary->context_samples > 1u << 20) {
        return ub_fail(why, UB_BAD_VALUE, "frames of context are %zu samples apart",
                       dictionary->context_samples);
    }
    return ub_matrix_is_nonnegative(context)
               ? UB_OK
               : ub_fail(why, UB_BAD_VALUE, "context has negative, infinite or missing values");
}

static ub_status check_optional(const ub_dictionary *dictionary, ub_message *why)
{
    const ub_matrix *reconstruction = &dictionary->reconstruction;
    const ub_status status = check_context(dictionary, why);
    if (status) {
        return status;
    }
    if (reconstruction->n_rows > 0 && (reconstruction->n_rows != dictionary->templates.n_rows ||
                                       reconstruction->n_cols != dictionary->templates.n_cols)) {
        return ub_fail(why, UB_BAD_SHAPE,
                       "reconstruction has %zu x %zu values, templates %zu x %zu",
                       reconstruction->n_rows, reconstruction->n_cols, dictionary->templates.n_rows,
                       dictionary->templates.n_cols);
    }
    if (!ub_matrix_is_nonnegative(reconstruction)) {
        return ub_fail(why, UB_BAD_VALUE,
                       "reconstruction has negative, infinite or missing values");
    }
    for (size_t k = 0; dictionary->component_pitch && k < dictionary->templates.n_cols; k++) {
        const int pitch = dictionary->component_pitch[k];
        if (pitch < -1 || pitch > UB_DICTIONARY_MAX_PITCH) {
            return ub_fail(why, UB_BAD_VALUE, "template %zu has the pitch %d, not a note number", k,
                           pitch);
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
    status = status ? status : check_optional(dictionary, why);
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
    if (dictionary->storage != UB_STORAGE_F32 && dictionary->storage != UB_STORAGE_F16) {
        return ub_fail(why, UB_BAD_VALUE, "there is no storage number %d",
                       (int)dictionary->storage);
    }
    if (!dictionary->licence || !dictionary->origin) {
        return ub_fail(why, UB_BAD_VALUE, "licence or origin is missing");
    }
    status = ub_text_check(dictionary->licence, "licence", why);
    return status ? status : ub_text_check(dictionary->origin, "origin", why);
}

ub_status ub_dictionary_shell(const ub_dictionary *like, size_t n_sources, size_t n_components,
                              ub_dictionary *out)
{
    ub_dictionary shell = *like; // the numbers; what is owned is replaced
    const bool has_pitches = like->component_pitch != NULL;
    shell.templates = shell.context = shell.reconstruction = (ub_matrix){0};
    shell.n_sources = n_sources;
    shell.source_names = calloc(n_sources, sizeof *shell.source_names);
    shell.component_source = calloc(n_components, sizeof *shell.component_source);
    shell.component_pitch =
        has_pitches ? calloc(n_components, sizeof *shell.component_pitch) : NULL;
    shell.licence = strdup(like->licence);
    shell.origin = strdup(like->origin);
    const size_t context = like->context.n_rows, reconstruction = like->reconstruction.n_rows;
    if (!shell.source_names || !shell.component_source || !shell.licence || !shell.origin ||
        (has_pitches && !shell.component_pitch) ||
        ub_matrix_new(like->templates.n_rows, n_components, &shell.templates) ||
        ub_matrix_new(context, context ? n_components : 0, &shell.context) ||
        ub_matrix_new(reconstruction, reconstruction ? n_components : 0, &shell.reconstruction)) {
        ub_dictionary_free(&shell);
        return UB_NO_MEMORY;
    }
    *out = shell;
    return UB_OK;
}

static void copy_column(const ub_matrix *from, size_t k, ub_matrix *to, size_t at)
{
    memcpy(ub_matrix_column(to, at), ub_matrix_column(from, k), from->n_rows * sizeof(float));
}

void ub_dictionary_put(const ub_dictionary *from, size_t component, ub_dictionary *to, size_t at,
                       size_t source)
{
    copy_column(&from->templates, component, &to->templates, at);
    if (to->context.n_rows > 0) {
        copy_column(&from->context, component, &to->context, at);
    }
    if (to->reconstruction.n_rows > 0) {
        const bool has_own = from->reconstruction.n_rows > 0;
        copy_column(has_own ? &from->reconstruction : &from->templates, component,
                    &to->reconstruction, at);
    }
    if (to->component_pitch) {
        to->component_pitch[at] = from->component_pitch ? from->component_pitch[component] : -1;
    }
    to->component_source[at] = source;
}

ub_status ub_dictionary_copy(const ub_dictionary *from, ub_dictionary *out)
{
    ub_dictionary copy;
    if (ub_dictionary_shell(from, from->n_sources, from->templates.n_cols, &copy)) {
        return UB_NO_MEMORY;
    }
    for (size_t j = 0; j < from->n_sources; j++) {
        copy.source_names[j] = strdup(from->source_names[j]);
        if (!copy.source_names[j]) {
            ub_dictionary_free(&copy);
            return UB_NO_MEMORY;
        }
    }
    for (size_t k = 0; k < from->templates.n_cols; k++) {
        ub_dictionary_put(from, k, &copy, k, from->component_source[k]);
    }
    *out = copy;
    return UB_OK;
}
