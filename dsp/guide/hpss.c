// SPDX-License-Identifier: GPL-3.0-or-later
#include "hpss.h"
#include "median.h"

#include <math.h>
#include <stdlib.h>

// To either side.
static const double SECONDS_AROUND = 0.15, SHARE_AROUND = 0.35, HZ_AROUND = 250.0;

static ub_span *spans_of(const ub_scene *scene, size_t n_bins)
{
    const double most = rint(HZ_AROUND * (double)scene->size_samples / scene->rate_hz);
    ub_span *spans = malloc(n_bins * sizeof *spans);
    for (size_t f = 0; spans && f < n_bins; f++) {
        // One bin at least: a single one would keep everything.
        const double wanted = fmax(1.0, fmin(most, rint(SHARE_AROUND * (double)f)));
        const size_t around = (size_t)wanted;
        spans[f].first = f < around ? 0 : f - around;
        spans[f].end = n_bins - f <= around ? n_bins : f + around + 1;
    }
    return spans;
}

static void compare(const ub_matrix *harmonic, ub_matrix *percussive)
{
    for (size_t t = 0; t < percussive->n_cols; t++) {
        const float *h = ub_matrix_column(harmonic, t);
        float *p = ub_matrix_column(percussive, t);
        for (size_t f = 0; f < percussive->n_rows; f++) {
            const double struck = (double)p[f] * (double)p[f];
            const double rings = (double)h[f] * (double)h[f];
            const double sum = struck + rings;
            p[f] = sum > 0.0 ? (float)(struck / sum) : 0.5f;
        }
    }
}

ub_status ub_hpss_mask(const ub_scene *scene, const ub_matrix *magnitudes, ub_matrix *percussive)
{
    ub_matrix harmonic = {0};
    ub_span *spans = spans_of(scene, magnitudes->n_rows);
    ub_status status =
        spans ? ub_matrix_new(magnitudes->n_rows, magnitudes->n_cols, &harmonic) : UB_NO_MEMORY;
    status = status ? status
                    : ub_median_along_time(magnitudes, ub_scene_frames(scene, SECONDS_AROUND),
                                           scene->n_threads, &harmonic);
    status = status ? status
                    : ub_median_along_frequency(magnitudes, spans, scene->n_threads, percussive);
    if (!status) {
        compare(&harmonic, percussive);
    }
    ub_matrix_free(&harmonic);
    free(spans);
    return status;
}
