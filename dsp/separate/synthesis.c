// SPDX-License-Identifier: GPL-3.0-or-later
// A block of frames passes through four stages, each of them parallel over what does not touch:
// analysis over channels and frames, activations over tiles of frames, masks over channels and
// runs of frames, and synthesis over stems and channels, where overlap-add must go in order.
#include "synthesis.h"
#include "ground/floats.h"
#include "ground/progress_part.h"
#include "ground/threads.h"
#include "places.h"
#include "team.h"

#include <stdlib.h>
#include <string.h>

enum {
    MASK_FRAMES = 8 // frames of a task; any number gives the same bits
};

typedef struct synthesis {
    ub_front *front;
    const ub_recipe *recipe;
    const ub_stft_settings *stft;
    size_t n_channels, n_bins, n_sources;
    size_t block_frames; // most that are in memory
    size_t n_rounds; // passes before the one that makes stems
    size_t mask_stride;
    float complex *spectra; // [channel][frame][bin]
    ub_matrix *magnitudes; // per channel, only for the team
    ub_team team; // only when activations come frame by frame
    ub_matrix activations; // of the block, unless those of the whole signal are given
    float *masks; // [channel][source][frame], mask_stride apart
    ub_places places; // only with rounds
    ub_matrix sums; // overlap-add, a column per source and channel
    float *masker_work;
    size_t masker_work_size; // floats per thread
    const float **pointers; // [source][channel]
    const float *const **stems; // [source]
} synthesis;

static void synthesis_free(synthesis *s)
{
    if (s->magnitudes) {
        for (size_t c = 0; c < s->n_channels; c++) {
            ub_matrix_free(&s->magnitudes[c]);
        }
    }
    free(s->magnitudes);
    free(s->spectra);
    ub_matrix_free(&s->activations);
    free(s->masks);
    ub_places_free(&s->places);
    ub_matrix_free(&s->sums);
    ub_team_free(&s->team);
    free(s->masker_work);
    free(s->pointers);
    free(s->stems);
}

static bool allocate_activator(synthesis *s)
{
    s->magnitudes = calloc(s->n_channels, sizeof *s->magnitudes);
    if (!s->magnitudes || ub_team_new(s->recipe->activator, s->front->n_threads, &s->team)) {
        return false;
    }
    for (size_t c = 0; c < s->n_channels; c++) {
        if (ub_matrix_new(ub_front_n_rows(s->front), s->block_frames, &s->magnitudes[c])) {
            return false;
        }
    }
    return true;
}

static bool allocate_activations(synthesis *s)
{
    if (s->recipe->guided || s->recipe->activations) {
        return true;
    }
    return !ub_matrix_new(s->recipe->n_components, s->block_frames, &s->activations) &&
           (s->recipe->smoother || allocate_activator(s));
}

static bool allocate_places(synthesis *s)
{
    const ub_places shape = {.n_channels = s->n_channels,
                             .n_sources = s->n_sources,
                             .n_bins = s->n_bins,
                             .most_frames = s->block_frames,
                             .n_threads = s->front->n_threads};
    return s->n_rounds == 0 || !ub_places_new(&shape, s->recipe->rank_one, &s->places);
}

static bool allocate(synthesis *s)
{
    const size_t n_stems = s->n_sources * s->n_channels;
    const size_t length = (s->block_frames - 1) * s->stft->hop_samples + s->stft->size_samples;
    s->mask_stride = ub_floats_line(s->n_bins);
    if (!s->recipe->guided) {
        s->mask_stride = ub_masker_stride(s->recipe->masker);
        s->masker_work_size = ub_floats_line(ub_masker_work_size(s->recipe->masker));
    }
    s->spectra = calloc(s->n_channels * s->block_frames * s->n_bins, sizeof(float complex));
    s->masks = ub_floats_new(n_stems * s->block_frames * s->mask_stride);
    s->masker_work = ub_floats_new(s->front->n_threads * s->masker_work_size);
    s->pointers = calloc(n_stems, sizeof *s->pointers);
    s->stems = calloc(s->n_sources, sizeof *s->stems);
    return s->spectra && s->masks && s->masker_work && s->pointers && s->stems &&
           !ub_matrix_new(length, n_stems, &s->sums) && allocate_activations(s) &&
           allocate_places(s);
}

static float complex *spectrum_of(const synthesis *s, size_t channel, size_t frame)
{
    return s->spectra + (channel * s->block_frames + frame) * s->n_bins;
}

static float *masks_of(const synthesis *s, size_t channel, size_t source, size_t frame)
{
    return s->masks +
           ((channel * s->n_sources + source) * s->block_frames + frame) * s->mask_stride;
}

static void analyse(synthesis *s, size_t n)
{
#pragma omp parallel for schedule(static) num_threads((int)s->front->n_threads)
    for (size_t i = 0; i < n * s->n_channels; i++) {
        const size_t channel = i / n, frame = i % n;
        float complex *spectrum = spectrum_of(s, channel, frame);
        ub_stft_analyse_frame(s->front->stft, ub_front_frame(s->front, channel, frame),
                              s->front->work[ub_thread_index()], spectrum);
        if (s->magnitudes && !s->front->context) {
            float *magnitude = ub_matrix_column(&s->magnitudes[channel], frame);
            ub_stft_magnitude(spectrum, s->n_bins, magnitude);
            for (size_t f = 0; f < s->n_bins; f++) {
                magnitude[f] *= s->front->scale;
            }
        }
    }
    if (s->magnitudes && s->front->context) { // neighbours have to be transformed as well
        ub_front_magnitudes(s->front, n, s->magnitudes, 0);
    }
}

static void mask(synthesis *s, const ub_matrix *activations, size_t first, size_t n)
{
    const size_t n_tasks = (n + MASK_FRAMES - 1) / MASK_FRAMES;
#pragma omp parallel for schedule(static) num_threads((int)s->front->n_threads)
    for (size_t i = 0; i < n_tasks * s->n_channels; i++) {
        const size_t channel = i / n_tasks, from = i % n_tasks * MASK_FRAMES;
        const size_t some = n - from < MASK_FRAMES ? n - from : MASK_FRAMES;
        float *masks[UB_DICTIONARY_MAX_SOURCES + 1];
        for (size_t source = 0; source < s->n_sources; source++) {
            masks[source] = masks_of(s, channel, source, from);
        }
        ub_masker_run(s->recipe->masker, channel, activations, first + from, some,
                      s->masker_work + ub_thread_index() * s->masker_work_size, masks);
    }
}

static void synthesise(synthesis *s, size_t n)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)s->front->n_threads)
    for (size_t i = 0; i < s->n_sources * s->n_channels; i++) {
        const size_t source = i / s->n_channels, channel = i % s->n_channels;
        const size_t thread = ub_thread_index();
        float complex *masked = s->front->spectrum[thread];
        float *sums = ub_matrix_column(&s->sums, i);
        for (size_t t = 0; t < n; t++) {
            const float complex *frame = masked;
            if (s->n_rounds > 0) {
                frame = ub_places_frame(&s->places, source, channel, t);
            } else {
                ub_mask_apply_frame(masks_of(s, channel, source, t), spectrum_of(s, channel, t),
                                    s->n_bins, masked);
            }
            ub_stft_synthesise_frame(s->front->stft, frame, s->front->work[thread],
                                     sums + t * s->stft->hop_samples);
        }
    }
}

// Hand out what no later frame touches, and move the rest to the front.
static ub_status emit(synthesis *s, size_t first, size_t n, const ub_stem_sink *sink,
                      ub_message *why)
{
    const size_t hop = s->stft->hop_samples, lead = s->stft->size_samples - hop;
    const size_t total = s->front->audio->n_samples;
    // Sample of the signal at the start of the buffer, and how many are before the signal.
    const size_t start = first * hop > lead ? first * hop - lead : 0;
    const size_t skip = first * hop > lead ? 0 : lead - first * hop;
    // The last frames reach `lead` samples beyond the end, so whole hops cover the signal.
    size_t n_samples = n * hop > skip ? n * hop - skip : 0;
    n_samples = start + n_samples > total ? total - start : n_samples;
    for (size_t i = 0; i < s->n_sources * s->n_channels; i++) {
        s->pointers[i] = ub_matrix_column(&s->sums, i) + skip;
    }
    ub_status status = UB_OK;
    if (n_samples > 0) {
        status = sink->write(sink->context, start, n_samples, s->stems, why);
    }
    for (size_t i = 0; i < s->n_sources * s->n_channels; i++) {
        float *sums = ub_matrix_column(&s->sums, i);
        memmove(sums, sums + n * hop, lead * sizeof *sums);
        memset(sums + lead, 0, (s->sums.n_rows - lead) * sizeof *sums);
    }
    return status;
}

// From the samples of a block to its masks.
static ub_masked_block make_masks(synthesis *s, const ub_progress *progress, size_t first, size_t n)
{
    ub_progress_stage(progress, "analyse");
    analyse(s, n);
    if (s->magnitudes) {
        ub_progress_stage(progress, "activate");
        ub_team_run(&s->team, s->magnitudes, n, &s->activations);
    }
    ub_progress_stage(progress, "mask");
    if (s->recipe->activations) {
        mask(s, s->recipe->activations, first, n);
    } else if (!s->recipe->guided) {
        mask(s, &s->activations, 0, n);
    }
    return (ub_masked_block){.spectra = s->spectra,
                             .masks = s->masks,
                             .mask_stride = s->mask_stride,
                             .most_frames = s->block_frames,
                             .n_frames = n};
}

// What has to be known of a block before it is read: its makers read for themselves.
static ub_status prepare(synthesis *s, const ub_progress *progress, size_t nth, double at,
                         size_t first, size_t n, ub_message *why)
{
    if (s->recipe->guided) {
        const double n_passes = (double)(s->n_rounds + 1);
        ub_progress_part share = {progress, (double)nth / n_passes, (double)(nth + 1) / n_passes};
        const ub_progress guiding = ub_progress_of_part(&share);
        return ub_guided_run(s->recipe->guided, first, n, &guiding, s->masks, s->block_frames,
                             s->mask_stride, why);
    }
    if (!s->recipe->smoother) {
        return UB_OK;
    }
    ub_progress_part part = {progress, at, at};
    const ub_progress smoothing = ub_progress_of_part(&part);
    return ub_smoother_run(s->recipe->smoother, first, n, &smoothing, &s->activations, why);
}

static double done_before(const synthesis *s, size_t frame)
{
    return s->recipe->guided ? ub_guided_done(s->recipe->guided, frame)
                             : (double)frame / (double)s->front->n_frames;
}

// All blocks once. The last pass makes stems, those before it are rounds of the filter.
static ub_status pass(synthesis *s, size_t nth, const ub_progress *progress,
                      const ub_stem_sink *sink, ub_message *why)
{
    const size_t n_frames = s->front->n_frames;
    ub_status status = UB_OK;
    for (size_t first = 0; !status && first < n_frames; first += s->block_frames) {
        const size_t rest = n_frames - first;
        const size_t n = rest < s->block_frames ? rest : s->block_frames;
        const double at = ((double)nth + done_before(s, first)) / (double)(s->n_rounds + 1);
        status = prepare(s, progress, nth, at, first, n, why);
        status = status ? status : ub_progress_report(progress, "resynthesise", at);
        ub_progress_stage(progress, "read");
        status = status ? status : ub_front_read(s->front, first, n, why);
        if (status) {
            break;
        }
        const ub_masked_block block = make_masks(s, progress, first, n);
        if (nth < s->n_rounds) {
            ub_places_hear(&s->places, &block);
            continue;
        }
        if (s->n_rounds > 0) {
            ub_places_filter(&s->places, &block);
        }
        ub_progress_stage(progress, "synthesise");
        synthesise(s, n);
        ub_progress_stage(progress, "write");
        status = emit(s, first, n, sink, why);
    }
    return status;
}

static ub_status end_round(synthesis *s, ub_message *why)
{
    if (s->recipe->guided) {
        ub_guided_rewind(s->recipe->guided);
    } else if (s->recipe->smoother) {
        ub_smoother_rewind(s->recipe->smoother);
    }
    return ub_places_end_round(&s->places)
               ? ub_fail(why, UB_NO_MEMORY, "no memory for the places of sources")
               : UB_OK;
}

static ub_status run(synthesis *s, const ub_progress *progress, const ub_stem_sink *sink,
                     ub_message *why)
{
    ub_status status = UB_OK;
    for (size_t round = 0; !status && round < s->n_rounds; round++) {
        status = pass(s, round, progress, NULL, why);
        status = status ? status : end_round(s, why);
    }
    status = status ? status : sink->begin(sink->context, s->n_sources, s->recipe->names, why);
    status = status ? status : pass(s, s->n_rounds, progress, sink, why);
    return status ? status : ub_progress_report(progress, "resynthesise", 1.0);
}

ub_status ub_synthesise(ub_front *front, const ub_recipe *recipe, const ub_progress *progress,
                        double from, const ub_stem_sink *sink, ub_message *why)
{
    synthesis s = {
        .front = front,
        .recipe = recipe,
        .stft = ub_stft_get_settings(front->stft),
        .n_channels = front->audio->n_channels,
        .n_bins = ub_stft_n_bins(front->stft),
        .n_sources = recipe->n_sources,
        .block_frames = front->block_frames,
        .n_rounds = front->audio->n_channels > 1 ? recipe->n_rounds : 0,
    };
    ub_progress_part part = {progress, from, 1.0};
    const ub_progress synthesising = ub_progress_of_part(&part);
    ub_status status;
    if (s.n_rounds > 0 && s.n_channels > UB_SPATIAL_MOST_CHANNELS) {
        return ub_fail(
            why, UB_BAD_SETTING,
            "the multichannel Wiener filter takes up to %d channels, not %zu; do without",
            UB_SPATIAL_MOST_CHANNELS, s.n_channels);
    }
    if (allocate(&s)) {
        for (size_t source = 0; source < s.n_sources; source++) {
            s.stems[source] = s.pointers + source * s.n_channels;
        }
        status = run(&s, &synthesising, sink, why);
    } else {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for %zu stems", recipe->n_sources);
    }
    synthesis_free(&s);
    return status;
}
