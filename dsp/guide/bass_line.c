// SPDX-License-Identifier: GPL-3.0-or-later
// Square roots, for one loud partial of a chord would outweigh a whole comb.
#include "bass_line.h"
#include "ground/floats.h"
#include "viterbi.h"

#include <math.h>

static const double LOWEST_HZ = 36.0, PITCHES_PER_OCTAVE = 48.0;
static const double LIKES_LOW = 0.3; // exponent of the frequency
static const double LOBE_BINS = 2.5; // of a partial, to either side
static const double SILENCE = 1e-3; // of the best fit of all frames

// In frames that fit as well as can be, times their length.
static const double JUMP_S = 0.006, GLIDE_S = 0.0005;

double ub_bass_pitch_hz(size_t pitch)
{
    return LOWEST_HZ * exp2((double)pitch / PITCHES_PER_OCTAVE);
}

// ---- how well pitches fit ----------------------------------------------------------------------

static double sinc(double x)
{
    const double y = 3.14159265358979324 * x;
    return fabs(y) < 1e-9 ? 1.0 : sin(y) / y;
}

// What a partial looks like so many bins away: the transform of a half wave, the square root of a
// Hann window.
static double lobe(double bins)
{
    return fabs(bins) < LOBE_BINS ? fabs(sinc(bins - 0.5) + sinc(bins + 0.5)) / (2.0 * sinc(0.5))
                                  : 0.0;
}

// Combs have a norm of one, less for higher ones.
static void make_comb(double hz, double bin_hz, size_t n_bins, float *comb)
{
    double norm = 0.0;
    for (size_t f = 0; f < n_bins; f++) {
        double w = 0.0;
        for (size_t h = 1; h <= UB_BASS_HARMONICS; h++) {
            w += lobe((double)f - (double)h * hz / bin_hz) / (double)h;
        }
        comb[f] = (float)w;
        norm += w * w;
    }
    const double scale = norm > 0.0 ? pow(hz / LOWEST_HZ, -LIKES_LOW) / sqrt(norm) : 0.0;
    for (size_t f = 0; f < n_bins; f++) {
        comb[f] *= (float)scale;
    }
}

static void fit_frame(const ub_matrix *combs, const float *magnitudes, float *roots, float *fits)
{
    for (size_t f = 0; f < combs->n_rows; f++) {
        roots[f] = sqrtf(magnitudes[f]);
    }
    for (size_t k = 0; k < combs->n_cols; k++) {
        const float *comb = ub_matrix_column(combs, k);
        double sum = 0.0;
        for (size_t f = 0; f < combs->n_rows; f++) {
            sum += (double)comb[f] * (double)roots[f];
        }
        fits[k] = (float)sum;
    }
}

// The best pitch of each frame has one; of what is nearly silent less.
static void level(ub_matrix *fits)
{
    float most = 0.0f;
    for (size_t t = 0; t < fits->n_cols; t++) {
        most = fmaxf(most, ub_floats_largest(ub_matrix_column(fits, t), fits->n_rows));
    }
    const float least = (float)SILENCE * most;
    for (size_t t = 0; t < fits->n_cols; t++) {
        float *x = ub_matrix_column(fits, t);
        const float divisor = fmaxf(least, ub_floats_largest(x, fits->n_rows));
        for (size_t k = 0; k < fits->n_rows; k++) {
            x[k] = divisor > 0.0f ? x[k] / divisor : 0.0f;
        }
    }
}

static ub_status fit_all(const ub_matrix *magnitudes, double bin_hz, size_t n_threads,
                         ub_matrix *fits)
{
    const size_t n_bins = magnitudes->n_rows, n_frames = magnitudes->n_cols;
    ub_matrix combs = {0}, roots = {0};
    ub_status status = ub_matrix_new(n_bins, UB_BASS_PITCHES, &combs);
    status = status ? status : ub_matrix_new(n_bins, n_frames, &roots);
    for (size_t k = 0; !status && k < UB_BASS_PITCHES; k++) {
        make_comb(ub_bass_pitch_hz(k), bin_hz, n_bins, ub_matrix_column(&combs, k));
    }
#pragma omp parallel for schedule(static) num_threads((int)n_threads)
    for (size_t t = 0; t < (status ? 0 : n_frames); t++) {
        fit_frame(&combs, ub_matrix_column(magnitudes, t), ub_matrix_column(&roots, t),
                  ub_matrix_column(fits, t));
    }
    ub_matrix_free(&combs);
    ub_matrix_free(&roots);
    if (!status) {
        level(fits);
    }
    return status;
}

ub_status ub_bass_line_find(const ub_matrix *magnitudes, double bin_hz, double hop_s,
                            size_t n_threads, size_t *pitches)
{
    ub_matrix fits = {0};
    ub_status status = ub_matrix_new(UB_BASS_PITCHES, magnitudes->n_cols, &fits);
    status = status ? status : fit_all(magnitudes, bin_hz, n_threads, &fits);
    const ub_moves moves = {.reach = 1, .step = GLIDE_S / hop_s, .jump = JUMP_S / hop_s};
    status = status ? status : ub_viterbi_follow(&fits, moves, pitches);
    ub_matrix_free(&fits);
    return status;
}
