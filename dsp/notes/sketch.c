// SPDX-License-Identifier: GPL-3.0-or-later
// Frames are made 23 ms apart, where onsets are to be seen, and joined in pairs.
#include "sketch.h"
#include "ground/floats.h"
#include "lesson.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Rows of a vector, and of what they are made from: energies of pitch classes, and of bands.
enum {
    CLASSES = 12,
    ONSETS = CLASSES,
    ANY = 2 * CLASSES,
    N_BANDS = 5,
    N_HEARD = CLASSES + N_BANDS,
    LAG = 2
};

static const double LOWEST_HZ = 55.0, HIGHEST_HZ = 4000.0, AROUND_S = 1.0, RELEASE_S = 0.1;
static const double SHARE_OF_ONSETS = 0.5, SHARE_OF_ANY = 0.7; // beside pitch classes
// Of the mean of an energy: rises from less do not count, for a window hears them long before it is
// over the onset.
static const double QUIET = 0.01;
static const double bands_hz[N_BANDS + 1] = {30.0, 120.0, 400.0, 1500.0, 5000.0, 12000.0};

void ub_sketch_free(ub_sketch *sketch)
{
    ub_matrix_free(&sketch->vectors);
    *sketch = (ub_sketch){0};
}

double ub_sketch_likeness(const ub_sketch *a, size_t frame, const ub_sketch *b, size_t other)
{
    const float *x = ub_matrix_column(&a->vectors, frame),
                *y = ub_matrix_column(&b->vectors, other);
    double sum = 0.0;
    for (size_t i = 0; i < UB_SKETCH_ROWS; i++) {
        sum += (double)(x[i] * y[i]);
    }
    return sum;
}

ub_status ub_sketch_halve(const ub_sketch *from, ub_sketch *out)
{
    const size_t n = from->vectors.n_cols / 2;
    ub_sketch half = {.first_s = from->first_s + 0.5 * from->frame_s,
                      .frame_s = 2.0 * from->frame_s};
    if (ub_matrix_new(UB_SKETCH_ROWS, n, &half.vectors)) {
        return UB_NO_MEMORY;
    }
    for (size_t t = 0; t < n; t++) {
        const float *a = ub_matrix_column(&from->vectors, 2 * t);
        const float *b = ub_matrix_column(&from->vectors, 2 * t + 1);
        for (size_t i = 0; i < UB_SKETCH_ROWS; i++) {
            ub_matrix_column(&half.vectors, t)[i] = 0.5f * (a[i] + b[i]);
        }
    }
    *out = half;
    return UB_OK;
}

// Smears rows from `first` on over the frames around: weights `side`, 1 - 2 side, `side`.
static void smear(ub_sketch *sketch, size_t first, float side)
{
    const size_t n = sketch->vectors.n_cols;
    for (size_t i = first; i < UB_SKETCH_ROWS; i++) {
        float before = 0.0f;
        for (size_t t = 0; t < n; t++) {
            float *at = ub_matrix_column(&sketch->vectors, t) + i;
            const float now = *at;
            const float next = t + 1 < n ? ub_matrix_column(&sketch->vectors, t + 1)[i] : 0.0f;
            *at = side * (before + next) + (1.0f - 2.0f * side) * now;
            before = now;
        }
    }
}

// Divides rows by their largest value within a second.
static ub_status level(ub_sketch *sketch, size_t first, size_t n_rows)
{
    const size_t n = sketch->vectors.n_cols, around = (size_t)(AROUND_S / sketch->frame_s);
    float *peaks = calloc(n + 1, sizeof *peaks);
    for (size_t t = 0; peaks && t < n; t++) {
        peaks[t] = ub_floats_largest(ub_matrix_column(&sketch->vectors, t) + first, n_rows);
    }
    for (size_t t = 0; peaks && t < n; t++) {
        const size_t from = t > around ? t - around : 0;
        const size_t end = t + around + 1 < n ? t + around + 1 : n;
        const float peak = ub_floats_largest(peaks + from, end - from);
        float *v = ub_matrix_column(&sketch->vectors, t) + first;
        for (size_t i = 0; peak > 0.0f && i < n_rows; i++) {
            v[i] /= peak;
        }
    }
    free(peaks);
    return peaks ? UB_OK : UB_NO_MEMORY;
}

static void normalise_classes(ub_sketch *sketch)
{
    for (size_t t = 0; t < sketch->vectors.n_cols; t++) {
        float *v = ub_matrix_column(&sketch->vectors, t);
        double sum = 0.0;
        for (size_t i = 0; i < CLASSES; i++) {
            sum += (double)v[i] * (double)v[i];
        }
        for (size_t i = 0; i < CLASSES; i++) {
            v[i] = sum > 1e-12 ? (float)((double)v[i] / sqrt(sum)) : 0.0f;
        }
    }
}

static void take_means(ub_sketch *sketch)
{
    const size_t n = sketch->vectors.n_cols;
    for (size_t i = 0; i < UB_SKETCH_ROWS; i++) {
        const double weight = i < ONSETS ? 1.0 : i < ANY ? SHARE_OF_ONSETS : SHARE_OF_ANY;
        double sum = 0.0;
        for (size_t t = 0; t < n; t++) {
            sum += (double)ub_matrix_column(&sketch->vectors, t)[i];
        }
        for (size_t t = 0; t < n; t++) {
            float *v = ub_matrix_column(&sketch->vectors, t) + i;
            *v = (float)(weight * ((double)*v - sum / (double)n));
        }
    }
}

// From raw frames to vectors. @param smears  How often onsets are smeared: those of a score have no
// width.
static ub_status finish(ub_sketch *raw, size_t smears, ub_sketch *out)
{
    normalise_classes(raw);
    for (size_t i = 0; i < smears; i++) {
        smear(raw, ONSETS, 0.25f);
    }
    ub_status status = level(raw, ONSETS, CLASSES);
    status = status ? status : level(raw, ANY, 1);
    status = status ? status : ub_sketch_halve(raw, out);
    if (!status) {
        take_means(out);
    }
    return status;
}

struct listening {
    ub_sketch *raw;
    size_t n_bins;
    signed char *class_of; // F: pitch class or -1
    signed char *band_of;
};

static void hear(void *context, size_t frame, double time_s, const float *magnitude)
{
    struct listening *l = context;
    double energies[N_HEARD] = {0.0};
    if (frame >= l->raw->vectors.n_cols) {
        return;
    }
    if (frame == 0) {
        l->raw->first_s = time_s;
    }
    for (size_t f = 0; f < l->n_bins; f++) {
        const double energy = (double)magnitude[f] * (double)magnitude[f];
        if (l->class_of[f] >= 0) {
            energies[l->class_of[f]] += energy;
        }
        if (l->band_of[f] >= 0) {
            energies[CLASSES + l->band_of[f]] += energy;
        }
    }
    for (size_t i = 0; i < N_HEARD; i++) {
        ub_matrix_column(&l->raw->vectors, frame)[i] = (float)energies[i];
    }
}

static void find_quiet(const ub_sketch *raw, double quiet[N_HEARD])
{
    const size_t n = raw->vectors.n_cols;
    for (size_t i = 0; i < N_HEARD; i++) {
        double sum = 0.0;
        for (size_t t = 0; t < n; t++) {
            sum += (double)ub_matrix_column(&raw->vectors, t)[i];
        }
        quiet[i] = QUIET * sum / (double)n + 1e-12;
    }
}

// From energies to loudness and rises, in place, backwards because rises are over what was before.
static void find_rises(ub_sketch *raw)
{
    double quiet[N_HEARD];
    find_quiet(raw, quiet);
    for (size_t t = raw->vectors.n_cols; t-- > 0;) {
        const float *before = ub_matrix_column(&raw->vectors, t < LAG ? t : t - LAG);
        float *now = ub_matrix_column(&raw->vectors, t);
        double rises[N_HEARD], any = 0.0;
        for (size_t i = 0; i < N_HEARD; i++) {
            rises[i] = log(((double)now[i] + quiet[i]) / ((double)before[i] + quiet[i]));
            rises[i] = fmax(0.0, rises[i]);
            any += i < CLASSES ? 0.0 : rises[i];
        }
        for (size_t i = 0; i < CLASSES; i++) {
            now[i] = sqrtf(now[i]);
            now[ONSETS + i] = (float)rises[i];
        }
        now[ANY] = (float)any;
    }
}

static void map_bins(struct listening *l, double bin_hz)
{
    for (size_t f = 0; f < l->n_bins; f++) {
        const double hz = (double)f * bin_hz;
        const bool is_tone = hz >= LOWEST_HZ && hz <= HIGHEST_HZ;
        l->class_of[f] =
            is_tone ? (signed char)((lround(12.0 * log2(hz / 440.0)) + 120 + 9) % CLASSES) : -1;
        l->band_of[f] = -1;
        for (size_t b = 0; b < N_BANDS; b++) {
            if (hz >= bands_hz[b] && hz < bands_hz[b + 1]) {
                l->band_of[f] = (signed char)b;
            }
        }
    }
}

ub_status ub_sketch_of_audio(const ub_audio *audio, const ub_settings *settings,
                             const ub_progress *progress, ub_sketch *out, ub_message *why)
{
    ub_status status = ub_lesson_check(audio, why);
    if (status) {
        return status;
    }
    const ub_stft_settings transform = ub_lesson_transform(audio->rate_hz);
    ub_sketch raw = {.frame_s = (double)transform.hop_samples / audio->rate_hz};
    const size_t n_frames = audio->n_samples / transform.hop_samples + 1;
    struct listening l = {.raw = &raw, .n_bins = transform.size_samples / 2 + 1};
    l.class_of = calloc(l.n_bins, 1);
    l.band_of = calloc(l.n_bins, 1);
    if (!l.class_of || !l.band_of || ub_matrix_new(UB_SKETCH_ROWS, n_frames, &raw.vectors)) {
        status = UB_NO_MEMORY;
    } else {
        map_bins(&l, audio->rate_hz / (double)transform.size_samples);
        status = ub_lesson_visit(audio, settings, progress, hear, &l, why);
        if (!status) {
            find_rises(&raw);
            status = finish(&raw, 0, out);
        }
    }
    free(l.class_of);
    free(l.band_of);
    ub_sketch_free(&raw);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for a sketch of the recording")
                                  : status;
}

// A key sounds with its overtones, most of which are other pitch classes.
static void add_key(float *classes, int pitch, float weight)
{
    static const struct {
        int semitones;
        float weight;
    } overtones[] = {{0, 1.0f}, {12, 0.5f}, {19, 0.33f}, {24, 0.25f}, {28, 0.2f}};
    for (size_t i = 0; i < sizeof overtones / sizeof overtones[0]; i++) {
        classes[(pitch + overtones[i].semitones) % CLASSES] += weight * overtones[i].weight;
    }
}

static void add_note(ub_sketch *raw, const ub_note *note, bool is_drum, double stretch)
{
    const size_t n = raw->vectors.n_cols;
    const double first = fmax(0.0, round((stretch * note->onset_s - raw->first_s) / raw->frame_s));
    const double end = round((stretch * note->offset_s + RELEASE_S - raw->first_s) / raw->frame_s);
    const float weight = (float)note->velocity / 127.0f;
    if (first >= (double)n) {
        return;
    }
    const size_t from = (size_t)first, to = end < (double)n ? (size_t)end : n;
    float *begins = ub_matrix_column(&raw->vectors, from);
    begins[ANY] += weight;
    if (is_drum) {
        return;
    }
    add_key(begins + ONSETS, note->pitch, weight);
    for (size_t t = from; t < (to > from ? to : from + 1); t++) {
        add_key(ub_matrix_column(&raw->vectors, t), note->pitch, weight);
    }
}

ub_status ub_sketch_of_score(const ub_parts *parts, double stretch, const ub_sketch *like,
                             ub_sketch *out)
{
    double end_s = 0.0;
    for (size_t i = 0; i < parts->notes.n; i++) {
        end_s = fmax(end_s, parts->notes.notes[i].offset_s);
    }
    ub_sketch raw = {.first_s = like->first_s - 0.25 * like->frame_s,
                     .frame_s = 0.5 * like->frame_s};
    const double last_s = stretch * end_s + RELEASE_S - raw.first_s;
    const size_t n_frames = (size_t)(fmax(0.0, last_s) / raw.frame_s) + 4;
    ub_status status = ub_matrix_new(UB_SKETCH_ROWS, n_frames, &raw.vectors);
    if (status) {
        return UB_NO_MEMORY;
    }
    for (size_t i = 0; i < parts->notes.n; i++) {
        const ub_note *note = &parts->notes.notes[i];
        add_note(&raw, note, parts->players[note->source].is_drums, stretch);
    }
    status = finish(&raw, 2, out);
    ub_sketch_free(&raw);
    return status;
}
