#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights by which a rise of a key's activation is told from a ghost, learned from rendered music.

    tests/bench/note_score.py UNBRAID FOLDER [--seconds N] [--live STREAM_FILE]

FOLDER holds MIDI files of piano music; twelve seconds from the middle of each are played by the
pianos of presets/material.py and transcribed with three dictionaries: that of the other piano,
of the same alone, and both. Every local maximum of flux is then a candidate, right or wrong, and a
logistic regression finds the weights of its features. Prints what share of the candidates is told
right with the piece left out of learning, and the weights. Needs what presets/README.md says.
The recordings beside the checkout have no part in it.

With --live it is what streams hear (modes balanced and quality; STREAM_FILE is the program of that name in a build), and
the features are those that are known by the time at which a stream tells of a beginning.
"""
import argparse
import functools
import json
import pathlib
import subprocess
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
LIVE_NAMES = ("flux 19 below", "flux 12 above", "sound 12 above", "sound beside", "rise", "pitch ^ 2",
              "against the level", "fall", "constant")
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


def hear(program, mode, dictionary, samples, scratch):
    """@return what sounds on each key while a stream plays, and the seconds from frame to frame."""
    path = scratch / "heard"
    done = subprocess.run([program, mode, str(RATE), "1", dictionary, "64", "0", "1", "0", scratch / "notes", path],
                          input=samples.astype("<f4").tobytes(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          check=True)
    return numpy.fromfile(path, "<f4").reshape(-1, 88).T.astype(float), json.loads(done.stderr)["hop"] / RATE


def later(values, frames):
    """Moved so many frames to the front; what is not there is silent."""
    moved = numpy.zeros_like(values)
    if frames > 0:
        moved[..., :-frames] = values[..., frames:]
    elif frames < 0:
        moved[..., -frames:] = values[..., :frames]
    return moved if frames else values


def loudness_so_far(flux, hop_s):
    loudness, now = numpy.zeros(flux.shape[1]), 0.0
    for frame, largest in enumerate(flux.max(axis=0)):
        now = loudness[frame] = max(now * numpy.exp(-hop_s / 10), largest)
    return loudness


def live_features(a, hop_s):
    """As features(), of dsp/notes/live_judge.c; the last column is the flux against the loudness."""
    lag = max(1, int(0.0232 / hop_s + 0.5))
    ahead = int(numpy.ceil(0.011 / hop_s))
    late = lag + ahead
    flux = numpy.maximum(0, later(a, lag) - later(a, -lag))
    loudness = later(loudness_so_far(flux, hop_s), ahead) + 1e-9
    earlier, near = later(widest(flux, 2 * lag - 1, 0), -1), widest(flux, 2 * lag, ahead)
    keys, frames = numpy.nonzero((flux > 0.02 * loudness) & (flux > earlier) & (flux >= near) & (flux > 1e-4))
    scale, own = loudness[frames], log((flux / loudness)[keys, frames])

    def at(step, semitones=0):
        there = keys + semitones
        heard = later(a, step)[numpy.clip(there, 0, len(a) - 1), frames] / scale
        return log(numpy.where((there >= 0) & (there < len(a)), heard, 0))

    def other(semitones):
        there = keys + semitones
        heard = near[numpy.clip(there, 0, len(a) - 1), frames] / scale
        return numpy.clip(log(numpy.where((there >= 0) & (there < len(a)), heard, 0)) - own, -3, 4)

    now = at(late)
    around = later(widest(a, int(round(1 / hop_s)), 0).max(axis=0), late)[frames] / scale
    columns = [other(-19), other(12), numpy.clip(at(late, 12) - now, -3, 4),
               numpy.clip(numpy.maximum(at(late, -1), at(late, 1)) - now, -3, 4),
               numpy.clip(now - at(-2 * lag), -1, 5), numpy.minimum(((keys - 39) / 24) ** 2, 1.3), own - log(around),
               numpy.clip(now - at(lag), -2, 1), numpy.ones(len(keys))]
    return numpy.stack(columns, 1), keys, frames, own


def label(notes, flux_order, keys, times):
    """Whether each candidate is a note; a note has one, the first in the order that is given."""
    right, taken = numpy.zeros(len(keys)), set()
    for i in flux_order:
        for j, (onset, _, pitch, _) in enumerate(notes):
            if j not in taken and pitch == keys[i] + 21 and abs(onset - times[i]) < 0.055:
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


def judge_offline(tool, dictionary, samples, scratch, notes):
    """@return features of the candidates, and whether they are right."""
    x, keys, frames = features(activations(tool, dictionary, samples, scratch))
    return x, label(notes, numpy.argsort(-x[:, -2]), keys, FIRST_S + frames * HOP_S)


def judge_live(program, mode, dictionary, samples, scratch, notes):
    """As judge_offline(). A stream knows of a sound when its frame is complete; the median delay is taken off."""
    a, hop_s = hear(program, mode, dictionary, samples, scratch)
    x, keys, frames, own = live_features(a, hop_s)
    times, delays = (frames + 1) * hop_s, []
    for onset, _, pitch, _ in notes:
        near = numpy.nonzero((keys == pitch - 21) & (abs(times - onset - 0.05) < 0.1))[0]
        if len(near):
            delays.append(times[near[numpy.argmax(own[near])]] - onset)
    return x, label(notes, numpy.argsort(-own), keys, times - numpy.median(delays))


def collect(tool, judges, files, seconds, scratch):
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
                for judge in judges:
                    x, y = judge(dictionary, samples, scratch, notes)
                    rows.append((piece, x, y, numpy.full(len(y), 1 / len(notes))))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--live", metavar="STREAM_FILE")
    given = parser.parse_args()
    files = sorted(given.folder.rglob("*.mid"))
    judges = [functools.partial(judge_offline, given.tool)]
    if given.live:
        judges = [functools.partial(judge_live, given.live, mode) for mode in ("balanced", "quality")]
    with tempfile.TemporaryDirectory(prefix="unbraid-score-") as folder:
        rows = collect(given.tool, judges, files, given.seconds, pathlib.Path(folder))
    if len({piece for piece, *_ in rows}) < 2:
        sys.exit(f"{given.folder}: not enough piano music; give a folder of several MIDI files")
    owner = numpy.concatenate([numpy.full(len(y), piece) for piece, _, y, _ in rows])
    x, y, weights = (numpy.concatenate([row[i] for row in rows]) for i in (1, 2, 3))
    told = numpy.zeros(len(y), bool)
    for piece in set(owner):
        rest = owner != piece
        told[~rest] = (x[~rest] @ regress(x[rest], y[rest], weights[rest]) > 0) == (y[~rest] > 0)
    print(f"{len(files)} pieces, {len(y)} candidates, {int(y.sum())} notes; {100 * told.mean():.2f} % told right")
    for name, weight in zip(LIVE_NAMES if given.live else NAMES, regress(x, y, weights)):
        print(f"{name:24s} {weight:7.3f}")


main()
