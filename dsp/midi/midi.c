// SPDX-License-Identifier: GPL-3.0-or-later
// What writing and reading MIDI files share.
#include "unbraid/midi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double ub_midi_tempo(double bpm)
{
    return 60e6 / round(60e6 / bpm);
}

// Words of names, the more special ones first, and the General MIDI program that they suggest.
static const struct {
    const char *word;
    int program;
} programs[] = {
    {"electric piano", 4}, {"rhodes", 4},        {"harpsichord", 6},  {"clav", 7},
    {"piano", 0},          {"keys", 0},          {"glocken", 9},      {"vibraphone", 11},
    {"marimba", 12},       {"xylophone", 13},    {"bells", 14},       {"church organ", 19},
    {"organ", 16},         {"accordion", 21},    {"harmonica", 22},   {"contrabass", 43},
    {"double bass", 32},   {"upright", 32},      {"synth bass", 38},  {"bassoon", 70},
    {"bass", 33},          {"steel", 25},        {"jazz guitar", 26}, {"electric guitar", 27},
    {"distortion", 30},    {"guitar", 24},       {"violin", 40},      {"viola", 41},
    {"cello", 42},         {"strings", 48},      {"harp", 46},        {"choir", 52},
    {"vocal", 52},         {"voice", 52},        {"trumpet", 56},     {"trombone", 57},
    {"tuba", 58},          {"horn", 60},         {"brass", 61},       {"soprano sax", 64},
    {"tenor sax", 66},     {"baritone sax", 67}, {"sax", 65},         {"oboe", 68},
    {"clarinet", 71},      {"piccolo", 72},      {"flute", 73},       {"recorder", 74},
    {"lead", 80},          {"pad", 88},          {"synth", 81},       {"sitar", 104},
    {"banjo", 105},
};

static const char *const drums[] = {"drum", "kick", "snare",  "hihat",     "hi-hat",
                                    "hats", "toms", "cymbal", "percussion"};

int ub_midi_program(const char *name, bool *is_drums)
{
    char text[UB_MIDI_NAME_SIZE] = "";
    for (size_t i = 0; i + 1 < sizeof text && name[i]; i++) {
        const char c = name[i]; // whatever the locale
        text[i] = (char)(c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    *is_drums = false;
    for (size_t i = 0; i < sizeof drums / sizeof drums[0]; i++) {
        if (strstr(text, drums[i])) {
            *is_drums = true;
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (strstr(text, programs[i].word)) {
            return programs[i].program;
        }
    }
    return -1;
}

void ub_midi_free(ub_midi *midi)
{
    if (midi) {
        ub_notes_free(&midi->notes);
        free(midi->sources);
        *midi = (ub_midi){0};
    }
}
