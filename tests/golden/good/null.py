# SPDX-License-Identifier: GPL-3.0-or-later
"""The null promise: stems have the rate, channels, length and samples of the input, and sum to
it."""
from toolkit import (KINDS, QUICK, QUICK_NAMES, Test, add_up, info, main, read_wav, residual_db,
                     to_integers, tones, write_wav)

RATES = [8000, 11025, 44100, 192000]


class Null(Test):
    def check(self, kind, rate_hz, channels, *words):
        """Separate and compare. @return paths of the stems."""
        path = write_wav("in.wav", kind, rate_hz, channels)
        paths = self.separate(path, *words)
        stems = []
        for stem in paths:
            stem_kind, stem_rate, stem_channels = read_wav(stem)
            self.assertEqual((stem_kind, stem_rate), (kind, rate_hz))
            self.assertEqual([len(c) for c in stem_channels], [len(c) for c in channels])
            stems.append(stem_channels)
        if KINDS[kind][0] == 1:
            self.assertEqual(add_up(stems), channels)
        else:
            _, _, stored = read_wav(path)
            self.assertLess(residual_db(stored, add_up(stems)), -120)
        return paths

    def test_integers_sum_exactly_and_floats_to_120_db(self):
        for kind, (tag, bits) in KINDS.items():
            for n_channels in (1, 2):
                with self.subTest(kind=kind, n_channels=n_channels):
                    signal = tones(9001, 16000, n_channels=n_channels)
                    signal = to_integers(signal, bits) if tag == 1 else signal
                    paths = self.check(kind, 16000, signal)
                    self.assertEqual(len(paths), QUICK_NAMES)

    def test_every_rate_keeps_its_rate(self):
        for rate_hz in RATES:
            with self.subTest(rate_hz=rate_hz):
                n = rate_hz // 5 + 7
                self.check("s16", rate_hz, to_integers(tones(n, rate_hz, n_channels=2), 16))

    def test_any_length_keeps_its_length(self):
        for n in (1, 2, 100, 3999):
            with self.subTest(n=n):
                self.check("s24", 44100, to_integers(tones(n, 44100), 24))

    def test_six_channels_stay_six(self):
        self.check("s16", 16000, to_integers(tones(4000, 16000, n_channels=6), 16))

    def test_silence_stays_silence(self):
        for kind in ("s16", "f32"):
            path = write_wav("in.wav", kind, 22050, [[0] * 5000] * 2)
            for stem in self.separate(path):
                self.assertEqual(read_wav(stem)[2], [[0] * 5000] * 2)

    def test_full_scale_noise_sums_exactly(self):
        full = [[32767 if (i * 7919) % 13 < 6 else -32768 for i in range(6000)]]
        self.check("s16", 16000, full)

    def test_floats_beyond_full_scale_are_kept(self):
        signal = tones(8000, 16000, peak=20.0)
        self.assertGreater(max(map(abs, signal[0])), 5)
        self.check("f32", 16000, signal)

    def test_fewer_bits_sum_to_the_rounded_input(self):
        wide = to_integers(tones(6000, 16000), 24)
        path = write_wav("in.wav", "s24", 16000, wide)
        stems = [read_wav(p) for p in self.separate("--bits", "16", path)]
        self.assertTrue(all(kind == "s16" for kind, _, _ in stems))
        # Nearest, halves up.
        expected = [[(x + 128) >> 8 for x in wide[0]]]
        self.assertEqual(add_up([s for _, _, s in stems]), expected)

    def test_more_bits_hold_the_same_samples(self):
        signal = to_integers(tones(6000, 16000), 16)
        path = write_wav("in.wav", "s16", 16000, signal)
        stems = [read_wav(p) for p in self.separate("--bits", "24", path)]
        self.assertEqual(add_up([s for _, _, s in stems]), [[x << 8 for x in signal[0]]])
        stems = [read_wav(p) for p in self.separate("--bits", "32f", path)]
        self.assertTrue(all(kind == "f32" for kind, _, _ in stems))
        as_float = [[x / 32768 for x in signal[0]]]
        self.assertLess(residual_db(as_float, add_up([s for _, _, s in stems])), -120)

    def test_floats_become_integers_by_one_rounding(self):
        path = write_wav("in.wav", "f32", 16000, tones(6000, 16000))
        stored = read_wav(path)[2]
        stems = [read_wav(p)[2] for p in self.separate("--bits", "16", path)]
        self.assertEqual(add_up(stems), to_integers(stored, 16))

    def test_two_stems_and_some_stems_keep_the_null(self):
        signal = to_integers(tones(8000, 16000, n_channels=2), 16)
        path = write_wav("in.wav", "s16", 16000, signal)
        whole = {p.stem: read_wav(p)[2] for p in self.separate(path, "-o", "whole")}
        name = sorted(whole)[0]
        two = self.separate(path, "-o", "two", "--two-stems", name)
        self.assertEqual([p.name for p in two], [f"{name}.wav", f"no_{name}.wav"])
        self.assertEqual(add_up([read_wav(p)[2] for p in two]), signal)
        only = self.separate(path, "-o", "only", "--only", name)
        self.assertEqual([p.stem for p in only], [name])
        self.assertEqual(read_wav(only[0])[2], whole[name])

    def test_two_stems_of_floats_sum_to_120_db(self):
        path = write_wav("in.wav", "f32", 16000, tones(8000, 16000, n_channels=2))
        name = self.separate(path)[0].stem
        two = [read_wav(p)[2] for p in self.separate(path, "--two-stems", name)]
        self.assertLess(residual_db(read_wav(path)[2], add_up(two)), -120)

    def test_flac_holds_the_same_integers(self):
        for kind, bits in (("u8", 8), ("s16", 16), ("s24", 24)):
            signal = to_integers(tones(5000, 16000, n_channels=2), bits)
            path = write_wav("in.wav", kind, 16000, signal)
            for stem, plain in zip(self.separate(path, "--format", "flac"), self.separate(path)):
                self.assertEqual(stem.suffix, ".flac")
                about = info(self, stem)
                self.assertEqual((about["bits"], about["samples"], about["channels"]),
                                 (bits, 5000, 2))
                # One source is the input itself: a decoder.
                copy = self.run_tool("separate", "-n", 1, "-k", 1, "-o", "copy", stem).out.strip()
                self.assertEqual(read_wav(copy), read_wav(plain))

    def test_flac_from_floats_has_24_bits(self):
        path = write_wav("in.wav", "f32", 16000, tones(5000, 16000))
        stem = self.separate(path, "--format", "flac")[0]
        self.assertEqual(info(self, stem)["bits"], 24)

    def test_ogg_keeps_rate_channels_and_length_and_reads_as_float(self):
        path = write_wav("in.wav", "s16", 44100, to_integers(tones(20000, 44100, n_channels=2), 16))
        stems = self.separate(path, "--format", "ogg")
        about = info(self, stems[0])
        self.assertEqual((about["rate_hz"], about["channels"], about["samples"], about["bits"]),
                         (44100, 2, 20000, None))
        again = [read_wav(p) for p in self.separate(stems[0])]
        self.assertTrue(all(kind == "f32" and len(c[0]) == 20000 for kind, _, c in again))


if __name__ == "__main__":
    main()
