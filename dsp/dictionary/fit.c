// SPDX-License-Identifier: GPL-3.0-or-later
// A dictionary for another sample rate or transform, and several in one.
#include "unbraid/dictionary.h"
#include "unbraid/stft.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Bins of two transforms over the same frequencies. Two factors rather than their quotient, so that
// bins that coincide are found to: the products are whole numbers, and exact.
typedef struct bin_map {
    size_t n_from, n_to;
    double new_step, old_step; // the widths of a bin, both times the same number
} bin_map;

static bin_map map_for(const ub_dictionary *from, double rate_hz, size_t window_samples)
{
    return (bin_map){
        .n_from = from->templates.n_rows,
        .n_to = window_samples / 2 + 1,
        .new_step = rate_hz * (double)from->window_samples,
        .old_step = from->rate_hz * (double)window_samples,
    };
}

// Where a new bin lies among the old ones.
static double old_bin(const bin_map *bins, size_t f)
{
    return (double)f * bins->new_step / bins->old_step;
}

// Mean of the topmost 1000 Hz: what the bins above the old Nyquist frequency are given.
static double top_level(const float *w, size_t n, double bin_hz)
{
    size_t first = (size_t)fmax(0.0, (double)n - ceil(1000.0 / bin_hz));
    double sum = 0.0;
    for (size_t f = first; f < n; f++) {
        sum += (double)w[f];
    }
    return sum / (double)(n - first);
}

// Value at a fractional bin, or the mean over the new bin's width where that is wider.
static double density(const float *w, size_t n, double at, double width)
{
    if (width <= 1.0) {
        const size_t low = (size_t)at;
        const double part = at - (double)low;
        const double high = low + 1 < n ? (double)w[low + 1] : (double)w[low];
        return (1.0 - part) * (double)w[low] + part * high;
    }
    double sum = 0.0, weights = 0.0;
    const double from = fmax(at - width, 0.0), to = fmin(at + width, (double)(n - 1));
    for (size_t f = (size_t)ceil(from); (double)f <= to; f++) {
        const double weight = 1.0 - fabs((double)f - at) / width; // a triangle: linear both ways
        sum += weight * (double)w[f];
        weights += weight;
    }
    return weights > 0.0 ? sum / weights : 0.0;
}

static void fit_template(const float *from, const bin_map *bins, double bin_hz, float *to)
{
    const double last = (double)(bins->n_from - 1), ratio = bins->new_step / bins->old_step;
    const double shared = old_bin(bins, bins->n_to - 1); // top of the new, in old bins
    double old_sum = 0.0, new_sum = 0.0;
    for (size_t f = 0; f < bins->n_from && (double)f <= shared; f++) {
        old_sum += (double)from[f];
    }
    for (size_t f = 0; f < bins->n_to && old_bin(bins, f) <= last; f++) {
        to[f] = (float)density(from, bins->n_from, old_bin(bins, f), ratio);
        new_sum += (double)to[f];
    }
    const double scale = new_sum > 0.0 ? old_sum / new_sum : 0.0;
    const double top = top_level(from, bins->n_from, bin_hz) * ratio;
    for (size_t f = 0; f < bins->n_to; f++) {
        const double value = old_bin(bins, f) <= last ? (double)to[f] * scale : top;
        to[f] = (float)fmin(value, FLT_MAX); // wider bins hold more, and every value stays finite
    }
}

static ub_status fit_templates(const ub_dictionary *from, double rate_hz, size_t window_samples,
                               ub_matrix *out)
{
    if (rate_hz == from->rate_hz && window_samples == from->window_samples) {
        return ub_matrix_copy(&from->templates, out);
    }
    const ub_status status = ub_matrix_new(window_samples / 2 + 1, from->templates.n_cols, out);
    if (status) {
        return status;
    }
    const bin_map bins = map_for(from, rate_hz, window_samples);
    const double bin_hz = from->rate_hz / (double)from->window_samples;
    for (size_t k = 0; k < out->n_cols; k++) {
        fit_template(ub_matrix_column(&from->templates, k), &bins, bin_hz,
                     ub_matrix_column(out, k));
    }
    return UB_OK;
}

ub_status ub_dictionary_fit(const ub_dictionary *dictionary, double rate_hz, size_t window_samples,
                            size_t hop_samples, ub_dictionary *out, ub_message *why)
{
    const ub_stft_settings stft = {dictionary->window, window_samples, hop_samples};
    ub_status status = ub_stft_settings_check(&stft, why);
    if (!status && !(rate_hz >= 1000.0 && rate_hz <= 1e6)) {
        status = ub_fail(why, UB_BAD_SETTING, "a sample rate of %g Hz is not supported", rate_hz);
    }
    if (status) {
        return status;
    }
    ub_dictionary copy = {0};
    ub_matrix templates;
    if (ub_dictionary_copy(dictionary, &copy) ||
        fit_templates(dictionary, rate_hz, window_samples, &templates)) {
        ub_dictionary_free(&copy);
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates",
                       dictionary->templates.n_cols);
    }
    ub_matrix_free(&copy.templates);
    copy.templates = templates;
    copy.rate_hz = rate_hz;
    copy.window_samples = window_samples;
    copy.hop_samples = hop_samples;
    *out = copy;
    return UB_OK;
}

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
