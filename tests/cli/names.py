# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are separated and what the stems are called: folders, standard input, batches,
--only, --two-stems, --filename."""
import os
import pathlib
import subprocess
import threading

from toolkit import QUICK, TOOL, Test, main, read_wav, to_integers, tones, wav_bytes, write_wav

SIGNAL = to_integers(tones(4000, 16000), 16)


class Names(Test):
    def setUp(self):
        super().setUp()
        write_wav("in.wav", "s16", 16000, SIGNAL)

    def learn(self, path, *names):
        write_wav("one.wav", "s16", 16000, to_integers(tones(8000, 16000, seed=3), 16))
        self.run_tool("learn", "-k", 3, "--iterations", 5, "-o", path,
                      *(f"{name}=one.wav" for name in names))
        pathlib.Path("one.wav").unlink()

    def test_stems_go_to_separated_by_default_and_their_paths_are_printed(self):
        paths = self.separate("in.wav")
        self.assertEqual({str(p.parent) for p in paths}, {"separated/in"})
        self.assert_files("in.wav", "separated", "separated/in", *paths)

    def test_a_dictionary_names_the_stems_and_free_components_the_rest(self):
        self.learn("a.dict", "snare", "kick")
        self.learn("b.dict", "bass")
        words = ["separate", "-d", "a.dict", "-d", "b.dict", "in.wav"]
        names = [pathlib.Path(p).stem for p in self.run_tool(*words).out.splitlines()]
        self.assertEqual(names, ["snare", "kick", "bass"])
        names = [pathlib.Path(p).stem for p in self.run_tool(*words, "--free", 3).out.splitlines()]
        self.assertEqual(names, ["snare", "kick", "bass", "rest"])
        done = self.run_tool(*words, "--free", 3, "--only", "rest,kick", "-o", "x")
        self.assertEqual(done.out.split(), ["x/in/kick.wav", "x/in/rest.wav"])
        done = self.run_tool(*words, "--two-stems", "kick", "-o", "y")
        self.assertEqual(done.out.split(), ["y/in/kick.wav", "y/in/no_kick.wav"])

    def test_unknown_names_list_those_that_are_there(self):
        self.learn("a.dict", "snare", "kick")
        for words in (["--only", "vox"], ["--only", "snare,vox"], ["--two-stems", "vox"]):
            done = self.run_tool("separate", "-d", "a.dict", *words, "in.wav", status=2)
            self.assert_one_line(done, "'vox'", "snare, kick")
        for words in (["--only", ""], ["--only", "snare,"], ["--only", "rest"]):
            self.run_tool("separate", "-d", "a.dict", *words, "in.wav", status=2)
        done = self.run_tool("separate", *QUICK, "--only", "vox", "in.wav", status=1)
        self.assert_one_line(done, "in.wav", "'vox'")
        self.assert_files("in.wav", "a.dict")

    def test_file_names_follow_the_pattern(self):
        paths = self.separate("--filename", "all/{source}-of-{track}.{ext}", "-o", "x", "--format",
                              "flac", "in.wav")
        for path in paths:
            self.assertRegex(str(path), r"^x/all/[a-z0-9-]+-of-in\.flac$")

    def test_several_files_are_done_in_their_order(self):
        write_wav("b.wav", "s16", 16000, SIGNAL)
        write_wav("a.wav", "f32", 8000, [[0.5] * 900])
        paths = self.separate("b.wav", "in.wav", "a.wav")
        self.assertEqual([p.parent.name for p in paths[::3]], ["b", "in", "a"])

    def test_folders_are_searched_in_order_and_only_for_sound(self):
        for name in ("songs/b.wav", "songs/a.WAV", "songs/cd2/a.wav", "songs/.hidden.wav",
                     "songs/.trash/x.wav"):
            write_wav(name, "s16", 16000, SIGNAL)
        pathlib.Path("songs/notes.txt").write_text("x")
        pathlib.Path("songs/cover.jpg").write_bytes(b"x")
        os.symlink(".", "songs/loop")
        paths = self.separate("-o", "x", "songs")
        self.assertEqual([str(p.parent) for p in paths[::3]], ["x/a", "x/b", "x/cd2/a"])

    def test_the_output_folder_is_not_an_input(self):
        first = self.separate("-o", "stems", ".")
        self.assertEqual(self.separate("-o", "stems", "."), first)

    def test_recordings_with_the_same_stems_are_refused_before_the_work(self):
        write_wav("other/in.flac", "s16", 16000, SIGNAL)
        done = self.run_tool("separate", *QUICK, "in.wav", "other/in.flac", status=2)
        self.assert_one_line(done, "other/in.flac", "in.wav", "-o")
        done = self.run_tool("separate", *QUICK, "--filename", "{source}.wav", "in.wav",
                             "other/in.flac", status=2)
        self.assert_files("in.wav", "other", "other/in.flac")

    def test_a_track_cannot_lead_out_of_the_output_folder(self):
        for name in ("...wav", "..wav"):
            write_wav(name, "s16", 16000, SIGNAL)
            done = self.run_tool("separate", *QUICK, "-o", "x/y", name, status=2)
            self.assert_one_line(done, name, "rename")
            self.assertFalse(pathlib.Path("x").exists())

    def test_names_with_dots_blanks_and_other_bytes(self):
        for name in ("a.b c.wav", "\u00fcber.wav", os.fsdecode(b"\xff\xfe.wav"), "noextension"):
            write_wav(name, "s16", 16000, SIGNAL)
            done = self.run_tool("separate", *QUICK, name)
            track = name[:-4] if name.endswith(".wav") else name
            self.assertTrue(done.out.startswith(f"separated/{track}/"), done.out)

    def from_stdin(self, content):
        done = self.run_tool("separate", *QUICK, "-", input=content)
        stems = [read_wav(p) for p in done.out.splitlines()]
        self.assertEqual({os.path.dirname(p) for p in done.out.splitlines()}, {"separated/stdin"})
        return [[sum(v) for v in zip(*planes)] for planes in zip(*(s for _, _, s in stems))]

    def test_standard_input(self):
        self.assertEqual(self.from_stdin(wav_bytes("s16", 16000, SIGNAL)), SIGNAL)

    def test_headers_of_streams_that_do_not_know_their_size(self):
        for data_size, riff_size in [(0xffffffff, 0xffffffff), (0, 0), (0, 36), (0, 0xffffffff),
                                     (0x7ffff000, 0x7ffff024), (0x7fffffff, 0x7fffffff)]:
            with self.subTest(data_size=data_size, riff_size=riff_size):
                content = wav_bytes("s16", 16000, SIGNAL, data_size, riff_size)
                self.assertEqual(self.from_stdin(content), SIGNAL)
                pathlib.Path("stream.wav").write_bytes(content)
                self.assertEqual(len(self.separate("stream.wav")), 3)

    def test_standard_input_that_is_cut_off_empty_or_text(self):
        for content in (b"", b"text" * 99, wav_bytes("s16", 16000, SIGNAL)[:2000]):
            done = self.run_tool("separate", *QUICK, "-", input=content, status=1)
            self.assert_one_line(done, "unbraid: -: ")
        self.assert_files("in.wav")

    def test_a_named_pipe(self):
        os.mkfifo("pipe.wav")
        writer = threading.Thread(target=lambda: pathlib.Path("pipe.wav").write_bytes(
            wav_bytes("s16", 16000, SIGNAL)))
        writer.start()
        paths = self.separate("pipe.wav")
        writer.join()
        self.assertEqual(len(paths), 3)

    def test_a_temporary_folder_without_room_is_named(self):
        done = subprocess.run([TOOL, "separate", "-"], input=b"RIFF",
                              capture_output=True, env={**os.environ, "TMPDIR": "/none"})
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"TMPDIR", done.stderr)


if __name__ == "__main__":
    main()
