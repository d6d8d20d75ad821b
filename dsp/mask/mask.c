// SPDX-License-Identifier: GPL-3.0-or-later
// Components are sorted by source once, so that the model of a source is a product over
// neighbouring components.
#include "unbraid/mask.h"
#include "ground/floats.h"
#include "ground/fpu.h"
#include "kernels/kernels.h"
#include "unbraid/nmf.h"

#include <stdlib.h>

struct ub_masker {
    const ub_kernels *kernels;
    ub_packing packing;
    size_t n_sources;
    float exponent;
    float *packed;
    size_t n_inputs; // K: components of the caller
    size_t n_copies; // of each: one, or one for each source
    size_t *place; // n_copies x K: where a component of the caller stands
    size_t *first; // n_sources + 1: components of a source, in that order
};

void ub_masker_free(ub_masker *masker)
{
    if (masker) {
        free(masker->packed);
        free(masker->place);
        free(masker->first);
        free(masker);
    }
}

static ub_status check(const ub_matrix *templates, const ub_matrix *gains, size_t n_sources,
                       double exponent, const char *kernels, ub_message *why)
{
    if (!(exponent >= 0.5 && exponent <= 2.0)) {
        return ub_fail(why, UB_BAD_SETTING, "the mask exponent is %g, but must be from 0.5 to 2",
                       exponent);
    }
    if (kernels && !ub_kernels_named(kernels)) {
        return ub_fail(why, UB_BAD_SETTING, "this CPU or build has no kernels named '%.40s'",
                       kernels);
    }
    if (templates->n_rows == 0 || templates->n_cols == 0 || n_sources == 0 || gains->n_rows == 0 ||
        gains->n_rows > UB_NMF_MAX_CHANNELS || gains->n_cols != templates->n_cols) {
        return ub_fail(why, UB_BAD_SHAPE, "templates, gains and sources do not fit together");
    }
    if (!ub_matrix_is_nonnegative(templates) || !ub_matrix_is_nonnegative(gains)) {
        return ub_fail(why, UB_BAD_VALUE, "templates or gains are negative or not finite");
    }
    return UB_OK;
}

static void sort_components(ub_masker *masker, const size_t *component_source)
{
    size_t n = 0;
    for (size_t source = 0; source < masker->n_sources; source++) {
        masker->first[source] = n;
        for (size_t k = 0; k < masker->n_inputs; k++) {
            if (component_source[k] == source) {
                masker->place[k] = n++;
            }
        }
    }
    masker->first[masker->n_sources] = n;
}

void ub_masker_replace(ub_masker *masker, size_t first, const ub_matrix *templates,
                       const ub_matrix *gains)
{
    for (size_t i = 0; i < templates->n_cols; i++) {
        masker->kernels->pack(&masker->packing, masker->place[first + i], 1,
                              ub_matrix_column(templates, i), templates->stride,
                              ub_matrix_column(gains, i), gains->stride, masker->packed);
    }
}

// Room for all but what the components are.
static ub_status masker_new(size_t n_bins, size_t n_channels, size_t n_inputs, size_t n_copies,
                            size_t n_sources, double exponent, const char *kernels, ub_masker **out,
                            ub_message *why)
{
    ub_masker *masker = calloc(1, sizeof *masker);
    if (!masker) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for the masks");
    }
    masker->kernels = kernels ? ub_kernels_named(kernels) : ub_kernels_best();
    masker->packing = ub_kernels_packing(masker->kernels, n_channels, n_bins, n_copies * n_inputs);
    masker->n_sources = n_sources;
    masker->exponent = (float)exponent;
    masker->n_inputs = n_inputs;
    masker->n_copies = n_copies;
    masker->packed = ub_floats_new(masker->packing.n_floats);
    masker->place = calloc(n_copies * n_inputs, sizeof *masker->place);
    masker->first = calloc(n_sources + 1, sizeof *masker->first);
    if (!masker->packed || !masker->place || !masker->first) {
        ub_masker_free(masker);
        return ub_fail(why, UB_NO_MEMORY, "no memory for the masks");
    }
    *out = masker;
    return UB_OK;
}

ub_status ub_masker_new(const ub_matrix *templates, const ub_matrix *gains,
                        const size_t *component_source, size_t n_sources, double exponent,
                        const char *kernels, ub_masker **out, ub_message *why)
{
    ub_status status = check(templates, gains, n_sources, exponent, kernels, why);
    for (size_t k = 0; !status && k < templates->n_cols; k++) {
        if (component_source[k] >= n_sources) {
            status = ub_fail(why, UB_BAD_SHAPE, "component %zu belongs to source %zu of %zu", k,
                             component_source[k], n_sources);
        }
    }
    ub_masker *masker = NULL;
    status = status ? status
                    : masker_new(templates->n_rows, gains->n_rows, templates->n_cols, 1, n_sources,
                                 exponent, kernels, &masker, why);
    if (status) {
        return status;
    }
    sort_components(masker, component_source);
    ub_masker_replace(masker, 0, templates, gains);
    *out = masker;
    return UB_OK;
}

// Every source has a copy of every component, its template times the share of it.
static void pack_copies(ub_masker *masker, const ub_matrix *templates, const ub_matrix *gains,
                        const ub_matrix *shares, float *column)
{
    const size_t n_k = templates->n_cols;
    for (size_t i = 0; i < masker->n_sources * n_k; i++) {
        const size_t source = i / n_k, k = i % n_k;
        const float share = ub_matrix_column(shares, k)[source];
        const float *template = ub_matrix_column(templates, k);
        for (size_t f = 0; f < templates->n_rows; f++) {
            column[f] = share * template[f];
        }
        masker->place[i] = i;
        masker->kernels->pack(&masker->packing, i, 1, column, templates->stride,
                              ub_matrix_column(gains, k), gains->stride, masker->packed);
    }
    for (size_t source = 0; source <= masker->n_sources; source++) {
        masker->first[source] = source * n_k;
    }
}

ub_status ub_masker_new_shared(const ub_matrix *templates, const ub_matrix *gains,
                               const ub_matrix *shares, double exponent, const char *kernels,
                               ub_masker **out, ub_message *why)
{
    ub_status status = check(templates, gains, shares->n_rows, exponent, kernels, why);
    if (!status && shares->n_cols != templates->n_cols) {
        status = ub_fail(why, UB_BAD_SHAPE, "shares are of %zu components of %zu", shares->n_cols,
                         templates->n_cols);
    }
    if (!status && !ub_matrix_is_nonnegative(shares)) {
        status = ub_fail(why, UB_BAD_VALUE, "shares are negative or not finite");
    }
    ub_masker *masker = NULL;
    status = status ? status
                    : masker_new(templates->n_rows, gains->n_rows, templates->n_cols,
                                 shares->n_rows, shares->n_rows, exponent, kernels, &masker, why);
    float *column = status ? NULL : ub_floats_new(templates->stride);
    if (!status && !column) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for the masks");
    }
    if (status) {
        ub_masker_free(masker);
        return status;
    }
    pack_copies(masker, templates, gains, shares, column);
    free(column);
    *out = masker;
    return UB_OK;
}

size_t ub_masker_stride(const ub_masker *masker)
{
    return ub_floats_line(masker->packing.padded_bins);
}

size_t ub_masker_work_size(const ub_masker *masker)
{
    return UB_MASKER_MOST_FRAMES * masker->packing.n_components;
}

void ub_masker_run(const ub_masker *masker, size_t channel, const ub_matrix *activations,
                   size_t first, size_t n, float *work, float *const *masks)
{
    const uint64_t mode = ub_fpu_flush_denormals();
    const size_t n_components = masker->packing.n_components;
    for (size_t t = 0; t < n; t++) {
        const float *h = ub_matrix_column(activations, first + t);
        for (size_t i = 0; i < n_components; i++) {
            work[t * n_components + masker->place[i]] = h[i % masker->n_inputs];
        }
    }
    const size_t stride = ub_masker_stride(masker);
    masker->kernels->model(&masker->packing, masker->packed, channel, work, n_components, n,
                           masker->n_sources, masker->first, masks, stride);
    for (size_t t = 0; t < n; t++) {
        masker->kernels->masks(masks, masker->n_sources, t * stride, masker->packing.padded_bins,
                               masker->exponent);
    }
    ub_fpu_restore(mode);
}

void ub_mask_apply_frame(const float *mask, const float complex *spectrum, size_t n_bins,
                         float complex *masked)
{
    const float *from = (const float *)spectrum;
    float *to = (float *)masked;
    for (size_t i = 0; i < n_bins; i++) {
        to[2 * i] = mask[i] * from[2 * i];
        to[2 * i + 1] = mask[i] * from[2 * i + 1];
    }
}
