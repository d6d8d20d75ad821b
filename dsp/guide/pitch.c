// SPDX-License-Identifier: GPL-3.0-or-later
#include "pitch.h"
#include "viterbi.h"

#include <math.h>
#include <stdlib.h>

enum {
    PER_OCTAVE = 36,
    N_PITCHES = 94 // 2.6 octaves
};

static const double PI = 3.14159265358979323846;
static const double LOWEST_HZ = 70.0;
// Partials above are no longer where the pitch of the whole frame puts them, and above the second
// number they begin to count less.
static const double HIGHEST_PARTIAL_HZ = 2500.0, FULL_PARTIAL_HZ = 800.0;
// From one pitch to the next, a third of a semitone, and to any other: what has to be won in
// correlation.
static const ub_moves MOVES = {.reach = 19, .step = 0.02, .jump = 0.4};

static double pitch_hz(size_t i)
{
    return LOWEST_HZ * exp2((double)i / PER_OCTAVE);
}

float ub_pitch_comb(ub_pitch pitch, double hz, double fading_hz)
{
    return (float)(cos(2.0 * PI * hz / (double)pitch.hz) * exp(-hz / fading_hz)) * pitch.clarity;
}

static void make_comb(double hz, double bin_hz, size_t n_bins, float *comb)
{
    double squares = 0.0;
    for (size_t f = 0; f < n_bins; f++) {
        const double at = (double)f * bin_hz, over = at / FULL_PARTIAL_HZ;
        const bool counts = at > 0.6 * hz && at < HIGHEST_PARTIAL_HZ;
        comb[f] = counts ? (float)(cos(2.0 * PI * at / hz) / sqrt(1.0 + over * over)) : 0.0f;
        squares += (double)comb[f] * (double)comb[f];
    }
    for (size_t f = 0; f < n_bins && squares > 0.0; f++) {
        comb[f] = (float)((double)comb[f] / sqrt(squares));
    }
}

static ub_status make_combs(const ub_scene *scene, ub_matrix *combs)
{
    const double bin_hz = scene->rate_hz / (double)scene->size_samples;
    const size_t n_bins = ub_scene_bin(scene, HIGHEST_PARTIAL_HZ);
    const ub_status status = ub_matrix_new(n_bins, N_PITCHES, combs);
    for (size_t i = 0; !status && i < N_PITCHES; i++) {
        make_comb(pitch_hz(i), bin_hz, n_bins, ub_matrix_column(combs, i));
    }
    return status;
}

static void correlate(const ub_matrix *combs, const float *spectrum, float *clarity)
{
    double squares = 0.0;
    for (size_t f = 0; f < combs->n_rows; f++) {
        squares += (double)spectrum[f] * (double)spectrum[f];
    }
    for (size_t i = 0; i < N_PITCHES; i++) {
        const float *comb = ub_matrix_column(combs, i);
        double sum = 0.0;
        for (size_t f = 0; f < combs->n_rows; f++) {
            sum += (double)comb[f] * (double)spectrum[f];
        }
        clarity[i] = squares > 0.0 ? (float)(sum / sqrt(squares)) : 0.0f;
    }
}

ub_status ub_pitch_follow(const ub_scene *scene, const ub_matrix *spectra, ub_pitch *pitches)
{
    const size_t n_frames = spectra->n_cols;
    ub_matrix combs = {0}, clarities = {0};
    size_t *path = calloc(n_frames, sizeof *path);
    ub_status status = path ? make_combs(scene, &combs) : UB_NO_MEMORY;
    status = status ? status : ub_matrix_new(N_PITCHES, n_frames, &clarities);
    for (size_t t = 0; !status && t < n_frames; t++) {
        correlate(&combs, ub_matrix_column(spectra, t), ub_matrix_column(&clarities, t));
    }
    status = status ? status : ub_viterbi_follow(&clarities, MOVES, path);
    for (size_t t = 0; !status && t < n_frames; t++) {
        const float clarity = ub_matrix_column(&clarities, t)[path[t]];
        pitches[t] = (ub_pitch){(float)pitch_hz(path[t]), clarity > 0.0f ? clarity : 0.0f};
    }
    ub_matrix_free(&combs);
    ub_matrix_free(&clarities);
    free(path);
    return status;
}
