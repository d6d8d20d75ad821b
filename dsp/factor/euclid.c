// SPDX-License-Identifier: GPL-3.0-or-later
// Hierarchical alternating least squares (Cichocki, Phan 2009) with several sweeps over a factor
// per product with V (Gillis, Glineur 2012).
//
// In each factor alone the objective is a quadratic whose matrix is a Gram matrix of the others:
//   in H, per frame    1/2 h'Gh - n'h    G = (W'W) .* (Q'Q),   n = sum_c q_c .* (W'V_c)
//   in W, per bin      1/2 w'Bw - a'w    B = (HH') .* (Q'Q),   a = sum_c q_c .* (V_c H')
//   in Q, per channel  1/2 q'Mq - p'q    M = (W'W) .* (HH'),   p_k = w_k' V_c h_k
// .* element by element.
//
// The model WH is never formed. Each coordinate step knows by how much it lowers the objective, so
// the objective is followed rather than computed: the start is measured, and what the steps save is
// subtracted. That a difference is small against the data is no loss, as the savings are computed
// from gradients. How far rounding may have led it astray is estimated on the way, and before it
// shows the objective is measured anew. Fits that leave a small remainder are measured in every
// iteration, others almost never.
#include "euclid.h"
#include "ground/floats.h"
#include "ground/fpu.h"
#include "ground/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double NOISE = 2e-7; // a rise by less is the rounding of the measurement
static const double DOUBT = 1e-7; // share of the objective that it may be astray

// ---- what it can do ----------------------------------------------------------------------------

// Squares of templates and of activations, and sums of millions of them, fit single precision.
static bool in_range(const ub_fit *fit)
{
    const double templates = (double)ub_matrix_largest(&fit->now.templates);
    const double gains = (double)ub_matrix_largest(&fit->now.gains);
    bool good = templates <= 1e15 && gains <= 1e15 && templates * gains <= 1e15;
    for (size_t t = 0; t < fit->n_frames; t++) {
        const float *h = ub_matrix_column(&fit->now.activations, t);
        for (size_t k = 0; k < fit->n_components; k++) {
            good &= !ub_fit_activation_fixed(fit, k) || h[k] <= 1e12f * ub_euclid_largest(fit);
        }
    }
    return good;
}

// Penalties need templates and gains that stay: moving ones are normalised inside the objective,
// which is then no quadratic in them. Continuity never is one.
bool ub_euclid_suits(const ub_fit *fit)
{
    const ub_nmf_settings *s = &fit->settings;
    if (s->beta != 2.0 || s->multiplicative || s->continuity > 0.0) {
        return false;
    }
    if (fit->penalised && (fit->any_free_template || fit->any_free_gain)) {
        return false;
    }
    return in_range(fit);
}

// ---- what all steps share ----------------------------------------------------------------------

static size_t work_size(const ub_euclid *euclid)
{
    const ub_fit *fit = euclid->fit;
    return 3 * fit->tile_frames * euclid->stride + 2 * euclid->stride * fit->kernels->panel_bins;
}

ub_euclid_work ub_euclid_work_here(const ub_euclid *euclid)
{
    const size_t tile = euclid->fit->tile_frames * euclid->stride;
    ub_euclid_work work;
    work.projections = euclid->thread_work + ub_thread_index() * euclid->thread_work_floats;
    work.activations = work.projections + tile;
    work.spare = work.activations + tile;
    work.linear = work.spare + tile;
    work.x = work.linear + euclid->stride * euclid->fit->kernels->panel_bins;
    return work;
}

void ub_euclid_mirror(float *gram, size_t n, size_t stride)
{
    for (size_t l = 0; l < n; l++) {
        for (size_t k = 0; k < l; k++) {
            gram[l * stride + k] = gram[k * stride + l];
        }
    }
}

ub_descent ub_euclid_descent(ub_euclid *euclid, const float *from, float ridge, float dead,
                             bool (*is_fixed)(const ub_fit *, size_t), size_t n_sweeps)
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
    return (ub_descent){
        .n_components = fit->n_components,
        .gram = euclid->gram,
        .gram_stride = euclid->stride,
        .inverses = euclid->inverses,
        .least = UB_EUCLID_LEAST,
        .n_sweeps = n_sweeps,
    };
}

// ---- memory ------------------------------------------------------------------------------------

static void euclid_free(ub_euclid *euclid)
{
    free(euclid->template_gram);
    free(euclid->gram);
    free(euclid->inverses);
    free(euclid->factors);
    free(euclid->rows);
    free(euclid->chunk_grams);
    free(euclid->saved);
    free(euclid->thread_work);
    ub_matrix_free(&euclid->projections);
}

// The chunks of the fit, or fewer where their Gram matrices are large.
static size_t chunks_for(const ub_fit *fit, size_t gram_floats)
{
    const size_t most = UB_FIT_SUM_FLOATS / (fit->packing.n_floats + gram_floats);
    return fit->n_chunks < 2 || fit->n_chunks < most ? fit->n_chunks : most < 2 ? 2 : most;
}

// K is at most 4096: no product of sizes overflows that ub_fit_new() has not found to fit.
static ub_status euclid_new(ub_fit *fit, ub_euclid *euclid)
{
    const size_t gram_floats = fit->n_components * fit->padded_components;
    *euclid = (ub_euclid){.fit = fit, .stride = fit->padded_components};
    euclid->level = (float)exp2(ceil(log2((double)ub_euclid_largest(fit))));
    euclid->moves_templates = fit->any_free_template || fit->any_free_gain;
    euclid->n_chunks = chunks_for(fit, gram_floats);
    euclid->n_panels = (fit->packing.padded_bins - 1) / fit->kernels->panel_bins + 1;
    euclid->thread_work_floats = ub_floats_line(work_size(euclid));
    euclid->template_gram = ub_floats_new(gram_floats);
    euclid->gram = ub_floats_new(gram_floats);
    euclid->inverses = ub_floats_new(euclid->stride);
    euclid->factors = ub_floats_new(2 * euclid->stride);
    euclid->least = euclid->factors ? euclid->factors + euclid->stride : NULL;
    euclid->rows = ub_floats_new(fit->n_bins * euclid->stride);
    euclid->saved = calloc(euclid->n_chunks + euclid->n_panels, sizeof *euclid->saved);
    euclid->thread_work = ub_floats_new(fit->n_threads * euclid->thread_work_floats);
    bool good = euclid->template_gram && euclid->gram && euclid->inverses && euclid->factors &&
                euclid->rows && euclid->saved && euclid->thread_work;
    if (euclid->moves_templates) {
        euclid->chunk_grams = ub_floats_new(euclid->n_chunks * gram_floats);
        good = good && euclid->chunk_grams;
    } else {
        good = good && !ub_matrix_new(fit->n_components, fit->n_frames, &euclid->projections);
    }
    if (!good) {
        euclid_free(euclid);
    }
    return good ? UB_OK : UB_NO_MEMORY;
}

// ---- the objective -----------------------------------------------------------------------------

typedef struct follower {
    double energy; // sum of the squares of the data
    double rounding; // of a product with the data, as a share
    double objective;
    double doubt; // how far it may be astray
} follower;

// What is taken out for padding is rounded: next to nothing may come out below zero.
static double measure(ub_fit *fit)
{
    const double objective = ub_fit_sweep(fit, 0.0, true, false);
    return objective < 0.0 ? 0.0 : objective;
}

// A step that saves s moves the model by sqrt(2 s); what it saves is a product of that with the
// data. The roundings of the entries of Gram matrices, projections and correlations are
// independent and average out.
static follower follower_for(ub_fit *fit)
{
    const double n_k = (double)fit->n_components;
    follower f = {
        .rounding = 1.2e-7 * (1.0 / n_k + 1.0 / sqrt(n_k * (double)fit->n_frames) +
                              1.0 / sqrt(n_k * (double)fit->n_bins)),
        .objective = measure(fit),
    };
    for (size_t c = 0; c < fit->n_channels; c++) {
        for (size_t t = 0; t < fit->n_frames; t++) {
            const float *v = ub_matrix_column(&fit->spectra[c], t);
            double sum = 0.0;
            for (size_t i = 0; i < fit->n_bins; i++) {
                sum += (double)v[i] * (double)v[i];
            }
            f.energy += sum;
        }
    }
    return f;
}

static void follow(ub_fit *fit, double saved, follower *f)
{
    f->objective -= saved;
    f->doubt += f->rounding * (sqrt(2.0 * fmax(saved, 0.0) * f->energy) + fabs(saved));
    if (!(f->doubt <= DOUBT * f->objective)) { // also when something is not a number
        f->objective = measure(fit);
        f->doubt = 0.0;
    }
}

// ---- the loop ----------------------------------------------------------------------------------

// The next point; by how much the objective has fallen, in the units of the data.
static double update(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    const float *spectra[UB_NMF_MAX_CHANNELS];
    for (size_t c = 0; c < fit->n_channels; c++) {
        spectra[c] = fit->spectra[c].data;
    }
    fit->sweep.spectra = spectra;
    const uint64_t mode = ub_fpu_flush_denormals();
    double saved = ub_euclid_update_activations(euclid);
    fit->sweep.update_activations = fit->any_free_activation;
    fit->sweep.update_templates = false;
    ub_fit_advance(fit, 1.0, true);
    if (euclid->moves_templates) {
        ub_euclid_gather(euclid);
        saved += fit->any_free_gain ? ub_euclid_update_gains(euclid) : 0.0;
        saved += fit->any_free_template ? ub_euclid_update_templates(euclid) : 0.0;
        ub_fit_normalise(fit, &fit->now, true);
    }
    ub_fpu_restore(mode);
    return saved * (double)euclid->level * (double)euclid->level;
}

static bool small_fall(const ub_fit *fit)
{
    const double before = fit->before.objective, tolerance = fit->settings.tolerance;
    return tolerance > 0.0 && before - fit->now.objective <= tolerance * fabs(before);
}

// One update; false when single precision knows no better point and it has been taken back.
static bool advance(ub_euclid *euclid, follower *f)
{
    ub_fit *fit = euclid->fit;
    follow(fit, update(euclid), f);
    const double before = fit->before.objective;
    if (!(f->objective <= before + NOISE * fabs(before))) {
        ub_fit_retreat(fit);
        return false;
    }
    fit->now.objective = f->objective;
    return true;
}

static ub_status run(ub_euclid *euclid, const ub_progress *progress, ub_nmf_report *report)
{
    ub_fit *fit = euclid->fit;
    const size_t n = fit->settings.n_iterations;
    follower f = {0};
    for (size_t done = 0;; done++) {
        const ub_status status =
            ub_progress_report(progress, "factorise", n ? (double)done / (double)n : 1.0);
        if (status) {
            return status;
        }
        if (done == 0) {
            f = follower_for(fit);
            fit->now.objective = f.objective;
        } else if (!advance(euclid, &f)) {
            report->n_rejected++;
            report->converged = true;
            return UB_OK;
        } else {
            report->converged = small_fall(fit) || ub_fit_masks_rest(fit);
        }
        report->n_iterations = done;
        report->cost = fit->now.objective;
        if (report->costs) {
            report->costs[done] = report->cost;
        }
        if (done == n || report->converged) {
            return UB_OK;
        }
    }
}

ub_status ub_euclid_iterate(ub_fit *fit, const ub_progress *progress, ub_nmf_report *report)
{
    ub_euclid euclid;
    ub_status status = euclid_new(fit, &euclid);
    if (!status) {
        status = run(&euclid, progress, report);
        euclid_free(&euclid);
    }
    return status;
}
