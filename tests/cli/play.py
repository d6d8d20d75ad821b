# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid play to a device that is a file: what comes out, how it ends, and what keys do. The device
is not paced: it takes sound as fast as it is mixed."""
import array
import os
import pathlib
import re
import signal

from sound import SoundTest, Terminal, need_live, samples_of
from toolkit import main, tones, write_wav

RATE = 44100
N_FRAMES = 30000
SHORT = 9000
OUTPUT = ["--output", "default"]


def single(x):
    """Rounded to single precision."""
    return array.array("f", [x])[0]


class Play(SoundTest):
    def setUp(self):
        super().setUp()
        self.stems = {
            "bass": tones(N_FRAMES, RATE, seed=2, n_channels=2),
            "drums": tones(SHORT, RATE, seed=3),  # one channel, and shorter
            "voice": tones(N_FRAMES - 1, RATE, seed=4, n_channels=2)}
        for name, channels in self.stems.items():
            self.stems[name] = [array.array("f", channel) for channel in channels]
            write_wav(f"song/{name}.wav", "f32", RATE, self.stems[name])

    def play(self, *words, status=0):
        pathlib.Path("out.raw").unlink(missing_ok=True)
        return self.run_tool("play", *OUTPUT, *words, env=self.environment, status=status)

    def sum_of(self, *names, first=0, n=N_FRAMES, gain=1.0):
        """What must come out: summed in this order, in single precision."""
        out = array.array("f", bytes(8 * n))
        for name in names:
            channels = self.stems[name]
            for c in range(2):
                channel = channels[c % len(channels)][first:first + n]
                for i, x in enumerate(channel):
                    out[2 * i + c] = single(out[2 * i + c] + gain * x)
        return out

    def output(self):
        """What was played, without the silence with which the device starts."""
        out = samples_of("out.raw")
        return out[next((i for i, x in enumerate(out) if x), len(out)) // 2 * 2:]

    def assert_played(self, wanted):
        """The output is this, then silence: to the bit."""
        out = self.output()
        self.assertTrue(out[:len(wanted)] == wanted)
        self.assertFalse(any(out[len(wanted):]))

    def test_the_stems_of_a_folder_are_their_exact_sum(self):
        done = self.play("song")
        self.assertEqual(done.out, f"{N_FRAMES} frames at {RATE} Hz, stems: 3, xruns: 0\n")
        self.assertEqual(done.err, "")
        self.assert_played(self.sum_of("bass", "drums", "voice"))
        for block in (17, 1000):
            self.play("song", "--block", block)
            self.assert_played(self.sum_of("bass", "drums", "voice"))

    def test_stems_of_a_separation_are_the_recording(self):
        whole = tones(RATE, RATE, n_channels=2)
        write_wav("mix.wav", "s16", RATE, [[round(x * 32767) for x in c] for c in whole])
        self.separate("mix.wav")
        self.play("separated/mix")
        out = self.output()[:2 * RATE]
        self.assertEqual([round(32768 * x) for x in out],
                         [round(x * 32767) for frame in zip(*whole) for x in frame])

    def test_files_are_stems_in_their_order(self):
        self.play("song/voice.wav", "song/bass.wav")
        self.assert_played(self.sum_of("voice", "bass"))
        # One channel is heard on both sides.
        self.play("song/drums.wav")
        self.assert_played(self.sum_of("drums", n=SHORT))

    def test_more_than_memory_holds_is_all_played(self):
        # The device is faster than the reading: what is not there yet is silence, and counted.
        n = 12 * RATE
        ramp = array.array("f", ((i + 1) / 2 ** 20 for i in range(n)))
        write_wav("ramp.wav", "f32", RATE, [ramp])
        done = self.play("ramp.wav")
        self.assertTrue(done.out.startswith(f"{n} frames at"), done.out)
        self.assertEqual(array.array("f", filter(None, samples_of("out.raw")[::2])), ramp)

    def test_gain_solo_and_mute_hold_from_the_first_sample_on(self):
        self.play("song", "--solo", "voice", "--gain", "bass=-3")
        self.assert_played(self.sum_of("voice"))
        self.play("song", "--mute", "drums", "--mute", "bass")
        self.assert_played(self.sum_of("voice"))
        self.play("song", "--gain", "drums=-inf", "--gain", "voice=-inf", "--gain", "bass=6")
        out, wanted = self.output(), self.sum_of("bass", gain=10 ** 0.3)
        self.assertLess(max(abs(x - y) for x, y in zip(out, wanted)), 1e-6)

    def test_a_passage_and_a_loop(self):
        first, n = RATE // 10, RATE // 5
        self.play("song", "--start", 0.1, "--seconds", 0.2)
        self.assert_played(self.sum_of("bass", "drums", "voice", first=first, n=n))
        terminal = Terminal(self, "play", *OUTPUT, "song", "--start", 0.1, "--seconds", 0.2,
                            "--loop")
        terminal.wait_for("0:00.1 of 0:00.6.*0:00.2 of")
        terminal.press(b"q")
        status, out = terminal.finish()
        self.assertEqual(status, 0)
        self.assertGreater(int(out.split()[0]), n)
        wanted = self.sum_of("bass", "drums", "voice", first=first, n=n)
        self.assertTrue(self.output()[:10 * len(wanted)] == 10 * wanted)

    def looping(self):
        """A terminal with twenty seconds that are played over and over, numbered by sample."""
        self.ramp = array.array("f", ((i + 1) / 2 ** 20 for i in range(20 * RATE)))
        write_wav("ramp.wav", "f32", RATE, [self.ramp])
        write_wav("none.wav", "f32", RATE, [[0.0] * 1000])
        return Terminal(self, "play", "--output", "playonly", "ramp.wav", "none.wav", "--loop")

    def test_keys_pause_seek_and_change_the_faders(self):
        terminal = self.looping()
        terminal.wait_for(r"0:\d\d.\d of 0:20.0.*  >1 ramp \+0 dB \[[#.]{6}\]  2 none \+0 dB \[")
        terminal.press(b" ")
        terminal.wait_for(r"(0:\d\d.\d) of 0:20.0 paused[^\r]*\r\1 of 0:20.0 paused")
        at = re.findall(r"0:(\d\d.\d) of 0:20.0 paused", terminal.shown)[-1]
        later = (float(at) + 5) % 20 if float(at) < 15 else 0.0
        terminal.press(b".")
        terminal.wait_for(f"0:{later:04.1f} of 0:20.0 paused")
        terminal.press(b",,,,,")
        terminal.wait_for("0:00.0 of 0:20.0 paused")
        terminal.press(b"2m+s0+")
        terminal.wait_for(r"  1 ramp \+0 dB \[[#.]{6}\]  >2 none \+1 dB \[")
        terminal.press(b" ")
        terminal.wait_for(r"of 0:20.0(?! paused)")
        terminal.press(b"q")
        self.assertEqual(terminal.finish()[0], 0)

    def test_pauses_and_seeks_make_no_click(self):
        write_wav("constant.wav", "f32", RATE, [[0.5] * (6 * RATE)])
        terminal = Terminal(self, "play", *OUTPUT, "constant.wav", "--block", 64, "--loop")
        for keys, shown in ((b" ", "paused"), (b" ", r"of 0:06.0(?! paused)"), (b".", "of"),
                            (b",", "of")):
            terminal.press(keys)
            terminal.wait_for(f"{shown}.*{shown}")
        terminal.press(b"q")
        self.assertEqual(terminal.finish()[0], 0)
        out = self.output()[::2]
        # Where the device was faster than the reading there are steps from and to silence.
        steps = [(x, y) for x, y in zip(out, out[1:]) if abs(y - x) > 0.5 / 440]
        self.assertFalse([step for step in steps if 0.0 not in step])
        self.assertGreater(len({x for x in out if 0 < x < 0.5}), 400)

    def test_ctrl_c_is_a_good_end_and_other_signals_are_obeyed(self):
        terminal = self.looping()
        terminal.wait_for("of 0:20.0")
        terminal.press(b"\003")
        status, out = terminal.finish()
        self.assertEqual(status, 0)
        self.assertIn("xruns: ", out)
        terminal = self.looping()
        terminal.wait_for("of 0:20.0")
        terminal.tool.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.finish()[0], -signal.SIGTERM)

    def test_wrong_usage(self):
        for words, parts in [
                (["--gain", "kazoo=1"], ["--gain", "'kazoo'"]), (["--gain", "bass=13"], ["--gain"]),
                (["--mute", "x"], ["--mute", "'x'"]), (["--block", "0"], ["--block"]),
                (["--start", "-1"], ["--start"]), (["--seconds", "0"], ["--seconds"])]:
            self.assert_one_line(self.play("song", *words, status=2), *parts)
        self.assert_one_line(self.run_tool("play", status=2), "no stems")

    def test_what_cannot_be_played_is_told_in_one_line(self):
        os.mkdir("empty")
        self.assert_one_line(self.play("none.wav", status=1), "none.wav")
        self.assert_one_line(self.play("empty", status=1), "empty", "no sound")
        self.assert_one_line(self.play("song", "--start", "0.7", status=1), "--start", "0.680 s")
        self.assert_one_line(self.play("song", "--output", "nonsuch", status=1), "nonsuch")
        self.assert_one_line(self.play("song", "--output", "gone", status=1), "has stopped")
        write_wav("slow.wav", "f32", RATE // 2, [[0.0] * 100])
        self.assert_one_line(self.play("song", "slow.wav", status=1), "slow.wav", "22050 Hz")
        write_wav("many.wav", "f32", RATE, [[0.0] * 100] * 3)
        self.assert_one_line(self.play("many.wav", status=1), "many.wav", "3 channels")
        write_wav("bad.wav", "f32", RATE, [[0.0] * 5000 + [float("nan")]])
        self.assert_one_line(self.play("song", "bad.wav", status=1), "bad.wav", "not a finite")
        self.assert_one_line(self.play(*["song"] * 22, status=1), "66 stems")


if __name__ == "__main__":
    need_live()
    main()
