#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ports_to_ttl.py MINOR MICRO OUTPUT: what hosts read about the plugin, with the ports of ports.h."""
import sys

HEAD = """\
@prefix atom: <http://lv2plug.in/ns/ext/atom#> .
@prefix bufs: <http://lv2plug.in/ns/ext/buf-size#> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix midi: <http://lv2plug.in/ns/ext/midi#> .
@prefix log: <http://lv2plug.in/ns/ext/log#> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix opts: <http://lv2plug.in/ns/ext/options#> .
@prefix patch: <http://lv2plug.in/ns/ext/patch#> .
@prefix pg: <http://lv2plug.in/ns/ext/port-groups#> .
@prefix pprop: <http://lv2plug.in/ns/ext/port-props#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix rsz: <http://lv2plug.in/ns/ext/resize-port#> .
@prefix state: <http://lv2plug.in/ns/ext/state#> .
@prefix units: <http://lv2plug.in/ns/extensions/units#> .
@prefix urid: <http://lv2plug.in/ns/ext/urid#> .
@prefix work: <http://lv2plug.in/ns/ext/worker#> .

<urn:unbraid:model>
	a lv2:Parameter ;
	rdfs:label "Dictionary" ;
	rdfs:comment "What the sources sound like: a file that 'unbraid learn' made. Source 1 is the first in it." ;
	rdfs:range atom:Path .

<urn:unbraid:export>
	a lv2:Parameter ;
	rdfs:label "Export Dictionary" ;
	rdfs:comment "Writes all sources, those of the file and those learned here, to this file. It can be loaded here and given to 'unbraid separate -d'. A file that is no dictionary is not overwritten." ;
	rdfs:range atom:Path .
"""

PLUGIN = """
<urn:unbraid:rebalance-{variant}>
	a lv2:Plugin , lv2:SpectralPlugin , doap:Project ;
	doap:name "Unbraid Rebalance {title}" ;
	doap:shortdesc "Changes the balance of sources in a mix" ;
	doap:maintainer [ a foaf:Group ; foaf:name "The unbraid developers" ] ;
	doap:license <https://spdx.org/licenses/GPL-3.0-or-later> ;
	rdfs:comment "Takes a mix apart into the sources of a dictionary while it plays, and mixes them anew: each source has a gain, solo and mute, and the first {stems} also outputs of their own, which may stay unconnected. With all gains at 0 dB the output is the input, late by the latency. Sources can be learned from the input, too. Without any, source 1 is everything." ;
	lv2:minorVersion {minor} ;
	lv2:microVersion {micro} ;
	lv2:requiredFeature urid:map , work:schedule ;
	lv2:optionalFeature lv2:hardRTCapable , bufs:boundedBlockLength , log:log , opts:options , state:threadSafeRestore ;
	lv2:extensionData state:interface , work:interface ;
	patch:writable <urn:unbraid:model> , <urn:unbraid:export> ;
	pg:mainInput <urn:unbraid:rebalance-{variant}#in> ;
	pg:mainOutput <urn:unbraid:rebalance-{variant}#out> ;
	lv2:port {ports} .
"""

SOURCES, STEMS, LESSON_S = 8, 4, 60
MODES = [("Quality (116 ms)", 0), ("Balanced (58 ms)", 1), ("Live (9.4 ms)", 2), ("Short (5.6 ms)", 3)]


def control(kind, symbol, name, comment, *more):
    return [f"a lv2:{kind}Port , lv2:ControlPort", f'lv2:symbol "{symbol}"', f'lv2:name "{name}"',
            f'rdfs:comment "{comment}"', *more]


def span(default, low, high):
    return [f"lv2:default {default}", f"lv2:minimum {low}", f"lv2:maximum {high}"]


def events(kind, symbol, name, comment, content, *more):
    return [f"a lv2:{kind}Port , atom:AtomPort", f'lv2:symbol "{symbol}"', f'lv2:name "{name}"',
            f'rdfs:comment "{comment}"', "atom:bufferType atom:Sequence", f"atom:supports {content}",
            "rsz:minimumSize 8192", *more]


def plugin_ports():
    points = " , ".join(f'[ rdfs:label "{label}" ; rdf:value {value} ]' for label, value in MODES)
    return [
        events("Input", "control", "Control", "Messages to the plugin", "patch:Message",
               "lv2:designation lv2:control"),
        events("Output", "notify", "Notify", "Messages from the plugin", "patch:Message",
               "lv2:designation lv2:control"),
        control("Output", "latency", "Latency", "By how much the output is late", *span(0, 0, 65536),
                "lv2:portProperty lv2:reportsLatency , lv2:integer , pprop:notOnGUI",
                "lv2:designation lv2:latency", "units:unit units:frame"),
        control("Input", "enabled", "Enabled", "Off: the main output is the input, equally late; the outputs of sources go on",
                *span(1, 0, 1), "lv2:portProperty lv2:toggled", "lv2:designation lv2:enabled"),
        control("Input", "freewheel", "Freewheel", "Set by the host while it renders offline, which sounds the same",
                *span(0, 0, 1), "lv2:portProperty lv2:toggled , pprop:notOnGUI",
                "lv2:designation lv2:freeWheeling"),
        control("Input", "mode", "Latency Mode", "Longer latencies separate better. A change is silent for a moment",
                *span(1, 0, 3),
                "lv2:portProperty lv2:integer , lv2:enumeration , pprop:expensive , pprop:notAutomatic",
                f"lv2:scalePoint {points}"),
        control("Input", "exponent", "Mask Exponent", "Above 1, less of other sources is heard, and more artefacts",
                *span("1.3", "0.5", "2.0"), "lv2:portProperty pprop:expensive", "units:unit units:coef"),
        control("Input", "sparsity", "Sparsity", "Weight of a penalty on activations, for experiments; 0 has measured best",
                *span("0.0", "0.0", "100.0"), "lv2:portProperty pprop:expensive"),
        control("Input", "free", "Free Components",
                "Above 0 there is one more source, the rest, whose components learn what the others do not explain, while it plays. A change is silent for a moment",
                *span(0, 0, 64), "lv2:portProperty lv2:integer , pprop:expensive , pprop:notAutomatic"),
        control("Input", "forget", "Rest Memory", "How long the rest remembers what it has learned",
                *span("1.0", "0.5", "60.0"), "lv2:portProperty pprop:expensive , pprop:notAutomatic", "units:unit units:s"),
        control("Input", "removed", "Listen to Removed", "Hear what the mix lacks of the input, to judge what is taken away",
                *span(0, 0, 1), "lv2:portProperty lv2:toggled"),
        control("Output", "sources", "Sources", "How many sources the dictionary has", *span(1, 1, 16),
                "lv2:portProperty lv2:integer"),
        control("Output", "progress", "Learning Progress", "How far the learning of a source has come",
                *span(0, 0, 100), "lv2:portProperty lv2:integer", "units:unit units:pc"),
    ]


def strip_ports(symbol, title, whose, group):
    """Gain, solo, mute and level of a source."""
    subject = whose[0].upper() + whose[1:]
    return [
        control("Input", f"gain_{symbol}", f"{title} Gain", f"Level of {whose} in the mix; the lowest is silence",
                *span("0.0", "-80.0", "12.0"), "units:unit units:db", group,
                'lv2:scalePoint [ rdfs:label "Silence" ; rdf:value -80.0 ]'),
        control("Input", f"solo_{symbol}", f"{title} Solo", f"Only {whose} and others that play solo are heard",
                *span(0, 0, 1), "lv2:portProperty lv2:toggled", group),
        control("Input", f"mute_{symbol}", f"{title} Mute", f"{subject} is not heard", *span(0, 0, 1),
                "lv2:portProperty lv2:toggled", group),
        control("Output", f"level_{symbol}", f"{title} Level", f"Level of {whose} before its gain",
                *span("-80.0", "-80.0", "12.0"), "units:unit units:db", group),
    ]


def source_strip(j, uri):
    return strip_ports(j, f"Source {j}", f"source {j}", f"pg:group <{uri}#source_{j}>")


def source_ports(j, uri):
    group = f"pg:group <{uri}#source_{j}>"
    *faders, level = source_strip(j, uri)
    return [
        *faders,
        control("Input", f"learn_{j}", f"Source {j} Learn",
                f"On: the input, in which only source {j} should play, is gathered, up to {LESSON_S} seconds in all. Off again: its sound is learned from that",
                *span(0, 0, 1), "lv2:portProperty lv2:toggled , pprop:notAutomatic", group),
        control("Input", f"reset_{j}", f"Source {j} Reset",
                f"Forgets what was gathered and learned of source {j}; what the dictionary file has of it is back",
                *span(0, 0, 1), "lv2:portProperty lv2:toggled , pprop:trigger , pprop:notAutomatic", group),
        level,
        control("Output", f"heard_{j}", f"Source {j} Heard", f"How much has been gathered to learn source {j} from",
                *span("0.0", "0.0", f"{LESSON_S}.0"), "units:unit units:s", group),
    ]


def audio_ports(kind, symbol, name, group, channels, *more):
    for suffix, word, designation in channels:
        yield [f"a lv2:{kind}Port , lv2:AudioPort", f'lv2:symbol "{symbol}{suffix}"', f'lv2:name "{name}{word}"',
               f"pg:group <{group}>", f"lv2:designation {designation}", *more]


def numbered(ports):
    """The ports in their order, for lv2:port."""
    return " , ".join("[\n\t\t" + " ;\n\t\t".join(lines[:1] + [f"lv2:index {i}"] + lines[1:]) + "\n\t]"
                      for i, lines in enumerate(ports))


def group(uri, name, symbol, classes):
    return f'\n<{uri}>\n\ta {classes} ;\n\tlv2:name "{name}" ;\n\tlv2:symbol "{symbol}" .\n'


def plugin(variant, channels, version):
    uri = f"urn:unbraid:rebalance-{variant}"
    shape = "pg:StereoGroup" if len(channels) == 2 else "pg:MonoGroup"
    ports = plugin_ports()
    for j in range(1, SOURCES + 1):
        ports += source_ports(j, uri)
    ports += strip_ports("rest", "Rest", "the rest", f"pg:group <{uri}#rest>")
    ports += audio_ports("Input", "in", "In", f"{uri}#in", channels)
    ports += audio_ports("Output", "out", "Out", f"{uri}#out", channels)
    for j in range(1, STEMS + 1):
        ports += audio_ports("Output", f"stem_{j}", f"Source {j} Out", f"{uri}#stem_{j}", channels,
                             f'rdfs:comment "Source {j} alone, before its gain"',
                             "lv2:portProperty lv2:connectionOptional")
    ports += audio_ports("Output", "stem_rest", "Rest Out", f"{uri}#stem_rest", channels,
                         'rdfs:comment "The rest alone, before its gain"', "lv2:portProperty lv2:connectionOptional")
    ports.append(events("Output", "midi", "MIDI Out",
                        "The notes of a dictionary of notes or drums, as they are heard: source 1 on channel 1, and so on",
                        "midi:MidiEvent", "lv2:portProperty lv2:connectionOptional"))
    body = PLUGIN.format(variant=variant, title=variant.capitalize(), minor=version[0], micro=version[1],
                         stems=STEMS, ports=numbered(ports))
    body += group(f"{uri}#in", "Input", "in", f"{shape} , pg:InputGroup")
    body += group(f"{uri}#out", "Output", "out", f"{shape} , pg:OutputGroup")
    for j in range(1, STEMS + 1):
        body += group(f"{uri}#stem_{j}", f"Source {j} Output", f"stem_{j}", f"{shape} , pg:OutputGroup")
    body += group(f"{uri}#stem_rest", "Rest Output", "stem_rest", f"{shape} , pg:OutputGroup")
    body += group(f"{uri}#rest", "Rest", "rest", "pg:Group")
    for j in range(1, SOURCES + 1):
        body += group(f"{uri}#source_{j}", f"Source {j}", f"source_{j}", "pg:Group")
    return body


def main():
    version, output = sys.argv[1:3], sys.argv[3]
    rdf = "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n"
    text = rdf + HEAD
    text += plugin("stereo", [("_left", " Left", "pg:left"), ("_right", " Right", "pg:right")], version)
    text += plugin("mono", [("", "", "pg:center")], version)
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
