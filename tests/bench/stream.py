#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Separation while the sound plays, against offline separation with the same dictionary.

    tests/bench/stream.py BUILD_DIR [PIECE ...] [-- OPTION ...]
    tests/bench/stream.py BUILD_DIR --rest [PIECE ...]

For each of the development recordings beside the checkout (all that begin with "real" by default):
a dictionary from the first half of the stems, the second half separated by `unbraid separate` and by
the stream in every mode, in blocks of 64 samples. OPTIONs go to `unbraid learn`. Prints SDR and SI-SDR above doing nothing, the cost of a
block at the median and the 99th percentile, and the share of a core. With --rest each stem in turn is
the only source that is known, and free components learn the rest: SDR of both above doing nothing,
offline and by number of components and forgetting time, the stream having heard the first half too.
Nothing passes or fails. Needs
../shared/data and ../shared/tools/score, python3-numpy and python3-soundfile.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy
import soundfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from quality import SHARED, run, teach  # noqa: E402

MODES = ["quality", "balanced", "live", "short"]


def offline(tool, scratch):
    run(tool, "separate", "--progress", "none", "--bits", "32f", "-d", scratch / "d.safetensors",
        "-o", scratch / "offline", scratch / "mix.flac")
    return scratch / "offline/mix"


def stream(program, scratch, mode, names):
    samples, rate = soundfile.read(scratch / "mix.flac", dtype="float32", always_2d=True)
    channels = samples.shape[1]
    done = subprocess.run([program, mode, str(rate), str(channels), scratch / "d.safetensors"],
                          input=samples.tobytes(), capture_output=True, check=True)
    stems = numpy.frombuffer(done.stdout, "float32").reshape(-1, len(names), channels)
    assert len(stems) == len(samples), "the stream lost samples"
    folder = scratch / mode
    folder.mkdir()
    for j, name in enumerate(names):
        soundfile.write(folder / f"{name}.wav", stems[:, j], rate, subtype="FLOAT")
    return folder, json.loads(done.stderr)


def mean_gain(scratch, estimates):
    """Means over the stems that were learned, of SDR and SI-SDR above doing nothing, and the null."""
    text = run(SHARED / "tools/score", "stems", scratch / "stems", estimates)
    rows = [line.split() for line in text.splitlines()[1:] if "(missing)" not in line]
    rows = [row for row in rows if len(row) == 5 and "=" not in row[0] and row[4] != "nan"]
    residual = float(re.search(r"mix: (-?[\d.]+) dB", text)[1])
    return [sum(float(row[i]) for row in rows) / len(rows) for i in (3, 4)], residual


RESTS = [(8, 10), (16, 10), (16, 1), (32, 0.5), (32, 1), (32, 3), (32, 10), (64, 1)]


def sdr_gains(stem, mix, estimate):
    """SDR of an estimate and of what it leaves, each above doing nothing."""
    def sdr(true, found):
        return 10 * numpy.log10((true ** 2).sum() / ((true - found) ** 2).sum())

    n = min(len(stem), len(estimate))
    stem, mix, estimate = stem[:n], mix[:n], estimate[:n]
    rest = mix - stem
    return sdr(stem, estimate) - sdr(stem, mix), sdr(rest, mix - estimate) - sdr(rest, mix)


def rest_of_stem(build, scratch, mix, stem, rate):
    """{row: gains} for one stem of a piece, or {} when there is nothing to learn or to hear."""
    half = len(mix) // 2
    if not stem[:half].any() or abs(stem[half:]).max() < 1e-3:
        return {}
    soundfile.write(scratch / "stem.wav", stem[:half], rate, subtype="FLOAT")
    soundfile.write(scratch / "mix.wav", mix[half:], rate, subtype="FLOAT")
    tool = build / "cli/unbraid"
    run(tool, "learn", "--progress", "none", "-o", scratch / "d.dict", f"stem={scratch / 'stem.wav'}")
    run(tool, "separate", "--progress", "none", "--bits", "32f", "-d", scratch / "d.dict", "--free", 40,
        "-o", scratch, scratch / "mix.wav")
    estimate, _ = soundfile.read(scratch / "mix/stem.wav", dtype="float32", always_2d=True)
    gains = {"offline, 40": sdr_gains(stem[half:], mix[half:], estimate)}
    shutil.rmtree(scratch / "mix")
    for n_free, forget_s in RESTS:
        done = subprocess.run([build / "tests/bench/stream_file", "balanced", str(rate), str(mix.shape[1]),
                               scratch / "d.dict", "4096", str(n_free), str(forget_s)],
                              input=mix.tobytes(), capture_output=True, check=True)
        stems = numpy.frombuffer(done.stdout, "float32").reshape(-1, 2, mix.shape[1])
        gains[f"{n_free}, {forget_s} s"] = sdr_gains(stem[half:], mix[half:], stems[half:, 0])
    return gains


def rests(build, data, pieces):
    sums = {}
    for piece in pieces:
        mix, rate = soundfile.read(data / piece / "mix.flac", dtype="float32", always_2d=True)
        of_piece = {}
        for path in sorted((data / piece / "stems").iterdir()):
            stem, _ = soundfile.read(path, dtype="float32", always_2d=True)
            with tempfile.TemporaryDirectory(prefix="unbraid-rest-") as scratch:
                rows = rest_of_stem(build, pathlib.Path(scratch), mix, stem, rate)
            for row, gains in rows.items():
                of_piece.setdefault(row, []).append(gains)
        for row, gains in of_piece.items():
            sums.setdefault(row, []).append(numpy.mean(gains, 0))
    print(f"{'free, forgetting':18s} {'target':>7s} {'rest':>7s}")
    for row, gains in sums.items():
        target, rest = numpy.mean(gains, 0)
        print(f"{row:18s} {target:7.2f} {rest:7.2f}")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    run("ninja", "-C", build, "tests/bench/stream_file", "cli/unbraid")
    data = SHARED / "data/separation"
    if not data.is_dir():
        sys.exit(f"skipped: {data} is not there")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    words = [word for word in sys.argv[2:split] if word != "--rest"]
    pieces = words or sorted(p.name for p in data.iterdir() if p.name.startswith("real"))
    if "--rest" in sys.argv[:split]:
        rests(build, data, pieces)
        return
    sums = {}
    print(f"{'piece':26s} {'mode':9s} {'dSDR':>6s} {'dSI':>6s} {'null':>7s} {'median us':>10s} {'p99 us':>8s}"
          f" {'core':>6s}")
    for piece in pieces:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="unbraid-stream-"))
        try:
            names = teach(build / "cli/unbraid", data / piece, scratch, sys.argv[split + 1:])
            gains, residual = mean_gain(scratch, offline(build / "cli/unbraid", scratch))
            print(f"{piece:26s} {'offline':9s} {gains[0]:6.2f} {gains[1]:6.2f} {residual:7.1f}",
                  flush=True)
            sums.setdefault("offline", []).append(gains)
            for mode in MODES:
                folder, cost = stream(build / "tests/bench/stream_file", scratch, mode, names)
                gains, residual = mean_gain(scratch, folder)
                sums.setdefault(mode, []).append(gains)
                print(f"{piece:26s} {mode:9s} {gains[0]:6.2f} {gains[1]:6.2f} {residual:7.1f} {cost['median_us']:10.1f}"
                      f" {cost['p99_us']:8.1f} {100 * cost['share_of_core']:5.1f}%", flush=True)
        finally:
            shutil.rmtree(scratch)
    for mode, all_gains in sums.items():
        sdr, si_sdr = (sum(column) / len(all_gains) for column in zip(*all_gains))
        print(f"{'mean':26s} {mode:9s} {sdr:6.2f} {si_sdr:6.2f}")


main()
