// SPDX-License-Identifier: GPL-3.0-or-later
#include "ground/floats.h"
#include "ground/threads.h"
#include "prior.h"
#include "unbraid/mask.h"

#include <assert.h>
#include <stdlib.h>

enum { TILE_FRAMES = UB_MASKER_MOST_FRAMES };

static void run_tile(const ub_scene *scene, const ub_masker *masker, const ub_matrix *activations,
                     size_t n_sources, size_t first, float *work, ub_matrix *masks)
{
    const size_t rest = activations->n_cols - first;
    const size_t n = rest < TILE_FRAMES ? rest : TILE_FRAMES;
    float *columns[UB_DICTIONARY_MAX_SOURCES + 1];
    for (size_t c = 0; c < scene->n_channels; c++) {
        for (size_t j = 0; j < n_sources; j++) {
            columns[j] = ub_matrix_column(&masks[j * scene->n_channels + c], first);
        }
        ub_masker_run(masker, c, activations, first, n, work, columns);
    }
}

ub_status ub_prior_masks(const ub_scene *scene, const ub_nmf_factors *factors,
                         const ub_matrix *weights, double exponent, ub_matrix *masks,
                         ub_message *why)
{
    ub_masker *masker = NULL;
    ub_status status = ub_masker_new_shared(&factors->templates, &factors->gains, weights, exponent,
                                            ub_settings_kernels(scene->settings), &masker, why);
    const size_t n_threads = ub_thread_count(scene->n_threads);
    const size_t n_floats = status ? 0 : ub_floats_line(ub_masker_work_size(masker));
    float *work = status ? NULL : ub_floats_new(n_threads * n_floats);
    if (!status && !work) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for masks");
    }
    if (!status) {
        assert(ub_masker_stride(masker) == masks[0].stride);
#pragma omp parallel for schedule(static) num_threads((int)n_threads)
        for (size_t first = 0; first < factors->activations.n_cols; first += TILE_FRAMES) {
            run_tile(scene, masker, &factors->activations, weights->n_rows, first,
                     work + ub_thread_index() * n_floats, masks);
        }
    }
    free(work);
    ub_masker_free(masker);
    return status;
}
