// SPDX-License-Identifier: GPL-3.0-or-later
// From a recording to its notes: a model is fitted to a sample of the frames, then all frames pass
// block by block through the activations of keys and the tracker.
#include "unbraid/transcribe.h"
#include "drums.h"
#include "flux.h"
#include "ground/floats.h"
#include "ground/progress_part.h"
#include "input.h"
#include "judge.h"
#include "model.h"
#include "separate/spectra.h"
#include "tracker.h"
#include "within.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_CELLS = 4,
    SAMPLE_FRAMES = 4096, // 95 s
    SEGMENT_FRAMES = 4096, // of drums: 48 s
    UPDATES = 30
};

static const double THRESHOLD = 0.02; // of the loudness: what the judge looks at
static const double QUIETEST = 0.01; // of the level of the loudest frames
// From where the flux is largest to where a note begins, in windows: the median of pianos and
// guitars, whose sound takes some time to rise.
static const double DELAY = 0.043;
static const double RISE_DELAY = 0.127;

// What is open during a transcription, freed in one place.
typedef struct transcription {
    ub_note_input input;
    ub_note_bands bands;
    ub_nmf_settings nmf;
    ub_note_model model;
    ub_note_listener *listener;
    ub_note_tracker *tracker;
    ub_note_judge *judge;
    size_t n_judged; // frames that it has taken in
    size_t block_frames;
    ub_matrix *magnitudes; // per channel, of a block
    ub_matrix spectra; // bands of a block
    ub_matrix activations; // of its templates
    ub_matrix sounding; // of its keys
    float *work; // for a frame
    float *gates; // of a block
    ub_note_event *events; // of a frame
    ub_note *open; // per key: the note that sounds
    ub_notes notes;
} transcription;

static void transcription_free(transcription *t)
{
    ub_spectra_free(t->magnitudes, t->input.front.audio ? t->input.front.audio->n_channels : 0);
    ub_matrix_free(&t->spectra);
    ub_matrix_free(&t->activations);
    ub_matrix_free(&t->sounding);
    free(t->work);
    free(t->gates);
    free(t->events);
    free(t->open);
    ub_notes_free(&t->notes);
    ub_note_tracker_free(t->tracker);
    ub_note_judge_free(t->judge);
    ub_note_listener_free(t->listener);
    ub_note_model_free(&t->model);
    ub_note_bands_free(&t->bands);
    ub_note_input_close(&t->input);
}

static ub_status allocate(transcription *t, const ub_dictionary *dictionary, ub_message *why)
{
    const size_t n_bins = ub_stft_n_bins(t->input.stft);
    const double bin_hz =
        t->input.front.audio->rate_hz / (double)ub_stft_get_settings(t->input.stft)->size_samples;
    const double top_hz = 0.5 * fmin(dictionary->rate_hz, t->input.front.audio->rate_hz);
    ub_status status = ub_note_bands_new(bin_hz, top_hz, n_bins, &t->bands);
    t->work = status ? NULL : ub_floats_new(ub_note_bands_work_size(&t->bands));
    t->gates = ub_floats_new(t->block_frames);
    t->events = calloc(2 * t->input.keys.n, sizeof *t->events);
    t->open = calloc(t->input.keys.n, sizeof *t->open);
    status = status || !t->work || !t->gates || !t->events || !t->open ? UB_NO_MEMORY : UB_OK;
    status = status ? status : ub_matrix_new(t->bands.bands.n_bands, t->block_frames, &t->spectra);
    status = status ? status : ub_matrix_new(t->input.keys.n, t->block_frames, &t->sounding);
    status = status ? status
                    : ub_matrix_new(t->input.keys.n_components + UB_NOTE_NOISES, t->block_frames,
                                    &t->activations);
    if (status) {
        return ub_fail(why, status, "no memory to find the notes of %zu keys", t->input.keys.n);
    }
    return ub_spectra_new(&t->input.front, t->block_frames, &t->magnitudes, why);
}

static void hear(transcription *t, const ub_matrix *magnitudes, size_t n, ub_matrix *to,
                 float *gates)
{
    for (size_t frame = 0; frame < n; frame++) {
        gates[frame] = ub_note_bands_hear(&t->bands, magnitudes, t->input.front.audio->n_channels,
                                          frame, t->work, ub_matrix_column(to, frame));
    }
}

// A sample of the frames, as they are heard.
static ub_status hear_sample(transcription *t, const ub_settings *settings, size_t n_frames,
                             const ub_progress *progress, ub_matrix *heard, float **gates,
                             ub_message *why)
{
    const ub_sampling sampling = {.n_frames = n_frames,
                                  .skip_silence = true,
                                  .seed = (uint64_t)settings->value[UB_PARAM_SEED]};
    ub_matrix *magnitudes = NULL;
    ub_status status = ub_spectra_sample(&t->input.front, &sampling, progress, &magnitudes, why);
    if (status) {
        return status;
    }
    const size_t n = magnitudes[0].n_cols;
    *gates = ub_floats_new(n);
    status = *gates ? ub_matrix_new(t->bands.bands.n_bands, n, heard) : UB_NO_MEMORY;
    if (status) {
        status = ub_fail(why, status, "no memory for a sample of %zu frames", n);
    } else {
        hear(t, magnitudes, n, heard, *gates);
    }
    ub_spectra_free(magnitudes, t->input.front.audio->n_channels);
    return status;
}

static ub_status fit(transcription *t, const ub_settings *settings, size_t sample_frames,
                     const ub_progress *progress, ub_message *why)
{
    ub_progress_part parts[2] = {{progress, 0.0, 0.2}, {progress, 0.2, 1.0}};
    const ub_progress reading = ub_progress_of_part(&parts[0]);
    const ub_progress fitting = ub_progress_of_part(&parts[1]);
    ub_matrix heard = {0}, templates = {0};
    float *gates = NULL;
    ub_status status = hear_sample(t, settings, sample_frames, &reading, &heard, &gates, why);
    if (!status) {
        status = ub_note_templates(&t->bands, &t->input.fitted.templates, &templates);
        status = status ? status
                        : ub_note_model_new(&t->input.keys, &t->bands, &templates, &t->nmf,
                                            ub_flux_lag(t->input.frame_rate_hz), &fitting, &heard,
                                            gates, &t->model);
        status = status == UB_NO_MEMORY ? ub_fail(why, status, "no memory to adapt the dictionary")
                                        : status;
    }
    ub_matrix_free(&heard);
    free(gates);
    return status;
}

static ub_status open_tracker(transcription *t, ub_message *why)
{
    ub_note_tracker_settings tracking = ub_note_tracker_settings_default();
    tracking.frame_rate_hz = t->input.frame_rate_hz;
    tracking.threshold = THRESHOLD;
    tracking.quietest = QUIETEST;
    tracking.loudness = t->model.loudness;
    ub_status status = ub_note_tracker_new(&tracking, t->input.keys.n, &t->tracker, why);
    if (status) {
        return status;
    }
    status =
        ub_note_judge_new(&t->input.keys, t->model.loudness, t->input.frame_rate_hz, &t->judge);
    status = status ? status
                    : ub_note_listener_new(&t->input.keys, &t->bands, &t->model.templates, &t->nmf,
                                           &t->listener);
    return status ? ub_fail(why, status, "no memory to find activations") : UB_OK;
}

// The activations of keys for frames [first, first + n).
static ub_status listen(transcription *t, size_t first, size_t n, const ub_progress *progress,
                        ub_message *why)
{
    const ub_status status =
        ub_spectra_read(&t->input.front, first, n, progress, t->magnitudes, 0, why);
    if (status) {
        return status;
    }
    ub_progress_stage(progress, "activate");
    hear(t, t->magnitudes, n, &t->spectra, t->gates);
    ub_note_bands_level(&t->bands, t->model.gain, n, &t->spectra);
    ub_note_listener_run(t->listener, &t->spectra, n, UPDATES, &t->activations, NULL);
    for (size_t frame = 0; frame < n; frame++) {
        ub_keys_add_up(&t->input.keys, ub_matrix_column(&t->activations, frame), t->gates[frame],
                       ub_matrix_column(&t->sounding, frame));
    }
    return UB_OK;
}

// The tracker says when the flux of a note is largest; it begins when that begins to rise.
static double beginning_of(const transcription *t, size_t key)
{
    const double judged = (double)(t->n_judged - 1) - (double)ub_note_judge_latency(t->judge);
    return fmax(0.0, judged + ub_note_judge_beginning(t->judge, key));
}

static double time_of(const transcription *t, double frame, double delay)
{
    const double time =
        t->input.first_s + frame / t->input.frame_rate_hz + delay * t->input.window_s;
    const double end = (double)t->input.front.audio->n_samples / t->input.front.audio->rate_hz;
    return time < 0.0 ? 0.0 : time > end ? end : time;
}

// A note that is struck again ends where the next one begins, which may be before it fell.
static void end_before(transcription *t, size_t key, double time)
{
    ub_note *last = t->notes.n > 0 ? &t->notes.notes[t->notes.n - 1] : NULL;
    const bool is_same = last && last->pitch == t->input.keys.pitch[key] &&
                         last->source == t->input.keys.source[key];
    if (is_same && last->offset_s > time) {
        last->offset_s = fmax(last->onset_s, time);
    }
}

static void begin_note(transcription *t, const ub_note_event *event)
{
    const double time = time_of(t, beginning_of(t, event->key), RISE_DELAY);
    end_before(t, event->key, time);
    t->open[event->key] = (ub_note){.onset_s = time,
                                    .pitch = t->input.keys.pitch[event->key],
                                    .velocity = event->velocity,
                                    .source = t->input.keys.source[event->key],
                                    .pitch_hz = ub_pitch_hz(t->input.keys.pitch[event->key])};
}

static ub_status end_note(transcription *t, const ub_note_event *event)
{
    ub_note *note = &t->open[event->key];
    note->offset_s = fmax(note->onset_s, time_of(t, event->frame, DELAY));
    return ub_notes_append(&t->notes, note);
}

static ub_status take_events(transcription *t, size_t n)
{
    ub_status status = UB_OK;
    for (size_t i = 0; !status && i < n; i++) {
        const ub_note_event *event = &t->events[i];
        if (event->is_on) {
            begin_note(t, event);
        } else {
            status = end_note(t, event);
        }
    }
    return status;
}

// The judge knows a second of the future, the tracker the frames of its look-ahead.
static ub_status track_frame(transcription *t, const float *sounding)
{
    const size_t behind = ub_note_judge_latency(t->judge) - ub_note_tracker_latency(t->tracker);
    ub_note_judge_take(t->judge, sounding);
    if (t->n_judged++ < behind) {
        return UB_OK;
    }
    const size_t n = ub_note_tracker_judged(t->tracker, ub_note_judge_frame(t->judge, behind),
                                            ub_note_judge_verdicts(t->judge), t->events);
    return take_events(t, n);
}

static ub_status track(transcription *t, size_t n, ub_message *why)
{
    ub_status status = UB_OK;
    for (size_t frame = 0; !status && frame < n; frame++) {
        status = track_frame(t, ub_matrix_column(&t->sounding, frame));
    }
    return status ? ub_fail(why, status, "no memory for %zu notes", t->notes.n) : UB_OK;
}

// Silence after the last frame, until all is reported.
static ub_status end_notes(transcription *t, ub_message *why)
{
    ub_matrix silence = {0};
    const size_t n = ub_note_judge_latency(t->judge);
    ub_status status = ub_matrix_new(t->input.keys.n, 1, &silence);
    for (size_t i = 0; !status && i < n; i++) {
        status = track_frame(t, ub_matrix_column(&silence, 0));
    }
    status = status ? status : take_events(t, ub_note_tracker_reset(t->tracker, t->events));
    ub_matrix_free(&silence);
    return status ? ub_fail(why, status, "no memory for %zu notes", t->notes.n) : UB_OK;
}

static ub_status run(transcription *t, const ub_progress *progress, const ub_key_sink *keys,
                     ub_message *why)
{
    const size_t n_frames = t->input.front.n_frames;
    ub_status status = UB_OK;
    for (size_t first = 0; !status && first < n_frames; first += t->block_frames) {
        const size_t rest = n_frames - first;
        const size_t n = rest < t->block_frames ? rest : t->block_frames;
        status = ub_progress_report(progress, "activate", (double)first / (double)n_frames);
        status = status ? status : listen(t, first, n, progress, why);
        if (!status && keys) {
            status = keys->write(keys->context, first, n, &t->sounding, why);
        }
        ub_progress_stage(progress, "track");
        status = status ? status : track(t, n, why);
    }
    return status;
}

// Without sound there are no notes, and the keys are silent.
static ub_status run_silence(transcription *t, const ub_key_sink *keys, ub_message *why)
{
    const size_t n_frames = t->input.front.n_frames;
    ub_status status = UB_OK;
    for (size_t first = 0; keys && !status && first < n_frames; first += t->block_frames) {
        const size_t rest = n_frames - first;
        status = keys->write(keys->context, first, rest < t->block_frames ? rest : t->block_frames,
                             &t->sounding, why);
    }
    return status;
}

static ub_status transcribe(transcription *t, const ub_settings *settings, size_t sample_frames,
                            const ub_progress *progress, const ub_key_sink *keys, ub_message *why)
{
    ub_progress_part parts[2] = {{progress, 0.0, 0.7}, {progress, 0.7, 1.0}};
    const ub_progress fitting = ub_progress_of_part(&parts[0]);
    const ub_progress running = ub_progress_of_part(&parts[1]);
    ub_status status = ub_note_input_begin(&t->input, keys, why);
    if (status || t->input.front.n_frames == 0) {
        return status;
    }
    status = fit(t, settings, sample_frames, &fitting, why);
    if (!status && !(t->model.loudness > 0.0)) {
        return run_silence(t, keys, why);
    }
    status = status ? status : open_tracker(t, why);
    status = status ? status : run(t, &running, keys, why);
    return status ? status : end_notes(t, why);
}

static ub_status hand_over(const ub_notes *from, ub_notes *to, ub_message *why)
{
    const size_t before = to->n;
    for (size_t i = 0; i < from->n; i++) {
        if (ub_notes_append(to, &from->notes[i])) {
            to->n = before;
            return ub_fail(why, UB_NO_MEMORY, "no memory for %zu notes", from->n);
        }
    }
    ub_notes_sort(to);
    return UB_OK;
}

ub_note_limits ub_note_limits_default(void)
{
    return (ub_note_limits){.block_cells = BLOCK_CELLS,
                            .sample_frames = SAMPLE_FRAMES,
                            .segment_frames = SEGMENT_FRAMES};
}

ub_status ub_transcribe(const ub_audio *audio, const ub_dictionary *dictionary,
                        const ub_settings *settings, const ub_progress *progress,
                        const ub_key_sink *keys, ub_notes *out, ub_message *why)
{
    const ub_note_limits limits = ub_note_limits_default();
    return ub_transcribe_within(&limits, audio, dictionary, settings, progress, keys, out, why);
}

ub_status ub_transcribe_within(const ub_note_limits *limits, const ub_audio *audio,
                               const ub_dictionary *dictionary, const ub_settings *settings,
                               const ub_progress *progress, const ub_key_sink *keys, ub_notes *out,
                               ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    transcription t = {.block_frames = limits->block_cells * UB_NOTE_CELL_FRAMES,
                       .nmf = ub_note_factorisation(settings)};
    ub_status status = ub_settings_check(settings, why);
    status = status ? status : ub_dictionary_check(dictionary, why);
    if (!status && ub_drums_are_in(dictionary)) {
        status = ub_transcribe_drums(limits->segment_frames, audio, dictionary, settings, progress,
                                     keys, &t.notes, why);
    } else {
        status =
            status ? status
                   : ub_note_input_open(audio, dictionary, settings, t.block_frames, &t.input, why);
        status = status ? status : allocate(&t, dictionary, why);
        status =
            status ? status : transcribe(&t, settings, limits->sample_frames, progress, keys, why);
    }
    status = status ? status : hand_over(&t.notes, out, why);
    transcription_free(&t);
    return status;
}
