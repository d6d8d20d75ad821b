// SPDX-License-Identifier: GPL-3.0-or-later
// The clock of a stream is the hop. While the samples of a hop come in, those of an earlier one go
// out, and the frame that ended with the hop before is worked on, a step at a time:
//
//   time        e - L - M        e - L                     e         e + M
//   ring        | going out now  | frame is added here      |
//   history                      ...the frame's window     | coming in |
//
// L is the support of the synthesis window and M the hop, so the output is L + M late. A step runs
// when the hop has come to the sample where it is due, whatever blocks the caller cuts.
#include "glide.h"
#include "ground/fpu.h"
#include "plan.h"
#include "stream_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 64 // samples that are mixed at a time
};

// What is known of a source from hop to hop.
typedef struct source_state {
    float gain, target;
    double energy[UB_STREAM_MAX_CHANNELS]; // of what has gone out in this hop
    double mean_square;
    size_t hops_left; // in which its ring may hold sound
} source_state;

struct ub_stream {
    ub_stream_settings settings;
    ub_stft *stft;
    size_t size, hop, support, ring_length, n_bins, n_channels;
    float scale; // of magnitudes: a full-scale sine is about 1
    float glide; // share of the way to a gain's target that a sample goes
    double fade; // share of a hop in the level
    float *history[UB_STREAM_MAX_CHANNELS]; // size + hop: the frame's samples, then those coming in
    float *rings; // [source][channel][ring_length]
    float complex *spectra; // [channel][n_bins]
    float complex *masked;
    float *work, *scratch;
    float *magnitudes; // n_bins, of the frame, all channels together
    ub_past past; // the frames before
    ub_note_queue queue;
    uint64_t clock; // samples that have come in
    ub_stream_model *model, *waiting, *retired;
    bool swaps; // `waiting` counts, NULL too
    source_state sources[UB_STREAM_MAX_SOURCES];
    size_t position; // in the hop
    size_t head; // of the ring: the first sample of this hop that goes out
    ub_plan plan;
    size_t next_step;
    bool carries; // this hop: the model has taken over what another had learned
};

// ---- life --------------------------------------------------------------------------------------

void ub_stream_free(ub_stream *stream)
{
    if (!stream) {
        return;
    }
    ub_stream_model_free(stream->model);
    ub_stream_model_free(stream->waiting);
    ub_stream_model_free(stream->retired);
    ub_stft_work_free(stream->work);
    ub_stft_free(stream->stft);
    free(stream->magnitudes);
    ub_past_free(&stream->past);
    ub_note_queue_free(&stream->queue);
    for (size_t c = 0; c < UB_STREAM_MAX_CHANNELS; c++) {
        free(stream->history[c]);
    }
    free(stream->rings);
    free(stream->spectra);
    free(stream->masked);
    free(stream->scratch);
    free(stream);
}

static bool allocate(ub_stream *s)
{
    for (size_t c = 0; c < s->n_channels; c++) {
        s->history[c] = calloc(s->size + s->hop, sizeof(float));
        if (!s->history[c]) {
            return false;
        }
    }
    s->rings = calloc(UB_STREAM_MAX_SOURCES * s->n_channels * s->ring_length, sizeof(float));
    s->spectra = calloc(s->n_channels * s->n_bins, sizeof *s->spectra);
    s->masked = calloc(s->n_bins, sizeof *s->masked);
    s->scratch = calloc(s->size, sizeof *s->scratch);
    s->magnitudes = calloc(s->n_bins, sizeof *s->magnitudes);
    return s->rings && s->spectra && s->masked && s->scratch && s->magnitudes &&
           !ub_stft_work_new(s->stft, &s->work) && !ub_note_queue_new(&s->queue) &&
           !ub_past_new(s->n_bins, ub_past_frames((double)s->hop / s->settings.rate_hz), &s->past);
}

static void plan_steps(ub_stream *s)
{
    const ub_stream_model *model = s->model;
    ub_plan_shape shape = {.hop = s->hop,
                           .size = s->size,
                           .n_bins = s->n_bins,
                           .n_rows = model ? model->n_rows : 0,
                           .n_components = model ? model->n_components : 0,
                           .n_sources = ub_stream_n_sources(s),
                           .n_learned = UB_STREAM_BATCH};
    shape.counts[UB_STEP_ANALYSE] = s->n_channels;
    shape.counts[UB_STEP_STEM] = shape.n_sources * s->n_channels;
    if (model) {
        shape.counts[UB_STEP_CARRY] = s->carries ? ub_stream_model_batches(model) : 0;
        shape.counts[UB_STEP_BEGIN] = shape.counts[UB_STEP_MASK] = 1;
        shape.counts[UB_STEP_UPDATE] = s->settings.n_updates;
        shape.counts[UB_STEP_TRACK] = model->hearing.tracker != NULL;
        shape.counts[UB_STEP_HEAR] = model->n_free > 0;
        shape.counts[UB_STEP_LEARN] = model->batches_per_frame;
    }
    ub_plan_make(&shape, &s->plan);
}

static void end_notes(ub_stream *s)
{
    if (s->model) {
        ub_hearing_end(&s->model->hearing, s->clock, &s->queue);
    }
}

// Between two frames. What waits has to wait on while nobody has come for the model before.
static void take_model(ub_stream *s)
{
    const bool carried = s->carries;
    s->carries = false;
    const bool takes = s->swaps && !s->retired;
    if (takes) {
        s->carries = ub_stream_model_exchange_rest(s->waiting, s->model);
        end_notes(s);
        if (!s->model) { // what it holds is from before there was none
            ub_past_clear(&s->past);
        }
        s->retired = s->model;
        s->model = s->waiting;
        s->waiting = NULL;
        s->swaps = false;
    }
    if (takes || carried) {
        plan_steps(s);
    }
}

ub_status ub_stream_new(const ub_stream_settings *settings, ub_stream **out, ub_message *why)
{
    ub_status status = ub_stream_settings_check(settings, why);
    if (status) {
        return status;
    }
    ub_stream *s = calloc(1, sizeof *s);
    if (!s) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a stream");
    }
    const ub_stft_settings transform = ub_stream_transform(settings);
    status = ub_stft_new(&transform, &s->stft, why);
    if (status) {
        ub_stream_free(s);
        return status;
    }
    s->settings = *settings;
    s->settings.n_updates = ub_stream_updates(settings);
    s->n_channels = settings->n_channels;
    s->size = transform.size_samples;
    s->hop = transform.hop_samples;
    s->support = ub_stream_support(&transform);
    s->ring_length = s->support + s->hop;
    s->n_bins = ub_stft_n_bins(s->stft);
    s->scale = 4.0f / (float)s->size;
    s->glide = ub_glide_share(settings->glide_s, settings->rate_hz);
    s->fade = 1.0 - exp(-(double)s->hop / (0.05 * settings->rate_hz));
    if (!allocate(s)) {
        ub_stream_free(s);
        return ub_fail(why, UB_NO_MEMORY, "no memory for a stream");
    }
    for (size_t j = 0; j < UB_STREAM_MAX_SOURCES; j++) {
        s->sources[j].gain = s->sources[j].target = 1.0f;
    }
    plan_steps(s);
    *out = s;
    return UB_OK;
}

size_t ub_stream_latency(const ub_stream *stream)
{
    return stream->ring_length;
}

size_t ub_stream_n_sources(const ub_stream *stream)
{
    return stream->model ? stream->model->n_sources : 1;
}

size_t ub_stream_rest(const ub_stream *stream)
{
    return stream->model ? ub_stream_model_rest(stream->model) : stream->settings.n_free == 0;
}

void ub_stream_reset(ub_stream *s)
{
    for (size_t c = 0; c < s->n_channels; c++) {
        memset(s->history[c], 0, (s->size + s->hop) * sizeof(float));
    }
    memset(s->rings, 0, UB_STREAM_MAX_SOURCES * s->n_channels * s->ring_length * sizeof(float));
    for (size_t j = 0; j < UB_STREAM_MAX_SOURCES; j++) {
        s->sources[j] =
            (source_state){.gain = s->sources[j].target, .target = s->sources[j].target};
    }
    s->position = s->head = s->next_step = 0;
    ub_past_clear(&s->past);
    end_notes(s);
    take_model(s);
    if (s->model) {
        ub_stream_model_forget(s->model);
    }
}

// ---- models and gains --------------------------------------------------------------------------

bool ub_stream_swap(ub_stream *stream, ub_stream_model *model)
{
    if (stream->swaps) {
        return false;
    }
    stream->waiting = model;
    stream->swaps = true;
    return true;
}

ub_stream_model *ub_stream_retired(ub_stream *stream)
{
    ub_stream_model *model = stream->retired;
    stream->retired = NULL;
    return model;
}

void ub_stream_set_gain(ub_stream *stream, size_t source, float gain)
{
    if (source < UB_STREAM_MAX_SOURCES && gain >= 0.0f && gain <= 1000.0f) {
        stream->sources[source].target = gain;
    }
}

float ub_stream_level(const ub_stream *stream, size_t source)
{
    return source < UB_STREAM_MAX_SOURCES ? (float)sqrt(stream->sources[source].mean_square) : 0.0f;
}

uint64_t ub_stream_clock(const ub_stream *stream)
{
    return stream->clock;
}

double ub_stream_note_delay(const ub_stream *stream)
{
    // As measured; docs/measurements.md has how.
    static const double delay_s[] = {0.118, 0.093, 0.079, 0.074};
    return delay_s[stream->settings.mode];
}

size_t ub_stream_take_notes(ub_stream *stream, ub_stream_note *notes, size_t most)
{
    return ub_note_queue_take(&stream->queue, notes, most);
}

// ---- the steps of a frame ----------------------------------------------------------------------

static float complex *spectrum_of(const ub_stream *s, size_t channel)
{
    return s->spectra + channel * s->n_bins;
}

static float *ring_of(const ub_stream *s, size_t source, size_t channel)
{
    return s->rings + (source * s->n_channels + channel) * s->ring_length;
}

static void begin_frame(ub_stream *s)
{
    float *sum = s->magnitudes;
    float *one = s->scratch; // n_bins <= size
    memset(sum, 0, s->n_bins * sizeof *sum);
    for (size_t c = 0; c < s->n_channels; c++) {
        ub_stft_magnitude(spectrum_of(s, c), s->n_bins, one);
        for (size_t f = 0; f < s->n_bins; f++) {
            sum[f] += s->scale * one[f];
        }
    }
    ub_stream_model_begin(s->model, sum, &s->past, s->settings.n_updates);
    ub_past_add(&s->past, sum);
}

// The last `support` samples of the frame, from behind what goes out in this hop.
static void add_to_ring(const ub_stream *s, const float *frame, float *ring)
{
    const float *from = frame + (s->size - s->support);
    size_t at = (s->head + s->hop) % s->ring_length;
    for (size_t i = 0; i < s->support; i++) {
        ring[at] += from[i];
        at = at + 1 == s->ring_length ? 0 : at + 1;
    }
}

static void make_stem(ub_stream *s, size_t source, size_t channel)
{
    const float complex *spectrum = spectrum_of(s, channel);
    if (s->model) {
        ub_mask_apply_frame(s->model->masks + source * s->model->mask_stride, spectrum, s->n_bins,
                            s->masked);
        spectrum = s->masked;
    }
    memset(s->scratch, 0, s->size * sizeof *s->scratch);
    ub_stft_synthesise_frame(s->stft, spectrum, s->work, s->scratch);
    add_to_ring(s, s->scratch, ring_of(s, source, channel));
    s->sources[source].hops_left = s->support / s->hop + 1;
}

static void run_step(ub_stream *s, const ub_step *step)
{
    switch (step->kind) {
    case UB_STEP_CARRY:
        ub_stream_model_carry(s->model, step->index);
        break;
    case UB_STEP_ANALYSE:
        ub_stft_analyse_frame(s->stft, s->history[step->index], s->work,
                              spectrum_of(s, step->index));
        break;
    case UB_STEP_BEGIN:
        begin_frame(s);
        break;
    case UB_STEP_UPDATE:
        ub_stream_model_update(s->model);
        break;
    case UB_STEP_TRACK:
        ub_stream_model_track(s->model, s->clock, &s->queue);
        break;
    case UB_STEP_MASK:
        ub_stream_model_mask(s->model);
        break;
    case UB_STEP_STEM:
        make_stem(s, step->index / s->n_channels, step->index % s->n_channels);
        break;
    case UB_STEP_HEAR:
        ub_stream_model_hear(s->model);
        break;
    case UB_STEP_LEARN:
        ub_stream_model_learn(s->model);
        break;
    }
}

// ---- samples -----------------------------------------------------------------------------------

static void take_in(ub_stream *s, const float *const *in, size_t first, size_t n)
{
    for (size_t c = 0; c < s->n_channels; c++) {
        float *to = s->history[c] + s->size + s->position;
        for (size_t i = 0; i < n; i++) {
            const float x = in[c][first + i];
            to[i] = fabsf(x) <= 1e6f ? x : 0.0f; // NaN is not
        }
    }
}

static void silence(float *const *stems, size_t n_stems, size_t n_channels, size_t first, size_t n)
{
    for (size_t i = 0; stems && i < n_stems * n_channels; i++) {
        if (stems[i]) {
            memset(stems[i] + first, 0, n * sizeof(float));
        }
    }
}

// One source of one channel: to its stem, times its gains to the mix, and out of the ring.
static void play_source(ub_stream *s, size_t source, size_t channel, const float *gains, size_t n,
                        float *stem, float *mix)
{
    float *ring = ring_of(s, source, channel) + s->head + s->position;
    double energy = s->sources[source].energy[channel];
    for (size_t i = 0; i < n; i++) {
        const float x = ring[i];
        mix[i] += gains[i] * x;
        energy += (double)x * (double)x;
        ring[i] = 0.0f;
        if (stem) {
            stem[i] = x;
        }
    }
    s->sources[source].energy[channel] = energy;
}

// At most CHUNK samples of this hop.
static void put_out(ub_stream *s, float *const *out, float *const *stems, size_t n_stems,
                    size_t first, size_t n)
{
    float mix[UB_STREAM_MAX_CHANNELS][CHUNK] = {{0.0f}};
    float gains[CHUNK];
    silence(stems, n_stems, s->n_channels, first, n);
    for (size_t j = 0; j < UB_STREAM_MAX_SOURCES; j++) {
        if (s->sources[j].hops_left == 0) {
            s->sources[j].gain = s->sources[j].target;
            continue;
        }
        ub_glide(&s->sources[j].gain, s->sources[j].target, s->glide, gains, n);
        for (size_t c = 0; c < s->n_channels; c++) {
            float *stem = stems && j < n_stems ? stems[j * s->n_channels + c] : NULL;
            play_source(s, j, c, gains, n, stem ? stem + first : NULL, mix[c]);
        }
    }
    for (size_t c = 0; out && c < s->n_channels; c++) {
        if (out[c]) {
            memcpy(out[c] + first, mix[c], n * sizeof(float));
        }
    }
}

static void measure_levels(ub_stream *s)
{
    for (size_t j = 0; j < UB_STREAM_MAX_SOURCES; j++) {
        source_state *state = &s->sources[j];
        double energy = 0.0;
        for (size_t c = 0; c < s->n_channels; c++) {
            energy += state->energy[c];
            state->energy[c] = 0.0;
        }
        const double mean = energy / (double)(s->hop * s->n_channels);
        state->mean_square += s->fade * (mean - state->mean_square);
        state->hops_left -= state->hops_left > 0;
    }
}

static void end_hop(ub_stream *s)
{
    measure_levels(s);
    for (size_t c = 0; c < s->n_channels; c++) {
        memmove(s->history[c], s->history[c] + s->hop, s->size * sizeof(float));
    }
    s->head = (s->head + s->hop) % s->ring_length;
    s->position = s->next_step = 0;
    take_model(s);
}

static size_t until_next(const ub_stream *s, size_t n)
{
    const ub_plan *plan = &s->plan;
    const size_t end = s->next_step < plan->n_steps ? plan->steps[s->next_step].due : s->hop;
    const size_t rest = end - s->position;
    n = n < rest ? n : rest;
    return n < CHUNK ? n : CHUNK;
}

void ub_stream_process(ub_stream *s, const float *const *in, float *const *out, float *const *stems,
                       size_t n_stems, size_t n)
{
    const uint64_t mode = ub_fpu_flush_denormals();
    for (size_t done = 0; done < n;) {
        while (s->next_step < s->plan.n_steps && s->plan.steps[s->next_step].due <= s->position) {
            run_step(s, &s->plan.steps[s->next_step++]);
        }
        const size_t some = until_next(s, n - done);
        take_in(s, in, done, some);
        put_out(s, out, stems, n_stems, done, some);
        s->position += some;
        s->clock += some;
        done += some;
        if (s->position == s->hop) {
            end_hop(s);
        }
    }
    ub_fpu_restore(mode);
}
