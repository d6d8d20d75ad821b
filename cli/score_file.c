// SPDX-License-Identifier: GPL-3.0-or-later
#include "score_file.h"
#include "dictionary_file.h"
#include "note_stems.h"
#include "option_values.h"
#include "report.h"

#include <unbraid/align.h>
#include <unbraid/file.h>
#include <unbraid/separate_notes.h>

#include <stdlib.h>
#include <string.h>

enum { MAX_MIDI_BYTES = 1 << 26 };

static const double STANDARD_TOLERANCE_S = 0.1, MOST_OFFSET_S = 86400.0;

// Presets whose dictionaries know instruments that scores have.
static const char *const shipped[] = {"piano-notes", "guitar-notes", "drum-notes"};
enum { N_SHIPPED = sizeof shipped / sizeof shipped[0] };

struct score_file score_file_none(void)
{
    return (struct score_file){.tolerance_s = STANDARD_TOLERANCE_S};
}

static bool take_parts(struct score_file *score, const struct usage *usage, const char *value)
{
    if (strcmp(value, "track") == 0) {
        score->by = UB_PARTS_BY_TRACK;
    } else if (strcmp(value, "channel") == 0) {
        score->by = UB_PARTS_BY_CHANNEL;
    } else {
        options_misused(usage, "--stems-by", "is '%.20s', but must be track or channel", value);
        return false;
    }
    return true;
}

static bool take_split(struct score_file *score, const struct usage *usage, const char *value)
{
    struct note_split split;
    if (!note_split_parse(value, &split) || split.n != 1) {
        options_misused(usage, "--split-hands", "is '%.20s', but must be a note, as C4 or F#3",
                        value);
        return false;
    }
    score->split = split.pitches[0];
    return true;
}

static bool take_alignment(struct score_file *score, const struct usage *usage, const char *value)
{
    static const char *const names[] = {"auto", "on", "off"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(value, names[i]) == 0) {
            score->alignment = (enum score_alignment)i;
            return true;
        }
    }
    options_misused(usage, "--midi-align", "is '%.20s', but must be auto, on or off", value);
    return false;
}

bool score_file_take(struct score_file *score, const struct usage *usage, const char *name,
                     const char *value, bool *well)
{
    if (strcmp(name, "midi") == 0) {
        score->path = value;
        *well = true;
        return true;
    }
    if (strcmp(name, "stems-by") == 0) {
        *well = take_parts(score, usage, value);
        score->first_option = "--stems-by";
    } else if (strcmp(name, "split-hands") == 0) {
        *well = take_split(score, usage, value);
        score->first_option = "--split-hands";
    } else if (strcmp(name, "midi-offset") == 0) {
        *well = option_number(usage, "--midi-offset", value, -MOST_OFFSET_S, MOST_OFFSET_S,
                              &score->offset_s);
        score->first_option = "--midi-offset";
    } else if (strcmp(name, "midi-tolerance") == 0) {
        *well = option_number(usage, "--midi-tolerance", value, 0.0, 2.0, &score->tolerance_s);
        score->first_option = "--midi-tolerance";
    } else if (strcmp(name, "midi-align") == 0) {
        *well = take_alignment(score, usage, value);
        score->first_option = "--midi-align";
    } else {
        return false;
    }
    return true;
}

enum outcome score_file_check(const struct score_file *score, const struct usage *usage,
                              const struct options *options, bool has_passages)
{
    const bool *given = options->given;
    if (!score->path) {
        return score->first_option
                   ? options_misused(usage, score->first_option, "needs a score (--midi)")
                   : DONE;
    }
    if (given[UB_PARAM_SOURCES] || given[UB_PARAM_METHOD]) {
        return options_misused(usage, given[UB_PARAM_SOURCES] ? "--sources" : "--method",
                               "does not go with --midi, which tells the sources");
    }
    return has_passages
               ? options_misused(usage, "--midi", "does not go with passages of the recording")
               : DONE;
}

static ub_status read_parts(struct score_file *score, ub_message *why)
{
    unsigned char *bytes;
    size_t size;
    ub_midi midi;
    ub_status status = ub_file_read(score->path, MAX_MIDI_BYTES, &bytes, &size, why);
    if (status) {
        return status;
    }
    status = ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_PEDAL, &midi, why);
    free(bytes);
    if (!status) {
        status = ub_parts_new(&midi, score->by, score->split, &score->parts, why);
        ub_midi_free(&midi);
    }
    if (status) {
        return status;
    }
    ub_notes_shift(&score->parts.notes, score->offset_s);
    return score->parts.notes.n > 0
               ? UB_OK
               : ub_fail(why, UB_BAD_VALUE,
                         "all notes end before the recording begins; check --midi-offset");
}

static bool load_dictionary(struct score_file *score, const char *path)
{
    ub_message why = {""};
    ub_dictionary *dictionary = &score->dictionaries[score->n_dictionaries];
    const ub_status status = dictionary_file_load(path, dictionary, &why);
    if (status) {
        report_status(path, status, &why);
        return false;
    }
    score->n_dictionaries++;
    if (ub_dictionary_n_notes(dictionary) == 0) {
        report_error(path, "does not say which template is which note; make one with 'unbraid "
                           "learn --notes', or take another");
        return false;
    }
    return true;
}

// Those of the presets that are there; without them there are combs.
static bool load_shipped(struct score_file *score, const char *name)
{
    char dictionary[PRESETS_PATH];
    return preset_find_dictionary(name, dictionary) &&
           (!dictionary[0] || load_dictionary(score, dictionary));
}

bool score_file_load(struct score_file *score, const char *const *dictionary_paths, size_t n)
{
    ub_message why = {""};
    score->dictionaries = calloc(n + N_SHIPPED, sizeof *score->dictionaries);
    const ub_status status = score->dictionaries ? read_parts(score, &why) : UB_NO_MEMORY;
    if (status) {
        report_status(score->path, status, &why);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!load_dictionary(score, dictionary_paths[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < N_SHIPPED; i++) {
        if (!load_shipped(score, shipped[i])) {
            return false;
        }
    }
    return true;
}

static ub_status align(struct score_file *score, const ub_audio *mix, const ub_settings *settings,
                       const ub_progress *progress, ub_message *why)
{
    ub_alignment alignment;
    const ub_status status = ub_align(mix, &score->parts, settings, progress, &alignment, why);
    if (status) {
        return status;
    }
    if (score->alignment == SCORE_ALIGN_ON || !alignment.is_in_time) {
        ub_alignment_apply(&alignment, &score->parts.notes);
        score->is_aligned = true;
    }
    ub_alignment_free(&alignment);
    return UB_OK;
}

ub_status score_file_separate(struct score_file *score, const ub_audio *mix,
                              const ub_settings *settings, const ub_progress *progress,
                              const ub_stem_sink *sink, ub_message *why)
{
    ub_status status = UB_OK;
    const ub_dictionary **dictionaries = calloc(score->n_dictionaries + 1, sizeof *dictionaries);
    if (!dictionaries) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for dictionaries");
    }
    for (size_t i = 0; i < score->n_dictionaries; i++) {
        dictionaries[i] = &score->dictionaries[i];
    }
    if (score->alignment != SCORE_ALIGN_OFF) {
        status = align(score, mix, settings, progress, why);
    }
    if (!status) {
        status = ub_separate_notes(mix, &score->parts, score->tolerance_s, dictionaries,
                                   score->n_dictionaries, settings, progress, sink, why);
    }
    free(dictionaries);
    return status;
}

size_t score_file_names(const struct score_file *score, const char **names)
{
    size_t n = 0;
    for (; n < score->parts.n; n++) {
        names[n] = score->parts.names[n];
    }
    names[n++] = "rest";
    return n;
}

void score_file_report(const struct score_file *score)
{
    if (score->is_aligned && score->alignment == SCORE_ALIGN_AUTO) {
        report_warning(score->path, "was not in time with the recording, and has been aligned; "
                                    "--midi-align off takes it as it is");
    }
}

void score_file_free(struct score_file *score)
{
    for (size_t i = 0; i < score->n_dictionaries; i++) {
        ub_dictionary_free(&score->dictionaries[i]);
    }
    free(score->dictionaries);
    ub_parts_free(&score->parts);
}
