// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/mix.h"

#include "glide.h"
#include "ground/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 };

static const double LEVEL_S = 0.05;

// Below, a level is nothing: it would pass through numbers that cost a hundred times more.
static const double SILENCE = 1e-20;

typedef struct stem_state {
    float gain, target;
    double mean_square;
} stem_state;

struct ub_mix {
    ub_mix_settings settings;
    float glide; // share of the way to a gain's target that a sample goes
    double fade; // share of a sample in the level
    size_t n_opening, opening; // samples of it; how many are done
    bool is_open;
    stem_state stems[UB_MIX_MAX_STEMS];
};

static ub_status check(const ub_mix_settings *settings, ub_message *why)
{
    if (!ub_in_range(settings->rate_hz, 1000.0, 1000000.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a rate of %g Hz is not from 1000 to 1000000",
                       settings->rate_hz);
    }
    if (settings->n_channels < 1 || settings->n_channels > UB_MIX_MAX_CHANNELS) {
        return ub_fail(why, UB_BAD_SETTING, "%zu channels, but 1 or 2 are supported",
                       settings->n_channels);
    }
    if (settings->n_stems < 1 || settings->n_stems > UB_MIX_MAX_STEMS) {
        return ub_fail(why, UB_BAD_SETTING, "%zu stems, but 1 to %d are supported",
                       settings->n_stems, UB_MIX_MAX_STEMS);
    }
    if (!ub_in_range(settings->glide_s, 0.0, 10.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a glide of %g s is not from 0 to 10",
                       settings->glide_s);
    }
    return UB_OK;
}

ub_status ub_mix_new(const ub_mix_settings *settings, ub_mix **out, ub_message *why)
{
    const ub_status status = check(settings, why);
    if (status) {
        return status;
    }
    ub_mix *mix = calloc(1, sizeof *mix);
    if (!mix) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a mix");
    }
    mix->settings = *settings;
    mix->glide = ub_glide_share(settings->glide_s, settings->rate_hz);
    mix->fade = 1.0 - exp(-1.0 / (LEVEL_S * settings->rate_hz));
    mix->n_opening = (size_t)fmax(1.0, ceil(settings->glide_s * settings->rate_hz));
    mix->opening = mix->n_opening;
    mix->is_open = true;
    for (size_t i = 0; i < UB_MIX_MAX_STEMS; i++) {
        mix->stems[i].gain = mix->stems[i].target = 1.0f;
    }
    *out = mix;
    return UB_OK;
}

void ub_mix_free(ub_mix *mix)
{
    free(mix);
}

void ub_mix_set_gain(ub_mix *mix, size_t stem, float gain)
{
    if (stem < mix->settings.n_stems && gain >= 0.0f && gain <= 1000.0f) {
        mix->stems[stem].target = gain;
    }
}

void ub_mix_open(ub_mix *mix, bool is_open)
{
    mix->is_open = is_open;
}

void ub_mix_arrive(ub_mix *mix)
{
    mix->opening = mix->is_open ? mix->n_opening : 0;
    for (size_t i = 0; i < mix->settings.n_stems; i++) {
        mix->stems[i].gain = mix->stems[i].target;
    }
}

bool ub_mix_is_closed(const ub_mix *mix)
{
    return !mix->is_open && mix->opening == 0;
}

float ub_mix_level(const ub_mix *mix, size_t stem)
{
    return stem < mix->settings.n_stems ? (float)sqrt(mix->stems[stem].mean_square) : 0.0f;
}

static float usable(float x)
{
    return fabsf(x) <= 1e6f ? x : 0.0f; // NaN is not
}

static void measure(const ub_mix *mix, stem_state *state, const float *const *stem, size_t first,
                    size_t n)
{
    const size_t n_channels = mix->settings.n_channels;
    for (size_t i = first; i < first + n; i++) {
        double energy = 0.0;
        for (size_t c = 0; c < n_channels; c++) {
            const double x = (double)usable(stem[c][i]);
            energy += x * x / (double)n_channels;
        }
        state->mean_square += mix->fade * (energy - state->mean_square);
        state->mean_square = state->mean_square > SILENCE ? state->mean_square : 0.0;
    }
}

static void open_or_close(ub_mix *mix, float *const *out, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        if (mix->is_open) {
            mix->opening += mix->opening < mix->n_opening;
        } else {
            mix->opening -= mix->opening > 0;
        }
        const float share = (float)mix->opening / (float)mix->n_opening;
        for (size_t c = 0; c < mix->settings.n_channels; c++) {
            out[c][i] *= share;
        }
    }
}

// At most CHUNK samples.
static void process(ub_mix *mix, const float *const *stems, float *const *out, size_t first,
                    size_t n)
{
    const size_t n_channels = mix->settings.n_channels;
    float gains[CHUNK];
    for (size_t c = 0; c < n_channels; c++) {
        memset(out[c] + first, 0, n * sizeof *out[c]);
    }
    for (size_t j = 0; j < mix->settings.n_stems; j++) {
        stem_state *state = &mix->stems[j];
        const float *const *stem = stems + j * n_channels;
        measure(mix, state, stem, first, n);
        ub_glide(&state->gain, state->target, mix->glide, gains, n);
        for (size_t c = 0; c < n_channels; c++) {
            for (size_t i = 0; i < n; i++) {
                out[c][first + i] += gains[i] * usable(stem[c][first + i]);
            }
        }
    }
    open_or_close(mix, out, first, n);
}

void ub_mix_process(ub_mix *mix, const float *const *stems, float *const *out, size_t n)
{
    size_t some;
    for (size_t done = 0; done < n; done += some) {
        some = n - done < CHUNK ? n - done : CHUNK;
        process(mix, stems, out, done, some);
    }
}
