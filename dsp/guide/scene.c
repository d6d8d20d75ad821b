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

const char *ub_scene_kernels(const ub_scene *scene)
{
    const size_t choice = (size_t)scene->settings->value[UB_PARAM_KERNELS];
    return choice ? ub_param_table()[UB_PARAM_KERNELS].choices[choice] : NULL;
}
