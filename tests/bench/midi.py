#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure separation by a score on the rendered pieces beside the checkout.

    tests/bench/midi.py UNBRAID [--font SF2 | --combs | --presets FOLDER] [PIECE ...] [-- OPTION ...]

SI-SDR in dB above doing nothing of every stem: with the score as it is, with note times that are off by 50 ms (standard
deviation), and with a score that begins 1.7 s late and is 3 % slower, which has to be aligned. Dictionaries are learned
for each piece from scales and hits of another sound font than its own (Debian timgm6mb-soundfont), by fluidsynth.
--combs measures without any dictionary, --presets with those of a folder, such as presets/ or what presets/make --without
fluid has made. Options after -- go to `unbraid separate`. Nothing passes or fails."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import mido
import numpy
import soundfile

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "separation"
FONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"
HELD_S, STEP_S, TICKS = 1.5, 2.5, 960  # 960 ticks a second: 120 quarter notes a minute of 480


def notes_of(path):
    """(track, channel, program, key, velocity, onset, offset) of a file, in seconds; programs that change in a track
    count from where they do."""
    song = mido.MidiFile(path)
    notes = []
    for number, track in enumerate(song.tracks):
        now, program, down = 0.0, {}, {}
        for message in track:
            now += mido.tick2second(message.time, song.ticks_per_beat, 500000)
            if message.type == "program_change":
                program[message.channel] = message.program
            elif message.type in ("note_on", "note_off"):
                key = (message.channel, message.note)
                if key in down:
                    onset, velocity = down.pop(key)
                    notes.append((number, *key[:1], program.get(key[0], 0), key[1], velocity, onset, now))
                if message.type == "note_on" and message.velocity:
                    down[key] = (now, message.velocity)
    return [track.name for track in song.tracks], notes


def write(path, names, notes):
    song = mido.MidiFile(type=1, ticks_per_beat=TICKS // 2)
    for number, name in enumerate(names):
        track = mido.MidiTrack()
        events, programs = [], {}
        for _, channel, program, key, velocity, onset, offset in (n for n in notes if n[0] == number):
            programs[channel] = program
            begin = max(0, round(onset * TICKS))
            end = max(begin + 1, round(offset * TICKS))
            events.append((begin, 1, mido.Message("note_on", channel=channel, note=key, velocity=velocity)))
            events.append((end, 0, mido.Message("note_off", channel=channel, note=key)))
        track.append(mido.MetaMessage("track_name", name=name))
        track += [mido.Message("program_change", channel=c, program=p) for c, p in programs.items()]
        now = 0
        for time, _, message in sorted(events, key=lambda e: e[:2]):
            track.append(message.copy(time=time - now))
            now = time
        song.tracks.append(track)
    song.save(path)


def jittered(notes, seconds):
    random = numpy.random.default_rng(7)
    moves = random.normal(0.0, seconds, len(notes))
    return [n[:5] + (max(0.0, n[5] + m), max(0.01, n[6] + m)) for n, m in zip(notes, moves)]


def warped(notes, shift, stretch):
    return [n[:5] + (n[5] * stretch + shift, n[6] * stretch + shift) for n in notes]


def render(font, notes, names, folder):
    midi, wave = folder / "scale.mid", folder / "scale.wav"
    write(midi, names, notes)
    subprocess.run(["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.5", "-r", "44100", "-T", "wav", "-F", wave,
                    font, midi], check=True, capture_output=True)
    return midi, wave


def learn(tool, font, names, notes, folder):
    """A dictionary for every track: of scales with the programs and keys that it has."""
    made = []
    for number, name in enumerate(names):
        kinds = sorted({n[1:4] if n[1] == 9 else (0,) + n[2:4] for n in notes if n[0] == number})
        lessons, midis = [], []
        for channel, program in sorted({k[:2] for k in kinds}):
            keys = [k[2] for k in kinds if k[:2] == (channel, program)]
            scale = [(0, channel, program, key, 100, i * STEP_S + 0.1, i * STEP_S + 0.1 + HELD_S)
                     for i, key in enumerate(keys)]
            midi, wave = render(font, scale, ["scale"], folder)
            midis.append(midi.rename(folder / f"{name}-{program}.mid"))
            lessons.append(wave.rename(folder / f"{name}-{program}.wav"))
        if lessons:
            out = folder / f"{name}.dict"
            subprocess.run([tool, "learn", "--notes", "--progress", "none", "-o", out,
                            *[w for m in midis for w in ("--midi", m)],
                            f"{name}=" + ",".join(map(str, lessons))], check=True, capture_output=True)
            made += ["-d", out]
    return made


def si_sdr(truth, estimate):
    truth, estimate = truth.ravel() - truth.mean(), estimate.ravel() - estimate.mean()
    scaled = truth * (truth @ estimate / (truth @ truth))
    return 10 * numpy.log10((scaled @ scaled) / (((estimate - scaled) ** 2).sum() + 1e-12))


def separate(tool, piece, midi, words, folder, environment):
    subprocess.run([tool, "separate", "--progress", "none", "--bits", "32f", "-o", folder, "--midi", midi, *words,
                    piece / "mix.flac"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=environment)
    mix = soundfile.read(piece / "mix.flac", always_2d=True)[0]
    gains = {}
    for stem in sorted((piece / "stems").iterdir()):
        truth = soundfile.read(stem, always_2d=True)[0]
        estimate = soundfile.read(folder / "mix" / f"{stem.stem}.wav", always_2d=True)[0]
        gains[stem.stem] = si_sdr(truth, estimate) - si_sdr(truth, mix)
    return gains


def main():
    parser = argparse.ArgumentParser(prog="midi.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("piece", nargs="*")
    parser.add_argument("--font", default=FONT)
    parser.add_argument("--presets", type=pathlib.Path)
    parser.add_argument("--combs", action="store_true")
    own = sys.argv[1:sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    words = sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else []
    given = parser.parse_args(own)
    pieces = [DATA / p for p in given.piece] or sorted(DATA.glob("synth_*"))
    if not pieces:
        print(f"no rendered pieces in {DATA}")
        sys.exit(77)
    totals = {}
    for piece in pieces:
        names, notes = notes_of(piece / "notes.mid")
        scores = {"in time": notes, "50 ms off": jittered(notes, 0.05),
                  "1.7 s late, 3 % slower": warped(notes, 1.7, 1.03)}
        with tempfile.TemporaryDirectory(prefix="unbraid-bench-") as name:
            folder = pathlib.Path(name)
            # Presets without dictionaries take the place of those that come with the tool.
            for preset in ("piano-notes", "guitar-notes", "drum-notes"):
                (folder / f"{preset}.preset").write_text(f"title = {preset}\n")
            environment = {**os.environ, "UNBRAID_PRESETS": str(given.presets or folder)}
            is_bare = given.combs or given.presets
            dictionaries = [] if is_bare else learn(given.tool, given.font, names, notes, folder)
            for label, moved in scores.items():
                write(folder / "score.mid", names, moved)
                gains = separate(given.tool, piece, folder / "score.mid", dictionaries + words, folder / "out",
                                 environment)
                totals.setdefault(label, []).extend(gains.values())
                print(f"{piece.name:26s} {label:24s}", " ".join(f"{k} {v:5.1f}" for k, v in gains.items()), flush=True)
    for label, values in totals.items():
        print(f"{'mean':26s} {label:24s} {numpy.mean(values):5.2f}")


main()
