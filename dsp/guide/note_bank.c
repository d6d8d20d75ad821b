// SPDX-License-Identifier: GPL-3.0-or-later
// No template has zeros: they would stay zeros when it is fitted to another instrument.
#include "note_bank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FAMILY = 8 }; // programs of a family of General MIDI

// Keys of General MIDI's drums that sound alike.
static const int kinds[][6] = {
    {35, 36},         {38, 40},     {37, 39, 40}, {42, 44}, {46}, {41, 43, 45, 47, 48, 50},
    {49, 52, 55, 57}, {51, 53, 59},
};

ub_status ub_note_bank_new(const ub_dictionary *const *dictionaries, size_t n, double rate_hz,
                           const ub_stft_settings *transform, ub_note_bank *out, ub_message *why)
{
    ub_note_bank bank = {.dictionaries = calloc(n + 1, sizeof *bank.dictionaries),
                         .bin_hz = rate_hz / (double)transform->size_samples,
                         .n_bins = transform->size_samples / 2 + 1};
    ub_status status = bank.dictionaries ? UB_OK : UB_NO_MEMORY;
    while (!status && bank.n < n) {
        if (ub_dictionary_n_notes(dictionaries[bank.n]) == 0) {
            status =
                ub_fail(why, UB_BAD_VALUE, "the dictionary has no notes; learn one with --notes");
            break;
        }
        status = ub_dictionary_fit(dictionaries[bank.n], rate_hz, transform->size_samples,
                                   transform->hop_samples, &bank.dictionaries[bank.n], why);
        bank.n += status ? 0 : 1;
    }
    if (status) {
        ub_note_bank_free(&bank);
        return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for templates") : status;
    }
    *out = bank;
    return UB_OK;
}

void ub_note_bank_free(ub_note_bank *bank)
{
    for (size_t i = 0; i < bank->n; i++) {
        ub_dictionary_free(&bank->dictionaries[i]);
    }
    free(bank->dictionaries);
    *bank = (ub_note_bank){0};
}

// Templates that go on after their own frame are hits.
static bool has_hits(const ub_dictionary *dictionary)
{
    return dictionary->n_after > 0 && dictionary->n_before == 0;
}

static bool same_kind(int key, int other)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool has_key = false, has_other = false;
        for (size_t j = 0; j < sizeof kinds[i] / sizeof kinds[i][0]; j++) {
            has_key = has_key || kinds[i][j] == key;
            has_other = has_other || kinds[i][j] == other;
        }
        if (has_key && has_other) {
            return true;
        }
    }
    return false;
}

enum { NO_RANK = 0, RANK_OF_NAME = 4 };

// How well a source of a dictionary goes with a player.
static int rank_source(const ub_dictionary *dictionary, size_t source, const ub_player *player,
                       const char *part)
{
    bool is_drums;
    const char *name = dictionary->source_names[source];
    const int program = ub_midi_program(name, &is_drums);
    is_drums = is_drums || has_hits(dictionary);
    if (player->is_drums) {
        return is_drums ? 1 : strcmp(name, part) == 0 ? 1 : NO_RANK;
    }
    if (is_drums) {
        return NO_RANK;
    }
    if (strcmp(name, part) == 0) {
        return RANK_OF_NAME;
    }
    if (program < 0 || program / FAMILY != player->program / FAMILY) {
        return NO_RANK;
    }
    return program == player->program ? RANK_OF_NAME - 1 : RANK_OF_NAME - 2;
}

// How well a component does, all of those that are meant being equal; 0: not at all.
static int rank_component(const ub_dictionary *dictionary, size_t k, const ub_player *player,
                          const char *part, int pitch)
{
    const int key = dictionary->component_pitch[k];
    if (key < 0) {
        return NO_RANK;
    }
    const int rank = rank_source(dictionary, dictionary->component_source[k], player, part);
    if (!player->is_drums || rank == NO_RANK) {
        return key == pitch ? rank : NO_RANK;
    }
    if (key == pitch) {
        return 1000;
    }
    return same_kind(key, pitch) ? 500 - abs(key - pitch) : NO_RANK;
}

// Of several dictionaries that do equally well the first is taken.
static void collect(const ub_dictionary *dictionary, const ub_player *player, const char *part,
                    int pitch, int *best, ub_note_sound *sound)
{
    for (size_t k = 0; k < dictionary->templates.n_cols; k++) {
        const int rank = rank_component(dictionary, k, player, part, pitch);
        if (rank > *best) {
            *best = rank;
            sound->dictionary = dictionary;
            sound->n = 0;
        }
        if (rank == *best && rank != NO_RANK && sound->dictionary == dictionary &&
            sound->n < UB_NOTE_SOUND_MOST) {
            sound->components[sound->n++] = k;
        }
    }
}

ub_note_sound ub_note_bank_find(const ub_note_bank *bank, const ub_player *player, const char *part,
                                int pitch)
{
    ub_note_sound sound = {.hz = ub_pitch_hz((double)pitch), .is_drum = player->is_drums};
    int best = NO_RANK;
    for (size_t i = 0; i < bank->n; i++) {
        collect(&bank->dictionaries[i], player, part, pitch, &best, &sound);
    }
    if (!sound.dictionary) {
        sound.n = player->is_drums ? 3 : 2;
        sound.n_attack = player->is_drums ? 0 : 1;
    } else if (has_hits(sound.dictionary)) {
        // A hit is heard as two: its beginning and what comes after.
        sound.n = sound.n > UB_NOTE_SOUND_MOST / 2 ? UB_NOTE_SOUND_MOST : 2 * sound.n;
        sound.n_attack = sound.n / 2;
    } else {
        sound.n_attack = sound.n > 1 ? (sound.n + 3) / 4 : 0;
    }
    return sound;
}

// Peaks on the harmonics that fall like 1/h, on a floor: of an attack, which is noisier, a higher.
static void comb(const ub_note_bank *bank, double hz, double floor, float *w)
{
    for (size_t f = 0; f < bank->n_bins; f++) {
        const double at = (double)f * bank->bin_hz;
        const double harmonic = fmax(1.0, round(at / hz));
        const double off = (at - harmonic * hz) / (1.2 * bank->bin_hz);
        w[f] = (float)((exp(-0.5 * off * off) + floor) / harmonic);
    }
}

// Noise that is low, in the middle or high, over all frequencies a little.
static void band_of_noise(const ub_note_bank *bank, size_t band, float *w)
{
    static const double from_hz[] = {0.0, 200.0, 3000.0, 1e9};
    for (size_t f = 0; f < bank->n_bins; f++) {
        const double at = (double)f * bank->bin_hz;
        const bool is_within = at >= from_hz[band] && at < from_hz[band + 1];
        w[f] = (float)((is_within ? 1.0 : 0.05) / (1.0 + at / 2000.0));
    }
}

// The mean of frames [first, end) of a hit, its own being the first.
static void hit(const ub_dictionary *dictionary, size_t k, size_t first, size_t end, float *w)
{
    const size_t n_bins = dictionary->templates.n_rows;
    memset(w, 0, n_bins * sizeof *w);
    for (size_t i = first; i < end; i++) {
        const float *frame = i == 0 ? ub_matrix_column(&dictionary->templates, k)
                                    : ub_matrix_column(&dictionary->context, k) + (i - 1) * n_bins;
        for (size_t f = 0; f < n_bins; f++) {
            w[f] += frame[f];
        }
    }
}

static void normalise(float *w, size_t n)
{
    double sum = 0.0;
    for (size_t f = 0; f < n; f++) {
        sum += (double)w[f];
    }
    const double floor = sum > 0.0 ? 1e-3 * sum / (double)n : 1.0;
    sum = sum > 0.0 ? sum * 1.001 : (double)n;
    for (size_t f = 0; f < n; f++) {
        w[f] = (float)(((double)w[f] + floor) / sum);
    }
}

void ub_note_bank_template(const ub_note_bank *bank, const ub_note_sound *sound, size_t i, float *w)
{
    const ub_dictionary *dictionary = sound->dictionary;
    if (!dictionary && sound->is_drum) {
        band_of_noise(bank, i, w);
    } else if (!dictionary) {
        comb(bank, sound->hz, i < sound->n_attack ? 0.1 : 0.02, w);
    } else if (has_hits(dictionary)) {
        const size_t n_frames = dictionary->n_after + 1, half = (n_frames + 1) / 2;
        const size_t k = sound->components[i % (sound->n / 2)];
        const bool is_attack = i < sound->n_attack;
        hit(dictionary, k, is_attack ? 0 : half, is_attack ? half : n_frames, w);
    } else {
        memcpy(w, ub_matrix_column(&dictionary->templates, sound->components[i]),
               bank->n_bins * sizeof *w);
    }
    normalise(w, bank->n_bins);
}
