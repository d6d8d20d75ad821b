// SPDX-License-Identifier: GPL-3.0-or-later
//
// The body of every kernel set. A file per instruction set defines
//   UB_LANES          floats of a vector
//   UB_PANEL_VECTORS  vectors of a panel (times lanes: the bins of a panel)
//   UB_BLOCK          columns of a register block of the product, 4 to 8
//   UB_DOT_ROWS, UB_DOT_COLS  register block of the dot products
//   UB_SET            name of the table to define, UB_SET_NAME its string
// and includes this file. Blocks are sized such that accumulators and operands fit the registers.
//
// Three contractions make an update, all over a tile of frames that stays in cache:
//   (1) X[t][f]  = sum_k w[f][k] H[t][k]      bins in the lanes, activations broadcast
//   (2) N[t][k]  = sum_f w[f][k] R[t][f]      bins in the lanes, lanes summed once at the end
//   (3) G[k][f] += sum_t R[t][f] H[t][k]      bins in the lanes, activations broadcast
// (1) and (3) are the same register block with other strides. The F x T model is never stored.

#include "kernels_sets.h"

#include <stdint.h>
#include <string.h>

typedef float vec __attribute__((vector_size(4 * UB_LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * UB_LANES)));

#define INLINE static inline __attribute__((always_inline))

enum { LANES = UB_LANES, PANEL = UB_LANES * UB_PANEL_VECTORS };

INLINE vec load(const float *from)
{
    vec x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE void store(float *to, vec x)
{
    memcpy(to, &x, sizeof x);
}

INLINE vec spread(float x)
{
    return x - (vec){0};
}

INLINE vec choose(ivec where, vec yes, vec no)
{
    return (vec)((where & (ivec)yes) | (~where & (ivec)no));
}

INLINE vec larger(vec a, vec b)
{
    return choose(a > b, a, b);
}

INLINE vec smaller(vec a, vec b)
{
    return choose(a < b, a, b);
}

// log2 of normal positive numbers: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
// log2 m = f q(f), f = m - 1, q a polynomial with relative error 4e-9 (Lawson fit).
INLINE vec log2_vec(vec x)
{
    const ivec bits = (ivec)x;
    const ivec e = (bits - 0x3f3504f3) >> 23;
    const vec f = (vec)(bits - (e << 23)) - 1.0f;
    vec q = spread(-1.099494897e-01f);
    q = q * f + 1.861749285e-01f;
    q = q * f - 1.910627641e-01f;
    q = q * f + 2.046006258e-01f;
    q = q * f - 2.396174031e-01f;
    q = q * f + 2.885674080e-01f;
    q = q * f - 3.606966494e-01f;
    q = q * f + 4.808982411e-01f;
    q = q * f - 7.213473515e-01f;
    q = q * f + 1.442695041e+00f;
    return q * f + __builtin_convertvector(e, vec);
}

// 2^y = s (1 + g), y clamped to the exponents of normal numbers: y = n + f with f in [-1/2, 1/2],
// s = 2^n and g = f r(f), r a polynomial such that 2^f has relative error 2e-9.
INLINE void exp2_parts(vec y, vec *s, vec *g)
{
    y = larger(smaller(y, spread(126.999f)), spread(-126.0f));
    const vec magic = spread(12582912.0f); // 1.5 * 2^23: adding it rounds to a whole number
    const vec n = (y + magic) - magic;
    const vec f = y - n;
    vec r = spread(1.534581184e-04f);
    r = r * f + 1.339993122e-03f;
    r = r * f + 9.618488958e-03f;
    r = r * f + 5.550328777e-02f;
    r = r * f + 2.402264689e-01f;
    r = r * f + 6.931472057e-01f;
    *s = (vec)((__builtin_convertvector(n, ivec) + 127) << 23);
    *g = r * f;
}

INLINE vec exp2_vec(vec y)
{
    vec s, g;
    exp2_parts(y, &s, &g);
    return s * g + s;
}

// 2^y - 1, exact to rounding where y is small.
INLINE vec exp2_less_one(vec y)
{
    vec s, g;
    exp2_parts(y, &s, &g);
    return s * g + (s - 1.0f);
}

INLINE vec sqrt_vec(vec x)
{
    float lanes[LANES];
    store(lanes, x);
    for (int i = 0; i < LANES; i++) {
        lanes[i] = __builtin_sqrtf(lanes[i]);
    }
    return load(lanes);
}

// x^p for x >= 0, with 0 for x below the normal numbers.
INLINE vec power_vec(vec x, vec exponent)
{
    const vec smallest = spread(1.17549435e-38f);
    const vec y = exp2_vec(exponent * log2_vec(larger(x, smallest)));
    return choose(x < smallest, spread(0.0f), y);
}

// ---- register blocks ---------------------------------------------------------------------------

// acc[v][j] += sum_i a[i * a_step + v] * b[i * b_step + j * b_col], i ascending.
INLINE void product_block(const float *a, size_t a_step, const float *b, size_t b_step,
                          size_t b_col, size_t n, const int n_vectors, const int n_cols,
                          vec acc[UB_PANEL_VECTORS][UB_BLOCK])
{
    for (size_t i = 0; i < n; i++) {
        vec x[UB_PANEL_VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < n_vectors; v++) {
            x[v] = load(a + i * a_step + (size_t)v * LANES);
        }
#pragma GCC unroll 8
        for (int j = 0; j < n_cols; j++) {
            const vec y = spread(b[i * b_step + (size_t)j * b_col]);
#pragma GCC unroll 8
            for (int v = 0; v < n_vectors; v++) {
                acc[v][j] += x[v] * y;
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
#pragma GCC unroll 8
    for (int v = 0; v < n_vectors; v++) {
#pragma GCC unroll 8
        for (int j = 0; j < n_cols; j++) {
            acc[v][j] = spread(job->floor);
        }
    }
    product_block(job->templates, (size_t)n_vectors * LANES, job->h + t * job->h_stride, 1,
                  job->h_stride, job->n_components, n_vectors, n_cols, acc);
    vec cost = {0};
#pragma GCC unroll 8
    for (int j = 0; j < n_cols; j++) {
#pragma GCC unroll 8
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
#pragma GCC unroll 8
    for (int i = 0; i < n_rows; i++) {
#pragma GCC unroll 8
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
#pragma GCC unroll 8
            for (int i = 0; i < n_rows; i++) {
                x[i] = load(w + (size_t)i * width + at);
            }
#pragma GCC unroll 8
            for (int j = 0; j < n_cols; j++) {
                const vec y = load(r + (size_t)j * r_stride + first + at);
#pragma GCC unroll 8
                for (int i = 0; i < n_rows; i++) {
                    acc[i][j] += x[i] * y;
                }
            }
        }
        first += width;
    }
#pragma GCC unroll 8
    for (int j = 0; j < n_cols; j++) {
#pragma GCC unroll 8
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
#pragma GCC unroll 8
    for (int j = 0; j < n_cols; j++) {
#pragma GCC unroll 8
        for (int v = 0; v < n_vectors; v++) {
            acc[v][j] = load(sums + (size_t)j * width + (size_t)v * LANES);
        }
    }
    product_block(r, PANEL, h, h_stride, 1, n, n_vectors, n_cols, acc);
#pragma GCC unroll 8
    for (int j = 0; j < n_cols; j++) {
#pragma GCC unroll 8
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

// Ratio and power of the whole tile; returns the cost.
static double ratio_tile(const ub_sweep *sweep, size_t first, size_t n, const ub_sweep_work *work,
                         size_t h_stride)
{
    const ub_packing *packing = &sweep->packing;
    ratio_job job = job_for(sweep, work->tile_h, h_stride);
    job.out_stride = packing->n_channels * packing->padded_bins;
    job.want_cost = sweep->want_cost;
    double cost = 0.0;
    for (size_t c = 0; c < packing->n_channels; c++) {
        for (size_t bin = 0; bin < packing->padded_bins; bin += PANEL) {
            size_t width;
            job.templates =
                sweep->templates + ub_packing_panel(packing, PANEL, c, bin / PANEL, &width);
            job.v = sweep->spectra[c] + first * sweep->spectrum_stride + bin;
            job.ratio = work->ratio + c * packing->padded_bins + bin;
            job.power = work->power + c * packing->padded_bins + bin;
            cost += ratio_functions[sweep->form][width / LANES - 1](&job, n);
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
        const float sides = (before ? 1.0f : 0.0f) + (after ? 1.0f : 0.0f);
        const float near = (before ? before[k] : 0.0f) + (after ? after[k] : 0.0f);
        numerator[k] +=
            sweep->continuity_near[k] * near * sweep->scale[k] + sweep->continuity_back[k] * h[k];
        denominator[k] += 0.5f * sides * sweep->continuity_same[k] * h[k];
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
        const vec exponent = load(sweep->exponents + k);
        vec factor = power_vec(q, exponent);
        // Exponents 1 and 0 are exact, so that a plain update is free of the power's rounding.
        factor = choose(exponent == 1.0f, q, factor);
        factor = choose(exponent == 0.0f, spread(1.0f), factor);
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
    dot_tile(packing, sweep->templates, work->ratio, n, numerators, h_stride);
    if (sweep->form != UB_FORM_KULLBACK) {
        dot_tile(packing, sweep->templates, work->power, n, denominators, h_stride);
    }
    for (size_t t = 0; t < n; t++) {
        const float *h = work->tile_h + t * h_stride;
        float *numerator = numerators + t * h_stride;
        float *denominator = denominators + t * h_stride;
        for (size_t k = 0; k < n_components; k++) {
            const float sum =
                sweep->form == UB_FORM_KULLBACK ? sweep->template_sums[k] : denominator[k];
            denominator[k] = sum + sweep->l1 + sweep->l2 * h[k];
        }
        if (sweep->continuity_near) {
            add_continuity(sweep, first + t, h, numerator, denominator);
        }
        update_frame(sweep, h, numerator, denominator, h_stride, work->tile_new + t * h_stride);
        memcpy(sweep->new_activations + (first + t) * sweep->activation_stride,
               work->tile_new + t * h_stride, n_components * sizeof(float));
    }
}

static void accumulate_tile(const ub_sweep *sweep, size_t first, size_t n, const float *h,
                            size_t h_stride, const ub_sweep_work *work, float *ratio_sums,
                            float *power_sums)
{
    const ub_packing *packing = &sweep->packing;
    const size_t n_components = packing->n_components;
    ratio_job job = job_for(sweep, h, h_stride);
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

static void pack_templates(const ub_packing *packing, const float *templates, size_t stride,
                           const float *gains, size_t gain_stride, float *packed)
{
    for (size_t c = 0; c < packing->n_channels; c++) {
        for (size_t first = 0; first < packing->padded_bins; first += PANEL) {
            size_t width;
            float *to = packed + ub_packing_panel(packing, PANEL, c, first / PANEL, &width);
            for (size_t k = 0; k < packing->n_components; k++) {
                const float gain = gains[k * gain_stride + c];
                const float *from = templates + k * stride;
                for (size_t i = 0; i < width; i++) {
                    const size_t bin = first + i;
                    to[k * width + i] = bin < packing->n_bins ? gain * from[bin] : 0.0f;
                }
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
#pragma GCC unroll 8
    for (int j = 0; j < n_cols; j++) {
#pragma GCC unroll 8
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

const ub_kernels UB_SET = {
    .name = UB_SET_NAME,
    .lanes = LANES,
    .panel_bins = PANEL,
    .pack = pack_templates,
    .sweep = sweep_tile,
    .model = model_channel,
    .masks = masks_frame,
    .power = power_array,
};
