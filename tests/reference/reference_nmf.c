// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_nmf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double *new_doubles(size_t n)
{
    double *memory = calloc(n ? n : 1, sizeof *memory);
    if (!memory) {
        fputs("no memory for the reference\n", stderr);
        abort();
    }
    return memory;
}

reference_point reference_point_new(const reference_nmf *nmf)
{
    return (reference_point){
        .w = new_doubles(nmf->n_bins * nmf->n_components),
        .h = new_doubles(nmf->n_frames * nmf->n_components),
        .q = new_doubles(nmf->n_channels * nmf->n_components),
    };
}

reference_point reference_point_copy(const reference_nmf *nmf, const reference_point *from)
{
    reference_point copy = reference_point_new(nmf);
    memcpy(copy.w, from->w, nmf->n_bins * nmf->n_components * sizeof(double));
    memcpy(copy.h, from->h, nmf->n_frames * nmf->n_components * sizeof(double));
    memcpy(copy.q, from->q, nmf->n_channels * nmf->n_components * sizeof(double));
    return copy;
}

void reference_point_free(reference_point *point)
{
    free(point->w);
    free(point->h);
    free(point->q);
    *point = (reference_point){0};
}

// ---- the objective -----------------------------------------------------------------------------

void reference_model(const reference_nmf *nmf, const reference_point *point, double *x)
{
    const size_t n_bins = nmf->n_bins, n_components = nmf->n_components;
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t t = 0; t < nmf->n_frames; t++) {
            double *frame = x + (c * nmf->n_frames + t) * n_bins;
            for (size_t f = 0; f < n_bins; f++) {
                frame[f] = nmf->floor;
            }
            for (size_t k = 0; k < n_components; k++) {
                const double qh =
                    point->q[k * nmf->n_channels + c] * point->h[t * n_components + k];
                for (size_t f = 0; f < n_bins; f++) {
                    frame[f] += qh * point->w[k * n_bins + f];
                }
            }
        }
    }
}

static double data_at(const reference_nmf *nmf, size_t i)
{
    return nmf->beta <= 0.0 && nmf->v[i] < nmf->floor ? nmf->floor : nmf->v[i];
}

// sum of squares and of squared jumps of one row of activations.
static void row_energy(const reference_nmf *nmf, const double *h, size_t k, double *squares,
                       double *jumps)
{
    *squares = *jumps = 0.0;
    for (size_t t = 0; t < nmf->n_frames; t++) {
        const double now = h[t * nmf->n_components + k];
        *squares += now * now;
        if (t > 0) {
            const double before = h[(t - 1) * nmf->n_components + k];
            *jumps += (now - before) * (now - before);
        }
    }
}

static double penalties(const reference_nmf *nmf, const reference_point *point)
{
    double sum = 0.0;
    for (size_t i = 0; i < nmf->n_frames * nmf->n_components; i++) {
        sum += nmf->l1_h * point->h[i] + 0.5 * nmf->l2_h * point->h[i] * point->h[i];
    }
    for (size_t i = 0; i < nmf->n_bins * nmf->n_components; i++) {
        sum += nmf->l1_w * point->w[i] + 0.5 * nmf->l2_w * point->w[i] * point->w[i];
    }
    for (size_t k = 0; k < nmf->n_components; k++) {
        double squares, jumps;
        row_energy(nmf, point->h, k, &squares, &jumps);
        if (squares > 0.0) {
            sum += nmf->continuity * (double)nmf->n_frames * jumps / squares;
        }
    }
    return sum;
}

double reference_objective(const reference_nmf *nmf, const reference_point *point)
{
    const size_t n = nmf->n_channels * nmf->n_frames * nmf->n_bins;
    double *x = new_doubles(n);
    reference_model(nmf, point, x);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += reference_divergence(nmf->beta, data_at(nmf, i), x[i]);
    }
    free(x);
    return sum + penalties(nmf, point);
}

// ---- scales ------------------------------------------------------------------------------------

static bool flag(const bool *flags, size_t k)
{
    return flags && flags[k];
}

static size_t group_of(const reference_nmf *nmf, size_t k)
{
    return nmf->groups ? nmf->groups[k] : k;
}

static bool gain_is_free(const reference_nmf *nmf, size_t k)
{
    return nmf->n_channels > 1 && !flag(nmf->fixed_q, k);
}

static bool is_penalised(const reference_nmf *nmf)
{
    return nmf->l1_h > 0.0 || nmf->l2_h > 0.0 || nmf->l1_w > 0.0 || nmf->l2_w > 0.0 ||
           nmf->continuity > 0.0;
}

// The gains of a group have a scale to give away when every activation can take it.
static bool gain_is_normalised(const reference_nmf *nmf, size_t k)
{
    if (!gain_is_free(nmf, k)) {
        return false;
    }
    for (size_t i = 0; i < nmf->n_components; i++) {
        if (group_of(nmf, i) == group_of(nmf, k) && gain_is_free(nmf, i) && flag(nmf->fixed_h, i)) {
            return false;
        }
    }
    return true;
}

static bool template_is_normalised(const reference_nmf *nmf, size_t k)
{
    return !flag(nmf->fixed_w, k) && !flag(nmf->fixed_h, k);
}

static double divide_by_norm(double *x, size_t n, bool l2)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += l2 ? x[i] * x[i] : x[i];
    }
    const double norm = l2 ? sqrt(sum) : sum;
    for (size_t i = 0; i < n && norm > 0.0; i++) {
        x[i] /= norm;
    }
    return norm > 0.0 ? norm : 1.0;
}

void reference_normalise(const reference_nmf *nmf, reference_point *point, bool keep)
{
    for (size_t k = 0; k < nmf->n_components; k++) {
        double scale = 1.0;
        if (template_is_normalised(nmf, k)) {
            scale *= divide_by_norm(point->w + k * nmf->n_bins, nmf->n_bins, nmf->unit_l2);
        }
        if (gain_is_normalised(nmf, k)) {
            scale *= divide_by_norm(point->q + k * nmf->n_channels, nmf->n_channels, false);
        }
        for (size_t t = 0; t < nmf->n_frames && keep; t++) {
            point->h[t * nmf->n_components + k] *= scale;
        }
    }
}

void reference_tie_gains(const reference_nmf *nmf, reference_point *point)
{
    const size_t n_channels = nmf->n_channels, n = nmf->n_components;
    reference_point before = reference_point_copy(nmf, point);
    for (size_t k = 0; k < n; k++) {
        for (size_t c = 0; c < n_channels && gain_is_free(nmf, k); c++) {
            double sum = 0.0, members = 0.0;
            for (size_t i = 0; i < n; i++) {
                if (group_of(nmf, i) == group_of(nmf, k) && gain_is_free(nmf, i)) {
                    sum += before.q[i * n_channels + c];
                    members += 1.0;
                }
            }
            point->q[k * n_channels + c] = sum / members;
        }
    }
    reference_point_free(&before);
}

// ---- gradients ---------------------------------------------------------------------------------

// v x^(beta - 2) and x^(beta - 1): the two parts of the derivative of the divergence in x.
typedef struct slopes {
    double *negative, *positive;
} slopes;

static slopes slopes_new(const reference_nmf *nmf, const reference_point *point)
{
    const size_t n = nmf->n_channels * nmf->n_frames * nmf->n_bins;
    slopes parts = {new_doubles(n), new_doubles(n)};
    double *x = parts.positive;
    reference_model(nmf, point, x);
    for (size_t i = 0; i < n; i++) {
        const double power = pow(x[i], nmf->beta - 1.0); // half the time of the whole test
        parts.negative[i] = data_at(nmf, i) * power / x[i];
        parts.positive[i] = power;
    }
    return parts;
}

static void slopes_free(slopes *parts)
{
    free(parts->negative);
    free(parts->positive);
}

static void add_continuity(const reference_nmf *nmf, const double *h, double *negative,
                           double *positive)
{
    const size_t n_components = nmf->n_components;
    for (size_t k = 0; k < n_components; k++) {
        double squares, jumps;
        row_energy(nmf, h, k, &squares, &jumps);
        for (size_t t = 0; t < nmf->n_frames && squares > 0.0; t++) {
            const double weight = nmf->continuity * (double)nmf->n_frames;
            const size_t at = t * n_components + k;
            if (t > 0) {
                positive[at] += 2.0 * weight * h[at] / squares;
                negative[at] += 2.0 * weight * h[at - n_components] / squares;
            }
            if (t + 1 < nmf->n_frames) {
                positive[at] += 2.0 * weight * h[at] / squares;
                negative[at] += 2.0 * weight * h[at + n_components] / squares;
            }
            negative[at] += 2.0 * weight * h[at] * jumps / (squares * squares);
        }
    }
}

void reference_gradient_h(const reference_nmf *nmf, const reference_point *point, double *negative,
                          double *positive)
{
    slopes parts = slopes_new(nmf, point);
    for (size_t t = 0; t < nmf->n_frames; t++) {
        for (size_t k = 0; k < nmf->n_components; k++) {
            const size_t at = t * nmf->n_components + k;
            double below = 0.0, above = nmf->l1_h + nmf->l2_h * point->h[at];
            for (size_t c = 0; c < nmf->n_channels; c++) {
                const double q = point->q[k * nmf->n_channels + c];
                for (size_t f = 0; f < nmf->n_bins; f++) {
                    const size_t i = (c * nmf->n_frames + t) * nmf->n_bins + f;
                    const double qw = q * point->w[k * nmf->n_bins + f];
                    below += qw * parts.negative[i];
                    above += qw * parts.positive[i];
                }
            }
            negative[at] = below;
            positive[at] = above;
        }
    }
    add_continuity(nmf, point->h, negative, positive);
    slopes_free(&parts);
}

// Sums over frames, one per channel, bin and component: parts of the gradient in q w.
static slopes stacked_slopes_new(const reference_nmf *nmf, const reference_point *point)
{
    const size_t n_bins = nmf->n_bins, n_components = nmf->n_components;
    const size_t n = nmf->n_channels * n_bins * n_components;
    slopes parts = slopes_new(nmf, point);
    slopes sums = {new_doubles(n), new_doubles(n)};
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t t = 0; t < nmf->n_frames; t++) {
            for (size_t k = 0; k < n_components; k++) {
                const double h = point->h[t * n_components + k];
                for (size_t f = 0; f < n_bins; f++) {
                    const size_t i = (c * nmf->n_frames + t) * n_bins + f;
                    sums.negative[(k * nmf->n_channels + c) * n_bins + f] += parts.negative[i] * h;
                    sums.positive[(k * nmf->n_channels + c) * n_bins + f] += parts.positive[i] * h;
                }
            }
        }
    }
    slopes_free(&parts);
    return sums;
}

// Derivative through x / |x|: what lies along x has no effect (Le Roux et al. 2015, section 4).
static void project(const double *x, size_t n, bool l2, double *negative, double *positive)
{
    double along_negative = 0.0, along_positive = 0.0;
    for (size_t i = 0; i < n; i++) {
        along_negative += x[i] * negative[i];
        along_positive += x[i] * positive[i];
    }
    for (size_t i = 0; i < n; i++) {
        const double direction = l2 ? x[i] : 1.0;
        negative[i] += direction * along_positive;
        positive[i] += direction * along_negative;
    }
}

static void gradient_w(const reference_nmf *nmf, const reference_point *point, const slopes *sums,
                       double *negative, double *positive)
{
    const size_t n_bins = nmf->n_bins;
    for (size_t k = 0; k < nmf->n_components; k++) {
        for (size_t f = 0; f < n_bins; f++) {
            const size_t at = k * n_bins + f;
            negative[at] = 0.0;
            positive[at] = nmf->l1_w + nmf->l2_w * point->w[at];
            for (size_t c = 0; c < nmf->n_channels; c++) {
                const size_t i = (k * nmf->n_channels + c) * n_bins + f;
                negative[at] += point->q[k * nmf->n_channels + c] * sums->negative[i];
                positive[at] += point->q[k * nmf->n_channels + c] * sums->positive[i];
            }
        }
        if (is_penalised(nmf) && template_is_normalised(nmf, k)) {
            project(point->w + k * n_bins, n_bins, nmf->unit_l2, negative + k * n_bins,
                    positive + k * n_bins);
        }
    }
}

void reference_gradient_w(const reference_nmf *nmf, const reference_point *point, double *negative,
                          double *positive)
{
    slopes sums = stacked_slopes_new(nmf, point);
    gradient_w(nmf, point, &sums, negative, positive);
    slopes_free(&sums);
}

static double *new_powers(const double *x, size_t n, double exponent)
{
    double *powers = new_doubles(n);
    for (size_t i = 0; i < n; i++) {
        powers[i] = pow(x[i], exponent);
    }
    return powers;
}

// The parts of the derivative of the majoriser in a common factor of the gains of each group, for
// templates that have moved from w to w change. With r = q' w' / (q w) the majoriser is
//   sum q w (positive b(r) - negative a(r)),
// a' = r^(beta - 2), or 1 where that part is concave (beta > 2); b' = r^(beta - 1), or 1 where
// that part is (beta < 1).
static void gain_slopes(const reference_nmf *nmf, const reference_point *point, const slopes *sums,
                        const double *change, double *negative, double *positive)
{
    const size_t n_channels = nmf->n_channels, n_bins = nmf->n_bins;
    const size_t n = nmf->n_components * n_bins;
    double *a = new_powers(change, n, nmf->beta > 2.0 ? 0.0 : nmf->beta - 2.0);
    double *b = new_powers(change, n, nmf->beta < 1.0 ? 0.0 : nmf->beta - 1.0);
    for (size_t k = 0; k < nmf->n_components; k++) {
        for (size_t c = 0; c < n_channels; c++) {
            negative[k * n_channels + c] = positive[k * n_channels + c] = 0.0;
        }
        for (size_t i = 0; i < nmf->n_components; i++) {
            if (group_of(nmf, i) != group_of(nmf, k) || !gain_is_free(nmf, i)) {
                continue;
            }
            for (size_t j = 0; j < n_channels * n_bins; j++) {
                const size_t f = i * n_bins + j % n_bins, c = j / n_bins;
                const double w = point->w[f] * change[f];
                if (w > 0.0) {
                    negative[k * n_channels + c] +=
                        w * a[f] * sums->negative[i * n_channels * n_bins + j];
                    positive[k * n_channels + c] +=
                        w * b[f] * sums->positive[i * n_channels * n_bins + j];
                }
            }
        }
        if (is_penalised(nmf) && gain_is_normalised(nmf, k)) {
            project(point->q + k * n_channels, n_channels, false, negative + k * n_channels,
                    positive + k * n_channels);
        }
    }
    free(a);
    free(b);
}

void reference_gradient_q(const reference_nmf *nmf, const reference_point *point, double *negative,
                          double *positive)
{
    slopes sums = stacked_slopes_new(nmf, point);
    double *change = new_doubles(nmf->n_bins * nmf->n_components);
    for (size_t i = 0; i < nmf->n_bins * nmf->n_components; i++) {
        change[i] = 1.0;
    }
    gain_slopes(nmf, point, &sums, change, negative, positive);
    free(change);
    slopes_free(&sums);
}

// ---- updates -----------------------------------------------------------------------------------

static double change_for(double negative, double positive, double exponent)
{
    return positive > 0.0 ? pow(negative / positive, exponent) : 1.0;
}

void reference_update_h(const reference_nmf *nmf, reference_point *point, double exponent)
{
    const size_t n = nmf->n_frames * nmf->n_components;
    double *negative = new_doubles(n), *positive = new_doubles(n);
    reference_gradient_h(nmf, point, negative, positive);
    for (size_t i = 0; i < n; i++) {
        if (!flag(nmf->fixed_h, i % nmf->n_components)) {
            point->h[i] *= change_for(negative[i], positive[i], exponent);
        }
    }
    free(negative);
    free(positive);
}

static void update_q(const reference_nmf *nmf, reference_point *point, const slopes *sums,
                     const double *change, const double *old_w)
{
    const size_t n_channels = nmf->n_channels;
    double *negative = new_doubles(nmf->n_components * n_channels);
    double *positive = new_doubles(nmf->n_components * n_channels);
    const reference_point before = {.w = (double *)old_w, .h = point->h, .q = point->q};
    gain_slopes(nmf, &before, sums, change, negative, positive);
    for (size_t i = 0; i < nmf->n_components * n_channels; i++) {
        if (gain_is_free(nmf, i / n_channels)) {
            point->q[i] *= change_for(negative[i], positive[i], reference_gamma(nmf->beta));
        }
    }
    free(negative);
    free(positive);
}

void reference_update_w_and_q(const reference_nmf *nmf, reference_point *point, double exponent)
{
    const size_t n = nmf->n_bins * nmf->n_components;
    double *negative = new_doubles(n), *positive = new_doubles(n);
    double *change = new_doubles(n), *old_w = new_doubles(n);
    slopes sums = stacked_slopes_new(nmf, point);
    gradient_w(nmf, point, &sums, negative, positive);
    memcpy(old_w, point->w, n * sizeof *old_w);
    for (size_t i = 0; i < n; i++) {
        const bool fixed = flag(nmf->fixed_w, i / nmf->n_bins);
        change[i] = fixed ? 1.0 : change_for(negative[i], positive[i], exponent);
        point->w[i] *= change[i];
    }
    update_q(nmf, point, &sums, change, old_w);
    reference_normalise(nmf, point, !is_penalised(nmf));
    slopes_free(&sums);
    free(negative);
    free(positive);
    free(change);
    free(old_w);
}

void reference_fit(const reference_nmf *nmf, reference_point *point, size_t n, double relaxation,
                   double *costs)
{
    reference_normalise(nmf, point, true);
    reference_tie_gains(nmf, point);
    for (size_t i = 0; i <= n; i++) {
        if (costs) {
            costs[i] = reference_objective(nmf, point);
        }
        if (i < n) {
            const double exponent = reference_gamma(nmf->beta) * (i < 5 ? 1.0 : relaxation);
            reference_update_h(nmf, point, exponent);
            reference_update_w_and_q(nmf, point, exponent);
        }
    }
}
