// SPDX-License-Identifier: GPL-3.0-or-later
// Two witnesses, and speech is what both say is speech: a judge who knows nothing but that noise is
// always there and that voices have pitches, and a dictionary. Their weights are few, and much the
// same whichever voices and noises they are fitted to (docs/measurements.md).
#include "speech.h"
#include "blur.h"
#include "noise_floor.h"
#include "noise_templates.h"
#include "pitch.h"
#include "prior.h"
#include "taught.h"

#include <math.h>
#include <stdlib.h>

enum { SPEECH, NOISE, N_SOURCES };

// Of the dictionary's activations: with 44 in their place it finds more voice in noise, and 0.2 dB
// less of it.
enum { UPDATES = 13 };

static const char *const names[N_SOURCES] = {"speech", "noise"};

// Neighbourhoods in which the excess over the noise is averaged: a partial for a moment, and a
// formant for longer than a sound takes to begin.
static const double NEAR_S = 0.021, NEAR_HZ = 18.0;
static const double WIDE_S = 0.029, WIDE_HZ = 172.0;
// Below no voice has anything, while hum, wind and steps do.
static const double LOWEST_HZ = 80.0;
// Pitches glide within a frame, so that high partials are blurred.
static const double COMB_HZ = 2500.0;

// A power of noise that counts as one: 120 dB below a full-scale sine.
static const float SILENCE = 1e-12f;
// The excess over noise that is next to nothing, and the excess that is as good as any.
static const float LEAST_EXCESS = 0.05f, MOST_EXCESS = 1000.0f;
static const float LEAST_SHARE = 1e-3f;

// Of the judge: for a logarithm of the excess near by and wide around, for the comb, and always.
static const float NEAR_WEIGHT = 0.7f, WIDE_WEIGHT = 0.62f, COMB_WEIGHT = 8.0f, DOUBT = 2.35f;
// Of the dictionary, which has never heard this voice: for the log-odds of its share, and always.
static const float TAUGHT_WEIGHT = 1.5f, TRUST = 1.5f;

// All F x T but the pitches, T.
typedef struct evidence {
    ub_matrix magnitudes, noise; // noise: powers
    ub_matrix excess; // over the noise, in powers of it
    ub_matrix near, wide; // means of the excess
    ub_matrix taught; // the share of the dictionary's speech
    ub_pitch *pitches;
} evidence;

static void evidence_free(evidence *e)
{
    ub_matrix_free(&e->magnitudes);
    ub_matrix_free(&e->noise);
    ub_matrix_free(&e->excess);
    ub_matrix_free(&e->near);
    ub_matrix_free(&e->wide);
    ub_matrix_free(&e->taught);
    free(e->pitches);
}

static ub_status evidence_new(const ub_scene *scene, evidence *e)
{
    ub_status status = ub_scene_sum(scene, &e->magnitudes);
    ub_matrix *const all[] = {&e->noise, &e->excess, &e->near, &e->wide, &e->taught};
    for (size_t i = 0; !status && i < sizeof all / sizeof all[0]; i++) {
        status = ub_matrix_new(e->magnitudes.n_rows, e->magnitudes.n_cols, all[i]);
    }
    e->pitches = status ? NULL : calloc(e->magnitudes.n_cols, sizeof *e->pitches);
    return e->pitches ? UB_OK : UB_NO_MEMORY;
}

static void find_excess(evidence *e)
{
    for (size_t t = 0; t < e->excess.n_cols; t++) {
        const float *v = ub_matrix_column(&e->magnitudes, t);
        const float *noise = ub_matrix_column(&e->noise, t);
        float *excess = ub_matrix_column(&e->excess, t);
        for (size_t f = 0; f < e->excess.n_rows; f++) {
            const float more = v[f] * v[f] / (noise[f] + SILENCE) - 1.0f;
            excess[f] = more < 0.0f ? 0.0f : more > MOST_EXCESS ? MOST_EXCESS : more;
        }
    }
}

// What is left of the magnitudes without the noise, as its square root: into `out`.
static void compress(const evidence *e, ub_matrix *out)
{
    for (size_t t = 0; t < out->n_cols; t++) {
        const float *v = ub_matrix_column(&e->magnitudes, t);
        const float *noise = ub_matrix_column(&e->noise, t);
        float *root = ub_matrix_column(out, t);
        for (size_t f = 0; f < out->n_rows; f++) {
            const float power = v[f] * v[f] - noise[f];
            root[f] = power > 0.0f ? sqrtf(sqrtf(power)) : 0.0f;
        }
    }
}

static ub_status judge(const ub_scene *scene, evidence *e)
{
    const double frame_rate_hz = scene->rate_hz / (double)scene->hop_samples;
    const double bins_per_hz = (double)scene->size_samples / scene->rate_hz;
    const ub_noise_floor_settings floor = ub_noise_floor_settings_default(frame_rate_hz);
    ub_status status = ub_noise_floor_find(&e->magnitudes, &floor, &e->noise);
    if (!status) {
        compress(e, &e->near); // which is needed later only
        status = ub_pitch_follow(scene, &e->near, e->pitches);
        find_excess(e);
    }
    status = status ? status
                    : ub_blur(&e->excess, NEAR_S * frame_rate_hz, NEAR_HZ * bins_per_hz, &e->near);
    return status ? status
                  : ub_blur(&e->excess, WIDE_S * frame_rate_hz, WIDE_HZ * bins_per_hz, &e->wide);
}

// The dictionary's share, beside what the noise of this recording sounds like.
static ub_status ask_dictionary(const ub_scene *scene, const ub_progress *progress, evidence *e,
                                ub_message *why)
{
    ub_dictionary joined;
    ub_status status =
        ub_noise_templates_join(scene->dictionary, &e->noise, names[SPEECH], &joined);
    if (status) {
        ub_fail(why, status, "no memory for the templates of the noise");
    } else {
        ub_scene with_noise = *scene;
        with_noise.dictionary = &joined;
        status = ub_taught_share(&with_noise, &names[SPEECH], 1, &e->magnitudes, UPDATES, progress,
                                 &e->taught, why);
    }
    ub_noise_templates_free(&joined);
    return status;
}

static float probability(float log_odds)
{
    return 1.0f / (1.0f + expf(-log_odds));
}

static float within(float share)
{
    return share < LEAST_SHARE          ? LEAST_SHARE
           : share > 1.0f - LEAST_SHARE ? 1.0f - LEAST_SHARE
                                        : share;
}

// Of a frame, from the lowest bin on that a voice may have; below it stays silent.
static void decide(const ub_scene *scene, const evidence *e, size_t t, float *speech)
{
    const float *near = ub_matrix_column(&e->near, t), *wide = ub_matrix_column(&e->wide, t);
    const float *taught = ub_matrix_column(&e->taught, t);
    const double bin_hz = scene->rate_hz / (double)scene->size_samples;
    for (size_t f = ub_scene_bin(scene, LOWEST_HZ); f < e->taught.n_rows; f++) {
        const float comb = ub_pitch_comb(e->pitches[t], (double)f * bin_hz, COMB_HZ);
        const float above = NEAR_WEIGHT * logf(near[f] + LEAST_EXCESS) +
                            WIDE_WEIGHT * logf(wide[f] + LEAST_EXCESS) + COMB_WEIGHT * comb - DOUBT;
        const float share = within(taught[f]);
        speech[f] =
            probability(above) * probability(TAUGHT_WEIGHT * logf(share / (1.0f - share)) + TRUST);
    }
}

static void decide_all(const ub_scene *scene, const evidence *e, ub_matrix *speech)
{
#pragma omp parallel for schedule(static) num_threads((int)scene->n_threads)
    for (size_t t = 0; t < speech->n_cols; t++) {
        decide(scene, e, t, ub_matrix_column(speech, t));
    }
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    (void)context;
    evidence e = {0};
    ub_status status = evidence_new(scene, &e);
    status = status ? status : judge(scene, &e);
    if (status) {
        evidence_free(&e);
        return ub_fail(why, status, "no memory to find the noise");
    }
    status = ask_dictionary(scene, progress, &e, why);
    if (!status) {
        decide_all(scene, &e, &masks[0]);
        ub_prior_split(&masks[0], scene->n_channels, masks);
    }
    evidence_free(&e);
    return status;
}

// 46 ms, half of what suits music: syllables are short, and voices have one pitch at a time.
const ub_guide ub_guide_speech = {.n_sources = N_SOURCES,
                                  .names = names,
                                  .needs_dictionary = true,
                                  .masks = make_masks,
                                  .window_ms = 2048.0 / 44.1};
