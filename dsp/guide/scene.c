// SPDX-License-Identifier: GPL-3.0-or-later
#include "guide.h"

ub_status ub_scene_sum(const ub_scene *scene, ub_matrix *out)
{
    const ub_status status = ub_matrix_copy(&scene->spectra[0], out);
    for (size_t c = 1; !status && c < scene->n_channels; c++) {
        for (size_t t = 0; t < out->n_cols; t++) {
            const float *v = ub_matrix_column(&scene->spectra[c], t);
            float *sum = ub_matrix_column(out, t);
            for (size_t f = 0; f < out->n_rows; f++) {
                sum[f] += v[f];
            }
        }
    }
    return status;
}
