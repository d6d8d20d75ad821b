#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the dictionaries of the presets are worth, on recordings beside the checkout.

    tests/bench/presets.py UNBRAID DICTIONARY_OR_FOLDER [NAME ...] [--left-out] [-- OPTION ...]

NAME is drumkit-hits, drumkit, harmonic-percussive, speech-noise, piano or bass (default: all); a folder holds
NAME.safetensors. With --left-out `presets/make` makes the dictionary of each piece of drums without
the kit that plays; for other names it does nothing. The mean of drumkit-hits is over kick, snare and
hats; that of all stems stands behind it. OPTIONs go to `unbraid separate`. Prints SI-SDR above doing nothing, piece by
piece, and the means. Nothing passes or fails. Needs ../shared/data and ../shared/tools/score,
python3-numpy and python3-soundfile.
"""
import os
import pathlib
import sys
import tempfile

import numpy
import soundfile

from drums import PLAYED_BY
from quality import ROOT, SHARED, run, score

DATA = SHARED / "data"


def read(path):
    samples, rate = soundfile.read(path, always_2d=True)
    assert rate == 44100, path
    return samples


def stems_of(piece):
    return {path.stem: read(path) for path in sorted((piece / "stems").iterdir())}


def renamed(piece, names):
    """The stems under the names that they have in a dictionary; others are summed up as names[None]."""
    stems = {}
    for name, samples in stems_of(piece).items():
        target = names.get(name, names.get(None))
        stems[target] = stems.get(target, 0) + samples
    return stems


def drumkit():
    for piece in sorted((DATA / "drums").iterdir()):
        yield piece.name, renamed(piece, {"kick": "kick", "snare": "snare", "hihat": "hats", None: "rest"})


def drumkit_hits():
    for piece in sorted((DATA / "drums").iterdir()):
        yield piece.name, renamed(piece, {"kick": "kick", "snare": "snare", "hihat": "hats", "cymbals": "cymbals"})


def harmonic_percussive():
    for piece in sorted((DATA / "separation").iterdir()):
        if (piece / "stems/drums.flac").exists():
            yield piece.name, renamed(piece, {"drums": "percussive", None: "harmonic"})


def speech_noise():
    for name in ("speech_crowd", "speech_music"):
        yield name, renamed(DATA / "separation" / name, {"speech": "speech", None: "noise"})


def bass():
    for piece in sorted((DATA / "separation").iterdir()):
        if (piece / "stems/bass.flac").exists():
            yield piece.name, renamed(piece, {"bass": "bass", None: "rest"})


def piano():
    """Each piano with what accompanies it, equally loud."""
    for note in ("piano_bach_bwv846", "piano_maple_leaf", "piano2_elite"):
        for piece, stems in (("real_mdn_band", ["bass", "drums", "horns"]), ("real_sectoid_feelings", ["guitar"])):
            other = stems_of(DATA / "separation" / piece)
            rest = sum(other[stem] for stem in stems).mean(axis=1, keepdims=True)
            keys = read(DATA / "notes" / f"{note}.flac")
            n = min(len(rest), len(keys))
            parts = {"piano": keys[:n], "rest": rest[:n]}
            yield f"{note}+{piece}", {k: 0.05 * x / numpy.sqrt(numpy.mean(x ** 2)) for k, x in parts.items()}


PIECES = {"drumkit-hits": drumkit_hits, "drumkit": drumkit, "harmonic-percussive": harmonic_percussive, "speech-noise": speech_noise,
          "piano": piano, "bass": bass}


def without_kit(tool, name, piece, folder, otherwise):
    """A dictionary that has not heard the kit of a piece."""
    kit = PLAYED_BY.get(piece)
    if kit is None or not name.startswith("drumkit"):
        return otherwise
    run(ROOT / "presets/make", "--tool", tool, "--output", folder, "--without", kit, name)
    return os.path.join(folder, f"{name}.safetensors")


def mean_of(rows):
    return sum(gain for _, gain in rows) / len(rows)


def measure(tool, dictionary, stems, options):
    with tempfile.TemporaryDirectory(prefix="unbraid-presets-") as folder:
        scratch = pathlib.Path(folder)
        (scratch / "stems").mkdir()
        for name, samples in stems.items():
            soundfile.write(scratch / "stems" / f"{name}.wav", samples, 44100, subtype="FLOAT")
        soundfile.write(scratch / "mix.wav", sum(stems.values()), 44100, subtype="FLOAT")
        # The exponent is that of the presets: these dictionaries have not heard what plays.
        run(tool, "separate", "--progress", "none", "--bits", "32f", "-d", dictionary, "--mask-exponent", "1", "-o",
            scratch / "out", *options, scratch / "mix.wav")
        rest = scratch / "out/mix/rest.wav"
        missing = [name for name in stems if not (scratch / "out/mix" / f"{name}.wav").exists()]
        if rest.exists() and len(missing) == 1:
            rest.rename(rest.with_stem(missing[0]))  # what free components have learned
        return score(scratch / "stems", scratch / "out/mix")[0]


def main():
    words = [word for word in sys.argv[1:] if word != "--left-out"]
    split = words.index("--") if "--" in words else len(words)
    tool, dictionaries, names, options = words[0], words[1], words[2:split], words[split + 1:]
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is not there")
    for name in names or PIECES:
        path = os.path.join(dictionaries, f"{name}.safetensors") if os.path.isdir(dictionaries) else dictionaries
        means, of_all = [], []
        method = ["--method", "hits"] if name == "drumkit-hits" else []
        for piece, stems in PIECES[name]():
            with tempfile.TemporaryDirectory(prefix="unbraid-presets-") as folder:
                left_out = "--left-out" in sys.argv
                known = without_kit(tool, name, piece, folder, path) if left_out else path
                rows = measure(tool, known, stems, method + options)
            of_all.append(mean_of(rows))
            means.append(mean_of([row for row in rows if not method or row[0] != "cymbals"]))
            print(f"  {piece:38s} {means[-1]:6.2f}  " + "  ".join(f"{s} {gain:.1f}" for s, gain in rows), flush=True)
        print(f"{name} mean {sum(means) / len(means):.2f}, of all stems {sum(of_all) / len(of_all):.2f}")


main()
