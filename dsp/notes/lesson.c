// SPDX-License-Identifier: GPL-3.0-or-later
#include "lesson.h"
#include "ground/floats.h"
#include "ground/number.h"
#include "ground/threads.h"
#include "separate/spectra.h"

#include <stdlib.h>

ub_stft_settings ub_lesson_transform(double rate_hz)
{
    return ub_stft_settings_for(UB_WINDOW_HANN, 186.0, 8, rate_hz);
}

ub_status ub_lesson_check(const ub_audio *audio, ub_message *why)
{
    return ub_in_range(audio->rate_hz, 1000.0, 1e6) && audio->n_channels >= 1
               ? UB_OK
               : ub_fail(why, UB_BAD_SHAPE, "the audio has %zu channels of %g Hz",
                         audio->n_channels, audio->rate_hz);
}

static void visit_block(const ub_front *front, const ub_matrix *block, size_t first, size_t n,
                        float *mean, ub_frame_visitor visit, void *context)
{
    const ub_stft_settings *stft = ub_stft_get_settings(front->stft);
    const size_t n_channels = front->audio->n_channels;
    for (size_t i = 0; i < n; i++) {
        for (size_t f = 0; f < block[0].n_rows; f++) {
            float sum = 0.0f;
            for (size_t c = 0; c < n_channels; c++) {
                sum += ub_matrix_column(&block[c], i)[f];
            }
            mean[f] = sum / (float)n_channels;
        }
        const double middle =
            (double)((first + i + 1) * stft->hop_samples) - 0.5 * (double)stft->size_samples;
        visit(context, first + i, middle / front->audio->rate_hz, mean);
    }
}

static ub_status visit_all(ub_front *front, const ub_progress *progress, ub_matrix *block,
                           float *mean, ub_frame_visitor visit, void *context, ub_message *why)
{
    ub_status status = UB_OK;
    for (size_t first = 0; !status && first < front->n_frames; first += UB_BLOCK_FRAMES) {
        const size_t rest = front->n_frames - first;
        const size_t n = rest < UB_BLOCK_FRAMES ? rest : UB_BLOCK_FRAMES;
        status = ub_progress_report(progress, "analyse", (double)first / (double)front->n_frames);
        status = status ? status : ub_spectra_read(front, first, n, progress, block, 0, why);
        if (!status) {
            visit_block(front, block, first, n, mean, visit, context);
        }
    }
    return status;
}

ub_status ub_lesson_visit(const ub_audio *audio, const ub_settings *settings,
                          const ub_progress *progress, ub_frame_visitor visit, void *context,
                          ub_message *why)
{
    const ub_stft_settings transform = ub_lesson_transform(audio->rate_hz);
    const size_t n_threads = ub_thread_count((size_t)settings->value[UB_PARAM_THREADS]);
    ub_stft *stft = NULL;
    ub_front front = {0};
    ub_matrix *block = NULL;
    ub_status status = ub_stft_new(&transform, &stft, why);
    status =
        status ? status : ub_front_new(audio, stft, NULL, UB_BLOCK_FRAMES, n_threads, &front, why);
    if (status) {
        ub_stft_free(stft);
        return status;
    }
    float *mean = ub_floats_new(ub_stft_n_bins(stft));
    status = mean ? ub_spectra_new(&front, UB_BLOCK_FRAMES, &block, why)
                  : ub_fail(why, UB_NO_MEMORY, "no memory for a frame");
    status = status ? status : visit_all(&front, progress, block, mean, visit, context, why);
    ub_spectra_free(block, audio->n_channels);
    free(mean);
    ub_front_free(&front);
    ub_stft_free(stft);
    return status;
}
