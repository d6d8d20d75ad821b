// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The inner loops of the factorisation and of the masks, one set per instruction set.

   Everything works on a *stacked* model. With C channels of F bins, the templates of channel c are
   the shared templates times the gains of that channel, w[c,f,k] = Q[c,k] W[f,k]; stacking the
   channels over each other turns the tensor V[c,f,t] ~ sum_k Q[c,k] W[f,k] H[k,t] into an ordinary
   matrix product of C F rows. That is all the kernels see.

   Layout. Spectra and activations are frame-major (a column per frame). The stacked templates are
   packed: bins are cut into panels of `panel_bins`, and a panel holds, component after component,
   the bins of that component side by side. Sums over frames (of the template update) are
   accumulated in the same layout, so one offset means the same template entry everywhere. For sums
   over bins there is a second, transposed copy: components are cut into panels of as many, and a
   panel holds, bin after bin of the stack, the components of that bin side by side.

   Every sum has one fixed order that depends on the shapes only. Private header.
*/
#ifndef UNBRAID_KERNELS_KERNELS_H
#define UNBRAID_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/** Which formulas a divergence takes; all but the general one do without powers. */
typedef enum ub_form {
    UB_FORM_ITAKURA_SAITO, ///< beta = 0
    UB_FORM_HALF, ///< beta = 0.5
    UB_FORM_KULLBACK, ///< beta = 1
    UB_FORM_EUCLID, ///< beta = 2
    UB_FORM_GENERAL,
} ub_form;

/** Shape of the packed templates. */
typedef struct ub_packing {
    size_t n_channels;
    size_t n_bins; ///< F
    size_t n_components; ///< K
    size_t padded_bins; ///< F rounded up to whole vectors
    size_t n_floats; ///< in all: n_channels * padded_bins * n_components
    size_t n_across; ///< components that the transposed copy holds, a multiple of the lanes: K
                     ///< without a remainder of up to half a vector, or rounded up
    size_t n_transposed; ///< floats of the transposed copy: n_channels * padded_bins * n_across
} ub_packing;

/**
   One sweep over the frames: with the model X = w H + floor, the activation update
       H <- scale * H (numerator / denominator)^exponent
   and, with the new H, the sums over frames that the template update needs:
       ratio_sums = (V X^(beta-2)) H',  power_sums = X^(beta-1) H'.
   Read only; shared by all threads.
*/
typedef struct ub_sweep {
    ub_packing packing;
    ub_form form;
    double beta;
    const float *const *spectra; ///< per channel, F x T
    size_t spectrum_stride;
    float floor; ///< added to the model, > 0
    const float *templates; ///< packed
    const float *transposed; ///< packed the other way; not used for updates of templates alone
    const float *template_sums; ///< K, room for whole lines of 16: sums of the stacked columns
                                ///< (used for beta = 1)
    const float *activations; ///< K x T, before the scale
    float *new_activations; ///< K x T, other memory
    size_t activation_stride;
    size_t n_frames; ///< T
    const float *scale; ///< K: factors that the last template update owes to H
    const float *exponents; ///< K: exponent of the update; 0 leaves a row as it is
    bool is_plain; ///< all exponents are 1
    float l1, l2; ///< penalties on H: l1 sum h + l2/2 sum h^2
    /** Temporal continuity: gradient (same[k] h + back[k] h) - near[k] (h_before + h_after), split
        into its positive part `same` and its negative parts; NULL when there is none. Double: they
        are divided by the energy of a row, which may be far below single precision. */
    const double *continuity_same, *continuity_near, *continuity_back;
    bool want_cost, update_activations, update_templates;
} ub_sweep;

/** Memory of one thread for ub_kernels.sweep. */
typedef struct ub_sweep_work {
    float *ratio, *power; ///< tile_frames x stacked padded bins each
    float *panel_ratio, *panel_power; ///< tile_frames x panel_bins each
    float *tile_h, *tile_new; ///< tile_frames x (K rounded up to 16) each
    float *blocks; ///< (tile_frames + 8) x K: whole blocks of frames
    float *sums; ///< 2 x tile_frames x (K rounded up to 16)
} ub_sweep_work;

/**
   Coordinate descent on the quadratic 1/2 x' G x - n' x over x >= 0, for many x side by side: row k
   of a panel holds entry k of each. Entries that are zero stay so, others stay above zero, from
   where they can come back; no step raises the quadratic. Read only; shared by all threads.
*/
typedef struct ub_descent {
    size_t n_components; ///< K
    const float *gram; ///< G, K x K, symmetric
    size_t gram_stride;
    const float *inverses; ///< K: 1 / G[k,k]; 0 for a row that stays as it is
    float least; ///< of entries that are not zero
    size_t n_sweeps; ///< over all rows
} ub_descent;

/** A set of kernels. Constant tables; see ub_kernels_best(). */
typedef struct ub_kernels {
    const char *name; ///< "generic", "avx2", "avx512", "neon"
    size_t lanes; ///< floats of a vector
    size_t panel_bins; ///< bins of a full panel

    /** Scale n columns of W (F x n, stride) by the channel's gains (C x n) and pack them as the
        components from `first` on. */
    void (*pack)(const ub_packing *packing, size_t first, size_t n, const float *templates,
                 size_t stride, const float *gains, size_t gain_stride, float *packed);

    /** Bring n components from `first` on of the transposed copy up to date with the packed one. */
    void (*transpose)(const ub_packing *packing, size_t first, size_t n, const float *packed,
                      float *transposed);

    /**
       Frames [first, first + n), n <= tile frames of the work space: update their activations,
       add to the sums over frames, and return the cost of these frames under the activations and
       templates that came in (0 unless wanted), without penalties.
    */
    double (*sweep)(const ub_sweep *sweep, size_t first, size_t n, const ub_sweep_work *work,
                    float *ratio_sums, float *power_sums);

    /**
       Model of one channel for some frames, split by groups of neighbouring components: for group
       g the components first[g] .. first[g + 1] - 1.
       out[g] + t * out_stride gets sum_k w[f,k] h[k,t] for all padded bins.
    */
    void (*model)(const ub_packing *packing, const float *packed, size_t channel,
                  const float *activations, size_t activation_stride, size_t n_frames,
                  size_t n_groups, const size_t *first, float *const *out, size_t out_stride);

    /** Masks of one frame and channel in place: x[g][f] <- (x[g][f] + tiny)^p / sum over groups,
        f from `offset` for n_bins bins rounded up to whole vectors. Models up to 1e15; a bin that
       no group explains is shared equally. */
    void (*masks)(float *const *x, size_t n_groups, size_t offset, size_t n_bins, float exponent);

    /** y[i] = x[i]^p for normal x > 0; relative error below 2e-6 |p| max(1, |log2 x| / 8). */
    void (*power)(const float *x, size_t n, float exponent, float *y);

    // For the Euclidean distance, whose gradients need products with V and Gram matrices only.

    /** W'V: out[t * out_stride + k] = sum_cf w[c,f,k] V[c,f,t] for frames [first, first + n).
        out_stride is K or more rounded up to 16; `spare` has as many floats as `out`. */
    void (*project)(const ub_packing *packing, const float *packed, const float *transposed,
                    const float *const *spectra, size_t spectrum_stride, size_t first, size_t n,
                    float *out, size_t out_stride, float *spare);

    /** VH': adds sum_t V[c,f,t] h[t * h_stride + k] over frames [first, first + n) to `sums`, which
        are packed like the templates; h begins with the frame `first`. */
    void (*correlate)(const ub_packing *packing, const float *const *spectra,
                      size_t spectrum_stride, size_t first, size_t n, const float *h,
                      size_t h_stride, float *sums);

    /** Adds sum_t rows[t * stride + k] rows[t * stride + l] over n rows to sums[l * stride + k].
        Only entries with l <= k count. The stride is K rounded up to 16, the padding zero. */
    void (*gram)(const float *rows, size_t stride, size_t n, size_t n_components, float *sums);

    /** Descend in a panel: x[k * width + i], and linear terms n in the same layout; width a number
        of whole vectors up to panel_bins. @return by how much the quadratics have fallen in all. */
    double (*descend)(const ub_descent *descent, const float *linear, size_t width, float *x);
} ub_kernels;

/** The fastest set that this CPU runs. Never NULL. */
const ub_kernels *ub_kernels_best(void);

/** The set of that name, or NULL when this build or this CPU has none. */
const ub_kernels *ub_kernels_named(const char *name);

/** Every set that this CPU runs, the generic one first. @return how many (at most 4). */
size_t ub_kernels_all(const ub_kernels *sets[4]);

/** The packing of such a model for these kernels. */
ub_packing ub_kernels_packing(const ub_kernels *kernels, size_t n_channels, size_t n_bins,
                              size_t n_components);

/** The beta that is computed for this one: itself, but the limit within 1e-4 of 0 and 1, where the
    general formulas divide by almost nothing. */
double ub_beta_settled(double beta);

/** The formulas for this beta, which is settled. */
ub_form ub_form_for(double beta);

/** Floats of the offset of panel `panel` in channel `channel`, and its width in bins. */
static inline size_t ub_packing_panel(const ub_packing *packing, size_t panel_bins, size_t channel,
                                      size_t panel, size_t *width)
{
    const size_t first = panel * panel_bins;
    const size_t rest = packing->padded_bins - first;
    *width = rest < panel_bins ? rest : panel_bins;
    return (channel * packing->padded_bins + first) * packing->n_components;
}

#endif
