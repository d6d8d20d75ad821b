// SPDX-License-Identifier: GPL-3.0-or-later
// The recording is cut into segments of equal length, some frames of their neighbours on both
// sides, and each is deconvolved with templates that start as those of the dictionary and end as
// its own (Dittmar, Gartner 2014). What may be hits is collected, and chosen from at the end.
#include "drums.h"
#include "ground/floats.h"
#include "guide/drum_kit.h"
#include "guide/hits.h"
#include "input.h"
#include "separate/spectra.h"

#include <stdlib.h>

enum {
    MARGIN_FRAMES = 32, // of a segment's neighbours: longer than templates
    BLOCK_FRAMES = 256
};

static const double QUIETEST = 1e-5; // level of frames below which all is silence: -100 dB
static const double STEADY = 1.6; // loud frames over soft ones, below which there are no hits

typedef struct transcription {
    ub_note_input input;
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
    ub_spectra_free(t->magnitudes, t->input.front.audio ? t->input.front.audio->n_channels : 0);
    ub_matrix_free(&t->spectra);
    ub_matrix_free(&t->sounding);
    free(t->levels);
    ub_hits_free(&t->hits);
    ub_drum_kit_free(&t->kit);
    ub_note_input_close(&t->input);
}

static ub_status allocate(transcription *t, size_t segment_frames, ub_message *why)
{
    const size_t n_frames = t->input.front.n_frames;
    const size_t n_segments = (n_frames + segment_frames - 1) / segment_frames;
    // Equal ones: what is left over would be too short to adapt to.
    t->segment_frames = n_segments ? (n_frames + n_segments - 1) / n_segments : 0;
    const size_t n = t->segment_frames + (size_t)2 * MARGIN_FRAMES;
    ub_status status = ub_matrix_new(t->kit.bands.n_bands, n, &t->spectra);
    status = status ? status : ub_matrix_new(t->input.keys.n, n, &t->sounding);
    t->levels = ub_floats_new(n);
    if (status || !t->levels) {
        return ub_fail(why, UB_NO_MEMORY, "no memory to find the hits of %zu drums",
                       t->input.keys.n);
    }
    return ub_spectra_new(&t->input.front, BLOCK_FRAMES, &t->magnitudes, why);
}

static segment segment_at(const transcription *t, size_t first)
{
    const size_t n_frames = t->input.front.n_frames, rest = n_frames - first;
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
        status = ub_spectra_read(&t->input.front, first, n, progress, t->magnitudes, 0, why);
        for (size_t frame = 0; !status && frame < n; frame++) {
            ub_drum_kit_hear(&t->kit, t->magnitudes, t->input.front.audio->n_channels, frame,
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
    return ub_drum_kit_deconvolve(&t->kit, &t->input.keys, &spectra, &t->sounding);
}

static void silence(transcription *t, size_t n)
{
    for (size_t frame = 0; frame < n; frame++) {
        for (size_t key = 0; key < t->input.keys.n; key++) {
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
                        : ub_hits_find(&t->input.keys, &t->sounding, s->first - s->begin, s->n,
                                       s->first, &t->hits);
    } else {
        silence(t, n);
    }
    if (status) {
        return ub_fail(why, status, "no memory to find hits");
    }
    const ub_matrix own = {ub_matrix_column(&t->sounding, s->first - s->begin), t->input.keys.n,
                           s->n, t->sounding.stride};
    return keys ? keys->write(keys->context, s->first, s->n, &own, why) : UB_OK;
}

static ub_status transcribe(transcription *t, const ub_progress *progress, const ub_key_sink *keys,
                            ub_notes *out, ub_message *why)
{
    const ub_audio *audio = t->input.front.audio;
    const double n_frames = (double)t->input.front.n_frames;
    const ub_hit_clock clock = {.first_s = t->input.first_s,
                                .frame_rate_hz = t->input.frame_rate_hz,
                                .end_s = (double)audio->n_samples / audio->rate_hz};
    ub_status status = ub_note_input_begin(&t->input, keys, why);
    for (size_t first = 0; !status && first < t->input.front.n_frames; first += t->segment_frames) {
        const segment s = segment_at(t, first);
        status = ub_progress_report(progress, "activate", (double)first / n_frames);
        status = status ? status : transcribe_segment(t, &s, progress, keys, why);
    }
    if (status) {
        return status;
    }
    ub_progress_stage(progress, "track");
    status = ub_hits_to_notes(&t->input.keys, &t->hits, &clock, out);
    return status ? ub_fail(why, status, "no memory for %zu notes", t->hits.n) : UB_OK;
}

ub_status ub_transcribe_drums(size_t segment_frames, const ub_audio *audio,
                              const ub_dictionary *dictionary, const ub_settings *settings,
                              const ub_progress *progress, const ub_key_sink *keys, ub_notes *out,
                              ub_message *why)
{
    transcription t = {0};
    ub_status status = ub_note_input_open(audio, dictionary, settings, BLOCK_FRAMES, &t.input, why);
    status = status ? status : ub_drum_kit_new(&t.input.fitted, &t.kit, why);
    status = status ? status : allocate(&t, segment_frames, why);
    status = status ? status : transcribe(&t, progress, keys, out, why);
    transcription_free(&t);
    return status;
}
