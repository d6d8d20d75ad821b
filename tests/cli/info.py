# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid info: of sound files and dictionaries, for people and as JSON."""
import json
import os
import struct

from toolkit import (KINDS, Test, info, main, rf64_head, tones, w64_head, wav_bytes, write_sparse,
                     write_wav)


class Info(Test):
    def test_sound_files(self):
        for kind, (tag, bits) in KINDS.items():
            sample = 1 if tag == 1 else 0.5
            write_wav("in.wav", kind, 22050, [[sample] * 11025] * 3)
            about = info(self, "in.wav")
            self.assertEqual(
                (about["kind"], about["rate_hz"], about["channels"], about["bits"],
                 about["is_float"], about["samples"], about["seconds"]),
                ("sound", 22050, 3, bits, tag == 3, 11025, 0.5))
        text = self.run_tool("info", "in.wav").out
        for part in ("in.wav: sound", "WAV", "22050 Hz", "channels:  3", "64 (float)",
                     "0:00.500 (11025 samples)"):
            self.assertIn(part, text)

    def test_any_rate_can_be_looked_at(self):
        write_wav("in.wav", "s16", 4000, [[1]])
        self.assertEqual(info(self, "in.wav")["rate_hz"], 4000)

    def test_sound_files_of_more_than_4_gib(self):
        for make, name in ((rf64_head, "RF64"), (w64_head, "W64")):
            write_sparse("in", make(5 << 30), 5 << 30)
            about = info(self, "in")
            self.assertTrue(about["format"].startswith(name), about)
            self.assertEqual(about["samples"], 5 << 28)

    def test_streams_that_go_on_behind_the_size_in_their_header(self):
        form = wav_bytes("s16", 44100, [[0], [0]])[12:36]
        for whole, size in [(0x7ffff024, 0x7ffff000), (0xffffffff, 0xffffffff), (0, 0)]:
            head = b"RIFF" + struct.pack("<I", whole) + b"WAVE" + form + b"data"
            write_sparse("in.wav", head + struct.pack("<I", size), 3 << 30)
            self.assertEqual(info(self, "in.wav")["samples"], 3 << 28)

    def test_what_stands_behind_the_samples_is_not_taken_for_them(self):
        form = wav_bytes("s16", 44100, [[0], [0]])[12:36]
        size, tail = 0x80000000, b"LIST" + struct.pack("<I", 5 << 20)
        write_sparse("in.wav", b"RIFF" + struct.pack("<I", 36 + size + 8 + (5 << 20)) + b"WAVE" +
                     form + b"data" + struct.pack("<I", size), size + 8 + (5 << 20))
        with open("in.wav", "r+b") as file:
            file.seek(44 + size)
            file.write(tail)
        self.assertEqual(info(self, "in.wav")["samples"], size // 4)

    def test_dictionaries(self):
        write_wav("in.wav", "f32", 16000, tones(8000, 16000))
        self.run_tool("learn", "-k", 4, "--iterations", 3, "--window", 64, "--beta", 0.5,
                      "--sparsity", 0.25, "--licence", "CC0", "-o", "d", "drum kit=in.wav")
        about = info(self, "d")
        self.assertEqual(about["sources"], [{"name": "drum kit", "components": 4}])
        self.assertEqual((about["window"], about["window_samples"], about["beta"],
                          about["sparsity"]), ("sqrt-hann", 1024, 0.5, 0.25))
        text = self.run_tool("info", "d").out
        for part in ("d: dictionary", "drum kit (4 components)", "16000 Hz", "sqrt-hann",
                     "1024 samples (64.0 ms)", "stored as F32", "beta:      0.5", "sparsity:  0.25", "CC0"):
            self.assertIn(part, text)

    def test_several_files_are_one_object_a_line_and_bad_ones_a_line_on_stderr(self):
        write_wav("a.wav", "s16", 16000, [[1] * 10])
        write_wav("b.wav", "s16", 16000, [[1] * 20])
        done = self.run_tool("info", "--json", "a.wav", "none.wav", "b.wav", status=1)
        self.assertEqual([json.loads(l)["samples"] for l in done.out.splitlines()], [10, 20])
        self.assert_one_line(done, "none.wav")

    def test_any_file_name_makes_valid_json(self):
        for name in ('a"b\\c\n\t.wav', "\u00fc\U0001f941.wav", os.fsdecode(b"a\xff\xc3.wav")):
            write_wav(name, "s16", 16000, [[1]])
            shown = info(self, name)["file"]
            self.assertEqual(shown, os.fsencode(name).decode("utf-8", "replace"))


if __name__ == "__main__":
    main()
