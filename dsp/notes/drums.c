// SPDX-License-Identifier: GPL-3.0-or-later
// The recording is cut into segments of equal length, some frames of their neighbours on both
// sides, and each is deconvolved with templates that start as those of the dictionary and end as
// its own (Dittmar, Gartner 2014). What may be hits is collected, and chosen from at the end.
#include "drums.h"
#include "drum_kit.h"
#include "factor/nmfd.h"
#include "ground/floats.h"
#include "ground/fpu.h"
#include "ground/threads.h"
#include "hits.h"
#include "separate/model.h"
#include "separate/spectra.h"

#include <stdlib.h>

enum {
    UPDATES = 20, // more fit templates to a bar instead of a hit
    MARGIN_FRAMES = 32, // of a segment's neighbours: longer than templates
    BLOCK_FRAMES = 256
};

static const double QUIETEST = 1e-5; // level of frames below which all is silence: -100 dB
static const double STEADY = 1.6; // loud frames over soft ones, below which there are no hits

typedef struct transcription {
    ub_dictionary fitted;
    ub_keys keys;
    ub_stft *stft;
    ub_front front;
    ub_drum_kit kit;
    size_t segment_frames;
    ub_matrix *magnitudes; // per channel, of a block
    ub_matrix spectra; // bands of a segment with its margins
    ub_matrix sounding; // keys of a segment
    float *levels; // frames of a segment, sorted
    ub_hits hits;
} transcription;

// A segment and its margins.
typedef struct segment {
    size_t first, n; // its own frames
    size_t begin, end; // with margins
} segment;

bool ub_drums_are_in(const ub_dictionary *dictionary)
{
    return dictionary->component_pitch && dictionary->n_after > 0 && dictionary->n_before == 0;
}

static void transcription_free(transcription *t)
{
    ub_spectra_free(t->magnitudes, t->front.audio ? t->front.audio->n_channels : 0);
    ub_matrix_free(&t->spectra);
    ub_matrix_free(&t->sounding);
    free(t->levels);
    ub_hits_free(&t->hits);
    ub_drum_kit_free(&t->kit);
    ub_front_free(&t->front);
    ub_stft_free(t->stft);
    ub_keys_free(&t->keys);
    ub_dictionary_free(&t->fitted);
}

static ub_status open_front(transcription *t, const ub_audio *audio,
                            const ub_dictionary *dictionary, const ub_settings *settings,
                            ub_message *why)
{
    const ub_stft_settings stft = ub_model_transform(dictionary, settings, audio->rate_hz);
    const size_t n_threads = ub_thread_count((size_t)settings->value[UB_PARAM_THREADS]);
    ub_status status = ub_keys_new(dictionary, &t->keys, why);
    status = status ? status : ub_stft_new(&stft, &t->stft, why);
    status = status ? status
                    : ub_dictionary_fit(dictionary, audio->rate_hz, stft.size_samples,
                                        stft.hop_samples, &t->fitted, why);
    status = status ? status : ub_drum_kit_new(&t->fitted, &t->kit, why);
    return status ? status
                  : ub_front_new(audio, t->stft, NULL, BLOCK_FRAMES, n_threads, &t->front, why);
}

static ub_status allocate(transcription *t, size_t segment_frames, ub_message *why)
{
    const size_t n_frames = t->front.n_frames;
    const size_t n_segments = (n_frames + segment_frames - 1) / segment_frames;
    // Equal ones: what is left over would be too short to adapt to.
    t->segment_frames = n_segments ? (n_frames + n_segments - 1) / n_segments : 0;
    const size_t n = t->segment_frames + (size_t)2 * MARGIN_FRAMES;
    ub_status status = ub_matrix_new(t->kit.bands.n_bands, n, &t->spectra);
    status = status ? status : ub_matrix_new(t->keys.n, n, &t->sounding);
    t->levels = ub_floats_new(n);
    if (status || !t->levels) {
        return ub_fail(why, UB_NO_MEMORY, "no memory to find the hits of %zu drums", t->keys.n);
    }
    return ub_spectra_new(&t->front, BLOCK_FRAMES, &t->magnitudes, why);
}

static segment segment_at(const transcription *t, size_t first)
{
    const size_t n_frames = t->front.n_frames, rest = n_frames - first;
    segment s = {.first = first, .n = rest < t->segment_frames ? rest : t->segment_frames};
    s.begin = first > MARGIN_FRAMES ? first - MARGIN_FRAMES : 0;
    s.end = first + s.n + MARGIN_FRAMES < n_frames ? first + s.n + MARGIN_FRAMES : n_frames;
    return s;
}

static ub_status hear(transcription *t, const segment *s, const ub_progress *progress,
                      ub_message *why)
{
    ub_status status = UB_OK;
    for (size_t first = s->begin; !status && first < s->end; first += BLOCK_FRAMES) {
        const size_t rest = s->end - first, n = rest < BLOCK_FRAMES ? rest : BLOCK_FRAMES;
        status = ub_spectra_read(&t->front, first, n, progress, t->magnitudes, 0, why);
        for (size_t frame = 0; !status && frame < n; frame++) {
            ub_drum_kit_hear(&t->kit, t->magnitudes, t->front.audio->n_channels, frame,
                             ub_matrix_column(&t->spectra, first - s->begin + frame));
        }
    }
    return status;
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Whether a segment is neither silent nor a steady noise, which has no hits.
static bool is_struck(transcription *t, size_t n)
{
    for (size_t frame = 0; frame < n; frame++) {
        const float *column = ub_matrix_column(&t->spectra, frame);
        t->levels[frame] = 0.0f;
        for (size_t b = 0; b < t->spectra.n_rows; b++) {
            t->levels[frame] += column[b];
        }
    }
    qsort(t->levels, n, sizeof *t->levels, compare);
    const double loud = (double)t->levels[n - 1 - n / 100], soft = (double)t->levels[n / 4];
    return loud > QUIETEST && loud > STEADY * soft;
}

static ub_status deconvolve(transcription *t, size_t n)
{
    const ub_matrix spectra = {t->spectra.data, t->spectra.n_rows, n, t->spectra.stride};
    ub_nmfd *nmfd = NULL;
    const ub_status status = ub_nmfd_new(&spectra, &t->kit.templates, t->kit.n_lags, &nmfd);
    if (status) {
        return status;
    }
    const uint64_t mode = ub_fpu_flush_denormals();
    for (size_t i = 1; i <= UPDATES; i++) {
        ub_nmfd_update_activations(nmfd);
        ub_nmfd_update_templates(nmfd, 1.0 - (double)i / UPDATES);
    }
    for (size_t frame = 0; frame < n; frame++) {
        ub_keys_add_up(&t->keys, ub_matrix_column(ub_nmfd_activations(nmfd), frame), 1.0f,
                       ub_matrix_column(&t->sounding, frame));
    }
    ub_fpu_restore(mode);
    ub_nmfd_free(nmfd);
    return UB_OK;
}

static void silence(transcription *t, size_t n)
{
    for (size_t frame = 0; frame < n; frame++) {
        for (size_t key = 0; key < t->keys.n; key++) {
            ub_matrix_column(&t->sounding, frame)[key] = 0.0f;
        }
    }
}

static ub_status transcribe_segment(transcription *t, const segment *s, const ub_progress *progress,
                                    const ub_key_sink *keys, ub_message *why)
{
    const size_t n = s->end - s->begin;
    ub_status status = hear(t, s, progress, why);
    if (status) {
        return status;
    }
    ub_progress_stage(progress, "activate");
    if (is_struck(t, n)) {
        status = deconvolve(t, n);
        status = status ? status
                        : ub_hits_find(&t->keys, &t->sounding, s->first - s->begin, s->n, s->first,
                                       &t->hits);
    } else {
        silence(t, n);
    }
    if (status) {
        return ub_fail(why, status, "no memory to find hits");
    }
    const ub_matrix own = {ub_matrix_column(&t->sounding, s->first - s->begin), t->keys.n, s->n,
                           t->sounding.stride};
    return keys ? keys->write(keys->context, s->first, s->n, &own, why) : UB_OK;
}

static ub_status begin_keys(const transcription *t, const ub_hit_clock *clock,
                            const ub_key_sink *keys, ub_message *why)
{
    const ub_key_frames frames = {.n_keys = t->keys.n,
                                  .pitches = t->keys.pitch,
                                  .sources = t->keys.source,
                                  .n_frames = t->front.n_frames,
                                  .frame_rate_hz = clock->frame_rate_hz,
                                  .first_s = clock->first_s};
    return keys ? keys->begin(keys->context, &frames, why) : UB_OK;
}

static ub_status transcribe(transcription *t, const ub_progress *progress, const ub_key_sink *keys,
                            ub_notes *out, ub_message *why)
{
    const ub_stft_settings *stft = ub_stft_get_settings(t->stft);
    const double rate_hz = t->front.audio->rate_hz, n_frames = (double)t->front.n_frames;
    const double hop = (double)stft->hop_samples, size = (double)stft->size_samples;
    const ub_hit_clock clock = {.first_s = (hop - 0.5 * size) / rate_hz,
                                .frame_rate_hz = rate_hz / hop,
                                .end_s = (double)t->front.audio->n_samples / rate_hz};
    ub_status status = begin_keys(t, &clock, keys, why);
    for (size_t first = 0; !status && first < t->front.n_frames; first += t->segment_frames) {
        const segment s = segment_at(t, first);
        status = ub_progress_report(progress, "activate", (double)first / n_frames);
        status = status ? status : transcribe_segment(t, &s, progress, keys, why);
    }
    if (status) {
        return status;
    }
    ub_progress_stage(progress, "track");
    status = ub_hits_to_notes(&t->keys, &t->hits, &clock, out);
    return status ? ub_fail(why, status, "no memory for %zu notes", t->hits.n) : UB_OK;
}

ub_status ub_transcribe_drums(size_t segment_frames, const ub_audio *audio,
                              const ub_dictionary *dictionary, const ub_settings *settings,
                              const ub_progress *progress, const ub_key_sink *keys, ub_notes *out,
                              ub_message *why)
{
    transcription t = {0};
    ub_status status = open_front(&t, audio, dictionary, settings, why);
    status = status ? status : allocate(&t, segment_frames, why);
    status = status ? status : transcribe(&t, progress, keys, out, why);
    transcription_free(&t);
    return status;
}
