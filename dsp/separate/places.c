// SPDX-License-Identifier: GPL-3.0-or-later
#include "places.h"
#include "unbraid/mask.h"

#include <stdlib.h>

void ub_places_free(ub_places *places)
{
    ub_spatial_free(places->spatial);
    free(places->sources);
    free(places->frames);
    free(places->mix);
    free(places->parts);
    *places = (ub_places){0};
}

ub_status ub_places_new(const ub_places *shape, bool rank_one, ub_places *out)
{
    const size_t n_stems = shape->n_sources * shape->n_channels, n = shape->most_frames;
    *out = *shape;
    out->sources = calloc(n_stems * n * shape->n_bins, sizeof *out->sources);
    out->frames = calloc(n, sizeof *out->frames);
    out->mix = calloc(n * shape->n_channels, sizeof *out->mix);
    out->parts = calloc(n * n_stems, sizeof *out->parts);
    if (!out->sources || !out->frames || !out->mix || !out->parts) {
        return UB_NO_MEMORY;
    }
    for (size_t t = 0; t < n; t++) {
        out->frames[t] =
            (ub_spatial_frame){out->mix + t * shape->n_channels, out->parts + t * n_stems};
        for (size_t i = 0; i < n_stems; i++) {
            out->parts[t * n_stems + i] =
                ub_places_frame(out, i / shape->n_channels, i % shape->n_channels, t);
        }
    }
    return ub_spatial_new(shape->n_channels, shape->n_sources, shape->n_bins, rank_one,
                          &out->spatial);
}

// Mask times mix, where the filter begins.
static void take(ub_places *p, const ub_masked_block *block)
{
    const size_t n_stems = p->n_sources * p->n_channels, n = block->n_frames;
    for (size_t i = 0; i < n * p->n_channels; i++) {
        const size_t t = i / p->n_channels, channel = i % p->n_channels;
        p->mix[i] = block->spectra + (channel * block->most_frames + t) * p->n_bins;
    }
#pragma omp parallel for schedule(static) num_threads((int)p->n_threads)
    for (size_t i = 0; i < n * n_stems; i++) {
        const size_t stem = i / n, t = i % n;
        const size_t source = stem / p->n_channels, channel = stem % p->n_channels;
        const size_t row = (channel * p->n_sources + source) * block->most_frames + t;
        ub_mask_apply_frame(block->masks + row * block->mask_stride,
                            p->mix[t * p->n_channels + channel], p->n_bins,
                            ub_places_frame(p, source, channel, t));
    }
}

void ub_places_hear(ub_places *places, const ub_masked_block *block)
{
    take(places, block);
    ub_spatial_hear(places->spatial, places->frames, block->n_frames, places->n_threads);
}

ub_status ub_places_end_round(ub_places *places)
{
    return ub_spatial_end_round(places->spatial);
}

void ub_places_filter(ub_places *places, const ub_masked_block *block)
{
    take(places, block);
    ub_spatial_filter(places->spatial, places->frames, block->n_frames, places->n_threads);
}
