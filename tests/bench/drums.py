#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drum transcription on the recordings of kits beside the checkout.

    tests/bench/drums.py UNBRAID [-d DICT] [PIECE ...] [-- OPTION ...]
    tests/bench/drums.py UNBRAID --left-out [PIECE ...] [-- OPTION ...]

PIECE is the beginning of names (drums_rock, default: all). DICT takes the place of the preset
drum-notes. With --left-out, `presets/make` makes a dictionary without the kit that plays, for each
piece; that needs what `presets/README.md` says. OPTIONs go to `unbraid transcribe`. Prints F1 of
onsets (50 ms) of kick, snare and hi-hats, whichever of their keys was hit, their mean, how many
times faster than real time it was on one thread, and of sticks, toms and cymbals how many are right of those found and
of those played; and means. Nothing passes or fails. Needs
../shared/data, python3-mir-eval, python3-mido and python3-soundfile.
"""
import argparse
import pathlib
import sys
import tempfile
import time

import mido
import numpy
import soundfile
from mir_eval.onset import f_measure
from mir_eval.util import match_events

from quality import ROOT, SHARED, run

DRUMS = SHARED / "data/drums"
PLAYED_BY = {"drums_rock": "rock", "drums_colombo": "colombo", "drums_tr808": "tr808"}
PARTS = {"kick": (35, 36), "snare": (38, 40), "hats": (42, 44, 46)}
OTHERS = {"stick": (37,), "toms": (41, 43, 45, 47, 48, 50), "cymbals": (49, 51, 52, 53, 55, 57, 59)}


def dictionary_without(tool, piece, folder):
    """Made once for each kit that plays; others have heard none of it."""
    kit = PLAYED_BY.get(piece)
    if kit is None:
        return ROOT / "presets/drum-notes.safetensors"
    run(ROOT / "presets/make", "--tool", tool, "--output", folder, "--without", kit, "drum-notes")
    return folder / "drum-notes.safetensors"


def onsets(path):
    """@return the onsets of each part, in seconds."""
    now, found = 0.0, {part: [] for part in PARTS | OTHERS}
    for message in mido.MidiFile(path):
        now += message.time
        for part, keys in (PARTS | OTHERS).items():
            if message.type == "note_on" and message.velocity > 0 and message.note in keys:
                found[part].append(now)
    return {part: numpy.array(sorted(times)) for part, times in found.items()}


def measure(tool, dictionary, piece, folder, options):
    """@return F1 of each of PARTS, their mean, times real time; (right, found, played) of each of OTHERS."""
    sound, midi = DRUMS / piece / "mix.flac", folder / "out.mid"
    began = time.monotonic()
    run(tool, "transcribe", "--drums", "--progress", "none", "-j", 1, "-d", dictionary, "-o", midi, *options,
        sound)
    speed = soundfile.info(sound).duration / (time.monotonic() - began)
    true, found = onsets(DRUMS / piece / "onsets.mid"), onsets(midi)
    scores = [f_measure(true[part], found[part], window=0.05)[0] for part in PARTS]
    others = [(len(match_events(true[part], found[part], 0.05)), len(found[part]), len(true[part])) for part in OTHERS]
    return scores + [sum(scores) / len(scores), speed], others


def print_row(name, values, others):
    print(f"{name:24s}" + "".join(f" {value:6.3f}" for value in values[:4]) + f" {values[4]:6.1f} "
          + "".join(f" {right:4d}/{found:d}/{played:d}" for right, found, played in others), flush=True)


def read_words():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("-d", "--dictionary", default=ROOT / "presets/drum-notes.safetensors")
    parser.add_argument("--left-out", action="store_true")
    parser.add_argument("pieces", nargs="*", default=[""])
    return parser.parse_args(words[:split]), words[split + 1:]


def main():
    given, options = read_words()
    if not DRUMS.is_dir():
        sys.exit(f"skipped: {DRUMS} is not there")
    rows = []
    print(f"{'piece':24s}" + "".join(f" {word:>6s}" for word in (*PARTS, "mean", "speed"))
          + "   right/found/played: " + ", ".join(OTHERS))
    with tempfile.TemporaryDirectory(prefix="unbraid-drums-") as name:
        folder = pathlib.Path(name)
        for piece in sorted(path.name for path in DRUMS.iterdir() if path.name.startswith(tuple(given.pieces))):
            dictionary = dictionary_without(given.tool, piece, folder) if given.left_out else given.dictionary
            rows.append(measure(given.tool, dictionary, piece, folder, options))
            print_row(piece, *rows[-1])
    if rows:
        print_row("mean", [sum(column) / len(column) for column in zip(*(row for row, _ in rows))],
                  [tuple(map(sum, zip(*part))) for part in zip(*(others for _, others in rows))])


if __name__ == "__main__":
    main()
