# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the method, channels stay apart: what only one has is in that one of the stems."""
import math

from toolkit import Test, main, read_wav, write_wav

RATE = 16000
FEW = ["-k", "4", "--iterations", "10"]


def energy(samples):
    return sum(x * x for x in samples)


class Stereo(Test):
    def setUp(self):
        super().setUp()
        tune = [0.3 * math.sin(2 * math.pi * 110 * (1 + i // 8000 % 3) * i / RATE) for i in range(2 * RATE)]
        ticks = [0.5 * math.sin(i * i) * math.exp(-(i % 4000) / 200) for i in range(2 * RATE)]
        write_wav("left.wav", "f32", RATE, [[a + b for a, b in zip(tune, ticks)], [0.0] * 2 * RATE])
        write_wav("both.wav", "f32", RATE, [tune, ticks])

    def stems(self, name, *words):
        done = self.run_tool("separate", *FEW, *words, name)
        return [read_wav(path)[2] for path in done.out.split()]

    def test_what_is_on_the_left_stays_there(self):
        for words in (["-n", "2"], ["-n", "2", "--mwf", "1"], ["--method", "harmonic-percussive"], ["--method", "vocals"],
                      ["--method", "bass"], ["--method", "band"], ["--mark", "a@0-1,0-500"],
                      ["--pan", "a@-100", "--pan", "b@0"], ["--source", "a@0-1"]):
            for left, right in self.stems("left.wav", *words):
                # Less than a step of 24 bits: the multichannel filter keeps its matrices invertible.
                self.assertLess(max(map(abs, right)), 1e-7, words)
                self.assertEqual(len(left), len(right))

    def test_stems_of_different_channels_differ(self):
        for words in (["-n", "2"], ["--method", "band"], ["--mark", "a@0-1,0-500"], ["--pan", "a@-100", "--pan", "b@100"]):
            channels = self.stems("both.wav", *words)
            for stem in channels:
                difference = energy([a - b for a, b in zip(*stem)])
                self.assertGreaterEqual(difference, 0.3 * (energy(stem[0]) + energy(stem[1])), words)


if __name__ == "__main__":
    main()
