#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcription by unbraid and by others, on the recordings of notes beside the checkout.

    tests/bench/note_peers.py UNBRAID [--basic-pitch FOLDER] [PIECE ...]

PIECE is the beginning of names (default: all). The others, each with its defaults: aubionotes
(Debian aubio-tools), and Basic Pitch where FOLDER is one in which `npm install @spotify/basic-pitch`
was run. Prints precision, recall and F1 of onsets (50 ms) and F1 with offsets too, piece by piece,
and means. unbraid has piano-notes and guitar-notes, which know some of the instruments; without
them see `notes.py --left-out`. Nothing passes or fails. Needs ../shared/data and
../shared/tools/score, python3-mir-eval, python3-mido, python3-scipy and python3-soundfile.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import mido
import scipy.signal
import soundfile

from quality import ROOT, SHARED, run

NOTES = SHARED / "data/notes"


def save(notes, path):
    """Rows of onset, offset, pitch and velocity as a MIDI file with ticks of half a millisecond."""
    events = [(round(2000 * onset), 1, int(pitch), int(velocity)) for onset, _, pitch, velocity in notes]
    events += [(max(round(2000 * offset), round(2000 * onset) + 1), 0, int(pitch), 0) for onset, offset, pitch, _ in notes]
    file, track, now = mido.MidiFile(ticks_per_beat=1000), mido.MidiTrack(), 0
    for ticks, _, pitch, velocity in sorted(events):
        track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=max(0, ticks - now)))
        now = max(now, ticks)
    file.tracks.append(track)
    file.save(path)


def by_unbraid(given, sound, target):
    kind = "piano" if sound.stem.startswith("piano") else "guitar"
    run(given.tool, "transcribe", "--progress", "none", "-d", ROOT / f"presets/{kind}-notes.safetensors", "-o", target, sound)


def by_aubio(_, sound, target):
    """It prints pitch, onset and offset of notes, one of them a silent one at the start."""
    rows = [line.split() for line in run("aubionotes", "-i", sound).splitlines()]
    save([(float(row[1]), float(row[2]), round(float(row[0])), 90) for row in rows if len(row) == 3], target)


def by_basic_pitch(given, sound, target):
    samples, rate = soundfile.read(sound, dtype="float32", always_2d=True)
    mono = scipy.signal.resample_poly(samples.mean(axis=1), 22050, rate).astype("float32")
    done = subprocess.run(["node", pathlib.Path(__file__).with_name("basic_pitch.cjs"), given.basic_pitch],
                          input=mono.tobytes(), capture_output=True, check=True)
    save([[float(word) for word in line.split()] for line in done.stdout.decode().splitlines()], target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("--basic-pitch", metavar="FOLDER")
    parser.add_argument("pieces", nargs="*", default=[""])
    given = parser.parse_intermixed_args()
    if not NOTES.is_dir():
        sys.exit(f"skipped: {NOTES} is not there")
    peers = {"unbraid": by_unbraid, "aubionotes": by_aubio}
    if given.basic_pitch:
        peers["Basic Pitch"] = by_basic_pitch
    rows = {}
    print(f"{'piece':28s} {'by':12s}" + "".join(f" {word:>6s}" for word in ("P", "R", "F1", "F1off")))
    with tempfile.TemporaryDirectory(prefix="unbraid-peers-") as folder:
        for sound in sorted(path for path in NOTES.glob("*.flac") if path.stem.startswith(tuple(given.pieces))):
            for name, transcribe in peers.items():
                target = pathlib.Path(folder) / "out.mid"
                transcribe(given, sound, target)
                text = run(SHARED / "tools/score", "notes", sound.with_suffix(".mid"), target)
                values = [float(value) for value in re.findall(r"=([\d.]+)", text.splitlines()[-1])]
                rows.setdefault((sound.stem.split("_")[0].rstrip("2"), name), []).append(values)
                print(f"{sound.stem:28s} {name:12s}" + "".join(f" {value:6.3f}" for value in values), flush=True)
    for (kind, name), values in sorted(rows.items()):
        means = [sum(column) / len(column) for column in zip(*values)]
        print(f"{'mean of ' + kind:28s} {name:12s}" + "".join(f" {value:6.3f}" for value in means))


main()
