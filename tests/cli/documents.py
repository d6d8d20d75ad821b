# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option that --help shows is in the man page, with the same range and default, and in the
completion; and nothing else is there."""
import os
import pathlib
import re
import subprocess

from toolkit import TOOL, Test, main

SOURCE = pathlib.Path(os.environ["UNBRAID_SOURCE"])
COMMANDS = ["separate", "transcribe", "learn", "eval", "info", "presets", "live", "play", "devices"]
LIVE = {"live", "play", "devices"}  # the tool has these where there was PortAudio when it was built
BUILT = [c for c in COMMANDS if c not in LIVE or os.environ.get("UNBRAID_LIVE") == "1"]


def options_of(help_text):
    """{long option: (short option or "", its text)} of a --help."""
    found = {}
    for line in help_text.splitlines():
        start = re.match(r"  (?:-(\w), |    )--([\w-]+)(?: [A-Z]\S*)?(?:  +(.*))?$", line)
        if start:
            name = start[2]
            found[name] = [start[1] or "", start[3] or ""]
        elif found and line.startswith(" " * 20):
            found[name][1] += " " + line.strip()
        elif found:
            name = "none"
            found.setdefault(name, ["", ""])
    found.pop("none", None)
    return found


def items_of(man_text):
    """{long option: (short option or "", text of its item)} of an mdoc page."""
    found = {}
    for item in re.split(r"^\.It ", man_text, flags=re.M)[1:]:
        head, _, text = item.partition("\n")
        name = re.search(r"Fl -([\w-]+)", head)
        short = re.search(r"Fl (\w)\b", head)
        if name:
            found[name[1]] = (short[1] if short else "", " ".join(text.split()))
    return found


def completed(words, current, tool="unbraid"):
    """What the completion offers for a word after these."""
    script = (f"source '{SOURCE}/cli/completion/unbraid'; compopt() {{ :; }}; "
              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _unbraid; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", tool, *words, current],
                          capture_output=True, text=True, check=True)
    return done.stdout.split()


class Documents(Test):
    def page(self, name):
        return (SOURCE / "cli" / "man" / f"{name}.1").read_text()

    def test_man_pages_have_the_options_ranges_and_defaults_of_help(self):
        for command in BUILT:
            text = self.run_tool(command, "--help").out
            shown = options_of(text)
            self.assertIn("help", shown)
            items = items_of(self.page(f"unbraid-{command}"))
            self.assertEqual({k: v[0] for k, v in shown.items()},
                             {k: v[0] for k, v in items.items()}, command)
            for name, (_, summary) in shown.items():
                limits = re.search(r"\(([^()]*; default [^()]*)\)$", summary)
                if limits:
                    self.assertIn(f"({limits[1]}.)", items[name][1], f"{command} --{name}")

    def test_the_overview_names_all_commands(self):
        text = self.run_tool("--help").out
        for command in BUILT:
            self.assertIn(f"\n  {command} ", text)
            self.assertIn(f".It Cm {command}\n", self.page("unbraid"))
        self.assertEqual(set(options_of(text)), set(items_of(self.page("unbraid"))))

    def test_completion_offers_the_options_of_help(self):
        self.assertEqual(sorted(w for w in completed([], "") if w[0] != "-"), sorted(COMMANDS))
        self.assertEqual({w[2:] for w in completed([], "--")},
                         set(options_of(self.run_tool("--help").out)))
        for command in BUILT:
            shown = options_of(self.run_tool(command, "--help").out)
            self.assertEqual({w[2:] for w in completed([command], "--")}, set(shown), command)
            shorts = {w[1:] for w in completed([command], "-") if w[1] != "-"}
            self.assertEqual(shorts, {short for short, _ in shown.values() if short}, command)

    def test_completion_offers_values_and_files(self):
        text = self.run_tool("separate", "--help").out
        choices = re.search(r"start of a factorisation \(([^;]*);", " ".join(text.split()))[1]
        self.assertEqual(completed(["separate", "--init"], ""), choices.split(", "))
        self.assertEqual(completed(["separate", "--format"], "f"), ["flac"])
        pathlib.Path("song.wav").write_text("")
        self.assertEqual(completed(["separate"], "so"), ["song.wav"])
        self.assertEqual(completed(["separate", "-d"], "so"), ["song.wav"])
        self.assertEqual(completed(["separate", "--seed"], "so"), [])

    def test_completion_offers_presets(self):
        self.assertEqual(completed(["separate", "--preset"], "drum", TOOL), ["drum-notes", "drumkit"])


if __name__ == "__main__":
    main()
