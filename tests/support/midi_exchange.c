// SPDX-License-Identifier: GPL-3.0-or-later
// For midi_format.py: `read FILE` prints the notes of a MIDI file, a line each; `write FILE BPM`
// makes one of the sources and notes that it reads from standard input.
#include "unbraid/file.h"
#include "unbraid/midi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const ub_message *why)
{
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

static int read_from(const char *path)
{
    unsigned char *bytes;
    size_t size;
    ub_midi midi;
    ub_message why = {""};
    if (ub_file_read(path, 1 << 24, &bytes, &size, &why)) {
        return fail(&why);
    }
    const ub_status status = ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_KEYS, &midi, &why);
    free(bytes);
    if (status) {
        return fail(&why);
    }
    for (size_t i = 0; i < midi.notes.n; i++) {
        const ub_note *note = &midi.notes.notes[i];
        const ub_midi_source *source = &midi.sources[note->source];
        printf("%.9f %.9f %d %d %zu %d %d\n", note->onset_s, note->offset_s, note->pitch,
               note->velocity, source->track, source->channel, source->program);
    }
    ub_midi_free(&midi);
    return 0;
}

// "source PROGRAM IS_DRUMS NAME", then "note ONSET OFFSET PITCH VELOCITY SOURCE".
static bool take_line(const char *line, ub_midi *midi)
{
    ub_midi_source source = {.name = ""};
    ub_note note = {0};
    int is_drums;
    if (sscanf(line, "source %d %d %63s", &source.program, &is_drums, source.name) == 3) {
        source.is_drums = is_drums;
        midi->sources[midi->n_sources++] = source;
        return true;
    }
    return sscanf(line, "note %lf %lf %d %d %zu", &note.onset_s, &note.offset_s, &note.pitch,
                  &note.velocity, &note.source) == 5 &&
           !ub_notes_append(&midi->notes, &note);
}

static int write_to(const char *path, double bpm)
{
    static ub_midi_source sources[UB_MIDI_MAX_TRACKS];
    ub_midi midi = {.sources = sources, .bpm = bpm};
    char line[200];
    ub_message why = {"a line makes no sense"};
    unsigned char *bytes;
    size_t size;
    while (fgets(line, sizeof line, stdin)) {
        if (!take_line(line, &midi)) {
            return fail(&why);
        }
    }
    if (ub_midi_encode(&midi, &bytes, &size, &why) || ub_file_write(path, bytes, size, &why)) {
        return fail(&why);
    }
    free(bytes);
    ub_notes_free(&midi.notes);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "read") == 0) {
        return read_from(argv[2]);
    }
    return argc == 4 ? write_to(argv[2], atof(argv[3])) : 2;
}
