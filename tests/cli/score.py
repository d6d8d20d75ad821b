# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid separate --midi: stems by a score."""
import pathlib

from notes import RATE, dictionary_bytes, midi_bytes, render
from toolkit import Test, add_up, main, read_wav, residual_db, to_integers, write_wav

# Of two hands, in turn: 3 s.
LEFT = [(0.2 + 0.8 * i, 0.55 + 0.8 * i, pitch, 100) for i, pitch in enumerate([45, 48, 43])]
RIGHT = [(0.45 + 0.8 * i, 0.95 + 0.8 * i, pitch, 90) for i, pitch in enumerate([72, 76, 79])]
SECONDS = 3.0
SOUND = render(LEFT + RIGHT, SECONDS)


class Score(Test):
    def setUp(self):
        super().setUp()
        write_wav("tune.wav", "s16", RATE, to_integers(SOUND, 16))
        pathlib.Path("tune.mid").write_bytes(midi_bytes(LEFT + RIGHT))

    def stems(self, *words, **options):
        """{name: path}, of stems that sum to the recording."""
        done = self.run_tool("separate", "-j", 1, "--midi", "tune.mid", *words, "tune.wav", **options)
        self.said = done.err
        paths = [pathlib.Path(line) for line in done.out.splitlines()]
        sums = add_up([read_wav(path)[2] for path in paths])
        self.assertEqual(sums, [list(c) for c in read_wav("tune.wav")[2]])
        return {path.stem: path for path in paths}

    def above(self, path, truth):
        """dB of a true sound above what its stem lacks of it, or has beside it."""
        return -residual_db(truth, [[x / 32768 for x in c] for c in read_wav(path)[2]])

    def test_hands_are_parted_and_sum_to_the_recording(self):
        stems = self.stems("--split-hands", "C4")
        self.assertEqual(list(stems), ["piano-left", "piano-right", "rest"])
        self.assertEqual(self.said, "")
        self.assertGreater(self.above(stems["piano-left"], render(LEFT, SECONDS)), 10)
        self.assertGreater(self.above(stems["piano-right"], render(RIGHT, SECONDS)), 10)

    def test_one_track_is_one_stem_and_dictionaries_of_notes_may_be_given(self):
        pathlib.Path("piano.dict").write_bytes(dictionary_bytes(range(40, 85)))
        self.assertEqual(list(self.stems("-d", "piano.dict")), ["piano", "rest"])
        self.assertEqual(list(self.stems("--stems-by", "track", "--only", "piano,rest")),
                         ["piano", "rest"])

    def test_a_score_that_is_late_and_slow_is_aligned(self):
        late = [(1.2 + 1.05 * on, 1.2 + 1.05 * off, *rest) for on, off, *rest in LEFT + RIGHT]
        pathlib.Path("tune.mid").write_bytes(midi_bytes(late))
        stems = self.stems("--split-hands", "C4")
        self.assertIn("tune.mid", self.said)
        self.assertIn("--midi-align off", self.said)
        self.assertGreater(self.above(stems["piano-left"], render(LEFT, SECONDS)), 10)
        self.stems("--split-hands", "C4", "--midi-align", "off")
        self.assertEqual(self.said, "")

    def test_an_offset_moves_the_notes(self):
        late = [(2 + on, 2 + off, *rest) for on, off, *rest in LEFT + RIGHT]
        pathlib.Path("tune.mid").write_bytes(midi_bytes(late))
        stems = self.stems("--split-hands", "60", "--midi-offset", "-2", "--midi-align", "off")
        self.assertGreater(self.above(stems["piano-right"], render(RIGHT, SECONDS)), 10)

    def check_refused(self, words, *parts, status=1):
        done = self.run_tool("separate", *words, "tune.wav", status=status)
        self.assert_one_line(done, *parts)
        self.assertFalse(pathlib.Path("separated").exists())

    def test_bad_scores_are_refused(self):
        for name, content, part in [("empty.mid", midi_bytes([]), "no notes"), ("no.mid", b"RIFF", ""),
                                    ("cut.mid", midi_bytes(LEFT)[:40], "")]:
            pathlib.Path(name).write_bytes(content)
            with self.subTest(name=name):
                self.check_refused(["--midi", name], name, part)
        self.check_refused(["--midi", "none.mid"], "none.mid")
        self.check_refused(["--midi", "tune.mid", "--midi-offset", "60", "--midi-align", "off"],
                           "no note of the score lies within")
        self.check_refused(["--midi", "tune.mid", "--midi-offset", "-60"], "tune.mid",
                           "end before the recording begins")
        self.check_refused(["--midi", "tune.mid", "--only", "violin"], "violin", status=2)
        pathlib.Path("voice.dict").write_bytes(
            dictionary_bytes([60]).replace(b'"component_pitch"', b'"component_other"'))
        self.check_refused(["--midi", "tune.mid", "-d", "voice.dict"], "voice.dict", "--notes")


if __name__ == "__main__":
    main()
