#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a voice gains: vocals, blind and with a marked passage, and speech in noise and music.

    tests/bench/voices.py UNBRAID [vocals] [passages] [speech] [--games DIR]

Sung vocals (two of 12 s from ../shared/data, at 13 s and 27 s) are laid over 40 s of music from Debian's packages
fretsonfire-songs-sectoid and frozen-bubble-data, installed or unpacked so that DIR (default /usr/share/games)
holds their folders; as loud as the music where they sound, and neither in time nor in tune with it. Speech (two readers)
stands 5 dB over noises, most of them computed, and 3 dB over music. Prints SI-SDR of voice / rest above doing nothing.
Nothing passes or fails. Needs python3-numpy and python3-soundfile."""
import argparse
import pathlib
import tempfile

import numpy
import soundfile

from quality import SHARED, run

RATE = 44100
PIECES = SHARED / "data/separation"
SECTOID = "fretsonfire/data/songs/sectoid"
SONGS = {
    "war of freedom": [(f"{SECTOID}/War of freedom/{x}.ogg", 40) for x in ("song", "guitar")],
    "escape from chaosland": [(f"{SECTOID}/Escape from chaosland/{x}.ogg", 40) for x in ("song", "guitar")],
    "metal madness": [(f"{SECTOID}/Metal madness/{x}.ogg", 40) for x in ("song", "guitar")],
    "frozen bubble": [("frozen-bubble/snd/frozen-mainzik-1p.ogg", 20)],
    "frozen bubble, two": [("frozen-bubble/snd/frozen-mainzik-2p.ogg", 20)]}


def read(path, start=0, seconds=None):
    samples, rate = soundfile.read(path, start=int(start * RATE), always_2d=True,
                                   frames=-1 if seconds is None else int(seconds * RATE))
    assert rate == RATE, path
    return samples


def power(x):
    return numpy.mean(x ** 2)


def songs(games):
    voices = [(13, read(PIECES / "real_lithium/stems/vocals.flac")), (27, read(PIECES / "real_rubidium/stems/vocals.flac"))]
    for name, parts in SONGS.items():
        if not all((games / path).exists() for path, _ in parts):
            print(f"  skipped: {name} is not below {games}")
            continue
        rest = sum(read(games / path, start, 40) for path, start in parts)
        voice = numpy.zeros_like(rest)
        for at, sung in voices:
            span = slice(at * RATE, at * RATE + len(sung))
            voice[span] += sung * numpy.sqrt(power(rest[span]) / power(sung))
        yield name, voice, rest


def pieces():
    for name in ("real_lithium", "real_rubidium"):
        stems = {path.stem: read(path) for path in (PIECES / name / "stems").iterdir()}
        voice = stems.pop("vocals")
        yield name, voice, sum(stems.values())


def shaped(x, gain):
    hz = numpy.maximum(numpy.fft.rfftfreq(len(x), 1 / RATE), 20)
    return numpy.fft.irfft(numpy.fft.rfft(x) * gain(hz), len(x))


def noises(n):
    random = numpy.random.default_rng(7)
    white, t = lambda: random.standard_normal(n), numpy.arange(n) / RATE
    unit = lambda x: x / x.std()
    yield "white noise", white()
    yield "pink noise", shaped(white(), lambda f: f ** -0.5)
    blades = sum(numpy.sin(2 * numpy.pi * 97 * k * t + k * k) / k for k in range(1, 9))
    yield "fan", unit(shaped(white(), lambda f: 200 / f / (1 + (f / 4000) ** 2))) + 0.6 * unit(blades)
    hum = sum(numpy.sin(2 * numpy.pi * 50 * k * t + k) / (k if k % 2 else 2 * k) for k in range(1, 30))
    yield "hum and hiss", unit(hum) + 0.3 * white()
    clicks = numpy.zeros(n)
    for at in (numpy.cumsum(random.uniform(0.08, 0.35, 60)) * RATE).astype(int):
        click = random.standard_normal(4000) * numpy.exp(-numpy.arange(4000) / random.uniform(200, 900))
        if at + 4000 <= n:
            clicks[at:at + 4000] += click * random.uniform(0.4, 1)
    yield "keyboard", clicks + 0.03 * clicks.std() * white()
    swell = numpy.interp(t, numpy.arange(0, 11), random.uniform(0.4, 1.4, 11))
    yield "street", swell * shaped(white(), lambda f: (f / 150) ** -0.9 / (1 + (f / 3000) ** 2))
    yield "crowd", read(PIECES / "speech_crowd/stems/noise.flac")[:, 0]


def spoken(kind, others, snr_db):
    for name, rest in others:
        for piece in ("speech_crowd", "speech_music"):
            voice = read(PIECES / piece / "stems/speech.flac")[:, 0]
            n = min(len(voice), len(rest))
            gain = numpy.sqrt(power(voice[:n]) / power(rest[:n]) / 10 ** (snr_db / 10))
            yield f"{kind}: {name}, {piece}", voice[:n, None], gain * rest[:n, None]


def music(games):
    yield "jazz", read(PIECES / "speech_music/stems/music.flac")[:, 0]
    for name, parts in SONGS.items():
        if all((games / path).exists() for path, _ in parts):
            yield name, sum(read(games / path, 60, 10) for path, _ in parts).mean(axis=1)


def si_sdr(found, truth):
    found, truth = found.ravel(), truth.ravel()
    wanted = truth * (found @ truth) / (truth @ truth)
    return 10 * numpy.log10((wanted @ wanted) / ((found - wanted) @ (found - wanted)))


def measure(title, tool, stem, options, cases):
    gains = []
    for name, voice, rest in cases:
        mix = voice + rest
        with tempfile.TemporaryDirectory(prefix="unbraid-voices-") as folder:
            soundfile.write(f"{folder}/mix.wav", mix, RATE, subtype="FLOAT")
            run(tool, "separate", "--progress", "none", "--bits", "32f", "-o", f"{folder}/out", *options, f"{folder}/mix.wav")
            found = read(f"{folder}/out/mix/{stem}.wav")
        gains.append((si_sdr(found, voice) - si_sdr(mix, voice), si_sdr(mix - found, rest) - si_sdr(mix, rest)))
        print(f"  {name:44s} %5.1f / %5.1f" % gains[-1], flush=True)
    print(f"{title} mean %.2f / %.2f" % tuple(numpy.mean(gains, axis=0)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("what", nargs="*")
    parser.add_argument("--games", type=pathlib.Path, default=pathlib.Path("/usr/share/games"))
    given = parser.parse_args()
    what = given.what or ["vocals", "passages", "speech"]
    if "vocals" in what:
        measure("vocals", given.tool, "vocals", ["--preset", "vocals"], [*songs(given.games), *pieces()])
    if "passages" in what:
        measure("passages", given.tool, "vocals", ["--accompaniment", "0-13"], songs(given.games))
    if "speech" in what:
        speech = ["--preset", "speech"]
        measure("speech in noise", given.tool, "speech", speech, spoken("noise", noises(10 * RATE), 5))
        measure("speech in music", given.tool, "speech", speech, spoken("music", music(given.games), 3))


main()
