# SPDX-License-Identifier: GPL-3.0-or-later
"""The simple variant in hosts that apply a plugin to a file: lv2apply and lv2proc do what the tool does."""
import math
import pathlib
import random
import shutil
import subprocess
import sys

from toolkit import SKIP, Test, main, read_wav, write_wav

RATE = 44100
PLUGIN = "urn:unbraid:simple-mono"
LATENCY = 2556
PRESETS = pathlib.Path(__file__).resolve().parents[2] / "presets"


def drums(n):
    """Low tones and noise that die away, in turns: kick and hat enough for a dictionary of drums."""
    source, out = random.Random(1), [0.0] * n
    for start in range(0, n, RATE // 4):
        is_kick = start // (RATE // 4) % 2 == 0
        for i in range(min(RATE // 8, n - start)):
            fall = math.exp(-i / (0.06 * RATE if is_kick else 0.02 * RATE))
            out[start + i] = 0.4 * fall * (math.sin(2 * math.pi * 60 * i / RATE) if is_kick else source.uniform(-1, 1))
    return out


def sdr_db(wanted, found):
    error = sum((x - y) ** 2 for x, y in zip(wanted, found))
    return 10 * math.log10(sum(x * x for x in wanted) / (error + 1e-30))


class Apply(Test):
    def setUp(self):
        super().setUp()
        self.sound = drums(2 * RATE)
        write_wav("in.wav", "f32", RATE, [self.sound])

    def apply(self, **controls):
        words = [word for name, value in controls.items() for word in ("-c", name, str(value))]
        subprocess.run(["lv2apply", "-i", "in.wav", "-o", "out.wav", *words, PLUGIN], check=True)
        return read_wav("out.wav")[-1][0]

    def test_with_all_gains_at_0_db_the_output_is_the_delayed_input(self):
        for preset in range(4):
            out = self.apply(preset=preset)
            self.assertEqual(len(out), len(self.sound))
            self.assertLess(max(map(abs, out[:LATENCY])), 1e-6)
            self.assertLess(max(abs(x - y) for x, y in zip(self.sound, out[LATENCY:])), 1e-6)

    def test_a_solo_is_near_what_the_tool_separates(self):
        # The preset itself takes whole recordings apart by another method.
        stems = self.run_tool("separate", "-d", PRESETS / "drumkit.safetensors", "--bits", "32f", "in.wav").out.split()
        for number, name in ((1, "kick"), (3, "hats")):
            stem = read_wav(next(path for path in stems if path.endswith(f"/{name}.wav")))[-1][0]
            out = self.apply(preset=0, **{f"solo_{number}": 1})
            db = sdr_db(stem[:-LATENCY], out[LATENCY:])
            print(f"{name}: {db:.1f} dB of SDR between the plugin and the tool")
            self.assertGreater(db, 10)

    def test_lv2proc_hears_the_same_with_other_blocks(self):
        out = self.apply(preset=0, solo_1=1)
        subprocess.run(["lv2proc", "-i", "in.wav", "-o", "proc.wav", "-n", "100", "-c", "preset:0", "-c", "solo_1:1",
                        "--with-latency", PLUGIN], check=True, capture_output=True)
        proc = read_wav("proc.wav")[-1][0]
        self.assertGreater(max(map(abs, proc)), 0.1)
        self.assertLess(max(abs(x - y) for x, y in zip(out, proc)), 1e-6)


if __name__ == "__main__":
    for program in ("lv2apply", "lv2proc"):
        if not shutil.which(program):
            print(f"skipped: there is no {program}")
            sys.exit(SKIP)
    main()
