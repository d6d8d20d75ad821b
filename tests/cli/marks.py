# SPDX-License-Identifier: GPL-3.0-or-later
"""What a listener marks in a recording: where a source is heard, and when."""
import json
import math

from toolkit import Test, main, read_wav, write_wav

RATE = 8000
FEW = ["-k", "6", "--iterations", "30"]


def tone(hz, seconds):
    return [0.3 * math.sin(2 * math.pi * hz * i / RATE) for i in range(int(seconds * RATE))]


def energy(samples):
    return sum(x * x for x in samples)


class Marks(Test):
    def setUp(self):
        super().setUp()
        # Low alone, high alone, both; the low one is on the left.
        low, high = tone(300, 3), tone(1700, 3)
        silence = [0.0] * RATE
        self.low, self.high = low[:RATE] + silence + low[2 * RATE:], silence + high[RATE:]
        both = [a + b for a, b in zip(self.low, self.high)]
        write_wav("song.wav", "f32", RATE, [both])
        write_wav("wide.wav", "f32", RATE, [[a + 0.2 * b for a, b in zip(self.low, self.high)],
                                            [0.2 * a + b for a, b in zip(self.low, self.high)]])

    def missing(self, path, part):
        """The share of the energy of the last second of `part` that is missing in a stem."""
        samples = read_wav(path)[2][0]
        both = slice(2 * RATE + RATE // 4, 3 * RATE - RATE // 4)
        return energy([a - b for a, b in zip(samples[both], part[both])]) / energy(part[both])

    def separate_song(self, *words, name="song.wav", **options):
        done = self.run_tool("separate", *FEW, *words, name, **options)
        return [line.rsplit("/", 1)[1] for line in done.out.splitlines()]

    def test_regions_tell_sources_apart(self):
        names = self.separate_song("--mark", "high@1.1-1.9", "--mark", "low@0:00.1-0:00.9")
        self.assertEqual(names, ["high.wav", "low.wav"])
        self.assertLess(self.missing("separated/song/low.wav", self.low), 0.02)
        self.assertLess(self.missing("separated/song/high.wav", self.high), 0.02)

    def test_frequencies_tell_what_sounds_together_apart(self):
        names = self.separate_song("--mark", "low@2.1-2.9,0-800", "--mark", "high@2.1-2.9,800-4000")
        self.assertEqual(names, ["low.wav", "high.wav"])
        self.assertLess(self.missing("separated/song/low.wav", self.low), 0.05)

    def test_one_name_alone_leaves_a_rest(self):
        self.assertEqual(self.separate_song("--mark", "low@0-1", "--two-stems", "rest"), ["rest.wav", "no_rest.wav"])
        self.assertEqual(self.separate_song("--mark", "low@0-1", "--only", "low"), ["low.wav"])

    def test_positions_tell_sources_apart(self):
        names = self.separate_song("--pan", "low@-75", "--pan", "high@75", name="wide.wav")
        self.assertEqual(names, ["low.wav", "high.wav"])
        self.assertLess(self.missing("separated/wide/low.wav", self.low), 0.05)

    def test_both_kinds_of_marks_go_together(self):
        names = self.separate_song("--pan", "low@-75", "--mark", "low@0-1", "--pan", "high@75", name="wide.wav")
        self.assertEqual(names, ["low.wav", "high.wav"])

    def test_progress_comes_to_its_end(self):
        done = self.run_tool("separate", *FEW, "--progress", "json", "--mark", "low@0-1", "song.wav")
        shares = [json.loads(line)["progress"] for line in done.err.splitlines() if "progress" in json.loads(line)]
        self.assertEqual(shares, sorted(shares))

    def test_marks_that_make_no_sense_are_refused(self):
        for option, value, reason in (
                ("--mark", "low", "NAME@FROM-TO"),
                ("--mark", "low@1", "NAME@FROM-TO"),
                ("--mark", "low@1-2,300", "frequencies in Hz"),
                ("--mark", "low@1-2,300-", "frequencies in Hz"),
                ("--mark", "low@1-2,300-x", "frequencies in Hz"),
                ("--mark", "low@2-1", "FROM must be before TO"),
                ("--mark", "low@1-2,500-300", "LOW must be below HIGH"),
                ("--mark", "a/b@1-2", "a/b"),
                ("--mark", "rest@1-2", "mark another source too"),
                ("--pan", "low", "NAME@POSITION"),
                ("--pan", "low@101", "100"),
                ("--pan", "low@left", "number")):
            done = self.run_tool("separate", option, value, "song.wav", status=2)
            self.assertIn(option, done.err)
            self.assertIn(reason, done.err)

    def test_what_tells_the_sources_itself_does_not_go_with_marks(self):
        for other in (["-n", "2"], ["--method", "band"], ["--free", "3"], ["--source", "a@0-1"], ["--midi", "a.mid"]):
            done = self.run_tool("separate", "--mark", "low@0-1", *other, "song.wav", status=2)
            self.assertIn("--mark", done.err)
        done = self.run_tool("separate", "--mark", "low@0-1", "song.wav", "wide.wav", status=2)
        self.assertIn("one recording", done.err)

    def test_what_the_recording_does_not_have_is_refused(self):
        done = self.run_tool("separate", "--mark", "low@5-6", "song.wav", status=1)
        self.assertIn("the recording ends at 3.000 s", done.err)
        done = self.run_tool("separate", "--pan", "low@10", "song.wav", status=1)
        self.assertIn("song.wav", done.err)
        self.assertIn("is not stereo", done.err)


if __name__ == "__main__":
    main()
