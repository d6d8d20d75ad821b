#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Learn the weights of dsp/guide/bass.c: how much of a harmonic of the lowest line is a bass's.

    tests/bench/bass_weights.py UNBRAID FOLDER

FOLDER is of tests/bench/pieces.py; those that were shipped are of FluidR3 and 29 pieces of Freedoom
that are not in ../shared/data. Each piece with a bass is heard without it too. The target is the
bass's share of the energy of a harmonic of what rings, weighted by that energy, all pieces alike; the
line is found as dsp/guide/bass_line.c does. Takes minutes. Needs python3-numpy, python3-scipy and
python3-soundfile.
"""
import pathlib
import sys
import tempfile

import numpy as np
import soundfile
from scipy import optimize, signal

from quality import run

SIZE, RATE = 4096, 44100
BIN_HZ, HOP_S = RATE / SIZE, SIZE / 4 / RATE
BINS, HARMONICS, SHRINKING = 160, 6, 1e-2
PITCHES_HZ = 36.0 * 2 ** (np.arange(135) / 48)
BIN = np.arange(BINS)[:, None]


def transform(samples):
    window = np.sqrt(signal.windows.hann(SIZE, sym=False))
    return np.abs(signal.stft(samples.T, window=window, nperseg=SIZE, noverlap=SIZE * 3 // 4)[2][:, :BINS])


def what_rings(tool, mix):
    with tempfile.TemporaryDirectory(prefix="unbraid-weights-") as folder:
        scratch = pathlib.Path(folder)
        soundfile.write(scratch / "mix.wav", mix, RATE, subtype="FLOAT")
        run(tool, "separate", "--progress", "none", "--bits", "32f", "--method", "harmonic-percussive", "-o",
            scratch / "out", scratch / "mix.wav")
        return soundfile.read(scratch / "out/mix/harmonic.wav", always_2d=True)[0]


def fits(magnitudes):
    """Of each pitch in each frame."""
    harmonics = np.arange(1, HARMONICS + 1)[:, None, None]
    bins = np.arange(BINS) - harmonics * PITCHES_HZ[:, None] / BIN_HZ
    lobes = np.abs(np.sinc(bins - 0.5) + np.sinc(bins + 0.5)) / (2 * np.sinc(0.5))
    combs = np.sum(np.where(np.abs(bins) < 2.5, lobes, 0.0) / harmonics, axis=0)
    combs /= np.linalg.norm(combs, axis=1, keepdims=True) * (PITCHES_HZ[:, None] / 36.0) ** 0.3
    found = combs @ np.sqrt(magnitudes)
    return found / np.maximum(found.max(0), 1e-3 * found.max())


def line(magnitudes, glide=0.0005 / HOP_S, jump=0.006 / HOP_S):
    found = fits(magnitudes).T
    sums, back, here = found[0], [], np.arange(len(PITCHES_HZ))
    for frame in found[1:]:
        below = np.concatenate([[-np.inf], sums[:-1]]) - glide
        above = np.concatenate([sums[1:], [-np.inf]]) - glide
        ways = np.array([sums, below, above, np.full(len(sums), sums.max() - jump)])
        best = ways.argmax(0)
        back.append(np.choose(best, [here, here - 1, here + 1, np.full(len(sums), sums.argmax())]))
        sums = ways.max(0) + frame
    path = [sums.argmax()]
    for before in reversed(back):
        path.append(before[path[-1]])
    return PITCHES_HZ[path[::-1]]


def examples(rings, bass):
    """What is known of each harmonic of each frame, the bass's share of it, and its weight."""
    total = rings.sum(0)
    side = np.abs(rings - rings.mean(0)).sum(0)
    energy, most = (total ** 2).sum(0), (total ** 2).sum(0).max()
    hz = line(total)
    octaves = np.log2(hz / 80.0)
    known, shares, weights = [], [], []
    for h in range(1, HARMONICS + 1):
        near = np.clip((2.5 - np.abs(BIN - h * hz / BIN_HZ)) / 1.5, 0.0, 1.0)
        own = (total ** 2 * near).sum(0)
        level = np.minimum(0.0, np.log((own + 1e-4 * most) / (energy + 1e-4 * most)))
        apart = (total * side * near).sum(0) / np.maximum(own, 1e-12)
        which = np.zeros((HARMONICS, len(hz)))
        which[h - 1] = 1.0
        known.append(np.array([*which, level, octaves, octaves ** 2, apart]))
        shares.append((np.minimum(bass, total) ** 2 * near).sum(0) / np.maximum(own, 1e-12))
        weights.append(own)
    return np.concatenate(known, 1).T, np.concatenate(shares), np.concatenate(weights) / np.sum(weights)


def fit(known, shares, weights):
    """A logistic regression; all but the constants of harmonics is shrunk, in units of its spread."""
    mean, spread = known.mean(0), known.std(0) + 1e-6
    mean[:HARMONICS], spread[:HARMONICS] = 0.0, 1.0
    x = (known - mean) / spread

    def loss(c):
        p = 1 / (1 + np.exp(-x @ c))
        value = -np.sum(weights * (shares * np.log(p + 1e-9) + (1 - shares) * np.log(1 - p + 1e-9)))
        slope = x.T @ (weights * (p - shares))
        slope[HARMONICS:] += 2 * SHRINKING * c[HARMONICS:]
        return value + SHRINKING * np.sum(c[HARMONICS:] ** 2), slope

    c = optimize.minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / spread
    c[:HARMONICS] -= mean @ c
    return c


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    found = []
    for piece in sorted(folder.iterdir()):
        stems = {path.stem: soundfile.read(path, always_2d=True)[0] for path in (piece / "stems").iterdir()}
        bass = stems.pop("bass", None)
        rest = sum(stems.values())
        if stems:
            found.append(examples(transform(what_rings(tool, rest)), 0.0))
        if bass is not None:
            found.append(examples(transform(what_rings(tool, rest + bass)), transform(bass).sum(0)))
        print(piece.name, flush=True)
    known, shares, weights = (np.concatenate(parts) for parts in zip(*found))
    c = fit(known, shares, weights / len(found))
    print("harmonics", *(f"{x:.2f}" for x in c[:HARMONICS]))
    print("level {:.2f}  pitch {:.2f}  its square {:.2f}  side {:.2f}".format(*c[HARMONICS:]))


main()
