// SPDX-License-Identifier: GPL-3.0-or-later
// Notes of an instrument from recordings: which sound when, the fit, and what no recording has.
#include "ground/progress_part.h"
#include "lesson.h"
#include "score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t MOST_BYTES = 200000000; // of magnitudes

// A recording while its frames are gathered.
struct gathering {
    ub_score *score;
    const ub_notes *notes;
    size_t first; // note that may still sound
    size_t every; // one frame in so many is kept
    size_t seen;
};

static void gather_frame(void *context, size_t frame, double time_s, const float *magnitude)
{
    (void)frame;
    struct gathering *gathering = context;
    if (gathering->seen++ % gathering->every == 0) {
        ub_score_add(gathering->score, gathering->notes, &gathering->first, time_s, magnitude);
    }
}

static ub_status copy_notes(const ub_notes *from, ub_notes *to, ub_message *why)
{
    ub_status status = ub_notes_check(from, why);
    for (size_t i = 0; !status && i < from->n; i++) {
        if (ub_notes_append(to, &from->notes[i])) {
            status = ub_fail(why, UB_NO_MEMORY, "no memory for %zu notes", from->n);
        }
    }
    return status;
}

static ub_status gather(const ub_note_lesson *lesson, const ub_settings *settings, size_t every,
                        const ub_progress *progress, ub_score *score, ub_message *why)
{
    ub_progress_part parts[2] = {{progress, 0.0, 0.5}, {progress, 0.5, 1.0}};
    const ub_progress finding = ub_progress_of_part(&parts[0]);
    const ub_progress reading = ub_progress_of_part(&parts[1]);
    ub_notes notes = {0};
    ub_status status = lesson->notes
                           ? copy_notes(lesson->notes, &notes, why)
                           : ub_scale_find(&lesson->audio, settings, &finding, &notes, why);
    if (!status) {
        ub_notes_sort(&notes);
        struct gathering gathering = {.score = score, .notes = &notes, .every = every};
        status = ub_lesson_visit(&lesson->audio, settings, &reading, gather_frame, &gathering, why);
    }
    ub_notes_free(&notes);
    return status;
}

static ub_status gather_all(const ub_note_lesson *lessons, size_t n, const ub_settings *settings,
                            const ub_stft_settings *transform, const ub_progress *progress,
                            ub_score *out, ub_message *why)
{
    const size_t n_bins = transform->size_samples / 2 + 1;
    size_t n_frames = 1;
    for (size_t i = 0; i < n; i++) {
        n_frames += lessons[i].audio.n_samples / transform->hop_samples + 9;
    }
    const size_t most = MOST_BYTES / sizeof(float) / n_bins;
    const size_t every = (n_frames + most - 1) / most;
    ub_status status = ub_score_new(n_bins, n_frames / every + 1, out);
    if (status) {
        return ub_fail(why, status, "no memory for %zu frames", n_frames / every);
    }
    for (size_t i = 0; !status && i < n; i++) {
        ub_progress_part part = {progress, (double)i / (double)n, (double)(i + 1) / (double)n};
        const ub_progress gathering = ub_progress_of_part(&part);
        status = gather(&lessons[i], settings, every, &gathering, out, why);
    }
    if (!status && out->n == 0) {
        status = ub_fail(why, UB_BAD_VALUE,
                         "no note is heard; give a recording in which notes are played one after "
                         "the other, or what is played");
    }
    return status;
}

static bool is_silent(const ub_matrix *templates, size_t k)
{
    const float *w = ub_matrix_column(templates, k);
    for (size_t f = 0; f < templates->n_rows; f++) {
        if (w[f] > 0.0f) {
            return false;
        }
    }
    return true;
}

static void copy_template(ub_matrix *templates, size_t from, size_t to)
{
    memcpy(ub_matrix_column(templates, to), ub_matrix_column(templates, from),
           templates->n_rows * sizeof(float));
}

// Notes that are too short have no later parts: those of the part before, or else after, take
// their place. @return whether the pitch has any.
static bool fill_parts(ub_matrix *templates, size_t pitch)
{
    const size_t first = pitch * UB_SCORE_PARTS;
    for (size_t part = 1; part < UB_SCORE_PARTS; part++) {
        if (is_silent(templates, first + part)) {
            copy_template(templates, first + part - 1, first + part);
        }
    }
    for (size_t part = UB_SCORE_PARTS - 1; part-- > 0;) {
        if (is_silent(templates, first + part)) {
            copy_template(templates, first + part + 1, first + part);
        }
    }
    return !is_silent(templates, first);
}

// A template moved by so many semitones along the logarithm of frequency.
static void shift_template(ub_matrix *templates, size_t from, size_t to, int semitones)
{
    const float *w = ub_matrix_column(templates, from);
    float *shifted = ub_matrix_column(templates, to);
    const size_t n_bins = templates->n_rows;
    double sum = 0.0;
    for (size_t f = 0; f < n_bins; f++) {
        const double at = (double)f * exp2(-semitones / 12.0);
        const size_t below = (size_t)at;
        const double between = at - (double)below;
        const double low = below < n_bins ? (double)w[below] : 0.0;
        const double high = below + 1 < n_bins ? (double)w[below + 1] : low;
        // What moved in from above the highest bin: as that bin.
        shifted[f] = (float)(below < n_bins ? low + between * (high - low) : (double)w[n_bins - 1]);
        sum += (double)shifted[f];
    }
    for (size_t f = 0; f < n_bins; f++) {
        shifted[f] = (float)((double)shifted[f] / sum);
    }
}

// The nearest pitch that was learned; of two, the lower.
static size_t nearest(const bool *is_learned, size_t pitch)
{
    for (size_t distance = 0;; distance++) {
        if (pitch >= distance && is_learned[pitch - distance]) {
            return pitch - distance;
        }
        if (pitch + distance < UB_SCORE_PITCHES && is_learned[pitch + distance]) {
            return pitch + distance;
        }
    }
}

// Pitches between those that were learned. @return the lowest and the highest of all.
static void fill_pitches(ub_matrix *templates, size_t *lowest, size_t *highest)
{
    bool is_learned[UB_SCORE_PITCHES];
    *lowest = UB_SCORE_PITCHES;
    for (size_t pitch = 0; pitch < UB_SCORE_PITCHES; pitch++) {
        is_learned[pitch] = fill_parts(templates, pitch);
        if (is_learned[pitch]) {
            *lowest = *lowest < pitch ? *lowest : pitch;
            *highest = pitch;
        }
    }
    for (size_t pitch = *lowest; pitch <= *highest; pitch++) {
        const size_t near = nearest(is_learned, pitch);
        for (size_t part = 0; part < UB_SCORE_PARTS && near != pitch; part++) {
            shift_template(templates, near * UB_SCORE_PARTS + part, pitch * UB_SCORE_PARTS + part,
                           (int)pitch - (int)near);
        }
    }
}

static char *copy_text(const char *text)
{
    text = text ? text : "";
    char *copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

static ub_status make_dictionary(const char *name, const ub_stft_settings *transform,
                                 double rate_hz, const char *licence, const char *origin,
                                 ub_matrix *templates, ub_dictionary *out)
{
    size_t lowest = 0, highest = 0;
    fill_pitches(templates, &lowest, &highest);
    const size_t n = (highest - lowest + 1) * UB_SCORE_PARTS;
    ub_dictionary dictionary = {.n_sources = 1,
                                .source_names = calloc(1, sizeof *dictionary.source_names),
                                .component_source = calloc(n, sizeof(size_t)),
                                .component_pitch = calloc(n, sizeof(int)),
                                .rate_hz = rate_hz,
                                .window = transform->window,
                                .window_samples = transform->size_samples,
                                .hop_samples = transform->hop_samples,
                                .licence = copy_text(licence),
                                .origin = copy_text(origin)};
    ub_status status = ub_matrix_new(templates->n_rows, n, &dictionary.templates);
    if (dictionary.source_names) {
        dictionary.source_names[0] = copy_text(name);
    }
    if (status || !dictionary.source_names || !dictionary.source_names[0] ||
        !dictionary.component_source || !dictionary.component_pitch || !dictionary.licence ||
        !dictionary.origin) {
        ub_dictionary_free(&dictionary);
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < n; k++) {
        memcpy(ub_matrix_column(&dictionary.templates, k),
               ub_matrix_column(templates, lowest * UB_SCORE_PARTS + k),
               templates->n_rows * sizeof(float));
        dictionary.component_pitch[k] = (int)(lowest + k / UB_SCORE_PARTS);
    }
    *out = dictionary;
    return UB_OK;
}

static ub_status check(const char *name, const ub_note_lesson *lessons, size_t n,
                       const ub_settings *settings, ub_message *why)
{
    ub_status status = ub_settings_check(settings, why);
    status = status ? status : ub_name_check(name, why);
    if (!status && n < 1) {
        status = ub_fail(why, UB_BAD_SHAPE, "there is no recording to learn from");
    }
    for (size_t i = 0; !status && i < n; i++) {
        status = ub_lesson_check(&lessons[i].audio, why);
        if (!status && lessons[i].audio.rate_hz != lessons[0].audio.rate_hz) {
            status = ub_fail(why, UB_BAD_VALUE, "the recordings have sample rates of %g and %g Hz",
                             lessons[0].audio.rate_hz, lessons[i].audio.rate_hz);
        }
    }
    return status;
}

ub_status ub_learn_notes(const char *name, const ub_note_lesson *lessons, size_t n,
                         const ub_settings *settings, const char *licence, const char *origin,
                         const ub_progress *progress, ub_dictionary *out, ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    ub_status status = check(name, lessons, n, settings, why);
    if (status) {
        return status;
    }
    const double rate_hz = lessons[0].audio.rate_hz;
    const ub_stft_settings transform = ub_lesson_transform(rate_hz);
    ub_progress_part parts[2] = {{progress, 0.0, 0.5}, {progress, 0.5, 1.0}};
    const ub_progress gathering = ub_progress_of_part(&parts[0]);
    const ub_progress fitting = ub_progress_of_part(&parts[1]);
    ub_score score = {.n = 0};
    ub_matrix templates = {0};
    status = gather_all(lessons, n, settings, &transform, &gathering, &score, why);
    if (!status) {
        const size_t n_bins = score.frames.n_rows;
        status = ub_matrix_new(n_bins, (size_t)UB_SCORE_PITCHES * UB_SCORE_PARTS, &templates);
        status = status ? status
                        : ub_score_fit(&score, rate_hz / (double)transform.size_samples, &fitting,
                                       &templates);
        status = status
                     ? status
                     : make_dictionary(name, &transform, rate_hz, licence, origin, &templates, out);
        status =
            status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for the templates") : status;
    }
    ub_matrix_free(&templates);
    ub_score_free(&score);
    return status;
}
