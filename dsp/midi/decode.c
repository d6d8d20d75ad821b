// SPDX-License-Identifier: GPL-3.0-or-later
// A MIDI file to notes. Tracks are read side by side in the order of time, so that a change of
// tempo, wherever it stands, counts for all of them, and nothing is kept but the notes.
#include "dictionary/text.h"
#include "roll.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PEDAL = 64, // controller
    STANDARD_QUARTER_US = 500000, // until a file says otherwise
};

struct track {
    const unsigned char *at, *end; // what is left of its bytes
    size_t index;
    uint64_t tick; // of the next event
    unsigned status; // for events that leave theirs out; 0 before the first
    char name[UB_MIDI_NAME_SIZE];
    ub_roll_keys keys;
};

struct decoder {
    ub_roll roll;
    double bpm;
    struct track *tracks;
    size_t n_tracks;
    struct track **queue; // a heap: the track whose event is next comes first
    size_t n_queued;
    bool is_smpte; // ticks have a fixed length
    double division; // ticks of a quarter note, or of a second
    double tick_s;
    uint64_t base_tick; // of the last change of tempo
    double base_s; // its time
};

static ub_status damaged(const struct track *track, ub_message *why, const char *what)
{
    return ub_fail(why, UB_BAD_FORMAT, "track %zu is damaged at tick %llu: %s; export it again",
                   track->index, (unsigned long long)track->tick, what);
}

static uint32_t big_endian(const unsigned char *bytes, size_t n)
{
    uint32_t number = 0;
    for (size_t i = 0; i < n; i++) {
        number = (number << 8) | bytes[i];
    }
    return number;
}

// Seven bits a byte, four bytes at most.
static ub_status read_number(struct track *track, uint32_t *number, ub_message *why)
{
    *number = 0;
    for (int i = 0; i < 4; i++) {
        if (track->at == track->end) {
            return damaged(track, why, "it ends within a number");
        }
        const unsigned byte = *track->at++;
        *number = (*number << 7) | (byte & 0x7fu);
        if (byte < 0x80) {
            return UB_OK;
        }
    }
    return damaged(track, why, "a number has more than four bytes");
}

// The bytes that follow their number. @param size  Of those that are there.
static ub_status read_size(struct track *track, uint32_t *size, ub_message *why)
{
    const ub_status status = read_number(track, size, why);
    if (status) {
        return status;
    }
    return *size <= (size_t)(track->end - track->at)
               ? UB_OK
               : damaged(track, why, "an event is longer than the track");
}

static double time_of(const struct decoder *decoder, uint64_t tick)
{
    return decoder->base_s + (double)(tick - decoder->base_tick) * decoder->tick_s;
}

static void set_tempo(struct decoder *decoder, uint64_t tick, uint32_t quarter_us)
{
    if (tick == 0) {
        decoder->bpm = 60e6 / quarter_us;
    }
    if (!decoder->is_smpte) {
        decoder->base_s = time_of(decoder, tick);
        decoder->base_tick = tick;
        decoder->tick_s = 1e-6 * quarter_us / decoder->division;
    }
}

static ub_status obey(struct decoder *decoder, struct track *track, const unsigned *data)
{
    const unsigned channel = track->status & 0x0fu;
    const unsigned kind = track->status >> 4;
    const double time_s = time_of(decoder, track->tick);
    if (kind == 0x9 && data[1] > 0) {
        return ub_roll_strike(&decoder->roll, &track->keys, channel, data[0], data[1], time_s);
    }
    if (kind == 0x8 || kind == 0x9) {
        return ub_roll_release(&decoder->roll, &track->keys, channel, data[0], time_s);
    }
    if (kind == 0xb && data[0] == PEDAL) {
        ub_roll_pedal(&decoder->roll, channel, data[1], time_s);
    }
    if (kind == 0xc) {
        track->keys.program[channel] = (int)data[0];
    }
    return UB_OK;
}

static ub_status read_channel_event(struct decoder *decoder, struct track *track, ub_message *why)
{
    unsigned data[2] = {0, 0};
    const unsigned kind = track->status >> 4;
    const size_t n = kind == 0xc || kind == 0xd ? 1 : 2;
    for (size_t i = 0; i < n; i++) {
        if (track->at == track->end) {
            return damaged(track, why, "it ends within an event");
        }
        data[i] = *track->at++;
        if (data[i] >= 0x80) {
            return damaged(track, why, "an event is too short");
        }
    }
    return obey(decoder, track, data);
}

// The name of the track, or else that of its instrument.
static void take_name(struct track *track, unsigned type, size_t size)
{
    if (type == 3 || (type == 4 && !track->name[0])) {
        const size_t most = UB_MIDI_NAME_SIZE - 1;
        memset(track->name, 0, sizeof track->name);
        memcpy(track->name, track->at, size < most ? size : most);
        ub_text_clean(track->name);
    }
}

static ub_status read_meta_event(struct decoder *decoder, struct track *track, ub_message *why)
{
    if (track->at == track->end) {
        return damaged(track, why, "it ends within an event");
    }
    const unsigned type = *track->at++;
    uint32_t size;
    const ub_status status = read_size(track, &size, why);
    if (status) {
        return status;
    }
    if (type == 0x51) {
        const uint32_t quarter_us = size == 3 ? big_endian(track->at, 3) : 0;
        if (quarter_us == 0) {
            return damaged(track, why, "a tempo is none");
        }
        set_tempo(decoder, track->tick, quarter_us);
    }
    take_name(track, type, size);
    track->at = type == 0x2f ? track->end : track->at + size;
    return UB_OK;
}

static ub_status read_event(struct decoder *decoder, struct track *track, ub_message *why)
{
    if (track->at == track->end) {
        return damaged(track, why, "it ends after a time");
    }
    const unsigned byte = *track->at;
    if (byte < 0x80) {
        return track->status ? read_channel_event(decoder, track, why)
                             : damaged(track, why, "an event is of no kind");
    }
    track->at++;
    if (byte == 0xff) {
        return read_meta_event(decoder, track, why);
    }
    if (byte == 0xf0 || byte == 0xf7) { // system exclusive
        uint32_t size;
        const ub_status status = read_size(track, &size, why);
        track->at += status ? 0 : size;
        return status;
    }
    if (byte > 0xf0) {
        return damaged(track, why, "an event is of a kind that files do not have");
    }
    // Kept over the events of other kinds: files exist that rely on it.
    track->status = byte;
    return read_channel_event(decoder, track, why);
}

static bool comes_before(const struct track *a, const struct track *b)
{
    return a->tick != b->tick ? a->tick < b->tick : a->index < b->index;
}

// Let the track at `i` of the heap sink below all that come before it.
static void sink(struct decoder *decoder, size_t i)
{
    struct track **queue = decoder->queue;
    for (;;) {
        size_t first = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < decoder->n_queued; child++) {
            first = comes_before(queue[child], queue[first]) ? child : first;
        }
        if (first == i) {
            return;
        }
        struct track *moved = queue[i];
        queue[i] = queue[first];
        queue[first] = moved;
        i = first;
    }
}

// Move a track to its next event. @param is_over  Set when there is none.
static ub_status advance(struct track *track, bool *is_over, ub_message *why)
{
    *is_over = track->at == track->end;
    uint32_t ticks = 0;
    const ub_status status = *is_over ? UB_OK : read_number(track, &ticks, why);
    track->tick += ticks;
    return status;
}

static ub_status play_next(struct decoder *decoder, ub_message *why)
{
    struct track *track = decoder->queue[0];
    bool is_over = false;
    ub_status status = read_event(decoder, track, why);
    status = status ? status : advance(track, &is_over, why);
    if (status) {
        return status;
    }
    if (is_over) {
        ub_roll_end_track(&decoder->roll, &track->keys, time_of(decoder, track->tick));
        decoder->queue[0] = decoder->queue[--decoder->n_queued];
        if (decoder->n_queued == 0) {
            ub_roll_end(&decoder->roll, time_of(decoder, track->tick));
        }
    }
    sink(decoder, 0);
    return UB_OK;
}

// Play tracks together, from 0 on.
static ub_status play(struct decoder *decoder, struct track *tracks, size_t n, ub_message *why)
{
    decoder->base_s = 0.0;
    decoder->base_tick = 0;
    decoder->tick_s = (decoder->is_smpte ? 1.0 : 1e-6 * STANDARD_QUARTER_US) / decoder->division;
    decoder->n_queued = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_over = true;
        const ub_status status = advance(&tracks[i], &is_over, why);
        if (status) {
            return status;
        }
        if (!is_over) {
            decoder->queue[decoder->n_queued++] = &tracks[i];
        }
    }
    for (size_t i = decoder->n_queued; i-- > 0;) {
        sink(decoder, i);
    }
    ub_status status = UB_OK;
    while (!status && decoder->n_queued > 0) {
        status = play_next(decoder, why);
    }
    return status;
}

static ub_status set_division(struct decoder *decoder, unsigned division, ub_message *why)
{
    decoder->division = division;
    decoder->is_smpte = division >= 0x8000;
    if (decoder->is_smpte) {
        const unsigned frames = 0x100u - (division >> 8);
        // 29 stands for the 29.97 of American television.
        decoder->division = (division & 0xffu) * (frames == 29 ? 30000.0 / 1001.0 : frames);
    }
    return decoder->division > 0.0
               ? UB_OK
               : ub_fail(why, UB_BAD_FORMAT, "it counts no ticks; export it again");
}

// Find the tracks; other chunks are skipped.
static ub_status find_tracks(struct decoder *decoder, const unsigned char *at,
                             const unsigned char *end, ub_message *why)
{
    size_t n = 0;
    while (n < decoder->n_tracks) {
        if (end - at < 8) {
            return ub_fail(why, UB_BAD_FORMAT,
                           "it is cut off: %zu tracks of %zu are there; export it again", n,
                           decoder->n_tracks);
        }
        const uint32_t size = big_endian(at + 4, 4);
        const bool is_track = memcmp(at, "MTrk", 4) == 0;
        at += 8;
        if (size > (size_t)(end - at)) {
            return ub_fail(why, UB_BAD_FORMAT,
                           "it is cut off: %zu of the %u bytes of a track are there; export it "
                           "again",
                           (size_t)(end - at), (unsigned)size);
        }
        if (is_track) {
            struct track *track = &decoder->tracks[n];
            track->at = at;
            track->end = at + size;
            track->index = track->keys.track = n++;
            memset(track->keys.program, -1, sizeof track->keys.program);
        }
        at += size;
    }
    return UB_OK;
}

static ub_status open_file(struct decoder *decoder, const unsigned char *bytes, size_t size,
                           unsigned *format, ub_message *why)
{
    if (size < 14 || memcmp(bytes, "MThd", 4) != 0) {
        return ub_fail(why, UB_BAD_FORMAT, "it is no MIDI file, or cut off within its first bytes");
    }
    const uint32_t head = big_endian(bytes + 4, 4);
    *format = big_endian(bytes + 8, 2);
    decoder->n_tracks = big_endian(bytes + 10, 2);
    if (head < 6 || head > size - 8 || *format > 2 || size > UINT32_MAX) {
        return ub_fail(why, UB_BAD_FORMAT, "it is a MIDI file of an unknown kind; export it again");
    }
    if (decoder->n_tracks > UB_MIDI_MAX_TRACKS) {
        return ub_fail(why, UB_BAD_FORMAT, "it has %zu tracks; at most %d are read",
                       decoder->n_tracks, UB_MIDI_MAX_TRACKS);
    }
    const ub_status status = set_division(decoder, big_endian(bytes + 12, 2), why);
    if (status) {
        return status;
    }
    decoder->tracks = calloc(decoder->n_tracks + 1, sizeof *decoder->tracks);
    decoder->queue = calloc(decoder->n_tracks + 1, sizeof(struct track *));
    if (!decoder->tracks || !decoder->queue) {
        return UB_NO_MEMORY;
    }
    return find_tracks(decoder, bytes + 8 + head, bytes + size, why);
}

static ub_status decode(struct decoder *decoder, const unsigned char *bytes, size_t size,
                        ub_message *why)
{
    unsigned format = 0;
    decoder->bpm = 60e6 / STANDARD_QUARTER_US;
    ub_status status = open_file(decoder, bytes, size, &format, why);
    if (format != 2) {
        return status ? status : play(decoder, decoder->tracks, decoder->n_tracks, why);
    }
    // Each is a piece of its own, with its own tempo.
    for (size_t i = 0; !status && i < decoder->n_tracks; i++) {
        status = play(decoder, &decoder->tracks[i], 1, why);
    }
    return status;
}

// Sources in the order of their tracks, as they were found in the order of time.
static int by_track(const void *first, const void *second)
{
    const ub_midi_source *a = *(const ub_midi_source *const *)first;
    const ub_midi_source *b = *(const ub_midi_source *const *)second;
    if (a->track != b->track) {
        return a->track < b->track ? -1 : 1;
    }
    return a->channel != b->channel ? a->channel - b->channel : a->program - b->program;
}

static ub_status hand_over(struct decoder *decoder, ub_midi *midi)
{
    ub_roll *roll = &decoder->roll;
    const size_t n = roll->n_sources;
    ub_midi_source *sources = calloc(n + 1, sizeof *sources);
    const ub_midi_source **order = calloc(n + 1, sizeof *order);
    size_t *index = calloc(n + 1, sizeof *index);
    const bool is_made = sources && order && index;
    for (size_t s = 0; is_made && s < n; s++) {
        order[s] = &roll->sources[s];
        memcpy(roll->sources[s].name, decoder->tracks[roll->sources[s].track].name,
               UB_MIDI_NAME_SIZE);
    }
    if (is_made) {
        qsort(order, n, sizeof *order, by_track);
    }
    for (size_t s = 0; is_made && s < n; s++) {
        sources[s] = *order[s];
        index[order[s] - roll->sources] = s;
    }
    for (size_t i = 0; is_made && i < roll->notes.n; i++) {
        roll->notes.notes[i].source = index[roll->notes.notes[i].source];
    }
    free(order);
    free(index);
    if (!is_made) {
        free(sources);
        return UB_NO_MEMORY;
    }
    ub_notes_sort(&roll->notes);
    *midi = (ub_midi){roll->notes, sources, n, decoder->bpm};
    roll->notes = (ub_notes){0};
    return UB_OK;
}

ub_status ub_midi_decode(const void *bytes, size_t size, ub_midi_offsets offsets, ub_midi *midi,
                         ub_message *why)
{
    struct decoder decoder = {.roll = {.offsets = offsets}};
    ub_status status = decode(&decoder, bytes, size, why);
    status = status ? status : hand_over(&decoder, midi);
    for (size_t i = 0; decoder.tracks && i < decoder.n_tracks; i++) {
        ub_roll_keys_free(&decoder.tracks[i].keys);
    }
    free(decoder.tracks);
    free(decoder.queue);
    ub_roll_free(&decoder.roll);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for its notes") : status;
}
