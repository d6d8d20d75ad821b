// SPDX-License-Identifier: GPL-3.0-or-later
#include "ground/number.h"
#include "stream_model.h"

#include <math.h>

// The window of offline separation, which dictionaries are learned with.
static const double WINDOW_MS = 4096.0 / 44.1;

// Three hops of an asymmetric pair (two of synthesis and one for the work) in seconds.
static const double BALANCED_S = 0.058, LIVE_S = 0.0094, SHORT_S = 0.0056;

ub_stream_settings ub_stream_settings_default(void)
{
    return (ub_stream_settings){
        .rate_hz = 48000.0,
        .n_channels = 2,
        .mode = UB_STREAM_BALANCED,
        .n_updates = 8,
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
    if (settings->n_updates < 1 || settings->n_updates > 50) {
        return ub_fail(why, UB_BAD_SETTING, "%zu updates of a frame, but 1 to 50 are supported",
                       settings->n_updates);
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

// The hop of an asymmetric pair is any number of samples; its window one that FFTW likes.
static ub_stft_settings asymmetric(double latency_s, double rate_hz)
{
    ub_stft_settings settings = ub_stft_settings_for(UB_WINDOW_ASYMMETRIC, WINDOW_MS, 4, rate_hz);
    settings.hop_samples = (size_t)floor(latency_s * rate_hz / 3.0);
    return settings;
}

void ub_stream_suit_learning(ub_settings *settings)
{
    settings->value[UB_PARAM_WINDOW_MS] =
        ub_settings_value(settings, UB_PARAM_WINDOW_MS, WINDOW_MS);
}

ub_stft_settings ub_stream_transform(const ub_stream_settings *settings)
{
    switch (settings->mode) {
    case UB_STREAM_QUALITY:
        return ub_stft_settings_for(UB_WINDOW_SQRT_HANN, WINDOW_MS, 4, settings->rate_hz);
    case UB_STREAM_LIVE:
        return asymmetric(LIVE_S, settings->rate_hz);
    case UB_STREAM_SHORT:
        return asymmetric(SHORT_S, settings->rate_hz);
    case UB_STREAM_BALANCED:
    default:
        return asymmetric(BALANCED_S, settings->rate_hz);
    }
}

size_t ub_stream_support(const ub_stft_settings *transform)
{
    return transform->window == UB_WINDOW_ASYMMETRIC ? 2 * transform->hop_samples
                                                     : transform->size_samples;
}
