# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid eval: the figures against their definitions in plain Python, matching, shapes."""
import json
import math
import pathlib
import random

from toolkit import Test, add_up, main, residual_db, tones, write_wav

RATE = 16000


def stacked(signal):
    return [x for channel in signal for x in channel]


def sdr(true, estimate):
    s, e = stacked(true), stacked(estimate)
    lack = sum((a - b) ** 2 for a, b in zip(s, e))
    return 10 * math.log10((sum(a * a for a in s) + 1e-12) / (lack + 1e-12))


def without_mean(values):
    mean = math.fsum(values) / len(values)
    return [x - mean for x in values]


def si_sdr(true, estimate):
    s, e = without_mean(stacked(true)), without_mean(stacked(estimate))
    gain = sum(a * b for a, b in zip(s, e)) / (sum(a * a for a in s) + 1e-12)
    target = [gain * a for a in s]
    lack = sum((a - b) ** 2 for a, b in zip(target, e))
    return 10 * math.log10((sum(a * a for a in target) + 1e-12) / (lack + 1e-12))


class Eval(Test):
    def setUp(self):
        """Two stereo sources in true/; estimates in est/ that leak a third of each other and
        have some noise."""
        super().setUp()
        self.true = {"bass": tones(9000, RATE, seed=1, n_channels=2),
                     "voice": tones(9000, RATE, seed=2, n_channels=2, peak=0.3)}
        b, v = self.true["bass"], self.true["voice"]
        dice = random.Random(3)
        mixed = lambda x, y: [[p + q / 3 + dice.gauss(0, 0.01) for p, q in zip(c, d)]
                              for c, d in zip(x, y)]
        self.estimates = {"bass": mixed(b, v), "voice": mixed(v, b)}
        for name in self.true:
            write_wav(f"true/{name}.wav", "f64", RATE, self.true[name])
            write_wav(f"est/{name}.wav", "f64", RATE, self.estimates[name])

    def eval(self, *words):
        return json.loads(self.run_tool("eval", "--json", *words).out)

    def check_scores(self, result, estimates, first=0):
        cut = lambda signal: [channel[first:] for channel in signal]
        mix = cut(add_up(self.true.values()))
        for stem, name in zip(result["stems"], sorted(self.true)):
            true, estimate = cut(self.true[name]), cut(estimates[name])
            expected = {"sdr": sdr(true, estimate), "si_sdr": si_sdr(true, estimate),
                        "sdr_gain": sdr(true, estimate) - sdr(true, mix),
                        "si_sdr_gain": si_sdr(true, estimate) - si_sdr(true, mix)}
            for key, value in expected.items():
                # Samples are read as float: 0.001 dB is far beyond what that costs.
                self.assertAlmostEqual(stem["estimate"][key], value, delta=0.001, msg=key)
            self.assertAlmostEqual(stem["do_nothing"]["sdr"], sdr(true, mix), delta=0.001)
            self.assertEqual(stem["do_nothing"]["si_sdr_gain"], 0)
            self.assertGreater(stem["oracle_mask"]["sdr"], stem["do_nothing"]["sdr"] + 3)

    def test_scores_follow_their_definitions(self):
        result = self.eval("true", "est")
        self.assertEqual([s["name"] for s in result["stems"]], ["bass", "voice"])
        self.check_scores(result, self.estimates)
        for row in ("estimate", "do_nothing", "oracle_mask"):
            for key in ("sdr", "si_sdr", "sdr_gain", "si_sdr_gain"):
                mean = sum(s[row][key] for s in result["stems"]) / 2
                self.assertAlmostEqual(result["mean"][row][key], mean, delta=2e-6)

    def test_the_residual_is_that_of_the_sum(self):
        expected = residual_db(add_up(self.true.values()), add_up(self.estimates.values()))
        self.assertAlmostEqual(self.eval("true", "est")["residual_db"], expected, delta=0.001)

    def test_skip_leaves_the_start_out(self):
        self.check_scores(self.eval("--skip", "0.25", "true", "est"), self.estimates, RATE // 4)

    def test_a_missing_estimate_is_silence(self):
        pathlib.Path("est/voice.wav").unlink()
        result = self.eval("true", "est")
        self.assertIsNone(result["stems"][1]["file"])
        self.check_scores(result, {**self.estimates, "voice": [[0.0] * 9000] * 2})
        self.assertIn("voice (missing)", self.run_tool("eval", "true", "est").out)

    def test_match_finds_the_best_assignment_whatever_the_names(self):
        pathlib.Path("est/bass.wav").rename("est/z.wav")
        pathlib.Path("est/voice.wav").rename("est/a.wav")
        write_wav("est/m.wav", "f64", RATE, [[0.01] * 9000] * 2)
        result = self.eval("--match", "true", "est")
        self.assertEqual([s["file"] for s in result["stems"]], ["est/z.wav", "est/a.wav"])
        self.check_scores(result, self.estimates)
        self.assertIn("bass<-z\n", self.run_tool("eval", "--match", "true", "est").out)

    def test_match_refuses_too_few_and_too_many(self):
        pathlib.Path("est/bass.wav").unlink()
        done = self.run_tool("eval", "--match", "true", "est", status=1)
        self.assert_one_line(done, "est", "1 estimates for 2")
        for i in range(9):
            write_wav(f"est/{i}.wav", "f64", RATE, [[0.01] * 9000] * 2)
        self.assert_one_line(self.run_tool("eval", "--match", "true", "est", status=1), "at most 8")

    def test_extension_length_and_channels_may_differ(self):
        write_wav("est/bass.flac", "f64", RATE, [c[:5000] for c in self.estimates["bass"]])
        pathlib.Path("est/bass.wav").unlink()
        write_wav("est/voice.wav", "f64", RATE, [self.estimates["voice"][0] + [1.0] * 100])
        short = [c[:5000] + [0.0] * 4000 for c in self.estimates["bass"]]
        self.check_scores(self.eval("true", "est"),
                          {"bass": short, "voice": [self.estimates["voice"][0]] * 2})

    def test_several_channels_are_averaged_for_mono_references(self):
        for name in self.true:
            write_wav(f"true/{name}.wav", "f64", RATE, self.true[name][:1])
            self.true[name] = self.true[name][:1]
        mono = {n: [[(a + b) / 2 for a, b in zip(*e)]] for n, e in self.estimates.items()}
        result = self.eval("true", "est")
        self.check_scores(result, mono)

    def test_the_table_has_all_rows_and_columns(self):
        lines = self.run_tool("eval", "true", "est").out.splitlines()
        self.assertEqual(lines[0].split(), ["stem", "SDR", "SI-SDR", "dSDR", "dSI"])
        self.assertEqual([line.strip().split("  ")[0] for line in lines[1:]],
                         [x for name in ("bass", "voice", "mean")
                          for x in (name, "estimate", "do nothing", "oracle mask")] +
                         [lines[-1]])
        self.assertRegex(lines[-1], r"^residual .*: -?\d+\.\d dB$")

    def test_bss_adds_its_columns(self):
        result = self.eval("--bss", "true", "est")
        for row in ("estimate", "do_nothing", "oracle_mask"):
            for key in ("bss_sdr", "bss_sir", "bss_sar"):
                self.assertIsInstance(result["stems"][0][row][key], float)
        self.assertGreater(result["stems"][0]["estimate"]["bss_sir"],
                           result["stems"][0]["do_nothing"]["bss_sir"] + 5)
        self.assertNotIn("bss_sdr", self.eval("true", "est")["stems"][0]["estimate"])

    def test_bad_folders_and_files(self):
        pathlib.Path("empty").mkdir()
        write_wav("slow/bass.wav", "f64", 8000, [[0.1] * 100])
        write_wav("nan/bass.wav", "f64", RATE, [[0.1, math.nan]])
        write_wav("six/bass.wav", "f64", RATE, [[0.1] * 50] * 6)
        pathlib.Path("text").mkdir()
        pathlib.Path("text/bass.wav").write_text("text")
        for words, part in [(["true", "none"], "none"), (["none", "est"], "none"),
                            (["true", "true/bass.wav"], "is no folder"),
                            (["empty", "est"], "empty: "), (["true", "empty"], "empty: "),
                            (["true", "slow"], "slow/bass.wav"), (["true", "nan"], "sample 1 "),
                            (["true", "six"], "6 channels"), (["true", "text"], "text/bass.wav"),
                            (["--skip", "5", "true", "est"], "--skip 5")]:
            with self.subTest(words=words):
                self.assert_one_line(self.run_tool("eval", *words, status=1), part)


if __name__ == "__main__":
    main()
