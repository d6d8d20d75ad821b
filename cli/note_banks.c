// SPDX-License-Identifier: GPL-3.0-or-later
#include "note_banks.h"
#include "dictionary_file.h"
#include "presets.h"
#include "report.h"

#include <unbraid/transcribe.h>

// Of notes the one that fits, or the last, which is for all instruments.
static const char *const note_presets[NOTE_BANKS_MOST] = {"piano-notes", "guitar-notes",
                                                          "any-notes"};
static const char *const drum_presets[] = {"drum-notes"};

static enum outcome find_dictionary(const struct usage *usage, const char *name,
                                    char dictionary[PRESETS_PATH])
{
    if (!preset_find_dictionary(name, dictionary)) {
        return FAILED;
    }
    return dictionary[0] ? DONE
                         : options_misused(usage, "transcribe",
                                           "needs a dictionary of notes (-d or --preset), as there "
                                           "is no preset %s",
                                           name);
}

static bool split_dictionary(const struct note_split *split, struct note_bank *bank)
{
    ub_message why = {""};
    const ub_status status =
        ub_dictionary_split(&bank->dictionary, split->pitches, split->n, &bank->ranges, &why);
    if (status) {
        report_status("--split", status, &why);
    }
    return !status;
}

enum outcome note_banks_load(const char *const *paths, size_t n, const struct note_split *split,
                             struct note_banks *banks)
{
    struct note_bank *bank = &banks->banks[banks->n];
    if (!dictionary_file_load_all(paths, n, &bank->dictionary)) {
        return FAILED;
    }
    banks->n++;
    if (!bank->dictionary.component_pitch) {
        report_error(paths[0], "does not say which template is which note; make one with 'unbraid "
                               "learn --notes', or take another");
        return FAILED;
    }
    return !split || split_dictionary(split, bank) ? DONE : FAILED;
}

enum outcome note_banks_load_presets(const struct usage *usage, bool is_drums,
                                     const struct note_split *split, struct note_banks *banks)
{
    const char *const *names = is_drums ? drum_presets : note_presets;
    const size_t n = is_drums ? 1 : NOTE_BANKS_MOST;
    enum outcome outcome = DONE;
    for (size_t i = 0; outcome == DONE && i < n; i++) {
        char path[PRESETS_PATH];
        const char *const paths[] = {path};
        banks->banks[i].preset = names[i];
        outcome = find_dictionary(usage, names[i], path);
        outcome = outcome == DONE ? note_banks_load(paths, 1, split, banks) : outcome;
    }
    return outcome;
}

void note_banks_free(struct note_banks *banks)
{
    for (size_t i = 0; i < banks->n; i++) {
        ub_dictionary_free(&banks->banks[i].dictionary);
        ub_dictionary_free(&banks->banks[i].ranges);
    }
    *banks = (struct note_banks){0};
}

ub_status note_banks_choose(const struct note_banks *banks, const char *file, const ub_audio *audio,
                            const ub_settings *settings, enum progress_mode mode,
                            const struct note_bank **out, ub_message *why)
{
    const ub_dictionary *dictionaries[NOTE_BANKS_MOST];
    size_t chosen = 0;
    *out = banks->banks;
    if (banks->n < 2) {
        return UB_OK;
    }
    for (size_t i = 0; i < banks->n; i++) {
        dictionaries[i] = &banks->banks[i].dictionary;
    }
    struct progress progress = progress_start(mode, file);
    const ub_progress listener = progress_listener(&progress);
    const ub_status status =
        ub_transcribe_choose(audio, dictionaries, banks->n, settings, &listener, &chosen, why);
    progress_stop(&progress);
    if (!status) {
        *out = &banks->banks[chosen];
        progress_tell(&progress, "preset", (*out)->preset);
    }
    return status;
}
