// SPDX-License-Identifier: GPL-3.0-or-later
#include "struck.h"
#include "hpss.h"

#include <stdlib.h>

enum {
    CELL_FRAMES = 1024, // 24 s
    N_PRIORS = 2 // struck, rings
};

static ub_matrix columns_of(const ub_matrix *matrix, size_t first, size_t n)
{
    ub_matrix view = *matrix;
    view.data = ub_matrix_column(matrix, first);
    view.n_cols = n;
    return view;
}

// @param amounts  2 x K: of what is struck, then of what rings.
static ub_status weigh_cell(const ub_scene *cell, const ub_nmf_factors *factors, double *amounts)
{
    ub_matrix sum = {0}, priors[N_PRIORS] = {{0}};
    ub_status status = ub_scene_sum(cell, &sum);
    status = status ? status : ub_matrix_new(sum.n_rows, sum.n_cols, &priors[0]);
    status = status ? status : ub_matrix_new(sum.n_rows, sum.n_cols, &priors[1]);
    status = status ? status : ub_hpss_mask(cell, &sum, &priors[0]);
    if (!status) {
        ub_prior_complement(&priors[0], &priors[1]);
        status = ub_prior_amounts(cell, factors, priors, N_PRIORS, amounts);
    }
    ub_matrix_free(&priors[0]);
    ub_matrix_free(&priors[1]);
    ub_matrix_free(&sum);
    return status;
}

static ub_status weigh_cells(const ub_scene *scene, const ub_nmf_factors *factors, double *amounts,
                             double *sums)
{
    const size_t n_frames = scene->spectra[0].n_cols, n_k = factors->templates.n_cols;
    ub_matrix spectra[UB_NMF_MAX_CHANNELS];
    ub_scene cell = *scene;
    cell.spectra = spectra;
    ub_nmf_factors part = *factors;
    ub_status status = UB_OK;
    for (size_t first = 0; !status && first < n_frames; first += CELL_FRAMES) {
        const size_t rest = n_frames - first, n = rest < CELL_FRAMES ? rest : CELL_FRAMES;
        part.activations = columns_of(&factors->activations, first, n);
        for (size_t c = 0; c < cell.n_channels; c++) {
            spectra[c] = columns_of(&scene->spectra[c], first, n);
        }
        status = weigh_cell(&cell, &part, amounts);
        for (size_t i = 0; !status && i < N_PRIORS * n_k; i++) {
            sums[i] += amounts[i];
        }
    }
    return status;
}

ub_status ub_struck_shares(const ub_scene *scene, const ub_nmf_factors *factors, float *struck)
{
    const size_t n_k = factors->templates.n_cols;
    double *amounts = calloc(2 * N_PRIORS * n_k, sizeof *amounts); // of one cell, and of all
    if (!amounts) {
        return UB_NO_MEMORY;
    }
    double *sums = amounts + N_PRIORS * n_k;
    const ub_status status = weigh_cells(scene, factors, amounts, sums);
    for (size_t k = 0; k < n_k; k++) {
        const double all = sums[k] + sums[n_k + k];
        struck[k] = all > 0.0 ? (float)(sums[k] / all) : 0.5f;
    }
    free(amounts);
    return status;
}
