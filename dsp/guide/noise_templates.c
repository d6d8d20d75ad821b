// SPDX-License-Identifier: GPL-3.0-or-later
#include "noise_templates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Noise changes slowly, so few spectra tell it; more would be free to tell the voice.
enum { N_PARTS = 6 };

static size_t other_source(const ub_dictionary *dictionary, const char *wanted)
{
    size_t j = 0;
    while (j + 1 < dictionary->n_sources && strcmp(dictionary->source_names[j], wanted) == 0) {
        j++;
    }
    return j;
}

// The mean magnitudes of frames [first, end), as a template of sum one.
static void average(const ub_matrix *noise, size_t first, size_t end, float *template)
{
    double sum = 0.0;
    for (size_t f = 0; f < noise->n_rows; f++) {
        double power = 0.0;
        for (size_t t = first; t < end; t++) {
            power += (double)ub_matrix_column(noise, t)[f];
        }
        template[f] = (float)sqrt(power);
        sum += sqrt(power);
    }
    for (size_t f = 0; f < noise->n_rows && sum > 0.0; f++) {
        template[f] = (float)((double)template[f] / sum);
    }
}

static ub_status allocate(const ub_dictionary *dictionary, ub_dictionary *out)
{
    const size_t n = dictionary->templates.n_cols + N_PARTS;
    *out = (ub_dictionary){.n_sources = dictionary->n_sources,
                           .source_names = dictionary->source_names,
                           .rate_hz = dictionary->rate_hz,
                           .window = dictionary->window,
                           .window_samples = dictionary->window_samples,
                           .hop_samples = dictionary->hop_samples,
                           .beta = dictionary->beta,
                           .sparsity = dictionary->sparsity};
    out->component_source = calloc(n, sizeof *out->component_source);
    return out->component_source ? ub_matrix_new(dictionary->templates.n_rows, n, &out->templates)
                                 : UB_NO_MEMORY;
}

ub_status ub_noise_templates_join(const ub_dictionary *dictionary, const ub_matrix *noise,
                                  const char *wanted, ub_dictionary *out)
{
    const size_t n_known = dictionary->templates.n_cols, n_frames = noise->n_cols;
    const ub_status status = allocate(dictionary, out);
    if (status) {
        return status;
    }
    for (size_t k = 0; k < n_known; k++) {
        out->component_source[k] = dictionary->component_source[k];
        memcpy(ub_matrix_column(&out->templates, k), ub_matrix_column(&dictionary->templates, k),
               noise->n_rows * sizeof(float));
    }
    for (size_t i = 0; i < N_PARTS; i++) {
        out->component_source[n_known + i] = other_source(dictionary, wanted);
        average(noise, i * n_frames / N_PARTS, (i + 1) * n_frames / N_PARTS,
                ub_matrix_column(&out->templates, n_known + i));
    }
    return UB_OK;
}

void ub_noise_templates_free(ub_dictionary *joined)
{
    ub_matrix_free(&joined->templates);
    free(joined->component_source);
    *joined = (ub_dictionary){0};
}
