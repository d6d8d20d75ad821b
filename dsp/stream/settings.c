// SPDX-License-Identifier: GPL-3.0-or-later
#include "ground/number.h"
#include "stream_model.h"

#include <math.h>

// The window that streams learn with, too.
static const double WINDOW_MS = 4096.0 / 44.1;

// What is heard for a few milliseconds only: half the window costs half as much and blurs it less.
static const double SHORT_WINDOW_MS = 2048.0 / 44.1;

// Two hops of balanced are the shortest that its synthesis leaves.
static const double SHORTEST_WINDOW_MS = 40.0, LONGEST_WINDOW_MS = 200.0;

// More bring less than they cost; docs/measurements.md. Short hops differ less from each other.
enum { UPDATES = 16, SHORT_UPDATES = 12 };

// Of twice the window, for as much work: its frames differ still less from one hop to the next.
enum { NOTE_UPDATES = 4 };

// Three hops of an asymmetric pair (two of synthesis and one for the work) in seconds, by mode.
static const double LATENCY_S[] = {
    [UB_STREAM_BALANCED] = 0.058, [UB_STREAM_LIVE] = 0.0094, [UB_STREAM_SHORT] = 0.0056};

ub_stream_settings ub_stream_settings_default(void)
{
    return (ub_stream_settings){
        .rate_hz = 48000.0,
        .n_channels = 2,
        .mode = UB_STREAM_BALANCED,
        .mask_exponent = 1.3,
        .beta = 1.0,
        .glide_s = 0.01,
        .forget_s = 1.0,
    };
}

ub_status ub_stream_settings_check(const ub_stream_settings *settings, ub_message *why)
{
    if (!ub_in_range(settings->rate_hz, 8000.0, 192000.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a rate of %g Hz is not from 8000 to 192000",
                       settings->rate_hz);
    }
    if (settings->n_channels < 1 || settings->n_channels > UB_STREAM_MAX_CHANNELS) {
        return ub_fail(why, UB_BAD_SETTING, "%zu channels, but 1 or 2 are supported",
                       settings->n_channels);
    }
    if ((int)settings->mode < UB_STREAM_QUALITY || settings->mode > UB_STREAM_SHORT) {
        return ub_fail(why, UB_BAD_SETTING, "there is no mode number %d", (int)settings->mode);
    }
    if (settings->window_ms != 0.0 &&
        (settings->mode == UB_STREAM_QUALITY ||
         !ub_in_range(settings->window_ms, SHORTEST_WINDOW_MS, LONGEST_WINDOW_MS))) {
        return ub_fail(why, UB_BAD_SETTING,
                       "a window of %g ms is not 0 or, but for quality, from %g to %g",
                       settings->window_ms, SHORTEST_WINDOW_MS, LONGEST_WINDOW_MS);
    }
    if (settings->n_updates > UB_STREAM_MAX_UPDATES) {
        return ub_fail(why, UB_BAD_SETTING, "%zu updates of a frame, but 0 to %d are supported",
                       settings->n_updates, UB_STREAM_MAX_UPDATES);
    }
    if (!ub_in_range(settings->mask_exponent, 0.5, 2.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a mask exponent of %g is not from 0.5 to 2",
                       settings->mask_exponent);
    }
    if (!ub_in_range(settings->beta, -1.0, 3.0)) {
        return ub_fail(why, UB_BAD_SETTING, "beta is %g, but must be from -1 to 3", settings->beta);
    }
    if (!ub_in_range(settings->sparsity, 0.0, 100.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a sparsity of %g is not from 0 to 100",
                       settings->sparsity);
    }
    if (settings->n_free > UB_STREAM_MAX_FREE) {
        return ub_fail(why, UB_BAD_SETTING, "%zu free components, but 0 to %d are supported",
                       settings->n_free, UB_STREAM_MAX_FREE);
    }
    if (!ub_in_range(settings->forget_s, 0.5, 60.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a forgetting time of %g s is not from 0.5 to 60",
                       settings->forget_s);
    }
    if (!ub_in_range(settings->glide_s, 0.0, 10.0)) {
        return ub_fail(why, UB_BAD_SETTING, "a glide of %g s is not from 0 to 10",
                       settings->glide_s);
    }
    return UB_OK;
}

void ub_stream_suit_learning(ub_settings *settings)
{
    settings->value[UB_PARAM_WINDOW_MS] =
        ub_settings_value(settings, UB_PARAM_WINDOW_MS, WINDOW_MS);
    settings->value[UB_PARAM_WINDOW_SHAPE] = (double)UB_WINDOW_SHAPE_ASYMMETRIC;
}

static bool is_short(const ub_stream_settings *settings)
{
    return settings->mode == UB_STREAM_LIVE || settings->mode == UB_STREAM_SHORT;
}

void ub_stream_suit_dictionary(ub_stream_settings *settings, const ub_dictionary *dictionary)
{
    const double between_ms = 0.5 * (WINDOW_MS + SHORT_WINDOW_MS);
    const bool is_long =
        1000.0 * (double)dictionary->window_samples >= between_ms * dictionary->rate_hz;
    const bool needs_long = is_long && ub_dictionary_n_notes(dictionary) > 0;
    settings->window_ms = 0.0;
    if (needs_long && is_short(settings)) {
        settings->window_ms = WINDOW_MS;
        settings->n_updates = settings->n_updates ? settings->n_updates : NOTE_UPDATES;
    }
}

size_t ub_stream_updates(const ub_stream_settings *settings)
{
    return settings->n_updates ? settings->n_updates : is_short(settings) ? SHORT_UPDATES : UPDATES;
}

static double window_of(const ub_stream_settings *settings)
{
    return settings->window_ms > 0.0 ? settings->window_ms
           : is_short(settings)      ? SHORT_WINDOW_MS
                                     : WINDOW_MS;
}

ub_stft_settings ub_stream_transform(const ub_stream_settings *settings)
{
    const bool is_symmetric = settings->mode == UB_STREAM_QUALITY;
    ub_stft_settings transform =
        ub_stft_settings_for(is_symmetric ? UB_WINDOW_SQRT_HANN : UB_WINDOW_ASYMMETRIC,
                             window_of(settings), 4, settings->rate_hz);
    if (!is_symmetric) { // any number of samples, where the window is one that FFTW likes
        transform.hop_samples = (size_t)floor(LATENCY_S[settings->mode] * settings->rate_hz / 3.0);
    }
    return transform;
}

size_t ub_stream_support(const ub_stft_settings *transform)
{
    return transform->window == UB_WINDOW_ASYMMETRIC ? 2 * transform->hop_samples
                                                     : transform->size_samples;
}
