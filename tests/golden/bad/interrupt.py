# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C and SIGTERM: the work stops, nothing partial is left, what was there before stays."""
import pathlib
import signal
import subprocess

from toolkit import TOOL, Test, main, to_integers, tones, write_wav

# More work than the test waits for.
ENDLESS = ["-k", 60, "-n", 3, "--iterations", 10000, "--tolerance", 0]


class Interrupt(Test):
    def setUp(self):
        super().setUp()
        signal_ = to_integers(tones(60000, 16000), 16)
        write_wav("in.wav", "s16", 16000, signal_)

    def start(self, *words, **options):
        return subprocess.Popen([TOOL, *map(str, words)], stderr=subprocess.PIPE,
                                stdout=subprocess.PIPE, **options)

    def stop(self, process, number, stage):
        """Send a signal once the work has come to this stage. @return the rest of stderr."""
        for line in process.stderr:
            if stage.encode() in line:
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        self.assertEqual(out, b"")
        return [l for l in err.decode().splitlines() if not l.startswith("{")]

    def content(self):
        return {str(p): p.read_bytes() for p in pathlib.Path(".").rglob("*") if p.is_file()}

    def test_signals_stop_a_separation_and_leave_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.start("separate", "--progress", "json", *ENDLESS, "-o", "a/b", "in.wav",
                                 "never.wav")
            lines = self.stop(process, number, '"fraction"')
            self.assertEqual(process.returncode, -number)
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], r"^unbraid: in.wav: .*; nothing of it was written$")
            self.assert_files("in.wav")

    def test_stems_of_before_and_finished_files_stay(self):
        self.separate("in.wav")
        write_wav("short.wav", "s16", 16000, [[0] * 100])
        before = self.content()
        # The short one gets all of its updates.
        process = self.start("separate", "--progress", "json", *ENDLESS, "--iterations", 1000,
                             "short.wav", "in.wav")
        for line in process.stderr:
            if b'"in.wav"' in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGINT)
        after = self.content()
        self.assertEqual({k: v for k, v in after.items() if "short/" not in k}, before)
        self.assertEqual(len([k for k in after if "short/" in k]), 3)

    def test_a_stop_while_stems_are_written_leaves_nothing(self):
        write_wav("long.wav", "s16", 16000, [[(i * i) % 30000 for i in range(8000)] * 60])
        process = self.start("separate", "--progress", "json", "-k", 20, "-n", 10, "--iterations",
                             1, "-j", 1, "-o", "a", "long.wav")
        self.stop(process, signal.SIGINT, "resynthesise")
        self.assertIn(process.returncode, (-signal.SIGINT, 0))
        if process.returncode:
            self.assert_files("in.wav", "long.wav")

    def test_a_learning_stops_without_a_dictionary(self):
        process = self.start("learn", "--progress", "json", "-k", 60, "--iterations", 10000,
                             "--tolerance", 0, "-o", "d.dict", "a=in.wav")
        lines = self.stop(process, signal.SIGINT, '"fraction"')
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertEqual(len(lines), 1, lines)
        self.assert_files("in.wav")

    def test_a_stop_while_waiting_for_standard_input(self):
        process = self.start("separate", "-", stdin=subprocess.PIPE)
        process.stdin.write(b"RIFF")
        process.stdin.flush()
        try:
            process.wait(timeout=0.5)
            self.fail("did not wait for input")
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGINT)
        process.communicate()

    def test_an_ignored_signal_stays_ignored(self):
        # As under nohup.
        process = self.start("separate", "--progress", "json", "--iterations", 300, "-k", 30,
                             "--tolerance", 0, "-n", 2, "in.wav",
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        for line in process.stderr:
            if b'"fraction"' in line:
                break
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(out.splitlines()), 2)


if __name__ == "__main__":
    main()
