# SPDX-License-Identifier: GPL-3.0-or-later
"""The same seed and input give the same bytes: for any number of threads, on every run, in every
format."""
import os
import pathlib
import time

from toolkit import Test, main, read_wav, to_integers, tones, write_wav


class Determinism(Test):
    def stems_of(self, folder, *words):
        paths = self.separate("-o", folder, *words)
        return {p.name: p.read_bytes() for p in paths}

    def setUp(self):
        super().setUp()
        signal = tones(30000, 44100, n_channels=2)
        write_wav("integers.wav", "s16", 44100, to_integers(signal, 16))
        write_wav("floats.wav", "f32", 44100, signal)

    def test_one_thread_and_two_write_the_same_bytes(self):
        for name in ("integers.wav", "floats.wav"):
            one = self.stems_of("one", "-j", 1, name)
            self.assertEqual(one, self.stems_of("two", "-j", 2, name))
            self.assertEqual(one, self.stems_of("three", "-j", 3, name))

    def test_a_dictionary_is_the_same_for_one_thread_and_two(self):
        made = []
        for jobs in (1, 2):
            self.run_tool("learn", "-k", 5, "-j", jobs, "-o", "d", "a=integers.wav")
            made.append(pathlib.Path("d").read_bytes())
            done = self.run_tool("separate", "--free", 4, "-d", "d", "-j", jobs, "floats.wav")
            made.append([pathlib.Path(p).read_bytes() for p in done.out.splitlines()])
        self.assertEqual(made[:2], made[2:])

    def test_every_format_is_the_same_in_another_second(self):
        # Peak chunks hold the time, Ogg streams a random serial number: not ours.
        before = {f: self.stems_of("a", "--format", f, "floats.wav") for f in ("wav", "flac", "ogg")}
        time.sleep(1.1)
        for container, stems in before.items():
            self.assertEqual(stems, self.stems_of("b", "--format", container, "floats.wav"), container)

    def test_instruction_sets_agree_but_for_rounding(self):
        done = self.run_tool("separate", "floats.wav", env=dict(os.environ, UB_ISA="z80"), status=2)
        self.assert_one_line(done, "UB_ISA", "z80", "generic")
        sets = done.err.strip().rsplit(": ", 1)[1].split(", ")
        wanted = self.separate("-o", "best", "floats.wav")
        for name in sets:
            stems = self.separate("-o", name, "floats.wav", env=dict(os.environ, UB_ISA=name))
            for a, b in zip(wanted, stems, strict=True):
                self.assertEqual(a.name, b.name)
                ours, theirs = (sum(read_wav(p)[2], []) for p in (a, b))
                error = sum((x - y) ** 2 for x, y in zip(ours, theirs, strict=True))
                self.assertLess(error, 1e-8 * sum(x * x for x in ours), name)

    def test_another_seed_gives_something_else(self):
        self.assertNotEqual(self.stems_of("a", "--seed", 1, "floats.wav"),
                            self.stems_of("b", "--seed", 2, "floats.wav"))


if __name__ == "__main__":
    main()
