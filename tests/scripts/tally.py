# SPDX-License-Identifier: GPL-3.0-or-later
"""tally.py SOURCE: .ci/tally.py counts what passed, failed and was skipped, and cannot be fooled."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TALLY = pathlib.Path(sys.argv.pop(1)) / ".ci" / "tally.py"


class Tally(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def log(self, *tests):
        path = self.folder / "log.json"
        path.write_text("".join(json.dumps(test) + "\n" for test in tests))
        return path

    def tally(self, *rows):
        results = self.folder / "results"
        results.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
        run = subprocess.run([sys.executable, TALLY, results], capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        return run.returncode, run.stdout.splitlines()

    def test_all_passed(self):
        log = self.log({"name": "a", "result": "OK"}, {"name": "b", "result": "EXPECTEDFAIL"})
        status, lines = self.tally(["gcc", "build", "passed"], ["gcc", "log", log],
                                   ["gcc", "seconds", 65])
        self.assertEqual((status, lines[-1]), (0, "3 passed, 0 failed"))
        self.assertIn("1:05", lines[1])

    def test_every_bad_end_is_a_failure(self):
        ends = ["FAIL", "TIMEOUT", "INTERRUPT", "ERROR", "UNEXPECTEDPASS", "A NEW WORD"]
        log = self.log(*({"name": end, "result": end} for end in ends))
        status, lines = self.tally(["gcc", "log-of-failure", log])
        self.assertEqual((status, lines[-1]), (1, "0 passed, 6 failed"))
        self.assertIn("failed: gcc, TIMEOUT: timeout", lines)

    def test_reasons_of_skips_are_told(self):
        log = self.log({"name": "a", "result": "SKIP", "stdout": "1\nskipped: no data here\n"},
                       {"name": "b", "result": "OK", "stdout":
                        "[ RUN      ] a\n[       OK ] a\n[ RUN      ] on_arm\nno arm\n"
                        "[  SKIPPED ] on_arm\n[ RUN      ] z\n[  SKIPPED ] z\n"},
                       {"name": "c", "result": "OK", "stderr":
                        "test_x (__main__.C.test_x)\nA thing. ... skipped 'no disk'\n"})
        status, lines = self.tally(["gcc", "log", log])
        self.assertEqual((status, lines[-1]), (0, "2 passed, 0 failed, 4 skipped"))
        self.assertIn("skipped: gcc, a: no data here", lines)
        self.assertIn("skipped: gcc, b: on_arm: no arm", lines)
        self.assertIn("skipped: gcc, b: z: no reason given", lines)
        self.assertIn("skipped: gcc, c: test_x: no disk", lines)

    def test_a_run_without_a_log_or_a_test_fails(self):
        for log in (self.folder / "missing", self.log()):
            status, lines = self.tally(["gcc", "build", "passed"], ["gcc", "log", log])
            self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))

    def test_a_bad_exit_status_counts_though_all_tests_passed(self):
        log = self.log({"name": "a", "result": "OK"})
        status, lines = self.tally(["gcc", "log-of-failure", log])
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))

    def test_a_failed_build_and_nothing_at_all_fail(self):
        self.assertEqual(self.tally(["gcc", "build", "failed"])[0], 1)
        self.assertEqual(self.tally()[0], 1)


unittest.main()
