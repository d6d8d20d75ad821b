# SPDX-License-Identifier: GPL-3.0-or-later
"""MIDI files: a reader and writer that is not ours agrees with the library's.

usage: midi_format.py EXCHANGE

EXCHANGE is the program that writes and reads them with the library. Without the Python module mido
the test is skipped: exit 77.
"""
import random
import subprocess
import sys
import tempfile
import unittest

EXCHANGE = sys.argv[1]
try:
    import mido
except ImportError:
    print("skipped: there is no Python module mido (Debian's python3-mido)")
    sys.exit(77)

SEED = random.SystemRandom().randrange(1 << 32)


def run(*words, text=""):
    done = subprocess.run([EXCHANGE, *words], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def times(file):
    """(seconds, track, message) of all events, in the order of time and then of tracks."""
    events = []
    for index, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, index, message))
    events.sort(key=lambda event: event[:2])
    tempo, second, last = 500000, 0.0, 0
    for tick, index, message in events:
        second += mido.tick2second(tick - last, file.ticks_per_beat, tempo)
        last = tick
        if message.type == "set_tempo":
            tempo = message.tempo
        yield second, index, message


def notes(file, per_track):
    """Notes as a strict reader finds them: a key that is struck must be up, one that is let go
    down. Keys belong to a channel, or to a channel of a track."""
    down, found, programs = {}, [], {}
    for second, track, message in times(file):
        place = (track if per_track else 0, getattr(message, "channel", 0))
        if message.type == "program_change":
            programs[place] = message.program
        if message.type not in ("note_on", "note_off"):
            continue
        key = place + (message.note,)
        if message.type == "note_on" and message.velocity:
            assert key not in down, f"{key} is struck while it is down, at {second} s"
            down[key] = (second, message.velocity, track, programs.get(place, -1))
        else:
            assert key in down, f"{key} is let go while it is up, at {second} s"
            onset, velocity, struck, program = down.pop(key)
            found.append((onset, second, message.note, velocity, struck, message.channel, program))
    assert not down, f"stuck: {down}"
    return sorted(found)


class Format(unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}")
        self.dice = random.Random(SEED)
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name + "/notes.mid"

    def tearDown(self):
        self.folder.cleanup()

    def random_notes(self, n, n_sources, n_keys):
        for _ in range(n):
            onset = self.dice.uniform(0, 20)
            yield (onset, onset + self.dice.choice([0, 0.0003, 0.1, 1.7]),
                   60 + self.dice.randrange(n_keys), 1 + self.dice.randrange(127),
                   self.dice.randrange(n_sources))

    def write(self, bpm, sources, list_of_notes):
        text = "".join(f"source {p} {int(d)} {name}\n" for p, d, name in sources)
        text += "".join("note {!r} {!r} {} {} {}\n".format(*note) for note in list_of_notes)
        run("write", self.path, str(bpm), text=text)
        return mido.MidiFile(self.path)

    def test_times_pitches_velocities_programs_and_names(self):
        for bpm in (5, 60.5, 120, 313):
            sources = [(0, False, "left"), (-1, True, "kit"), (33, False, "bass")]
            written = [(0.25 * i, 0.25 * i + 0.1, 30 + i % 60, 1 + i % 127, i % 3)
                       for i in range(300)]
            file = self.write(bpm, sources, written)
            self.assertEqual([track.name for track in file.tracks[1:]], ["left", "kit", "bass"])
            found = notes(file, per_track=False)
            self.assertEqual(len(found), 300)
            for note, (onset, offset, pitch, velocity, source) in zip(found, written):
                self.assertAlmostEqual(note[0], onset, delta=0.0005)
                self.assertAlmostEqual(note[1], offset, delta=0.0005)
                self.assertEqual(note[2:5], (pitch, velocity, source + 1))
                self.assertEqual(note[6], sources[source][0])
                self.assertEqual(note[5] == 9, sources[source][1])

    def test_crowded_notes_are_neither_stuck_nor_swallowed(self):
        for n_sources in (1, 3, 16, 60):
            sources = [(i % 128, i % 7 == 6, f"s{i}") for i in range(n_sources)]
            written = list(self.random_notes(400, n_sources, 3))
            file = self.write(120, sources, written)
            found = notes(file, per_track=False)
            self.assertEqual(len(found), 400)
            key = [(pitch, velocity, source + 1) for _, _, pitch, velocity, source in written]
            self.assertEqual(sorted(note[2:5] for note in found), sorted(key))
            for note in found:
                self.assertGreater(note[1], note[0])
                if note[5] != 9:
                    self.assertEqual(note[6], sources[note[4] - 1][0])

    def random_file(self, kind):
        file = mido.MidiFile(type=kind, ticks_per_beat=self.dice.choice([24, 96, 480, 960]))
        for _ in range(1 if kind == 0 else 4):
            events = []
            for k in range(40):
                channel = self.dice.randrange(16)
                start = 4 * 96 * k + self.dice.randrange(96)
                note = self.dice.randrange(128)
                events += [(start, mido.Message("note_on", channel=channel, note=note,
                                                velocity=1 + self.dice.randrange(127))),
                           (start + 1 + self.dice.randrange(96),
                            mido.Message("note_off", channel=channel, note=note)),
                           (start, mido.Message("pitchwheel", channel=channel, pitch=77)),
                           (start, mido.Message("sysex", data=[1, 2, 3])),
                           (start, mido.MetaMessage("set_tempo",
                                                    tempo=self.dice.randrange(10**5, 10**6))),
                           (start - 1 if start else 0, mido.Message("program_change",
                            channel=channel, program=self.dice.randrange(128)))]
            track, now = mido.MidiTrack(), 0
            for tick, message in sorted(events, key=lambda event: event[0]):
                track.append(message.copy(time=tick - now))
                now = tick
            file.tracks.append(track)
        return file

    def test_files_of_another_writer_are_read_alike(self):
        for kind in (0, 1):
            for _ in range(10):
                self.random_file(kind).save(self.path)
                expected = notes(mido.MidiFile(self.path), per_track=True)
                lines = run("read", self.path).split("\n")[:-1]
                found = sorted((float(a), float(b), *map(int, rest))
                               for a, b, *rest in map(str.split, lines))
                self.assertEqual(len(found), len(expected))
                for ours, theirs in zip(found, expected):
                    self.assertAlmostEqual(ours[0], theirs[0], delta=1e-6)
                    self.assertAlmostEqual(ours[1], theirs[1], delta=1e-6)
                    self.assertEqual(ours[2:], theirs[2:])


unittest.main(argv=sys.argv[:1], verbosity=2)
