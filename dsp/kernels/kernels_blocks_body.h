// SPDX-License-Identifier: GPL-3.0-or-later
//
// The three contractions of an update over a panel or a tile, built of register blocks: part of
// kernels_body.h, which numbers them. Loops with constant bounds are unrolled, so that the
// accumulators stay in registers; remainders run the same code with smaller constants.

// ---- register blocks ---------------------------------------------------------------------------

// acc[v][j] += sum_i a[i * a_step + v] * b[i * b_step + j * b_col], i ascending.
INLINE void product_block(const float *a, size_t a_step, const float *b, size_t b_step,
                          size_t b_col, size_t n, const int n_vectors, const int n_cols,
                          vec acc[UB_PANEL_VECTORS][UB_BLOCK])
{
    for (size_t i = 0; i < n; i++) {
        vec x[UB_PANEL_VECTORS];
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            x[v] = load(a + i * a_step + (size_t)v * LANES);
        }
        UNROLL
        for (int j = 0; j < n_cols; j++) {
            const vec y = spread(b[i * b_step + (size_t)j * b_col]);
            UNROLL
            for (int v = 0; v < n_vectors; v++) {
                acc[v][j] = UB_FUSED(x[v], y, acc[v][j]);
            }
        }
    }
}

// ---- (1): the model, and from it ratio, power and cost
// --------------------------------------------

typedef struct ratio_job {
    const float *templates; // the panel
    const float *h; // tile of activations
    size_t h_stride, n_components;
    const float *v; // spectra of the tile at the panel's first bin
    size_t v_stride;
    float *ratio, *power;
    size_t out_stride;
    float floor, v_floor;
    float beta;
    bool want_cost;
} ratio_job;

// Divergence of v from x. Each is a function of the quotient, written such that its terms vanish
// with the divergence: near a perfect fit the sum would otherwise be all rounding.
INLINE vec cost_vec(const ub_form form, vec v, vec x, vec r, vec p, float beta)
{
    const vec tiny = spread(1.17549435e-38f);
    switch (form) {
    case UB_FORM_ITAKURA_SAITO: {
        const vec q = v * p; // p = 1 / x
        return (q - 1.0f) - log2_vec(larger(q, tiny)) * 0.693147181f;
    }
    case UB_FORM_KULLBACK:
        // r = v / x
        return x * (r * (log2_vec(larger(r, tiny)) * 0.693147181f) - (r - 1.0f));
    case UB_FORM_HALF: {
        // 2 (sqrt v - sqrt x)^2 / sqrt x
        const vec d = sqrt_vec(v) - sqrt_vec(x);
        return 2.0f * d * d * p;
    }
    case UB_FORM_EUCLID:
        return 0.5f * (v - x) * (v - x);
    case UB_FORM_GENERAL:
    default: {
        // x^beta (q^beta - 1 - beta (q - 1)) / (beta (beta - 1)), q = v / x
        const vec q = v / x;
        vec power = exp2_less_one(spread(beta) * log2_vec(larger(q, tiny)));
        power = choose(q < tiny, spread(-1.0f), power);
        return p * x * (power - beta * (q - 1.0f)) * (1.0f / (beta * (beta - 1.0f)));
    }
    }
}

INLINE void ratio_vec(const ub_form form, vec v, vec x, float beta, vec *ratio, vec *power)
{
    switch (form) {
    case UB_FORM_ITAKURA_SAITO:
        *power = 1.0f / x;
        *ratio = v * *power * *power;
        break;
    case UB_FORM_HALF:
        *power = 1.0f / sqrt_vec(x);
        *ratio = v * *power * *power * *power;
        break;
    case UB_FORM_KULLBACK:
        *ratio = v / x;
        *power = *ratio;
        break;
    case UB_FORM_EUCLID:
        *ratio = v;
        *power = x;
        break;
    case UB_FORM_GENERAL:
    default:
        *power = power_vec(x, spread(beta - 1.0f));
        *ratio = v * *power / x;
        break;
    }
}

INLINE vec ratio_block(const ub_form form, const ratio_job *job, size_t t, const int n_vectors,
                       const int n_cols)
{
    vec acc[UB_PANEL_VECTORS][UB_BLOCK];
    UNROLL
    for (int v = 0; v < n_vectors; v++) {
        UNROLL
        for (int j = 0; j < n_cols; j++) {
            acc[v][j] = spread(job->floor);
        }
    }
    // Frames are far apart in memory: the hardware does not see where the next panel will read.
    // Prefetching past the end of the last panel or frame is harmless.
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        const float *next = job->v + (t + (size_t)j) * job->v_stride + (size_t)n_vectors * LANES;
        UNROLL
        for (int line = 0; line < n_vectors * LANES; line += 16) {
            __builtin_prefetch(next + line);
        }
    }
    product_block(job->templates, (size_t)n_vectors * LANES, job->h + t * job->h_stride, 1,
                  job->h_stride, job->n_components, n_vectors, n_cols, acc);
    vec cost = {0};
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            const size_t at = (size_t)v * LANES;
            const vec x = acc[v][j];
            vec y = load(job->v + (t + (size_t)j) * job->v_stride + at);
            if (form == UB_FORM_ITAKURA_SAITO || form == UB_FORM_GENERAL) {
                y = larger(y, spread(job->v_floor));
            }
            vec r, p;
            ratio_vec(form, y, x, job->beta, &r, &p);
            store(job->ratio + (t + (size_t)j) * job->out_stride + at, r);
            if (form != UB_FORM_KULLBACK) {
                store(job->power + (t + (size_t)j) * job->out_stride + at, p);
            }
            if (job->want_cost) {
                cost += cost_vec(form, y, x, r, p, job->beta);
            }
        }
    }
    return cost;
}

INLINE double lanes_sum(vec x)
{
    double sum = 0.0;
    for (int i = 0; i < LANES; i++) {
        sum += (double)x[i];
    }
    return sum;
}

// The panel is n_vectors wide; frames go by blocks of UB_BLOCK, then 4, 2, 1.
INLINE double ratio_panel(const ub_form form, const ratio_job *job, size_t n, const int n_vectors)
{
    double cost = 0.0;
    size_t t = 0;
    for (; t + UB_BLOCK <= n; t += UB_BLOCK) {
        const vec c = ratio_block(form, job, t, n_vectors, UB_BLOCK);
        cost += job->want_cost ? lanes_sum(c) : 0.0;
    }
    for (; t + 4 <= n; t += 4) {
        const vec c = ratio_block(form, job, t, n_vectors, 4);
        cost += job->want_cost ? lanes_sum(c) : 0.0;
    }
    for (; t < n; t++) {
        const vec c = ratio_block(form, job, t, n_vectors, 1);
        cost += job->want_cost ? lanes_sum(c) : 0.0;
    }
    return cost;
}

// One function per form and panel width: what is constant in it is folded.
#define RATIO_PANEL(form_name, form, width)                                                        \
    static __attribute__((noinline)) double ratio_##form_name##_##width(const ratio_job *job,      \
                                                                        size_t n)                  \
    {                                                                                              \
        return ratio_panel(form, job, n, width);                                                   \
    }
#if UB_PANEL_VECTORS >= 3
#define RATIO_PANELS(form_name, form)                                                              \
    RATIO_PANEL(form_name, form, 1)                                                                \
    RATIO_PANEL(form_name, form, 2)                                                                \
    RATIO_PANEL(form_name, form, 3)
#define WIDTHS(name)                                                                               \
    {                                                                                              \
        name##_1, name##_2, name##_3                                                               \
    }
#else
#define RATIO_PANELS(form_name, form)                                                              \
    RATIO_PANEL(form_name, form, 1)                                                                \
    RATIO_PANEL(form_name, form, 2)
#define WIDTHS(name)                                                                               \
    {                                                                                              \
        name##_1, name##_2                                                                         \
    }
#endif
RATIO_PANELS(is, UB_FORM_ITAKURA_SAITO)
RATIO_PANELS(half, UB_FORM_HALF)
RATIO_PANELS(kl, UB_FORM_KULLBACK)
RATIO_PANELS(euclid, UB_FORM_EUCLID)
RATIO_PANELS(general, UB_FORM_GENERAL)

typedef double (*ratio_function)(const ratio_job *, size_t);
static const ratio_function ratio_functions[5][UB_PANEL_VECTORS] = {
    [UB_FORM_ITAKURA_SAITO] = WIDTHS(ratio_is), [UB_FORM_HALF] = WIDTHS(ratio_half),
    [UB_FORM_KULLBACK] = WIDTHS(ratio_kl),      [UB_FORM_EUCLID] = WIDTHS(ratio_euclid),
    [UB_FORM_GENERAL] = WIDTHS(ratio_general),
};

static ratio_job job_for(const ub_sweep *sweep, const float *h, size_t h_stride)
{
    return (ratio_job){
        .h = h,
        .h_stride = h_stride,
        .n_components = sweep->packing.n_components,
        .v_stride = sweep->spectrum_stride,
        .floor = sweep->floor,
        // Only divergences with beta <= 0 are infinite at zero.
        .v_floor = sweep->beta <= 0.0 ? sweep->floor : 0.0f,
        .beta = (float)sweep->beta,
    };
}

// ---- (2): numerators of the activation update --------------------------------------------------

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

static void dot_tile(const ub_packing *packing, const float *templates, const float *r, size_t n,
                     float *out, size_t out_stride)
{
    const size_t r_stride = packing->n_channels * packing->padded_bins;
    const size_t n_components = packing->n_components;
    size_t k = 0;
    for (; k + 4 <= n_components; k += 4) {
        dot_strip_4(packing, templates, r, r_stride, n, k, out, out_stride);
    }
    for (; k < n_components; k++) {
        dot_strip_1(packing, templates, r, r_stride, n, k, out, out_stride);
    }
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
