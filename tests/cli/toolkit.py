# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the tool share: running it, and sound files made and read with Python's
standard library alone. Samples are lists of channels: integers as they stand in the file (8 bits
signed here), or floats."""
import array
import json
import math
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

TOOL = os.environ.get("UNBRAID", "unbraid")
SKIP = 77  # the exit status that meson shows as a skipped test

# A small and fast setting: these tests are about the tool, not about the quality of separation.
QUICK = ["-k", "6", "-n", "3", "--iterations", "8"]
QUICK_NAMES = 3

KINDS = {  # name: (WAV format tag, bits)
    "u8": (1, 8), "s16": (1, 16), "s24": (1, 24), "s32": (1, 32), "f32": (3, 32), "f64": (3, 64)}


class Test(unittest.TestCase):
    """A test with a folder of its own, which is the current one while it runs."""

    def setUp(self):
        self.home = pathlib.Path.cwd()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="unbraid-test-"))
        os.chdir(self.folder)

    def tearDown(self):
        os.chdir(self.home)
        shutil.rmtree(self.folder)

    def run_tool(self, *words, status=0, **options):
        """Run the tool; its exit status must be `status`."""
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        done = subprocess.run([TOOL, *map(str, words)], capture_output=True, timeout=120, **options)
        done.out = done.stdout.decode("utf-8", "surrogateescape")
        done.err = done.stderr.decode("utf-8", "surrogateescape")
        self.assertEqual(done.returncode, status, f"{words}: {done.err}")
        self.assertNotIn("Sanitizer", done.err)
        return done

    def separate(self, *words, **options):
        """Separate quickly. @return paths of the stems in the order printed."""
        done = self.run_tool("separate", *QUICK, *words, **options)
        return [pathlib.Path(line) for line in done.out.splitlines()]

    def assert_one_line(self, done, *parts):
        """stderr is one line in the house form and holds all parts."""
        lines = done.err.splitlines()
        self.assertEqual(len(lines), 1, done.err)
        self.assertTrue(lines[0].startswith("unbraid: "), lines[0])
        self.assertIn("; ", lines[0], "no remedy")
        for part in parts:
            self.assertIn(str(part), lines[0])

    def assert_files(self, *expected):
        """Nothing but these files and folders is here."""
        found = sorted(str(p) for p in pathlib.Path(".").rglob("*"))
        self.assertEqual(found, sorted(map(str, expected)))


def main():
    """Run all tests of a script, and end in a line of counts."""
    program = unittest.main(exit=False, verbosity=2)
    sys.exit(not program.result.wasSuccessful())


def tones(n, rate_hz, seed=1, peak=0.5, n_channels=1):
    """Three decaying tones and clicks of noise, panned: something to separate. Floats."""
    dice = random.Random(seed)
    channels = [[0.0] * n for _ in range(n_channels)]
    for k in range(3):
        hz = min(110.0 * 2.2 ** k * (1 + 0.1 * dice.random()), rate_hz * 0.4)
        pan = [dice.uniform(0.2, 1.0) for _ in range(n_channels)]
        step = 2 * math.pi * hz / rate_hz
        period = max(1, int(rate_hz * (0.11 + 0.05 * k)))
        for i in range(n):
            value = math.sin(step * i) * (1 - (i % period) / period)
            for c in range(n_channels):
                channels[c][i] += pan[c] * value / 4
    for start in range(0, n, max(1, int(rate_hz * 0.2))):
        for i in range(start, min(n, start + int(rate_hz * 0.02))):
            for c in range(n_channels):
                channels[c][i] += dice.uniform(-0.25, 0.25)
    return [[peak * x for x in channel] for channel in channels]


def to_integers(channels, bits):
    """Floats rounded to integers of that many bits."""
    full = 2 ** (bits - 1)
    return [[max(-full, min(full - 1, round(x * full))) for x in channel] for channel in channels]


def _pack(values, kind):
    if kind == "u8":
        return bytes(v + 128 for v in values)
    if kind == "s24":
        return b"".join(struct.pack("<i", v)[:3] for v in values)
    code = {"s16": "h", "s32": "i", "f32": "f", "f64": "d"}[kind]
    packed = array.array(code, values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _unpack(data, kind):
    if kind == "u8":
        return [b - 128 for b in data]
    if kind == "s24":
        return [int.from_bytes(data[i:i + 3], "little", signed=True)
                for i in range(0, len(data), 3)]
    values = array.array({"s16": "h", "s32": "i", "f32": "f", "f64": "d"}[kind])
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()


def wav_bytes(kind, rate_hz, channels, data_size=None, riff_size=None):
    """A WAV file. The sizes in its header can be told otherwise."""
    tag, bits = KINDS[kind]
    n_channels = len(channels)
    data = _pack([x for frame in zip(*channels) for x in frame], kind)
    block = n_channels * bits // 8
    form = struct.pack("<HHIIHH", tag, n_channels, rate_hz, rate_hz * block, block, bits)
    size = len(data) if data_size is None else data_size
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    body += b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def write_sparse(path, head, n_zeros):
    """A file that ends in so many zeros and takes no room on the disk."""
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + n_zeros)


def rf64_head(data_size):
    """What stands before the samples of an RF64 file: 16 bits, stereo, 44100 Hz."""
    form = struct.pack("<IHHIIHH", 16, 1, 2, 44100, 44100 * 4, 4, 16)
    sizes = struct.pack("<IQQQI", 28, data_size + 72, data_size, data_size // 4, 0)
    return b"RF64\xff\xff\xff\xffWAVEds64" + sizes + b"fmt " + form + b"data\xff\xff\xff\xff"


def w64_head(data_size):
    """The same of a Sony Wave64 file."""
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    form = struct.pack("<HHIIHH", 1, 2, 44100, 44100 * 4, 4, 16)
    body = (b"wave" + tail + b"fmt " + tail + struct.pack("<Q", 24 + 16) + form + b"data" + tail +
            struct.pack("<Q", 24 + data_size))
    riff = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
    return riff + struct.pack("<Q", 24 + len(body) + data_size) + body


def write_wav(path, kind, rate_hz, channels):
    """Write a WAV file of integers or floats."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(kind, rate_hz, channels))
    return path


def read_wav(path):
    """@return kind, rate, channels of a WAV file."""
    data = pathlib.Path(path).read_bytes()
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE", path
    at, form = 12, None
    while at + 8 <= len(data):
        name, size = data[at:at + 4], struct.unpack("<I", data[at + 4:at + 8])[0]
        if name == b"fmt ":
            form = struct.unpack("<HHIIHH", data[at + 8:at + 24])
            if form[0] == 0xfffe:  # the extensible header has the tag further on
                form = struct.unpack("<H", data[at + 32:at + 34]) + form[1:]
        if name == b"data":
            tag, n_channels, rate_hz, _, _, bits = form
            kind = next(k for k, v in KINDS.items() if v == (tag, bits))
            values = _unpack(data[at + 8:at + 8 + size], kind)
            return kind, rate_hz, [values[c::n_channels] for c in range(n_channels)]
        at += 8 + size + size % 2
    raise AssertionError(f"{path}: no data")


def add_up(signals):
    """The sum of several signals."""
    return [[sum(values) for values in zip(*planes)] for planes in zip(*signals)]


def residual_db(signal, other):
    """Energy of the difference over the energy of `signal`, in dB."""
    lack = sum((a - b) ** 2 for x, y in zip(signal, other) for a, b in zip(x, y))
    whole = sum(a * a for x in signal for a in x)
    return 10 * math.log10(lack / whole) if lack else -math.inf


def info(test, path):
    """What `unbraid info --json` says of a file."""
    return json.loads(test.run_tool("info", "--json", path).out)
