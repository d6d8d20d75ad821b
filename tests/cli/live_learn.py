# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid live --learn: sources that are learned from what a device hears, a file here."""
import array
import math
import pathlib
import re

from sound import SoundTest, Terminal, first_sound, need_live, samples_of
from toolkit import main, tones, write_wav

RATE = 44100
DEVICES = ["--rate", str(RATE), "--input", "default", "--output", "default"]
N_FRAMES = 40000
QUICK = "components = 4\niterations = 5\n"


class LiveLearn(SoundTest):
    def setUp(self):
        super().setUp()
        # The device plays its file again and again.
        self.sound = array.array(
            "f", [x for frame in zip(*tones(N_FRAMES, RATE, n_channels=2)) for x in frame])
        pathlib.Path("in.raw").write_bytes(self.sound.tobytes())
        pathlib.Path("quick.preset").write_text(QUICK)

    def live(self, *words, status=0):
        return self.run_tool("live", *DEVICES, "--preset", "quick.preset", *words,
                             env=self.environment, status=status)

    def terminal(self, *words):
        return Terminal(self, "live", *DEVICES, "--preset", "quick.preset", *words)

    def learn_dictionary(self):
        for i, name in enumerate("ab"):
            write_wav(f"{name}.wav", "f32", RATE, tones(8000, RATE, seed=2 + i))
        self.run_tool("learn", "-k", 4, "--iterations", 3, "-o", "d", "a=a.wav", "b=b.wav")

    def sources_of(self, path):
        text = self.run_tool("info", path).out
        return re.findall(r"(\S+) \(\d+ components\)", text)

    def assert_output_is_input(self, n_frames):
        out = samples_of("out.raw")
        start = first_sound(out)
        wanted = self.sound[first_sound(self.sound):]
        n = min(2 * n_frames - start, len(wanted))
        self.assertGreater(n, len(wanted) // 2)
        self.assertLess(max(abs(x - y) for x, y in zip(out[start:start + n], wanted)), 1e-6)

    def test_without_a_terminal_all_that_sounds_is_learned_at_the_end(self):
        done = self.live("--learn", "voice", "--save", "v", "--frames", N_FRAMES)
        self.assertEqual(done.err, "")
        self.assertTrue(done.out.endswith("\nv\n"), done.out)
        self.assert_output_is_input(N_FRAMES)
        self.assertEqual(self.sources_of("v"), ["voice"])
        write_wav("mix.wav", "f32", RATE, tones(20000, RATE, n_channels=2))
        stems = self.run_tool("separate", "-d", "v", "--free", 4, "mix.wav").out.split()
        self.assertEqual([pathlib.Path(p).name for p in stems], ["voice.wav", "rest.wav"])

    def test_the_sources_of_a_dictionary_come_first(self):
        self.learn_dictionary()
        self.live("-d", "d", "--learn", "voice", "--save", "v", "--frames", N_FRAMES)
        self.assert_output_is_input(N_FRAMES)
        self.assertEqual(self.sources_of("v"), ["a", "b", "voice"])

    def test_silence_is_told_in_one_line_and_leaves_no_file(self):
        pathlib.Path("in.raw").write_bytes(bytes(8 * RATE))
        before = sorted(pathlib.Path(".").iterdir())
        for n_frames in (100, N_FRAMES):
            done = self.live("--learn", "voice", "--save", "v", "--frames", n_frames, status=1)
            self.assert_one_line(done, "--learn", "'voice'", "silence")
            pathlib.Path("out.raw").unlink()
            self.assertEqual(sorted(pathlib.Path(".").iterdir()), before)

    def test_a_target_that_cannot_be_written_is_told_before_the_sound(self):
        for path in (".", "no/v"):
            done = self.live("--learn", "voice", "--save", path, "--frames", N_FRAMES, status=1)
            self.assert_one_line(done, "--save")
            self.assertEqual(done.out, "")

    def test_wrong_usage(self):
        self.learn_dictionary()
        learn = ["--learn", "c", "--save", "v"]
        for words, parts in [
                (["--learn", "a/b", "--save", "v"], ["--learn", "/"]),
                (["--learn", "rest", "--save", "v"], ["--learn", "'rest'"]),
                (["-d", "d", "--learn", "a", "--save", "v"], ["--learn", "'a'", " d "]),
                ([*learn, "--learn", "c"], ["--learn", "'c'"]),
                ([*learn, "--learn", "e"], ["--learn", "terminal"]),
                (["--learn", "c"], ["--save", "terminal"]),
                (["-d", "d", "--save", "v"], ["--save", "--learn"]),
                ([*learn, "--record", "x"], ["--record", "--learn"]),
                ([*learn, "--solo", "d"], ["--solo", "'d'"]),
                (["-d", "d", "--free", "65"], ["--free"]), (["-d", "d", "--free", "x"], ["--free"]),
                (["-d", "d", "--forget", "0.4"], ["--forget"]),
                ([], ["-d", "--learn"])]:
            self.assert_one_line(self.live(*words, status=2), *parts)
        names = [word for i in range(16) for word in ("--learn", f"s{i}")]
        terminal = self.terminal("-d", "d", *names)
        terminal.tool.communicate(timeout=60)
        self.assertEqual(terminal.tool.returncode, 1)
        self.assertFalse(pathlib.Path("out.raw").exists())

    def test_free_components_are_the_rest(self):
        self.learn_dictionary()
        self.live("-d", "d", "--free", 5, "--forget", 0.5, "--frames", N_FRAMES, "--record", "take")
        self.assertEqual(sorted(p.name for p in pathlib.Path("take").iterdir()),
                         ["a.wav", "b.wav", "input.wav", "rest.wav"])
        self.assert_output_is_input(N_FRAMES)
        self.live("-d", "d", "--free", 5, "--frames", N_FRAMES, "--solo", "rest", "--gain", "rest=-inf")
        self.assertFalse(any(samples_of("out.raw")))
        self.assert_one_line(self.live("-d", "d", "--solo", "rest", status=2), "'rest'")

    def test_a_source_alone_has_the_rest_beside_it_unless_it_is_switched_off(self):
        self.live("--learn", "voice", "--save", "v", "--frames", N_FRAMES)
        self.live("-d", "v", "--frames", N_FRAMES, "--mute", "voice", "--mute", "rest")
        self.assertFalse(any(samples_of("out.raw")))
        self.live("-d", "v", "--free", 0, "--frames", N_FRAMES, "--solo", "voice")
        self.assert_output_is_input(N_FRAMES)
        self.live("-d", "v", "--frames", N_FRAMES, "--solo", "voice")
        loud, all_of_it = samples_of("out.raw"), self.sound
        self.assertLess(math.fsum(x * x for x in loud), math.fsum(x * x for x in all_of_it))

    def test_enter_ends_one_and_begins_the_next(self):
        terminal = self.terminal("--learn", "voice", "--learn", "drums", "--save", "v",
                                 "--gain", "drums=-3")
        terminal.wait_for(r"xruns \d+  hearing voice: [1-9]\d* of 60 s, [1-9]\d* s of it sound; "
                          r"Enter ends\x1b")
        terminal.press(b"+m\n")  # there is nothing yet for + and m to change
        terminal.wait_for(r"  Enter hears drums  >1 voice \+0 dB \[[#.]{6}\]  3 rest \+0 dB \[")
        terminal.press(b"-l")
        terminal.wait_for(r"hearing voice: .*  >1 voice -1 dB \[[#.]{6}\]  3 rest \+0 dB \[")
        terminal.press(b"\n")
        terminal.wait_for("Enter hears drums")
        terminal.press(b"\n")
        terminal.wait_for("hearing drums: [1-9]")
        terminal.press(b"\n")
        terminal.wait_for(r"xruns \d+  >1 voice -1 dB \[[#.]{6}\]  2 drums -3 dB \[[#.]{6}\]\x1b")
        terminal.press(b"q")
        status, out = terminal.finish()
        self.assertEqual(status, 0)
        self.assertTrue(out.endswith("v\r\n") or out.endswith("v\n"), out)
        self.assertEqual(self.sources_of("v"), ["voice", "drums"])

    def test_the_sum_is_the_input_while_models_change(self):
        n_times = 120  # longer than this takes
        pathlib.Path("in.raw").write_bytes(n_times * self.sound.tobytes())
        terminal = self.terminal("--learn", "voice", "--learn", "drums")
        for name in ("voice", "drums"):
            terminal.wait_for(f"hearing {name}: [1-9]")
            terminal.press(b"\n")
            terminal.wait_for(rf" {name} \+0 dB \[.*xruns.* {name} \+0 dB \[")
            terminal.press(b"\n")
        terminal.press(b"q")
        self.assertEqual(terminal.finish()[0], 0)
        out, sound = samples_of("out.raw"), self.sound
        late = first_sound(out) - first_sound(sound)
        n = min(len(out), n_times * len(sound)) - late
        self.assertGreater(n, len(sound))
        # Not every sample, but a click would be as long as a window.
        self.assertLess(max(abs(out[late + i] - sound[i % len(sound)]) for i in range(0, n, 97)),
                        1e-6)

    def test_silence_is_told_while_it_plays_and_hearing_goes_on(self):
        pathlib.Path("in.raw").write_bytes(bytes(8 * RATE))
        terminal = self.terminal("--learn", "voice")
        terminal.wait_for("hearing voice: [1-9].*, 0 s of it sound")
        terminal.press(b"\n")
        terminal.wait_for("unbraid: --learn: 'voice' cannot be learned from silence; "
                          "(?s:.)*hearing voice: ")
        terminal.press(b"q")
        self.assertEqual(terminal.finish()[0], 0)


if __name__ == "__main__":
    need_live()
    main()
