// SPDX-License-Identifier: GPL-3.0-or-later
// The notes that the stream hears, as MIDI: each source on a channel of its own.
#include "plugin.h"

#include <lv2/midi/midi.h>

#include <string.h>

enum {
    EVENT_BYTES = 24, // in a sequence: time, header and three bytes, padded
    SPARE_BYTES = 64 // for the head of the sequence
};

static bool write_event(plugin *p, uint32_t frame, unsigned channel, int pitch, int velocity)
{
    const uint8_t status = velocity > 0 ? LV2_MIDI_MSG_NOTE_ON : LV2_MIDI_MSG_NOTE_OFF;
    const uint8_t message[3] = {(uint8_t)(status | channel), (uint8_t)pitch, (uint8_t)velocity};
    p->midi.sounds[channel][pitch] = velocity > 0;
    return lv2_atom_forge_frame_time(&p->forge, frame) &&
           lv2_atom_forge_atom(&p->forge, sizeof message, p->uris.midi_event) &&
           lv2_atom_forge_write(&p->forge, message, sizeof message);
}

// Those that a stream left behind that is no more. @return events that there is room for then.
static size_t end_notes(plugin *p, size_t room)
{
    for (unsigned i = 0; i < N_MIDI_CHANNELS * N_MIDI_PITCHES && room > 0; i++) {
        const unsigned channel = i / N_MIDI_PITCHES, pitch = i % N_MIDI_PITCHES;
        if (p->midi.sounds[channel][pitch]) {
            write_event(p, 0, channel, (int)pitch, 0);
            room--;
        }
    }
    p->midi.must_end = room == 0;
    return room;
}

// What does not fit waits in the stream; it is late then, but every note ends.
static void write_notes(plugin *p, uint64_t begin, size_t room)
{
    ub_stream_note notes[MIDI_MOST_EVENTS];
    const size_t most = room < MIDI_MOST_EVENTS ? room : MIDI_MOST_EVENTS;
    const size_t n = ub_stream_take_notes(p->engine->stream, notes, most);
    for (size_t i = 0; i < n; i++) {
        const uint64_t frame = notes[i].sample > begin ? notes[i].sample - begin : 0;
        write_event(p, (uint32_t)frame, (unsigned)(notes[i].source % N_MIDI_CHANNELS),
                    notes[i].pitch, notes[i].velocity);
    }
}

static void drop_notes(plugin *p)
{
    ub_stream_note notes[MIDI_MOST_EVENTS];
    while (ub_stream_take_notes(p->engine->stream, notes, MIDI_MOST_EVENTS) > 0) {
    }
}

void midi_write(plugin *p, size_t n)
{
    LV2_Atom_Sequence *events = p->midi.port;
    if (!events || events->atom.size < sizeof(LV2_Atom_Sequence_Body)) {
        drop_notes(p);
        return;
    }
    const uint32_t capacity = (uint32_t)sizeof(LV2_Atom) + events->atom.size;
    const size_t bytes = capacity > SPARE_BYTES ? capacity - SPARE_BYTES : 0;
    LV2_Atom_Forge_Frame frame;
    lv2_atom_forge_set_buffer(&p->forge, (uint8_t *)events, capacity);
    lv2_atom_forge_sequence_head(&p->forge, &frame, 0);
    size_t room = bytes / EVENT_BYTES;
    room = p->midi.must_end ? end_notes(p, room) : room;
    if (!p->midi.must_end) {
        write_notes(p, ub_stream_clock(p->engine->stream) - n, room);
    }
}
