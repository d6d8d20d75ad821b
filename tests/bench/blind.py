#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What methods that are taught nothing are worth, on recordings beside the checkout.

    tests/bench/blind.py UNBRAID [--data FOLDER] [METHOD ...] [-- OPTION ...]

METHOD is harmonic-percussive, bass, band, or `medians`: harmonic-percussive by two medians alone,
of 0.4 s and 500 Hz at a window of 93 ms, the better of the masks P / (P + H) and
P^2 / (P^2 + H^2) for the percussive part, which is what the first of them is measured against.
OPTIONs go to `unbraid separate`. Prints SI-SDR above doing nothing of each stem, piece by piece,
and the means of recorded and rendered pieces, by the first word of their names. FOLDER has others,
of tests/bench/pieces.py for instance. Nothing passes or fails. Needs ../shared/data and
../shared/tools/score, python3-numpy, python3-soundfile and, for the medians, python3-scipy.
"""
import pathlib
import sys
import tempfile

import numpy
import soundfile

from quality import SHARED, run, score

DATA = SHARED / "data/separation"
# The stems of a method by the names that the recordings have, and what all others are summed up as.
STEMS = {
    "harmonic-percussive": ({"drums": "percussive"}, "harmonic"),
    "medians": ({"drums": "percussive"}, "harmonic"),
    "bass": ({"bass": "bass"}, "rest"),
    "band": ({"vocals": "vocals", "drums": "drums", "bass": "bass"}, "other"),
}


def read(path):
    samples, rate = soundfile.read(path, always_2d=True)
    assert rate == 44100, path
    return samples


def stems_of(piece, method):
    """The true stems; None for a piece that is not for this method."""
    names, others = STEMS[method]
    stems = {}
    for path in sorted((piece / "stems").iterdir()):
        name = names.get(path.stem, others)
        stems[name] = stems.get(name, 0) + read(path)
    is_band = method == "band" and not piece.name.startswith("speech")
    return stems if is_band or set(names.values()) <= set(stems) else None


def transform(samples, size=4096):
    from scipy import signal
    window = numpy.sqrt(signal.windows.hann(size, sym=False))
    return window, signal.stft(samples.T, window=window, nperseg=size, noverlap=size * 3 // 4)[2]


def medians(stems, out):
    """Stems by the mask whose percussive part is the better of the two."""
    from scipy import ndimage, signal
    out.mkdir()
    mix = sum(stems.values())
    window, spectra = transform(mix)
    magnitudes = numpy.abs(spectra)
    rings = ndimage.median_filter(magnitudes, (1, 1, 17))
    struck = ndimage.median_filter(magnitudes, (1, 47, 1))
    best = None
    for exponent in (1, 2):
        mask = struck ** exponent / numpy.maximum(struck ** exponent + rings ** exponent, 1e-30)
        part = signal.istft(spectra * mask, window=window, nperseg=4096, noverlap=3072)[1].T[:len(mix)]
        truth = stems["percussive"]
        scale = numpy.vdot(truth, part) / numpy.vdot(truth, truth)
        error = numpy.sum((part - scale * truth) ** 2) / (scale * scale)
        if best is None or error < best:
            best = error
            soundfile.write(out / "percussive.wav", part, 44100, subtype="FLOAT")
            soundfile.write(out / "harmonic.wav", mix - part, 44100, subtype="FLOAT")


def measure(tool, method, stems, options):
    with tempfile.TemporaryDirectory(prefix="unbraid-blind-") as folder:
        scratch = pathlib.Path(folder)
        (scratch / "stems").mkdir()
        (scratch / "out").mkdir()
        for name, samples in stems.items():
            soundfile.write(scratch / "stems" / f"{name}.wav", samples, 44100, subtype="FLOAT")
        if method == "medians":
            medians(stems, scratch / "out/mix")
        else:
            soundfile.write(scratch / "mix.wav", sum(stems.values()), 44100, subtype="FLOAT")
            run(tool, "separate", "--progress", "none", "--bits", "32f", "--method", method, "-o",
                scratch / "out", *options, scratch / "mix.wav")
        return score(scratch / "stems", scratch / "out/mix")[0]


def main():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    tool, methods, options = words[0], words[1:split], words[split + 1:]
    data = DATA
    if methods[:1] == ["--data"]:
        data, methods = pathlib.Path(methods[1]), methods[2:]
    if not data.is_dir():
        sys.exit(f"skipped: {data} is not there")
    for method in methods or STEMS:
        print(f"{method} {' '.join(options)}")
        gains = {}
        for piece in sorted(data.iterdir()):
            stems = stems_of(piece, method)
            if stems is None or len(stems) < 2:
                continue
            rows = measure(tool, method, stems, options)
            print(f"  {piece.name:26s} " + "  ".join(f"{name} {gain:6.2f}" for name, gain in rows), flush=True)
            for name, gain in rows:
                for kind in (piece.name.split("_")[0], "all"):
                    gains.setdefault(kind, {}).setdefault(name, []).append(gain)
        for kind, stems in sorted(gains.items()):
            means = "  ".join(f"{name} {sum(some) / len(some):6.2f}" for name, some in stems.items())
            print(f"  mean of {kind:18s} {means}")


main()
