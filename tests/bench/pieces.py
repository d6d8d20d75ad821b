#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make pieces with known stems out of MIDI files, for tests/bench/blind.py --data FOLDER.

    tests/bench/pieces.py SOUNDFONT FOLDER FILE.mid|FILE.wad ...

Of each file the 12 s with most notes of drums, basses and all else become
FOLDER/NAME/stems/{drums,bass,other}.wav, each at most 10 dB below the loudest, every second one
with reverb and chorus. A WAD is a file of Doom's; all MIDI in it is taken (Debian freedoom has some
sixty pieces). Needs fluidsynth, python3-mido, python3-numpy, python3-soundfile.
"""
import io
import pathlib
import struct
import subprocess
import sys
import tempfile

import mido
import numpy
import soundfile

SECONDS, RATE = 12.0, 44100
FAMILIES = ("drums", "bass", "other")


def songs(path):
    data = path.read_bytes()
    if data[:4] not in (b"IWAD", b"PWAD"):
        yield path.stem, mido.MidiFile(file=io.BytesIO(data))
        return
    count, table = struct.unpack("<II", data[4:12])
    for i in range(count):
        at, size, name = struct.unpack("<II8s", data[table + 16 * i:table + 16 * i + 16])
        if data[at:at + 4] == b"MThd":
            name = name.rstrip(b"\0").decode("ascii").lower()
            yield f"{path.stem}_{name}", mido.MidiFile(file=io.BytesIO(data[at:at + size]))


def family(channel, program):
    """None for sound effects."""
    if channel == 9:
        return "drums"
    return "bass" if 32 <= program < 40 else "other" if program < 112 else None


def events(song):
    """(seconds, message, family of its note or None)"""
    time, programs = 0.0, [0] * 16
    for message in song:
        time += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        is_note = message.type in ("note_on", "note_off")
        yield time, message, is_note and family(message.channel, programs[message.channel])


def start_of(song):
    """Where most notes are, none of the families counting beyond what is plenty."""
    notes = [(time, of) for time, message, of in events(song) if of and message.type == "note_on" and message.velocity]
    if not notes:
        return None
    def plenty(start):
        counts = [sum(start <= time < start + SECONDS and of == one for time, of in notes) for one in FAMILIES]
        return sum(min(1.0, count / most) for count, most in zip(counts, (60, 25, 60)))
    return max(numpy.arange(2.0, max(3.0, notes[-1][0] - SECONDS), 4.0), key=plenty)


def excerpt(song, wanted, start):
    """The notes of a family and all that is no note; None where there are less than four."""
    out = mido.MidiFile(type=0, ticks_per_beat=480)
    track, last, n_notes = mido.MidiTrack(), 0, 0
    out.tracks.append(track)
    for time, message, of in events(song):
        is_early = time < start and message.type == "note_on" and message.velocity
        if time > start + SECONDS:
            break
        if message.is_meta or message.type == "sysex" or of not in (False, wanted) or (of and is_early):
            continue
        n_notes += message.type == "note_on"
        tick = round(960 * max(0.0, time - start))
        track.append(message.copy(time=tick - last))
        last = tick
    for channel in range(16):  # or what is held would sound for ever
        track.append(mido.Message("control_change", channel=channel, control=120, value=0,
                                  time=960 if channel == 0 else 0))
    return out if n_notes >= 4 else None


def render(soundfont, song, effects, scratch):
    song.save(scratch / "a.mid")
    subprocess.run(["fluidsynth", "-ni", "-q", "-g", "0.4", "-r", str(RATE), "-R", effects, "-C", effects, "-O", "float",
                    "-F", scratch / "a.wav", soundfont, scratch / "a.mid"], check=True, capture_output=True)
    samples = soundfile.read(scratch / "a.wav", always_2d=True)[0][:int(SECONDS * RATE)]
    return numpy.pad(samples, ((0, int(SECONDS * RATE) - len(samples)), (0, 0)))


def write(stems, folder):
    loudness = {name: numpy.sqrt(numpy.mean(samples ** 2)) for name, samples in stems.items()}
    stems = {name: stems[name] * max(1.0, max(loudness.values()) * 10 ** -0.5 / loudness[name])
             for name in stems if loudness[name] > 1e-5}
    if not stems:
        return
    peak = numpy.abs(sum(stems.values())).max()
    folder.mkdir(parents=True)
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.wav", samples * 0.5 / peak, RATE, subtype="FLOAT")


def main():
    soundfont, out, paths = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    n_pieces = 0
    for name, song in (song for path in paths for song in songs(pathlib.Path(path))):
        start = start_of(song)
        parts = {} if start is None else {one: excerpt(song, one, start) for one in FAMILIES}
        with tempfile.TemporaryDirectory(prefix="unbraid-pieces-") as scratch:
            stems = {one: render(soundfont, part, str(n_pieces % 2), pathlib.Path(scratch))
                     for one, part in parts.items() if part}
        write(stems, out / name / "stems")
        print(f"{name} {start} {' '.join(stems)}", flush=True)
        n_pieces += 1


main()
