# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid live --midi: the notes that are heard, in a MIDI file or as lines."""
import array
import json
import math
import pathlib
import re
import struct

from sound import SoundTest, need_live
from toolkit import main, tones, write_wav

RATE = 44100
DEVICES = ["--rate", str(RATE), "--input", "default", "--output", "default"]
HERTZ = {60: 400.0, 67: 1500.0}


def bump(hertz, size):
    return [math.exp(-((f - hertz * size / RATE) ** 2) / 3) + 1e-5 for f in range(size // 2 + 1)]


def write_notes(path, size=4096):
    """A dictionary of one source with two notes."""
    columns = [bump(hertz, size) for hertz in HERTZ.values()]
    data = struct.pack(f"<{2 * len(columns[0])}f", *[x for row in zip(*columns) for x in row])
    metadata = {"format": "unbraid-dictionary", "format_version": "1", "sources": '["flute"]',
                "component_source": "[0,0]", "component_pitch": json.dumps(list(HERTZ)),
                "sample_rate_hz": str(RATE), "window": "sqrt-hann", "window_samples": str(size),
                "hop_samples": str(size // 4), "beta": "1", "sparsity": "0", "licence": "", "origin": ""}
    header = json.dumps({"__metadata__": metadata, "templates": {
        "dtype": "F32", "shape": [size // 2 + 1, 2], "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(header)) + header + data)


def melody():
    """The two notes, half a second each, struck and dying away; then silence."""
    sound = array.array("f")
    for hertz in HERTZ.values():
        for i in range(RATE // 2):
            shape = min(1.0, i / 400) * math.exp(-i / 5000)
            sound.extend([0.3 * shape * math.sin(2 * math.pi * hertz * i / RATE)] * 2)
    return sound


class LiveMidi(SoundTest):
    def setUp(self):
        super().setUp()
        pathlib.Path("in.raw").write_bytes(melody().tobytes() + bytes(8 * RATE))
        write_notes("notes")

    def live(self, *words, status=0):
        return self.run_tool("live", "--free", 0, *DEVICES, "--frames", int(1.4 * RATE), *words,
                             env=self.environment, status=status)

    def test_lines_are_printed_as_notes_come(self):
        lines = self.live("-d", "notes", "--midi", "-").out.splitlines()
        notes = [line.split() for line in lines if re.match(r"[\d.]+ o", line)]
        self.assertEqual([(kind, pitch) for _, kind, pitch, _, _ in notes],
                         [("on", "60"), ("off", "60"), ("on", "67"), ("off", "67")])
        self.assertEqual({name for *_, name in notes}, {"flute"})
        # How much silence the device puts before its file is its own business.
        self.assertAlmostEqual(float(notes[2][0]) - float(notes[0][0]), 0.5, delta=0.03)
        self.assertTrue(all(0 < int(note[3]) < 128 for note in notes[::2]))

    def test_a_midi_file_is_written_at_the_end(self):
        self.assertIn("out.mid\n", self.live("-d", "notes", "--midi", "out.mid").out)
        content = pathlib.Path("out.mid").read_bytes()
        self.assertEqual(content[:4], b"MThd")
        self.assertIn(b"flute", content)
        try:
            import mido
        except ImportError:
            return
        time, begun = 0.0, []
        for message in mido.MidiFile("out.mid"):
            time += message.time
            if message.type == "note_on" and message.velocity:
                begun.append((message.note, time))
        self.assertEqual([pitch for pitch, _ in begun], [60, 67])
        self.assertAlmostEqual(begun[1][1] - begun[0][1], 0.5, delta=0.03)

    def test_a_dictionary_without_notes_is_refused(self):
        write_wav("a.wav", "f32", RATE, tones(8000, RATE))
        self.run_tool("learn", "-k", 4, "--iterations", 3, "-o", "d", "a=a.wav")
        done = self.live("-d", "d", "--midi", "out.mid", status=1)
        self.assert_one_line(done, "d: ", "has no notes", "--notes")
        self.assertFalse(pathlib.Path("out.mid").exists())

    def test_a_file_that_cannot_be_written_is_reported(self):
        pathlib.Path("folder").mkdir()
        done = self.live("-d", "notes", "--midi", "folder", status=1)
        self.assertIn("folder", done.err)


if __name__ == "__main__":
    need_live()
    main()
