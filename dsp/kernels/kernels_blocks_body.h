// SPDX-License-Identifier: GPL-3.0-or-later
//
// The register blocks of an update, and contractions (2) and (3) built of them: part of
// kernels_body.h, which numbers them. Loops with constant bounds are unrolled, so that the
// accumulators stay in registers; remainders run the same code with smaller constants.

// A function for each width of a panel, in vectors.
#if UB_PANEL_VECTORS >= 3
#define WIDTHS(name)                                                                               \
    {                                                                                              \
        name##_1, name##_2, name##_3                                                               \
    }
#else
#define WIDTHS(name)                                                                               \
    {                                                                                              \
        name##_1, name##_2                                                                         \
    }
#endif

// ---- register blocks ---------------------------------------------------------------------------

// acc[v][j] += a[v] * b[j * b_col]
INLINE void product_step(const float *a, const float *b, size_t b_col, const int n_vectors,
                         const int n_cols, vec acc[UB_PANEL_VECTORS][UB_BLOCK])
{
    vec x[UB_PANEL_VECTORS];
    UNROLL
    for (int v = 0; v < n_vectors; v++) {
        x[v] = load(a + (size_t)v * LANES);
    }
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        const vec y = spread(b[(size_t)j * b_col]);
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            acc[v][j] = UB_FUSED(x[v], y, acc[v][j]);
        }
    }
}

// acc[v][j] += sum_i a[i * a_step + v] * b[i * b_step + j * b_col], i ascending.
INLINE void product_block(const float *a, size_t a_step, const float *b, size_t b_step,
                          size_t b_col, size_t n, const int n_vectors, const int n_cols,
                          vec acc[UB_PANEL_VECTORS][UB_BLOCK])
{
    for (size_t i = 0; i < n; i++) {
        product_step(a + i * a_step, b + i * b_step, b_col, n_vectors, n_cols, acc);
    }
}

// ---- (2): sums over bins, for the activation update ---------------------------------------------

// Components in the lanes: no sum across lanes is needed. Bins go by stretches, so that a stretch
// of templates stays in the first-level cache for all frames of the tile and no long sum is made in
// single precision.
enum { STRETCH = 128 };

INLINE void across_block(const float *transposed, const float *r, size_t r_stride, size_t n_bins,
                         const int n_vectors, const int n_cols, float *out, size_t out_stride)
{
    vec acc[UB_PANEL_VECTORS][UB_BLOCK] = {{{0}}};
    product_block(transposed, (size_t)n_vectors * LANES, r, 1, r_stride, n_bins, n_vectors, n_cols,
                  acc);
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            float *at = out + (size_t)j * out_stride + (size_t)v * LANES;
            store(at, load(at) + acc[v][j]);
        }
    }
}

#define ACROSS_PANEL(width)                                                                        \
    static __attribute__((noinline)) void across_##width(const float *transposed, const float *r,  \
                                                         size_t r_stride, size_t n_bins, size_t n, \
                                                         float *out, size_t out_stride)            \
    {                                                                                              \
        size_t t = 0;                                                                              \
        for (; t + UB_BLOCK <= n; t += UB_BLOCK) {                                                 \
            across_block(transposed, r + t * r_stride, r_stride, n_bins, width, UB_BLOCK,          \
                         out + t * out_stride, out_stride);                                        \
        }                                                                                          \
        for (; t + 4 <= n; t += 4) {                                                               \
            across_block(transposed, r + t * r_stride, r_stride, n_bins, width, 4,                 \
                         out + t * out_stride, out_stride);                                        \
        }                                                                                          \
        for (; t < n; t++) {                                                                       \
            across_block(transposed, r + t * r_stride, r_stride, n_bins, width, 1,                 \
                         out + t * out_stride, out_stride);                                        \
        }                                                                                          \
    }
ACROSS_PANEL(1)
ACROSS_PANEL(2)
#if UB_PANEL_VECTORS >= 3
ACROSS_PANEL(3)
#endif

typedef void (*across_function)(const float *, const float *, size_t, size_t, size_t, float *,
                                size_t);
static const across_function across_functions[UB_PANEL_VECTORS] = WIDTHS(across);

// Adds to `out` the sums over the bins [begin, end) of the stack, which lie at r.
static void across_bins(const ub_packing *packing, const float *transposed, size_t begin,
                        size_t end, const float *r, size_t r_stride, size_t n, float *out,
                        size_t out_stride)
{
    const size_t stacked = packing->n_channels * packing->padded_bins;
    for (size_t bin = begin; bin < end; bin += STRETCH) {
        const size_t n_bins = end - bin < STRETCH ? end - bin : STRETCH;
        for (size_t k = 0; k < packing->n_across; k += PANEL) {
            const size_t rest = packing->n_across - k;
            const size_t width = rest < PANEL ? rest : PANEL;
            across_functions[width / LANES - 1](transposed + stacked * k + bin * width,
                                                r + (bin - begin), r_stride, n_bins, n, out + k,
                                                out_stride);
        }
    }
}

static void across_channel(const ub_packing *packing, const float *transposed, size_t channel,
                           const float *r, size_t r_stride, size_t n, float *out, size_t out_stride)
{
    const size_t first = channel * packing->padded_bins;
    across_bins(packing, transposed, first, first + packing->padded_bins, r, r_stride, n, out,
                out_stride);
}

// The few components that would leave most of a vector empty: bins in the lanes, which are summed
// once at the end.
INLINE void dot_block(const ub_packing *packing, const float *templates, const float *r,
                      size_t r_stride, size_t k, const int n_rows, const int n_cols, float *out,
                      size_t out_stride)
{
    vec acc[UB_DOT_ROWS][UB_DOT_COLS];
    UNROLL
    for (int i = 0; i < n_rows; i++) {
        UNROLL
        for (int j = 0; j < n_cols; j++) {
            acc[i][j] = (vec){0};
        }
    }
    const size_t stacked = packing->n_channels * packing->padded_bins;
    const size_t per_channel = packing->padded_bins;
    for (size_t first = 0; first < stacked;) {
        const size_t rest = per_channel - first % per_channel;
        const size_t width = rest < PANEL ? rest : PANEL;
        const float *w = templates + first * packing->n_components + k * width;
        for (size_t at = 0; at < width; at += LANES) {
            vec x[UB_DOT_ROWS];
            UNROLL
            for (int i = 0; i < n_rows; i++) {
                x[i] = load(w + (size_t)i * width + at);
            }
            UNROLL
            for (int j = 0; j < n_cols; j++) {
                const vec y = load(r + (size_t)j * r_stride + first + at);
                UNROLL
                for (int i = 0; i < n_rows; i++) {
                    acc[i][j] = UB_FUSED(x[i], y, acc[i][j]);
                }
            }
        }
        first += width;
    }
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int i = 0; i < n_rows; i++) {
            float half[LANES];
            store(half, acc[i][j]);
            for (int step = LANES / 2; step; step /= 2) {
                for (int l = 0; l < step; l++) {
                    half[l] += half[l + step];
                }
            }
            out[(size_t)j * out_stride + (size_t)i] = half[0];
        }
    }
}

#define DOT_STRIP(rows)                                                                            \
    static __attribute__((noinline)) void dot_strip_##rows(                                        \
        const ub_packing *packing, const float *templates, const float *r, size_t r_stride,        \
        size_t n, size_t k, float *out, size_t out_stride)                                         \
    {                                                                                              \
        size_t t = 0;                                                                              \
        for (; t + UB_DOT_COLS <= n; t += UB_DOT_COLS) {                                           \
            dot_block(packing, templates, r + t * r_stride, r_stride, k, rows, UB_DOT_COLS,        \
                      out + t * out_stride + k, out_stride);                                       \
        }                                                                                          \
        for (; t + 2 <= n; t += 2) {                                                               \
            dot_block(packing, templates, r + t * r_stride, r_stride, k, rows, 2,                  \
                      out + t * out_stride + k, out_stride);                                       \
        }                                                                                          \
        for (; t < n; t++) {                                                                       \
            dot_block(packing, templates, r + t * r_stride, r_stride, k, rows, 1,                  \
                      out + t * out_stride + k, out_stride);                                       \
        }                                                                                          \
    }
DOT_STRIP(4)
DOT_STRIP(1)

// The components from `first` on, with the bins in the lanes.
static void dot_rest(const ub_packing *packing, const float *templates, size_t first,
                     const float *r, size_t r_stride, size_t n, float *out, size_t out_stride)
{
    size_t k = first;
    for (; k + 4 <= packing->n_components; k += 4) {
        dot_strip_4(packing, templates, r, r_stride, n, k, out, out_stride);
    }
    for (; k < packing->n_components; k++) {
        dot_strip_1(packing, templates, r, r_stride, n, k, out, out_stride);
    }
}

// Sums over the stacked bins of templates times r; `out` starts at zero.
static void dot_tile(const ub_packing *packing, const float *templates, const float *transposed,
                     const float *r, size_t n, float *out, size_t out_stride)
{
    const size_t stacked = packing->n_channels * packing->padded_bins;
    across_bins(packing, transposed, 0, stacked, r, stacked, n, out, out_stride);
    dot_rest(packing, templates, packing->n_across, r, stacked, n, out, out_stride);
}

// ---- (3): sums over frames for the template update ---------------------------------------------

INLINE void outer_block(const float *r, const float *h, size_t h_stride, size_t n,
                        const int n_vectors, const int n_cols, float *sums)
{
    const size_t width = (size_t)n_vectors * LANES;
    vec acc[UB_PANEL_VECTORS][UB_BLOCK];
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            acc[v][j] = load(sums + (size_t)j * width + (size_t)v * LANES);
        }
    }
    product_block(r, PANEL, h, h_stride, 1, n, n_vectors, n_cols, acc);
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            store(sums + (size_t)j * width + (size_t)v * LANES, acc[v][j]);
        }
    }
}

#define OUTER_PANEL(width)                                                                         \
    static __attribute__((noinline)) void outer_##width(const float *r, const float *h,            \
                                                        size_t h_stride, size_t n,                 \
                                                        size_t n_components, float *sums)          \
    {                                                                                              \
        size_t k = 0;                                                                              \
        for (; k + UB_BLOCK <= n_components; k += UB_BLOCK) {                                      \
            outer_block(r, h + k, h_stride, n, width, UB_BLOCK, sums + k * width * LANES);         \
        }                                                                                          \
        for (; k + 4 <= n_components; k += 4) {                                                    \
            outer_block(r, h + k, h_stride, n, width, 4, sums + k * width * LANES);                \
        }                                                                                          \
        for (; k < n_components; k++) {                                                            \
            outer_block(r, h + k, h_stride, n, width, 1, sums + k * width * LANES);                \
        }                                                                                          \
    }
OUTER_PANEL(1)
OUTER_PANEL(2)
#if UB_PANEL_VECTORS >= 3
OUTER_PANEL(3)
#endif

typedef void (*outer_function)(const float *, const float *, size_t, size_t, size_t, float *);
static const outer_function outer_functions[UB_PANEL_VECTORS] = WIDTHS(outer);
