// SPDX-License-Identifier: GPL-3.0-or-later
// Notes to a MIDI file. A note becomes a stroke (channel, ticks), strokes on one key of a channel
// are kept apart, and then each is two events of its source's track, written in order of time.
#include "dictionary/text.h"
#include "unbraid/midi.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_CHANNELS = 16,
    DRUM_CHANNEL = 9,
    MOST_TICKS = 0x0fffffff, // in the four bytes of a time
    HEAD_BYTES = 14 + 64, // of the file and the track of the tempo
    TRACK_BYTES = 32 + UB_MIDI_NAME_SIZE, // of a track without notes
    EVENT_BYTES = 4 + 3,
    RELEASE_VELOCITY = 64, // what keyboards send that do not measure it
};

// In the order in which they stand in a tick: a key is let go before it is struck again.
enum event_kind { NOTE_OFF, PROGRAM, NOTE_ON };

struct stroke {
    const ub_note *note;
    uint64_t on, off; // ticks
    unsigned channel;
};

struct event {
    uint64_t tick;
    size_t source;
    enum event_kind kind;
    unsigned channel, first, second; // the data bytes
};

struct encoder {
    const ub_midi *midi;
    unsigned quarter_us; // a quarter note
    unsigned division; // ticks of a quarter note
    unsigned *channel; // of each source
    size_t n_on_channel[N_CHANNELS]; // sources
    struct stroke *strokes;
    struct event *events;
    size_t n_events;
    unsigned char *at; // where the next byte goes
};

static ub_status check(const ub_midi *midi, ub_message *why)
{
    if (!(midi->bpm >= 4.0 && midi->bpm <= 1000.0)) {
        return ub_fail(why, UB_BAD_SETTING, "the tempo is %g, but must be 4 to 1000 bpm",
                       midi->bpm);
    }
    if (midi->n_sources >= UB_MIDI_MAX_TRACKS) {
        return ub_fail(why, UB_BAD_VALUE, "there are %zu sources, but a MIDI file gets at most %d",
                       midi->n_sources, UB_MIDI_MAX_TRACKS - 1);
    }
    for (size_t s = 0; s < midi->n_sources; s++) {
        const ub_midi_source *source = &midi->sources[s];
        if (!memchr(source->name, 0, sizeof source->name) || source->program < -1 ||
            source->program > 127) {
            return ub_fail(why, UB_BAD_VALUE, "source %zu has no proper name, or program %d", s,
                           source->program);
        }
        const ub_status status = ub_text_check(source->name, "name of a source", why);
        if (status) {
            return status;
        }
    }
    for (size_t i = 0; i < midi->notes.n; i++) {
        if (midi->notes.notes[i].source >= midi->n_sources) {
            return ub_fail(why, UB_BAD_VALUE, "note %zu belongs to source %zu of %zu", i,
                           midi->notes.notes[i].source, midi->n_sources);
        }
    }
    return ub_notes_check(&midi->notes, why);
}

// The coarsest of the usual divisions whose tick is at most 1 ms.
static void choose_ticks(struct encoder *encoder)
{
    encoder->quarter_us = (unsigned)round(60e6 / encoder->midi->bpm);
    encoder->division = 480;
    while (encoder->quarter_us > 1000 * encoder->division) {
        encoder->division *= 2;
    }
}

static void choose_channels(struct encoder *encoder)
{
    unsigned next = 0;
    for (size_t s = 0; s < encoder->midi->n_sources; s++) {
        unsigned channel = DRUM_CHANNEL;
        if (!encoder->midi->sources[s].is_drums) {
            channel = next;
            next = (next + 1 == DRUM_CHANNEL ? next + 2 : next + 1) % N_CHANNELS;
        }
        encoder->channel[s] = channel;
        encoder->n_on_channel[channel]++;
    }
}

static uint64_t tick_of(const struct encoder *encoder, double time_s)
{
    const double ticks = round(time_s * 1e6 * encoder->division / encoder->quarter_us);
    return ticks <= MOST_TICKS ? (uint64_t)ticks : MOST_TICKS + UINT64_C(1);
}

// -1, 0 or 1 as a comes before b, with it, or after it.
#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int first_order(const int *orders, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (orders[i]) {
            return orders[i];
        }
    }
    return 0;
}

// What strikes one key of one channel stands together, in order of time.
static int by_key(const void *first, const void *second)
{
    const struct stroke *a = first, *b = second;
    const int orders[] = {ORDER(a->channel, b->channel),
                          ORDER(a->note->pitch, b->note->pitch),
                          ORDER(a->on, b->on),
                          ORDER(a->note->onset_s, b->note->onset_s),
                          ORDER(a->note->source, b->note->source),
                          ORDER(a->off, b->off),
                          ORDER(a->note->velocity, b->note->velocity)};
    return first_order(orders, sizeof orders / sizeof orders[0]);
}

static int by_onset(const void *first, const void *second)
{
    const struct stroke *a = first, *b = second;
    const int orders[] = {ORDER(a->on, b->on), ORDER(a->note->source, b->note->source),
                          ORDER(a->note->pitch, b->note->pitch)};
    return first_order(orders, sizeof orders / sizeof orders[0]);
}

static int by_track(const void *first, const void *second)
{
    const struct event *a = first, *b = second;
    const int orders[] = {ORDER(a->source, b->source), ORDER(a->tick, b->tick),
                          ORDER(a->kind, b->kind), ORDER(a->first, b->first)};
    return first_order(orders, sizeof orders / sizeof orders[0]);
}

// Readers put the tracks of a channel one after the other within a tick, so that a key must be let
// go a tick sooner where another track strikes it.
static void keep_apart(struct stroke *earlier, struct stroke *later)
{
    const unsigned gap = earlier->note->source != later->note->source;
    const uint64_t soonest = earlier->on + 1 + gap;
    later->on = later->on > soonest ? later->on : soonest;
    earlier->off = earlier->off < later->on - gap ? earlier->off : later->on - gap;
}

static ub_status make_strokes(struct encoder *encoder, ub_message *why)
{
    const ub_notes *notes = &encoder->midi->notes;
    struct stroke *strokes = encoder->strokes;
    for (size_t i = 0; i < notes->n; i++) {
        const ub_note *note = &notes->notes[i];
        strokes[i] = (struct stroke){.note = note,
                                     .on = tick_of(encoder, note->onset_s),
                                     .off = tick_of(encoder, note->offset_s),
                                     .channel = encoder->channel[note->source]};
    }
    qsort(strokes, notes->n, sizeof *strokes, by_key);
    for (size_t i = 0; i < notes->n; i++) {
        if (i > 0 && strokes[i - 1].channel == strokes[i].channel &&
            strokes[i - 1].note->pitch == strokes[i].note->pitch) {
            keep_apart(&strokes[i - 1], &strokes[i]);
        }
        strokes[i].off = strokes[i].off > strokes[i].on ? strokes[i].off : strokes[i].on + 1;
        if (strokes[i].off > MOST_TICKS) {
            return ub_fail(why, UB_BAD_VALUE,
                           "a note at %.0f s is beyond the %.0f s that a MIDI file holds at this "
                           "tempo; choose a slower one",
                           strokes[i].note->offset_s,
                           (double)MOST_TICKS * encoder->quarter_us * 1e-6 / encoder->division);
        }
    }
    return UB_OK;
}

static void add(struct encoder *encoder, const struct stroke *stroke, enum event_kind kind)
{
    const ub_note *note = stroke->note;
    struct event event = {.source = note->source, .kind = kind, .channel = stroke->channel};
    event.tick = kind == NOTE_OFF ? stroke->off : stroke->on;
    event.first = (unsigned)note->pitch;
    event.second = kind == NOTE_OFF ? RELEASE_VELOCITY : (unsigned)note->velocity;
    if (kind == PROGRAM) {
        event.first = (unsigned)encoder->midi->sources[note->source].program;
    }
    encoder->events[encoder->n_events++] = event;
}

static void make_events(struct encoder *encoder)
{
    const size_t n = encoder->midi->notes.n;
    int current[N_CHANNELS]; // program
    memset(current, -1, sizeof current);
    qsort(encoder->strokes, n, sizeof *encoder->strokes, by_onset);
    for (size_t i = 0; i < n; i++) {
        const struct stroke *stroke = &encoder->strokes[i];
        const int program = encoder->midi->sources[stroke->note->source].program;
        if (encoder->n_on_channel[stroke->channel] > 1 && program >= 0 &&
            program != current[stroke->channel]) {
            current[stroke->channel] = program;
            add(encoder, stroke, PROGRAM);
        }
        add(encoder, stroke, NOTE_ON);
        add(encoder, stroke, NOTE_OFF);
    }
    qsort(encoder->events, encoder->n_events, sizeof *encoder->events, by_track);
}

static void put(struct encoder *encoder, const void *bytes, size_t n)
{
    memcpy(encoder->at, bytes, n);
    encoder->at += n;
}

static void put_byte(struct encoder *encoder, unsigned byte)
{
    *encoder->at++ = (unsigned char)byte;
}

static void put_big_endian(struct encoder *encoder, uint64_t number, unsigned n_bytes)
{
    while (n_bytes-- > 0) {
        put_byte(encoder, (unsigned)(number >> (8 * n_bytes)) & 0xffu);
    }
}

// Seven bits a byte, the first ones first; all but the last have their top bit set.
static void put_time(struct encoder *encoder, uint64_t ticks)
{
    for (unsigned shift = 21; shift > 0; shift -= 7) {
        if (ticks >> shift) {
            put_byte(encoder, 0x80u | ((unsigned)(ticks >> shift) & 0x7fu));
        }
    }
    put_byte(encoder, (unsigned)ticks & 0x7fu);
}

// The size of a track stands before it and is known after it. @return where the size goes.
static unsigned char *begin_track(struct encoder *encoder)
{
    put(encoder, "MTrk\0\0\0\0", 8);
    return encoder->at - 4;
}

static void end_track(struct encoder *encoder, unsigned char *size_at)
{
    put(encoder, "\0\xff\x2f", 4); // and the 0 that ends the text: no bytes follow
    unsigned char *end = encoder->at;
    encoder->at = size_at;
    put_big_endian(encoder, (uint64_t)(end - size_at) - 4, 4);
    encoder->at = end;
}

static void put_head(struct encoder *encoder)
{
    put(encoder, "MThd\0\0\0\6\0\1", 10);
    put_big_endian(encoder, encoder->midi->n_sources + 1, 2);
    put_big_endian(encoder, encoder->division, 2);
    unsigned char *size_at = begin_track(encoder);
    put(encoder, "\0\xff\x51\3", 4);
    put_big_endian(encoder, encoder->quarter_us, 3);
    put(encoder, "\0\xff\x58\4\4\2\x18\x08", 8); // four quarters a bar
    end_track(encoder, size_at);
}

static void put_event(struct encoder *encoder, const struct event *event, uint64_t ticks)
{
    static const unsigned statuses[] = {[NOTE_OFF] = 0x80, [PROGRAM] = 0xc0, [NOTE_ON] = 0x90};
    put_time(encoder, ticks);
    put_byte(encoder, statuses[event->kind] | event->channel);
    put_byte(encoder, event->first);
    if (event->kind != PROGRAM) {
        put_byte(encoder, event->second);
    }
}

// @return the first event of the next track.
static size_t put_track(struct encoder *encoder, size_t s, size_t next)
{
    const ub_midi_source *source = &encoder->midi->sources[s];
    const unsigned channel = encoder->channel[s];
    unsigned char *size_at = begin_track(encoder);
    const size_t length = strlen(source->name);
    if (length > 0) {
        put(encoder, "\0\xff\3", 3);
        put_byte(encoder, (unsigned)length);
        put(encoder, source->name, length);
    }
    if (source->program >= 0 && encoder->n_on_channel[channel] == 1) {
        const struct event program = {
            .kind = PROGRAM, .channel = channel, .first = (unsigned)source->program};
        put_event(encoder, &program, 0);
    }
    uint64_t now = 0;
    for (; next < encoder->n_events && encoder->events[next].source == s; next++) {
        put_event(encoder, &encoder->events[next], encoder->events[next].tick - now);
        now = encoder->events[next].tick;
    }
    end_track(encoder, size_at);
    return next;
}

static ub_status allocate(struct encoder *encoder)
{
    const size_t n_notes = encoder->midi->notes.n, n_sources = encoder->midi->n_sources;
    if (n_notes > SIZE_MAX / 4 / sizeof(struct event)) {
        return UB_NO_MEMORY;
    }
    encoder->channel = calloc(n_sources + 1, sizeof *encoder->channel);
    encoder->strokes = calloc(n_notes + 1, sizeof *encoder->strokes);
    encoder->events = calloc(3 * n_notes + 1, sizeof *encoder->events);
    return encoder->channel && encoder->strokes && encoder->events ? UB_OK : UB_NO_MEMORY;
}

static ub_status encode(struct encoder *encoder, unsigned char **bytes, size_t *size,
                        ub_message *why)
{
    choose_ticks(encoder);
    choose_channels(encoder);
    const ub_status status = make_strokes(encoder, why);
    if (status) {
        return status;
    }
    make_events(encoder);
    unsigned char *out = malloc(HEAD_BYTES + TRACK_BYTES * encoder->midi->n_sources +
                                EVENT_BYTES * encoder->n_events);
    if (!out) {
        return UB_NO_MEMORY;
    }
    encoder->at = out;
    put_head(encoder);
    size_t next = 0;
    for (size_t s = 0; s < encoder->midi->n_sources; s++) {
        next = put_track(encoder, s, next);
    }
    *bytes = out;
    *size = (size_t)(encoder->at - out);
    return UB_OK;
}

ub_status ub_midi_encode(const ub_midi *midi, unsigned char **bytes, size_t *size, ub_message *why)
{
    ub_status status = check(midi, why);
    if (status) {
        return status;
    }
    struct encoder encoder = {.midi = midi};
    status = allocate(&encoder);
    status = status ? status : encode(&encoder, bytes, size, why);
    free(encoder.channel);
    free(encoder.strokes);
    free(encoder.events);
    return status == UB_NO_MEMORY
               ? ub_fail(why, status, "no memory to write %zu notes", midi->notes.n)
               : status;
}
