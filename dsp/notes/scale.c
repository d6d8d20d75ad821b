// SPDX-License-Identifier: GPL-3.0-or-later
// Single notes one after the other: when each begins and ends, and then, all together, which they
// are. One note may be taken for its octave; a row of them is hardly taken for a row with a leap.
#include "ground/floats.h"
#include "ground/progress_part.h"
#include "lesson.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLUX_LAG = 2, // frames
    APART = 5, // frames between onsets
    LASTS = 8, // frames, a window, that a note lasts at least
    LOWEST = 21, // pitches that are looked for: those of a piano
    HIGHEST = 108,
    N_PITCHES = HIGHEST - LOWEST + 1,
    MOST_HARMONICS = 12,
};

static const float COMPRESSION = 1000.0f; // magnitudes above -60 dB of full scale count
static const double NEW_SHARE = 0.2; // of the spectrum that must be new at an onset
static const double LASTS_ABOVE = 0.1; // of what was before, a note is after LASTS
static const double ENDS_BELOW = 0.01; // of its highest level a note has ended: -40 dB
static const double SILENT_BELOW = 0.003; // of the loudest note, one is no note: -50 dB
static const double HEARD_FROM_S = 0.06, HEARD_TO_S = 0.8; // after its onset a pitch is settled
static const double LEAP = 0.25; // what a step other than a semitone costs, in units of salience
static const double STRETCH = 2e-4; // inharmonicity of strings, about the middle of a piano

struct curve {
    size_t n_bins, n_frames;
    float *past; // FLUX_LAG + 1 compressed spectra, a ring
    float *past_magnitude; // the same before compression
    double *flux, *sum, *rise, *level, *time_s; // per frame
};

struct segment {
    double onset_s, offset_s;
    double level; // the highest of its frames
    float *spectrum; // mean, n_bins
    size_t n; // frames in it
    double salience[N_PITCHES];
};

struct scale {
    struct segment *segments;
    size_t n;
    size_t n_bins;
    double bin_hz;
};

static void measure(void *context, size_t frame, double time_s, const float *magnitude)
{
    struct curve *curve = context;
    float *now = curve->past + (frame % (FLUX_LAG + 1)) * curve->n_bins;
    const float *then = curve->past + ((frame + 1) % (FLUX_LAG + 1)) * curve->n_bins;
    float *now_magnitude = curve->past_magnitude + (now - curve->past);
    const float *then_magnitude = curve->past_magnitude + (then - curve->past);
    double flux = 0.0, sum = 0.0, rise = 0.0, level = 0.0;
    memcpy(now_magnitude, magnitude, curve->n_bins * sizeof *magnitude);
    for (size_t f = 0; f < curve->n_bins; f++) {
        const double more = (double)magnitude[f] - (double)then_magnitude[f];
        rise += more > 0.0 ? more : 0.0;
        now[f] = log1pf(COMPRESSION * magnitude[f]);
        flux += now[f] > then[f] ? (double)(now[f] - then[f]) : 0.0;
        sum += (double)now[f];
        level += (double)magnitude[f] * (double)magnitude[f];
    }
    curve->flux[frame] = flux;
    curve->sum[frame] = sum;
    curve->rise[frame] = rise;
    curve->level[frame] = sqrt(level);
    curve->time_s[frame] = time_s;
}

static double largest(const double *values, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, values[i]);
    }
    return most;
}

// How much of a frame's spectrum is new.
static double novelty(const struct curve *curve, double most, size_t frame)
{
    return curve->flux[frame] / (curve->sum[frame] + 0.05 * most + 1e-9);
}

// How much of a frame's spectrum is new, and lasts. The end of a note, when it is cut off, widens
// the spectrum too, and then there is nothing.
static double lasting_novelty(const struct curve *curve, double most, size_t frame)
{
    const double before = frame >= FLUX_LAG ? curve->level[frame - FLUX_LAG] : 0.0;
    for (size_t i = frame; i <= frame + LASTS; i++) {
        if (i == curve->n_frames || curve->level[i] < LASTS_ABOVE * before) {
            return 0.0;
        }
    }
    return novelty(curve, most, frame);
}

static bool is_onset(const struct curve *curve, double most, double loudest, size_t frame)
{
    const double here = lasting_novelty(curve, most, frame);
    const size_t first = frame > APART ? frame - APART : 0;
    const size_t end = frame + APART + 1 < curve->n_frames ? frame + APART + 1 : curve->n_frames;
    if (here <= NEW_SHARE || largest(&curve->level[frame], end - frame) <= SILENT_BELOW * loudest) {
        return false;
    }
    for (size_t i = first; i < end; i++) {
        const double other = lasting_novelty(curve, most, i);
        if (other > here || (other == here && i < frame)) {
            return false;
        }
    }
    return true;
}

static double end_of(const struct curve *curve, size_t from, size_t to)
{
    double highest = 0.0;
    for (size_t frame = from; frame < to; frame++) {
        highest = fmax(highest, curve->level[frame]);
        if (curve->level[frame] < ENDS_BELOW * highest) {
            return curve->time_s[frame];
        }
    }
    return to < curve->n_frames ? curve->time_s[to - 1] : curve->time_s[curve->n_frames - 1];
}

// A new note is noticed as soon as the window reaches it, and has begun where it grows most. That
// is the later end of the lag: an onset late in the window widens the spectrum, so that sums over
// bins grow early. On two sampled pianos and a guitar it is right to 2 ms in the mean.
static double onset_time(const struct curve *curve, size_t noticed)
{
    size_t best = noticed;
    for (size_t i = noticed; i <= noticed + APART && i < curve->n_frames; i++) {
        best = curve->rise[i] > curve->rise[best] ? i : best;
    }
    return fmax(0.0, curve->time_s[best]);
}

static ub_status cut(const struct curve *curve, struct scale *scale, ub_message *why)
{
    const double most = largest(curve->sum, curve->n_frames);
    const double loudest = largest(curve->level, curve->n_frames);
    size_t *onsets = calloc(curve->n_frames + 1, sizeof *onsets);
    size_t n = 0;
    for (size_t frame = 0; onsets && frame < curve->n_frames; frame++) {
        if (is_onset(curve, most, loudest, frame)) {
            onsets[n++] = frame;
        }
    }
    scale->segments = onsets ? calloc(n + 1, sizeof *scale->segments) : NULL;
    for (size_t i = 0; scale->segments && i < n; i++) {
        struct segment *segment = &scale->segments[i];
        const size_t end = i + 1 < n ? onsets[i + 1] : curve->n_frames;
        segment->onset_s = onset_time(curve, onsets[i]);
        segment->offset_s = fmax(segment->onset_s, end_of(curve, onsets[i], end));
        segment->level = largest(&curve->level[onsets[i]], end - onsets[i]);
        segment->spectrum = ub_floats_new(scale->n_bins);
        scale->n = i + 1;
        if (!segment->spectrum) {
            free(onsets);
            return ub_fail(why, UB_NO_MEMORY, "no memory for the spectra of %zu notes", n);
        }
    }
    free(onsets);
    return scale->segments ? UB_OK : ub_fail(why, UB_NO_MEMORY, "no memory for the notes");
}

static void add_up(void *context, size_t frame, double time_s, const float *magnitude)
{
    (void)frame;
    struct scale *scale = context;
    for (size_t i = 0; i < scale->n; i++) {
        struct segment *segment = &scale->segments[i];
        const double from_s = segment->onset_s + HEARD_FROM_S;
        const double to_s = fmax(from_s, fmin(segment->onset_s + HEARD_TO_S, segment->offset_s));
        if (time_s < from_s || time_s > to_s + 0.03) { // a frame at least
            continue;
        }
        segment->n++;
        for (size_t f = 0; f < scale->n_bins; f++) {
            segment->spectrum[f] += magnitude[f];
        }
    }
}

// The highest value within 40 cents of a frequency.
static double height_at(const struct scale *scale, const float *spectrum, double hz)
{
    const double low = hz * exp2(-40.0 / 1200.0) / scale->bin_hz;
    const double high = hz * exp2(40.0 / 1200.0) / scale->bin_hz;
    double height = 0.0;
    for (size_t f = (size_t)round(low); f <= (size_t)round(high) && f < scale->n_bins; f++) {
        height = fmax(height, (double)spectrum[f]);
    }
    return sqrt(height);
}

// What stands on the harmonics of a pitch, less what stands between them; square roots, so that one
// strong partial does not decide.
static double harmonic_sum(const struct scale *scale, const float *spectrum, double hz)
{
    const double top_hz = fmin(6000.0, scale->bin_hz * (double)(scale->n_bins - 1));
    double sum = 0.0;
    for (int h = 1; h <= MOST_HARMONICS; h++) {
        const double at_hz = h * hz * sqrt(1.0 + STRETCH * h * h);
        if (at_hz > top_hz) {
            break;
        }
        const double between = height_at(scale, spectrum, (h - 0.5) * hz);
        sum += pow(0.85, h - 1) * (height_at(scale, spectrum, at_hz) - 0.7 * between);
    }
    return sum;
}

static void find_saliences(const struct scale *scale, struct segment *segment)
{
    double most = 1e-12;
    for (int p = 0; p < N_PITCHES; p++) {
        segment->salience[p] = harmonic_sum(scale, segment->spectrum, ub_pitch_hz(LOWEST + p));
        most = fmax(most, segment->salience[p]);
    }
    for (int p = 0; p < N_PITCHES; p++) {
        segment->salience[p] /= most;
    }
}

// The path of pitches with the most salience, less its leaps (Viterbi). @param best  n rows of
// N_PITCHES: the pitch before. @param pitches  n.
static void find_path(const struct scale *scale, int *best, int *pitches)
{
    double worth[N_PITCHES], before[N_PITCHES];
    memcpy(worth, scale->segments[0].salience, sizeof worth);
    for (size_t i = 1; i < scale->n; i++) {
        memcpy(before, worth, sizeof worth);
        for (int p = 0; p < N_PITCHES; p++) {
            int from = p;
            double most = -INFINITY;
            for (int q = 0; q < N_PITCHES; q++) {
                const double cost = abs(p - q) == 1 ? 0.0 : p == q ? 0.5 * LEAP : LEAP;
                if (before[q] - cost > most) {
                    most = before[q] - cost;
                    from = q;
                }
            }
            best[i * N_PITCHES + (size_t)p] = from;
            worth[p] = most + scale->segments[i].salience[p];
        }
    }
    int last = 0;
    for (int p = 1; p < N_PITCHES; p++) {
        last = worth[p] > worth[last] ? p : last;
    }
    for (size_t i = scale->n; i-- > 0;) {
        pitches[i] = LOWEST + last;
        last = best[i * N_PITCHES + (size_t)last];
    }
}

// The onset of a note that is n segments: what is far softer at first is the end of the one before.
static double first_onset(const struct segment *segments, size_t n)
{
    double loudest = 0.0;
    for (size_t i = 0; i < n; i++) {
        loudest = fmax(loudest, segments[i].level);
    }
    size_t first = 0;
    while (segments[first].level < 0.2 * loudest) {
        first++;
    }
    return segments[first].onset_s;
}

static ub_status name_notes(struct scale *scale, ub_notes *found)
{
    int *best = calloc(scale->n * N_PITCHES, sizeof *best);
    int *pitches = calloc(scale->n, sizeof *pitches);
    ub_status status = best && pitches ? UB_OK : UB_NO_MEMORY;
    if (!status) {
        for (size_t i = 0; i < scale->n; i++) {
            find_saliences(scale, &scale->segments[i]);
        }
        find_path(scale, best, pitches);
    }
    for (size_t i = 0, end; !status && i < scale->n; i = end) {
        // What comes twice in a row is one note, whose vibrato was taken for onsets.
        for (end = i + 1; end < scale->n && pitches[end] == pitches[i]; end++) {
        }
        const ub_note note = {.onset_s = first_onset(&scale->segments[i], end - i),
                              .offset_s = scale->segments[end - 1].offset_s,
                              .pitch = pitches[i],
                              .velocity = 64,
                              .pitch_hz = ub_pitch_hz(pitches[i])};
        status = ub_notes_append(found, &note);
    }
    free(best);
    free(pitches);
    return status;
}

static ub_status curve_new(const ub_audio *audio, size_t n_bins, const ub_stft_settings *transform,
                           struct curve *out)
{
    const size_t hop = transform->hop_samples;
    const size_t n = (audio->n_samples + transform->size_samples - hop + hop - 1) / hop;
    *out = (struct curve){.n_bins = n_bins,
                          .n_frames = n,
                          .past = calloc((FLUX_LAG + 1) * n_bins, sizeof *out->past),
                          .past_magnitude = calloc((FLUX_LAG + 1) * n_bins, sizeof *out->past),
                          .flux = calloc(5 * n + 1, sizeof *out->flux)};
    if (!out->past || !out->past_magnitude || !out->flux) {
        return UB_NO_MEMORY;
    }
    out->sum = out->flux + n;
    out->rise = out->sum + n;
    out->level = out->rise + n;
    out->time_s = out->level + n;
    return UB_OK;
}

static ub_status find(const ub_audio *audio, const ub_settings *settings,
                      const ub_progress *progress, struct curve *curve, struct scale *scale,
                      ub_notes *found, ub_message *why)
{
    ub_progress_part parts[2] = {{progress, 0.0, 0.5}, {progress, 0.5, 1.0}};
    const ub_progress first = ub_progress_of_part(&parts[0]);
    const ub_progress second = ub_progress_of_part(&parts[1]);
    ub_status status = ub_lesson_visit(audio, settings, &first, measure, curve, why);
    status = status ? status : cut(curve, scale, why);
    if (status || scale->n == 0) {
        return status;
    }
    status = ub_lesson_visit(audio, settings, &second, add_up, scale, why);
    if (!status) {
        status = name_notes(scale, found);
        status = status ? ub_fail(why, status, "no memory for %zu notes", scale->n) : UB_OK;
    }
    return status;
}

ub_status ub_scale_find(const ub_audio *audio, const ub_settings *settings,
                        const ub_progress *progress, ub_notes *notes, ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    ub_status status = ub_lesson_check(audio, why);
    if (status || audio->n_samples == 0) {
        return status;
    }
    const ub_stft_settings transform = ub_lesson_transform(audio->rate_hz);
    struct scale scale = {.n_bins = transform.size_samples / 2 + 1,
                          .bin_hz = audio->rate_hz / (double)transform.size_samples};
    struct curve curve;
    ub_notes found = {0};
    status = curve_new(audio, scale.n_bins, &transform, &curve);
    status = status ? ub_fail(why, status, "no memory for its frames")
                    : find(audio, settings, progress, &curve, &scale, &found, why);
    for (size_t i = 0; !status && i < found.n; i++) {
        status = ub_notes_append(notes, &found.notes[i]);
        if (status) {
            notes->n -= i;
            status = ub_fail(why, status, "no memory for %zu notes", found.n);
        }
    }
    for (size_t i = 0; i < scale.n; i++) {
        free(scale.segments[i].spectrum);
    }
    free(scale.segments);
    free(curve.past);
    free(curve.past_magnitude);
    free(curve.flux);
    ub_notes_free(&found);
    return status;
}
