// SPDX-License-Identifier: GPL-3.0-or-later
#include "past.h"
#include "dictionary/context.h"

#include <math.h>
#include <string.h>

static const double KEPT_S = 0.2;

size_t ub_past_frames(double hop_s)
{
    return (size_t)ceil(KEPT_S / hop_s);
}

ub_status ub_past_new(size_t n_bins, size_t n_frames, ub_past *out)
{
    ub_past past = {0};
    ub_status status = ub_context_bands_new(n_bins, &past.bands);
    status = status ? status : ub_matrix_new(past.bands.n_bands, n_frames, &past.frames);
    if (status) {
        ub_past_free(&past);
        return status;
    }
    *out = past;
    return UB_OK;
}

void ub_past_free(ub_past *past)
{
    ub_bands_free(&past->bands);
    ub_matrix_free(&past->frames);
}

void ub_past_clear(ub_past *past)
{
    memset(past->frames.data, 0, past->frames.n_cols * past->frames.stride * sizeof(float));
}

void ub_past_add(ub_past *past, const float *magnitudes)
{
    past->newest = past->newest + 1 == past->frames.n_cols ? 0 : past->newest + 1;
    ub_bands_merge(&past->bands, magnitudes, ub_matrix_column(&past->frames, past->newest));
}

const float *ub_past_frame(const ub_past *past, size_t back)
{
    const size_t n = past->frames.n_cols;
    return ub_matrix_column(&past->frames, (past->newest + n - (back - 1)) % n);
}
