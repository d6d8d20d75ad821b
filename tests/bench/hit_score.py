#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights by which hits of seldom drums are told from what others leave on their keys (dsp/notes/hit_judge.c).

    tests/bench/hit_score.py UNBRAID [--patterns N]

Patterns of drums, some with rides, toms, crashes, sticks, some without, are played by the kits of presets/drum_hits.py
and transcribed with a dictionary that leaves the kit out. Every candidate is right or wrong, and a logistic regression
finds the weights of what is known of it; those against their sign are left out, one after the other. Prints them. Needs
what presets/README.md says. The recordings beside the checkout have no part in it.
"""
import argparse
import pathlib
import sys
import tempfile

import numpy
import soundfile

from quality import ROOT, run

sys.path.insert(0, str(ROOT / "presets"))
import drum_hits  # noqa: E402
import material  # noqa: E402

RATE, HOP, WINDOW, SECONDS = material.RATE, 512, 2048, 16.0
FIRST_S = (HOP - WINDOW / 2) / RATE
PARTS = [[36], [38], [37], [42, 44, 46], [45, 47, 50], [49, 55], [51, 53]]
PART_OF = {key: part for part, keys in enumerate(PARTS) for key in keys}
NAMES = ["kick", "snare", "stick", "hats", "toms", "crash", "ride"]
JUDGED = [2, 4, 5, 6]
FLOOR, THRESHOLD, FAINT = 0.004, 0.16, 0.08
LEVELS_DB = {36: 0, 38: -1, 37: -7, 42: -10, 44: -12, 46: -9, 45: -3, 47: -3, 50: -3, 49: -5, 51: -10, 53: -9, 55: -8}


def begin_of(sound):
    return int(numpy.argmax(numpy.abs(sound) >= 0.1 * numpy.abs(sound).max()))


def pattern(random, kit):
    """(time, key, velocity) of sixteenths: hats, rides, both, or toms, over kicks and snares or sticks."""
    step, notes = 15 / random.uniform(80, 165), []
    style, spacing, kicks = random.integers(5), int(random.choice([1, 2, 2, 4])), random.random(16) < 0.22
    kicks[0] = True
    toms, crashes = [key for key in PARTS[4] if key in kit], [key for key in PARTS[5] if key in kit]
    backbeat = 37 if 37 in kit and random.random() < 0.25 else 38
    has_fills, has_crashes = bool(toms) and random.random() < 0.5, bool(crashes) and random.random() < 0.6
    for i in range(int((SECONDS - 0.6) / step)):
        at, is_fill = i % 16, has_fills and i // 16 % 2 == 1 and i % 16 >= 10

        def add(key, velocity):
            if key in kit:
                notes.append((0.15 + i * step + random.normal(0, 0.004), key,
                              float(numpy.clip(velocity + random.normal(0, 9), 25, 127))))

        if kicks[at] or random.random() < 0.03:
            add(36, 105 if at % 4 == 0 else 92)
        if at in (4, 12):
            add(backbeat, 108)
        elif random.random() < 0.07:
            add(38, 55)
        if is_fill:
            add(int(random.choice(toms)), 100)
        elif at % spacing == 0:
            if style in (1, 2, 4):
                add(53 if random.random() < 0.12 else 51, 95 if at % 4 == 0 else 78)
            if style in (0, 3, 4):
                add(46 if random.random() < 0.1 else 42, 95 if at % 4 == 0 else 75)
        if style == 2 and at in (4, 12):
            add(44 if 44 in kit else 42, 85)
        if style == 3 and toms and at % 2 == 0:
            add(toms[at // 2 % len(toms)], 85)
        if has_crashes and i % 32 == 0:
            add(int(random.choice(crashes)), 110)
    return notes


def play(random, kit, notes):
    out = numpy.zeros(int((SECONDS + 1) * RATE))
    faders = {key: 3 * random.uniform(-1, 1) for key in LEVELS_DB}
    for time, key, velocity in notes:
        sounds = sorted(kit[key], key=lambda sound: numpy.abs(sound).max())
        i = round(velocity / 127 * (len(sounds) - 1) + random.normal(0, 0.4))
        sound = sounds[int(numpy.clip(i, 0, len(sounds) - 1))]
        begin = begin_of(sound)
        loudness = numpy.sqrt((sound[begin:begin + 4410] ** 2).mean() + 1e-12)
        at = max(0, int(time * RATE) - begin)
        sound = sound[:len(out) - at]
        out[at:at + len(sound)] += sound / loudness * 10 ** ((LEVELS_DB[key] + faders[key]) / 20) * (velocity / 110) ** 1.6
    return 0.5 * out / numpy.abs(out).max()


def widest(values, around):
    padded = numpy.pad(values, ((0, 0), (around, around)))
    return numpy.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1, axis=1).max(axis=2)


def mean_of_largest(values, share):
    return numpy.sort(values)[::-1][:max(3, int(share * len(values)))].mean() if len(values) else 0.0


def candidates(keys):
    """@return part, time, strength and features of each; `keys` are 88 x frames."""
    sums = numpy.stack([keys[[key - 21 for key in part]].sum(axis=0) for part in PARTS]).astype(float)
    rise = numpy.maximum(0, numpy.diff(sums, axis=1, prepend=0))
    part, frame = numpy.nonzero((rise >= widest(rise, 4)) & (rise > 0))
    strength, near = rise[part, frame], widest(rise, 2)[:, frame].T
    levels = numpy.array([mean_of_largest(strength[part == i], 0.1) for i in range(len(PARTS))])
    loudest = levels.max() + 1e-12
    activity = numpy.array([strength[part == i].sum() for i in range(len(PARTS))])
    activity = activity / (activity.sum() + 1e-12)
    levels = numpy.maximum(levels, FAINT * loudest)
    strong = strength > THRESHOLD * levels[part]
    part, frame, strength, near = part[strong], frame[strong], strength[strong], near[strong]
    others = near.copy()
    others[numpy.arange(len(part)), part] = 0
    shares = strength / (strength + others.sum(axis=1))
    standing = numpy.array([mean_of_largest(shares[part == i], 0.2) for i in range(len(PARTS))])
    beside = numpy.log(near / loudest + FLOOR) - numpy.log(strength / loudest + FLOOR)[:, None]
    columns = numpy.column_stack([numpy.ones(len(part)), numpy.log(strength / levels[part] + FLOOR), standing[part],
                                  numpy.log(activity[part] + FLOOR), numpy.clip(beside, -3, 4)])
    return part, FIRST_S + frame * HOP / RATE, strength, columns


def label(notes, part, times, strength):
    right, taken = numpy.zeros(len(part)), set()
    for i in numpy.argsort(-strength):
        for j, (onset, key, _) in enumerate(notes):
            if j not in taken and PART_OF[key] == part[i] and abs(onset - times[i]) < 0.05:
                taken.add(j)
                right[i] = 1
                break
    return right


def regress(x, y, weights, ridge=1e-3):
    penalty, w = 2 * ridge * x.var(axis=0), numpy.zeros(x.shape[1])
    for _ in range(15):
        p = 1 / (1 + numpy.exp(-numpy.clip(x @ w, -30, 30)))
        hessian = (x.T * (weights * p * (1 - p))) @ x + numpy.diag(penalty + 1e-7)
        w -= numpy.linalg.solve(hessian, x.T @ (weights * (p - y)) + penalty * w)
    return w


def regress_signed(x, y, weights, signs):
    """As regress(), without what has the wrong sign, the worst first."""
    used = signs < 2
    while True:
        w = numpy.zeros(x.shape[1])
        w[used] = regress(x[:, used], y, weights / weights.sum())
        wrong = numpy.minimum(0, signs * w * x.std(axis=0)) * used
        if not wrong.any():
            return w
        used[numpy.argmin(wrong)] = False


def collect(tool, n_patterns, folder):
    """Rows of (material, part, right or not, features)."""
    shop, rows = material.Workshop(folder), []
    kits = [(kit, drum_hits.kit_hits(kit)) for kit in drum_hits.FILES]
    kits += [("fluid", drum_hits.font_hits(shop, program)) for program in material.DRUM_PROGRAMS]
    wave, array = folder / "played.wav", folder / "played.npy"
    for i, (name, kit) in enumerate(kits):
        kit = {key: [s for s in sounds if numpy.abs(s).max() > 1e-4] for key, sounds in kit.items()}
        kit = {key: sounds for key, sounds in kit.items() if sounds}
        dictionary = folder / name / "drum-notes.safetensors"
        if not dictionary.exists():
            dictionary.parent.mkdir()
            run(ROOT / "presets/make", "--tool", tool, "--output", dictionary.parent, "--without", name, "drum-notes")
        for j in range(n_patterns):
            random = numpy.random.default_rng(1000 * i + j)
            notes = pattern(random, kit)
            soundfile.write(wave, play(random, kit, notes), RATE, subtype="FLOAT")
            run(tool, "transcribe", "--drums", "--progress", "none", "-d", dictionary, "--activations", array, wave)
            part, times, strength, x = candidates(numpy.load(array))
            rows.append((name, part, label(notes, part, times, strength), x))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("--patterns", type=int, default=16, metavar="N")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unbraid-hits-") as folder:
        rows = collect(given.tool, given.patterns, pathlib.Path(folder))
    part, right, x = (numpy.concatenate([row[i] for row in rows]) for i in (1, 2, 3))
    # The seven kits of the font count as three.
    weights = numpy.concatenate([numpy.full(len(row[1]), 3 / 7 if row[0] == "fluid" else 1.0) for row in rows])
    print("part, constant, strength, standing, activity, beside: " + ", ".join(NAMES))
    for i in JUDGED:
        signs = numpy.array([0.0, 1, 1, 1] + [-1.0 if j != i else 2.0 for j in range(len(PARTS))])
        of_part = part == i
        w = regress_signed(x[of_part], right[of_part], weights[of_part], signs)
        print(f"{NAMES[i]:6s}" + "".join(f" {value:6.2f}" for value in w))


main()
