# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid learn: which recordings belong to which source, extending, what is kept in the file."""
import json
import pathlib
import struct

from toolkit import Test, info, main, tones, write_wav

QUICK = ["--iterations", 5]


class Learn(Test):
    def setUp(self):
        super().setUp()
        for seed, name in enumerate(["a", "b", "c"]):
            write_wav(f"{name}.wav", "f32", 16000, tones(8000, 16000, seed=seed))

    def learn(self, *words, **options):
        return self.run_tool("learn", *QUICK, *words, **options)

    def test_the_dictionary_is_written_and_its_path_printed(self):
        self.assertEqual(self.learn("-k", 4, "-o", "d", "one=a.wav", "two=b.wav").out, "d\n")
        about = info(self, "d")
        self.assertEqual(about["kind"], "dictionary")
        self.assertEqual(about["sources"], [{"name": "one", "components": 4},
                                            {"name": "two", "components": 4}])
        self.assertEqual((about["components"], about["rate_hz"]), (8, 16000))
        self.assertEqual(about["bins"], about["window_samples"] // 2 + 1)

    def test_the_file_is_safetensors_with_f_by_k_templates(self):
        self.learn("-k", 4, "-o", "d", "one=a.wav", "two=b.wav")
        content = pathlib.Path("d").read_bytes()
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:8 + size])
        tensor = header["templates"]
        self.assertEqual((tensor["dtype"], tensor["shape"][1]), ("F32", 8))
        self.assertEqual(json.loads(header["__metadata__"]["sources"]), ["one", "two"])

    def test_half_precision_on_request_only_and_for_all_sources(self):
        self.learn("-k", 4, "--context", 0, "-o", "full", "--origin", "x", "one=a.wav")
        self.learn("-k", 4, "--context", 0, "-o", "half", "--origin", "x", "--half", "one=a.wav")
        self.assertEqual([info(self, name)["storage"] for name in ("full", "half")], ["F32", "F16"])
        self.assertIn("4 components, stored as F16", self.run_tool("info", "half").out)
        full, half = (pathlib.Path(name).stat().st_size for name in ("full", "half"))
        values = 4 * info(self, "half")["bins"]
        self.assertTrue(2 * values - 64 < full - half <= 2 * values)
        # What is learned is never rounded unasked.
        self.learn("-k", 4, "-o", "more", "--add", "half", "two=b.wav")
        self.assertEqual(info(self, "more")["storage"], "F32")
        self.learn("-k", 4, "-o", "more", "--add", "full", "--half", "two=b.wav")
        self.assertEqual(info(self, "more")["storage"], "F16")

    def test_several_files_of_a_source_are_taken_together(self):
        origin = ["--origin", "x"]
        self.learn(*origin, "-o", "comma", "one=a.wav,b.wav")
        self.learn(*origin, "-o", "twice", "one=a.wav", "one=b.wav")
        self.learn(*origin, "-o", "alone", "one=a.wav")
        comma, twice, alone = (pathlib.Path(n).read_bytes() for n in ("comma", "twice", "alone"))
        self.assertEqual(comma, twice)
        self.assertNotEqual(comma, alone)

    def test_a_folder_and_a_name_with_commas_are_files_too(self):
        write_wav("kit/x.wav", "f32", 16000, tones(8000, 16000))
        write_wav("kit/deep/y.wav", "f32", 16000, tones(8000, 16000))
        write_wav("p,q.wav", "f32", 16000, tones(8000, 16000))
        self.learn("-o", "d", "kit=kit", "pq=p,q.wav")
        self.assertEqual(info(self, "d")["origin"], "kit: y.wav, x.wav; pq: p,q.wav")

    def test_licence_and_origin_are_kept(self):
        self.learn("-o", "d", "--licence", "CC0 \u00fc", "--origin", "my \"band\"", "one=a.wav")
        about = info(self, "d")
        self.assertEqual((about["licence"], about["origin"]), ("CC0 \u00fc", "my \"band\""))
        self.learn("-o", "d", "one=a.wav", "two=b.wav")
        about = info(self, "d")
        self.assertEqual((about["licence"], about["origin"]), ("", "one: a.wav; two: b.wav"))

    def test_add_puts_new_sources_behind_the_old_ones(self):
        self.learn("-k", 3, "-o", "d", "--licence", "CC0", "one=a.wav")
        self.learn("-k", 5, "-o", "d", "--add", "d", "--licence", "MIT", "two=b.wav")
        about = info(self, "d")
        for part, text in (("CC0", "licence"), ("MIT", "licence"), ("a.wav", "origin"),
                           ("b.wav", "origin")):
            self.assertIn(part, about[text])
        self.assertEqual(info(self, "d")["sources"], [{"name": "one", "components": 3},
                                                      {"name": "two", "components": 5}])

    def test_context_and_reconstruction_go_into_the_dictionary_and_into_stems(self):
        self.learn("-k", 3, "-o", "d", "--reconstruction", "discriminative",
                   "one=a.wav", "two=b.wav")
        about = info(self, "d")
        self.assertEqual((about["frames_before"], about["frames_after"]), (2, 2))
        self.assertEqual(about["context_samples"], about["hop_samples"])
        self.assertTrue(about["has_reconstruction"])
        text = self.run_tool("info", "d").out
        self.assertIn("context:   2 frames before, 2 after", text)
        self.assertIn("reconstruction templates", text)
        self.run_tool("separate", "-d", "d", "c.wav")
        self.run_tool("separate", "-d", "d", "--free", 3, "-o", "free", "c.wav")
        self.learn("-k", 3, "-o", "plain", "--context", 0, "three=c.wav")
        self.learn("-k", 3, "-o", "both", "--add", "plain", "four=a.wav")
        self.assertEqual(info(self, "both")["frames_before"], 0)

    def test_add_takes_sources_of_another_sample_rate(self):
        self.learn("-k", 3, "-o", "d", "one=a.wav")
        write_wav("fast.wav", "f32", 48000, tones(24000, 48000))
        self.learn("-k", 3, "-o", "e", "--add", "d", "two=fast.wav")
        self.assertEqual(info(self, "e")["rate_hz"], 16000)
        self.run_tool("separate", "-d", "e", "fast.wav")

    def test_add_refuses_a_name_that_is_taken(self):
        self.learn("-o", "d", "one=a.wav")
        before = pathlib.Path("d").read_bytes()
        done = self.learn("-o", "d", "--add", "d", "one=b.wav", status=1)
        self.assert_one_line(done, "d: ", "'one'", "another name")
        self.assertEqual(pathlib.Path("d").read_bytes(), before)

    def test_recordings_of_different_rates_are_refused(self):
        write_wav("fast.wav", "f32", 48000, tones(24000, 48000))
        done = self.learn("-o", "d", "one=a.wav", "two=fast.wav", status=1)
        self.assert_one_line(done, "fast.wav", "48000 Hz", "16000 Hz", "--add")
        self.assertFalse(pathlib.Path("d").exists())

    def test_recordings_that_cannot_be_learned_from(self):
        write_wav("silent.wav", "s16", 16000, [[0] * 8000])
        write_wav("slow.wav", "f32", 4000, tones(8000, 4000))
        for name in ("none.wav", "silent.wav", "slow.wav"):
            done = self.learn("-o", "d", f"one={name}", status=1)
            self.assert_one_line(done)
            self.assertFalse(pathlib.Path("d").exists())


if __name__ == "__main__":
    main()
