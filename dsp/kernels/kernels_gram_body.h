// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the Euclidean distance wants instead of a sweep: products that never see the model, and
// coordinate descent on the quadratic that they leave. Part of kernels_body.h.

// ---- W'V: the projection of frames on the templates --------------------------------------------

// The spectra are read where they lie, channel by channel. The few components that are not in the
// transposed copy go by way of `spare`.
static void project_frames(const ub_packing *packing, const float *packed, const float *transposed,
                           const float *const *spectra, size_t spectrum_stride, size_t first,
                           size_t n, float *out, size_t out_stride, float *spare)
{
    const size_t n_components = packing->n_components, n_bins = packing->padded_bins;
    const ub_packing channel = {.n_channels = 1,
                                .n_bins = packing->n_bins,
                                .n_components = n_components,
                                .padded_bins = n_bins};
    memset(out, 0, n * out_stride * sizeof *out);
    for (size_t c = 0; c < packing->n_channels; c++) {
        const float *v = spectra[c] + first * spectrum_stride;
        across_channel(packing, transposed, c, v, spectrum_stride, n, out, out_stride);
        dot_rest(&channel, packed + c * n_bins * n_components, packing->n_across, v,
                 spectrum_stride, n, spare, out_stride);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = packing->n_across; k < n_components; k++) {
                out[i * out_stride + k] += spare[i * out_stride + k];
            }
        }
    }
}

// ---- VH' and HH': sums over frames -------------------------------------------------------------

// sums[j * step + v] += sum_t a[t * a_step + v] h[t * h_stride + j]. The block is summed from zero
// and then added: over many tiles that loses less than one long sum.
INLINE void gram_block(const float *a, size_t a_step, const float *h, size_t h_stride, size_t n,
                       const int n_vectors, const int n_cols, float *sums, size_t step)
{
    vec acc[UB_PANEL_VECTORS][UB_BLOCK] = {{{0}}};
    product_block(a, a_step, h, h_stride, 1, n, n_vectors, n_cols, acc);
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            float *sum = sums + (size_t)j * step + (size_t)v * LANES;
            store(sum, load(sum) + acc[v][j]);
        }
    }
}

#define GRAM_PANEL(width)                                                                          \
    static __attribute__((noinline)) void gram_##width(const float *a, size_t a_step,              \
                                                       const float *h, size_t h_stride, size_t n,  \
                                                       size_t n_cols, float *sums, size_t step)    \
    {                                                                                              \
        size_t k = 0;                                                                              \
        for (; k + UB_BLOCK <= n_cols; k += UB_BLOCK) {                                            \
            gram_block(a, a_step, h + k, h_stride, n, width, UB_BLOCK, sums + k * step, step);     \
        }                                                                                          \
        for (; k + 4 <= n_cols; k += 4) {                                                          \
            gram_block(a, a_step, h + k, h_stride, n, width, 4, sums + k * step, step);            \
        }                                                                                          \
        for (; k < n_cols; k++) {                                                                  \
            gram_block(a, a_step, h + k, h_stride, n, width, 1, sums + k * step, step);            \
        }                                                                                          \
    }
GRAM_PANEL(1)
GRAM_PANEL(2)
#if UB_PANEL_VECTORS >= 3
GRAM_PANEL(3)
#endif

typedef void (*gram_function)(const float *, size_t, const float *, size_t, size_t, size_t, float *,
                              size_t);
static const gram_function gram_functions[UB_PANEL_VECTORS] = WIDTHS(gram);

static void correlate_frames(const ub_packing *packing, const float *const *spectra,
                             size_t spectrum_stride, size_t first, size_t n, const float *h,
                             size_t h_stride, float *sums)
{
    for (size_t c = 0; c < packing->n_channels; c++) {
        for (size_t bin = 0; bin < packing->padded_bins; bin += PANEL) {
            size_t width;
            const size_t at = ub_packing_panel(packing, PANEL, c, bin / PANEL, &width);
            gram_functions[width / LANES - 1](spectra[c] + first * spectrum_stride + bin,
                                              spectrum_stride, h, h_stride, n,
                                              packing->n_components, sums + at, width);
        }
    }
}

static void gram_rows(const float *rows, size_t stride, size_t n, size_t n_components, float *sums)
{
    for (size_t k = 0; k < n_components; k += PANEL) {
        const size_t rest = (n_components - k + LANES - 1) / LANES * LANES;
        const size_t width = rest < PANEL ? rest : PANEL;
        const size_t end = k + width < n_components ? k + width : n_components;
        gram_functions[width / LANES - 1](rows + k, stride, rows, stride, n, end, sums + k, stride);
    }
}

// ---- coordinate descent ------------------------------------------------------------------------

// Rows k .. k + n_cols - 1 of x one after the other, each to the minimum of its parabola. Their
// gradients come from one product with x as it was; each row that moves corrects those after it.
INLINE void descend_block(const ub_descent *job, const float *linear, size_t k, const int n_vectors,
                          const int n_cols, float *x, vec *saved)
{
    const size_t width = (size_t)n_vectors * LANES;
    vec acc[UB_PANEL_VECTORS][UB_BLOCK] = {{{0}}};
    product_block(x, width, job->gram + k, job->gram_stride, 1, job->n_components, n_vectors,
                  n_cols, acc);
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        const size_t row = k + (size_t)j;
        const float inverse = job->inverses[row];
        if (inverse == 0.0f) {
            continue;
        }
        const float *gram = job->gram + row * job->gram_stride;
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            const size_t at = row * width + (size_t)v * LANES;
            const vec old = load(x + at);
            const vec slope = acc[v][j] - load(linear + at);
            const vec least = larger(old - slope * inverse, spread(job->least));
            const vec renewed = choose(old > 0.0f, least, spread(0.0f));
            const vec step = renewed - old;
            store(x + at, renewed);
            saved[v] -= step * UB_FUSED(step, spread(0.5f * gram[row]), slope);
            UNROLL
            for (int i = 0; i < n_cols; i++) {
                if (i > j) {
                    acc[v][i] = UB_FUSED(step, spread(gram[k + (size_t)i]), acc[v][i]);
                }
            }
        }
    }
}

#define DESCEND_PANEL(width)                                                                       \
    static __attribute__((noinline)) double descend_##width(const ub_descent *job,                 \
                                                            const float *linear, float *x)         \
    {                                                                                              \
        vec saved[width] = {{0}};                                                                  \
        for (size_t sweep = 0; sweep < job->n_sweeps; sweep++) {                                   \
            size_t k = 0;                                                                          \
            for (; k + UB_BLOCK <= job->n_components; k += UB_BLOCK) {                             \
                descend_block(job, linear, k, width, UB_BLOCK, x, saved);                          \
            }                                                                                      \
            for (; k + 4 <= job->n_components; k += 4) {                                           \
                descend_block(job, linear, k, width, 4, x, saved);                                 \
            }                                                                                      \
            for (; k < job->n_components; k++) {                                                   \
                descend_block(job, linear, k, width, 1, x, saved);                                 \
            }                                                                                      \
        }                                                                                          \
        double sum = 0.0;                                                                          \
        for (int v = 0; v < width; v++) {                                                          \
            sum += lanes_sum(saved[v]);                                                            \
        }                                                                                          \
        return sum;                                                                                \
    }
DESCEND_PANEL(1)
DESCEND_PANEL(2)
#if UB_PANEL_VECTORS >= 3
DESCEND_PANEL(3)
#endif

typedef double (*descend_function)(const ub_descent *, const float *, float *);
static const descend_function descend_functions[UB_PANEL_VECTORS] = WIDTHS(descend);

static double descend_panel(const ub_descent *job, const float *linear, size_t width, float *x)
{
    return descend_functions[width / LANES - 1](job, linear, x);
}
