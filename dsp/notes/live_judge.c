// SPDX-License-Identifier: GPL-3.0-or-later
#include "live_judge.h"
#include "flux.h"
#include "ground/floats.h"
#include "guide/evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BACK_LAGS = 2 }; // before a maximum, in which nothing may be larger

static const double FORGET_S = 10.0; // for the loudness to fall to a third
static const double AROUND_S = 1.0; // what was loud there makes quiet notes less likely
static const float CANDIDATE = 0.02f; // of the loudness: what flux a note must have
static const float QUIETEST = 1e-4f; // what flux it must have in any case: -80 dB of full scale

// Learned by tests/bench/note_score.py --live.
static const double CONSTANT = 2.581, BELOW_TWELFTH = -0.237, ABOVE_OCTAVE = 0.298,
                    OVER_OCTAVE = -0.366, OVER_BESIDE = -0.894, RISE = 0.248, MARGIN = -4.061,
                    PROMINENCE = 3.297, SHORT = 2.574;

struct ub_live_judge {
    ub_keys keys; // its arrays are the caller's
    size_t lag, latency, around; // frames
    size_t n_held; // a ring
    size_t newest; // of all frames so far; begins beyond the rings, before which all is silent
    float *sounding; // n_held x keys.n
    float *loudest; // around + 1: of the keys of a frame
    float loudness, fading;
    size_t *neighbours; // as of ub_keys_neighbours_new()
    bool *verdicts; // keys.n
};

ub_status ub_live_judge_new(const ub_keys *keys, double frame_rate_hz, size_t latency,
                            ub_live_judge **out)
{
    ub_live_judge *judge = calloc(1, sizeof *judge);
    if (!judge) {
        return UB_NO_MEMORY;
    }
    judge->keys = *keys;
    judge->lag = ub_flux_lag(frame_rate_hz);
    judge->latency = latency;
    judge->around = (size_t)round(AROUND_S * frame_rate_hz);
    judge->n_held = (BACK_LAGS + 1) * judge->lag + latency + 1;
    judge->fading = (float)exp(-1.0 / (FORGET_S * frame_rate_hz));
    judge->sounding = ub_floats_new(judge->n_held * keys->n);
    judge->loudest = ub_floats_new(judge->around + 1);
    judge->neighbours = ub_keys_neighbours_new(keys);
    judge->verdicts = calloc(keys->n, sizeof *judge->verdicts);
    if (!judge->sounding || !judge->loudest || !judge->neighbours || !judge->verdicts) {
        ub_live_judge_free(judge);
        return UB_NO_MEMORY;
    }
    ub_live_judge_reset(judge);
    *out = judge;
    return UB_OK;
}

void ub_live_judge_free(ub_live_judge *judge)
{
    if (judge) {
        free(judge->sounding);
        free(judge->loudest);
        free(judge->neighbours);
        free(judge->verdicts);
        free(judge);
    }
}

UB_RT void ub_live_judge_reset(ub_live_judge *judge)
{
    memset(judge->sounding, 0, judge->n_held * judge->keys.n * sizeof(float));
    memset(judge->loudest, 0, (judge->around + 1) * sizeof(float));
    judge->newest = judge->n_held;
    judge->loudness = 0.0f;
}

static float *row(const ub_live_judge *judge, size_t frame)
{
    return judge->sounding + frame % judge->n_held * judge->keys.n;
}

static void take(ub_live_judge *judge, const float *sounding)
{
    judge->newest++;
    float *now = row(judge, judge->newest), loudest = 0.0f;
    for (size_t key = 0; key < judge->keys.n; key++) {
        const float a = sounding[key];
        now[key] = a > 0.0f && a <= 1e30f ? a : 0.0f;
        loudest = now[key] > loudest ? now[key] : loudest;
    }
    judge->loudest[judge->newest % (judge->around + 1)] = loudest;
    const float flux =
        ub_flux_largest(row(judge, judge->newest - 2 * judge->lag), now, judge->keys.n);
    judge->loudness *= judge->fading;
    judge->loudness = flux > judge->loudness ? flux : judge->loudness;
}

// ---- what is weighed ---------------------------------------------------------------------------

static float flux_of(const ub_live_judge *judge, size_t key, size_t frame)
{
    return ub_flux(row(judge, frame - judge->lag)[key], row(judge, frame + judge->lag)[key]);
}

// The largest flux of a key in frames [first, last].
static float flux_between(const ub_live_judge *judge, size_t key, size_t first, size_t last)
{
    float most = 0.0f;
    for (size_t t = first; t <= last; t++) {
        most = fmaxf(most, flux_of(judge, key, t));
    }
    return most;
}

static double share_of(const ub_live_judge *judge, float value)
{
    return ub_evidence_level((double)value / (double)judge->loudness);
}

static double bounded(double x)
{
    return ub_evidence_within(x, -3.0, 4.0);
}

// The flux of the key that is so many semitones higher, as a level; what is not there is silent.
static double flux_at(const ub_live_judge *judge, size_t key, size_t frame, int semitones)
{
    const size_t other = ub_keys_neighbour(&judge->keys, judge->neighbours, key, semitones);
    return share_of(judge, other == judge->keys.n
                               ? 0.0f
                               : flux_between(judge, other, frame - BACK_LAGS * judge->lag,
                                              judge->newest - judge->lag));
}

// The same of what sounds there by now.
static double sound_at(const ub_live_judge *judge, size_t key, int semitones)
{
    const size_t other = ub_keys_neighbour(&judge->keys, judge->neighbours, key, semitones);
    return share_of(judge, other == judge->keys.n ? 0.0f : row(judge, judge->newest)[other]);
}

static double loudest_around(const ub_live_judge *judge)
{
    float loudest = 0.0f;
    for (size_t i = 0; i <= judge->around; i++) {
        loudest = fmaxf(loudest, judge->loudest[i]);
    }
    return share_of(judge, loudest);
}

static double score_of(const ub_live_judge *judge, size_t key, size_t frame, float flux,
                       double around)
{
    const double level = share_of(judge, flux), now = sound_at(judge, key, 0);
    const double first = share_of(judge, row(judge, frame + judge->lag)[key]);
    const double before = share_of(judge, row(judge, frame - BACK_LAGS * judge->lag)[key]);
    const double beside = fmax(sound_at(judge, key, -1), sound_at(judge, key, 1));
    const double pitch = (double)(judge->keys.pitch[key] - 60) / 24.0;
    return CONSTANT + BELOW_TWELFTH * bounded(flux_at(judge, key, frame, -19) - level) +
           ABOVE_OCTAVE * bounded(flux_at(judge, key, frame, 12) - level) +
           OVER_OCTAVE * bounded(sound_at(judge, key, 12) - now) +
           OVER_BESIDE * bounded(beside - now) +
           RISE * ub_evidence_within(now - before, -1.0, 5.0) + MARGIN * fmin(pitch * pitch, 1.3) +
           PROMINENCE * (level - around) + SHORT * ub_evidence_within(now - first, -2.0, 1.0);
}

// Of equal ones the first.
static bool is_peak(const ub_live_judge *judge, size_t key, size_t frame, float flux)
{
    return flux > flux_between(judge, key, frame - BACK_LAGS * judge->lag, frame - 1) &&
           flux >= flux_between(judge, key, frame, judge->newest - judge->lag);
}

UB_RT const bool *ub_live_judge_frame(ub_live_judge *judge, const float *sounding)
{
    take(judge, sounding);
    const size_t frame = judge->newest - judge->latency;
    const float least = fmaxf(CANDIDATE * judge->loudness, QUIETEST);
    const double around = judge->loudness > 0.0f ? loudest_around(judge) : 0.0;
    for (size_t key = 0; key < judge->keys.n; key++) {
        const float flux = flux_of(judge, key, frame);
        judge->verdicts[key] = flux > least && is_peak(judge, key, frame, flux) &&
                               score_of(judge, key, frame, flux, around) > 0.0;
    }
    return judge->verdicts;
}
