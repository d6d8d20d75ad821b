// SPDX-License-Identifier: GPL-3.0-or-later
// What is low is a bass where there is one; where there is none, or keys play as low, a low-pass
// takes from them (docs/measurements.md). A line of single notes tells where to look, and how it
// stands in the frame how much of it to take.
#include "bass.h"
#include "bass_line.h"
#include "hpss.h"
#include "median.h"
#include "prior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"bass", "rest"};

static const double HIGHEST_HZ = 1720.0; // of a frame's energy
static const double SILENCE = 1e-4; // of the energy of the loudest frame

// Of bins to either side that a partial has whole, and where it ends: what a window blurs.
static const double WHOLE_BINS = 1.0, FADED_BINS = 2.5;

// Learned from 23 pieces rendered with FluidR3, with their basses and without them, and six that
// have none; the target is the bass's share of the energy of a harmonic.
static const double OF_HARMONIC[UB_BASS_HARMONICS] = {-1.39, -1.37, -1.00, -2.35, -3.18, -3.17};
static const double OF_LEVEL = -0.18; // times the logarithm of its share of the frame
static const double OF_PITCH = -0.91, OF_PITCH_SQUARED = -0.54; // in octaves above 80 Hz
static const double OF_SIDE = -1.93; // times how much its channels differ, 0 to 1 for stereo

static const double EXPECTED = 1.0; // by whoever asks for a bass

// ---- what rings --------------------------------------------------------------------------------

typedef struct low {
    ub_matrix rings, side; // L x T: sums over channels of magnitudes, of distances to their mean
    size_t *pitches; // T
    double bin_hz, most; // most: the energy of the loudest frame
} low;

static void low_free(low *l)
{
    ub_matrix_free(&l->rings);
    ub_matrix_free(&l->side);
    free(l->pitches);
}

static void add_channels(const ub_scene *scene, const ub_matrix *rings, size_t t, low *l)
{
    float *sum = ub_matrix_column(&l->rings, t), *side = ub_matrix_column(&l->side, t);
    for (size_t f = 0; f < l->rings.n_rows; f++) {
        float x[UB_NMF_MAX_CHANNELS], whole = 0.0f;
        for (size_t c = 0; c < scene->n_channels; c++) {
            x[c] = ub_matrix_column(&scene->spectra[c], t)[f] * ub_matrix_column(&rings[c], t)[f];
            whole += x[c];
        }
        sum[f] = whole;
        side[f] = 0.0f;
        for (size_t c = 0; c < scene->n_channels; c++) {
            side[f] += fabsf(x[c] - whole / (float)scene->n_channels);
        }
    }
}

static double energy_of(const float *x, size_t n)
{
    double sum = 0.0;
    for (size_t f = 0; f < n; f++) {
        sum += (double)x[f] * (double)x[f];
    }
    return sum;
}

static ub_status low_new(const ub_scene *scene, const ub_matrix *rings, low *l)
{
    const size_t n_low = ub_scene_bin(scene, HIGHEST_HZ), n_frames = scene->spectra[0].n_cols;
    *l = (low){.bin_hz = scene->rate_hz / (double)scene->size_samples};
    l->pitches = calloc(n_frames, sizeof *l->pitches);
    ub_status status = l->pitches ? UB_OK : UB_NO_MEMORY;
    status = status ? status : ub_matrix_new(n_low, n_frames, &l->rings);
    status = status ? status : ub_matrix_new(n_low, n_frames, &l->side);
    for (size_t t = 0; !status && t < n_frames; t++) {
        add_channels(scene, rings, t, l);
        l->most = fmax(l->most, energy_of(ub_matrix_column(&l->rings, t), n_low));
    }
    const double hop_s = (double)scene->hop_samples / scene->rate_hz;
    return status ? status
                  : ub_bass_line_find(&l->rings, l->bin_hz, hop_s, scene->n_threads, l->pitches);
}

// ---- shares ------------------------------------------------------------------------------------

static double within_partial(double bins)
{
    return fmax(0.0, fmin(1.0, (FADED_BINS - fabs(bins)) / (FADED_BINS - WHOLE_BINS)));
}

// The bins of a partial: [first, end).
static ub_span span_of(double bin, size_t n_bins)
{
    const double first = fmax(0.0, ceil(bin - FADED_BINS)), end = floor(bin + FADED_BINS) + 1.0;
    const ub_span all = {(size_t)first, (size_t)end};
    return all.end < n_bins ? all : (ub_span){all.first < n_bins ? all.first : n_bins, n_bins};
}

// The share of a harmonic, without what all harmonics of a frame have in common.
static double judge(const low *l, size_t t, size_t harmonic, double bin, double all)
{
    const float *sum = ub_matrix_column(&l->rings, t), *side = ub_matrix_column(&l->side, t);
    const ub_span span = span_of(bin, l->rings.n_rows);
    double energy = 0.0, apart = 0.0;
    for (size_t f = span.first; f < span.end; f++) {
        const double x = (double)sum[f] * within_partial((double)f - bin);
        energy += x * (double)sum[f];
        apart += x * (double)side[f];
    }
    const double silence = SILENCE * l->most;
    const double level = all > 0.0 ? log((energy + silence) / (all + silence)) : 0.0;
    return OF_HARMONIC[harmonic - 1] + OF_LEVEL * fmin(level, 0.0) +
           (energy > 0.0 ? OF_SIDE * apart / energy : 0.0);
}

static void share_out_frame(const low *l, size_t t, double expected, float *share, size_t n_bins)
{
    const double hz = ub_bass_pitch_hz(l->pitches[t]), octaves = log2(hz / 80.0);
    const double all = energy_of(ub_matrix_column(&l->rings, t), l->rings.n_rows);
    const double of_frame = expected + OF_PITCH * octaves + OF_PITCH_SQUARED * octaves * octaves;
    memset(share, 0, n_bins * sizeof *share);
    for (size_t h = 1; h <= UB_BASS_HARMONICS; h++) {
        const double bin = (double)h * hz / l->bin_hz;
        const double likely = 1.0 / (1.0 + exp(-of_frame - judge(l, t, h, bin, all)));
        const ub_span span = span_of(bin, n_bins);
        for (size_t f = span.first; f < span.end; f++) {
            share[f] = fmaxf(share[f], (float)(likely * within_partial((double)f - bin)));
        }
    }
}

ub_status ub_bass_share(const ub_scene *scene, const ub_matrix *rings, double expected,
                        ub_matrix *share)
{
    low l;
    const ub_status status = low_new(scene, rings, &l);
#pragma omp parallel for schedule(static) num_threads((int)scene->n_threads)
    for (size_t t = 0; t < (status ? 0 : share->n_cols); t++) {
        share_out_frame(&l, t, expected, ub_matrix_column(share, t), share->n_rows);
    }
    low_free(&l);
    return status;
}

// ---- the guide ---------------------------------------------------------------------------------

static ub_status find_what_rings(const ub_scene *scene, ub_matrix *scratch, ub_matrix *rings)
{
    ub_matrix sum = {0};
    ub_status status = ub_scene_sum(scene, &sum);
    status = status ? status : ub_hpss_mask(scene, &sum, scratch);
    for (size_t c = 0; !status && c < scene->n_channels; c++) {
        ub_prior_complement(scratch, &rings[c]);
    }
    ub_matrix_free(&sum);
    return status;
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    (void)context;
    ub_matrix share = {0};
    ub_status status = ub_matrix_new(scene->spectra[0].n_rows, scene->spectra[0].n_cols, &share);
    status = status ? status : find_what_rings(scene, &share, masks);
    status = status ? status : ub_bass_share(scene, masks, EXPECTED, &share);
    status = status ? ub_fail(why, status, "no memory to follow a bass") : UB_OK;
    if (!status) {
        ub_prior_multiply(&share, &masks[0]); // what the bass has of what rings
        ub_prior_split(&masks[0], scene->n_channels, masks);
        status = ub_progress_report(progress, "guide", 1.0);
    }
    ub_matrix_free(&share);
    return status;
}

const ub_guide ub_guide_bass = {.n_sources = 2, .names = names, .masks = make_masks};
