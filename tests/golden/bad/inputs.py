# SPDX-License-Identifier: GPL-3.0-or-later
"""Input that cannot be separated: one line that names the file and the remedy, exit status 1,
nothing written, and the other files of the batch still done."""
import math
import pathlib
import struct

from toolkit import (QUICK, Test, info, main, read_wav, rf64_head, to_integers, tones, wav_bytes,
                     write_sparse, write_wav)

SIGNAL = tones(6000, 16000)
INTEGERS = to_integers(SIGNAL, 16)


class BadInputs(Test):
    def setUp(self):
        super().setUp()
        write_wav("good.wav", "s16", 16000, INTEGERS)

    def check_refused(self, name, content, *parts):
        """Refused alone with nothing left; refused in a batch with the others done."""
        if content is not None:
            pathlib.Path(name).write_bytes(content)
        before = set(pathlib.Path(".").rglob("*"))
        done = self.run_tool("separate", *QUICK, name, status=1)
        self.assert_one_line(done, name, *parts)
        self.assertEqual(done.out, "")
        self.assertEqual(set(pathlib.Path(".").rglob("*")), before)
        done = self.run_tool("separate", *QUICK, "-o", "batch", name, "good.wav", status=1)
        self.assert_one_line(done, name, *parts)
        self.assertEqual([str(p) for p in pathlib.Path("batch").iterdir()], ["batch/good"])
        self.assertEqual(len(done.out.splitlines()), 3)

    def test_missing(self):
        self.check_refused("none.wav", None, "no such file")

    def test_empty(self):
        self.check_refused("a.wav", b"", "is empty")

    def test_text(self):
        self.check_refused("a.wav", b"This is no sound.\n" * 50, "cannot be read as sound")

    def test_text_with_the_name_of_headerless_sound(self):
        self.check_refused("a.vox", b"This is no sound.\n" * 50, "cannot be read as sound")

    def test_zero_channels(self):
        content = bytearray(wav_bytes("s16", 16000, INTEGERS))
        content[22:24] = b"\0\0"
        self.check_refused("a.wav", bytes(content), "cannot be read as sound")

    def test_no_samples(self):
        self.check_refused("a.wav", wav_bytes("s16", 16000, [[]]), "no samples")

    def test_too_many_channels(self):
        self.check_refused("a.wav", wav_bytes("s16", 16000, [[0] * 50] * 33), "33 channels")

    def test_rates_that_are_too_low_or_too_high(self):
        for rate_hz in (4000, 7999, 192001, 384000):
            self.check_refused("a.wav", wav_bytes("s16", rate_hz, INTEGERS), f"{rate_hz} Hz",
                               "resample")

    def test_truncated_wav(self):
        content = wav_bytes("s16", 16000, INTEGERS)
        for n in (len(content) - 2, len(content) // 2, 50):
            self.check_refused("a.wav", content[:n], "cut off", "12000 bytes")

    def test_header_cut_in_the_middle(self):
        content = wav_bytes("s16", 16000, INTEGERS)
        for n in (3, 11, 30, 43):
            self.check_refused("a.wav", content[:n], "; ")

    def test_truncated_flac_and_ogg(self):
        for container in ("flac", "ogg"):
            noise = to_integers([[math.sin(i * i) * 0.5 for i in range(30000)]], 16)
            write_wav("whole.wav", "s16", 16000, noise)
            made = self.run_tool("separate", "-n", 1, "-k", 1, "--format", container, "whole.wav")
            content = pathlib.Path(made.out.strip()).read_bytes()
            name = "cut." + container
            self.check_refused(name, content[:len(content) * 2 // 3], "; get a complete copy")
            pathlib.Path(name).unlink()
            import shutil
            shutil.rmtree("separated")
            shutil.rmtree("batch")

    def test_truncated_aiff_rf64_w64_and_caf(self):
        data = struct.pack(">6000h", *INTEGERS[0])
        common = struct.pack(">hIh", 1, 6000, 16) + bytes.fromhex("400CFA00000000000000")
        form = b"AIFFCOMM" + struct.pack(">I", 18) + common + b"SSND" + struct.pack(
            ">III", len(data) + 8, 0, 0) + data
        aiff = b"FORM" + struct.pack(">I", len(form)) + form
        pathlib.Path("whole.aiff").write_bytes(aiff)
        self.assertEqual(info(self, "whole.aiff")["samples"], 6000)
        self.check_refused("a.aiff", aiff[:-100], "cut off")

        fmt = wav_bytes("s16", 16000, INTEGERS)[12:36]
        little = struct.pack("<6000h", *INTEGERS[0])
        ds64 = struct.pack("<QQQI", 12000 + 100, 12000, 6000, 0)
        rf64 = (b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + ds64 + fmt + b"data" +
                b"\xff\xff\xff\xff" + little)
        pathlib.Path("whole.rf64").write_bytes(rf64)
        self.assertEqual(info(self, "whole.rf64")["samples"], 6000)
        self.check_refused("a.rf64", rf64[:-100], "cut off")

        tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
        riff = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
        body = (b"wave" + tail + b"fmt " + tail + struct.pack("<Q", 24 + 16) + fmt[8:] + b"data" +
                tail + struct.pack("<Q", 24 + 12000) + little)
        w64 = riff + struct.pack("<Q", 24 + len(body)) + body
        pathlib.Path("whole.w64").write_bytes(w64)
        self.assertEqual(info(self, "whole.w64")["samples"], 6000)
        self.check_refused("a.w64", w64[:-100], "cut off")

        desc = struct.pack(">dIIIIII", 16000.0, int.from_bytes(b"lpcm", "big"), 0, 2, 1, 1, 16)
        caf = (b"caff\0\1\0\0desc" + struct.pack(">Q", 32) + desc + b"data" +
               struct.pack(">QI", 12000 + 4, 0) + data)
        pathlib.Path("whole.caf").write_bytes(caf)
        self.assertEqual(info(self, "whole.caf")["samples"], 6000)
        self.check_refused("a.caf", caf[:-100], "cut off")

    def test_more_than_4_gib_under_sizes_of_32_bits(self):
        data = 5 << 30
        form = wav_bytes("s16", 16000, INTEGERS)[12:36]
        for whole, size in [(0xffffffff, 0xffffffff), (0, 0), (0x7ffff024, 0x7ffff000),
                            ((data + 36) % 2 ** 32, data % 2 ** 32)]:
            head = b"RIFF" + struct.pack("<I", whole) + b"WAVE" + form + b"data"
            write_sparse("a.wav", head + struct.pack("<I", size), data)
            self.check_refused("a.wav", None, "larger than the 4 GiB", "RF64")
        write_sparse("a.aiff", b"FORM\xff\xff\xff\xffAIFFSSND\xff\xff\xff\xff", data)
        self.check_refused("a.aiff", None, "larger than the 4 GiB")

    def test_a_large_file_that_is_cut_off(self):
        write_sparse("a.rf64", rf64_head(5 << 30), (5 << 30) - 4)
        self.check_refused("a.rf64", None, "cut off", str(5 << 30))

    def test_samples_that_are_not_finite(self):
        for kind in ("f32", "f64"):
            for value in (math.nan, math.inf, -math.inf):
                bad = [list(SIGNAL[0]), list(SIGNAL[0])]
                bad[1][4000] = value
                self.check_refused("a.wav", wav_bytes(kind, 16000, bad),
                                   "sample 4000 of channel 2 (at 0.250 s)", "repair")

    def test_a_double_beyond_float(self):
        bad = [list(SIGNAL[0])]
        bad[0][17] = 1e300
        self.check_refused("a.wav", wav_bytes("f64", 16000, bad), "sample 17 of channel 1")

    def test_a_folder_without_sound(self):
        pathlib.Path("empty").mkdir()
        pathlib.Path("empty/notes.txt").write_text("nothing")
        self.check_refused("empty", None, "no sound files")

    def test_a_device_and_a_name_below_a_file(self):
        self.check_refused("good.wav/x.wav", None, "no such file")
        done = self.run_tool("separate", "/dev/null", status=1)
        self.assert_one_line(done, "/dev/null", "is empty")

    def test_line_breaks_in_names_stay_in_the_line(self):
        done = self.run_tool("separate", "a\nb\x1b[31m.wav", status=1)
        self.assert_one_line(done, "a?b?[31m.wav")

    def test_what_is_no_dictionary(self):
        good = pathlib.Path("good.dict")
        self.run_tool("learn", "-k", 3, "--iterations", 3, "-o", good, "a=good.wav")
        content = good.read_bytes()
        for bad in (b"", b"text\n" * 20, content[:200], content[:-4], content + b"x"):
            pathlib.Path("bad.dict").write_bytes(bad)
            before = set(pathlib.Path(".").rglob("*"))
            for words in (["separate", "-d", "bad.dict", "good.wav"],
                          ["separate", "-d", "good.dict", "-d", "bad.dict", "good.wav"],
                          ["learn", "-o", "new.dict", "--add", "bad.dict", "b=good.wav"]):
                done = self.run_tool(*words, status=1)
                self.assert_one_line(done, "bad.dict")
            self.assertEqual(set(pathlib.Path(".").rglob("*")), before)

    def test_a_dictionary_that_is_missing_or_a_folder(self):
        for name in ("none.dict", "."):
            done = self.run_tool("separate", "-d", name, "good.wav", status=1)
            self.assert_one_line(done, name)

    def test_two_dictionaries_with_the_same_source(self):
        self.run_tool("learn", "-k", 3, "--iterations", 3, "-o", "a.dict", "a=good.wav")
        done = self.run_tool("separate", "-d", "a.dict", "-d", "a.dict", "good.wav", status=1)
        self.assert_one_line(done, "a.dict", "'a'")

    def test_the_recording_is_never_replaced(self):
        before = pathlib.Path("good.wav").read_bytes()
        names = {p.stem for p in self.separate("good.wav", "-o", "x")}
        name = sorted(names)[0]
        write_wav(f"{name}.wav", "s16", 16000, INTEGERS)
        done = self.run_tool("separate", *QUICK, "-o", ".", "--filename", "{source}.{ext}",
                             f"{name}.wav", status=1)
        self.assert_one_line(done, f"{name}.wav", "would replace")
        self.assertEqual(pathlib.Path(f"{name}.wav").read_bytes(), before)
        self.assertEqual(read_wav(f"{name}.wav")[2], INTEGERS)


if __name__ == "__main__":
    main()
