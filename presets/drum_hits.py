# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of drum hits: the spectra of some frames from where a drum is struck, the mean of what several kits have
for a key of General MIDI. They need no factorisation: a sample holds one hit."""
import fnmatch

import numpy

import material

WINDOW, HOP = 2048, 512
# For transcription, which needs no more than the beginning of a hit.
NOTE_FRAMES = 10
NOTE_SOURCES = {"kick": [36], "snare": [38], "stick": [37], "hats": [42, 44, 46], "toms": [45, 47, 50], "crash": [49, 55],
                "ride": [51, 53]}
# For separation, where what rings on belongs to what was hit.
KIT_FRAMES = 20
KIT_SOURCES = {"kick": [36], "snare": [37, 38], "hats": [42, 44, 46], "toms": [45, 47, 50], "cymbals": [49, 51, 53, 55]}
VELOCITIES = [50, 85, 120]

# Files of the kits by key, and which keys of the sound font play the same.
FILES = {
    "rock": {36: ["Kick-*"], 37: ["SideStick-*"], 38: ["Snare-*", "SnareRimshot-*"], 42: ["HatClosed-*"],
             44: ["HatPedal-*"], 45: ["TomFloor-*"], 46: ["HatOpen-*", "HatSemiOpen-*"], 47: ["Tom2-*"],
             49: ["Crash-*"], 50: ["Tom1-*"], 51: ["24Ride-*", "Ride-*"], 53: ["Bell-*"], 55: ["Splash-*"]},
    "colombo": {36: ["bassdrum-*"], 37: ["stick-rim-*"], 38: ["snare-*"], 42: ["hihat-closed-*"], 45: ["tom-low-*"],
                46: ["hihat-open-*", "hihat-semi-open-*"], 47: ["tom-mid-*"], 49: ["crash*__crash*"],
                50: ["tom-hi-*"], 51: ["crash*__ride[0-9]*"], 53: ["crash*__ride[_-]cup*"]},
    "tr808": {36: ["808_Kick_*"], 38: ["808_Snare_*"], 42: ["808_Hat_Closed*"], 44: ["808_Hat_Pedal*"],
              45: ["808_Tom_Low*"], 46: ["808_Hat_Open*"], 47: ["808_Tom_Mid*"], 49: ["808_Cymbal*"],
              50: ["808_Tom_Hi*"]},
}
FONT_KEYS = {36: [35, 36], 37: [37], 38: [38, 40], 42: [42], 44: [44], 45: [41, 43], 46: [46], 47: [45, 47],
             49: [49, 57], 50: [48, 50], 51: [51, 59], 53: [53], 55: [55]}


def kit_hits(kit):
    """{key: sounds} of a kit of samples."""
    files = sorted((material.KITS / material.KIT_FOLDERS[kit]).iterdir())
    return {key: [material.read(path) for path in files if any(fnmatch.fnmatch(path.name, p) for p in patterns)]
            for key, patterns in FILES[kit].items()}


def font_hits(shop, program):
    """{key: sounds} of a kit of the sound font."""
    hits = {}
    for key, font_keys in FONT_KEYS.items():
        hits[key] = shop.render([(k, v) for k in font_keys for v in VELOCITIES], program, 9, 1.5)
    return hits


def spectra(sound, n_frames):
    """Frames from where a sound begins, which is where it has a tenth of its peak: the mean over a hop of places, for
    a hit falls anywhere between two frames. Their sum is one."""
    begin = int(numpy.argmax(numpy.abs(sound) >= 0.1 * numpy.abs(sound).max()))
    window = numpy.hanning(WINDOW + 1)[:WINDOW]
    padded = numpy.concatenate([numpy.zeros(WINDOW), sound, numpy.zeros(WINDOW + HOP * n_frames)])
    total = 0.0
    for shift in range(-HOP * 3 // 8, HOP // 2, HOP // 4):
        first = WINDOW // 2 + begin + shift
        frames = [padded[first + i * HOP:first + i * HOP + WINDOW] * window for i in range(n_frames)]
        total = total + numpy.abs(numpy.fft.rfft(frames, axis=1))
    return total / total[:NOTE_FRAMES].sum()


def templates(shop, wanted, n_frames):
    """@return sources, the source and the key of each template, and the templates: frames, bins, templates."""
    kits = [kit_hits(kit) for kit in FILES if shop.has(kit)]
    kits += [font_hits(shop, program) for program in material.DRUM_PROGRAMS if shop.has("fluid")]
    means, owners, keys = [], [], []
    for i, source in enumerate(wanted):
        for key in wanted[source]:
            heard = [[spectra(sound, n_frames) for sound in kit.get(key, []) if numpy.abs(sound).max() > 1e-4] for kit in kits]
            heard = [numpy.mean(of_kit, axis=0) for of_kit in heard if of_kit]
            if heard:
                mean = numpy.mean(heard, axis=0)
                means.append(mean / mean.sum())
                owners.append(i)
                keys.append(key)
    sources = [name for i, name in enumerate(wanted) if i in owners]
    owners = [sources.index(list(wanted)[owner]) for owner in owners]
    return sources, owners, keys, numpy.stack(means, axis=2)


def metadata(sources, owners, keys, n_frames):
    """What a dictionary of these templates says of them, but for licence and origin."""
    return {"sources": sources, "component_source": owners, "component_pitch": keys, "sample_rate_hz": material.RATE,
            "window": "hann", "window_samples": WINDOW, "hop_samples": HOP, "beta": 1, "sparsity": 0,
            "frames_before": 0, "frames_after": n_frames - 1, "context_samples": HOP}
