// SPDX-License-Identifier: GPL-3.0-or-later
//
// The body of every kernel set. A file per instruction set defines
//   UB_LANES          floats of a vector
//   UB_PANEL_VECTORS  vectors of a panel (times lanes: the bins of a panel)
//   UB_BLOCK          columns of a register block of the product, 4 to 8
//   UB_DOT_ROWS, UB_DOT_COLS  register block of the dot products
//   UB_FUSED(a, b, c) a b + c, in one rounding where the instruction set has it
//   UB_SET            name of the table to define, UB_SET_NAME its string
// and includes this file. Blocks are sized such that accumulators and operands fit the registers.
//
// Three contractions make an update, all over a tile of frames that stays in cache:
//   (1) X[t][f]  = sum_k w[f][k] H[t][k]      bins in the lanes, activations broadcast
//   (2) N[t][k]  = sum_f w[f][k] R[t][f]      components in the lanes, ratios broadcast
//   (3) G[k][f] += sum_t R[t][f] H[t][k]      bins in the lanes, activations broadcast
// All three are the same register block with other strides. The F x T model is never stored.
//
// Products are fused with sums where UB_FUSED says so and nowhere else: left to the compiler, a
// frame could come out differently in a block of eight and alone.

#include "kernels_sets.h"
#include "kernels_vector_body.h"

#include "kernels_blocks_body.h"
#include "kernels_ratio_body.h"

// ---- a tile of frames --------------------------------------------------------------------------

// Activations of the tile, with the factors that the last template update left for them.
static void gather_activations(const ub_sweep *sweep, size_t first, size_t n, float *tile,
                               size_t stride)
{
    const size_t n_components = sweep->packing.n_components;
    for (size_t t = 0; t < n; t++) {
        const float *h = sweep->activations + (first + t) * sweep->activation_stride;
        for (size_t k = 0; k < n_components; k++) {
            tile[t * stride + k] = h[k] * sweep->scale[k];
        }
    }
}

// Activations for the products with templates: blocks of UB_BLOCK frames, and in a block component
// after component the frames side by side, so that one pointer reads them all.
static void pack_blocks(const float *tile, size_t stride, size_t n, size_t n_components,
                        float *blocks)
{
    size_t t = 0;
    for (; t + UB_BLOCK <= n; t += UB_BLOCK) {
        const float *from = tile + t * stride;
        float *to = blocks + t * n_components;
        for (size_t k = 0; k < n_components; k++) {
            UNROLL
            for (size_t j = 0; j < UB_BLOCK; j++) {
                to[k * UB_BLOCK + j] = from[j * stride + k];
            }
        }
    }
    for (float *to = blocks + t * n_components; t < n; t++, to++) {
        for (size_t k = 0; k < n_components; k++) {
            to[k * UB_BLOCK] = tile[t * stride + k];
        }
    }
}

// Ratio and power of the whole tile; returns the cost.
static double ratio_tile(const ub_sweep *sweep, size_t first, size_t n, const ub_sweep_work *work,
                         size_t h_stride)
{
    const ub_packing *packing = &sweep->packing;
    pack_blocks(work->tile_h, h_stride, n, packing->n_components, work->blocks);
    ratio_job job = job_for(sweep, work->blocks);
    job.out_stride = packing->n_channels * packing->padded_bins;
    double cost = 0.0;
    for (size_t c = 0; c < packing->n_channels; c++) {
        for (size_t bin = 0; bin < packing->padded_bins; bin += PANEL) {
            size_t width;
            job.templates =
                sweep->templates + ub_packing_panel(packing, PANEL, c, bin / PANEL, &width);
            job.v = sweep->spectra[c] + first * sweep->spectrum_stride + bin;
            job.ratio = work->ratio + c * packing->padded_bins + bin;
            job.power = work->power + c * packing->padded_bins + bin;
            if (sweep->want_cost) {
                cost += cost_functions[sweep->form][width / LANES - 1](&job, n);
            } else {
                ratio_functions[sweep->form][width / LANES - 1](&job, n);
            }
        }
    }
    return cost;
}

// Continuity gradients look at the neighbours as they were before this sweep, so that the result
// does not depend on the order of tiles.
static void add_continuity(const ub_sweep *sweep, size_t frame, const float *h, float *numerator,
                           float *denominator)
{
    const size_t stride = sweep->activation_stride;
    const float *at = sweep->activations + frame * stride;
    const float *before = frame > 0 ? at - stride : NULL;
    const float *after = frame + 1 < sweep->n_frames ? at + stride : NULL;
    for (size_t k = 0; k < sweep->packing.n_components; k++) {
        // At the ends the missing neighbour has no term: the first derivative has one side less.
        const double sides = (before ? 1.0 : 0.0) + (after ? 1.0 : 0.0);
        const double near = (before ? (double)before[k] : 0.0) + (after ? (double)after[k] : 0.0);
        const double own = (double)h[k];
        numerator[k] += (float)(sweep->continuity_near[k] * near * (double)sweep->scale[k] +
                                sweep->continuity_back[k] * own);
        denominator[k] += (float)(0.5 * sides * sweep->continuity_same[k] * own);
    }
}

static void power_array(const float *x, size_t n, float exponent, float *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        store(y + i, power_vec(load(x + i), spread(exponent)));
    }
    if (i < n) {
        float rest[LANES] = {0};
        memcpy(rest, x + i, (n - i) * sizeof *rest);
        store(rest, power_vec(load(rest), spread(exponent)));
        memcpy(y + i, rest, (n - i) * sizeof *rest);
    }
}

// h (numerator / denominator)^exponent for one frame; `stride` floats are readable everywhere.
static void update_frame(const ub_sweep *sweep, const float *h, const float *numerator,
                         const float *denominator, size_t stride, float *new_h)
{
    const vec tiny = spread(1e-37f);
    const size_t n_components = sweep->packing.n_components;
    for (size_t k = 0; k < stride; k += LANES) {
        const vec q = load(numerator + k) / larger(load(denominator + k), tiny);
        vec factor = q;
        if (!sweep->is_plain) {
            const vec exponent = load(sweep->exponents + k);
            factor = power_vec(q, exponent);
            // Exponents 1 and 0 are exact, so that a plain update is free of the power's rounding.
            factor = choose(exponent == 1.0f, q, factor);
            factor = choose(exponent == 0.0f, spread(1.0f), factor);
        }
        store(new_h + k, load(h + k) * factor);
    }
    for (size_t k = n_components; k < stride; k++) {
        new_h[k] = 0.0f;
    }
}

static void update_tile(const ub_sweep *sweep, size_t first, size_t n, const ub_sweep_work *work,
                        size_t h_stride)
{
    const ub_packing *packing = &sweep->packing;
    const size_t n_components = packing->n_components;
    float *numerators = work->sums;
    float *denominators = work->sums + n * h_stride;
    memset(work->sums, 0, 2 * n * h_stride * sizeof(float));
    dot_tile(packing, sweep->templates, sweep->transposed, work->ratio, n, numerators, h_stride);
    if (sweep->form != UB_FORM_KULLBACK) {
        dot_tile(packing, sweep->templates, sweep->transposed, work->power, n, denominators,
                 h_stride);
    }
    for (size_t t = 0; t < n; t++) {
        const float *h = work->tile_h + t * h_stride;
        float *numerator = numerators + t * h_stride;
        float *denominator = denominators + t * h_stride;
        const float *sums = sweep->form == UB_FORM_KULLBACK ? sweep->template_sums : denominator;
        for (size_t k = 0; k < h_stride; k += LANES) {
            const vec sum = load(sums + k) + spread(sweep->l1);
            store(denominator + k, UB_FUSED(spread(sweep->l2), load(h + k), sum));
        }
        if (sweep->continuity_near) {
            add_continuity(sweep, first + t, h, numerator, denominator);
        }
        update_frame(sweep, h, numerator, denominator, h_stride, work->tile_new + t * h_stride);
        memcpy(sweep->new_activations + (first + t) * sweep->activation_stride,
               work->tile_new + t * h_stride, n_components * sizeof(float));
    }
}

// Bring a panel of the next tile near while this one is worked on: read in the first pass alone,
// the spectra would come faster than memory gives them.
static void prefetch_tile(const ub_sweep *sweep, size_t channel, size_t bin, size_t width,
                          size_t first, size_t n)
{
    const size_t rest = sweep->n_frames - first;
    const float *v = sweep->spectra[channel] + first * sweep->spectrum_stride + bin;
    for (size_t t = 0; t < (n < rest ? n : rest); t++) {
        for (size_t line = 0; line < width; line += 16) {
            __builtin_prefetch(v + t * sweep->spectrum_stride + line, 0, 2);
        }
    }
}

static void accumulate_tile(const ub_sweep *sweep, size_t first, size_t n, const float *h,
                            size_t h_stride, const ub_sweep_work *work, float *ratio_sums,
                            float *power_sums)
{
    const ub_packing *packing = &sweep->packing;
    const size_t n_components = packing->n_components;
    pack_blocks(h, h_stride, n, n_components, work->blocks);
    ratio_job job = job_for(sweep, work->blocks);
    job.out_stride = PANEL;
    job.ratio = work->panel_ratio;
    job.power = work->panel_power;
    for (size_t c = 0; c < packing->n_channels; c++) {
        for (size_t bin = 0; bin < packing->padded_bins; bin += PANEL) {
            size_t width;
            const size_t at = ub_packing_panel(packing, PANEL, c, bin / PANEL, &width);
            job.templates = sweep->templates + at;
            job.v = sweep->spectra[c] + first * sweep->spectrum_stride + bin;
            ratio_functions[sweep->form][width / LANES - 1](&job, n);
            outer_functions[width / LANES - 1](job.ratio, h, h_stride, n, n_components,
                                               ratio_sums + at);
            if (sweep->form != UB_FORM_KULLBACK) {
                outer_functions[width / LANES - 1](job.power, h, h_stride, n, n_components,
                                                   power_sums + at);
            }
            prefetch_tile(sweep, c, bin, width, first + n, n);
        }
    }
}

static double sweep_tile(const ub_sweep *sweep, size_t first, size_t n, const ub_sweep_work *work,
                         float *ratio_sums, float *power_sums)
{
    const size_t h_stride = (sweep->packing.n_components + 15) / 16 * 16;
    gather_activations(sweep, first, n, work->tile_h, h_stride);
    double cost = 0.0;
    if (sweep->update_activations || sweep->want_cost) {
        cost = ratio_tile(sweep, first, n, work, h_stride);
    }
    const float *h = work->tile_h;
    if (sweep->update_activations) {
        update_tile(sweep, first, n, work, h_stride);
        h = work->tile_new;
    }
    if (sweep->update_templates) {
        accumulate_tile(sweep, first, n, h, h_stride, work, ratio_sums, power_sums);
    }
    return cost;
}

// ---- packing, models, masks --------------------------------------------------------------------

static void pack_templates(const ub_packing *packing, size_t first, size_t n,
                           const float *templates, size_t stride, const float *gains,
                           size_t gain_stride, float *packed)
{
    for (size_t c = 0; c < packing->n_channels; c++) {
        for (size_t bin = 0; bin < packing->padded_bins; bin += PANEL) {
            size_t width;
            float *to = packed + ub_packing_panel(packing, PANEL, c, bin / PANEL, &width);
            const size_t rest = packing->n_bins - bin;
            const size_t n_real = rest < width ? rest : width;
            for (size_t k = 0; k < n; k++) {
                const float gain = gains[k * gain_stride + c];
                const float *from = templates + k * stride + bin;
                float *column = to + (first + k) * width;
                for (size_t i = 0; i < n_real; i++) {
                    column[i] = gain * from[i];
                }
                memset(column + n_real, 0, (width - n_real) * sizeof *column);
            }
        }
    }
}

// Components [first, last) of one panel across, for the bins of one panel.
static void transpose_panel(const float *from, size_t from_width, size_t n_components, size_t first,
                            size_t last, float *to, size_t to_width)
{
    const size_t end = last < n_components ? last : n_components;
    to += first % PANEL;
    for (size_t i = 0; i < from_width; i++) {
        for (size_t k = first; k < end; k++) {
            to[i * to_width + k - first] = from[k * from_width + i];
        }
        for (size_t k = end; k < last; k++) {
            to[i * to_width + k - first] = 0.0f;
        }
    }
}

static void transpose_templates(const ub_packing *packing, size_t first, size_t n,
                                const float *packed, float *transposed)
{
    const size_t stacked = packing->n_channels * packing->padded_bins;
    // What lies behind the last component belongs to it.
    size_t end = first + n == packing->n_components ? packing->n_across : first + n;
    end = end < packing->n_across ? end : packing->n_across;
    for (size_t k = first, last; k < end; k = last) {
        const size_t across = k / PANEL * PANEL, rest = packing->n_across - across;
        const size_t across_width = rest < PANEL ? rest : PANEL;
        last = across + across_width < end ? across + across_width : end;
        float *to = transposed + stacked * across;
        for (size_t c = 0; c < packing->n_channels; c++) {
            for (size_t bin = 0; bin < packing->padded_bins; bin += PANEL) {
                size_t width;
                const float *from =
                    packed + ub_packing_panel(packing, PANEL, c, bin / PANEL, &width);
                transpose_panel(from, width, packing->n_components, k, last, to, across_width);
                to += width * across_width;
            }
        }
    }
}

INLINE void model_block(const float *templates, const float *h, size_t h_stride, size_t n_k,
                        const int n_vectors, const int n_cols, float *out, size_t out_stride)
{
    vec acc[UB_PANEL_VECTORS][UB_BLOCK] = {{{0}}};
    product_block(templates, (size_t)n_vectors * LANES, h, 1, h_stride, n_k, n_vectors, n_cols,
                  acc);
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            store(out + (size_t)j * out_stride + (size_t)v * LANES, acc[v][j]);
        }
    }
}

#define MODEL_PANEL(width)                                                                         \
    static __attribute__((noinline)) void model_##width(const float *templates, const float *h,    \
                                                        size_t h_stride, size_t n_k, size_t n,     \
                                                        float *out, size_t out_stride)             \
    {                                                                                              \
        size_t t = 0;                                                                              \
        for (; t + UB_BLOCK <= n; t += UB_BLOCK) {                                                 \
            model_block(templates, h + t * h_stride, h_stride, n_k, width, UB_BLOCK,               \
                        out + t * out_stride, out_stride);                                         \
        }                                                                                          \
        for (; t < n; t++) {                                                                       \
            model_block(templates, h + t * h_stride, h_stride, n_k, width, 1,                      \
                        out + t * out_stride, out_stride);                                         \
        }                                                                                          \
    }
MODEL_PANEL(1)
MODEL_PANEL(2)
#if UB_PANEL_VECTORS >= 3
MODEL_PANEL(3)
#endif

typedef void (*model_function)(const float *, const float *, size_t, size_t, size_t, float *,
                               size_t);
static const model_function model_functions[UB_PANEL_VECTORS] = WIDTHS(model);

static void model_channel(const ub_packing *packing, const float *packed, size_t channel,
                          const float *activations, size_t activation_stride, size_t n_frames,
                          size_t n_groups, const size_t *first, float *const *out,
                          size_t out_stride)
{
    for (size_t bin = 0; bin < packing->padded_bins; bin += PANEL) {
        size_t width;
        const float *panel =
            packed + ub_packing_panel(packing, PANEL, channel, bin / PANEL, &width);
        for (size_t g = 0; g < n_groups; g++) {
            model_functions[width / LANES - 1](panel + first[g] * width, activations + first[g],
                                               activation_stride, first[g + 1] - first[g], n_frames,
                                               out[g] + bin, out_stride);
        }
    }
}

// One vector of bins of all groups. The floor makes silent bins share equally.
INLINE void mask_vectors(float *const *x, size_t n_groups, size_t bin, float exponent)
{
    const vec floor = spread(1e-18f);
    vec sum = {0};
    for (size_t g = 0; g < n_groups; g++) {
        vec y = load(x[g] + bin) + floor;
        if (exponent == 2.0f) {
            y = y * y;
        } else if (exponent != 1.0f) {
            y = power_vec(y, spread(exponent));
        }
        store(x[g] + bin, y);
        sum += y;
    }
    const vec scale = 1.0f / sum;
    for (size_t g = 0; g < n_groups; g++) {
        store(x[g] + bin, load(x[g] + bin) * scale);
    }
}

static void masks_frame(float *const *x, size_t n_groups, size_t offset, size_t n_bins,
                        float exponent)
{
    for (size_t bin = offset; bin < offset + n_bins; bin += LANES) {
        mask_vectors(x, n_groups, bin, exponent);
    }
}

#include "kernels_gram_body.h"

const ub_kernels UB_SET = {
    .name = UB_SET_NAME,
    .lanes = LANES,
    .panel_bins = PANEL,
    .pack = pack_templates,
    .transpose = transpose_templates,
    .sweep = sweep_tile,
    .model = model_channel,
    .masks = masks_frame,
    .power = power_array,
    .project = project_frames,
    .correlate = correlate_frames,
    .gram = gram_rows,
    .descend = descend_panel,
};
