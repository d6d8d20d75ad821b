# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid live between devices that are files: what comes out, how it ends, and what the terminal
shows. These devices are not paced, so sound is counted in frames and never in seconds of a clock.
"""
import array
import pathlib
import re
import resource
import shutil
import signal
import termios

from sound import SoundTest, Terminal, first_sound, need_live, samples_of
from toolkit import main, read_wav, tones, write_wav

RATE = 44100
N_FRAMES = 30000
N_DONE = N_FRAMES + RATE // 3  # more than any latency
DEVICES = ["--rate", str(RATE), "--input", "default", "--output", "default"]
MODES = ("quality", "balanced", "live", "short")


class Live(SoundTest):
    def setUp(self):
        super().setUp()
        # Silence follows: the device plays its file again and again.
        self.sound = array.array(
            "f", [x for frame in zip(*tones(N_FRAMES, RATE, n_channels=2)) for x in frame])
        pathlib.Path("in.raw").write_bytes(self.sound.tobytes() + bytes(8 * RATE))
        write_wav("a.wav", "f32", RATE, tones(8000, RATE, seed=2))
        write_wav("b.wav", "f32", RATE, tones(8000, RATE, seed=3))
        self.run_tool("learn", "-k", 4, "--iterations", 3, "-o", "d", "a=a.wav", "b=b.wav")

    def live(self, *words, status=0):
        return self.run_tool("live", "-d", "d", *DEVICES, *words, env=self.environment,
                             status=status)

    def terminal(self, *words):
        return Terminal(self, "live", "-d", "d", *DEVICES, *words)

    def play(self, *words):
        """Run it over the whole input and a bit more. @return what was printed, and how late the
        output is in frames; the output is in out.raw."""
        done = self.live("--frames", N_DONE, *words)
        self.assertEqual(done.err, "")
        self.assertTrue(done.out.startswith(f"{N_DONE} frames at {RATE} Hz, channels: 2, xruns: "),
                        done.out)
        separation_ms = float(re.search(r"\(separation ([\d.]+) ms", done.out)[1])
        return done, separation_ms * RATE / 1000

    def output(self):
        """What was played, from the first frame that sounds on, as long as the input, and the
        number of silent frames before."""
        out = samples_of("out.raw")
        start = first_sound(out)
        return out[start:start + len(self.sound)], start // 2

    def assert_near(self, out, wanted, limit=1e-6):
        """Equal up to rounding: masks sum to one in single precision, and samples are below one."""
        self.assertEqual(len(out), len(wanted))
        self.assertLess(max(abs(x - y) for x, y in zip(out, wanted)), limit)

    def test_the_output_is_the_input_later(self):
        for mode in MODES:
            _, latency = self.play("--mode", mode)
            out, late = self.output()
            self.assert_near(out, self.sound)
            # The printed latency has a decimal. The device adds a buffer or two.
            self.assertGreaterEqual(late - latency, -5, mode)
            self.assertLess(late - latency, 4096, mode)

    def test_a_preset_brings_the_dictionary(self):
        pathlib.Path("p").mkdir()
        shutil.copy("d", "p/x.safetensors")
        pathlib.Path("p/own.preset").write_text("dictionary = x.safetensors\nmask-exponent = 2\n")
        environment = {**self.environment, "UNBRAID_PRESETS": "p"}
        words = ["--frames", N_DONE, *DEVICES]
        self.run_tool("live", "--preset", "own", "--solo", "a", *words, env=environment)
        preset = self.output()
        self.run_tool("live", "-d", "d", "--mask-exponent", 2, "--solo", "a", *words, env=environment)
        self.assertEqual(self.output(), preset)
        self.run_tool("live", "-d", "d", "--solo", "a", *words, env=environment)
        self.assertNotEqual(self.output(), preset)

    def test_free_components_are_one_more_source(self):
        self.play("--free", 4, "--gain", "rest=-3")
        loud, _ = self.output()
        self.play("--free", 4, "--gain", "rest=-inf", "--record", "stems")
        self.assertNotEqual(self.output()[0], loud)
        self.assertTrue(pathlib.Path("stems/rest.wav").exists())
        done = self.live("--free", 65, status=2)
        self.assert_one_line(done, "--free", "0 to 64")

    def test_blocks_make_no_difference_to_any_bit(self):
        self.play("--gain", "a=-3")
        wanted, _ = self.output()
        for block in (17, 64, 1000):
            self.play("--gain", "a=-3", "--block", block)
            self.assertEqual(self.output()[0], wanted, block)

    def test_gains_hold_from_the_first_sample_on(self):
        self.play("--gain", "a=-6", "--gain", "b=-6")
        self.assert_near(self.output()[0], [x * 10 ** -0.3 for x in self.sound])
        self.play("--gain", "a=-inf", "--gain", "b=-60")
        self.assertFalse(any(samples_of("out.raw")))

    def test_sources_alone_sum_to_the_input(self):
        self.play()
        start = 2 * self.output()[1]
        parts = []
        for name in "ab":
            self.play("--solo", name)
            parts.append(samples_of("out.raw")[start:start + len(self.sound)])
            self.assertGreater(max(abs(x - y) for x, y in zip(parts[-1], self.sound)), 0.01)
        self.assert_near([x + y for x, y in zip(*parts)], self.sound)
        self.play("--solo", "a", "--solo", "b")
        self.assert_near(self.output()[0], self.sound)
        self.play("--mute", "b")
        self.assertEqual(samples_of("out.raw")[start:start + len(self.sound)], parts[0])

    def test_one_channel_comes_out_of_both(self):
        mono = self.sound[::2]
        pathlib.Path("in.raw").write_bytes(mono.tobytes() + bytes(4 * RATE))
        done = self.live("--input", "mono", "--output", "mono", "--frames", N_DONE)
        self.assertIn("channels: 1,", done.out)
        self.assert_near(self.output()[0], [x for x in mono for _ in range(2)])

    def test_recorded_stems_have_no_latency_and_sum_to_the_input(self):
        for mode in MODES:
            self.play("--mode", mode, "--gain", "a=-inf", "--record", "new/take")
            self.assertEqual(sorted(p.name for p in pathlib.Path("new/take").iterdir()),
                             ["a.wav", "b.wav", "input.wav"])
            kind, rate, recorded = read_wav("new/take/input.wav")
            self.assertEqual((kind, rate, len(recorded), len(recorded[0])),
                             ("f32", RATE, 2, N_DONE))
            stems = [read_wav(f"new/take/{name}.wav")[2] for name in "ab"]
            for c in range(2):
                self.assertEqual(recorded[c][:N_FRAMES], list(self.sound[c::2]))
                self.assert_near([x + y for x, y in zip(stems[0][c], stems[1][c])], recorded[c])
                self.assertGreater(max(map(abs, stems[0][c])), 0.01)

    def test_a_recording_that_cannot_be_written_leaves_nothing(self):
        before = sorted(pathlib.Path(".").iterdir())
        self.assert_one_line(self.live("--record", "d/x", "--frames", N_DONE, status=1), "d")

        def little_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

        done = self.run_tool("live", "-d", "d", *DEVICES, "--output", "playonly", "--record", "x",
                             "--frames", N_DONE, env=self.environment, status=1,
                             preexec_fn=little_room)
        self.assert_one_line(done, "--record", "x/")
        pathlib.Path("out.raw").unlink(missing_ok=True)
        self.assertEqual(sorted(pathlib.Path(".").iterdir()), before)

    def test_a_recording_is_kept_when_it_is_ended_by_hand(self):
        for end in (b"q", b"\003"):
            terminal = self.terminal("--record", "take")
            terminal.wait_for("xruns [0-9].*xruns [0-9]")
            terminal.press(end)
            self.assertEqual(terminal.finish()[0], 0)
            n_frames = {len(read_wav(f"take/{name}.wav")[2][0]) for name in ("a", "b", "input")}
            self.assertEqual(len(n_frames), 1)
            self.assertGreater(n_frames.pop(), 0)

    def test_it_stops_after_a_time_of_sound(self):
        self.assertTrue(self.live("--seconds", 0.5).out.startswith("22050 frames at 44100 Hz"))
        done = self.live("--seconds", 0.5, "--rate", 8000)
        self.assertTrue(done.out.startswith("4000 frames at 8000 Hz"), done.out)

    def test_wrong_usage(self):
        for words, parts in [
                (["--gain", "c=1"], ["--gain", "'c'", "d;"]), (["--solo", "c"], ["--solo", "'c'"]),
                (["--mute", "c"], ["--mute", "'c'"]),
                (["--gain", "a"], ["NAME=DB"]), (["--gain", "a=13"], ["--gain"]),
                (["--gain", "a=nan"], ["--gain"]), (["--gain", "=1"], ["--gain"]),
                (["--mode", "fast"], ["--mode", "balanced"]), (["--rate", "7999"], ["--rate"]),
                (["--block", "0"], ["--block"]), (["--block", "65537"], ["--block"]),
                (["--frames", "-1"], ["--frames"]), (["--seconds", "0"], ["--seconds"]),
                (["--frames", "1", "--seconds", "1"], ["--frames"]), (["more"], ["more"])]:
            self.assert_one_line(self.live(*words, status=2), *parts)
        self.assert_one_line(self.run_tool("live", status=2), "-d")

    def test_what_is_not_there_is_told_in_one_line(self):
        for option in ("--input", "--output"):
            self.assert_one_line(self.live(option, "nonsuch", status=1), option, "nonsuch",
                                 "unbraid devices")
            self.assert_one_line(self.live(option, "999", status=1), option)
            self.assert_one_line(self.live(option, "FILE", status=1), option, "more than one")
        self.assert_one_line(self.live("-d", "none", status=1), "none")

    def test_a_device_that_goes_away_is_told_in_one_line(self):
        # It is opened, but a file in a folder that is not there cannot be written.
        self.assert_one_line(self.live("--output", "gone", "--frames", N_DONE, status=1),
                             "has stopped")

    def test_keys_change_gains_solo_and_mute(self):
        terminal = self.terminal()
        terminal.wait_for(r" ms  cpu \d+ %  xruns \d+  >1 a \+0 dB \[[#.]{6}\]  2 b \+0 dB \[")
        terminal.press(b"2m")
        terminal.wait_for(r"  1 a \+0 dB \[[#.]{6}\]  >2 b \+0 dB mute \[")
        terminal.press(b"m+\033[A\033[D-\033OB")
        terminal.wait_for(r"  >1 a -2 dB \[[#.]{6}\]  2 b \+2 dB \[")
        terminal.press(b"s")
        terminal.wait_for(r"  >1 a -2 dB solo \[")
        terminal.press(b"0\t")
        terminal.wait_for(r"  1 a \+0 dB \[[#.]{6}\]  >2 b \+0 dB \[")
        terminal.press(b"q")
        status, out = terminal.finish()
        self.assertEqual(status, 0)
        self.assertIn("xruns: ", out)

    def test_ctrl_c_is_a_good_end_and_other_signals_are_obeyed(self):
        terminal = self.terminal()
        terminal.wait_for("xruns")
        self.assertNotEqual(termios.tcgetattr(terminal.end), terminal.before)
        terminal.press(b"\003")
        status, out = terminal.finish()
        self.assertEqual(status, 0)
        self.assertIn("xruns: ", out)
        for number in (signal.SIGTERM, signal.SIGHUP):
            terminal = self.terminal()
            terminal.wait_for("xruns")
            terminal.tool.send_signal(number)
            self.assertEqual(terminal.finish()[0], -number)


if __name__ == "__main__":
    need_live()
    main()
