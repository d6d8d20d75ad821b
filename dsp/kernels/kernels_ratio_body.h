// SPDX-License-Identifier: GPL-3.0-or-later
//
// Contraction (1) of an update and what is made of it where it stands: the model of a panel, and
// from it the ratio, the power and the cost. Part of kernels_body.h.

typedef struct ratio_job {
    const float *templates; // the panel
    const float *blocks; // the activations of the tile, see pack_blocks()
    size_t n_components;
    const float *v; // spectra of the tile at the panel's first bin
    size_t v_stride;
    float *ratio, *power;
    size_t out_stride;
    float floor, v_floor;
    float beta;
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
        *power = reciprocal_root_vec(x);
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

// The model of a block of frames that waits for its ratio.
typedef struct waiting_block {
    vec model[UB_BLOCK][UB_PANEL_VECTORS];
    size_t first; // frame of the tile
} waiting_block;

// Ratio, power and cost of one frame of a block.
INLINE void finish_frame(const ub_form form, const bool want_cost, const ratio_job *job,
                         const waiting_block *waiting, size_t j, const int n_vectors, vec *cost)
{
    const float *spectrum = job->v + (waiting->first + j) * job->v_stride;
    float *ratio = job->ratio + (waiting->first + j) * job->out_stride;
    float *power = job->power + (waiting->first + j) * job->out_stride;
    UNROLL
    for (int v = 0; v < n_vectors; v++) {
        const size_t at = (size_t)v * LANES;
        const vec x = waiting->model[j][v];
        vec y = load(spectrum + at);
        if (form == UB_FORM_ITAKURA_SAITO || form == UB_FORM_GENERAL) {
            y = larger(y, spread(job->v_floor));
        }
        vec r, p;
        ratio_vec(form, y, x, job->beta, &r, &p);
        store(ratio + at, r);
        if (form != UB_FORM_KULLBACK) {
            store(power + at, p);
        }
        if (want_cost) {
            *cost += cost_vec(form, y, x, r, p, job->beta);
        }
    }
}

// The model of a block, and meanwhile the ratios of the one before (when there is one): divisions
// take as long as a product with few components, and the processor does both at once only where
// they stand close together.
INLINE void model_and_finish(const ub_form form, const bool want_cost, const ratio_job *job,
                             size_t first, bool is_waiting, waiting_block *waiting,
                             const int n_vectors, const int n_cols, vec *cost)
{
    const size_t width = (size_t)n_vectors * LANES;
    // What takes many registers is better left until the accumulators are gone.
    const bool together = form != UB_FORM_GENERAL && !want_cost;
    const float *w = job->templates;
    const float *h =
        job->blocks + first / UB_BLOCK * UB_BLOCK * job->n_components + first % UB_BLOCK;
    vec acc[UB_PANEL_VECTORS][UB_BLOCK];
    UNROLL
    for (int v = 0; v < n_vectors; v++) {
        UNROLL
        for (int j = 0; j < n_cols; j++) {
            acc[v][j] = spread(job->floor);
        }
    }
    const size_t n_waiting = is_waiting ? UB_BLOCK : 0;
    size_t n_finished = 0;
    if (together) {
        const size_t n = n_waiting < job->n_components ? n_waiting : job->n_components;
        for (; n_finished < n; n_finished++) {
            product_step(w + n_finished * width, h + n_finished * UB_BLOCK, 1, n_vectors, n_cols,
                         acc);
            finish_frame(form, want_cost, job, waiting, n_finished, n_vectors, cost);
        }
    }
    product_block(w + n_finished * width, width, h + n_finished * UB_BLOCK, UB_BLOCK, 1,
                  job->n_components - n_finished, n_vectors, n_cols, acc);
    for (; n_finished < n_waiting; n_finished++) {
        finish_frame(form, want_cost, job, waiting, n_finished, n_vectors, cost);
    }
    waiting->first = first;
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            waiting->model[j][v] = acc[v][j];
        }
    }
}

// Frames are far apart in memory: the hardware does not see where the next panel will read.
// Prefetching past the end of the last panel or frame is harmless.
INLINE void prefetch_block(const ratio_job *job, size_t first, const int n_vectors,
                           const int n_cols)
{
    UNROLL
    for (int j = 0; j < n_cols; j++) {
        const float *next =
            job->v + (first + (size_t)j) * job->v_stride + (size_t)n_vectors * LANES;
        UNROLL
        for (int line = 0; line < n_vectors * LANES; line += 16) {
            __builtin_prefetch(next + line);
        }
    }
}

INLINE double lanes_sum(vec x)
{
    double sum = 0.0;
    for (int i = 0; i < LANES; i++) {
        sum += (double)x[i];
    }
    return sum;
}

// The panel is n_vectors wide; frames go by blocks of UB_BLOCK, then 4, then 1. The job is a copy:
// nothing that is stored can change it.
INLINE double ratio_panel(const ub_form form, const bool want_cost, const ratio_job job, size_t n,
                          const int n_vectors)
{
    waiting_block waiting;
    waiting.first = 0;
    vec cost = {0};
    double sum = 0.0;
    size_t t = 0;
    for (; t + UB_BLOCK <= n; t += UB_BLOCK) {
        prefetch_block(&job, t, n_vectors, UB_BLOCK);
        model_and_finish(form, want_cost, &job, t, t > 0, &waiting, n_vectors, UB_BLOCK, &cost);
        sum += want_cost ? lanes_sum(cost) : 0.0;
        cost = (vec){0};
    }
    for (size_t j = 0; t > 0 && j < UB_BLOCK; j++) {
        finish_frame(form, want_cost, &job, &waiting, j, n_vectors, &cost);
    }
    for (; t + 4 <= n; t += 4) {
        model_and_finish(form, want_cost, &job, t, false, &waiting, n_vectors, 4, &cost);
        for (size_t j = 0; j < 4; j++) {
            finish_frame(form, want_cost, &job, &waiting, j, n_vectors, &cost);
        }
    }
    for (; t < n; t++) {
        model_and_finish(form, want_cost, &job, t, false, &waiting, n_vectors, 1, &cost);
        finish_frame(form, want_cost, &job, &waiting, 0, n_vectors, &cost);
    }
    return want_cost ? sum + lanes_sum(cost) : 0.0;
}

// One function per form and panel width, with the cost and without: what is constant in it is
// folded.
#define RATIO_PANEL(form_name, form, width)                                                        \
    static                                                                                         \
        __attribute__((noinline)) void ratio_##form_name##_##width(const ratio_job *job, size_t n) \
    {                                                                                              \
        (void)ratio_panel(form, false, *job, n, width);                                            \
    }                                                                                              \
    static __attribute__((noinline)) double cost_##form_name##_##width(const ratio_job *job,       \
                                                                       size_t n)                   \
    {                                                                                              \
        return ratio_panel(form, true, *job, n, width);                                            \
    }
#if UB_PANEL_VECTORS >= 3
#define RATIO_PANELS(form_name, form)                                                              \
    RATIO_PANEL(form_name, form, 1)                                                                \
    RATIO_PANEL(form_name, form, 2)                                                                \
    RATIO_PANEL(form_name, form, 3)
#else
#define RATIO_PANELS(form_name, form)                                                              \
    RATIO_PANEL(form_name, form, 1)                                                                \
    RATIO_PANEL(form_name, form, 2)
#endif
RATIO_PANELS(is, UB_FORM_ITAKURA_SAITO)
RATIO_PANELS(half, UB_FORM_HALF)
RATIO_PANELS(kl, UB_FORM_KULLBACK)
RATIO_PANELS(euclid, UB_FORM_EUCLID)
RATIO_PANELS(general, UB_FORM_GENERAL)

typedef void (*ratio_function)(const ratio_job *, size_t);
static const ratio_function ratio_functions[5][UB_PANEL_VECTORS] = {
    [UB_FORM_ITAKURA_SAITO] = WIDTHS(ratio_is), [UB_FORM_HALF] = WIDTHS(ratio_half),
    [UB_FORM_KULLBACK] = WIDTHS(ratio_kl),      [UB_FORM_EUCLID] = WIDTHS(ratio_euclid),
    [UB_FORM_GENERAL] = WIDTHS(ratio_general),
};

typedef double (*cost_function)(const ratio_job *, size_t);
static const cost_function cost_functions[5][UB_PANEL_VECTORS] = {
    [UB_FORM_ITAKURA_SAITO] = WIDTHS(cost_is), [UB_FORM_HALF] = WIDTHS(cost_half),
    [UB_FORM_KULLBACK] = WIDTHS(cost_kl),      [UB_FORM_EUCLID] = WIDTHS(cost_euclid),
    [UB_FORM_GENERAL] = WIDTHS(cost_general),
};

static ratio_job job_for(const ub_sweep *sweep, const float *blocks)
{
    return (ratio_job){
        .blocks = blocks,
        .n_components = sweep->packing.n_components,
        .v_stride = sweep->spectrum_stride,
        .floor = sweep->floor,
        // Only divergences with beta <= 0 are infinite at zero.
        .v_floor = sweep->beta <= 0.0 ? sweep->floor : 0.0f,
        .beta = (float)sweep->beta,
    };
}
