# SPDX-License-Identifier: GPL-3.0-or-later
"""What a separation is worth on synthesised sources, as promised decibels. The promises are what
every machine reaches with room for another instruction set's rounding, not the last figure."""
import json
import math
import random

from toolkit import Test, add_up, main, write_wav

RATE = 22050

# SI-SDR over that of the mix, in dB, of the sources named: the mean and the least.
PROMISED = [
    # words for separate, sources, mean, least
    (["-d", "band.dict"], ["bass", "drums", "keys"], 20.0, 17.0),
    (["-d", "short.dict"], ["bass", "drums", "keys"], 13.0, 9.0),
    (["-d", "drums.dict", "--free", 20], ["drums"], 18.0, 18.0),
]


def melody(n, keys, seed):
    """Plucked tones with six partials, a key every quarter of a second."""
    dice = random.Random(seed)
    out = [0.0] * n
    for start in range(0, n, RATE // 4):
        step = 2 * math.pi * 440 * 2 ** ((dice.choice(keys) - 69) / 12) / RATE
        for i in range(start, min(n, start + RATE // 4)):
            decay = math.exp(-6 * (i - start) / RATE)
            out[i] = 0.2 * decay * sum(math.sin(step * h * (i - start)) / h for h in range(1, 7))
    return out


def drums(n, seed):
    """Bursts of noise that die away, at eighths."""
    dice = random.Random(seed)
    out = [0.0] * n
    for start in range(0, n, RATE // 5):
        loud = dice.uniform(0.3, 1.0)
        for i in range(start, min(n, start + RATE // 10)):
            out[i] = 0.3 * loud * math.exp(-60 * (i - start) / RATE) * dice.uniform(-1, 1)
    return out


def band(n, seed):
    return {"bass": [melody(n, [28, 31, 33, 35, 38], seed)],
            "drums": [drums(n, seed + 10)],
            "keys": [melody(n, [64, 67, 69, 71, 74, 76], seed + 20)]}


class Quality(Test):
    def setUp(self):
        super().setUp()
        sources = band(3 * RATE, 2)
        for name, signal in sources.items():
            write_wav(f"true/{name}.wav", "f32", RATE, signal)
        write_wav("mix.wav", "f32", RATE, add_up(sources.values()))

    def learn(self, path, seconds, sources, *words):
        """A dictionary from another performance than that of the mix."""
        for name, signal in band(seconds * RATE, 1).items():
            write_wav(f"train/{name}.wav", "f32", RATE, signal)
        self.run_tool("learn", "-k", 20, "-o", path, *words, *(f"{name}=train/{name}.wav" for name in sources))

    def gains(self, *words):
        """Score out/mix. @return {source: SI-SDR gain}."""
        done = self.run_tool("eval", "--json", *words, "true", "out/mix")
        return {stem["name"]: stem["estimate"]["si_sdr_gain"]
                for stem in json.loads(done.out)["stems"]}

    def check(self, gains, mean, least):
        print({name: round(gain, 1) for name, gain in gains.items()}, flush=True)
        self.assertGreater(sum(gains.values()) / len(gains), mean)
        self.assertGreater(min(gains.values()), least)

    def test_dictionaries_reach_the_promised_gain(self):
        names = ["bass", "drums", "keys"]
        self.learn("band.dict", 9, names)
        # Of three seconds of random notes context learns what is not so elsewhere.
        self.learn("short.dict", 3, names, "--context", 0, "--window", 93)
        self.learn("drums.dict", 3, ["drums"])
        for words, sources, mean, least in PROMISED:
            with self.subTest(words=words):
                self.run_tool("separate", "-o", "out", *words, "mix.wav")
                gains = self.gains()
                self.check({name: gains[name] for name in sources}, mean, least)

    def test_a_dictionary_works_at_another_sample_rate(self):
        self.learn("band.dict", 9, ["bass", "drums", "keys"])
        # Every second sample: little of the tones lies beyond the new limit.
        half = lambda signal: [channel[::2] for channel in signal]
        sources = band(3 * RATE, 2)
        for name, signal in sources.items():
            write_wav(f"true/{name}.wav", "f32", RATE // 2, half(signal))
        write_wav("mix.wav", "f32", RATE // 2, half(add_up(sources.values())))
        self.run_tool("separate", "-o", "out", "-d", "band.dict", "mix.wav")
        self.check(self.gains(), 12.0, 8.0)

    def test_blind_stems_are_better_than_doing_nothing(self):
        self.run_tool("separate", "-n", 3, "-o", "out", "mix.wav")
        self.check(self.gains("--match"), 1.0, -6.0)


if __name__ == "__main__":
    main()
