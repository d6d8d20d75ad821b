# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid transcribe: MIDI files, lists of notes and activations, where they go, and what is not
written."""
import array
import csv
import json
import math
import os
import pathlib
import signal
import subprocess

from notes import RATE, dictionary_bytes, midi_bytes, read_midi, render
from toolkit import TOOL, Test, add_up, info, main, read_wav, to_integers, wav_bytes, write_wav

# Quarter notes at 100 bpm, the last one a chord.
TUNE = [(0.6 * i + 0.5, 0.6 * i + 0.95, pitch, 60 + 10 * i)
        for i, pitch in enumerate([60, 64, 67, 62, 60])] + [(2.9, 3.35, 55, 100)]
SOUND = render(TUNE, 4.5)
DICTIONARY = dictionary_bytes(range(48, 73))


def siren(hz, seconds):
    """Ten partials that go up and down by an octave, which no string does."""
    angle, samples = 0.0, []
    for i in range(round(seconds * RATE)):
        angle += 2 * math.pi * hz / RATE * 2 ** math.sin(math.pi * i / RATE)
        samples.append(sum(math.sin(n * angle) for n in range(1, 11)) / 40)
    return samples


class Transcribe(Test):
    def setUp(self):
        super().setUp()
        write_wav("tune.wav", "f32", RATE, SOUND)
        pathlib.Path("piano.dict").write_bytes(DICTIONARY)

    def transcribe(self, *words, **options):
        return self.run_tool("transcribe", "-d", "piano.dict", *words, **options)

    def assert_tune(self, notes):
        """All of its notes are there, to 50 ms, and hardly any others: this is not the place to
        measure how well notes are found."""
        for onset, _, pitch, _ in TUNE:
            self.assertTrue([n for n in notes if n[2] == pitch and abs(n[0] - onset) < 0.05],
                            (onset, pitch, notes))
        self.assertLessEqual(len(notes), len(TUNE) + 2)

    def test_the_notes_come_as_a_midi_file_and_its_path_is_printed(self):
        self.assertEqual(self.transcribe("tune.wav").out, "tune.mid\n")
        tempo, tracks = read_midi(pathlib.Path("tune.mid").read_bytes())
        self.assertEqual([track[:2] for track in tracks], [("piano", 0)])
        self.assert_tune(tracks[0][2])
        self.assertAlmostEqual(60e6 / tempo, 100, delta=1)

    def test_without_a_dictionary_the_preset_that_fits_is_taken(self):
        done = self.run_tool("transcribe", "--csv", "-", "--progress", "json", "tune.wav")
        rows = list(csv.DictReader(done.out.splitlines()))
        self.assertIn('{"file": "tune.wav", "preset": "piano-notes"}', done.err)
        self.assertEqual({r["source"] for r in rows}, {"piano"})
        write_wav("siren.wav", "f32", RATE, [siren(220, 3.0)])
        done = self.run_tool("transcribe", "--progress", "json", "siren.wav")
        self.assertIn('{"file": "siren.wav", "preset": "any-notes"}', done.err)
        self.assertEqual(read_midi(pathlib.Path("siren.mid").read_bytes())[1][0][0], "notes")
        write_wav("short.wav", "f32", RATE, [SOUND[0][:RATE]])
        self.assertEqual(self.run_tool("transcribe", "short.wav").err, "")
        self.run_tool("transcribe", "--preset", "guitar-notes", "short.wav")
        self.assertEqual(read_midi(pathlib.Path("short.mid").read_bytes())[1][0][0], "guitar")

    def test_harmonics_alone_find_the_notes_of_any_instrument(self):
        self.run_tool("transcribe", "--preset", "any-notes", "tune.wav")
        (name, _, notes), = read_midi(pathlib.Path("tune.mid").read_bytes())[1]
        self.assertEqual(name, "notes")
        self.assert_tune(notes)

    def test_csv_and_json_say_the_same(self):
        done = self.transcribe("--csv", "a.csv", "--json", "b/a.json", "tune.wav")
        self.assertEqual(done.out.split(), ["a.csv", "b/a.json"])
        with open("a.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        about = json.loads(pathlib.Path("b/a.json").read_text())
        self.assertEqual(list(rows[0]), ["onset_s", "offset_s", "pitch_midi", "pitch_hz",
                                         "velocity", "source"])
        self.assertEqual(len(rows), len(about["notes"]))
        for row, note in zip(rows, about["notes"]):
            self.assertEqual({k: row[k] if k == "source" else float(row[k]) for k in row}, note)
        self.assert_tune([(n["onset_s"], n["offset_s"], n["pitch_midi"]) for n in about["notes"]])
        self.assertEqual(about["sources"], [{"name": "piano", "is_drums": False}])
        self.assertEqual(about["duration_s"], 4.5)

    def test_standard_output_and_standard_input(self):
        done = self.transcribe("--csv", "-", "-", input=wav_bytes("f32", RATE, SOUND))
        lines = done.out.splitlines()
        rows = list(csv.DictReader(lines))
        self.assert_tune([(float(r["onset_s"]), 0, int(r["pitch_midi"])) for r in rows])
        done = self.transcribe("-o", "-", "--csv", "x.csv", "tune.wav")
        self.assert_tune(read_midi(done.stdout)[1][0][2])
        self.assertEqual(pathlib.Path("x.csv").read_text(), "".join(l + "\n" for l in lines))

    def test_the_tempo_can_be_told_and_notes_moved_to_a_grid(self):
        self.transcribe("--bpm", "100", "--quantize", "1/8", "tune.wav")
        tempo, tracks = read_midi(pathlib.Path("tune.mid").read_bytes())
        self.assertEqual(tempo, 600000)
        for onset, offset, *_ in tracks[0][2]:
            self.assertAlmostEqual(onset / 0.3, round(onset / 0.3), delta=1e-6)
            self.assertAlmostEqual(offset / 0.3, round(offset / 0.3), delta=1e-6)
        on_beats = [n for n in tracks[0][2] if abs(n[0] / 0.6 - round(n[0] / 0.6)) < 1e-6]
        self.assertGreaterEqual(len(on_beats), len(TUNE))

    def test_activations_of_88_keys_with_their_times(self):
        self.transcribe("--activations", "a.npy", "--chroma", "c.csv", "--salience", "s.csv",
                        "--json", "j.json", "tune.wav")
        content = pathlib.Path("a.npy").read_bytes()
        size = 10 + int.from_bytes(content[8:10], "little")
        self.assertEqual((content[:8], size % 64, content[size - 1:size]),
                         (b"\x93NUMPY\x01\x00", 0, b"\n"))
        header = eval(content[10:size])  # a Python dictionary, as the format has it
        about = json.loads(pathlib.Path("j.json").read_text())
        self.assertEqual(header["shape"], (88, about["n_frames"]))
        values = array.array("f", content[size:])
        self.assertEqual(len(values), 88 * about["n_frames"])
        with open("s.csv", newline="") as file:
            salience = list(csv.DictReader(file))
        with open("c.csv", newline="") as file:
            chroma = list(csv.DictReader(file))
        self.assertEqual(len(salience), about["n_frames"])
        self.assertEqual(list(salience[0])[1:], [str(key) for key in range(21, 109)])
        frame = round((0.75 - about["first_frame_s"]) * about["frame_rate_hz"])
        column = values[88 * frame:88 * frame + 88]
        self.assertEqual(21 + max(range(88), key=lambda key: column[key]), 60)
        self.assertAlmostEqual(float(salience[frame]["time_s"]), 0.75, delta=0.02)
        for key in range(88):
            self.assertAlmostEqual(float(salience[frame][str(21 + key)]), column[key],
                                   delta=1e-4 * column[key])
        loudest = max(list(chroma[frame])[1:], key=lambda name: float(chroma[frame][name]))
        self.assertEqual(loudest, "C")

    def test_drums_go_to_their_channel(self):
        self.transcribe("--drums", "tune.wav")
        track = read_midi(pathlib.Path("tune.mid").read_bytes())[1][0]
        self.assertEqual(track[1], -1)
        self.assertEqual({note[4] for note in track[2]}, {9})

    def test_silence_gives_an_empty_but_valid_file(self):
        write_wav("silent.wav", "s16", RATE, [[0] * RATE, [0] * RATE])
        self.transcribe("silent.wav", "-o", "s.mid", "--csv", "s.csv")
        self.assertEqual(read_midi(pathlib.Path("s.mid").read_bytes())[1], [("piano", 0, [])])
        self.assertEqual(pathlib.Path("s.csv").read_text().count("\n"), 1)

    def test_several_recordings_are_named_after_themselves(self):
        write_wav("in/a.wav", "f32", RATE, SOUND)
        write_wav("in/deep/b.wav", "f32", RATE, SOUND)
        done = self.transcribe("in")
        self.assertEqual(done.out.split(), ["a.mid", "deep/b.mid"])
        done = self.transcribe("-o", "out/", "--csv", "out/{track}-notes.csv", "in/a.wav", "tune.wav")
        self.assertEqual(done.out.split(), ["out/a.mid", "out/a-notes.csv", "out/tune.mid",
                                            "out/tune-notes.csv"])
        self.assertEqual(self.transcribe("--json", "in", "tune.wav").out, "in/tune.json\n")
        before = pathlib.Path("a.mid").read_bytes()
        done = self.transcribe("-o", "a.mid", "in/a.wav", "tune.wav", status=2)
        self.assert_one_line(done, "a.mid", "{track}")
        done = self.transcribe("-o", "x.mid", "--csv", "x.mid", "tune.wav", status=2)
        self.assert_one_line(done, "x.mid")
        self.assertEqual(pathlib.Path("a.mid").read_bytes(), before)

    def test_threads_make_no_difference(self):
        for jobs in (1, 3):
            self.transcribe("-j", jobs, "--csv", f"{jobs}.csv", "tune.wav")
        self.assertEqual(pathlib.Path("1.csv").read_bytes(), pathlib.Path("3.csv").read_bytes())

    def test_stems_of_ranges_sum_to_the_recording(self):
        write_wav("low-and-high.wav", "s16", RATE, to_integers(render(
            [(0.2, 1.2, 50, 100), (1.4, 2.4, 72, 100)], 2.6), 16))
        done = self.transcribe("--separate", "--split", "Bb3,C5", "low-and-high.wav")
        names = ["low-and-high.mid"] + [f"separated/low-and-high/{name}.wav" for name in (
            "below-A#3", "A#3-to-B4", "from-C5")]
        self.assertEqual(done.out.split(), names)
        _, _, whole = read_wav("low-and-high.wav")
        stems = [read_wav(name)[2] for name in names[1:]]
        self.assertEqual(add_up(stems), whole)
        energy = [sum(x * x for x in stem[0][RATE // 2:RATE]) for stem in stems]
        self.assertGreater(energy[0], 30 * (energy[1] + energy[2]))
        energy = [sum(x * x for x in stem[0][3 * RATE // 2:2 * RATE]) for stem in stems]
        self.assertGreater(energy[2], 30 * (energy[0] + energy[1]))

    def test_an_interrupt_leaves_nothing(self):
        write_wav("long.wav", "f32", RATE, [SOUND[0] * 40])
        before = sorted(os.listdir("."))
        process = subprocess.Popen([TOOL, "transcribe", "-d", "piano.dict", "--progress", "json",
                                    "--activations", "x.npy", "-o", "x.mid", "long.wav"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(), -signal.SIGINT)
        self.assertEqual(sorted(os.listdir(".")), before)

    def test_after_a_failure_nothing_new_is_there(self):
        pathlib.Path("text.wav").write_text("text")
        write_wav("nan.wav", "f32", RATE, [[float("nan")] * RATE])
        before = sorted(os.listdir("."))
        for name in ("text.wav", "none.wav", "nan.wav"):
            done = self.transcribe("-o", "new/x.mid", "--activations", "new/x.npy", name, status=1)
            self.assert_one_line(done, name)
            self.assertEqual(sorted(os.listdir(".")), before)
        done = self.transcribe("none.wav", "tune.wav", status=1)
        self.assert_one_line(done, "none.wav")
        self.assertEqual(done.out, "tune.mid\n")

    def learn_and_transcribe(self, *words):
        self.run_tool("learn", "--notes", "-o", "own.dict", *words)
        done = self.run_tool("transcribe", "-d", "own.dict", "--csv", "-", "tune.wav")
        rows = list(csv.DictReader(done.out.splitlines()))
        self.assert_tune([(float(r["onset_s"]), 0, int(r["pitch_midi"]), 0) for r in rows])
        return info(self, "own.dict")

    def test_notes_are_learned_from_a_scale(self):
        scale = [(0.3 + 0.6 * i, 0.85 + 0.6 * i, 52 + i, 90) for i in range(18)]
        write_wav("scale.wav", "s16", RATE, to_integers(render(scale, 11.5), 16))
        about = self.learn_and_transcribe("scale.wav")
        self.assertEqual(about["sources"], [{"name": "scale", "components": 4 * 18}])
        self.assertEqual(about["origin"], "scale: scale.wav")
        # The scale again, from the other end, with a key left out, and said rather than found out.
        played = [n for n in scale if n[2] != 58]
        turned = [(0.3 + 0.6 * i, 0.85 + 0.6 * i, n[2], 90) for i, n in enumerate(played[::-1])]
        write_wav("down.wav", "s16", RATE, to_integers(render(turned, 11.5), 16))
        pathlib.Path("down.mid").write_bytes(midi_bytes(turned))
        about = self.learn_and_transcribe("--midi", "down.mid", "piano=down.wav")
        self.assertEqual(about["sources"], [{"name": "piano", "components": 4 * 18}])

    def test_lessons_of_notes_that_fail(self):
        pathlib.Path("bad.mid").write_text("text")
        write_wav("silent.wav", "s16", RATE, [[0] * RATE])
        before = sorted(os.listdir("."))
        for status, words, *parts in [
                (2, ["--midi", "bad.mid", "a=tune.wav,silent.wav"], "--midi", "1 times", "2 rec"),
                (1, ["--midi", "bad.mid", "tune.wav"], "bad.mid", "no MIDI file"),
                (1, ["--midi", "none.mid", "tune.wav"], "none.mid"),
                (1, ["silent.wav"], "no note is heard"),
                (2, ["-k", "3", "tune.wav"], "--components", "--notes")]:
            with self.subTest(words=words):
                done = self.run_tool("learn", "--notes", "-o", "x", *words, status=status)
                self.assert_one_line(done, *parts)
        done = self.run_tool("learn", "--midi", "bad.mid", "-o", "x", "a=tune.wav", status=2)
        self.assert_one_line(done, "--midi", "needs --notes")
        self.assertEqual(sorted(os.listdir(".")), before)

    def test_dictionaries_without_notes_are_refused(self):
        self.run_tool("learn", "-k", 3, "--iterations", 5, "-o", "plain.dict", "one=tune.wav")
        done = self.run_tool("transcribe", "-d", "plain.dict", "tune.wav", status=1)
        self.assert_one_line(done, "plain.dict", "which template is which note")

    def test_wrong_usage(self):
        for words, *parts in [
                ([], "names no file"),
                (["--bpm", "3", "tune.wav"], "--bpm", "4 to 1000"),
                (["--bpm", "fast", "tune.wav"], "--bpm"),
                (["--quantize", "16", "tune.wav"], "--quantize", "1/N"),
                (["--quantize", "1/6", "tune.wav"], "--quantize", "1/N"),
                (["--quantize", "1/16x", "tune.wav"], "--quantize"),
                (["--quantize", "1/16", "--csv", "x.csv", "tune.wav"], "--quantize", "-o"),
                (["-o", "", "tune.wav"], "--output", "empty"),
                (["--activations", "-", "tune.wav"], "--activations", "standard output"),
                (["-o", "-", "--csv", "-", "tune.wav"], "standard output"),
                (["-o", "-", "tune.wav", "tune.wav"], "more than once"),
                (["--split", "C4", "tune.wav"], "--split", "--separate"),
                (["--separate", "--split", "H4", "tune.wav"], "--split", "H4"),
                (["--separate", "--split", "C4,C4", "tune.wav"], "--split"),
                (["--separate", "--split", "C4,", "tune.wav"], "--split"),
                (["--separate", "--split", "C12", "tune.wav"], "--split"),
                (["--progress", "maybe", "tune.wav"], "--progress")]:
            with self.subTest(words=words):
                self.assert_one_line(self.transcribe(*words, status=2), *parts)
        self.assert_files("piano.dict", "tune.wav")


if __name__ == "__main__":
    main()
