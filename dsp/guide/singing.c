// SPDX-License-Identifier: GPL-3.0-or-later
#include "singing.h"
#include "median.h"
#include "prior.h"
#include "vocals.h"

#include <math.h>
#include <stdlib.h>

// Where voices are loud.
static const double LOWEST_HZ = 200.0, HIGHEST_HZ = 4300.0;

// What a gliding pitch does in the time between two frames that are compared: less is the grid of
// pitches, a third of a semitone, and more is another note.
static const double SECONDS_APART = 0.046, LEAST_SEMITONES = 0.2, MOST_SEMITONES = 1.5;

// A share of the energy that is as likely to be a voice's as not, and how fast that changes. None
// is ever quite sure, so that a voice that is mistaken is faint and not lost.
typedef struct judge {
    double even, power;
} judge;

// What glides, weighted by the clarity of its pitch: instruments have 0.03, one in ten more than
// 0.053; music with a voice as loud or 5 dB below has 0.07, one in ten less than 0.043. The power
// is that of a logistic regression (docs/measurements.md).
static const judge GLIDES = {0.048, 5.0};

// What is above the median of its bin: what only keys play may have 0.11, music with a voice 0.29
// to 0.6, one in fifty less than 0.25.
static const judge MOVES = {0.2, 8.0};
static const double SECONDS_AROUND = 0.2;

// What the stretch has of energy, and which part of it moves: what glides weighted by its clarity,
// what is above the median.
typedef struct motion {
    double all, glides, unsteady;
} motion;

static motion motion_of_frame(const float *magnitudes, const float *steady, const float *share,
                              size_t first, size_t end)
{
    motion m = {0};
    for (size_t f = first; f < end; f++) {
        const double v = (double)magnitudes[f], stays = (double)steady[f];
        const double energy = v * v * (double)share[f] * (double)share[f];
        m.all += energy;
        m.unsteady += v > stays ? energy * (1.0 - stays / v) : 0.0;
    }
    return m;
}

static bool glides(ub_pitch from, ub_pitch to)
{
    const double semitones = fabs(12.0 * log2((double)to.hz / (double)from.hz));
    return semitones > LEAST_SEMITONES && semitones < MOST_SEMITONES;
}

static motion motion_of(const ub_scene *scene, const ub_matrix *magnitudes, const ub_matrix *steady,
                        const ub_matrix *share, const ub_pitch *pitches)
{
    const size_t first = ub_scene_bin(scene, LOWEST_HZ), end = ub_scene_bin(scene, HIGHEST_HZ);
    const size_t apart = ub_scene_frames(scene, SECONDS_APART);
    motion whole = {0};
    for (size_t t = 0; t < magnitudes->n_cols; t++) {
        const motion m =
            motion_of_frame(ub_matrix_column(magnitudes, t), ub_matrix_column(steady, t),
                            ub_matrix_column(share, t), first, end);
        const bool is_gliding = t >= apart && glides(pitches[t - apart], pitches[t]);
        whole.all += m.all;
        whole.unsteady += m.unsteady;
        whole.glides += is_gliding ? m.all * (double)pitches[t].clarity : 0.0;
    }
    return whole;
}

static double likely_by(judge of, double part, double all)
{
    return part > 0.0 ? 1.0 / (1.0 + pow(of.even * all / part, of.power)) : 0.0;
}

ub_status ub_singing_find(const ub_scene *scene, const ub_matrix *magnitudes,
                          const ub_matrix *voice, const ub_matrix *rings, double *likely)
{
    ub_matrix share = {0}, steady = {0};
    ub_pitch *pitches = calloc(magnitudes->n_cols, sizeof *pitches);
    ub_status status = pitches ? ub_matrix_copy(voice, &share) : UB_NO_MEMORY;
    if (!status) {
        ub_prior_multiply(rings, &share);
        status = ub_vocals_pitch(scene, magnitudes, &share, pitches);
    }
    status = status ? status : ub_matrix_new(share.n_rows, share.n_cols, &steady);
    status = status ? status
                    : ub_median_along_time(magnitudes, ub_scene_frames(scene, SECONDS_AROUND),
                                           scene->n_threads, &steady);
    if (!status) {
        const motion m = motion_of(scene, magnitudes, &steady, &share, pitches);
        *likely = likely_by(GLIDES, m.glides, m.all) * likely_by(MOVES, m.unsteady, m.all);
    }
    ub_matrix_free(&share);
    ub_matrix_free(&steady);
    free(pitches);
    return status;
}
