#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights by which a rise of a key's activation is told from a ghost, learned from rendered music.

    tests/bench/note_score.py UNBRAID FOLDER [--seconds N]

FOLDER holds MIDI files of piano music; twelve seconds from the middle of each are played by the
pianos of presets/material.py and transcribed with three dictionaries: that of the other piano,
of the same alone, and both. Every local maximum of flux is then a candidate, right or wrong, and a
logistic regression finds the weights of its features. Prints what share of the candidates is told
right with the piece left out of learning, and the weights. Needs what presets/README.md says.
The recordings beside the checkout have no part in it.
"""
import argparse
import pathlib
import sys
import tempfile

import mido
import numpy
import soundfile

from quality import ROOT, run

sys.path.insert(0, str(ROOT / "presets"))
import material  # noqa: E402

RATE = material.RATE
FLOOR = 0.004  # of the loudest flux: differences between silences say nothing
HOP_S = 1024 / RATE
FIRST_S = (1024 - 8192 / 2) / RATE  # the middle of the first frame
NAMES = ("flux 19 below", "flux 12 above", "rise", "sustain", "before", "fall", "rise * before / 3",
         "pitch", "against the level", "constant")


def read_notes(path, seconds):
    """(onset, offset, pitch, velocity) of an excerpt from the middle."""
    song = mido.MidiFile(path)
    first, now, held, notes = (song.length - seconds) / 2, 0.0, {}, []
    for message in song:
        now += message.time
        if message.type not in ("note_on", "note_off"):
            continue
        begun = held.pop((message.channel, message.note), None)
        if begun and 0.05 <= begun[0] - first < seconds - 0.2:
            notes.append((begun[0] - first, min(now - first, seconds), message.note, begun[1]))
        if message.type == "note_on" and message.velocity > 0:
            held[message.channel, message.note] = now, message.velocity
    return [note for note in sorted(notes) if 21 <= note[2] <= 108]


def play(notes, sounds, seconds):
    """A sampler; released notes die away within an eighth of a second."""
    out = numpy.zeros(int((seconds + 1) * RATE))
    release = RATE // 8
    for onset, offset, pitch, velocity in notes:
        sound = sounds[pitch][:int((offset - onset) * RATE) + release].copy()
        n = min(release, len(sound))
        sound[-n:] *= numpy.linspace(1, 0, n)
        at = int(onset * RATE)
        sound = sound[:len(out) - at]
        out[at:at + len(sound)] += sound * (velocity / 127) ** 1.6
    return 0.5 * out / numpy.abs(out).max()


def activations(tool, dictionary, samples, scratch):
    wave, array = scratch / "played.wav", scratch / "played.npy"
    soundfile.write(wave, samples, RATE, subtype="FLOAT")
    run(tool, "transcribe", "--progress", "none", "-d", dictionary, "--activations", array, wave)
    return numpy.load(array).astype(float)


def widest(values, before, after):
    """Maxima over so many frames before and after each."""
    padded = numpy.pad(values, ((0, 0), (before, after)), constant_values=0)
    return numpy.lib.stride_tricks.sliding_window_view(padded, before + after + 1, axis=1).max(axis=2)


def log(values):
    return numpy.log(values + FLOOR)


def features(a):
    """@return features, keys and frames of the candidates."""
    n_frames = a.shape[1]
    edges = numpy.pad(a, ((0, 0), (1, 1)), mode="edge")
    flux = numpy.maximum(0, edges[:, 2:] - edges[:, :-2])
    level = numpy.percentile(flux.max(axis=0), 99)
    a, flux = a / level, flux / level
    near = widest(flux, 2, 2)
    keys, frames = numpy.nonzero((flux >= near) & (flux > 0.02))
    own = log(flux[keys, frames])

    def at(step):
        return a[keys, numpy.clip(frames + step, 0, n_frames - 1)]

    def other(semitones):
        there = keys + semitones
        heard = numpy.where((there >= 0) & (there < len(a)), near[numpy.clip(there, 0, len(a) - 1), frames], 0)
        return numpy.clip(log(heard) - own, -3, 4)

    rise = numpy.clip(log(at(2)) - log(at(-2)), -1, 5)
    sustain = numpy.clip(log(sum(at(step) for step in range(2, 8)) / 6) - own, -3, 3)
    before, pitch = log(at(-2)), (keys - 39) / 24
    columns = [other(-19), other(12), rise, sustain, before, numpy.clip(log(at(5)) - log(at(2)), -3, 1),
               rise * before / 3, pitch, own - log(widest(a, 43, 43).max(axis=0))[frames], numpy.ones(len(keys))]
    return numpy.stack(columns, 1), keys, frames


def label(notes, flux_order, keys, frames):
    """Whether each candidate is a note; a note has one, the first in the order that is given."""
    right, taken = numpy.zeros(len(keys)), set()
    for i in flux_order:
        time = FIRST_S + frames[i] * HOP_S
        for j, (onset, _, pitch, _) in enumerate(notes):
            if j not in taken and pitch == keys[i] + 21 and abs(onset - time) < 0.055:
                taken.add(j)
                right[i] = 1
                break
    return right


def regress(x, y, weights, ridge=1e-4):
    """Logistic regression by Newton's method; the ridge is on features of unit variance, not on the constant."""
    weights = weights / weights.sum()
    penalty = 2 * ridge * x.var(axis=0)
    w = numpy.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + numpy.exp(-x @ w))
        gradient = x.T @ (weights * (p - y)) + penalty * w
        hessian = (x.T * (weights * p * (1 - p))) @ x + numpy.diag(penalty + 1e-9)
        w -= numpy.linalg.solve(hessian, gradient)
    return w


def make_dictionaries(tool, scratch):
    paths = []
    for without in ("fluid", "salamander", "noise"):  # there is no noise in it: both pianos
        folder = scratch / without
        folder.mkdir()
        run(ROOT / "presets/make", "--tool", tool, "--output", folder, "--without", without, "piano-notes")
        paths.append(folder / "piano-notes.safetensors")
    return paths


def collect(tool, files, seconds, scratch):
    """Rows of (piece, features, right or not, weight)."""
    dictionaries = make_dictionaries(tool, scratch)
    shop = material.Workshop(scratch)
    sampled = shop.salamander(range(21, 109), 4.0)
    rendered = {key: sounds[0] for key, sounds in shop.notes([0], range(21, 109), 5.0).items()}
    rows = []
    for piece, path in enumerate(files):
        notes = read_notes(path, seconds)
        for sounds in (sampled, rendered) if notes else ():
            samples = play(notes, sounds, seconds)
            for dictionary in dictionaries:
                x, keys, frames = features(activations(tool, dictionary, samples, scratch))
                y = label(notes, numpy.argsort(-x[:, -2]), keys, frames)
                rows.append((piece, x, y, numpy.full(len(y), 1 / len(notes))))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=12.0)
    given = parser.parse_args()
    files = sorted(given.folder.rglob("*.mid"))
    with tempfile.TemporaryDirectory(prefix="unbraid-score-") as folder:
        rows = collect(given.tool, files, given.seconds, pathlib.Path(folder))
    if len({piece for piece, *_ in rows}) < 2:
        sys.exit(f"{given.folder}: not enough piano music; give a folder of several MIDI files")
    owner = numpy.concatenate([numpy.full(len(y), piece) for piece, _, y, _ in rows])
    x, y, weights = (numpy.concatenate([row[i] for row in rows]) for i in (1, 2, 3))
    told = numpy.zeros(len(y), bool)
    for piece in set(owner):
        rest = owner != piece
        told[~rest] = (x[~rest] @ regress(x[rest], y[rest], weights[rest]) > 0) == (y[~rest] > 0)
    print(f"{len(files)} pieces, {len(y)} candidates, {int(y.sum())} notes; {100 * told.mean():.2f} % told right")
    for name, weight in zip(NAMES, regress(x, y, weights)):
        print(f"{name:24s} {weight:7.3f}")


main()
