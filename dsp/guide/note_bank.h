// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Templates of the notes of a score: those of dictionaries where one knows the instrument, combs
   and bands of noise where none does. Private header.
*/
#ifndef UNBRAID_GUIDE_NOTE_BANK_H
#define UNBRAID_GUIDE_NOTE_BANK_H

#include "unbraid/dictionary.h"
#include "unbraid/parts.h"
#include "unbraid/stft.h"

enum {
    UB_NOTE_SOUND_MOST = 16, ///< templates of a note
};

typedef struct ub_note_bank {
    ub_dictionary *dictionaries; ///< n of them, for the transform
    size_t n;
    double bin_hz;
    size_t n_bins; ///< F
} ub_note_bank;

/** The templates of a note, in the order of its time. */
typedef struct ub_note_sound {
    size_t n; ///< 1 to UB_NOTE_SOUND_MOST
    size_t n_attack; ///< the first so many are of its beginning alone
    const ub_dictionary *dictionary; ///< where they are from, or NULL
    size_t components[UB_NOTE_SOUND_MOST]; ///< of the dictionary
    bool is_drum;
    double hz; ///< of the pitch
} ub_note_sound;

/**
   @param dictionaries  n of notes or hits, each with component_pitch. Copied.
   @param rate_hz, transform  Of the recording.
   @return UB_OK; UB_BAD_VALUE for one without notes; UB_NO_MEMORY.
*/
ub_status ub_note_bank_new(const ub_dictionary *const *dictionaries, size_t n, double rate_hz,
                           const ub_stft_settings *transform, ub_note_bank *out, ub_message *why);
void ub_note_bank_free(ub_note_bank *bank);

/**
   What is known of a pitch of a player. A source of a dictionary that has the name of the part is
   preferred to one that plays the player's program, and that to one of the same family of General
   MIDI; of drums, the same key to another one of its kind.
*/
ub_note_sound ub_note_bank_find(const ub_note_bank *bank, const ub_player *player, const char *part,
                                int pitch);

/** Template i of a sound: F values > 0 of sum one. */
void ub_note_bank_template(const ub_note_bank *bank, const ub_note_sound *sound, size_t i,
                           float *w);

#endif
