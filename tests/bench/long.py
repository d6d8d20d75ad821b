#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether hours of audio take the memory of minutes, and the same time per minute.

    tests/bench/long.py UNBRAID [--minutes 180] [--blind] [-- OPTION ...]

Makes a stereo recording of four instruments at 44.1 kHz, 16 bits, of that many minutes and one of
three; separates both on one thread with a dictionary of 4 sources of 32 templates, learned from
the instruments alone, or blind; and prints for each the time, the real-time factor, the processor
time per minute and the peak of resident memory. OPTIONs go to `unbraid separate`. Stems are
checked to be whole. With the default the temporary folder (TMPDIR) takes 10 GB; nothing stays.
Nothing passes or fails, but a broken stem ends it. Needs python3-numpy and python3-soundfile.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy
import soundfile

RATE_HZ = 44100
BLOCK_S = 10
SHORT_MINUTES = 3
PANS = {"bass": (0.7, 0.7), "chords": (0.9, 0.4), "drums": (0.6, 0.8), "lead": (0.3, 0.9)}


def notes(midi, every_s, decay_s, partials):
    """A block of decaying notes, one after the other."""
    length = int(every_s * RATE_HZ)
    t = numpy.arange(length) / RATE_HZ
    block = numpy.zeros(BLOCK_S * RATE_HZ)
    for i in range(BLOCK_S * RATE_HZ // length):
        hz = 440 * 2 ** ((midi[i % len(midi)] - 69) / 12)
        wave = sum(numpy.sin(2 * numpy.pi * hz * p * t) / p for p in range(1, partials + 1))
        block[i * length:(i + 1) * length] = wave * numpy.exp(-t / decay_s)
    return block


def drums(dice):
    t = numpy.arange(BLOCK_S * RATE_HZ) / RATE_HZ
    hats = numpy.diff(dice.standard_normal(len(t) + 1)) * numpy.exp(-(t % 0.25) / 0.03)
    age = t % 1.0
    return 0.2 * hats + numpy.sin(60 * numpy.exp(-age / 0.04)) * numpy.exp(-age / 0.12)


def play(number):
    """Block `number` of every instrument, in stereo: the same on every run."""
    dice = numpy.random.default_rng(number)
    root = 33 + int(dice.integers(0, 12))
    scale = numpy.array([0, 2, 4, 5, 7, 9, 11, 12])
    chord = root + 24 + scale[dice.integers(0, 8, 4)]
    mono = {"bass": 0.25 * notes(root + scale[dice.integers(0, 5, 8)], 0.5, 0.4, 4),
            "chords": sum(0.06 * notes([key], 2.0, 1.5, 6) for key in chord),
            "drums": 0.25 * drums(dice),
            "lead": 0.15 * notes(root + 36 + scale[dice.integers(0, 8, 16)], 0.25, 0.2, 8)}
    return {name: numpy.outer(sound, PANS[name]) for name, sound in mono.items()}


def write(path, minutes, choose):
    """A recording, a block at a time; `choose` makes one signal of those of the instruments."""
    n_samples = int(minutes * 60 * RATE_HZ)
    kind = "RF64" if n_samples * 4 > 2 ** 32 - 65536 else "WAV"
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, "PCM_16", format=kind) as file:
        for number in range(-(-n_samples // (BLOCK_S * RATE_HZ))):
            file.write(choose(play(number))[:n_samples - number * BLOCK_S * RATE_HZ])
    return n_samples


def run(command):
    """@return what the command printed, wall and processor seconds, peak of resident MB."""
    begin = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    out = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[0]} failed")
    return (out, time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def check_stems(paths, n_samples):
    for path in paths:
        stem = soundfile.info(path)
        if (stem.frames, stem.channels, stem.samplerate) != (n_samples, 2, RATE_HZ):
            sys.exit(f"{path} has {stem.frames} of {n_samples} samples")
    size = max(os.path.getsize(path) for path in paths)
    return f"{len(paths)} stems, {soundfile.info(paths[0]).format}, {size / 1e6:.0f} MB each"


def measure(tool, scratch, minutes, options):
    n_samples = write(scratch / "long.wav", minutes, lambda sounds: sum(sounds.values()))
    out, wall, cpu, peak = run([tool, "separate", "-j", 1, "-o", scratch / "out", "--progress",
                                "none", *options, scratch / "long.wav"])
    stems = check_stems(out.splitlines(), n_samples)
    shutil.rmtree(scratch / "out")
    (scratch / "long.wav").unlink()
    print(f"{minutes:7g} min  {wall:7.1f} s  {60 * minutes / wall:6.1f} x real time  "
          f"{cpu / minutes:6.3f} s CPU/min  {peak:6.1f} MB  {stems}", flush=True)
    return cpu / minutes, peak


def check_room(folder, minutes, options):
    sample_bytes = 4 if "32f" in options else 3 if "24" in options else 2
    need = minutes * 60 * RATE_HZ * 2 * (2 + 4 * sample_bytes) * 1.02
    free = shutil.disk_usage(folder).free
    if free < need:
        sys.exit(f"{folder} has {free / 1e9:.1f} GB free, and this takes {need / 1e9:.1f}; "
                 "set TMPDIR or --minutes")


def learn(tool, scratch):
    training = []
    for name in PANS:
        path = scratch / f"{name}.wav"
        write(path, 1, lambda sounds, name=name: sounds[name])
        training.append(f"{name}={path}")
    run([tool, "learn", "-k", 32, "-o", scratch / "band.dict", "--progress", "none", *training])
    return ["-d", scratch / "band.dict"]


def main():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("tool")
    parser.add_argument("--minutes", type=float, default=180)
    parser.add_argument("--blind", action="store_true")
    asked = parser.parse_args(words[:split])
    options = words[split + 1:]
    with tempfile.TemporaryDirectory(prefix="unbraid-long-") as folder:
        scratch = pathlib.Path(folder)
        check_room(scratch, asked.minutes, options)
        options = (["-n", 4] if asked.blind else learn(asked.tool, scratch)) + options
        short_cpu, short_peak = measure(asked.tool, scratch, SHORT_MINUTES, options)
        long_cpu, long_peak = measure(asked.tool, scratch, asked.minutes, options)
    print(f"long to short: {long_cpu / short_cpu:.3f} of the CPU time per minute, "
          f"{long_peak / short_peak:.2f} of the memory")


main()
