# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: which are found, what they bring, and how broken ones fail."""
import json
import os
import pathlib

from toolkit import QUICK, Test, main, to_integers, tones, write_wav

NOTES = {"piano-notes", "guitar-notes", "drum-notes", "any-notes"}
METHODS = {"band", "vocals"}  # without a dictionary
SHIPPED = {"bass", "drumkit", "harmonic-percussive", "piano", "speech", "speech-noise"} | NOTES | METHODS


class Presets(Test):
    def setUp(self):
        super().setUp()
        write_wav("in.wav", "s16", 16000, to_integers(tones(8000, 16000), 16))
        self.environment = {**os.environ, "UNBRAID_PRESETS": str(self.folder / "own")}
        pathlib.Path("own").mkdir()

    def write_own(self, text, name="own", **learned):
        pathlib.Path(f"own/{name}.preset").write_text(text)
        for dictionary, seed in learned.items():
            write_wav("a.wav", "s16", 16000, to_integers(tones(8000, 16000, seed=seed), 16))
            self.run_tool("learn", "-k", 3, "--iterations", 5, "-o", f"own/{dictionary}", "a=a.wav", "b=in.wav")

    def tool(self, *words, **options):
        return self.run_tool(*words, env=self.environment, **options)

    def stems(self, *words):
        done = self.tool("separate", "--iterations", 5, *words, "in.wav")
        return {pathlib.Path(p).stem: pathlib.Path(p).read_bytes() for p in done.out.splitlines()}

    def listed(self):
        return {row["name"]: row for row in map(json.loads, self.tool("presets", "--json").out.splitlines())}

    def test_what_comes_along_is_listed_and_usable(self):
        listed = self.listed()
        self.assertEqual(set(listed), SHIPPED)
        self.assertEqual(listed["drumkit"]["sources"], ["kick", "snare", "hats", "toms", "cymbals"])
        text = self.tool("presets").out
        for name, row in listed.items():
            self.assertTrue(row["title"] and row["summary"], name)
            self.assertIn(f"{name}: {row['title']}\n  sources: {', '.join(row['sources'])}\n", text)
            self.assertEqual(set(self.stems("--preset", name)), set(row["sources"]))
            self.assertEqual(row["dictionary"] == "", name in METHODS)
            if name in METHODS:
                continue
            info = json.loads(self.run_tool("info", "--json", row["dictionary"]).out)
            if name not in NOTES:  # whose dictionaries leave out what is above the partials of notes
                self.assertEqual(info["rate_hz"], 44100)
            self.assertTrue(info["licence"] and info["origin"], name)

    def test_what_comes_along_is_small(self):
        files = {pathlib.Path(row["dictionary"]) for row in self.listed().values() if row["dictionary"]}
        self.assertLess(sum(file.stat().st_size for file in files), 12 << 20)

    def test_a_preset_brings_its_dictionary_and_settings_and_options_win(self):
        self.write_own("title = Own\ndictionary = d1\nmask-exponent = 2\n", d1=1, d2=2)
        plain = lambda *words: self.stems("-d", "own/d1", *words)
        self.assertEqual(self.stems("--preset", "own"), plain("--mask-exponent", 2))
        self.assertNotEqual(self.stems("--preset", "own"), plain())
        self.assertEqual(self.stems("--preset", "own", "--mask-exponent", 1), plain("--mask-exponent", 1))
        self.assertEqual(self.stems("-d", "own/d2", "--preset", "own"),
                         self.stems("-d", "own/d2", "--mask-exponent", 2))
        self.assertEqual(self.listed()["own"]["sources"], ["a", "b"])

    def test_free_components_of_a_preset_are_the_rest(self):
        self.write_own("dictionary = d\nfree = 2\n", d=1)
        self.assertEqual(self.listed()["own"]["sources"], ["a", "b", "rest"])
        self.assertEqual(set(self.stems("--preset", "own")), {"a", "b", "rest"})
        self.assertEqual(set(self.stems("--preset", "own", "--free", 0)), {"a", "b"})

    def test_own_presets_come_first(self):
        self.write_own("title = Mine\nsources = 2\n", "drumkit")
        self.assertEqual(self.listed()["drumkit"]["title"], "Mine")
        self.assertEqual(set(self.listed()), SHIPPED)
        self.assertEqual(len(self.stems("-k", 6, "--preset", "drumkit")), 2)

    def test_a_file_is_meant_by_a_slash_or_the_ending_only(self):
        pathlib.Path("drumkit").write_text("sources = 2\n")
        self.assertEqual(set(self.stems("--preset", "drumkit")),
                         {"kick", "snare", "hats", "toms", "cymbals"})
        pathlib.Path("x.preset").write_text("sources = 2\n")
        for word in ("./drumkit", "x.preset"):
            self.assertEqual(len(self.stems("-k", 6, "--preset", word)), 2)
        self.assert_one_line(self.tool("separate", "--preset", "x", "in.wav", status=2), "no preset 'x'")

    def test_an_unknown_name_lists_the_known_ones(self):
        done = self.tool("separate", "--preset", "drums", "in.wav", status=2)
        self.assert_one_line(done, "no preset 'drums'", ", ".join(sorted(SHIPPED)))
        self.assert_files("in.wav", "own")

    def test_a_missing_or_broken_dictionary_is_named(self):
        self.write_own("dictionary = gone\n")
        done = self.tool("separate", "--preset", "own", "in.wav", status=1)
        self.assert_one_line(done, "own/gone")
        pathlib.Path("own/gone").write_text("nonsense")
        for words in (["separate", "--preset", "own", "in.wav"], ["presets"]):
            self.assert_one_line(self.tool(*words, status=1), "own/gone", "no dictionary")

    def test_hostile_presets_are_refused(self):
        for text in ("dictionary = /etc/passwd\n", "dictionary = ../in.wav\n", "title = \x1b[2J\n",
                     "sources = 1e99\n", "a" * 100000, "title = " + "x" * 5000, "free = 1\0\n"):
            self.write_own(text)
            done = self.tool("separate", *QUICK, "--preset", "own", "in.wav", status=1)
            self.assert_one_line(done, "own.preset", "line 1")
            self.assertNotIn("\x1b", done.err)
            self.assert_one_line(self.tool("presets", status=1), "own.preset", "line 1")

    def test_presets_are_found_without_the_variable_and_with_a_bad_one(self):
        for own in ("", "/nowhere", "in.wav", "x" * 10000):
            self.environment["UNBRAID_PRESETS"] = own
            self.assertEqual(set(self.listed()), SHIPPED)


if __name__ == "__main__":
    main()
