# SPDX-License-Identifier: GPL-3.0-or-later
"""Dictionaries are safetensors files: an independent reader and writer agree with the library's.

usage: dictionary_format.py EXCHANGE MODULE

EXCHANGE is the program that writes and reads one with the library. MODULE says whose reader and
writer it is held against: "struct" (a few lines here), "numpy" (so are they) or "safetensors".
Without the module the test is skipped: exit 77.
"""
import importlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

EXCHANGE, MODULE = sys.argv[1:3]
try:
    importlib.import_module(MODULE)
except ImportError:
    print(f"skipped: there is no Python module {MODULE}")
    sys.exit(77)


def load(path):
    """The metadata, and the templates as a list of rows."""
    content = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    metadata = header.pop("__metadata__")
    tensor = header["templates"]
    rows, cols = tensor["shape"]
    begin, end = (8 + size + offset for offset in tensor["data_offsets"])
    letter = {"F32": "f", "F16": "e"}[tensor["dtype"]]
    if MODULE == "safetensors":
        from safetensors.numpy import load_file
        return metadata, load_file(path)["templates"].tolist()
    if MODULE == "numpy":
        import numpy
        data = numpy.frombuffer(content[begin:end], "<" + letter).reshape(rows, cols)
        return metadata, data.astype(float).tolist()
    flat = struct.unpack(f"<{rows * cols}{letter}", content[begin:end])
    return metadata, [list(flat[row * cols:(row + 1) * cols]) for row in range(rows)]


def save(path, metadata, rows, letter="f"):
    """With a second tensor, as a later version may have one. The letter is struct's and numpy's."""
    shape = [len(rows), len(rows[0])]
    other = [[0.5 * value for value in row] for row in rows]
    if MODULE == "safetensors":
        import numpy
        from safetensors.numpy import save_file
        tensors = {"templates": numpy.array(rows, "<" + letter),
                   "reconstruction": numpy.array(other, "<" + letter)}
        save_file(tensors, path, metadata)
        return
    if MODULE == "numpy":
        import numpy
        blocks = [numpy.array(block, "<" + letter).tobytes() for block in (other, rows)]
    else:
        blocks = [b"".join(struct.pack("<" + letter, x) for row in block for x in row)
                  for block in (other, rows)]
    size = len(blocks[0])
    tensor = {"dtype": {"f": "F32", "e": "F16"}[letter], "shape": shape}
    header = json.dumps({
        "templates": {**tensor, "data_offsets": [size, 2 * size]},
        "reconstruction": {**tensor, "data_offsets": [0, size]},
        "__metadata__": metadata,
    }).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(header)) + header + b"".join(blocks))


class Dictionary:
    """What EXCHANGE prints."""

    def __init__(self, mode, path):
        run = subprocess.run([EXCHANGE, mode, path], capture_output=True, encoding="utf-8")
        self.error = run.stderr
        lines = [line.split(" ", 1) for line in run.stdout.splitlines()]
        self.fields = {key: value for key, value in lines if key not in ("source", "template")}
        self.sources = [value for key, value in lines if key == "source"]
        templates = [value.split() for key, value in lines if key == "template"]
        self.owners = [int(words[0]) for words in templates]
        self.columns = [[float.fromhex(word) for word in words[1:]] for words in templates]

    def number(self, key):
        return float.fromhex(self.fields[key])


METADATA = {
    "origin": "by hand: \u201c\u00e9t\u00e9\u201d",
    "format_version": "1",
    "format": "unbraid-dictionary",
    "sources": json.dumps(["\U0001f941 kit", "bass"]),
    "component_source": "[1, 0, 1]",
    "sample_rate_hz": "44100.5",
    "window": "asymmetric",
    "window_samples": "6",
    "hop_samples": "2",
    "beta": "5e-1",
    "sparsity": "0.015625",
    "licence": "CC-BY-4.0",
    "somebody": "else's",
}
ROWS = [[0.0, 1.0, 0.5], [2.0 ** -149, 3.4028234663852886e38, 0.25], [0.125, 7.0, 9.0],
        [1.5, 0.0, 3.0]]


class Format(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = folder.name + "/dictionary.safetensors"

    def test_what_the_library_writes_is_read(self):
        d = Dictionary("write", self.path)
        self.assertEqual(d.error, "")
        metadata, rows = load(self.path)
        self.assertEqual([list(column) for column in zip(*rows)], d.columns)
        self.assertEqual((len(rows), len(rows[0])), (11, 6))
        self.assertEqual(json.loads(metadata["sources"]), d.sources)
        self.assertEqual(json.loads(metadata["component_source"]), d.owners)
        self.assertEqual(metadata["format"], "unbraid-dictionary")
        self.assertEqual(metadata["format_version"], "1")
        for key in ["window", "window_samples", "hop_samples", "licence", "origin"]:
            self.assertEqual(metadata[key], d.fields[key])
        self.assertEqual(int(metadata["sample_rate_hz"]), d.number("rate_hz"))
        self.assertEqual(float(metadata["beta"]), d.number("beta"))
        self.assertEqual(float(metadata["sparsity"]), d.number("sparsity"))

    def test_half_precision_is_read(self):
        d, half = Dictionary("write", self.path), Dictionary("write-half", self.path)
        metadata, rows = load(self.path)
        exponents = json.loads(metadata["component_exponent"])
        self.assertEqual(len(exponents), 6)
        for k, column in enumerate(zip(*rows)):
            self.assertTrue(2 ** 15 <= max(column) < 2 ** 16)
            for stored, exact in zip(column, d.columns[k]):
                exact *= 2.0 ** exponents[k]
                self.assertEqual(stored, struct.unpack("e", struct.pack("e", exact))[0])
        self.assertEqual([json.loads(metadata["sources"]), half.owners], [d.sources, d.owners])

    def test_half_precision_from_elsewhere_is_read_by_the_library(self):
        rows = [[0.0, 1.0, 0.5], [2.0 ** -24, 65504.0, 0.25], [0.125, 7.0, 9.0], [1.5, 0.0, 3.0]]
        for exponents in (None, [0, 3, -4]):
            more = {"component_exponent": json.dumps(exponents)} if exponents else {}
            save(self.path, {**METADATA, **more}, rows, "e")
            d = Dictionary("read", self.path)
            self.assertEqual(d.error, "")
            self.assertEqual(d.columns, [[x / 2.0 ** (exponents or [0, 0, 0])[k] for x in column]
                                         for k, column in enumerate(zip(*rows))])

    def test_the_tensors_are_aligned(self):
        Dictionary("write", self.path)
        self.assertEqual(struct.unpack("<Q", pathlib.Path(self.path).read_bytes()[:8])[0] % 8, 0)

    def test_what_is_written_elsewhere_is_read_by_the_library(self):
        save(self.path, METADATA, ROWS)
        d = Dictionary("read", self.path)
        self.assertEqual(d.error, "")
        self.assertEqual(d.columns, [list(column) for column in zip(*ROWS)])
        self.assertEqual((d.sources, d.owners), (["\U0001f941 kit", "bass"], [1, 0, 1]))
        self.assertEqual((d.number("rate_hz"), d.number("beta")), (44100.5, 0.5))
        self.assertEqual(d.number("sparsity"), 0.015625)
        for key in ["window", "window_samples", "hop_samples", "licence", "origin"]:
            self.assertEqual(d.fields[key], METADATA[key])

    def test_a_later_format_is_refused_with_a_remedy(self):
        for version in ["2", "10", "", "1x"]:
            save(self.path, {**METADATA, "format_version": version}, ROWS)
            self.assertIn("use a newer unbraid", Dictionary("read", self.path).error)
        save(self.path, {**METADATA, "format_version": "1.12"}, ROWS)
        self.assertEqual(Dictionary("read", self.path).error, "")

    def test_every_entry_but_the_texts_is_needed(self):
        for key in METADATA:
            save(self.path, {k: v for k, v in METADATA.items() if k != key}, ROWS)
            error = Dictionary("read", self.path).error
            if key in ("licence", "origin", "somebody"):
                self.assertEqual(error, "")
            else:
                self.assertRegex(error, "format version|unbraid dictionary|no '" + key)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
