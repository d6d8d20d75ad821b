#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcription on the recordings of notes beside the checkout.

    tests/bench/notes.py UNBRAID [--piano DICT] [--guitar DICT] [PIECE ...] [-- OPTION ...]
    tests/bench/notes.py UNBRAID --choose [--stems] [PIECE ...] [-- OPTION ...]
    tests/bench/notes.py UNBRAID --left-out [PIECE ...] [-- OPTION ...]
    tests/bench/notes.py UNBRAID --live STREAM_FILE [--left-out] [PIECE ...]
    tests/bench/notes.py UNBRAID --stems [--any DICT] [PIECE ...] [-- OPTION ...]

PIECE is the beginning of names (piano, guitar_gym, default: all). DICT are dictionaries of the
pianos and the guitars, in place of the presets piano-notes and guitar-notes. With --left-out,
`presets/make` makes a dictionary without the instrument that plays, for each piece; that needs what
`presets/README.md` says. With --live the notes are those that a stream hears while it plays, in
each mode; STREAM_FILE is the program of that name in a build. With --stems, the stems of rendered
pieces, drums left out, are transcribed with each of piano-notes, guitar-notes and any-notes, for
which DICT may stand. With --choose there is no dictionary, so that the tool chooses; the
source that it chose stands before the figures. OPTIONs go to `unbraid transcribe`. Prints precision, recall and F1 of
onsets (50 ms), F1 with offsets too, and how many times faster than real time it was on one thread;
and means. Nothing passes or fails. Needs ../shared/data and ../shared/tools/score,
python3-mir-eval, python3-mido and python3-soundfile.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import mido
import numpy
import soundfile

from quality import ROOT, SHARED, run

NOTES = SHARED / "data/notes"
MODES = ["quality", "balanced", "live", "short"]
PLAYED_BY = {"piano_": "salamander", "piano2_": "fluid", "guitar_gymnopedie": "nylon", "guitar_bethena": "steel"}


def instrument(piece):
    return "piano" if piece.startswith("piano") else "guitar"


def dictionary_without(tool, piece, folder):
    """Made once for each instrument that plays."""
    material = next(name for start, name in PLAYED_BY.items() if piece.startswith(start))
    name = f"{instrument(piece)}-notes"
    target = folder / material
    if not target.exists():
        target.mkdir()
        run(ROOT / "presets/make", "--tool", tool, "--output", target, "--without", material, name)
    return target / f"{name}.safetensors"


def measure(tool, dictionary, sound, truth, folder, options):
    """@return precision, recall, F1, F1 with offsets, times real time."""
    midi = folder / "out.mid"
    named = ["-d", dictionary] if dictionary else []
    began = time.monotonic()
    run(tool, "transcribe", "--progress", "none", "-j", 1, *named, "-o", midi, *options, sound)
    speed = soundfile.info(sound).duration / (time.monotonic() - began)
    text = run(SHARED / "tools/score", "notes", truth, midi)
    if not dictionary:
        print("chose", mido.MidiFile(midi).tracks[-1].name, end=" ")
    return [float(value) for value in re.findall(r"=([\d.]+)", text.splitlines()[-1])] + [speed]


def stems_of(piece, folder):
    """Its stems that have notes, and files with the notes of each."""
    song = mido.MidiFile(piece / "notes.mid")
    tempo = [message for track in song.tracks for message in track if message.type == "set_tempo"]
    for track in song.tracks:
        sound = piece / f"stems/{track.name}.flac"
        if track.name != "drums" and sound.exists():
            truth = folder / "truth.mid"
            tracks = [mido.MidiTrack(tempo[:1]), track]
            mido.MidiFile(ticks_per_beat=song.ticks_per_beat, tracks=tracks).save(truth)
            yield sound, truth


def measure_stems(given, options, folder):
    """@return rows of values by the name of the dictionary."""
    dictionaries = {"piano": given.piano, "guitar": given.guitar, "any": given.any}
    dictionaries = {"chosen": None} if given.choose else dictionaries
    rows = {}
    for piece in sorted((SHARED / "data/separation").glob("synth_*")):
        for sound, truth in stems_of(piece, folder) if piece.name.startswith(tuple(given.pieces)) else ():
            for name, dictionary in dictionaries.items():
                values = measure(given.tool, dictionary, sound, truth, folder, options)
                rows.setdefault(name, []).append(values)
                print_row(f"{piece.name[6:18]} {sound.stem} {name}", values)
    return rows


def hear(program, mode, dictionary, piece, folder):
    """As measure(), by a stream."""
    sound, midi, lines = NOTES / f"{piece}.flac", folder / "out.mid", folder / "notes"
    samples, rate = soundfile.read(sound, dtype="float32")
    samples = numpy.concatenate([samples, numpy.zeros(rate, "float32")])
    began = time.monotonic()
    subprocess.run([program, mode, str(rate), "1", dictionary, "64", "0", "1", "0", lines],
                   input=samples.tobytes(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    speed = len(samples) / rate / (time.monotonic() - began)
    file, track, now = mido.MidiFile(ticks_per_beat=1000), mido.MidiTrack(), 0
    for line in lines.read_text().splitlines():
        when, pitch, velocity = line.split()
        ticks = max(now, round(2000 * float(when)))
        track.append(mido.Message("note_on", note=int(pitch), velocity=int(velocity), time=ticks - now))
        now = ticks
    file.tracks.append(track)
    file.save(midi)
    text = run(SHARED / "tools/score", "notes", NOTES / f"{piece}.mid", midi)
    return [float(value) for value in re.findall(r"=([\d.]+)", text.splitlines()[-1])] + [speed]


def print_row(name, values):
    print(f"{name:28s}" + "".join(f" {value:6.3f}" for value in values[:4]) + f" {values[4]:6.1f}", flush=True)


def read_words():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("--piano", default=ROOT / "presets/piano-notes.safetensors")
    parser.add_argument("--guitar", default=ROOT / "presets/guitar-notes.safetensors")
    parser.add_argument("--any", default=ROOT / "presets/any-notes.safetensors")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--stems", action="store_true")
    parser.add_argument("--left-out", action="store_true")
    parser.add_argument("--live", metavar="STREAM_FILE")
    parser.add_argument("pieces", nargs="*", default=[""])
    return parser.parse_intermixed_args(words[:split]), words[split + 1:]


def measure_pieces(given, options, folder):
    """@return rows of values by instrument, and mode."""
    rows = {}
    for piece in sorted(path.stem for path in NOTES.glob("*.flac") if path.stem.startswith(tuple(given.pieces))):
        kind = instrument(piece)
        dictionary = dictionary_without(given.tool, piece, folder) if given.left_out else getattr(given, kind)
        dictionary = None if given.choose else dictionary
        for mode in MODES if given.live else [""]:
            values = (hear(given.live, mode, dictionary, piece, folder) if given.live else
                      measure(given.tool, dictionary, NOTES / f"{piece}.flac", NOTES / f"{piece}.mid", folder, options))
            rows.setdefault(f"{kind} {mode}".strip(), []).append(values)
            print_row(f"{piece} {mode}".strip(), values)
    return rows


def main():
    given, options = read_words()
    if not NOTES.is_dir():
        sys.exit(f"skipped: {NOTES} is not there")
    print(f"{'piece':28s}" + "".join(f" {word:>6s}" for word in ("P", "R", "F1", "F1off", "speed")))
    with tempfile.TemporaryDirectory(prefix="unbraid-notes-") as name:
        rows = (measure_stems if given.stems else measure_pieces)(given, options, pathlib.Path(name))
    for kind, values in rows.items():
        print_row(f"mean of {kind}", [sum(column) / len(column) for column in zip(*values)])


main()
