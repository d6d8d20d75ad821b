// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_case.h"
#include "unbraid/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text(const char *from)
{
    char *copy = malloc(strlen(from) + 1);
    if (!copy) {
        abort();
    }
    return strcpy(copy, from);
}

ub_dictionary dictionary_case(size_t n_sources, size_t window_samples, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    ub_dictionary d = {
        .n_sources = n_sources,
        .source_names = calloc(n_sources, sizeof *d.source_names),
        .component_source = calloc(2 * n_sources, sizeof *d.component_source),
        .rate_hz = 44100.0,
        .window = UB_WINDOW_SQRT_HANN,
        .window_samples = window_samples,
        .hop_samples = window_samples / 4,
        .beta = 1.0,
        .sparsity = 0.25,
        .licence = text("CC0-1.0"),
        .origin = text("made by a test, \"quoted\" \xc3\xa9"),
    };
    if (!d.source_names || !d.component_source ||
        ub_matrix_new(window_samples / 2 + 1, 2 * n_sources, &d.templates)) {
        abort();
    }
    for (size_t j = 0; j < n_sources; j++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", (unsigned)j % 1000u);
        d.source_names[j] = text(name);
        d.component_source[2 * j] = d.component_source[2 * j + 1] = j;
    }
    for (size_t k = 0; k < 2 * n_sources; k++) {
        for (size_t f = 0; f < d.templates.n_rows; f++) {
            ub_matrix_column(&d.templates, k)[f] = ub_random_uniform(&random);
        }
    }
    return d;
}

static bool same_templates(const ub_matrix *a, const ub_matrix *b)
{
    bool same = a->n_rows == b->n_rows && a->n_cols == b->n_cols;
    for (size_t k = 0; same && k < a->n_cols; k++) {
        same =
            memcmp(ub_matrix_column(a, k), ub_matrix_column(b, k), a->n_rows * sizeof(float)) == 0;
    }
    return same;
}

static void fill(size_t n_rows, size_t n_cols, ub_random *random, ub_matrix *out)
{
    if (ub_matrix_new(n_rows, n_cols, out)) {
        abort();
    }
    for (size_t k = 0; k < n_cols; k++) {
        for (size_t f = 0; f < n_rows; f++) {
            ub_matrix_column(out, k)[f] = ub_random_uniform(random);
        }
    }
}

void dictionary_case_add_context(ub_dictionary *d, size_t n_before, size_t n_after, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    fill((n_before + n_after) * d->templates.n_rows, d->templates.n_cols, &random, &d->context);
    d->n_before = n_before;
    d->n_after = n_after;
    d->context_samples = d->hop_samples;
}

void dictionary_case_add_reconstruction(ub_dictionary *d, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    fill(d->templates.n_rows, d->templates.n_cols, &random, &d->reconstruction);
}

void dictionary_case_add_pitches(ub_dictionary *d)
{
    d->component_pitch = calloc(d->templates.n_cols, sizeof *d->component_pitch);
    if (!d->component_pitch) {
        abort();
    }
    for (size_t k = 0; k < d->templates.n_cols; k++) {
        d->component_pitch[k] = (int)(k % 129) - 1;
    }
}

bool same_dictionary(const ub_dictionary *a, const ub_dictionary *b)
{
    bool same = same_templates(&a->templates, &b->templates) && a->n_sources == b->n_sources &&
                same_templates(&a->context, &b->context) &&
                same_templates(&a->reconstruction, &b->reconstruction) &&
                a->n_before == b->n_before && a->n_after == b->n_after &&
                a->context_samples == b->context_samples &&
                !a->component_pitch == !b->component_pitch && a->rate_hz == b->rate_hz &&
                a->window == b->window && a->window_samples == b->window_samples &&
                a->hop_samples == b->hop_samples && a->storage == b->storage &&
                a->beta == b->beta && a->sparsity == b->sparsity &&
                strcmp(a->licence, b->licence) == 0 && strcmp(a->origin, b->origin) == 0;
    for (size_t j = 0; same && j < a->n_sources; j++) {
        same = strcmp(a->source_names[j], b->source_names[j]) == 0;
    }
    for (size_t k = 0; same && k < a->templates.n_cols; k++) {
        same = a->component_source[k] == b->component_source[k] &&
               (!a->component_pitch || a->component_pitch[k] == b->component_pitch[k]);
    }
    return same;
}

static bool truncation_is_refused(const unsigned char *bytes, size_t n)
{
    // A block of just that size, so that reading past it is seen by the sanitizer.
    unsigned char *cut = malloc(n ? n : 1);
    ub_dictionary back;
    ub_message why = {""};
    if (!cut) {
        abort();
    }
    memcpy(cut, bytes, n);
    const bool is_refused = ub_dictionary_decode(cut, n, &back, &why) == UB_BAD_FORMAT;
    free(cut);
    return is_refused && strlen(why.text) > 5;
}

bool every_truncation_is_refused(const ub_dictionary *d)
{
    unsigned char *bytes;
    size_t size;
    if (ub_dictionary_encode(d, &bytes, &size, NULL)) {
        abort();
    }
    bool all = true;
    for (size_t n = 0; all && n < size; n++) {
        all = truncation_is_refused(bytes, n);
    }
    free(bytes);
    return all;
}
