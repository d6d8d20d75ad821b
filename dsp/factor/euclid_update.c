// SPDX-License-Identifier: GPL-3.0-or-later
// One iteration of the descent: activations, gains, templates.
//
// In each factor alone the objective is a quadratic whose matrix is a Gram matrix of the others:
//   in H, per frame    1/2 h'Gh - n'h    G = (W'W) .* (Q'Q),   n = sum_c q_c .* (W'V_c)
//   in W, per bin      1/2 w'Bw - a'w    B = (HH') .* (Q'Q),   a = sum_c q_c .* (V_c H')
//   in Q, per channel  1/2 q'Mq - p'q    M = (W'W) .* (HH'),   p_k = w_k' V_c h_k
// .* element by element. V is read once, a tile of frames at a time: projected on the templates,
// and with the new activations of the tile correlated.
#include "euclid.h"
#include "ground/fpu.h"

#include <math.h>
#include <string.h>

#if defined(_OPENMP)
#include <omp.h>
#endif

enum {
    // A sweep over H costs 2 K^2 T flops next to the 4 F K T of the two products with V, one over W
    // next to nothing. Two and four reached the same cost soonest: docs/measurements.md.
    ACTIVATION_SWEEPS = 4,
    TEMPLATE_SWEEPS = 6,
    GAIN_SWEEPS = 2,
    GRAM_BINS = 64, // summed in one go
    MOST_WIDTH = 64 // of a panel
};

static const float LEAST = 1e-20f; // of an entry that is not zero, relative to the level
static const float DEAD_TEMPLATE = 1e-30f; // square of a norm: nothing to divide by
static const float DEAD_ACTIVATION = 1e-20f; // the same; inaudible by more than 100 dB
static const double DEAD_PRODUCT = 1e-30; // the same of both together

typedef struct frame_work {
    float *projections, *activations, *spare; // tile_frames x stride
    float *linear, *x; // K x panel_bins
} frame_work;

size_t ub_euclid_work_size(const ub_euclid *euclid)
{
    const ub_fit *fit = euclid->fit;
    return 3 * fit->tile_frames * euclid->stride + 2 * euclid->stride * fit->kernels->panel_bins;
}

static frame_work work_of(const ub_euclid *euclid, size_t thread)
{
    const size_t tile = euclid->fit->tile_frames * euclid->stride;
    frame_work work;
    work.projections = euclid->thread_work + thread * euclid->thread_work_floats;
    work.activations = work.projections + tile;
    work.spare = work.activations + tile;
    work.linear = work.spare + tile;
    work.x = work.linear + euclid->stride * euclid->fit->kernels->panel_bins;
    return work;
}

static size_t this_thread(void)
{
#if defined(_OPENMP)
    return (size_t)omp_get_thread_num();
#else
    return 0;
#endif
}

// Whole vectors that hold `rest` bins or frames, at most a panel.
static size_t panel_width(const ub_kernels *kernels, size_t rest)
{
    const size_t width = (rest + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
    return width < kernels->panel_bins ? width : kernels->panel_bins;
}

// ---- Gram matrices -----------------------------------------------------------------------------

// The kernels fill one triangle.
static void mirror(float *gram, size_t n, size_t stride)
{
    for (size_t l = 0; l < n; l++) {
        for (size_t k = 0; k < l; k++) {
            gram[l * stride + k] = gram[k * stride + l];
        }
    }
}

static void fill_template_gram(ub_euclid *euclid)
{
    const ub_fit *fit = euclid->fit;
    const size_t n_k = fit->n_components, stride = euclid->stride;
    for (size_t k = 0; k < n_k; k++) {
        const float *w = ub_matrix_column(&fit->now.templates, k);
        for (size_t f = 0; f < fit->n_bins; f++) {
            euclid->rows[f * stride + k] = w[f];
        }
    }
    memset(euclid->template_gram, 0, n_k * stride * sizeof(float));
    for (size_t f = 0; f < fit->n_bins; f += GRAM_BINS) {
        const size_t n = fit->n_bins - f < GRAM_BINS ? fit->n_bins - f : GRAM_BINS;
        fit->kernels->gram(euclid->rows + f * stride, stride, n, n_k, euclid->template_gram);
    }
    mirror(euclid->template_gram, n_k, stride);
}

// gram <- from .* (Q'Q), plus a constant on the diagonal, and the inverses of the diagonal.
static void fill_gram(ub_euclid *euclid, const float *from, float ridge, float dead,
                      bool (*is_fixed)(const ub_fit *, size_t))
{
    const ub_fit *fit = euclid->fit;
    const ub_matrix *gains = &fit->now.gains;
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *q = ub_matrix_column(gains, k);
        float *row = euclid->gram + k * euclid->stride;
        for (size_t l = 0; l < fit->n_components; l++) {
            const float *p = ub_matrix_column(gains, l);
            double product = 0.0;
            for (size_t c = 0; c < fit->n_channels; c++) {
                product += (double)q[c] * (double)p[c];
            }
            row[l] = (float)(product * (double)from[k * euclid->stride + l]);
        }
        row[k] += ridge;
        euclid->inverses[k] = is_fixed(fit, k) || row[k] <= dead ? 0.0f : 1.0f / row[k];
    }
}

static ub_descent descent_of(const ub_euclid *euclid, size_t n_sweeps)
{
    return (ub_descent){
        .n_components = euclid->fit->n_components,
        .gram = euclid->gram,
        .gram_stride = euclid->stride,
        .inverses = euclid->inverses,
        .least = LEAST,
        .n_sweeps = n_sweeps,
    };
}

// ---- activations -------------------------------------------------------------------------------

// What activations are multiplied by when they are read: the scale that the templates owe them, and
// the level.
static void fill_factors(ub_euclid *euclid)
{
    const ub_fit *fit = euclid->fit;
    for (size_t k = 0; k < fit->n_components; k++) {
        euclid->factors[k] = fit->now.scale[k] / euclid->level;
        euclid->least[k] = ub_fit_activation_fixed(fit, k) ? 0.0f : LEAST;
    }
}

// An entry above zero stays above zero, whatever the scale does to it: it may come back.
static void gather_activations(const ub_euclid *euclid, size_t first, size_t n, float *tile)
{
    const ub_fit *fit = euclid->fit;
    const float *factors = euclid->factors, *least = euclid->least;
    for (size_t t = 0; t < n; t++) {
        const float *h = ub_matrix_column(&fit->now.activations, first + t);
        float *to = tile + t * euclid->stride;
        for (size_t k = 0; k < fit->n_components; k++) {
            const float x = h[k] * factors[k];
            to[k] = h[k] > 0.0f && x < least[k] ? least[k] : x;
        }
    }
}

static const float *project(ub_euclid *euclid, size_t first, size_t n, const frame_work *work)
{
    const ub_fit *fit = euclid->fit;
    float *to = euclid->projections.data ? ub_matrix_column(&euclid->projections, first)
                                         : work->projections;
    if (!euclid->projected) {
        fit->kernels->project(&fit->packing, fit->packed, fit->transposed, fit->sweep.spectra,
                              fit->sweep.spectrum_stride, first, n, to, euclid->stride,
                              work->spare);
    }
    return to;
}

// Rows of a panel from columns of frames: to[k * width + t] = from[t * stride + k] scale + offset.
static void turn(const float *from, size_t stride, size_t n, size_t n_k, float scale, float offset,
                 size_t width, float *to)
{
    memset(to, 0, n_k * width * sizeof(float));
    for (size_t t = 0; t < n; t++) {
        for (size_t k = 0; k < n_k; k++) {
            to[k * width + t] = from[t * stride + k] * scale + offset;
        }
    }
}

// Coordinate descent mends a wrong level slowly, as multiplicative updates do not. So before the
// first descent the free part x of each frame is multiplied by what is best for it:
// m / d, m = x'(n - G fixed), d = x'Gx, which saves d (1 - m / d)^2 / 2.
static double fit_levels(const ub_euclid *euclid, const frame_work *work, size_t width)
{
    const ub_fit *fit = euclid->fit;
    double m[MOST_WIDTH] = {0.0}, d[MOST_WIDTH] = {0.0}, saved = 0.0;
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *gram = euclid->gram + k * euclid->stride, *x = work->x + k * width;
        const bool fixed = ub_fit_activation_fixed(fit, k);
        float product[MOST_WIDTH] = {0.0f};
        for (size_t l = 0; l < fit->n_components; l++) {
            const float g = ub_fit_activation_fixed(fit, l) ? 0.0f : gram[l];
            for (size_t i = 0; i < width; i++) {
                product[i] += g * work->x[l * width + i];
            }
        }
        for (size_t i = 0; i < width; i++) {
            const double y = (double)x[i] * (double)product[i];
            m[i] += fixed ? -y : (double)x[i] * (double)work->linear[k * width + i];
            d[i] += fixed ? 0.0 : y;
        }
    }
    float level[MOST_WIDTH];
    for (size_t i = 0; i < width; i++) {
        level[i] = d[i] > 0.0 ? (float)fmax(m[i] / d[i], 0.0) : 1.0f;
        const double change = (double)level[i] - 1.0;
        saved += change * (m[i] - d[i] - 0.5 * change * d[i]);
    }
    for (size_t k = 0; k < fit->n_components; k++) {
        float *x = work->x + k * width;
        for (size_t i = 0; i < width && !ub_fit_activation_fixed(fit, k); i++) {
            const float y = x[i] * level[i];
            x[i] = x[i] > 0.0f && y < LEAST ? LEAST : y;
        }
    }
    return saved;
}

static double descend_tile(ub_euclid *euclid, const ub_descent *descent, size_t first, size_t n,
                           const frame_work *work)
{
    const ub_fit *fit = euclid->fit;
    const size_t n_k = fit->n_components, stride = euclid->stride;
    const float inverse = 1.0f / euclid->level;
    const float *projections = project(euclid, first, n, work);
    double saved = 0.0;
    for (size_t t = 0; t < n;) {
        const size_t width = panel_width(fit->kernels, n - t);
        const size_t some = n - t < width ? n - t : width;
        float *tile = work->activations + t * stride;
        turn(projections + t * stride, stride, some, n_k, inverse,
             -(float)fit->settings.l1_activations * inverse, width, work->linear);
        turn(tile, stride, some, n_k, 1.0f, 0.0f, width, work->x);
        saved += euclid->levelled ? 0.0 : fit_levels(euclid, work, width);
        saved += fit->kernels->descend(descent, work->linear, width, work->x);
        for (size_t i = 0; i < some; i++) {
            for (size_t k = 0; k < n_k; k++) {
                tile[i * stride + k] = work->x[k * width + i];
            }
        }
        t += some;
    }
    return saved;
}

static void write_activations(ub_euclid *euclid, size_t first, size_t n, const float *tile)
{
    ub_fit *fit = euclid->fit;
    for (size_t t = 0; t < n; t++) {
        float *h = ub_matrix_column(&fit->next_activations, first + t);
        for (size_t k = 0; k < fit->n_components; k++) {
            h[k] = tile[t * euclid->stride + k] * euclid->level;
        }
    }
}

static void do_chunk(ub_euclid *euclid, const ub_descent *descent, size_t chunk,
                     const frame_work *work)
{
    ub_fit *fit = euclid->fit;
    float *correlations = fit->ratio_sums + chunk * fit->packing.n_floats;
    float *gram = NULL;
    if (euclid->moves_templates) {
        const size_t n = fit->n_components * euclid->stride;
        gram = euclid->chunk_grams + chunk * n;
        memset(correlations, 0, fit->packing.n_floats * sizeof(float));
        memset(gram, 0, n * sizeof(float));
    }
    const size_t first = chunk * fit->n_tiles / euclid->n_chunks * fit->tile_frames;
    const size_t end_tile = (chunk + 1) * fit->n_tiles / euclid->n_chunks;
    const size_t end = end_tile == fit->n_tiles ? fit->n_frames : end_tile * fit->tile_frames;
    double saved = 0.0;
    memset(work->activations, 0, fit->tile_frames * euclid->stride * sizeof(float));
    for (size_t t = first; t < end; t += fit->tile_frames) {
        const size_t n = end - t < fit->tile_frames ? end - t : fit->tile_frames;
        gather_activations(euclid, t, n, work->activations);
        if (fit->any_free_activation) {
            saved += descend_tile(euclid, descent, t, n, work);
            write_activations(euclid, t, n, work->activations);
        }
        if (euclid->moves_templates) {
            fit->kernels->correlate(&fit->packing, fit->sweep.spectra, fit->sweep.spectrum_stride,
                                    t, n, work->activations, euclid->stride, correlations);
            fit->kernels->gram(work->activations, euclid->stride, n, fit->n_components, gram);
        }
    }
    euclid->saved[chunk] = saved;
}

// Sums of all chunks into the first, in order.
static void add_chunks(const ub_euclid *euclid, float *sums, size_t n)
{
    const size_t slice = 4096;
#pragma omp parallel for schedule(static) num_threads((int)euclid->fit->n_threads)
    for (size_t first = 0; first < n; first += slice) {
        const size_t end = n - first < slice ? n : first + slice;
        for (size_t chunk = 1; chunk < euclid->n_chunks; chunk++) {
            const float *from = sums + chunk * n;
            for (size_t i = first; i < end; i++) {
                sums[i] += from[i];
            }
        }
    }
}

static double update_activations(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    fill_gram(euclid, euclid->template_gram, (float)fit->settings.l2_activations, DEAD_TEMPLATE,
              ub_fit_activation_fixed);
    fit->kernels->pack(&fit->packing, fit->now.templates.data, fit->now.templates.stride,
                       fit->now.gains.data, fit->now.gains.stride, fit->packed);
    fit->kernels->transpose(&fit->packing, fit->packed, fit->transposed);
    fill_factors(euclid);
    const ub_descent descent = descent_of(euclid, ACTIVATION_SWEEPS);
#pragma omp parallel num_threads((int)fit->n_threads)
    {
        const frame_work work = work_of(euclid, this_thread());
        const uint64_t mode = ub_fpu_flush_denormals();
#pragma omp for schedule(dynamic, 1)
        for (size_t chunk = 0; chunk < euclid->n_chunks; chunk++) {
            do_chunk(euclid, &descent, chunk, &work);
        }
        ub_fpu_restore(mode);
    }
    euclid->projected = euclid->projections.data != NULL;
    euclid->levelled = true;
    double saved = 0.0;
    for (size_t chunk = 0; chunk < euclid->n_chunks; chunk++) {
        saved += euclid->saved[chunk];
    }
    return saved;
}

// ---- gains -------------------------------------------------------------------------------------

// The part of component k in the correlations with channel c: n bins from `first` on.
static const float *correlations_at(const ub_fit *fit, size_t c, size_t k, size_t first,
                                    size_t *width)
{
    const size_t panel_bins = fit->kernels->panel_bins;
    const size_t at = ub_packing_panel(&fit->packing, panel_bins, c, first / panel_bins, width);
    return fit->ratio_sums + at + k * *width;
}

// p[k * C + c] = w_k' V_c h_k, at the level of the data.
static void fill_gain_terms(const ub_euclid *euclid, double *terms)
{
    const ub_fit *fit = euclid->fit;
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *w = ub_matrix_column(&fit->now.templates, k);
        for (size_t c = 0; c < fit->n_channels; c++) {
            double sum = 0.0;
            for (size_t first = 0; first < fit->n_bins; first += fit->kernels->panel_bins) {
                size_t width;
                const float *a = correlations_at(fit, c, k, first, &width);
                for (size_t i = 0; i < width && first + i < fit->n_bins; i++) {
                    sum += (double)w[first + i] * (double)a[i];
                }
            }
            terms[k * fit->n_channels + c] = sum / (double)euclid->level;
        }
    }
}

// One number for the gains of a group in one channel: slope and curvature are sums over members.
static double update_group(ub_euclid *euclid, size_t group, size_t c, const double *terms)
{
    ub_fit *fit = euclid->fit;
    const float *activation_gram = euclid->chunk_grams;
    double slope = 0.0, curvature = 0.0, old = 0.0;
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_gain_group(fit, k) != group || ub_fit_gain_fixed(fit, k)) {
            continue;
        }
        old = (double)ub_matrix_column(&fit->now.gains, k)[c];
        slope -= terms[k * fit->n_channels + c];
        for (size_t l = 0; l < fit->n_components; l++) {
            const size_t at = k * euclid->stride + l;
            const double m = (double)euclid->template_gram[at] * (double)activation_gram[at];
            slope += m * (double)ub_matrix_column(&fit->now.gains, l)[c];
            const bool member = ub_fit_gain_group(fit, l) == group && !ub_fit_gain_fixed(fit, l);
            curvature += member ? m : 0.0;
        }
    }
    if (old <= 0.0 || curvature <= DEAD_PRODUCT) {
        return 0.0;
    }
    const float renewed = (float)fmax(old - slope / curvature, (double)LEAST);
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_gain_group(fit, k) == group && !ub_fit_gain_fixed(fit, k)) {
            ub_matrix_column(&fit->now.gains, k)[c] = renewed;
        }
    }
    const double step = (double)renewed - old;
    return -step * (slope + 0.5 * step * curvature);
}

static double update_gains(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    double saved = 0.0;
    fill_gain_terms(euclid, fit->gain_sums);
    for (size_t sweep = 0; sweep < GAIN_SWEEPS; sweep++) {
        for (size_t group = 0; group < fit->n_components; group++) {
            for (size_t c = 0; c < fit->n_channels; c++) {
                saved += update_group(euclid, group, c, fit->gain_sums);
            }
        }
    }
    return saved;
}

// ---- templates ---------------------------------------------------------------------------------

static double descend_bins(ub_euclid *euclid, const ub_descent *descent, size_t first,
                           const frame_work *work)
{
    ub_fit *fit = euclid->fit;
    const float inverse = 1.0f / euclid->level;
    size_t width = 0;
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *q = ub_matrix_column(&fit->now.gains, k);
        const float *w = ub_matrix_column(&fit->now.templates, k) + first;
        for (size_t c = 0; c < fit->n_channels; c++) {
            const float *a = correlations_at(fit, c, k, first, &width);
            float *linear = work->linear + k * width;
            for (size_t i = 0; i < width; i++) {
                linear[i] = (c ? linear[i] : 0.0f) + q[c] * inverse * a[i];
            }
        }
        const size_t n = fit->n_bins - first < width ? fit->n_bins - first : width;
        memcpy(work->x + k * width, w, n * sizeof(float));
        memset(work->x + k * width + n, 0, (width - n) * sizeof(float));
    }
    const double saved = fit->kernels->descend(descent, work->linear, width, work->x);
    const size_t n = fit->n_bins - first < width ? fit->n_bins - first : width;
    for (size_t k = 0; k < fit->n_components; k++) {
        if (!ub_fit_template_fixed(fit, k)) {
            memcpy(ub_matrix_column(&fit->now.templates, k) + first, work->x + k * width,
                   n * sizeof(float));
        }
    }
    return saved;
}

static double update_templates(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    fill_gram(euclid, euclid->chunk_grams, 0.0f, DEAD_ACTIVATION, ub_fit_template_fixed);
    const ub_descent descent = descent_of(euclid, TEMPLATE_SWEEPS);
#pragma omp parallel num_threads((int)fit->n_threads)
    {
        const frame_work work = work_of(euclid, this_thread());
        const uint64_t mode = ub_fpu_flush_denormals();
#pragma omp for schedule(static)
        for (size_t panel = 0; panel < euclid->n_panels; panel++) {
            euclid->saved[panel] =
                descend_bins(euclid, &descent, panel * fit->kernels->panel_bins, &work);
        }
        ub_fpu_restore(mode);
    }
    double saved = 0.0;
    for (size_t panel = 0; panel < euclid->n_panels; panel++) {
        saved += euclid->saved[panel];
    }
    return saved;
}

// ---- all of it ---------------------------------------------------------------------------------

double ub_euclid_update(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    const float *spectra[UB_NMF_MAX_CHANNELS];
    for (size_t c = 0; c < fit->n_channels; c++) {
        spectra[c] = fit->spectra[c].data;
    }
    fit->sweep.spectra = spectra;
    if (!euclid->projected) {
        fill_template_gram(euclid);
    }
    double saved = update_activations(euclid);
    fit->sweep.update_activations = fit->any_free_activation;
    fit->sweep.update_templates = false;
    ub_fit_advance(fit, 1.0, true);
    if (euclid->moves_templates) {
        add_chunks(euclid, fit->ratio_sums, fit->packing.n_floats);
        add_chunks(euclid, euclid->chunk_grams, fit->n_components * euclid->stride);
        mirror(euclid->chunk_grams, fit->n_components, euclid->stride);
        saved += fit->any_free_gain ? update_gains(euclid) : 0.0;
        saved += fit->any_free_template ? update_templates(euclid) : 0.0;
        ub_fit_normalise(fit, &fit->now, true);
    }
    return saved * (double)euclid->level * (double)euclid->level;
}
