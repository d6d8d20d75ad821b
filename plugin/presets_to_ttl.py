#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""presets_to_ttl.py MANIFEST OUTPUT_MANIFEST OUTPUT_PRESETS PRESET...: presets of hosts from those of the tool. The
manifest gets what hosts need to find them. Dictionaries lie in the bundle."""
import pathlib
import re
import sys

PREFIXES = """\
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix state: <http://lv2plug.in/ns/ext/state#> .
"""

PRESET = """
<{uri}>
	a pset:Preset ;
	lv2:appliesTo <urn:unbraid:rebalance-{variant}> ;
	rdfs:label "{title}" ;
	rdfs:comment "{summary}" ;
	lv2:port {ports} ;
	state:state [ <urn:unbraid:model> <{dictionary}> ] .
"""

ENTRY = """
<{uri}>
	a pset:Preset ;
	lv2:appliesTo <urn:unbraid:rebalance-{variant}> ;
	rdfs:seeAlso <presets.ttl> .
"""

# Settings of the tool that are ports of the plugin: key, symbol, and the value of a preset that does not say.
SETTINGS = [("mask-exponent", "exponent", "1.3"), ("sparsity", "sparsity", "0"), ("free", "free", "0")]


def read(path):
    """The keys and values of a preset, as the tool reads them."""
    values = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line:
            key, value = line.split("=", 1)
            values[key.strip()] = value.strip()
    return values


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def turtle(template, path, variant):
    values = read(path)
    ports = [f'[ lv2:symbol "{symbol}" ; pset:value {float(values.get(key, standard))} ]'
             for key, symbol, standard in SETTINGS]
    return template.format(uri=f"urn:unbraid:preset:{pathlib.Path(path).stem}-{variant}", variant=variant,
                           title=quoted(values["title"]), summary=quoted(values["summary"]), ports=" , ".join(ports),
                           dictionary=values["dictionary"])


def main():
    manifest, output_manifest, output_presets, *presets = sys.argv[1:]
    pairs = [(path, variant) for path in presets for variant in ("stereo", "mono")]
    head = pathlib.Path(manifest).read_text(encoding="utf-8")
    head = PREFIXES + re.sub(r"^@prefix .*\n", "", head, flags=re.M)
    pathlib.Path(output_manifest).write_text(head + "".join(turtle(ENTRY, *pair) for pair in pairs), encoding="utf-8")
    pathlib.Path(output_presets).write_text(PREFIXES + "".join(turtle(PRESET, *pair) for pair in pairs), encoding="utf-8")


if __name__ == "__main__":
    main()
