// SPDX-License-Identifier: GPL-3.0-or-later
// Onsets are counted in bins of 5 ms. Most bins are empty, so their autocorrelation is summed over
// pairs of bins that are not.
#include "unbraid/tempo.h"
#include "unbraid/midi.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static const double bin_s = 0.005;

enum {
    SLOWEST = 200, // bins of a beat at 60 bpm
    FASTEST = 60, // and at 200
    FAR_BEATS = 16, // beats to look ahead for the exact tempo
    N_LAGS = (FAR_BEATS + 1) * SLOWEST,
    SMEAR = 6, // bins either side that an onset is smeared over: 30 ms
    STEPS_PER_BEAT = 4,
};

struct onset {
    uint64_t bin;
    double time_s, weight;
};

static int by_time(const void *first, const void *second)
{
    const double a = ((const struct onset *)first)->time_s;
    const double b = ((const struct onset *)second)->time_s;
    return (a > b) - (a < b);
}

// Onsets in order, those of a bin in one. A chord counts more than a note, but not as often as it
// has notes. @return how many.
static size_t gather(const ub_notes *notes, struct onset *onsets)
{
    for (size_t i = 0; i < notes->n; i++) {
        const ub_note *note = &notes->notes[i];
        onsets[i] = (struct onset){.bin = (uint64_t)(fmin(note->onset_s, 1e9) / bin_s),
                                   .time_s = note->onset_s,
                                   .weight = note->velocity / 127.0};
    }
    qsort(onsets, notes->n, sizeof *onsets, by_time);
    size_t n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        if (n > 0 && onsets[n - 1].bin == onsets[i].bin) {
            onsets[n - 1].weight += onsets[i].weight;
        } else {
            onsets[n++] = onsets[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        onsets[i].weight = sqrt(onsets[i].weight);
    }
    return n;
}

// likeness[lag]: how much weight lies `lag` bins apart, give or take what onsets are smeared by.
static void correlate(const struct onset *onsets, size_t n, double *pairs, double *likeness)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n && onsets[j].bin - onsets[i].bin < N_LAGS; j++) {
            pairs[onsets[j].bin - onsets[i].bin] += onsets[i].weight * onsets[j].weight;
        }
    }
    for (int lag = 0; lag < N_LAGS; lag++) {
        for (int k = -SMEAR; k <= SMEAR; k++) {
            if (lag + k > 0 && lag + k < N_LAGS) {
                likeness[lag] += pairs[lag + k] * exp(-4.5 * k * k / (SMEAR * SMEAR));
            }
        }
    }
}

// Equations 6 to 8 of the paper, each with the multiple of a lag that it adds, and the wider of its
// preferences: 1.4 octaves about half a second.
static double fitness(const double *likeness, size_t lag)
{
    const double octaves = log2((double)lag * bin_s / 0.5) / 1.4;
    const double doubled = likeness[lag] + 0.5 * likeness[2 * lag] +
                           0.25 * (likeness[2 * lag - 1] + likeness[2 * lag + 1]);
    const double tripled =
        likeness[lag] + 0.33 * (likeness[3 * lag - 1] + likeness[3 * lag] + likeness[3 * lag + 1]);
    return exp(-0.5 * octaves * octaves) * fmax(doubled, tripled);
}

// The top of the parabola through three points, off the middle one.
static double summit(const double *middle)
{
    const double bend = middle[-1] - 2.0 * middle[0] + middle[1];
    return bend < 0.0 ? fmax(-1.0, fmin(1.0, 0.5 * (middle[-1] - middle[1]) / bend)) : 0.0;
}

// The lag, between bins, of the highest point within `reach` of `lag`.
static double highest_near(const double *likeness, double lag, double reach, double *height)
{
    size_t best = (size_t)(lag + 0.5);
    for (size_t i = (size_t)fmax(1.0, lag - reach); (double)i < lag + reach && i + 1 < N_LAGS;
         i++) {
        best = likeness[i] > likeness[best] ? i : best;
    }
    *height = likeness[best];
    return (double)best + summit(&likeness[best]);
}

// Bins of a beat. What is twice as far apart says it twice as exactly, as long as it is alike.
static double beat_length(const double *likeness)
{
    size_t best = FASTEST;
    for (size_t lag = FASTEST; lag <= SLOWEST; lag++) {
        best = fitness(likeness, lag) > fitness(likeness, best) ? lag : best;
    }
    double height, first_height;
    double beat = highest_near(likeness, (double)best, 3.0, &first_height);
    for (size_t beats = 2; beats <= FAR_BEATS; beats *= 2) {
        const double lag = highest_near(likeness, beat * (double)beats, 6.0, &height);
        if (!(height > 0.5 * first_height)) {
            break;
        }
        beat = lag / (double)beats;
    }
    return fmin(fmax(beat, FASTEST), SLOWEST);
}

// Where beats are: the phase that the onsets have among sixteenth notes, and then the one of the
// four sixteenths that carries most.
static double beat_phase(const struct onset *onsets, size_t n, double beat_s)
{
    const double turn = 2.0 * acos(-1.0);
    const double step_s = beat_s / STEPS_PER_BEAT;
    double x = 0.0, y = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double angle = turn * fmod(onsets[i].time_s, step_s) / step_s;
        x += onsets[i].weight * cos(angle);
        y += onsets[i].weight * sin(angle);
    }
    const double phase_s = atan2(y, x) / turn * step_s;
    double carried[STEPS_PER_BEAT] = {0.0};
    for (size_t i = 0; i < n; i++) {
        const double steps = fmod(round((onsets[i].time_s - phase_s) / step_s), STEPS_PER_BEAT);
        carried[steps < 0.0 ? 0 : (size_t)steps] += onsets[i].weight;
    }
    size_t best = 0;
    for (size_t step = 1; step < STEPS_PER_BEAT; step++) {
        best = carried[step] > carried[best] ? step : best;
    }
    return phase_s + step_s * (double)best;
}

static ub_status check_tempo(double bpm, ub_message *why)
{
    return bpm >= 4.0 && bpm <= 1000.0
               ? UB_OK
               : ub_fail(why, UB_BAD_SETTING, "the tempo is %g, but must be 4 to 1000 bpm", bpm);
}

ub_status ub_tempo_estimate(const ub_notes *notes, double bpm, ub_tempo *tempo, ub_message *why)
{
    ub_status status = bpm == 0.0 ? UB_OK : check_tempo(bpm, why);
    status = status ? status : ub_notes_check(notes, why);
    if (status) {
        return status;
    }
    struct onset *onsets = calloc(notes->n + 1, sizeof *onsets);
    double *sums = calloc(2 * (size_t)N_LAGS, sizeof *sums);
    if (!onsets || !sums) {
        free(onsets);
        free(sums);
        return ub_fail(why, UB_NO_MEMORY, "no memory for the onsets of %zu notes", notes->n);
    }
    *tempo = (ub_tempo){.bpm = bpm == 0.0 ? 120.0 : bpm};
    const size_t n = gather(notes, onsets);
    if (n >= 4) {
        if (bpm == 0.0) {
            correlate(onsets, n, sums, sums + N_LAGS);
            tempo->bpm = 60.0 / (bin_s * beat_length(sums + N_LAGS));
        }
        tempo->beat_s = beat_phase(onsets, n, 60.0 / tempo->bpm);
    }
    free(onsets);
    free(sums);
    return UB_OK;
}

static ub_status check_grid(const ub_tempo *tempo, unsigned steps, ub_message *why)
{
    if (!isfinite(tempo->beat_s)) {
        return ub_fail(why, UB_BAD_SETTING, "the time of a beat is no number");
    }
    if (steps < 4 || steps > 192 || steps % 4 != 0) {
        return ub_fail(why, UB_BAD_SETTING,
                       "the grid has %u lines per whole note, but must have 4 to 192, a multiple "
                       "of 4",
                       steps);
    }
    return check_tempo(tempo->bpm, why);
}

// Notes are sorted: those of one line stand together, and keys in order within it.
static void merge(ub_notes *notes)
{
    size_t n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        const ub_note *note = &notes->notes[i];
        ub_note *before = n > 0 ? &notes->notes[n - 1] : NULL;
        if (before && before->onset_s == note->onset_s && before->pitch == note->pitch &&
            before->source == note->source) {
            before->offset_s = fmax(before->offset_s, note->offset_s);
            before->velocity =
                before->velocity > note->velocity ? before->velocity : note->velocity;
        } else {
            notes->notes[n++] = *note;
        }
    }
    notes->n = n;
}

ub_status ub_notes_quantise(ub_notes *notes, const ub_tempo *tempo, unsigned steps, ub_message *why)
{
    ub_status status = check_grid(tempo, steps, why);
    status = status ? status : ub_notes_check(notes, why);
    if (status) {
        return status;
    }
    const double heard_s = 240.0 / (tempo->bpm * steps); // of a step, and when it is written:
    const double written_s = 240.0 / (ub_midi_tempo(tempo->bpm) * steps);
    const double beat_s = 60.0 / tempo->bpm;
    // The first line at or before 0 that is a beat, or the one after it where it is nearer.
    const double before_s = tempo->beat_s - beat_s * ceil(tempo->beat_s / beat_s);
    const double start_s = before_s < -0.5 * beat_s ? before_s + beat_s : before_s;
    double first = 0.0;
    for (size_t i = 0; i < notes->n; i++) {
        first = fmin(first, round((notes->notes[i].onset_s - start_s) / heard_s));
    }
    const double shift = first < 0.0 ? ceil(-first / (steps / 4.0)) * (steps / 4.0) : 0.0;
    for (size_t i = 0; i < notes->n; i++) {
        ub_note *note = &notes->notes[i];
        const double on = round((note->onset_s - start_s) / heard_s) + shift;
        const double off = round((note->offset_s - start_s) / heard_s) + shift;
        note->onset_s = on * written_s;
        note->offset_s = fmax(off, on + 1.0) * written_s;
    }
    ub_notes_sort(notes);
    merge(notes);
    return UB_OK;
}
