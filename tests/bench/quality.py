#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Separation quality on the development recordings beside the checkout.

    tests/bench/quality.py UNBRAID [blind|supervised ...] [-- OPTION ... [++ OPTION ...]]

blind: `unbraid separate -n N` with the true number of sources, best assignment.
supervised: a dictionary from the first half of every true stem separates the second half of the
mix. A stem that is silent in the first half cannot be learned and is left out of the mean.
OPTIONs go to `unbraid separate` and, when supervised, to `unbraid learn`; where there is a ++,
those before it to the one and those behind it to the other. Prints, piece by piece, the SI-SDR above doing nothing and the depth of the null, and the means. Nothing passes or
fails. Needs ../shared/data and ../shared/tools/score, python3-numpy and python3-soundfile.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def score(references, estimates, *options):
    """Rows of (stem, dSI), missing stems left out, and the residual in dB."""
    text = run(SHARED / "tools/score", "stems", references, estimates, *options)
    rows = [line.rsplit(None, 4) for line in text.splitlines()[1:]]
    rows = [(row[0].strip(), float(row[4])) for row in rows if len(row) == 5 and "=" not in row[0]
            and re.fullmatch(r"-?[\d.]+", row[4]) and "(missing)" not in row[0]]
    return rows, float(re.search(r"mix: (-?[\d.]+) dB", text)[1])


def cut(source, target, first):
    import soundfile
    samples, rate = soundfile.read(source, always_2d=True, dtype="int16")
    half = len(samples) // 2
    target.parent.mkdir(parents=True, exist_ok=True)
    part = samples[:half] if first else samples[half:]
    soundfile.write(target, part, rate, subtype="PCM_16")
    return bool(part.any())


def blind(tool, piece, scratch, options):
    stems = list((piece / "stems").iterdir())
    run(tool, "separate", "--progress", "none", "--bits", "32f", "-n", len(stems), "-o",
        scratch / "out", *options, piece / "mix.flac")
    return score(piece / "stems", scratch / "out/mix", "--match")


def for_learning(options):
    return options[options.index("++") + 1:] if "++" in options else options


def for_separation(options):
    return options[:options.index("++")] if "++" in options else options


def teach(tool, piece, scratch, options):
    """A dictionary from the first half of every stem; stems and mix of the second half beside it.
    @return the names of the sources: a stem that is silent in the first half has none."""
    training = []
    for stem in sorted((piece / "stems").iterdir()):
        if cut(stem, scratch / "learn" / stem.name, True):
            training.append(f"{stem.stem}={scratch / 'learn' / stem.name}")
        cut(stem, scratch / "stems" / stem.name, False)
    cut(piece / "mix.flac", scratch / "mix.flac", False)
    run(tool, "learn", "--progress", "none", "-o", scratch / "d.safetensors",
        *for_learning(options), *training)
    return [word.split("=")[0] for word in training]


def supervised(tool, piece, scratch, options):
    teach(tool, piece, scratch, options)
    run(tool, "separate", "--progress", "none", "--bits", "32f", "-d", scratch / "d.safetensors",
        "-o", scratch / "out", *for_separation(options), scratch / "mix.flac")
    return score(scratch / "stems", scratch / "out/mix")


def main():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    tool, modes, options = words[0], words[1:split] or ["blind", "supervised"], words[split + 1:]
    data = SHARED / "data/separation"
    if not data.is_dir():
        sys.exit(f"skipped: {data} is not there")
    for mode in modes:
        means = {}
        print(f"{mode} {' '.join(options)}")
        for piece in sorted(data.iterdir()):
            if mode == "supervised" and piece.name.startswith("speech"):
                continue  # ten seconds of one sentence: nothing to learn from
            scratch = pathlib.Path(tempfile.mkdtemp(prefix="unbraid-quality-"))
            try:
                rows, residual = globals()[mode](tool, piece, scratch, options)
            finally:
                shutil.rmtree(scratch)
            mean = sum(gain for _, gain in rows) / len(rows)
            means[piece.name] = mean
            stems = "  ".join(f"{name} {gain:.1f}" for name, gain in rows)
            print(f"  {piece.name:26s} dSI {mean:6.2f}  null {residual:7.1f}  | {stems}", flush=True)
        kinds = {name.split("_")[0] for name in means}
        for kind in sorted(kinds):
            some = [mean for name, mean in means.items() if name.startswith(kind)]
            print(f"  mean of {kind:18s} dSI {sum(some) / len(some):6.2f}")
        print(f"  mean                       dSI {sum(means.values()) / len(means):6.2f}")


if __name__ == "__main__":
    main()
