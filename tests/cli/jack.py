# SPDX-License-Identifier: GPL-3.0-or-later
"""Under a JACK server whose device is a clock: unbraid live and play through PortAudio's JACK
devices, and the plugin in jalv. How often sound is lost depends on the machine and is not looked
at."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from sound import need_live
from toolkit import SKIP, Test, main, tones, write_wav

RATE = 48000
SERVER = f"unbraid-test-{os.getpid()}"
BUNDLES = os.environ.get("UNBRAID_BUNDLES", "")


def environment():
    """Everything of this server alone, and a home without settings."""
    return {**os.environ, "HOME": os.getcwd(), "JACK_DEFAULT_SERVER": SERVER,
            "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}


def start_server():
    """@return a JACK server, or None when it does not start."""
    server = subprocess.Popen(
        ["jackd", "-r", "-n", SERVER, "-d", "dummy", "-r", str(RATE), "-p", "1024"],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    waiting = subprocess.run(["jack_wait", "-s", SERVER, "-w", "-t", "10"], env=environment(),
                             capture_output=True, text=True, timeout=30)
    if server.poll() is None and "server is available" in waiting.stdout:
        return server
    stop(server)
    return None


def stop(server):
    """End a server, patiently first."""
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


class Jack(Test):
    def setUp(self):
        super().setUp()
        self.server = start_server()
        if not self.server:
            self.skipTest("jackd cannot start here")
        self.addCleanup(stop, self.server)

    def test_live_runs_and_reports_its_latency(self):
        for name in "ab":
            write_wav(f"{name}.wav", "f32", RATE, tones(8000, RATE, seed=ord(name)))
        self.run_tool("learn", "-k", 4, "--iterations", 3, "-o", "d", "a=a.wav", "b=b.wav")
        done = self.run_tool("live", "-d", "d", "--input", "system", "--output", "system",
                             "--seconds", 3, env=environment())
        found = re.match(r"(\d+) frames at 48000 Hz, channels: 2, xruns: \d+, latency: ([\d.]+) ms "
                         r"\(separation 58.0 ms, device ([\d.]+) ms\)\n$", done.out)
        self.assertTrue(found, done.out)
        self.assertEqual(int(found[1]), 3 * RATE)
        self.assertGreater(float(found[3]), 0)
        self.assertAlmostEqual(float(found[2]), 58.0 + float(found[3]), delta=0.11)
        self.assertEqual(done.err, "")

    def test_play_runs(self):
        write_wav("a.wav", "f32", RATE, tones(RATE, RATE))
        done = self.run_tool("play", "a.wav", "--output", "system", env=environment())
        self.assertTrue(done.out.startswith(f"{RATE} frames at 48000 Hz, stems: 1,"), done.out)

    @unittest.skipUnless(shutil.which("jalv"), "jalv is missing")
    @unittest.skipUnless(BUNDLES, "the plugin was not built")
    def test_the_plugin_runs_in_a_host_that_sets_controls(self):
        done = subprocess.run(
            ["jalv", "-x", "-n", "unbraid", "urn:unbraid:rebalance-stereo"],
            input="gain_1 = -6\nmute_2 = 1\ncontrols\n", text=True, capture_output=True, timeout=60,
            env={**environment(), "LV2_PATH": f"{BUNDLES}:/usr/lib/lv2:/usr/local/lib/lv2"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^gain_1 = -6\.0")
        self.assertRegex(done.stdout, r"(?m)^mute_2 = 1\.0")


if __name__ == "__main__":
    need_live()
    if not (shutil.which("jackd") and shutil.which("jack_wait")):
        print("skipped: jackd is missing")
        sys.exit(SKIP)
    main()
