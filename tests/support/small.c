// SPDX-License-Identifier: GPL-3.0-or-later
#include "small.h"

#include <stdio.h>
#include <stdlib.h>

ub_settings small_settings(void)
{
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_SOURCES] = 2;
    settings.value[UB_PARAM_COMPONENTS] = 6;
    settings.value[UB_PARAM_ITERATIONS] = 10;
    settings.value[UB_PARAM_THREADS] = 1;
    return settings;
}

ub_settings small_learning(void)
{
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_COMPONENTS] = 4;
    return settings;
}

ub_dictionary small_learn(const ub_training *sources, size_t n, const ub_settings *settings)
{
    ub_dictionary dictionary;
    ub_message why = {""};
    if (ub_learn(sources, n, settings, "CC0", "formulas", NULL, &dictionary, &why) ||
        ub_dictionary_check(&dictionary, &why)) {
        fprintf(stderr, "%s\n", why.text);
        abort();
    }
    return dictionary;
}

ub_dictionary small_dictionary(double rate_hz)
{
    synth *low = synth_low_notes(1, 1.0, rate_hz), *high = synth_high_bursts(1, 1.0, rate_hz);
    const ub_audio audio[] = {synth_audio(low), synth_audio(high)};
    const ub_training sources[] = {{"low", &audio[0], 1}, {"high", &audio[1], 1}};
    ub_settings settings = small_learning();
    settings.value[UB_PARAM_ITERATIONS] = 30;
    const ub_dictionary dictionary = small_learn(sources, 2, &settings);
    synth_free(low);
    synth_free(high);
    return dictionary;
}

synth *small_mix(size_t n_channels, double seconds, double rate_hz)
{
    synth *mix = synth_low_notes(n_channels, seconds, rate_hz);
    synth *high = synth_high_bursts(n_channels, seconds, rate_hz);
    synth_add(mix, high, 1.0);
    synth_free(high);
    return mix;
}

stem_shelf *small_separate(const synth *mix, const ub_dictionary *dictionary,
                           const ub_settings *settings, ub_status *status, ub_message *why)
{
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    *why = (ub_message){""};
    *status = ub_separate(&audio, dictionary, settings, NULL, &sink, why);
    return shelf;
}

stem_shelf *small_separate_within(const ub_limits *limits, const synth *mix,
                                  const ub_dictionary *dictionary, const ub_settings *settings)
{
    const ub_audio audio = synth_audio(mix);
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    ub_message why = {""};
    if (ub_separate_within(limits, &audio, dictionary, settings, NULL, &sink, &why) ||
        !stem_shelf_is_complete(shelf)) {
        fprintf(stderr, "%s\n", why.text);
        abort();
    }
    return shelf;
}

stem_shelf *small_separate_well(const synth *mix, const ub_dictionary *dictionary,
                                const ub_settings *settings)
{
    const ub_limits limits = ub_limits_default();
    return small_separate_within(&limits, mix, dictionary, settings);
}
