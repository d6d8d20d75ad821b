// SPDX-License-Identifier: GPL-3.0-or-later
// Every source has every component, with templates times its weight.
#include "ground/floats.h"
#include "ground/threads.h"
#include "prior.h"
#include "unbraid/mask.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TILE_FRAMES = UB_MASKER_MOST_FRAMES };

// J K components: those of the first source, then those of the next.
typedef struct shared_out {
    ub_nmf_factors factors; // activations too
    size_t *source;
} shared_out;

static void shared_out_free(shared_out *s)
{
    ub_nmf_factors_free(&s->factors);
    free(s->source);
}

static void share_component(const ub_nmf_factors *factors, size_t k, float weight, size_t to,
                            shared_out *s)
{
    const float *template = ub_matrix_column(&factors->templates, k);
    float *column = ub_matrix_column(&s->factors.templates, to);
    for (size_t f = 0; f < factors->templates.n_rows; f++) {
        column[f] = weight * template[f];
    }
    memcpy(ub_matrix_column(&s->factors.gains, to), ub_matrix_column(&factors->gains, k),
           factors->gains.n_rows * sizeof(float));
}

static ub_status share_out(const ub_nmf_factors *factors, const ub_matrix *weights, shared_out *s)
{
    const size_t n_sources = weights->n_rows, n_k = factors->templates.n_cols;
    const size_t n_frames = factors->activations.n_cols;
    *s = (shared_out){.source = calloc(n_sources * n_k, sizeof *s->source)};
    ub_status status = s->source ? UB_OK : UB_NO_MEMORY;
    status = status ? status
                    : ub_nmf_factors_new(factors->templates.n_rows, n_frames, factors->gains.n_rows,
                                         n_sources * n_k, &s->factors);
    if (status) {
        shared_out_free(s);
        return status;
    }
    for (size_t j = 0; j < n_sources; j++) {
        for (size_t k = 0; k < n_k; k++) {
            s->source[j * n_k + k] = j;
            share_component(factors, k, ub_matrix_column(weights, k)[j], j * n_k + k, s);
        }
        for (size_t t = 0; t < n_frames; t++) {
            memcpy(ub_matrix_column(&s->factors.activations, t) + j * n_k,
                   ub_matrix_column(&factors->activations, t), n_k * sizeof(float));
        }
    }
    return UB_OK;
}

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
    shared_out s;
    if (share_out(factors, weights, &s)) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for components of %zu sources",
                       weights->n_rows);
    }
    ub_masker *masker = NULL;
    ub_status status =
        ub_masker_new(&s.factors.templates, &s.factors.gains, s.source, weights->n_rows, exponent,
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
        for (size_t first = 0; first < s.factors.activations.n_cols; first += TILE_FRAMES) {
            run_tile(scene, masker, &s.factors.activations, weights->n_rows, first,
                     work + ub_thread_index() * n_floats, masks);
        }
    }
    free(work);
    ub_masker_free(masker);
    shared_out_free(&s);
    return status;
}
