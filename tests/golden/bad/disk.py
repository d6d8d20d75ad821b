# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that says no: all stems of a track or none, and what was there before stays."""
import math
import os
import pathlib
import resource
import subprocess

from toolkit import QUICK, TOOL, Test, main, read_wav, to_integers, tones, write_wav


def small_files(n_bytes):
    """In the child: no file may grow beyond n_bytes, like a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


class Disk(Test):
    def setUp(self):
        super().setUp()
        self.signal = to_integers(tones(40000, 16000), 16)
        write_wav("in.wav", "s16", 16000, self.signal)

    def content(self):
        return {str(p): p.read_bytes() for p in pathlib.Path(".").rglob("*") if p.is_file()}

    def test_a_full_disk_leaves_nothing(self):
        # The limit is met at the first stem's first block, a middle one and the last byte; below
        # a page of memory, libomp cannot start.
        for container, limit in (("wav", 4200), ("wav", 40000), ("wav", 80043), ("flac", 9000),
                                 ("ogg", 6000)):
            with self.subTest(container=container, limit=limit):
                before = self.content()
                done = self.run_tool("separate", *QUICK, "--format", container, "-o", "a/b/c",
                                     "in.wav", status=1, preexec_fn=small_files(limit))
                self.assert_one_line(done, "in.wav", "cannot be written", "make room")
                self.assertEqual(self.content(), before)
                self.assertFalse(pathlib.Path("a").exists())

    def test_a_full_disk_keeps_the_stems_of_before(self):
        self.separate("in.wav")
        before = self.content()
        self.run_tool("separate", *QUICK, "--seed", 7, "in.wav", status=1,
                      preexec_fn=small_files(40000))
        self.assertEqual(self.content(), before)

    def test_a_full_disk_fails_one_file_of_a_batch(self):
        write_wav("short.wav", "s16", 16000, [self.signal[0][:4000]])
        done = self.run_tool("separate", *QUICK, "in.wav", "short.wav", status=1,
                             preexec_fn=small_files(40000))
        self.assert_one_line(done, "in.wav")
        self.assertEqual([p.name for p in pathlib.Path("separated").iterdir()], ["short"])

    def test_a_new_run_replaces_the_old_stems(self):
        first = self.separate("in.wav")
        old = [p.read_bytes() for p in first]
        again = self.separate("--iterations", 20, "--seed", 9, "in.wav")
        self.assertNotEqual(old, [p.read_bytes() for p in again])
        self.assertEqual(len(list(first[0].parent.iterdir())), len(set(first + again)))

    def test_folders_that_cannot_be_made(self):
        pathlib.Path("file").write_text("x")
        before = self.content()
        for folder in ("file", "file/below", "/proc/none", "/dev/null/x"):
            done = self.run_tool("separate", *QUICK, "-o", folder, "in.wav", status=1)
            self.assert_one_line(done, "in.wav", folder, "-o")
        self.assertEqual(self.content(), before)

    def test_a_name_that_is_too_long(self):
        done = self.run_tool("separate", *QUICK, "--filename", "x" * 300 + "/{source}", "in.wav",
                             status=1)
        self.assert_one_line(done, "in.wav", "too long")
        self.assertFalse(pathlib.Path("separated").exists())

    def test_a_folder_where_a_stem_belongs(self):
        names = [p.name for p in self.separate("in.wav", "-o", "x")]
        pathlib.Path("y/in", names[-1]).mkdir(parents=True)
        done = self.run_tool("separate", *QUICK, "-o", "y", "in.wav", status=1)
        self.assert_one_line(done, "in.wav", names[-1])
        self.assertEqual([p.name for p in pathlib.Path("y/in").iterdir()], [names[-1]])

    def test_a_folder_that_may_not_be_written(self):
        pathlib.Path("locked").mkdir(mode=0o500)
        # Permissions do not bind the superuser; the kernel's own folders do.
        folder = "/sys/unbraid" if os.geteuid() == 0 else "locked/x"
        done = self.run_tool("separate", *QUICK, "-o", folder, "in.wav", status=1)
        self.assert_one_line(done, "in.wav", folder, "-o")
        self.assert_files("in.wav", "locked")

    def test_new_files_have_the_rights_of_the_umask(self):
        for path in self.separate("in.wav", preexec_fn=lambda: os.umask(0o027)):
            self.assertEqual(path.stat().st_mode & 0o777, 0o640)

    def test_a_dictionary_is_whole_or_absent(self):
        words = ["learn", "-k", 4, "--iterations", 3, "-o", "d.dict", "a=in.wav"]
        self.run_tool(*words)
        before = self.content()
        done = self.run_tool(*words, "--seed", 5, status=1, preexec_fn=small_files(4200))
        self.assert_one_line(done, "d.dict")
        self.assertEqual(self.content(), before)

    def test_a_dictionary_that_cannot_be_written_is_refused_before_the_work(self):
        for path in (".", "none/d.dict"):
            done = self.run_tool("learn", "--iterations", 10000, "-k", 500, "-o", path, "a=in.wav",
                                 status=1)
            self.assert_one_line(done, path, "-o")

    def test_results_that_do_not_reach_stdout_are_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TOOL, "info", "in.wav"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"unbraid: stdout: ", done.stderr)

    def test_clipped_stems_are_reported_with_the_remedy(self):
        # The fundamental of a square wave is higher than the square wave.
        n, rate_hz = 20000, 16000
        square = [[32000 if (i // 40) % 2 else -32000 for i in range(n)]]
        write_wav("square.wav", "s16", rate_hz, square)
        for name, partials in (("low", [1]), ("high", [3, 5, 7, 9])):
            wave = [[sum(math.sin(math.pi * k * i / 40) / k for k in partials) / 2
                     for i in range(n)]]
            write_wav(name + ".wav", "f32", rate_hz, wave)
        self.run_tool("learn", "-k", 2, "-o", "d", "low=low.wav", "high=high.wav")
        done = self.run_tool("separate", "-d", "d", "square.wav")
        stems = [read_wav(p)[2][0] for p in done.out.splitlines()]
        self.assertEqual([sum(x) for x in zip(*stems)], square[0])
        self.assertRegex(done.err, r"^unbraid: warning: separated/square/low.wav: \d+ samples were "
                                   r"clipped; use --bits 32f to keep them\n$")
        done = self.run_tool("separate", "-d", "d", "--bits", "32f", "square.wav")
        self.assertEqual(done.err, "")
        self.assertGreater(max(read_wav("separated/square/low.wav")[2][0]), 1.1)

    def test_a_recording_beyond_full_scale_is_reported(self):
        write_wav("hot.wav", "f32", 16000, tones(8000, 16000, peak=4.0))
        done = self.run_tool("separate", *QUICK, "--bits", 16, "hot.wav")
        self.assertRegex(done.err, r"unbraid: warning: hot.wav: \d+ samples of the recording lie "
                                   r"beyond full scale")


if __name__ == "__main__":
    main()
