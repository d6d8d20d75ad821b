#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a listener's marks gain.

    tests/bench/marks.py UNBRAID [regions] [positions] [--boxes N] [-- OPTION ...]

regions: N boxes (default 3) of a second for each stem of the recordings beside the checkout, where the truth says
that it is most: of all boxes of whole octaves the ones with the most energy of the stem, times how much more than
0.6 of the energy there is its own, as a listener would choose them. A stem without any is not marked.
positions: stems of several of these recordings, one channel each, panned by a knob of constant power, and voices in
the middle of what is left and right of them; against as many blind components (-n), best assignment.
Prints SI-SDR above doing nothing, piece by piece, and the means. Nothing passes or fails. OPTIONs go to
`unbraid separate`. Needs ../shared/data and ../shared/tools/score, python3-numpy and python3-soundfile."""
import argparse
import pathlib
import sys
import tempfile

import numpy
import soundfile

from quality import SHARED, run, score

DATA = SHARED / "data/separation"
RATE, SIZE, HOP = 44100, 4096, 1024
EDGES = (0, 100, 200, 400, 800, 1600, 3200, 6400, 22050)
CROWD, JAZZ, LITHIUM, FUNK, RUBIDIUM = "speech_crowd", "speech_music", "real_lithium", "real_mdn_band", "real_rubidium"
MAP09, E2M5, E1M5, MAP19 = "synth_band_map09", "synth_electro_e2m5", "synth_rock_e1m5", "synth_strings_keys_map19"
# Stem of the mix: (piece, stem, position, level in dB), or several that are one stem. Positions of None are told to
# nobody: they are the rest.
MIXES = {
    "four places": {"vocals": (LITHIUM, "vocals", 0, 0), "drums": (MAP09, "drums", -60, -3),
                    "keys": (E2M5, "keys", 70, -2), "bass": (FUNK, "bass", 25, -4)},
    "three places": {"guitar": (FUNK, "guitar", -80, 0), "horns": (FUNK, "horns", 60, 0),
                     "drums": (FUNK, "drums", 0, -2)},
    "two places": {"speech": (CROWD, "speech", -50, 0), "strings": (E1M5, "strings", 50, 0)},
    "four near places": {"vocals": (RUBIDIUM, "vocals", 30, 0), "guitar": (E1M5, "guitar", -70, -3),
                         "keys": (MAP19, "keys", 90, -3), "drums": (E2M5, "drums", -20, -3)},
    "three other places": {"clav": (FUNK, "clav", -70, -2), "synth": (E2M5, "synth", 70, -2),
                           "bass": (E1M5, "bass", 0, -2)},
    "voice in the middle": {"vocals": (LITHIUM, "vocals", 0, 0), "rest": [
        (MAP09, "guitar", -70, -2), (E2M5, "keys", 70, -2), (FUNK, "horns", 40, -4)]},
    "another in the middle": {"vocals": (RUBIDIUM, "vocals", 0, 0), "rest": [
        (E1M5, "guitar", -80, -1), (MAP19, "strings", 80, -1)]},
    "reader and drums in the middle": {"vocals": (JAZZ, "speech", 0, 0), "rest": [
        (FUNK, "clav", -60, -2), (FUNK, "guitar", 60, -2), (FUNK, "drums", 0, -5)]}}


def read(path):
    samples, rate = soundfile.read(path, always_2d=True)
    assert rate == RATE, path
    return samples


def octave_energies(samples):
    """Energies of octaves, summed from the beginning and from the lowest on: octaves + 1 x frames + 1."""
    window = numpy.hanning(SIZE)
    starts = range(0, len(samples) - SIZE, HOP)
    bins = numpy.array(EDGES) * SIZE // RATE
    energies = numpy.zeros((len(EDGES), len(starts) + 1))
    for channel in samples.T:
        for i, start in enumerate(starts):
            power = numpy.abs(numpy.fft.rfft(channel[start:start + SIZE] * window)) ** 2
            energies[1:, i + 1] += numpy.add.reduceat(power, bins[:-1])
    return energies.cumsum(0).cumsum(1)


def boxes(own, everything, count):
    """(first frame, lowest edge, highest edge) of the best boxes of a second, none at the same time as another."""
    second, candidates = RATE // HOP, []
    for first in range(0, own.shape[1] - second, second // 2):
        for low in range(len(EDGES) - 1):
            for high in range(low + 1, len(EDGES)):
                energy, all_of_it = (x[high, first + second] - x[low, first + second] - x[high, first] + x[low, first]
                                     for x in (own, everything))
                worth = energy * max(energy / (all_of_it + 1e-12) - 0.6, 0)
                candidates.append((worth, first, low, high))
    chosen = []
    for worth, first, low, high in sorted(candidates, reverse=True):
        if worth > 0 and len(chosen) < count and all(abs(first - other) >= second for other, _, _ in chosen):
            chosen.append((first, low, high))
    return chosen


def marks_of(stems, count):
    energies = {name: octave_energies(samples) for name, samples in stems.items()}
    for name, own in energies.items():
        for first, low, high in boxes(own, sum(energies.values()), count):
            at = first * HOP / RATE
            yield from ("--mark", f"{name}@{at:.2f}-{at + 1:.2f},{EDGES[low]}-{EDGES[high]}")


def measure(tool, stems, options, *match):
    with tempfile.TemporaryDirectory(prefix="unbraid-marks-") as folder:
        scratch = pathlib.Path(folder)
        (scratch / "stems").mkdir()
        for name, samples in stems.items():
            soundfile.write(scratch / "stems" / f"{name}.wav", samples, RATE, subtype="FLOAT")
        soundfile.write(scratch / "mix.wav", sum(stems.values()), RATE, subtype="FLOAT")
        run(tool, "separate", "--progress", "none", "--bits", "32f", "-o", scratch / "out", *options,
            scratch / "mix.wav")
        return [gain for _, gain in score(scratch / "stems", scratch / "out/mix", *match)[0]]


def report(name, gains, n_stems):
    mean = sum(gains) / n_stems  # a stem without a mark gains nothing
    print(f"  {name:32s} {mean:6.2f}  | " + "  ".join(f"{gain:.1f}" for gain in gains), flush=True)
    return mean


def regions(tool, count, options):
    means, n_below, n_all = [], 0, 0
    for piece in sorted(DATA.iterdir()):
        stems = {path.stem: read(path) for path in sorted((piece / "stems").iterdir())}
        gains = measure(tool, stems, [*marks_of(stems, count), *options])
        means.append(report(piece.name, gains, len(stems)))
        n_below += sum(gain < 0 for gain in gains)
        n_all += len(stems)
    print(f"  mean of {count} boxes a stem {sum(means) / len(means):6.2f}; {n_below} of {n_all} below doing nothing")


def panned(piece, stem, position, level):
    x = read(DATA / piece / "stems" / f"{stem}.flac")[:12 * RATE].mean(1)
    x = numpy.pad(x, (0, 12 * RATE - len(x))) * 0.05 * 10 ** (level / 20) / x.std()
    angle = (position + 100) * numpy.pi / 400
    return numpy.stack([x * numpy.cos(angle), x * numpy.sin(angle)], 1)


def positions(tool, options):
    means = []
    for name, parts in MIXES.items():
        stems = {stem: sum(panned(*part) for part in (parts[stem] if stem == "rest" else [parts[stem]]))
                 for stem in parts}
        told = [word for stem in parts if stem != "rest" for word in ("--pan", f"{stem}@{parts[stem][2]}")]
        blind = measure(tool, stems, ["-n", len(stems), *options], "--match")
        means.append((report(name, measure(tool, stems, [*told, *options]), len(stems)),
                      report("  the same blind", blind, len(stems))))
    for kind, some in (("places", means[:5]), ("the middle", means[5:])):
        told, blind = (sum(x) / len(x) for x in zip(*some))
        print(f"  mean of {kind}: {told:.2f}, blind {blind:.2f}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("tool")
    parser.add_argument("what", nargs="*")
    parser.add_argument("--boxes", type=int, default=3)
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    arguments, options = parser.parse_args(words[:split]), words[split + 1:]
    if not DATA.is_dir():
        raise SystemExit(f"skipped: {DATA} is not there")
    for what in arguments.what or ["regions", "positions"]:
        print(f"{what} {' '.join(options)}")
        if what == "regions":
            regions(arguments.tool, arguments.boxes, options)
        else:
            positions(arguments.tool, options)


main()
