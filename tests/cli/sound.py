# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound devices that are files: ALSA's file and null devices, set up in a home folder of the test's
own. They take sound as fast as it is computed."""
import os
import pathlib
import sys

from toolkit import SKIP, Test

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


class SoundTest(Test):
    """A test whose default device reads in.raw and writes out.raw."""

    def setUp(self):
        super().setUp()
        pathlib.Path(".asoundrc").write_text(ASOUNDRC.format(folder=self.folder))
        pathlib.Path("in.raw").write_bytes(b"")
        self.environment = {**os.environ, "HOME": str(self.folder)}
