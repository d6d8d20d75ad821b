# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid eval against the scoring script of the development set and mir_eval, to 0.01 dB."""
import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys

from toolkit import SKIP, Test, main, tones, write_wav

SCORE = pathlib.Path(os.environ["UNBRAID_SCORE"])
KEYS = ["sdr", "si_sdr", "sdr_gain", "si_sdr_gain", "bss_sdr", "bss_sir", "bss_sar"]
RATE = 16000


class Agreement(Test):
    def setUp(self):
        """Three sources of different lengths and channels; leaking, noisy estimates."""
        super().setUp()
        dice = random.Random(3)
        true = [tones(9000 + 100 * i, RATE, seed=i, n_channels=1 + i % 2) for i in range(3)]
        for i, signal in enumerate(true):
            write_wav(f"true/{'abc'[i]}.wav", "s16", RATE, self.rounded(signal))
            other = true[(i + 1) % 3][0]
            leaky = [[x + y / 4 + dice.gauss(0, 0.01) for x, y in zip(c, other)] for c in signal]
            write_wav(f"est/{'abc'[i]}.wav", "s16", RATE, self.rounded(leaky))

    @staticmethod
    def rounded(signal):
        return [[round(x * 20000) for x in channel] for channel in signal]

    def test_all_figures_agree(self):
        for words in (["--bss"], ["--bss", "--match", "--skip", "0.2"]):
            theirs = subprocess.run([sys.executable, str(SCORE), "stems", *words, "true", "est"],
                                    capture_output=True, text=True, check=True).stdout.splitlines()
            ours = json.loads(self.run_tool("eval", "--json", *words, "true", "est").out)
            self.assertEqual(len(ours["stems"]), 3)
            for line, stem in zip(theirs[1:], ours["stems"]):
                for text, key in zip(line.split()[1:], KEYS, strict=True):
                    # They print two decimals: half a hundredth more.
                    self.assertAlmostEqual(float(text), stem["estimate"][key], delta=0.015)

    def test_a_missing_estimate_agrees(self):
        pathlib.Path("est/b.wav").unlink()
        theirs = subprocess.run([sys.executable, str(SCORE), "stems", "true", "est"],
                                capture_output=True, text=True, check=True).stdout.splitlines()
        ours = json.loads(self.run_tool("eval", "--json", "true", "est").out)
        for text, key in zip(theirs[2].split()[2:], KEYS):
            self.assertAlmostEqual(float(text), ours["stems"][1]["estimate"][key], delta=0.015)


if __name__ == "__main__":
    missing = [m for m in ("numpy", "soundfile", "mir_eval") if not importlib.util.find_spec(m)]
    missing += [] if SCORE.exists() else [str(SCORE)]
    if missing:
        print("skipped, for want of", ", ".join(missing))
        sys.exit(SKIP)
    main()
