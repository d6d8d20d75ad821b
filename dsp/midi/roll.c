// SPDX-License-Identifier: GPL-3.0-or-later
#include "roll.h"

#include <stdlib.h>

enum { N_PROGRAMS = 129 }; // and none

// Offsets of notes that have not ended: the key is down, or only the pedal holds them.
static const double key_is_down = -1.0, pedal_holds = -2.0;

static void end_note(ub_roll *roll, uint32_t note, double time_s)
{
    double *offset_s = &roll->notes.notes[note].offset_s;
    if (*offset_s < 0.0) {
        *offset_s = time_s;
    }
}

static ub_status hold_note(ub_roll_held *held, uint32_t note)
{
    if (held->n == held->capacity) {
        const size_t capacity = held->capacity ? 2 * held->capacity : 64;
        uint32_t *grown = realloc(held->notes, capacity * sizeof *grown);
        if (!grown) {
            return UB_NO_MEMORY;
        }
        held->notes = grown;
        held->capacity = capacity;
    }
    held->notes[held->n++] = note;
    return UB_OK;
}

void ub_roll_pedal(ub_roll *roll, unsigned channel, unsigned value, double time_s)
{
    ub_roll_held *held = &roll->held[channel];
    held->is_pedal_down = roll->offsets == UB_MIDI_OFFSETS_PEDAL && value >= 64;
    if (held->is_pedal_down) {
        return;
    }
    for (size_t i = 0; i < held->n; i++) {
        end_note(roll, held->notes[i], time_s);
    }
    held->n = 0;
}

ub_status ub_roll_release(ub_roll *roll, const ub_roll_keys *keys, unsigned channel, unsigned key,
                          double time_s)
{
    const uint32_t newest = keys->newest ? keys->newest[channel * UB_ROLL_KEYS + key] : 0;
    // A key that is up already: there is nothing to end.
    if (newest == 0 || roll->notes.notes[newest - 1].offset_s != key_is_down) {
        return UB_OK;
    }
    ub_roll_held *held = &roll->held[channel];
    if (held->is_pedal_down) {
        roll->notes.notes[newest - 1].offset_s = pedal_holds;
        return hold_note(held, newest - 1);
    }
    end_note(roll, newest - 1, time_s);
    return UB_OK;
}

static ub_status add_source(ub_roll *roll, const ub_roll_keys *keys, unsigned channel)
{
    if (roll->n_sources == roll->sources_capacity) {
        const size_t capacity = roll->n_sources ? 2 * roll->n_sources : 16;
        ub_midi_source *grown = realloc(roll->sources, capacity * sizeof *grown);
        if (!grown) {
            return UB_NO_MEMORY;
        }
        roll->sources = grown;
        roll->sources_capacity = capacity;
    }
    roll->sources[roll->n_sources++] = (ub_midi_source){.program = keys->program[channel],
                                                        .is_drums = channel == UB_ROLL_DRUMS,
                                                        .channel = (int)channel,
                                                        .track = keys->track};
    return UB_OK;
}

static ub_status find_source(ub_roll *roll, ub_roll_keys *keys, unsigned channel, size_t *source)
{
    if (!keys->newest) {
        keys->newest = calloc(UB_ROLL_CHANNELS * UB_ROLL_KEYS, sizeof *keys->newest);
    }
    if (!keys->source) {
        keys->source = calloc(UB_ROLL_CHANNELS * N_PROGRAMS, sizeof *keys->source);
    }
    if (!keys->newest || !keys->source) {
        return UB_NO_MEMORY;
    }
    uint32_t *known = &keys->source[channel * N_PROGRAMS + (size_t)(keys->program[channel] + 1)];
    if (*known == 0) {
        const ub_status status = add_source(roll, keys, channel);
        if (status) {
            return status;
        }
        *known = (uint32_t)roll->n_sources;
    }
    *source = *known - 1;
    return UB_OK;
}

ub_status ub_roll_strike(ub_roll *roll, ub_roll_keys *keys, unsigned channel, unsigned key,
                         unsigned velocity, double time_s)
{
    ub_note note = {.onset_s = time_s,
                    .offset_s = key_is_down,
                    .pitch = (int)key,
                    .velocity = (int)velocity,
                    .pitch_hz = channel == UB_ROLL_DRUMS ? 0.0 : ub_pitch_hz(key)};
    ub_status status = find_source(roll, keys, channel, &note.source);
    status = status ? status : ub_notes_append(&roll->notes, &note);
    if (status) {
        return status;
    }
    uint32_t *newest = &keys->newest[channel * UB_ROLL_KEYS + key];
    if (*newest) {
        end_note(roll, *newest - 1, time_s);
    }
    *newest = (uint32_t)roll->notes.n;
    return UB_OK;
}

void ub_roll_end_track(ub_roll *roll, const ub_roll_keys *keys, double time_s)
{
    for (size_t i = 0; keys->newest && i < UB_ROLL_CHANNELS * UB_ROLL_KEYS; i++) {
        const uint32_t newest = keys->newest[i];
        if (newest && roll->notes.notes[newest - 1].offset_s == key_is_down) {
            end_note(roll, newest - 1, time_s);
        }
    }
}

void ub_roll_end(ub_roll *roll, double time_s)
{
    for (unsigned channel = 0; channel < UB_ROLL_CHANNELS; channel++) {
        ub_roll_pedal(roll, channel, 0, time_s);
    }
}

void ub_roll_keys_free(ub_roll_keys *keys)
{
    free(keys->newest);
    free(keys->source);
}

void ub_roll_free(ub_roll *roll)
{
    ub_notes_free(&roll->notes);
    free(roll->sources);
    for (size_t channel = 0; channel < UB_ROLL_CHANNELS; channel++) {
        free(roll->held[channel].notes);
    }
}
