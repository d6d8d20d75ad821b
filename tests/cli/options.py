# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines: what --help says, what is refused with status 2, presets."""
import pathlib

from toolkit import QUICK, Test, main, to_integers, tones, write_wav

COMMANDS = ["separate", "learn", "eval", "info", "presets"]


class Options(Test):
    def setUp(self):
        super().setUp()
        write_wav("in.wav", "s16", 16000, to_integers(tones(4000, 16000), 16))

    def check_misused(self, words, *parts):
        before = set(pathlib.Path(".").rglob("*"))
        done = self.run_tool(*words, status=2)
        self.assert_one_line(done, *parts)
        self.assertEqual(done.out, "")
        self.assertEqual(set(pathlib.Path(".").rglob("*")), before)

    def test_help_lists_all_commands_and_goes_to_stdout(self):
        for words in (["--help"], ["-h"]):
            done = self.run_tool(*words)
            self.assertEqual(done.err, "")
            for command in COMMANDS:
                self.assertIn(f"\n  {command} ", done.out)

    def test_help_of_a_command_has_defaults_ranges_and_units(self):
        for command in COMMANDS:
            for word in ("--help", "-h"):
                done = self.run_tool(command, word)
                self.assertEqual(done.err, "")
                self.assertTrue(done.out.startswith(f"Usage: unbraid {command} "))
                self.assertLessEqual(max(map(len, done.out.splitlines())), 84)
        text = " ".join(self.run_tool("separate", "--help").out.split())
        self.assertRegex(text, r"-n, --sources N .* \(0 to 16; default \d+\)")
        self.assertRegex(text, r"--window MS .* \(1 to 1000 ms; default as the mode needs\)")
        self.assertIn("(random, nndsvd, nndsvda, nndsvdar; default ", text)

    def test_version(self):
        self.assertRegex(self.run_tool("--version").out, r"^unbraid \d+\.\d+\.\d+\n$")

    def test_wrong_usage_is_one_line_and_status_2(self):
        self.check_misused([], "a command is missing")
        self.check_misused(["braid"], "braid", "no such command")
        self.check_misused(["--nonsense"], "--nonsense", "no such command")
        separate = lambda *words: ["separate", *words, "in.wav"]
        for words, parts in [
                (["separate"], ["names no file"]),
                (separate("--nonsense"), ["--nonsense", "no such option"]),
                (separate("-x"), ["-x", "no such option"]),
                (["separate", "in.wav", "-n"], ["-n", "needs a value"]),
                (["separate", "in.wav", "--seed"], ["--seed", "needs a value"]),
                (separate("-n", "17"), ["--sources", "from 0 to 16"]),
                (separate("-n", "2.5"), ["--sources", "whole number"]),
                (separate("-n", "two"), ["--sources", "must be a number"]),
                (separate("-n", ""), ["--sources", "must be a number"]),
                (separate("--beta", "nan"), ["--beta", "must be a number"]),
                (separate("--beta", "0x1"), ["--beta", "must be a number"]),
                (separate("--init", "magic"), ["--init", "random, nndsvd"]),
                (separate("-j", "-1"), ["--jobs", "from 0"]),
                (separate("--bits", "12"), ["--bits", "16, 24 or 32f"]),
                (separate("--format", "mp3"), ["--format", "wav, flac or ogg"]),
                (separate("--format", "ogg", "--bits", "16"), ["--bits", "ogg"]),
                (separate("--bits", "32f", "--format", "flac"), ["--bits", "flac"]),
                (separate("--progress", "maybe"), ["--progress", "auto, bar, json or none"]),
                (separate("--only", "a", "--two-stems", "b"), ["--two-stems", "--only"]),
                (separate("--two-stems", "a,b"), ["--two-stems"]),
                (separate("--two-stems", "../x"), ["--two-stems"]),
                (separate("--free", "3"), ["--free", "needs a dictionary"]),
                (separate("-n", "3", "-d", "d"), ["--sources", "dictionary"]),
                (separate("-n", "3", "--midi", "m"), ["--sources", "--midi"]),
                (separate("--method", "bass", "--midi", "m"), ["--method", "--midi"]),
                (separate("--source", "a@0-1", "--midi", "m"), ["--midi", "passages"]),
                (separate("--midi-offset", "1"), ["--midi-offset", "needs a score"]),
                (separate("--midi-offset", "x", "--midi", "m"), ["--midi-offset", "a number"]),
                (separate("--midi-align", "no", "--midi", "m"), ["--midi-align", "auto, on or off"]),
                (separate("--midi-tolerance", "3", "--midi", "m"), ["--midi-tolerance"]),
                (separate("--split-hands", "H4", "--midi", "m"), ["--split-hands", "as C4"]),
                (separate("--stems-by", "hand", "--midi", "m"), ["--stems-by", "track or channel"]),
                (["learn", "a=in.wav"], ["--output", "missing"]),
                (["learn", "-o", "d"], ["names no source"]),
                (["learn", "-o", "d", "in.wav"], ["in.wav", "NAME=FILE"]),
                (["learn", "-o", "d", "=in.wav"], ["=in.wav"]),
                (["learn", "-o", "d", "../a=in.wav"], ["../a=in.wav"]),
                (["learn", "-o", "d", "a=in.wav,,in.wav"], ["empty file name"]),
                (["learn", "-o", "d", "--free", "2", "a=in.wav"], ["--free", "no such option"]),
                (["eval", "a"], ["two folders, not 1"]),
                (["eval", "a", "b", "c"], ["two folders, not 3"]),
                (["eval", "--skip", "-1", "a", "b"], ["--skip"]),
                (["eval", "--skip", "soon", "a", "b"], ["--skip"]),
                (["eval", "--json=yes", "a", "b"], ["--json", "no value"]),
                (["info"], ["names no file"])]:
            with self.subTest(words=words):
                self.check_misused(words, *parts)

    def test_patterns_for_file_names_are_checked(self):
        for pattern, part in [("{track}/x.wav", "must hold {source}"), ("", "must hold {source}"),
                              ("{source}/{artist}.wav", "{artist}"), ("{source", "{source"),
                              ("{source}}", "}"), ("/tmp/{source}", "below"),
                              ("../{source}", "below"), ("a/../../{source}", "below"),
                              ("a//{source}", "below"), ("./{source}", "below"),
                              ("{source}/", "below"), ("{source}/..", "below")]:
            with self.subTest(pattern=pattern):
                self.check_misused(["separate", "--filename", pattern, "in.wav"], "--filename",
                                   part)

    def stems(self, *words):
        done = self.run_tool("separate", "-k", 6, *words, "in.wav")
        return [pathlib.Path(p).read_bytes() for p in done.out.splitlines()]

    def test_presets_are_read_and_options_win_whatever_the_order(self):
        pathlib.Path("a.preset").write_text("# a comment\nsources = 2\niterations = 5\nseed=3\n")
        pathlib.Path("b.preset").write_text("seed = 4\n")
        plain = ["-n", 2, "--iterations", 5]
        self.assertEqual(self.stems("--preset", "a.preset"), self.stems(*plain, "--seed", 3))
        self.assertEqual(self.stems("--preset", "a.preset", "--preset", "b.preset"),
                         self.stems(*plain, "--seed", 4))
        for words in (["--seed", 9, "--preset", "a.preset"], ["--preset", "a.preset", "--seed", 9]):
            self.assertEqual(self.stems(*words), self.stems(*plain, "--seed", 9))

    def test_bad_presets_fail_with_their_name_and_line(self):
        for text, part in [("seed = 1\nsources = 99\n", "line 2"), ("nonsense = 1\n", "nonsense"),
                           ("seed\n", "line 1")]:
            pathlib.Path("bad.preset").write_text(text)
            done = self.run_tool("separate", *QUICK, "--preset", "bad.preset", "in.wav", status=1)
            self.assert_one_line(done, "bad.preset", part)
        done = self.run_tool("separate", "--preset", "none.preset", "in.wav", status=1)
        self.assert_one_line(done, "none.preset")

    def test_after_two_dashes_all_words_are_files(self):
        write_wav("-n", "s16", 16000, [[0] * 50])
        paths = self.separate("-o", "x", "--", "-n")
        self.assertEqual({str(p.parent) for p in paths}, {"x/-n"})


if __name__ == "__main__":
    main()
