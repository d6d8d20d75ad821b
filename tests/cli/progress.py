# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress: a bar on a terminal, nothing in a pipe, JSON lines when asked for."""
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios

from toolkit import QUICK, TOOL, Test, main, to_integers, tones, write_wav


class Progress(Test):
    def setUp(self):
        super().setUp()
        write_wav("in.wav", "s16", 16000, to_integers(tones(30000, 16000), 16))

    def on_terminal(self, *words, columns=80):
        """What a terminal of that width is told. @return text."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([TOOL, *map(str, words)], stderr=theirs,
                                   stdout=subprocess.DEVNULL)
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other side is closed
                break
            if not part:
                break
            text += part
        os.close(ours)
        self.assertEqual(process.wait(), 0, text)
        return text.decode()

    def test_nothing_in_a_pipe(self):
        self.assertEqual(self.run_tool("separate", *QUICK, "in.wav").err, "")
        self.assertEqual(self.run_tool("learn", "-k", 3, "-o", "d", "a=in.wav").err, "")

    def test_a_bar_on_a_terminal_that_is_gone_at_the_end(self):
        text = self.on_terminal("separate", *QUICK, "in.wav")
        self.assertRegex(text, r"in\.wav \[#*\.*\] +\d+ %")
        self.assertTrue(text.endswith("\r\033[K"), repr(text[-40:]))
        self.assertEqual(self.on_terminal("separate", "--progress", "none", *QUICK, "in.wav"), "")

    def test_the_bar_stays_on_one_line_of_a_narrow_terminal(self):
        write_wav("a-rather-long-name-of-a-file-" * 3 + ".wav", "s16", 16000, [[1] * 2000])
        for columns in (20, 40, 80):
            text = self.on_terminal("separate", *QUICK, "a-rather-long-name-of-a-file-" * 3 +
                                    ".wav", columns=columns)
            for line in text.replace("\033[K", "").split("\r"):
                self.assertLess(len(line), columns)

    def test_names_cannot_send_commands_to_the_terminal(self):
        write_wav("a\033[2J.wav", "s16", 16000, [[1] * 2000])
        text = self.on_terminal("separate", *QUICK, "a\033[2J.wav")
        self.assertIn("a?[2J.wav", text)
        self.assertNotIn("\033[2J", text)

    def test_a_bar_can_be_forced_into_a_pipe(self):
        self.assertIn("%", self.run_tool("separate", "--progress", "bar", *QUICK, "in.wav").err)

    def test_json_lines_rise_to_one_on_stderr(self):
        for file, words in [("in.wav", ["separate", *QUICK, "in.wav"]),
                            ("d", ["learn", "-o", "d", "a=in.wav"])]:
            done = self.run_tool(*words, "--progress", "json")
            lines = [json.loads(line) for line in done.err.splitlines()]
            fractions = [line["fraction"] for line in lines]
            self.assertEqual(fractions, sorted(fractions))
            self.assertEqual(fractions[-1], 1)
            self.assertEqual({line["file"] for line in lines}, {file})
            self.assertTrue(all(set(l) == {"file", "stage", "fraction", "eta_s"} for l in lines))


if __name__ == "__main__":
    main()
