// SPDX-License-Identifier: GPL-3.0-or-later
#include "pitch.h"

#include <math.h>
#include <stdint.h>
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
static const float COST_OF_STEP = 0.02f, MOST_COST = 0.4f;

typedef struct tracker {
    ub_matrix combs; // bins x N_PITCHES, of length one
    float score[N_PITCHES]; // of the best path that ends there
    uint8_t *from; // N_PITCHES per frame: where that path came from
    float *clarities; // N_PITCHES per frame
} tracker;

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

static ub_status tracker_new(const ub_scene *scene, size_t n_frames, tracker *t)
{
    const double bin_hz = scene->rate_hz / (double)scene->size_samples;
    const size_t n_bins = ub_scene_bin(scene, HIGHEST_PARTIAL_HZ);
    t->from = calloc(n_frames * N_PITCHES, sizeof *t->from);
    t->clarities = calloc(n_frames * N_PITCHES, sizeof *t->clarities);
    if (!t->from || !t->clarities || ub_matrix_new(n_bins, N_PITCHES, &t->combs)) {
        return UB_NO_MEMORY;
    }
    for (size_t i = 0; i < N_PITCHES; i++) {
        make_comb(pitch_hz(i), bin_hz, n_bins, ub_matrix_column(&t->combs, i));
    }
    return UB_OK;
}

static void tracker_free(tracker *t)
{
    ub_matrix_free(&t->combs);
    free(t->from);
    free(t->clarities);
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

static size_t best_before(const float *score, size_t pitch, float *best)
{
    size_t from = pitch;
    *best = score[pitch];
    for (size_t i = 0; i < N_PITCHES; i++) {
        const float steps = i > pitch ? (float)(i - pitch) : (float)(pitch - i);
        const float cost = steps * COST_OF_STEP < MOST_COST ? steps * COST_OF_STEP : MOST_COST;
        if (score[i] - cost > *best) {
            *best = score[i] - cost;
            from = i;
        }
    }
    return from;
}

static void advance(tracker *t, size_t frame)
{
    float score[N_PITCHES];
    for (size_t i = 0; i < N_PITCHES; i++) {
        float best;
        t->from[frame * N_PITCHES + i] = (uint8_t)best_before(t->score, i, &best);
        score[i] = best + t->clarities[frame * N_PITCHES + i];
    }
    for (size_t i = 0; i < N_PITCHES; i++) {
        t->score[i] = score[i];
    }
}

static void trace_back(const tracker *t, size_t n_frames, ub_pitch *pitches)
{
    size_t best = 0;
    for (size_t i = 1; i < N_PITCHES; i++) {
        best = t->score[i] > t->score[best] ? i : best;
    }
    for (size_t frame = n_frames; frame-- > 0;) {
        const float clarity = t->clarities[frame * N_PITCHES + best];
        pitches[frame] = (ub_pitch){(float)pitch_hz(best), clarity > 0.0f ? clarity : 0.0f};
        best = t->from[frame * N_PITCHES + best];
    }
}

ub_status ub_pitch_follow(const ub_scene *scene, const ub_matrix *spectra, ub_pitch *pitches)
{
    const size_t n_frames = spectra->n_cols;
    tracker t = {0};
    const ub_status status = tracker_new(scene, n_frames, &t);
    for (size_t frame = 0; !status && frame < n_frames; frame++) {
        correlate(&t.combs, ub_matrix_column(spectra, frame), t.clarities + frame * N_PITCHES);
        advance(&t, frame);
    }
    if (!status) {
        trace_back(&t, n_frames, pitches);
    }
    tracker_free(&t);
    return status;
}
