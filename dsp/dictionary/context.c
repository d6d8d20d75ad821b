// SPDX-License-Identifier: GPL-3.0-or-later
#include "context.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHARP_BINS = 70, // a band is a quarter of a semitone wide, and a bin at least
    WIDE_BINS = 6 // 2.7 semitones
};

ub_status ub_context_bands_new(size_t n_bins, ub_bands *out)
{
    return ub_bands_new_of_width(n_bins, WIDE_BINS, out);
}

ub_status ub_context_sharpen(size_t n_bins, ub_context *context)
{
    ub_bands sharp;
    const ub_status status = ub_bands_new_of_width(n_bins, SHARP_BINS, &sharp);
    if (!status) {
        ub_bands_free(&context->bands);
        context->bands = sharp;
    }
    return status;
}

ub_status ub_context_new(size_t n_bins, size_t n_before, size_t n_after, size_t step,
                         ub_context *out)
{
    ub_context context = {.n_before = n_before, .n_after = n_after, .step = step};
    const ub_status status = ub_context_bands_new(n_bins, &context.bands);
    if (!status) {
        *out = context;
    }
    return status;
}

size_t ub_context_step(const ub_dictionary *dictionary)
{
    const size_t hop = dictionary->hop_samples;
    const size_t step = (dictionary->context_samples + hop / 2) / hop;
    return step ? step : 1;
}

ub_status ub_context_of_dictionary(const ub_dictionary *dictionary, ub_context *out)
{
    return ub_context_new(dictionary->templates.n_rows, dictionary->n_before, dictionary->n_after,
                          ub_context_step(dictionary), out);
}

void ub_context_free(ub_context *context)
{
    ub_bands_free(&context->bands);
    *context = (ub_context){0};
}

ptrdiff_t ub_context_offset(const ub_context *context, size_t i)
{
    const ptrdiff_t place = (ptrdiff_t)i - (ptrdiff_t)context->n_before;
    return (place < 0 ? place : place + 1) * (ptrdiff_t)context->step;
}

void ub_context_stack(const ub_context *context, const ub_dictionary *dictionary, size_t component,
                      float *stack)
{
    const size_t n_bins = dictionary->templates.n_rows;
    memcpy(stack, ub_matrix_column(&dictionary->templates, component), n_bins * sizeof *stack);
    const size_t n_frames = context ? ub_context_frames(context) : 0;
    const size_t left_out = context ? dictionary->n_before - context->n_before : 0;
    for (size_t i = 0; i < n_frames; i++) {
        const float *bins =
            ub_matrix_column(&dictionary->context, component) + (left_out + i) * n_bins;
        ub_bands_merge(&context->bands, bins, ub_context_of(context, n_bins, i, stack));
    }
}

// What bands weigh within themselves: never all nothing, so that the shape has no gaps.
static void weigh(const float *template, size_t n_bins, double *weights)
{
    double sum = 0.0;
    for (size_t f = 0; f < n_bins; f++) {
        sum += (double)template[f];
    }
    for (size_t f = 0; f < n_bins; f++) {
        weights[f] = (double)template[f] + 1e-3 * sum / (double)n_bins;
    }
}

ub_status ub_context_unstack(const ub_context *context, const float *stack, size_t component,
                             ub_dictionary *dictionary)
{
    const size_t n_bins = dictionary->templates.n_rows;
    float *template = ub_matrix_column(&dictionary->templates, component);
    double *weights = malloc(n_bins * sizeof *weights);
    if (!weights) {
        return UB_NO_MEMORY;
    }
    memcpy(template, stack, n_bins * sizeof *template);
    weigh(template, n_bins, weights);
    for (size_t i = 0; i < ub_context_frames(context); i++) {
        ub_bands_share(&context->bands, stack + n_bins + i * context->bands.n_bands, weights,
                       ub_matrix_column(&dictionary->context, component) + i * n_bins);
    }
    free(weights);
    return UB_OK;
}
