// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever the bytes, decoding ends, reads nothing beyond them, and the notes that it gives are
// notes, which come back after encoding: none swallowed, none added.
#include <unbraid/midi.h>

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// For libFuzzer what is refused is worth keeping; -1 would tell it to forget such inputs.
#ifdef UB_FUZZING
enum { IS_REFUSED = 0 };
#else
enum { IS_REFUSED = -1 };
#endif

static void count_keys(const ub_notes *notes, size_t *counts)
{
    for (size_t i = 0; i < notes->n; i++) {
        counts[notes->notes[i].pitch]++;
    }
}

static void check_exchange(ub_midi *first)
{
    unsigned char *bytes;
    size_t size;
    ub_midi again;
    if (!(first->bpm >= 4.0 && first->bpm <= 1000.0)) {
        first->bpm = 120.0;
    }
    if (ub_midi_encode(first, &bytes, &size, NULL)) {
        return; // too long, or more sources than tracks
    }
    if (ub_midi_decode(bytes, size, UB_MIDI_OFFSETS_PEDAL, &again, NULL)) {
        abort();
    }
    size_t counts[128] = {0}, counts_again[128] = {0};
    count_keys(&first->notes, counts);
    count_keys(&again.notes, counts_again);
    for (size_t key = 0; key < 128; key++) {
        if (counts[key] != counts_again[key]) {
            abort();
        }
    }
    free(bytes);
    ub_midi_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (ub_midi_offsets offsets = UB_MIDI_OFFSETS_KEYS; offsets <= UB_MIDI_OFFSETS_PEDAL;
         offsets++) {
        ub_midi midi;
        ub_message why;
        if (ub_midi_decode(data, size, offsets, &midi, &why)) {
            return IS_REFUSED;
        }
        if (ub_notes_check(&midi.notes, &why)) {
            abort();
        }
        check_exchange(&midi);
        ub_midi_free(&midi);
    }
    return 0;
}
