# SPDX-License-Identifier: GPL-3.0-or-later
"""Passages of a recording that teach its sources."""
import json
import math

from toolkit import Test, main, read_wav, write_wav

RATE = 8000
FEW = ["-k", "4", "--iterations", "10"]


def tone(hz, seconds):
    return [0.3 * math.sin(2 * math.pi * hz * i / RATE) for i in range(int(seconds * RATE))]


def energy(samples):
    return sum(x * x for x in samples)


class Passages(Test):
    def setUp(self):
        super().setUp()
        # Low alone, high alone, both.
        low, high = tone(300, 3), tone(1700, 3)
        silence = [0.0] * RATE
        self.low, self.high = low[:RATE] + silence + low[2 * RATE:], silence + high[RATE:]
        write_wav("song.wav", "f32", RATE, [[a + b for a, b in zip(self.low, self.high)]])

    def stem(self, path, part):
        """The share of the energy of the last second of `part` that is missing in a stem."""
        samples = read_wav(path)[2][0]
        both = slice(2 * RATE + RATE // 4, 3 * RATE - RATE // 4)
        return energy([a - b for a, b in zip(samples[both], part[both])]) / energy(part[both])

    def separate_song(self, *words, **options):
        done = self.run_tool("separate", *FEW, *words, "song.wav", **options)
        return [line.rsplit("/", 1)[1] for line in done.out.splitlines()]

    def test_sources_are_learned_where_they_play_alone(self):
        names = self.separate_song("--source", "low@0-1", "--source", "high@0:01-0:02")
        self.assertEqual(names, ["low.wav", "high.wav"])
        self.assertLess(self.stem("separated/song/low.wav", self.low), 0.01)
        self.assertLess(self.stem("separated/song/high.wav", self.high), 0.01)

    def test_without_the_accompaniment_the_rest_is_vocals(self):
        names = self.separate_song("--accompaniment", "0-1", "--free", "4")
        self.assertEqual(names, ["accompaniment.wav", "vocals.wav"])
        self.assertLess(self.stem("separated/song/vocals.wav", self.high), 0.05)
        self.assertEqual(self.separate_song("--method", "vocals", "--two-stems", "vocals", "--accompaniment",
                                            "0:00:00.25-0:01"), ["vocals.wav", "no_vocals.wav"])

    def test_one_source_alone_is_separated_from_the_rest(self):
        self.assertEqual(self.separate_song("--source", "low@0-1"), ["low.wav", "rest.wav"])

    def test_passages_of_one_name_are_one_source(self):
        self.assertEqual(self.separate_song("--source", "a@0-0.5", "--source", "a@1-1.5", "--source", "b@1.5-2"),
                         ["a.wav", "b.wav"])

    def test_a_dictionary_and_passages_go_together(self):
        write_wav("low.wav", "f32", RATE, [self.low[:RATE]])
        self.run_tool("learn", *FEW, "--window", "60", "-o", "low.dict", "low=low.wav")
        self.assertEqual(self.separate_song("-d", "low.dict", "--source", "high@1-2"), ["low.wav", "high.wav"])
        self.assertLess(self.stem("separated/song/high.wav", self.high), 0.01)
        self.assertEqual(self.separate_song("-d", "low.dict", "--source", "high@1-2", "--free", "2", "--only", "rest"),
                         ["rest.wav"])
        # What the recording teaches takes the place of what a dictionary says.
        self.assertEqual(self.separate_song("-d", "low.dict", "--source", "low@0-1", "--source", "high@1-2"),
                         ["low.wav", "high.wav"])
        self.assertEqual(self.separate_song("-d", "low.dict", "--source", "low@0-1"), ["low.wav", "rest.wav"])

    def test_one_source_of_a_dictionary_is_separated_from_the_rest(self):
        write_wav("low.wav", "f32", RATE, [self.low[:RATE]])
        self.run_tool("learn", *FEW, "--window", "60", "-o", "low.dict", "low=low.wav")
        self.assertEqual(self.separate_song("-d", "low.dict"), ["low.wav", "rest.wav"])
        self.assertLess(self.stem("separated/song/low.wav", self.low), 0.05)
        self.assertEqual(self.separate_song("-d", "low.dict", "--free", "0"), ["low.wav"])
        self.run_tool("learn", *FEW, "-o", "two.dict", "low=low.wav", "song=song.wav")
        self.assertEqual(self.separate_song("-d", "two.dict"), ["low.wav", "song.wav"])

    def test_the_noise_of_speech_can_be_marked(self):
        write_wav("low.wav", "f32", RATE, [self.low[:RATE]])
        self.run_tool("learn", *FEW, "-o", "two.dict", "speech=low.wav", "noise=song.wav")
        self.assertEqual(self.separate_song("-d", "two.dict", "--method", "speech", "--source", "noise@1-2"),
                         ["speech.wav", "noise.wav"])

    def test_progress_rises_over_learning_and_separating(self):
        done = self.run_tool("separate", *FEW, "--progress", "json", "--source", "low@0-1", "song.wav")
        fractions = [json.loads(line)["fraction"] for line in done.err.splitlines()]
        self.assertEqual(fractions, sorted(fractions))
        self.assertEqual(fractions[-1], 1.0)

    def test_what_is_no_passage_is_refused(self):
        for option, value, part in [
                ("--source", "low", "NAME@FROM-TO"), ("--source", "low@1", "NAME@FROM-TO"), ("--source", "@0-1", "name"),
                ("--source", "a/b@0-1", "a/b"), ("--source", "low@1-1", "FROM must be before TO"),
                ("--source", "low@2-1", "FROM must be before TO"), ("--source", "low@-1-2", "NAME@FROM-TO"),
                ("--source", "low@0:60-2", "NAME@FROM-TO"), ("--source", "low@0x1-2", "NAME@FROM-TO"),
                ("--source", "low@0-inf", "NAME@FROM-TO"), ("--source", "low@1:2.5:3-90", "NAME@FROM-TO"),
                ("--source", "low@0:0:0:1-9", "NAME@FROM-TO"), ("--source", "x" * 64 + "@0-1", "too long"),
                ("--accompaniment", "low@0-1", "FROM-TO"), ("--accompaniment", "", "FROM-TO")]:
            done = self.run_tool("separate", option, value, "song.wav", status=2)
            self.assert_one_line(done, option, part)
        self.assert_files("song.wav")

    def test_a_passage_lies_in_the_recording(self):
        done = self.run_tool("separate", "--source", "low@2-3.001", "song.wav", status=1)
        self.assert_one_line(done, "song.wav", "2-3.001", "3.000 seconds")
        done = self.run_tool("separate", "--source", "low@0-0.05", "song.wav", status=1)
        self.assert_one_line(done, "low", "shorter than one window")
        self.assertEqual(self.separate_song("--source", "low@2-3"), ["low.wav", "rest.wav"])

    def test_passages_are_of_one_recording(self):
        done = self.run_tool("separate", "--source", "low@0-1", "song.wav", "song.wav", status=2)
        self.assert_one_line(done, "song")
        write_wav("other.wav", "f32", RATE, [self.low])
        done = self.run_tool("separate", "--accompaniment", "0-1", "song.wav", "other.wav", status=2)
        self.assert_one_line(done, "--accompaniment", "one recording")

    def test_what_passages_do_not_go_with(self):
        done = self.run_tool("separate", "-n", "2", "--source", "low@0-1", "song.wav", status=2)
        self.assert_one_line(done, "--sources", "passages")
        done = self.run_tool("separate", "--method", "bass", "--source", "low@0-1", "song.wav", status=2)
        self.assert_one_line(done, "--source", "bass")


if __name__ == "__main__":
    main()
