# SPDX-License-Identifier: GPL-3.0-or-later
"""speed.py SOURCE BUILD: tests/bench/speed prints tables and writes JSON, whatever the figures."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BUILD = sys.argv.pop(2)
SPEED = pathlib.Path(sys.argv.pop(1)) / "tests/bench/speed"


class Speed(unittest.TestCase):
    def speed(self, *options, **variables):
        env = {name: value for name, value in os.environ.items() if name != "UB_ISA"}
        return subprocess.run([sys.executable, SPEED, BUILD, "--no-build", "--quick", *options],
                              capture_output=True, text=True, env={**env, **variables})

    def measured(self, *options, **variables):
        """The tables, as lists of words, and the document."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "speed.json"
            done = self.speed(*options, "--json", path, **variables)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return [line.split() for line in done.stdout.splitlines()], json.loads(path.read_text())

    def test_a_frame_and_the_transform(self):
        lines, document = self.measured("--only", "frame", "stft")
        rows = document["rows"]
        self.assertEqual({row["what"] for row in rows}, {"frame", "stft"})
        self.assertEqual([row["size"] for row in rows if row["what"] == "stft"], [2048, 4096])
        peaks = document["machine"]["peak_gflops"]
        self.assertIn("generic", peaks)
        for name in peaks:
            components = [row["components"] for row in rows if row.get("kernels") == name]
            self.assertEqual(components, [8, 64])
        for row in rows:
            self.assertGreater(row["us"], 0)
            self.assertTrue(any(f"{row['us']:.2f}" in line for line in lines), f"{row}: no line")

    def test_one_set_of_kernels(self):
        _, document = self.measured("--only", "frame", UB_ISA="generic")
        self.assertEqual({row["kernels"] for row in document["rows"]}, {"generic"})
        self.assertEqual(list(document["machine"]["peak_gflops"]), ["generic"])

    def test_unknown_kernels_and_sections(self):
        done = self.speed("--only", "frame", UB_ISA="abacus")
        self.assertEqual(done.returncode, 1)
        self.assertIn("UB_ISA names no kernels", done.stderr)
        self.assertEqual(self.speed("--only", "luck").returncode, 2)

    def test_the_readme_names_the_command(self):
        readme = (SPEED.parents[2] / "README.md").read_text()
        self.assertTrue(re.search(r"^    tests/bench/speed build/\S+", readme, re.MULTILINE))


unittest.main()
