// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/separate_notes.h"
#include "ground/number.h"
#include "guide/note_guide.h"
#include "guided.h"
#include "model.h"

enum { USUAL_SOURCES = 6 };

static ub_status check_notes(const ub_audio *mix, const ub_parts *parts, ub_message *why)
{
    const double end_s = (double)mix->n_samples / mix->rate_hz;
    ub_status status = ub_notes_check(&parts->notes, why);
    for (size_t i = 0; !status && i < parts->notes.n; i++) {
        if (parts->notes.notes[i].onset_s < end_s) {
            return UB_OK;
        }
    }
    return status ? status
                  : ub_fail(why, UB_BAD_VALUE,
                            "no note of the score lies within the %.3g seconds of the recording",
                            end_s);
}

static ub_status check(const ub_audio *mix, const ub_parts *parts, double tolerance_s,
                       const ub_dictionary *const *dictionaries, size_t n,
                       const ub_settings *settings, ub_message *why)
{
    ub_status status = ub_settings_check(settings, why);
    if (!status && !ub_in_range(mix->rate_hz, 1000.0, 1e6)) {
        status = ub_fail(why, UB_BAD_SHAPE, "the audio has a rate of %g Hz", mix->rate_hz);
    }
    if (!status && !ub_in_range(tolerance_s, 0.0, 2.0)) {
        status = ub_fail(why, UB_BAD_SETTING,
                         "the tolerance of notes is %g s, but must be from 0 to 2", tolerance_s);
    }
    status = status ? status : check_notes(mix, parts, why);
    for (size_t i = 0; !status && i < n; i++) {
        status = ub_dictionary_check(dictionaries[i], why);
    }
    return status;
}

// A stretch of many sources would be short: they get more memory.
static ub_limits limits_for(const ub_parts *parts)
{
    ub_limits limits = ub_limits_default();
    if (parts->n > USUAL_SOURCES) {
        const size_t most = parts->n < 3 * USUAL_SOURCES ? parts->n : 3 * USUAL_SOURCES;
        limits.spectra_bytes = limits.spectra_bytes / USUAL_SOURCES * most;
    }
    return limits;
}

ub_status ub_separate_notes(const ub_audio *mix, const ub_parts *parts, double tolerance_s,
                            const ub_dictionary *const *dictionaries, size_t n,
                            const ub_settings *settings, const ub_progress *progress,
                            const ub_stem_sink *sink, ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    ub_status status = check(mix, parts, tolerance_s, dictionaries, n, settings, why);
    if (status) {
        return status;
    }
    ub_stft_settings transform = ub_model_transform(NULL, settings, mix->rate_hz);
    ub_note_bank bank = {0};
    status = ub_note_bank_new(dictionaries, n, mix->rate_hz, &transform, &bank, why);
    if (status) {
        return status;
    }
    const ub_note_orders orders = {.parts = parts,
                                   .bank = &bank,
                                   .tolerance_s = tolerance_s,
                                   .n_free = (size_t)settings->value[UB_PARAM_FREE]};
    const char *names[UB_PARTS_MAX + 1];
    const ub_guide guide = ub_note_guide(&orders, names);
    const ub_limits limits = limits_for(parts);
    status = ub_separate_by_guide(&limits, mix, &guide, NULL, settings, progress, sink, why);
    ub_note_bank_free(&bank);
    return status;
}
