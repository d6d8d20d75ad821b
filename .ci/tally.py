#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sum up what check did.

tally.py RESULTS: lines of step, what, value, separated by tabs, where `what` is `seconds`, `log`
or `log-of-failure` (the value being a JSON log of meson test, which exited with 0 or not), or a
thing that is `passed` or `failed`. Prints a table,
what failed, what was skipped and why, and the counts as the last line. Exit status: 0 when nothing
failed.
"""
import json
import os
import re
import sys

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
OF_MESON = {"OK": PASSED, "EXPECTEDFAIL": PASSED, "SKIP": SKIPPED, "IGNORED": SKIPPED}


def said(test):
    return "\n".join(test.get(stream) or "" for stream in ("stdout", "stderr"))


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub("^skipped[:,] ", "", lines[-1]) if lines else "no reason given"


def parts(text):
    """What a program of several tests left out, and why: the words of cmocka and of unittest."""
    for name, words in re.findall(r"^\[ RUN      \] (\w+)\n((?:(?!\[ ).*\n)*)\[  SKIPPED \] \1$", text,
                                  re.MULTILINE):
        yield name, last_line(words)
    yield from re.findall(r"^(\w+) \(\S+\)(?:\n.*)? \.\.\. skipped ['\"](.*)['\"]$", text,
                          re.MULTILINE)


def read_log(path):
    """The outcomes of a log of meson test: (name, outcome, reason)."""
    if not os.path.exists(path):
        return [("meson test", FAILED, f"left no log {path}")]
    outcomes = []
    with open(path, encoding="utf-8", errors="replace") as lines:
        for test in map(json.loads, lines):
            text = said(test)
            outcome = OF_MESON.get(test["result"], FAILED)
            reason = last_line(text) if outcome == SKIPPED else test["result"].lower()
            outcomes.append((test["name"], outcome, reason))
            if outcome != SKIPPED:
                outcomes += [(f"{test['name']}: {part}", SKIPPED, why) for part, why in parts(text)]
    return outcomes or [("meson test", FAILED, "ran no test")]


def read_results(path):
    """Per step: its outcomes and its time in seconds."""
    steps = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            step, what, value = line.rstrip("\n").split("\t")
            outcomes, seconds = steps.get(step, ([], 0))
            if what == "seconds":
                seconds = int(value)
            elif what in ("log", "log-of-failure"):
                logged = read_log(value)
                if what == "log-of-failure" and count(logged, FAILED) == 0:
                    logged.append(("meson test", FAILED, "its exit status was not 0"))
                outcomes = outcomes + logged
            else:
                outcomes = outcomes + [(what, value, value)]
            steps[step] = (outcomes, seconds)
    return steps


def count(outcomes, wanted):
    return sum(outcome == wanted for _, outcome, _ in outcomes)


def main(path):
    steps = read_results(path)
    print(f"{'step':<10}{PASSED:>8}{FAILED:>8}{SKIPPED:>9}{'time':>9}")
    for step, (outcomes, seconds) in steps.items():
        numbers = [count(outcomes, wanted) for wanted in (PASSED, FAILED, SKIPPED)]
        print("{:<10}{:>8}{:>8}{:>9}".format(step, *numbers), f"{seconds // 60:>5}:{seconds % 60:02}")
    every = [(step, *outcome) for step, (outcomes, _) in steps.items() for outcome in outcomes]
    for step, name, outcome, reason in every:
        if outcome != PASSED:
            print(f"{outcome}: {step}, {name}: {reason}")
    totals = [sum(outcome == wanted for _, _, outcome, _ in every)
              for wanted in (PASSED, FAILED, SKIPPED)]
    print("{} passed, {} failed".format(*totals) + (f", {totals[2]} skipped" if totals[2] else ""))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
