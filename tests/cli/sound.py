# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound devices that are files: ALSA's file and null devices, set up in a home folder of the test's
own. They take sound as fast as it is computed."""
import array
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

from toolkit import SKIP, TOOL, Test

ASOUNDRC = """
pcm.filesout {{ type file slave.pcm "null" file "{folder}/out.raw" format "raw" }}
pcm.filesin {{ type file slave.pcm "null" file "/dev/null" infile "{folder}/in.raw" format "raw" }}
pcm.files {{
    type asym playback.pcm "filesout" capture.pcm "filesin"
    hint {{ show on description "files" }}
}}
pcm.playonly {{
    type asym playback.pcm "null"
    hint {{ show on description "playonly" }}
}}
pcm.nullone {{
    type multi
    slaves.a {{ pcm "null" channels 1 }}
    bindings.0 {{ slave a channel 0 }}
}}
pcm.monoin {{
    type file slave.pcm "nullone" file "/dev/null" infile "{folder}/in.raw" format "raw"
}}
pcm.mono {{
    type asym playback.pcm "filesout" capture.pcm "monoin"
    hint {{ show on description "mono" }}
}}
pcm.gone {{
    type file slave.pcm "null" file "{folder}/no/folder" format "raw"
    hint {{ show on description "gone" }}
}}
pcm.!default {{ type plug slave.pcm "files" }}
"""


def need_live():
    """Skip the whole script where the tool was built without PortAudio."""
    if os.environ.get("UNBRAID_LIVE") != "1":
        print("skipped: the tool was built without PortAudio")
        sys.exit(SKIP)


def samples_of(path):
    """Interleaved stereo floats of a raw file."""
    values = array.array("f")
    values.frombytes(pathlib.Path(path).read_bytes())
    return values


def first_sound(samples):
    """The first sample of the first frame above rounding, or the end."""
    return next((i for i, x in enumerate(samples) if abs(x) > 1e-3), len(samples)) // 2 * 2


class Terminal:
    """The tool with a terminal of its own on standard input and error."""

    def __init__(self, test, *words):
        self.end, tool_end = pty.openpty()
        fcntl.ioctl(tool_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.before = termios.tcgetattr(self.end)
        self.shown = ""

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.tool = subprocess.Popen(
            [TOOL, *map(str, words)], stdin=tool_end, stderr=tool_end,
            stdout=subprocess.PIPE, env=test.environment, preexec_fn=take_terminal)
        self.kept = tool_end  # or what is left to read is lost when the tool ends
        self.test = test

    def press(self, keys):
        os.write(self.end, keys)

    def wait_for(self, pattern):
        """Read until the terminal has shown it."""
        self.shown = ""
        last = time.monotonic() + 60
        while not re.search(pattern, self.shown):
            if not select.select([self.end], [], [], max(0, last - time.monotonic()))[0]:
                self.test.fail(f"{pattern} was not shown: {self.shown[-500:]!r}")
            self.shown += os.read(self.end, 4096).decode()

    def finish(self):
        """Wait for the end. @return exit status and stdout."""
        out = self.tool.communicate(timeout=60)[0].decode()
        while select.select([self.end], [], [], 0)[0]:
            self.shown += os.read(self.end, 4096).decode()
        self.test.assertEqual(termios.tcgetattr(self.end), self.before)
        self.test.assertIn("\r\033[K", self.shown)  # the line is taken away
        os.close(self.end)
        os.close(self.kept)
        return self.tool.returncode, out


class SoundTest(Test):
    """A test whose default device reads in.raw and writes out.raw."""

    def setUp(self):
        super().setUp()
        pathlib.Path(".asoundrc").write_text(ASOUNDRC.format(folder=self.folder))
        pathlib.Path("in.raw").write_bytes(b"")
        self.environment = {**os.environ, "HOME": str(self.folder)}
