// SPDX-License-Identifier: GPL-3.0-or-later
// V ~ W H with the Kullback-Leibler divergence, where H is zero but for a few entries of each
// column, which are all that is stored of it.
#include "score.h"
#include "ground/floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_TEMPLATES = UB_SCORE_PITCHES * UB_SCORE_PARTS, N_UPDATES = 20 };

// When the parts of a note begin, in seconds after its onset.
static const double part_begins_s[UB_SCORE_PARTS] = {0.0, 0.052, 0.174, 0.522};
static const double LOOKS_AHEAD_S = 0.08; // so long before its onset the window hears a note
static const double DIES_AWAY_S = 0.2; // after its end a note is still heard

ub_status ub_score_new(size_t n_bins, size_t most_frames, ub_score *out)
{
    ub_score score = {.templates = calloc(most_frames * UB_SCORE_MOST, sizeof *score.templates),
                      .counts = calloc(most_frames, sizeof *score.counts)};
    const ub_status status = ub_matrix_new(n_bins, most_frames, &score.frames);
    if (status || !score.templates || !score.counts) {
        ub_score_free(&score);
        return UB_NO_MEMORY;
    }
    *out = score;
    return UB_OK;
}

void ub_score_free(ub_score *score)
{
    ub_matrix_free(&score->frames);
    free(score->templates);
    free(score->counts);
}

static uint16_t template_of(const ub_note *note, double time_s)
{
    size_t part = 0;
    while (part + 1 < UB_SCORE_PARTS && time_s - note->onset_s >= part_begins_s[part + 1]) {
        part++;
    }
    const bool is_tail = note->offset_s <= time_s;
    return (uint16_t)((is_tail ? UB_SCORE_TAIL : 0) | (note->pitch * UB_SCORE_PARTS + (int)part));
}

static bool is_over(const ub_note *note, double time_s)
{
    return note->offset_s + DIES_AWAY_S <= time_s;
}

// The templates that sound at a time. In a scale the tail of a note meets the attack of the next
// one and of no other: it explains its share of that, but must not learn it. @return how many; 0
// for a frame that shall not count.
static size_t list_templates(const ub_notes *notes, size_t first, double time_s, uint16_t *list)
{
    size_t n = 0;
    for (size_t i = first; i < notes->n; i++) {
        const ub_note *note = &notes->notes[i];
        if (note->onset_s > time_s + LOOKS_AHEAD_S) {
            break;
        }
        if (note->onset_s > time_s) {
            return 0;
        }
        if (is_over(note, time_s)) {
            continue;
        }
        const uint16_t template = template_of(note, time_s);
        size_t k = 0;
        while (k < n && (list[k] ^ template) & ~UB_SCORE_TAIL) {
            k++;
        }
        if (k == UB_SCORE_MOST) {
            return 0;
        }
        list[k] = k == n ? template : list[k] & template; // one that is held is no tail
        n = k == n ? n + 1 : n;
    }
    return n;
}

static size_t index_of(uint16_t listed)
{
    return listed & (UB_SCORE_TAIL - 1u);
}

static double sum_of(const float *values, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)values[i];
    }
    return sum;
}

void ub_score_add(ub_score *score, const ub_notes *notes, size_t *first, double time_s,
                  const float *magnitude)
{
    while (*first < notes->n && is_over(&notes->notes[*first], time_s)) {
        ++*first;
    }
    if (score->n == score->frames.n_cols) {
        return;
    }
    uint16_t *list = score->templates + score->n * UB_SCORE_MOST;
    const size_t n = list_templates(notes, *first, time_s, list);
    const size_t n_bins = score->frames.n_rows;
    if (n > 0 && sum_of(magnitude, n_bins) > 1e-6) { // far below the last bit of any recording
        memcpy(ub_matrix_column(&score->frames, score->n), magnitude, n_bins * sizeof(float));
        score->counts[score->n++] = (unsigned char)n;
    }
}

// Peaks on the harmonics of a pitch, and a little everywhere: what decides who is who where two
// notes always sound together. Of sum one.
static void start_template(float *w, size_t n_bins, double bin_hz, double hz)
{
    for (size_t f = 0; f < n_bins; f++) {
        const double harmonic = fmax(1.0, round((double)f * bin_hz / hz));
        const double off = ((double)f * bin_hz - harmonic * hz) / (1.5 * bin_hz);
        w[f] = (float)((exp(-0.5 * off * off) + 0.02) / harmonic);
    }
    const double sum = sum_of(w, n_bins);
    for (size_t f = 0; f < n_bins; f++) {
        w[f] = (float)((double)w[f] / sum);
    }
}

struct fit {
    const ub_score *score;
    ub_matrix *W;
    ub_matrix shares; // of each template, what the frames say it should be
    float *h; // UB_SCORE_MOST of each frame
    float *ratio; // V / (W H) of a frame
    double weights[N_TEMPLATES]; // sums of activations
    bool is_learned[N_TEMPLATES]; // from a frame at least
};

static void find_ratio(struct fit *fit, size_t frame)
{
    const size_t n_bins = fit->score->frames.n_rows;
    const float *v = ub_matrix_column(&fit->score->frames, frame);
    const uint16_t *list = fit->score->templates + frame * UB_SCORE_MOST;
    const float *h = fit->h + frame * UB_SCORE_MOST;
    memset(fit->ratio, 0, n_bins * sizeof *fit->ratio);
    for (size_t k = 0; k < fit->score->counts[frame]; k++) {
        const float *w = ub_matrix_column(fit->W, index_of(list[k]));
        for (size_t f = 0; f < n_bins; f++) {
            fit->ratio[f] += h[k] * w[f];
        }
    }
    for (size_t f = 0; f < n_bins; f++) {
        fit->ratio[f] = v[f] / (fit->ratio[f] + 1e-12f);
    }
}

// One update of the frame's activations, and then its share in that of the templates.
static void update_frame(struct fit *fit, size_t frame)
{
    const size_t n_bins = fit->score->frames.n_rows;
    const uint16_t *list = fit->score->templates + frame * UB_SCORE_MOST;
    float *h = fit->h + frame * UB_SCORE_MOST;
    find_ratio(fit, frame);
    for (size_t k = 0; k < fit->score->counts[frame]; k++) {
        const float *w = ub_matrix_column(fit->W, index_of(list[k]));
        double product = 0.0;
        for (size_t f = 0; f < n_bins; f++) {
            product += (double)(w[f] * fit->ratio[f]);
        }
        h[k] = (float)(h[k] * product);
    }
    find_ratio(fit, frame);
    for (size_t k = 0; k < fit->score->counts[frame]; k++) {
        if (list[k] & UB_SCORE_TAIL) {
            continue;
        }
        float *share = ub_matrix_column(&fit->shares, list[k]);
        for (size_t f = 0; f < n_bins; f++) {
            share[f] += h[k] * fit->ratio[f];
        }
        fit->weights[list[k]] += (double)h[k];
        fit->is_learned[list[k]] = true;
    }
}

static void update_templates(struct fit *fit)
{
    const size_t n_bins = fit->score->frames.n_rows;
    for (size_t k = 0; k < N_TEMPLATES; k++) {
        float *w = ub_matrix_column(fit->W, k), *share = ub_matrix_column(&fit->shares, k);
        for (size_t f = 0; f < n_bins && fit->weights[k] > 0.0; f++) {
            w[f] *= share[f];
        }
        const double sum = sum_of(w, n_bins);
        for (size_t f = 0; f < n_bins && sum > 0.0; f++) {
            w[f] = (float)((double)w[f] / sum);
        }
        memset(share, 0, n_bins * sizeof *share);
        fit->weights[k] = 0.0;
    }
}

static void start(struct fit *fit, double bin_hz)
{
    const ub_score *score = fit->score;
    bool is_known[N_TEMPLATES] = {false};
    for (size_t frame = 0; frame < score->n; frame++) {
        const size_t n = score->counts[frame];
        const double sum = sum_of(ub_matrix_column(&score->frames, frame), score->frames.n_rows);
        for (size_t k = 0; k < n; k++) {
            fit->h[frame * UB_SCORE_MOST + k] = (float)(sum / (double)n);
            const size_t template = index_of(score->templates[frame * UB_SCORE_MOST + k]);
            if (!is_known[template]) {
                is_known[template] = true;
                start_template(ub_matrix_column(fit->W, template), score->frames.n_rows, bin_hz,
                               ub_pitch_hz((double)(template / UB_SCORE_PARTS)));
            }
        }
    }
}

ub_status ub_score_fit(const ub_score *score, double bin_hz, const ub_progress *progress,
                       ub_matrix *templates)
{
    struct fit fit = {.score = score,
                      .W = templates,
                      .h = ub_floats_new(score->n * UB_SCORE_MOST),
                      .ratio = ub_floats_new(score->frames.n_rows)};
    ub_status status = ub_matrix_new(score->frames.n_rows, N_TEMPLATES, &fit.shares);
    status = status || !fit.h || !fit.ratio ? UB_NO_MEMORY : UB_OK;
    if (!status) {
        ub_progress_stage(progress, "factorise");
        start(&fit, bin_hz);
    }
    for (int update = 0; !status && update < N_UPDATES; update++) {
        status = ub_progress_report(progress, "factorise", (double)update / N_UPDATES);
        for (size_t frame = 0; !status && frame < score->n; frame++) {
            update_frame(&fit, frame);
        }
        update_templates(&fit);
    }
    for (size_t k = 0; k < N_TEMPLATES; k++) {
        if (!fit.is_learned[k]) {
            memset(ub_matrix_column(templates, k), 0, templates->n_rows * sizeof(float));
        }
    }
    ub_matrix_free(&fit.shares);
    free(fit.h);
    free(fit.ratio);
    return status;
}
