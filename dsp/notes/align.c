// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/align.h"
#include "ground/threads.h"
#include "warp.h"

#include <math.h>
#include <stdlib.h>

static const double LONGEST_S = 6.0 * 3600.0, SHORTEST_S = 1.0;
static const double GAIN = 1.1; // in likeness, from which on a score is taken to be out of time

void ub_alignment_free(ub_alignment *alignment)
{
    if (alignment) {
        free(alignment->score_s);
        free(alignment->recording_s);
        *alignment = (ub_alignment){0};
    }
}

static ub_status check(const ub_audio *recording, const ub_parts *parts,
                       const ub_settings *settings, ub_message *why)
{
    ub_status status = ub_settings_check(settings, why);
    status = status ? status : ub_notes_check(&parts->notes, why);
    if (status) {
        return status;
    }
    if (parts->notes.n == 0) {
        return ub_fail(why, UB_BAD_VALUE, "the score has no notes");
    }
    for (size_t i = 0; i < parts->notes.n; i++) {
        if (parts->notes.notes[i].offset_s > LONGEST_S) {
            return ub_fail(why, UB_BAD_VALUE,
                           "the score is longer than six hours, and cannot be aligned");
        }
    }
    if ((double)recording->n_samples < SHORTEST_S * recording->rate_hz) {
        return ub_fail(why, UB_BAD_VALUE,
                       "the recording is too short for a score to be aligned to it");
    }
    return UB_OK;
}

// A point for every frame of the score.
static ub_status place(const ub_sketch *recording, const ub_sketch *score, const ub_line *line,
                       ub_alignment *out)
{
    out->n = score->vectors.n_cols;
    out->slope = line->stretch;
    out->score_s = malloc(out->n * sizeof *out->score_s);
    out->recording_s = malloc(out->n * sizeof *out->recording_s);
    if (!out->score_s || !out->recording_s) {
        return UB_NO_MEMORY;
    }
    const ub_status status = ub_warp_find(recording, score, line, out->recording_s, &out->likeness);
    for (size_t t = 0; !status && t < out->n; t++) {
        const double frame = (double)((long)t + line->lag) + out->recording_s[t];
        out->score_s[t] = (score->first_s + (double)t * score->frame_s) / line->stretch;
        out->recording_s[t] = recording->first_s + frame * recording->frame_s;
    }
    return status;
}

static ub_status align(const ub_sketch *recording, const ub_parts *parts, size_t n_threads,
                       const ub_progress *progress, ub_alignment *out)
{
    ub_line line;
    ub_sketch score = {0};
    ub_progress_stage(progress, "align");
    ub_status status = ub_line_find(recording, parts, n_threads, progress, &line);
    status = status ? status : ub_sketch_of_score(parts, 1.0, recording, &score);
    if (status) {
        return status;
    }
    out->likeness_in_time = ub_line_likeness(recording, &score, 0, NULL);
    ub_sketch_free(&score);
    status = ub_sketch_of_score(parts, line.stretch, recording, &score);
    status = status ? status : place(recording, &score, &line, out);
    out->is_in_time = out->likeness <= GAIN * out->likeness_in_time;
    ub_sketch_free(&score);
    return status;
}

ub_status ub_align(const ub_audio *recording, const ub_parts *parts, const ub_settings *settings,
                   const ub_progress *progress, ub_alignment *out, ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    ub_status status = check(recording, parts, settings, why);
    if (status) {
        return status;
    }
    ub_sketch sketch = {0};
    ub_alignment alignment = {0};
    status = ub_sketch_of_audio(recording, settings, progress, &sketch, why);
    if (!status) {
        const size_t n_threads = ub_thread_count((size_t)settings->value[UB_PARAM_THREADS]);
        status = align(&sketch, parts, n_threads, progress, &alignment);
    }
    ub_sketch_free(&sketch);
    if (status) {
        ub_alignment_free(&alignment);
        return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for an alignment") : status;
    }
    *out = alignment;
    return UB_OK;
}

double ub_alignment_time_s(const ub_alignment *alignment, double score_s)
{
    const double *from = alignment->score_s, *to = alignment->recording_s;
    size_t low = 0, high = alignment->n - 1;
    if (score_s <= from[low]) {
        return to[low] + alignment->slope * (score_s - from[low]);
    }
    if (score_s >= from[high]) {
        return to[high] + alignment->slope * (score_s - from[high]);
    }
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        *(from[middle] <= score_s ? &low : &high) = middle;
    }
    const double share = (score_s - from[low]) / (from[high] - from[low]);
    return to[low] + share * (to[high] - to[low]);
}

void ub_alignment_apply(const ub_alignment *alignment, ub_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++) {
        ub_note *note = &notes->notes[i];
        note->onset_s = ub_alignment_time_s(alignment, note->onset_s);
        note->offset_s = fmax(note->onset_s, ub_alignment_time_s(alignment, note->offset_s));
    }
    ub_notes_shift(notes, 0.0);
}
