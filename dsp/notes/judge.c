// SPDX-License-Identifier: GPL-3.0-or-later
#include "judge.h"
#include "flux.h"
#include "ground/floats.h"
#include "guide/evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEAR_FRAMES = 2, // in which one flux may stand for another
    BEHIND_FRAMES = 8, // that are looked at before and after
    RISEN_LAGS = 3 // after which a rise is over
};

static const double AROUND_S = 1.0; // what is loud there makes quiet notes less likely
static const float CANDIDATE = 0.02f; // of the loudness: what flux a note must have
static const double VERDICT = 0.5; // of the logistic score
static const float BEGUN = 0.25f; // share of a rise after which a note has begun

// Learned by tests/bench/note_score.py.
static const double CONSTANT = 6.333, BELOW_TWELFTH = -0.478, ABOVE_OCTAVE = -0.140, RISE = 2.212,
                    SUSTAIN = 0.090, BEFORE = 1.333, SHORT = 2.390, RISE_BEFORE = 0.148,
                    PITCH = -0.195, PROMINENCE = 3.043;

struct ub_note_judge {
    const ub_keys *keys;
    float scale; // to shares of the loudness
    size_t lag, around; // frames
    size_t n_held; // a ring
    size_t newest; // of all frames so far; begins beyond the ring, before which all is silent
    float *sounding; // n_held x keys.n
    float *loudest; // n_held: of the keys of a frame
    size_t *neighbours; // as of ub_keys_neighbours_new()
    bool *verdicts; // keys.n
};

ub_status ub_note_judge_new(const ub_keys *keys, double loudness, double frame_rate_hz,
                            ub_note_judge **out)
{
    ub_note_judge *judge = calloc(1, sizeof *judge);
    if (!judge) {
        return UB_NO_MEMORY;
    }
    judge->keys = keys;
    judge->scale = (float)(1.0 / loudness);
    judge->lag = ub_flux_lag(frame_rate_hz);
    judge->around = (size_t)fmax(BEHIND_FRAMES, round(AROUND_S * frame_rate_hz));
    judge->n_held = 2 * judge->around + 1 + BEHIND_FRAMES * judge->lag;
    judge->newest = judge->n_held;
    judge->sounding = ub_floats_new(judge->n_held * keys->n);
    judge->loudest = ub_floats_new(judge->n_held);
    judge->neighbours = ub_keys_neighbours_new(keys);
    judge->verdicts = calloc(keys->n, sizeof *judge->verdicts);
    if (!judge->sounding || !judge->loudest || !judge->neighbours || !judge->verdicts) {
        ub_note_judge_free(judge);
        return UB_NO_MEMORY;
    }
    *out = judge;
    return UB_OK;
}

void ub_note_judge_free(ub_note_judge *judge)
{
    if (judge) {
        free(judge->sounding);
        free(judge->loudest);
        free(judge->neighbours);
        free(judge->verdicts);
        free(judge);
    }
}

size_t ub_note_judge_latency(const ub_note_judge *judge)
{
    return judge->around;
}

static float *row(const ub_note_judge *judge, size_t frame)
{
    return judge->sounding + frame % judge->n_held * judge->keys->n;
}

void ub_note_judge_take(ub_note_judge *judge, const float *sounding)
{
    judge->newest++;
    float *now = row(judge, judge->newest), loudest = 0.0f;
    for (size_t key = 0; key < judge->keys->n; key++) {
        now[key] = sounding[key];
        loudest = sounding[key] > loudest ? sounding[key] : loudest;
    }
    judge->loudest[judge->newest % judge->n_held] = judge->scale * loudest;
}

const float *ub_note_judge_frame(const ub_note_judge *judge, size_t back)
{
    return row(judge, judge->newest - back);
}

// ---- what is weighed ---------------------------------------------------------------------------

static double sounds(const ub_note_judge *judge, size_t key, size_t frame)
{
    return (double)(judge->scale * row(judge, frame)[key]);
}

static float flux_of(const ub_note_judge *judge, size_t key, size_t frame)
{
    return judge->scale *
           ub_flux(row(judge, frame - judge->lag)[key], row(judge, frame + judge->lag)[key]);
}

static float flux_near(const ub_note_judge *judge, size_t key, size_t frame)
{
    float most = 0.0f;
    for (size_t t = frame - NEAR_FRAMES * judge->lag; t <= frame + NEAR_FRAMES * judge->lag; t++) {
        most = fmaxf(most, flux_of(judge, key, t));
    }
    return most;
}

// The flux of the key that is so many semitones higher, against that of this one.
static double against(const ub_note_judge *judge, size_t key, size_t frame, int semitones,
                      double level)
{
    const size_t other = ub_keys_neighbour(judge->keys, judge->neighbours, key, semitones);
    const bool is_there = other < judge->keys->n;
    const double flux = is_there ? (double)flux_near(judge, other, frame) : 0.0;
    return ub_evidence_within(ub_evidence_level(flux) - level, -3.0, 4.0);
}

static double loudest_around(const ub_note_judge *judge, size_t frame)
{
    float loudest = 0.0f;
    for (size_t t = frame - judge->around; t <= frame + judge->around; t++) {
        loudest = fmaxf(loudest, judge->loudest[t % judge->n_held]);
    }
    return (double)loudest;
}

static double mean_after(const ub_note_judge *judge, size_t key, size_t frame)
{
    double sum = 0.0;
    for (size_t i = 2; i <= 7; i++) {
        sum += sounds(judge, key, frame + i * judge->lag);
    }
    return sum / 6.0;
}

static double score_of(const ub_note_judge *judge, size_t key, size_t frame, float flux,
                       double around)
{
    const size_t lag = judge->lag;
    const double level = ub_evidence_level((double)flux);
    const double before = ub_evidence_level(sounds(judge, key, frame - 2 * lag));
    const double after = ub_evidence_level(sounds(judge, key, frame + 2 * lag));
    const double later = ub_evidence_level(sounds(judge, key, frame + 5 * lag));
    const double rise = ub_evidence_within(after - before, -1.0, 5.0);
    return CONSTANT + BELOW_TWELFTH * against(judge, key, frame, -19, level) +
           ABOVE_OCTAVE * against(judge, key, frame, 12, level) + RISE * rise +
           SUSTAIN * ub_evidence_within(ub_evidence_level(mean_after(judge, key, frame)) - level,
                                        -3.0, 3.0) +
           BEFORE * before + PITCH * (double)(judge->keys->pitch[key] - 60) / 24.0 +
           SHORT * ub_evidence_within(later - after, -3.0, 1.0) +
           RISE_BEFORE * rise * before / 3.0 + PROMINENCE * (level - ub_evidence_level(around));
}

const bool *ub_note_judge_verdicts(ub_note_judge *judge)
{
    const size_t frame = judge->newest - judge->around;
    const double around = loudest_around(judge, frame);
    for (size_t key = 0; key < judge->keys->n; key++) {
        const float flux = flux_of(judge, key, frame);
        judge->verdicts[key] = flux > CANDIDATE && flux >= flux_near(judge, key, frame) &&
                               score_of(judge, key, frame, flux, around) > VERDICT;
    }
    return judge->verdicts;
}

double ub_note_judge_beginning(const ub_note_judge *judge, size_t key)
{
    const size_t frame = judge->newest - judge->around;
    float high = 0.0f;
    for (size_t t = frame; t <= frame + RISEN_LAGS * judge->lag; t++) {
        high = fmaxf(high, row(judge, t)[key]);
    }
    size_t at = frame;
    while (at + BEHIND_FRAMES * judge->lag > frame &&
           row(judge, at - 1)[key] < row(judge, at)[key]) {
        at--;
    }
    const float low = row(judge, at)[key], wanted = low + BEGUN * (high - low);
    while (at < frame + RISEN_LAGS * judge->lag && row(judge, at + 1)[key] < wanted) {
        at++;
    }
    const float before = row(judge, at)[key], after = row(judge, at + 1)[key];
    const float share = after > before ? (wanted - before) / (after - before) : 0.0f;
    return (double)at - (double)frame + ub_evidence_within((double)share, 0.0, 1.0);
}
