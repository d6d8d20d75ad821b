// SPDX-License-Identifier: GPL-3.0-or-later
// Activations of one frame after the other. A few updates do when they start from the frame before,
// brought to the level of this one and mixed with equal activations: without that floor a component
// that has died cannot come back, and onsets are lost.
#include "factor/norm.h"
#include "ground/floats.h"
#include "stream_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double RELAXATION = 1.8;

void ub_stream_model_free(ub_stream_model *model)
{
    if (model) {
        ub_activator_free(model->activator);
        ub_masker_free(model->masker);
        ub_matrix_free(&model->activations);
        free(model->names);
        free(model->work);
        free(model->masks);
        free(model);
    }
}

size_t ub_stream_model_n_sources(const ub_stream_model *model)
{
    return model->n_sources;
}

const char *ub_stream_model_name(const ub_stream_model *model, size_t source)
{
    return source < model->n_sources ? model->names[source] : NULL;
}

static bool allocate(ub_stream_model *model)
{
    const size_t for_activator = ub_activator_work_size(model->activator);
    const size_t for_masker = ub_masker_work_size(model->masker);
    model->mask_stride = ub_masker_stride(model->masker);
    model->work = ub_floats_new(for_activator > for_masker ? for_activator : for_masker);
    model->masks = ub_floats_new(model->n_sources * model->mask_stride);
    return model->work && model->masks &&
           !ub_matrix_new(model->n_components, 1, &model->activations);
}

static ub_status prepare(const ub_stream_settings *settings, const ub_dictionary *fitted,
                         ub_stream_model *model, ub_message *why)
{
    model->n_sources = fitted->n_sources;
    model->n_components = fitted->templates.n_cols;
    model->n_bins = fitted->templates.n_rows;
    model->names = calloc(model->n_sources, sizeof *model->names);
    ub_matrix gains = {0};
    ub_status status = ub_matrix_new(1, model->n_components, &gains);
    if (status || !model->names) {
        ub_matrix_free(&gains);
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", model->n_components);
    }
    for (size_t k = 0; k < model->n_components; k++) {
        *ub_matrix_column(&gains, k) = 1.0f;
    }
    for (size_t j = 0; j < model->n_sources; j++) {
        strncpy(model->names[j], fitted->source_names[j], UB_DICTIONARY_MAX_NAME);
    }
    ub_nmf_settings nmf = ub_nmf_settings_default();
    nmf.beta = settings->beta;
    nmf.relaxation = RELAXATION;
    status = ub_activator_new(&fitted->templates, &gains, &nmf, &model->activator, why);
    status = status ? status
                    : ub_masker_new(&fitted->templates, &gains, fitted->component_source,
                                    model->n_sources, settings->mask_exponent, NULL, &model->masker,
                                    why);
    if (!status && !allocate(model)) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", model->n_components);
    }
    ub_matrix_free(&gains);
    return status;
}

ub_status ub_stream_model_new(const ub_stream_settings *settings, const ub_dictionary *dictionary,
                              ub_stream_model **out, ub_message *why)
{
    ub_status status = ub_stream_settings_check(settings, why);
    status = status ? status : ub_dictionary_check(dictionary, why);
    if (status) {
        return status;
    }
    if (dictionary->n_sources > UB_STREAM_MAX_SOURCES) {
        return ub_fail(why, UB_BAD_SHAPE, "the dictionary has %zu sources, but at most %d can play",
                       dictionary->n_sources, UB_STREAM_MAX_SOURCES);
    }
    ub_stream_model *model = calloc(1, sizeof *model);
    if (!model) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a model");
    }
    ub_dictionary fitted;
    model->transform = ub_stream_transform(settings);
    status = ub_dictionary_fit(dictionary, settings->rate_hz, model->transform.size_samples,
                               model->transform.hop_samples, &fitted, why);
    if (!status) {
        // Templates that sum to one: an activation is the level of its component.
        ub_norm_columns(UB_NORM_L1, &fitted.templates, fitted.templates.n_cols);
        status = prepare(settings, &fitted, model, why);
        ub_dictionary_free(&fitted);
    }
    if (status) {
        ub_stream_model_free(model);
        return status;
    }
    *out = model;
    return UB_OK;
}

static double sum_of(const float *x, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
    }
    return sum;
}

void ub_stream_model_begin(ub_stream_model *model, const ub_matrix *magnitudes, size_t n_updates)
{
    float *h = ub_matrix_column(&model->activations, 0);
    const double level = sum_of(ub_matrix_column(magnitudes, 0), model->n_bins);
    const double before = sum_of(h, model->n_components);
    // Few updates must lean on the frame before.
    const double share = n_updates < 4 ? 0.1 : 0.3;
    const double equal = level / (double)model->n_components;
    const bool usable = before > 1e-20 && before < 1e20; // false for NaN
    const double scale = usable ? (1.0 - share) * level / before : 0.0;
    for (size_t k = 0; k < model->n_components; k++) {
        h[k] = usable ? (float)(scale * (double)h[k] + share * equal) : (float)equal;
    }
}

void ub_stream_model_update(ub_stream_model *model, const ub_matrix *magnitudes)
{
    ub_activator_update(model->activator, magnitudes, 0, true, model->work, &model->activations);
}

void ub_stream_model_mask(ub_stream_model *model)
{
    float *masks[UB_STREAM_MAX_SOURCES];
    for (size_t j = 0; j < model->n_sources; j++) {
        masks[j] = model->masks + j * model->mask_stride;
    }
    ub_masker_run(model->masker, 0, &model->activations, 0, 1, model->work, masks);
}
