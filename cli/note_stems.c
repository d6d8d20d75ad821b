// SPDX-License-Identifier: GPL-3.0-or-later
#include "note_stems.h"
#include "audio_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct stem_choice choice = {.folder = "separated",
                                          .pattern = "{track}/{source}.{ext}"};

// A pitch at `*at`, which moves behind it.
static bool parse_pitch(const char **at, int *pitch)
{
    static const char letters[] = "C D EF G A B";
    char *end;
    if (isdigit((unsigned char)**at)) {
        *pitch = (int)strtol(*at, &end, 10);
        *at = end;
        return true;
    }
    const char *letter = **at ? strchr(letters, toupper((unsigned char)**at)) : NULL;
    if (!letter || *letter == ' ') {
        return false;
    }
    const char sign = (*at)[1];
    *at += sign == '#' || sign == 'b' ? 2 : 1;
    const long octave = strtol(*at, &end, 10);
    if (end == *at || octave < -1 || octave > 9) {
        return false;
    }
    *at = end;
    *pitch = 12 * ((int)octave + 1) + (int)(letter - letters) + (sign == '#') - (sign == 'b');
    return true;
}

bool note_split_parse(const char *text, struct note_split *split)
{
    split->n = 0;
    for (;; text++) {
        int pitch;
        if (split->n == NOTE_STEMS_MOST || !parse_pitch(&text, &pitch) || pitch < 1 ||
            pitch > 127 || (split->n > 0 && pitch <= split->pitches[split->n - 1])) {
            return false;
        }
        split->pitches[split->n++] = pitch;
        if (*text != ',') {
            return *text == '\0';
        }
    }
}

ub_status note_stems_make(const ub_dictionary *ranges, const ub_settings *settings,
                          const struct track *track, struct audio_file *recording,
                          const ub_progress *progress, struct stems **stems, ub_message *why)
{
    const ub_status status = stems_new(&choice, track->name, track->path, recording, stems, why);
    if (status) {
        return status;
    }
    const ub_audio mix = audio_file_as_audio(recording);
    const ub_stem_sink sink = stems_sink(*stems);
    return ub_separate(&mix, ranges, settings, progress, &sink, why);
}
