# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: which are found, what they bring, and how broken ones fail."""
import json
import os
import pathlib

from toolkit import QUICK, Test, main, to_integers, tones, write_wav

NOTES = {"piano-notes", "guitar-notes", "drum-notes", "any-notes"}
