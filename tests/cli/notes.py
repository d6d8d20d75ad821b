# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes for the tests: a made-up instrument, a dictionary of it, and what MIDI files hold, with
Python's standard library alone."""
import array
import json
import math
import struct
import sys

RATE = 16000
HARMONICS = 6


def hz_of(pitch):
    return 440.0 * 2 ** ((pitch - 69) / 12)


def render(notes, seconds, rate=RATE):
    """Floats of one channel: (onset_s, offset_s, pitch, velocity) of decaying harmonic tones."""
    out = [0.0] * int(seconds * rate)
    for onset_s, offset_s, pitch, velocity in notes:
        first = int(onset_s * rate)
        n = int((offset_s - onset_s) * rate)
        release = int(0.05 * rate)
        for k in range(1, HARMONICS + 1):
            hz = k * hz_of(pitch)
            if hz >= 0.45 * rate:
                break
            step = 2 * math.pi * hz / rate
            for i in range(min(n + release, len(out) - first)):
                envelope = min(1.0, i / 40) * math.exp(-i / rate * (1 + 0.5 * k))
                if i > n:
                    envelope *= 1 - (i - n) / release
                out[first + i] += 0.15 * velocity / 127 / k * envelope * math.sin(step * i)
    return [out]


def dictionary_bytes(pitches, name="piano", rate=RATE, window=3000):
    """A dictionary of the instrument: peaks as wide as those of a Hann window."""
    n_bins = window // 2 + 1
    columns = []
    for pitch in pitches:
        column = [1e-7] * n_bins
        for k in range(1, HARMONICS + 1):
            at = k * hz_of(pitch) * window / rate
            for f in range(max(0, int(at) - 2), min(n_bins, int(at) + 4)):
                column[f] += max(0.0, math.cos(math.pi / 4 * (f - at)) ** 2 if abs(f - at) < 2 else 0) / k
        columns.append([x / sum(column) for x in column])
    metadata = {"format": "unbraid-dictionary", "format_version": "1", "sources": json.dumps([name]),
                "component_source": json.dumps([0] * len(pitches)),
                "component_pitch": json.dumps(list(pitches)), "sample_rate_hz": str(rate),
                "window": "hann", "window_samples": str(window), "hop_samples": str(window // 8),
                "beta": "0", "sparsity": "0", "licence": "", "origin": ""}
    data = array.array("f", [columns[k][f] for f in range(n_bins) for k in range(len(pitches))])
    if sys.byteorder == "big":
        data.byteswap()
    content = data.tobytes()
    header = json.dumps({"__metadata__": metadata,
                         "templates": {"dtype": "F32", "shape": [n_bins, len(pitches)],
                                       "data_offsets": [0, len(content)]}}).encode()
    return struct.pack("<Q", len(header)) + header + content


def _number(data, at):
    number = 0
    while True:
        number = number << 7 | data[at] & 0x7f
        at += 1
        if data[at - 1] < 0x80:
            return number, at


def midi_bytes(notes):
    """A MIDI file of (onset_s, offset_s, pitch, velocity), in ticks of half a millisecond."""
    events = [(round(2000 * n[0]), 1, bytes([0x90, n[2], n[3]])) for n in notes]
    events += [(round(2000 * n[1]), 0, bytes([0x80, n[2], 0])) for n in notes]
    track, now = b"", 0
    for tick, _, event in sorted(events):
        ticks = tick - now
        track += bytes([0x80 | ticks >> 14, 0x80 | ticks >> 7 & 0x7f, ticks & 0x7f]) + event
        now = tick
    track += b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\x03\xe8MTrk" + struct.pack(">I", len(track)) + track


def read_midi(content):
    """(tempo in us, [(name, program, [(onset_s, offset_s, pitch, velocity, channel)])]) of a MIDI
    file as the tool writes it."""
    assert content[:4] == b"MThd", content[:4]
    kind, n_tracks, division = struct.unpack(">HHH", content[8:14])
    assert kind == 1
    at, tempo, tracks = 14, None, []
    for _ in range(n_tracks):
        assert content[at:at + 4] == b"MTrk"
        size = struct.unpack(">I", content[at + 4:at + 8])[0]
        data, at = content[at + 8:at + 8 + size], at + 8 + size
        here, tick, name, program, down, notes = 0, 0, "", -1, {}, []
        while here < len(data):
            ticks, here = _number(data, here)
            tick += ticks
            status = data[here]
            second = tick * (tempo or 0) * 1e-6 / division
            if status == 0xff:
                what = data[here + 1]
                size, here = _number(data, here + 2)
                if what == 0x51:
                    tempo = int.from_bytes(data[here:here + 3], "big")
                elif what == 3:
                    name = data[here:here + size].decode()
                here += size
            elif status >> 4 == 0xc:
                program, here = data[here + 1], here + 2
            else:
                key = data[here + 1]
                if status >> 4 == 9:
                    assert key not in down
                    down[key] = (second, data[here + 2])
                else:
                    onset, velocity = down.pop(key)
                    notes.append((onset, second, key, velocity, status & 15))
                here += 3
        assert not down
        tracks.append((name, program, sorted(notes)))
    assert at == len(content)
    return tempo, tracks[1:]
