// SPDX-License-Identifier: GPL-3.0-or-later
#include "score_case.h"

#include "unbraid/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (!memory) {
        abort();
    }
    return memory;
}

static char *text(const char *from)
{
    return strcpy(must(malloc(strlen(from) + 1)), from);
}

static void add(ub_parts *parts, double onset_s, double length_s, int pitch, size_t player)
{
    const ub_note note = {onset_s, onset_s + length_s, pitch, 100, player, 0.0};
    if (ub_notes_append(&parts->notes, &note)) {
        abort();
    }
}

ub_parts score_case(double seconds, bool has_drums, uint64_t seed)
{
    static const char *const names[] = {"low", "high", "drums"};
    static const int programs[] = {33, 73, 0};
    ub_parts parts = {.n = has_drums ? 3 : 2};
    parts.n_players = parts.n;
    parts.names = must(calloc(parts.n, sizeof *parts.names));
    parts.players = must(calloc(parts.n, sizeof *parts.players));
    for (size_t i = 0; i < parts.n; i++) {
        parts.names[i] = text(names[i]);
        parts.players[i] = (ub_player){i, programs[i], i == 2};
    }
    ub_random random = ub_random_new(seed);
    double now = 0.3;
    for (size_t i = 0; now < seconds - 0.5; i++) {
        const size_t part = i % parts.n;
        const int step = (int)(12.0f * ub_random_uniform(&random));
        add(&parts, now, 0.4, part == 0 ? 40 + step : part == 1 ? 71 + step : 38, part);
        now += 0.1 + 0.25 * (double)ub_random_uniform(&random);
    }
    ub_notes_sort(&parts.notes);
    return parts;
}

ub_parts score_case_copy(const ub_parts *parts)
{
    ub_parts copy = *parts;
    copy.notes = (ub_notes){0};
    copy.names = must(calloc(parts->n, sizeof *copy.names));
    copy.players = must(calloc(parts->n_players, sizeof *copy.players));
    memcpy(copy.players, parts->players, parts->n_players * sizeof *copy.players);
    for (size_t i = 0; i < parts->n; i++) {
        copy.names[i] = text(parts->names[i]);
    }
    for (size_t i = 0; i < parts->notes.n; i++) {
        if (ub_notes_append(&copy.notes, &parts->notes.notes[i])) {
            abort();
        }
    }
    return copy;
}

static double sample_of(const ub_note *note, bool is_drum, double time_s, ub_random *random)
{
    if (is_drum) {
        return 0.3 * exp(-time_s / 0.05) * (2.0 * (double)ub_random_uniform(random) - 1.0);
    }
    const double phase = 2.0 * 3.14159265358979 * ub_pitch_hz(note->pitch) * time_s;
    const double fade = fmin(1.0, time_s / 0.005) * exp(-time_s / 0.5);
    return 0.2 * fade * (sin(phase) + 0.5 * sin(2.0 * phase) + 0.3 * sin(3.0 * phase));
}

synth *score_case_play(const ub_parts *parts, size_t part, size_t n_channels, double seconds,
                       double rate_hz)
{
    synth *sound = synth_new(n_channels, (size_t)(seconds * rate_hz), rate_hz);
    ub_random random = ub_random_new(7);
    for (size_t i = 0; i < parts->notes.n; i++) {
        const ub_note *note = &parts->notes.notes[i];
        const ub_player *player = &parts->players[note->source];
        const double end_s = fmin(note->offset_s, seconds);
        for (size_t s = (size_t)(note->onset_s * rate_hz); (double)s < end_s * rate_hz; s++) {
            const double x =
                sample_of(note, player->is_drums, (double)s / rate_hz - note->onset_s, &random);
            for (size_t c = 0; (part >= parts->n || part == player->part) && c < n_channels; c++) {
                sound->channels[c][s] += (float)x;
            }
        }
    }
    return sound;
}
