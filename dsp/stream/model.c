// SPDX-License-Identifier: GPL-3.0-or-later
// Activations of one frame after the other. A few updates do when they start from the frame before,
// brought to the level of this one and mixed with equal activations: without that floor a component
// that has died cannot come back, and onsets are lost.
#include "dictionary/reshape.h"
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
        ub_learner_free(model->learner);
        ub_matrix_free(&model->activations);
        ub_matrix_free(&model->gains);
        ub_matrix_free(&model->stack);
        ub_context_free(&model->context);
        ub_hearing_free(&model->hearing);
        free(model->names);
        free(model->work);
        free(model->masks);
        free(model->model);
        free(model);
    }
}

size_t ub_stream_model_n_sources(const ub_stream_model *model)
{
    return model->n_sources;
}

size_t ub_stream_model_rest(const ub_stream_model *model)
{
    return model->n_free > 0 ? model->n_sources - 1 : model->n_sources;
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
    model->model = ub_floats_new(ub_activator_stride(model->activator));
    return model->work && model->masks && model->model &&
           !ub_matrix_new(model->n_rows, 1, &model->stack) &&
           !ub_matrix_new(model->n_components, 1, &model->activations);
}

static float gain_of(const ub_stream_model *model, const float *w)
{
    const double length = model->is_sparse ? ub_norm_of(UB_NORM_L2, w, model->n_rows) : 1.0;
    return length > 0.0 ? (float)(1.0 / length) : 1.0f;
}

// What activator and masker are made from.
typedef struct parts {
    ub_matrix templates; // n_rows x K
    ub_matrix reconstruction; // n_bins x K, when it is not the first rows of the templates
    size_t *component_source;
} parts;

static void parts_free(parts *p)
{
    ub_matrix_free(&p->templates);
    ub_matrix_free(&p->reconstruction);
    free(p->component_source);
}

static void scale_column(const ub_matrix *matrix, size_t k, double factor)
{
    float *w = ub_matrix_column(matrix, k);
    for (size_t f = 0; f < matrix->n_rows; f++) {
        w[f] = (float)((double)w[f] * factor);
    }
}

static void take_fixed(const ub_dictionary *fitted, size_t k, ub_stream_model *model, parts *p)
{
    float *w = ub_matrix_column(&p->templates, k);
    ub_context_stack(&model->context, fitted, k, w);
    const double sum = ub_norm_of(UB_NORM_L1, w, model->n_rows);
    if (p->reconstruction.n_rows > 0) { // in proportion to the template
        memcpy(ub_matrix_column(&p->reconstruction, k),
               ub_matrix_column(&fitted->reconstruction, k), model->n_bins * sizeof *w);
        scale_column(&p->reconstruction, k, sum > 0.0 ? 1.0 / sum : 1.0);
    }
    scale_column(&p->templates, k, sum > 0.0 ? 1.0 / sum : 1.0);
    p->component_source[k] = fitted->component_source[k];
}

static void take_free(size_t k, ub_stream_model *model, parts *p)
{
    const size_t n_fixed = model->n_components - model->n_free;
    const float *w = ub_matrix_column(ub_learner_templates(model->learner), k - n_fixed);
    memcpy(ub_matrix_column(&p->templates, k), w, model->n_rows * sizeof *w);
    if (p->reconstruction.n_rows > 0) {
        memcpy(ub_matrix_column(&p->reconstruction, k), w, model->n_bins * sizeof *w);
    }
    p->component_source[k] = model->n_sources - 1;
}

static ub_status gather(const ub_dictionary *fitted, ub_stream_model *model, parts *p)
{
    const size_t n = model->n_components, n_fixed = n - model->n_free;
    const size_t n_bins = fitted->reconstruction.n_rows;
    p->component_source = calloc(n, sizeof *p->component_source);
    if (!p->component_source || ub_matrix_new(model->n_rows, n, &p->templates) ||
        ub_matrix_new(n_bins, n_bins ? n : 0, &p->reconstruction) ||
        ub_matrix_new(1, n, &model->gains)) {
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < n; k++) {
        if (k < n_fixed) {
            take_fixed(fitted, k, model, p);
        } else {
            take_free(k, model, p);
        }
        *ub_matrix_column(&model->gains, k) = gain_of(model, ub_matrix_column(&p->templates, k));
    }
    return UB_OK;
}

// The templates that make masks: of stacks, the rows of the frame itself.
static ub_matrix for_masks(const ub_stream_model *model, const ub_matrix *templates)
{
    ub_matrix view = *templates;
    view.n_rows = model->n_bins;
    return view;
}

static ub_status prepare(const ub_stream_settings *settings, const ub_dictionary *fitted,
                         ub_stream_model *model, ub_message *why)
{
    ub_nmf_settings nmf = ub_nmf_settings_default();
    nmf.beta = settings->beta;
    nmf.relaxation = RELAXATION;
    nmf.n_others = model->n_rows - model->n_bins;
    // As in offline separation; its unit comes frame by frame.
    nmf.l1_activations = settings->sparsity * sqrt(0.1 * (double)model->n_rows);
    parts p = {0};
    ub_status status =
        model->n_free ? ub_learner_new(model->n_rows, model->n_free, &nmf, &model->learner) : UB_OK;
    status = status ? status : gather(fitted, model, &p);
    if (status) {
        ub_fail(why, status, "no memory for %zu templates", model->n_components);
    }
    status = status ? status
                    : ub_activator_new(&p.templates, &model->gains, &nmf, &model->activator, why);
    const ub_matrix view =
        for_masks(model, p.reconstruction.n_rows > 0 ? &p.reconstruction : &p.templates);
    status = status ? status
                    : ub_masker_new(&view, &model->gains, p.component_source, model->n_sources,
                                    settings->mask_exponent, NULL, &model->masker, why);
    const double hop_s = (double)model->transform.hop_samples / settings->rate_hz;
    if (!status && (!allocate(model) || ub_hearing_new(fitted, hop_s, &model->hearing))) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", model->n_components);
    }
    parts_free(&p);
    return status;
}

// The frames after a template's own are not known yet, and those that a stream does not keep are
// left out.
static ub_status look_back(const ub_dictionary *fitted, ub_stream_model *model)
{
    const size_t kept = ub_past_frames((double)fitted->hop_samples / fitted->rate_hz);
    const size_t step = ub_context_step(fitted), most = kept / step;
    const size_t n_before = fitted->n_before < most ? fitted->n_before : most;
    const ub_status status = ub_context_new(model->n_bins, n_before, 0, step, &model->context);
    model->n_rows = status ? 0 : ub_context_rows(&model->context, model->n_bins);
    return status;
}

// How often a template learns, whatever the hop.
static const double INTERVAL_S = 0.02;

static void plan_learning(const ub_stream_settings *settings, ub_stream_model *model)
{
    const double hop_s = (double)model->transform.hop_samples / settings->rate_hz;
    const size_t n_batches = ub_stream_model_batches(model);
    const size_t n_frames = (size_t)fmax(1.0, round(INTERVAL_S / hop_s));
    model->batches_per_frame = (n_batches + n_frames - 1) / n_frames;
    const size_t period =
        model->n_free ? (n_batches + model->batches_per_frame - 1) / model->batches_per_frame : 1;
    model->forgetting = 1.0 - exp(-(double)period * hop_s / settings->forget_s);
}

static ub_status name_sources(const ub_dictionary *dictionary, ub_stream_model *model)
{
    model->names = calloc(model->n_sources, sizeof *model->names);
    if (!model->names) {
        return UB_NO_MEMORY;
    }
    for (size_t j = 0; j < model->n_sources; j++) {
        strncpy(model->names[j], j < dictionary->n_sources ? dictionary->source_names[j] : "rest",
                UB_DICTIONARY_MAX_NAME);
    }
    return UB_OK;
}

static ub_status check(const ub_stream_settings *settings, const ub_dictionary *dictionary,
                       ub_message *why)
{
    ub_status status = ub_stream_settings_check(settings, why);
    status = status ? status : ub_dictionary_check(dictionary, why);
    const size_t most = UB_STREAM_MAX_SOURCES - (settings->n_free > 0);
    if (!status && dictionary->n_sources > most) {
        status =
            ub_fail(why, UB_BAD_SHAPE, "the dictionary has %zu sources, but at most %zu can play%s",
                    dictionary->n_sources, most, settings->n_free > 0 ? " beside the rest" : "");
    }
    return status;
}

// What the dictionary's sounds look like through the window of the stream.
static ub_status fit(const ub_dictionary *dictionary, double rate_hz,
                     const ub_stft_settings *transform, ub_dictionary *fitted, ub_message *why)
{
    ub_dictionary copy = {0};
    const double fall = (double)transform->hop_samples * dictionary->rate_hz / rate_hz;
    if (ub_dictionary_copy(dictionary, &copy) ||
        ub_dictionary_reshape(&copy, transform->window, (size_t)round(fall))) {
        ub_dictionary_free(&copy);
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates",
                       dictionary->templates.n_cols);
    }
    const ub_status status = ub_dictionary_fit(&copy, rate_hz, transform->size_samples,
                                               transform->hop_samples, fitted, why);
    ub_dictionary_free(&copy);
    return status;
}

ub_status ub_stream_model_new(const ub_stream_settings *settings, const ub_dictionary *dictionary,
                              ub_stream_model **out, ub_message *why)
{
    ub_status status = check(settings, dictionary, why);
    if (status) {
        return status;
    }
    ub_stream_model *model = calloc(1, sizeof *model);
    if (!model) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a model");
    }
    ub_dictionary fitted;
    model->transform = ub_stream_transform(settings);
    model->beta = settings->beta;
    model->is_sparse = settings->sparsity > 0.0;
    model->n_free = settings->n_free;
    model->n_sources = dictionary->n_sources + (settings->n_free > 0);
    plan_learning(settings, model);
    status = name_sources(dictionary, model);
    status = status ? ub_fail(why, status, "no memory for a model")
                    : fit(dictionary, settings->rate_hz, &model->transform, &fitted, why);
    if (!status) {
        model->n_components = fitted.templates.n_cols + model->n_free;
        model->n_bins = fitted.templates.n_rows;
        status = look_back(&fitted, model)
                     ? ub_fail(why, UB_NO_MEMORY, "no memory for the context of templates")
                     : prepare(settings, &fitted, model, why);
        ub_dictionary_free(&fitted);
    }
    if (status) {
        ub_stream_model_free(model);
        return status;
    }
    *out = model;
    return UB_OK;
}

// ---- a frame -----------------------------------------------------------------------------------

static double level_of(const ub_stream_model *model, size_t k)
{
    return (double)ub_matrix_column(&model->activations, 0)[k] *
           (double)*ub_matrix_column(&model->gains, k);
}

// The derivative of the divergence in the model has the unit V^(beta - 1).
static float penalty_of(const ub_stream_model *model)
{
    const double mean = model->level / (double)model->n_rows;
    return model->is_sparse && mean > 1e-9 ? (float)pow(mean, model->beta - 1.0) : 1.0f;
}

static void stack(ub_stream_model *model, const float *magnitudes, const ub_past *past)
{
    float *to = ub_matrix_column(&model->stack, 0);
    memcpy(to, magnitudes, model->n_bins * sizeof *to);
    for (size_t i = 0; i < ub_context_frames(&model->context); i++) {
        const size_t back = (size_t)-ub_context_offset(&model->context, i);
        memcpy(ub_context_of(&model->context, model->n_bins, i, to), ub_past_frame(past, back),
               model->context.bands.n_bands * sizeof *to);
    }
}

void ub_stream_model_begin(ub_stream_model *model, const float *magnitudes, const ub_past *past,
                           size_t n_updates)
{
    stack(model, magnitudes, past);
    float *h = ub_matrix_column(&model->activations, 0);
    double before = 0.0;
    for (size_t k = 0; k < model->n_components; k++) {
        before += level_of(model, k);
    }
    model->level = ub_norm_of(UB_NORM_L1, ub_matrix_column(&model->stack, 0), model->n_rows);
    model->penalty = penalty_of(model);
    // Few updates must lean on the frame before.
    const double share = n_updates < 4 ? 0.1 : 0.3;
    const double equal = model->level / (double)model->n_components;
    const bool usable = before > 1e-20 && before < 1e20; // false for NaN
    const double scale = usable ? (1.0 - share) * model->level / before : 0.0;
    for (size_t k = 0; k < model->n_components; k++) {
        const double own = equal / (double)*ub_matrix_column(&model->gains, k);
        h[k] = usable ? (float)(scale * (double)h[k] + share * own) : (float)own;
    }
}

void ub_stream_model_update(ub_stream_model *model)
{
    ub_activator_update(model->activator, &model->stack, 0, true, model->penalty, model->work,
                        &model->activations);
}

void ub_stream_model_mask(ub_stream_model *model)
{
    float *masks[UB_STREAM_MAX_SOURCES];
    for (size_t j = 0; j < model->n_sources; j++) {
        masks[j] = model->masks + j * model->mask_stride;
    }
    ub_masker_run(model->masker, 0, &model->activations, 0, 1, model->work, masks);
}

void ub_stream_model_track(ub_stream_model *model, uint64_t sample, ub_note_queue *queue)
{
    ub_hearing_frame(&model->hearing, ub_matrix_column(&model->activations, 0), sample, queue);
}

// ---- the rest ----------------------------------------------------------------------------------

// What is this much quieter than usual is forgotten less for, down to nothing in silence.
static const double QUIET = 0.1;

size_t ub_stream_model_batches(const ub_stream_model *model)
{
    return (model->n_free + UB_STREAM_BATCH - 1) / UB_STREAM_BATCH;
}

void ub_stream_model_hear(ub_stream_model *model)
{
    ub_activator_model(model->activator, 0, &model->activations, 0, model->model);
    ub_learner_hear(model->learner, ub_matrix_column(&model->stack, 0), model->model);
}

// Share of the forgetting that is due to this frame.
static double attention(const ub_stream_model *model)
{
    return model->level < QUIET * model->usual_level ? model->level / (QUIET * model->usual_level)
                                                     : 1.0;
}

static size_t batch_size(const ub_stream_model *model, size_t batch)
{
    const size_t rest = model->n_free - batch * UB_STREAM_BATCH;
    return rest < UB_STREAM_BATCH ? rest : UB_STREAM_BATCH;
}

void ub_stream_model_learn(ub_stream_model *model)
{
    const size_t first = model->next_batch * UB_STREAM_BATCH;
    const size_t n = batch_size(model, model->next_batch);
    const size_t n_fixed = model->n_components - model->n_free;
    float levels[UB_STREAM_MAX_FREE] = {0.0f};
    for (size_t i = 0; i < n; i++) {
        levels[first + i] = (float)level_of(model, n_fixed + first + i);
    }
    const double forgetting = attention(model) * model->forgetting;
    if (model->next_batch == 0) {
        model->usual_level += forgetting * (model->level - model->usual_level);
    }
    ub_learner_update(model->learner, first, n, levels, 1.0 - forgetting);
    ub_stream_model_carry(model, model->next_batch);
    model->next_batch = (model->next_batch + 1) % ub_stream_model_batches(model);
}

void ub_stream_model_carry(ub_stream_model *model, size_t batch)
{
    const size_t first = batch * UB_STREAM_BATCH, n = batch_size(model, batch);
    const size_t component = model->n_components - model->n_free + first;
    const ub_matrix *all = ub_learner_templates(model->learner);
    ub_matrix templates = *all, gains = model->gains;
    templates.data = ub_matrix_column(all, first);
    gains.data = ub_matrix_column(&model->gains, component);
    templates.n_cols = gains.n_cols = n;
    float *h = ub_matrix_column(&model->activations, 0) + component;
    for (size_t i = 0; i < n; i++) {
        float *gain = ub_matrix_column(&gains, i);
        const float before = *gain;
        *gain = gain_of(model, ub_matrix_column(&templates, i));
        h[i] *= before / *gain;
    }
    ub_activator_replace(model->activator, component, &templates, &gains);
    const ub_matrix view = for_masks(model, &templates);
    ub_masker_replace(model->masker, component, &view, &gains);
}

static bool same_rest(const ub_stream_model *a, const ub_stream_model *b)
{
    return a->n_free > 0 && a->n_free == b->n_free && a->beta == b->beta &&
           a->n_bins == b->n_bins && a->n_rows == b->n_rows && a->context.step == b->context.step &&
           a->transform.window == b->transform.window &&
           a->transform.size_samples == b->transform.size_samples &&
           a->transform.hop_samples == b->transform.hop_samples;
}

bool ub_stream_model_exchange_rest(ub_stream_model *model, ub_stream_model *other)
{
    if (!model || !other || !same_rest(model, other)) {
        return false;
    }
    ub_learner *learner = model->learner;
    model->learner = other->learner;
    other->learner = learner;
    const double usual_level = model->usual_level;
    model->usual_level = other->usual_level;
    other->usual_level = usual_level;
    return true;
}

void ub_stream_model_forget(ub_stream_model *model)
{
    memset(ub_matrix_column(&model->activations, 0), 0, model->n_components * sizeof(float));
    if (model->learner) {
        ub_learner_forget(model->learner);
        model->next_batch = 0;
        model->usual_level = 0.0;
        for (size_t i = 0; i < ub_stream_model_batches(model); i++) {
            ub_stream_model_carry(model, i);
        }
    }
}
