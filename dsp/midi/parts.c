// SPDX-License-Identifier: GPL-3.0-or-later
// Every source of the file and hand of a split score is a player; players of one track (or channel)
// and hand are a part.
#include "unbraid/parts.h"
#include "unbraid/dictionary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAMILY = 8 }; // programs of a family of General MIDI

// What a part is called that has no name of its own.
static const char *const families[] = {
    "piano",         "bells", "organ",      "guitar",  "bass",       "strings",
    "ensemble",      "brass", "reeds",      "pipes",   "synth-lead", "synth-pad",
    "synth-effects", "folk",  "percussion", "effects",
};

enum hand { BOTH, LEFT, RIGHT };

// Players with the same are one part.
struct place {
    size_t group; // track or channel
    enum hand hand;
};

struct dividing {
    const ub_midi *midi;
    bool by_channel;
    int split;
    ub_parts parts;
    struct place places[UB_PARTS_MAX]; // of the parts
    size_t *player; // 1 + that of each source and hand; 0 for none yet
};

void ub_parts_free(ub_parts *parts)
{
    if (parts) {
        for (size_t i = 0; parts->names && i < parts->n; i++) {
            free(parts->names[i]);
        }
        free(parts->names);
        free(parts->players);
        ub_notes_free(&parts->notes);
        *parts = (ub_parts){0};
    }
}

static bool has_one_track(const ub_midi *midi)
{
    for (size_t i = 1; i < midi->notes.n; i++) {
        const ub_note *notes = midi->notes.notes;
        if (midi->sources[notes[i].source].track != midi->sources[notes[0].source].track) {
            return false;
        }
    }
    return true;
}

static enum hand hand_of(const struct dividing *d, const ub_note *note)
{
    if (d->split == 0 || d->midi->sources[note->source].is_drums) {
        return BOTH;
    }
    return note->pitch < d->split ? LEFT : RIGHT;
}

static struct place place_of(const struct dividing *d, const ub_note *note)
{
    const ub_midi_source *source = &d->midi->sources[note->source];
    return (struct place){d->by_channel ? (size_t)source->channel : source->track,
                          hand_of(d, note)};
}

static int by_place(const void *first, const void *second)
{
    const struct place *a = first, *b = second;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    return (int)a->hand - (int)b->hand;
}

static struct place *find_place(struct dividing *d, const struct place *place)
{
    return bsearch(place, d->places, d->parts.n, sizeof *d->places, by_place);
}

static ub_status find_places(struct dividing *d, ub_message *why)
{
    for (size_t i = 0; i < d->midi->notes.n; i++) {
        const struct place place = place_of(d, &d->midi->notes.notes[i]);
        if (find_place(d, &place)) {
            continue;
        }
        if (d->parts.n == UB_PARTS_MAX) {
            return ub_fail(why, UB_BAD_VALUE, "the score has more than %d parts", UB_PARTS_MAX);
        }
        d->places[d->parts.n++] = place;
        qsort(d->places, d->parts.n, sizeof *d->places, by_place);
    }
    return d->parts.n > 0 ? UB_OK : ub_fail(why, UB_BAD_VALUE, "the score has no notes");
}

// What a name suggests, and then what General MIDI begins with.
static int program_of(const ub_midi_source *source)
{
    bool is_drums;
    const int suggested =
        source->program >= 0 ? source->program : ub_midi_program(source->name, &is_drums);
    return suggested >= 0 ? suggested : 0;
}

static ub_status add_note(struct dividing *d, const ub_note *note)
{
    const struct place place = place_of(d, note);
    const ub_midi_source *source = &d->midi->sources[note->source];
    size_t *player = &d->player[note->source * 3 + (size_t)place.hand];
    if (*player == 0) {
        d->parts.players[d->parts.n_players] =
            (ub_player){.part = (size_t)(find_place(d, &place) - d->places),
                        .program = program_of(source),
                        .is_drums = source->is_drums};
        *player = ++d->parts.n_players;
    }
    ub_note mine = *note;
    mine.source = *player - 1;
    return ub_notes_append(&d->parts.notes, &mine);
}

// What a file's name must not have becomes '-'; UTF-8 is cut between its letters.
static void clean(const char *from, size_t most, char *to)
{
    const size_t length = strlen(from);
    size_t n = length < most ? length : most;
    while (n > 0 && n < length && ((unsigned char)from[n] & 0xc0) == 0x80) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)from[i];
        const bool is_odd = c < 32 || c == 127 || strchr("/\\=,:*?\"<>|", c);
        to[i] = is_odd ? '-' : (char)c;
    }
    while (n > 0 && to[n - 1] == ' ') {
        n--;
    }
    to[n] = '\0';
    const size_t lead = strspn(to, " .-");
    memmove(to, to + lead, n - lead + 1);
}

// Room is left for the hand and a number.
enum { MOST_OF_NAME = UB_DICTIONARY_MAX_NAME - 10 };

static void call(const struct dividing *d, size_t part, char *name)
{
    const ub_player *player = d->parts.players;
    while (player->part != part) {
        player++;
    }
    const ub_midi_source *source = NULL;
    for (size_t s = 0; !source; s++) {
        for (size_t hand = 0; hand < 3; hand++) {
            const size_t nth = d->player[s * 3 + hand];
            if (nth > 0 && d->parts.players[nth - 1].part == part) {
                source = &d->midi->sources[s];
            }
        }
    }
    // Where channels of a track are told apart its name is that of all of them.
    const bool is_shared = d->by_channel && d->places[0].group != d->places[d->parts.n - 1].group;
    clean(is_shared ? "" : source->name, MOST_OF_NAME, name);
    if (!*name || ub_name_check(name, NULL) || strcmp(name, "rest") == 0) {
        strcpy(name, player->is_drums ? "drums" : families[player->program / FAMILY]);
    }
    static const char *const hands[] = {"", "-left", "-right"};
    strcat(name, hands[d->places[part].hand]);
}

static bool is_taken(const struct dividing *d, size_t part, const char *name)
{
    for (size_t i = 0; i < part; i++) {
        if (strcmp(d->parts.names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static ub_status name_parts(struct dividing *d)
{
    for (size_t part = 0; part < d->parts.n; part++) {
        char *name = malloc(UB_DICTIONARY_MAX_NAME + 1);
        if (!name) {
            return UB_NO_MEMORY;
        }
        call(d, part, name);
        const size_t n = strlen(name);
        for (unsigned number = 2; is_taken(d, part, name); number++) {
            snprintf(name + n, UB_DICTIONARY_MAX_NAME + 1 - n, "-%u", number);
        }
        d->parts.names[part] = name;
    }
    return UB_OK;
}

static ub_status divide(struct dividing *d, ub_message *why)
{
    ub_status status = find_places(d, why);
    if (status) {
        return status;
    }
    const size_t n = 3 * d->midi->n_sources;
    d->player = calloc(n, sizeof *d->player);
    d->parts.players = calloc(n, sizeof *d->parts.players);
    d->parts.names = calloc(d->parts.n, sizeof *d->parts.names);
    if (!d->player || !d->parts.players || !d->parts.names) {
        return UB_NO_MEMORY;
    }
    for (size_t i = 0; !status && i < d->midi->notes.n; i++) {
        status = add_note(d, &d->midi->notes.notes[i]);
    }
    ub_notes_sort(&d->parts.notes);
    return status ? status : name_parts(d);
}

ub_status ub_parts_new(const ub_midi *midi, ub_parts_by by, int split, ub_parts *out,
                       ub_message *why)
{
    if (split < 0 || split > 127) {
        return ub_fail(why, UB_BAD_SETTING, "the split is at %d, but must be from 1 to 127", split);
    }
    struct dividing d = {.midi = midi, .split = split};
    d.by_channel = by == UB_PARTS_BY_CHANNEL || (by == UB_PARTS_BY_AUTO && has_one_track(midi));
    const ub_status status = divide(&d, why);
    free(d.player);
    if (status) {
        ub_parts_free(&d.parts);
        return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for the parts of a score")
                                      : status;
    }
    *out = d.parts;
    return UB_OK;
}
