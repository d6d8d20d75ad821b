#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""simple_to_ttl.py MINOR MICRO OUTPUT PRESET...: what hosts read about the simple variants, with the ports of simple.h
and the presets in their order."""
import sys

from ports_to_ttl import audio_ports, control, group, numbered, source_strip, span
from presets_to_ttl import quoted, read

HEAD = """\
@prefix bufs: <http://lv2plug.in/ns/ext/buf-size#> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
@prefix log: <http://lv2plug.in/ns/ext/log#> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pg: <http://lv2plug.in/ns/ext/port-groups#> .
@prefix pprop: <http://lv2plug.in/ns/ext/port-props#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix units: <http://lv2plug.in/ns/extensions/units#> .
@prefix urid: <http://lv2plug.in/ns/ext/urid#> .
"""

PLUGIN = """
<{uri}>
	a lv2:Plugin , lv2:SpectralPlugin , doap:Project ;
	doap:name "Unbraid Simple {title}" ;
	doap:shortdesc "Changes the balance of sources in a mix, with what comes along" ;
	doap:license <https://spdx.org/licenses/GPL-3.0-or-later> ;
	rdfs:comment "Takes a mix apart into the sources of a preset while it plays, and mixes them anew: each has a gain, solo and mute. Needs nothing of the host but ports, and reads no files of yours: Unbraid Rebalance does. With all gains at 0 dB the output is the input, late by the latency." ;
	lv2:minorVersion {minor} ;
	lv2:microVersion {micro} ;
	lv2:optionalFeature lv2:hardRTCapable , bufs:boundedBlockLength , log:log , urid:map ;
	pg:mainInput <{uri}#in> ;
	pg:mainOutput <{uri}#out> ;
	lv2:port {ports} .
"""

SOURCES = 4


def plugin_ports(presets):
    points = " , ".join(f'[ rdfs:label "{quoted(preset["title"])}" ; rdf:value {i} ]' for i, preset in enumerate(presets))
    return [
        control("Output", "latency", "Latency", "By how much the output is late", *span(0, 0, 65536),
                "lv2:portProperty lv2:reportsLatency , lv2:integer , pprop:notOnGUI",
                "lv2:designation lv2:latency", "units:unit units:frame"),
        control("Input", "enabled", "Enabled", "Off: the output is the input, equally late", *span(1, 0, 1),
                "lv2:portProperty lv2:toggled", "lv2:designation lv2:enabled"),
        control("Input", "preset", "Preset", "What the sources are", *span(0, 0, len(presets) - 1),
                "lv2:portProperty lv2:integer , lv2:enumeration", f"lv2:scalePoint {points}"),
    ]


def plugin(variant, channels, version, presets):
    uri = f"urn:unbraid:simple-{variant}"
    shape = "pg:StereoGroup" if len(channels) == 2 else "pg:MonoGroup"
    ports = plugin_ports(presets)
    for j in range(1, SOURCES + 1):
        ports += source_strip(j, uri)
    ports += audio_ports("Input", "in", "In", f"{uri}#in", channels)
    ports += audio_ports("Output", "out", "Out", f"{uri}#out", channels)
    body = PLUGIN.format(uri=uri, title=variant.capitalize(), minor=version[0], micro=version[1],
                         ports=numbered(ports))
    body += group(f"{uri}#in", "Input", "in", f"{shape} , pg:InputGroup")
    body += group(f"{uri}#out", "Output", "out", f"{shape} , pg:OutputGroup")
    for j in range(1, SOURCES + 1):
        body += group(f"{uri}#source_{j}", f"Source {j}", f"source_{j}", "pg:Group")
    return body


def main():
    version, output, presets = sys.argv[1:3], sys.argv[3], [read(path) for path in sys.argv[4:]]
    text = HEAD + plugin("stereo", [("_left", " Left", "pg:left"), ("_right", " Right", "pg:right")], version, presets)
    text += plugin("mono", [("", "", "pg:center")], version, presets)
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


main()
