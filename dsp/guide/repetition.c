// SPDX-License-Identifier: GPL-3.0-or-later
// Frames are taken in tiles: a tile's similarities with all frames are one product, whose inner
// loop runs over the frames of the tile, and are forgotten when the tile is done. Medians are of
// all bins of a block side by side, by a network of comparisons that is the same for each.
#include "repetition.h"
#include "factor/bands.h"
#include "ground/floats.h"
#include "ground/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILE_FRAMES = 16, // their sums stay in registers
    BATCH_TILES = 16, // between two reports of progress
    BLOCK_BINS = 64 // whose medians are found side by side
};

// What one thread works with.
typedef struct workspace {
    float *tile; // n_bands x TILE_FRAMES: the bands of the tile's frames, transposed
    float *alike; // TILE_FRAMES x T: their similarities
    size_t *chosen; // n_similar
    float *values; // n_similar x BLOCK_BINS
    float median[BLOCK_BINS];
} workspace;

typedef struct repetition {
    const ub_matrix *magnitudes;
    const ub_repetition_settings *settings;
    ub_matrix bands; // n_bands x T, columns of length one, or zero
    size_t n_works;
    workspace *works;
} repetition;

ub_repetition_settings ub_repetition_settings_default(double rate_hz, size_t size_samples,
                                                      size_t hop_samples)
{
    const double apart = ceil(0.7 * rate_hz / (double)hop_samples);
    const double bin = ceil(100.0 * (double)size_samples / rate_hz);
    return (ub_repetition_settings){.n_similar = 25,
                                    .apart_frames = apart < 1.0 ? 1 : (size_t)apart,
                                    .first_bin = (size_t)bin,
                                    .n_threads = 1};
}

static void repetition_free(repetition *r)
{
    for (size_t i = 0; r->works && i < r->n_works; i++) {
        free(r->works[i].tile);
        free(r->works[i].alike);
        free(r->works[i].chosen);
        free(r->works[i].values);
    }
    free(r->works);
    ub_matrix_free(&r->bands);
}

static bool work_new(const repetition *r, workspace *work)
{
    work->tile = ub_floats_new(r->bands.n_rows * TILE_FRAMES);
    work->alike = ub_floats_new(r->bands.n_cols * TILE_FRAMES);
    work->chosen = calloc(r->settings->n_similar, sizeof *work->chosen);
    work->values = ub_floats_new(r->settings->n_similar * BLOCK_BINS);
    return work->tile && work->alike && work->chosen && work->values;
}

static void bring_to_length_one(float *column, size_t n)
{
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        squares += (double)column[i] * (double)column[i];
    }
    const double scale = squares > 0.0 ? 1.0 / sqrt(squares) : 0.0;
    for (size_t i = 0; i < n; i++) {
        column[i] = (float)((double)column[i] * scale);
    }
}

static ub_status repetition_new(const ub_matrix *magnitudes, const ub_repetition_settings *settings,
                                repetition *r)
{
    *r = (repetition){.magnitudes = magnitudes, .settings = settings};
    ub_bands bands;
    ub_status status = ub_bands_new(magnitudes->n_rows, 0, &bands);
    if (status) {
        return status;
    }
    status = ub_bands_merge_matrix(&bands, magnitudes, &r->bands);
    ub_bands_free(&bands);
    for (size_t t = 0; t < r->bands.n_cols; t++) {
        bring_to_length_one(ub_matrix_column(&r->bands, t), r->bands.n_rows);
    }
    r->n_works = settings->n_threads;
    r->works = calloc(r->n_works, sizeof *r->works);
    for (size_t i = 0; !status && i < r->n_works; i++) {
        status = r->works && work_new(r, &r->works[i]) ? UB_OK : UB_NO_MEMORY;
    }
    return status;
}

// The frames of a tile from `first` on against all; frames beyond the last are zero.
static void compare(const repetition *r, size_t first, workspace *work)
{
    const size_t n_bands = r->bands.n_rows, n_frames = r->bands.n_cols;
    for (size_t q = 0; q < TILE_FRAMES; q++) {
        const bool is_there = first + q < n_frames;
        const float *frame = is_there ? ub_matrix_column(&r->bands, first + q) : NULL;
        for (size_t b = 0; b < n_bands; b++) {
            work->tile[b * TILE_FRAMES + q] = is_there ? frame[b] : 0.0f;
        }
    }
    for (size_t t = 0; t < n_frames; t++) {
        const float *frame = ub_matrix_column(&r->bands, t);
        float sums[TILE_FRAMES] = {0.0f};
        for (size_t b = 0; b < n_bands; b++) {
            for (size_t q = 0; q < TILE_FRAMES; q++) {
                sums[q] += work->tile[b * TILE_FRAMES + q] * frame[b];
            }
        }
        for (size_t q = 0; q < TILE_FRAMES; q++) {
            work->alike[q * n_frames + t] = sums[q];
        }
    }
}

static size_t most_similar(const float *alike, size_t n_frames)
{
    size_t best = 0;
    float most = alike[0];
    for (size_t t = 1; t < n_frames; t++) {
        if (alike[t] > most) {
            most = alike[t];
            best = t;
        }
    }
    return best;
}

// Marks what is used up by -1, below every similarity.
static size_t choose(const ub_repetition_settings *settings, size_t n_frames, float *alike,
                     size_t *chosen)
{
    size_t n = 0;
    for (; n < settings->n_similar; n++) {
        const size_t best = most_similar(alike, n_frames);
        if (alike[best] < 0.0f) {
            break;
        }
        chosen[n] = best;
        const size_t near = settings->apart_frames - 1;
        const size_t end = n_frames - best > near ? best + near + 1 : n_frames;
        for (size_t t = best > near ? best - near : 0; t < end; t++) {
            alike[t] = -1.0f;
        }
    }
    return n;
}

// The larger ones after the smaller ones: in one loop compilers make branches of the two choices.
static void order(float *restrict low, float *restrict high)
{
    float larger[BLOCK_BINS];
    for (size_t f = 0; f < BLOCK_BINS; f++) {
        larger[f] = low[f] > high[f] ? low[f] : high[f];
    }
    for (size_t f = 0; f < BLOCK_BINS; f++) {
        low[f] = low[f] < high[f] ? low[f] : high[f];
    }
    memcpy(high, larger, sizeof larger);
}

// Batcher's merge exchange (Knuth, The Art of Computer Programming 3, algorithm 5.2.2M) sorts n
// rows, each column by itself.
static void sort_rows(float *values, size_t n)
{
    size_t top = 1;
    while (2 * top < n) {
        top *= 2;
    }
    for (size_t p = n > 1 ? top : 0; p > 0; p /= 2) {
        size_t distance = p, residue = 0;
        for (size_t q = top;; q /= 2) {
            for (size_t i = 0; i + distance < n; i++) {
                if ((i & p) == residue) {
                    order(values + i * BLOCK_BINS, values + (i + distance) * BLOCK_BINS);
                }
            }
            if (q == p) {
                break;
            }
            distance = q - p;
            residue = p;
        }
    }
}

static void find_medians(const ub_matrix *magnitudes, const size_t *chosen, size_t n, size_t first,
                         size_t n_bins, workspace *work)
{
    for (size_t i = 0; i < n; i++) {
        float *row = work->values + i * BLOCK_BINS;
        memcpy(row, ub_matrix_column(magnitudes, chosen[i]) + first, n_bins * sizeof *row);
    }
    sort_rows(work->values, n);
    const float *low = work->values + (n - 1) / 2 * BLOCK_BINS;
    const float *high = work->values + n / 2 * BLOCK_BINS;
    for (size_t f = 0; f < n_bins; f++) {
        work->median[f] = 0.5f * low[f] + 0.5f * high[f];
    }
}

static void mask_frame(const repetition *r, size_t t, size_t n, workspace *work, float *foreground)
{
    const size_t n_bins = r->magnitudes->n_rows, bottom = r->settings->first_bin;
    const size_t start = bottom < n_bins ? bottom : n_bins;
    memset(foreground, 0, start * sizeof *foreground);
    const float *v = ub_matrix_column(r->magnitudes, t);
    for (size_t first = start; first < n_bins; first += BLOCK_BINS) {
        const size_t some = n_bins - first < BLOCK_BINS ? n_bins - first : BLOCK_BINS;
        find_medians(r->magnitudes, work->chosen, n, first, some, work);
        for (size_t f = 0; f < some; f++) {
            const float magnitude = v[first + f], background = work->median[f];
            foreground[first + f] =
                background < magnitude ? (magnitude - background) / magnitude : 0.0f;
        }
    }
}

static void mask_tile(const repetition *r, size_t first, workspace *work, ub_matrix *foreground)
{
    const size_t n_frames = r->bands.n_cols;
    const size_t rest = n_frames - first, n = rest < TILE_FRAMES ? rest : TILE_FRAMES;
    compare(r, first, work);
    for (size_t q = 0; q < n; q++) {
        const size_t n_chosen =
            choose(r->settings, n_frames, work->alike + q * n_frames, work->chosen);
        mask_frame(r, first + q, n_chosen, work, ub_matrix_column(foreground, first + q));
    }
}

ub_status ub_repetition_mask(const ub_matrix *magnitudes, const ub_repetition_settings *settings,
                             const ub_progress *progress, ub_matrix *foreground)
{
    repetition r;
    const size_t n_frames = magnitudes->n_cols, batch = BATCH_TILES * TILE_FRAMES;
    ub_status status = repetition_new(magnitudes, settings, &r);
    for (size_t start = 0; !status && start < n_frames; start += batch) {
        const size_t end = n_frames - start < batch ? n_frames : start + batch;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)settings->n_threads)
        for (size_t first = start; first < end; first += TILE_FRAMES) {
            mask_tile(&r, first, &r.works[ub_thread_index()], foreground);
        }
        status = ub_progress_report(progress, "compare", (double)end / (double)n_frames);
    }
    repetition_free(&r);
    return status;
}
