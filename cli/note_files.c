// SPDX-License-Identifier: GPL-3.0-or-later
#include "note_files.h"
#include "print_json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char track_word[] = "{track}";

static const char *const names[N_NOTE_FILES] = {"{track}.mid",        "{track}.csv",
                                                "{track}.json",       "{track}.npy",
                                                "{track}.chroma.csv", "{track}.salience.csv"};

static char *expand(const char *folder, const char *pattern, const char *track)
{
    const size_t word = sizeof track_word - 1, length = strlen(track);
    size_t size = strlen(folder) + strlen(pattern) + 2;
    for (const char *at = strstr(pattern, track_word); at; at = strstr(at + word, track_word)) {
        size += length;
    }
    char *path = malloc(size);
    if (!path) {
        return NULL;
    }
    char *to = stpcpy(path, folder);
    for (const char *next; (next = strstr(pattern, track_word)); pattern = next + word) {
        memcpy(to, pattern, (size_t)(next - pattern));
        to = stpcpy(to + (next - pattern), track);
    }
    strcpy(to, pattern);
    return path;
}

char *note_file_path(const char *pattern, enum note_file kind, const char *track)
{
    struct stat about;
    const size_t n = strlen(pattern);
    const bool ends_in_slash = n > 0 && pattern[n - 1] == '/';
    if (!ends_in_slash && (stat(pattern, &about) != 0 || !S_ISDIR(about.st_mode))) {
        return expand("", pattern, track);
    }
    char *inside = malloc(n + 40);
    if (!inside) {
        return NULL;
    }
    strcpy(stpcpy(stpcpy(inside, pattern), ends_in_slash ? "" : "/"), names[kind]);
    char *path = expand("", inside, track);
    free(inside);
    return path;
}

ub_status note_sources_name(const ub_dictionary *dictionary, bool is_drums, ub_midi *midi)
{
    // As ub_transcribe() tells them: templates that go on after their own frame are hits.
    is_drums = is_drums || (dictionary->n_after > 0 && dictionary->n_before == 0);
    midi->sources = calloc(dictionary->n_sources, sizeof *midi->sources);
    if (!midi->sources) {
        return UB_NO_MEMORY;
    }
    midi->n_sources = dictionary->n_sources;
    for (size_t s = 0; s < midi->n_sources; s++) {
        ub_midi_source *source = &midi->sources[s];
        snprintf(source->name, sizeof source->name, "%s", dictionary->source_names[s]);
        source->program = ub_midi_program(source->name, &source->is_drums);
        if (is_drums) {
            source->program = -1;
            source->is_drums = true;
        }
    }
    return UB_OK;
}

static ub_status print_midi(FILE *to, const struct transcript *transcript, ub_message *why)
{
    ub_midi midi = transcript->midi;
    midi.bpm = transcript->tempo.bpm;
    midi.notes = (ub_notes){0};
    ub_status status = UB_OK;
    for (size_t i = 0; !status && i < transcript->midi.notes.n; i++) {
        status = ub_notes_append(&midi.notes, &transcript->midi.notes.notes[i]);
    }
    if (!status && transcript->grid > 0) {
        status = ub_notes_quantise(&midi.notes, &transcript->tempo, transcript->grid, why);
    }
    unsigned char *bytes = NULL;
    size_t size = 0;
    status = status ? status : ub_midi_encode(&midi, &bytes, &size, why);
    if (!status) {
        fwrite(bytes, 1, size, to);
    }
    free(bytes);
    ub_notes_free(&midi.notes);
    return status;
}

// A name as a field: in quotes where it holds some. It holds no comma and no line break.
static void print_field(FILE *to, const char *text)
{
    const bool quoted = strchr(text, '"') != NULL;
    fputs(quoted ? "\"" : "", to);
    for (; *text; text++) {
        fputs(*text == '"' ? "\"" : "", to);
        fputc(*text, to);
    }
    fputs(quoted ? "\"" : "", to);
}

static ub_status print_csv(FILE *to, const struct transcript *transcript)
{
    const ub_midi *midi = &transcript->midi;
    fputs("onset_s,offset_s,pitch_midi,pitch_hz,velocity,source\n", to);
    for (size_t i = 0; i < midi->notes.n; i++) {
        const ub_note *note = &midi->notes.notes[i];
        fprintf(to, "%.4f,%.4f,%d,", note->onset_s, note->offset_s, note->pitch);
        if (note->pitch_hz > 0.0) {
            fprintf(to, "%.3f", note->pitch_hz);
        }
        fprintf(to, ",%d,", note->velocity);
        print_field(to, midi->sources[note->source].name);
        fputc('\n', to);
    }
    return UB_OK;
}

static void print_json_note(FILE *to, const ub_note *note, const ub_midi_source *source)
{
    fprintf(to, "{\"onset_s\": %.4f, \"offset_s\": %.4f, \"pitch_midi\": %d, \"pitch_hz\": ",
            note->onset_s, note->offset_s, note->pitch);
    if (note->pitch_hz > 0.0) {
        print_json_number(to, note->pitch_hz, 3);
    } else {
        fputs("null", to);
    }
    fprintf(to, ", \"velocity\": %d, \"source\": ", note->velocity);
    print_json_string(to, source->name);
    fputc('}', to);
}

static ub_status print_json(FILE *to, const struct transcript *transcript)
{
    const ub_midi *midi = &transcript->midi;
    fputs("{\"file\": ", to);
    print_json_string(to, transcript->file);
    fprintf(to, ", \"duration_s\": %.4f, \"bpm\": %.3f, \"beat_s\": %.4f,\n",
            transcript->duration_s, transcript->tempo.bpm, transcript->tempo.beat_s);
    fprintf(to, " \"n_frames\": %zu, \"frame_rate_hz\": %.6f, \"first_frame_s\": %.6f,\n",
            transcript->frames.n_frames, transcript->frames.frame_rate_hz,
            transcript->frames.first_s);
    fputs(" \"sources\": [", to);
    for (size_t s = 0; s < midi->n_sources; s++) {
        const ub_midi_source *source = &midi->sources[s];
        fputs(s ? ", {\"name\": " : "{\"name\": ", to);
        print_json_string(to, source->name);
        fprintf(to, ", \"is_drums\": %s}", source->is_drums ? "true" : "false");
    }
    fputs("],\n \"notes\": [", to);
    for (size_t i = 0; i < midi->notes.n; i++) {
        fputs(i ? ",\n  " : "\n  ", to);
        print_json_note(to, &midi->notes.notes[i], &midi->sources[midi->notes.notes[i].source]);
    }
    fputs("]}\n", to);
    return UB_OK;
}

ub_status note_file_print(FILE *to, enum note_file kind, const struct transcript *transcript,
                          ub_message *why)
{
    return kind == NOTE_MIDI  ? print_midi(to, transcript, why)
           : kind == NOTE_CSV ? print_csv(to, transcript)
                              : print_json(to, transcript);
}
