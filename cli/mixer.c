// SPDX-License-Identifier: GPL-3.0-or-later
#include "mixer.h"
#include "terminal_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool mixer_read_gain(const char *text, size_t *name_length, double *gain_db)
{
    const char *sign = strrchr(text, '='); // a name may hold one
    if (!sign || sign == text || !sign[1]) {
        return false;
    }
    char *end;
    const double value = strtod(sign + 1, &end);
    const bool is_silence = isinf(value) && value < 0.0;
    if (*end || !(is_silence || (value >= MIXER_LOWEST_DB && value <= MIXER_HIGHEST_DB))) {
        return false;
    }
    *name_length = (size_t)(sign - text);
    *gain_db = value;
    return true;
}

struct fader *mixer_find(struct mixer *mixer, const char *name, size_t length)
{
    for (size_t i = 0; i < mixer->n_faders; i++) {
        struct fader *fader = &mixer->faders[i];
        if (strlen(fader->name) == length && strncmp(fader->name, name, length) == 0) {
            return fader;
        }
    }
    return NULL;
}

void mixer_gains(const struct mixer *mixer, float *gains)
{
    ub_strip strips[MIXER_MAX_FADERS];
    float known[MIXER_MAX_FADERS];
    size_t n = 0;
    for (size_t i = 0; i < mixer->n_faders; i++) {
        const struct fader *fader = &mixer->faders[i];
        const bool is_silent = fader->gain_db <= MIXER_LOWEST_DB;
        if (!fader->is_hidden) {
            strips[n++] = (ub_strip){
                .gain_db = is_silent ? -INFINITY : (float)fader->gain_db,
                .is_solo = fader->is_solo,
                .is_mute = fader->is_mute,
            };
        }
    }
    ub_strip_gains(strips, n, known);
    n = 0;
    for (size_t i = 0; i < mixer->n_faders; i++) {
        gains[i] = mixer->faders[i].is_hidden ? 1.0f : known[n++];
    }
}

static void move(struct fader *fader, double step_db)
{
    fader->gain_db = fmin(fmax(fader->gain_db, MIXER_LOWEST_DB) + step_db, MIXER_HIGHEST_DB);
    fader->gain_db = fmax(fader->gain_db, MIXER_LOWEST_DB);
}

static void open_all(struct mixer *mixer)
{
    for (size_t i = 0; i < mixer->n_faders; i++) {
        struct fader *fader = &mixer->faders[i];
        fader->gain_db = 0.0;
        fader->is_mute = fader->is_solo = false;
    }
}

// The next one that is known, round about.
static size_t beside(const struct mixer *mixer, bool backwards)
{
    size_t i = mixer->selected;
    do {
        i = (i + (backwards ? mixer->n_faders - 1 : 1)) % mixer->n_faders;
    } while (mixer->faders[i].is_hidden && i != mixer->selected);
    return i;
}

// Keys that choose a fader.
static bool select_fader(struct mixer *mixer, int key)
{
    const size_t number = key >= '1' && key <= '9' ? (size_t)(key - '1') : mixer->n_faders;
    if (number < mixer->n_faders && !mixer->faders[number].is_hidden) {
        mixer->selected = number;
    } else if (key == KEY_RIGHT || key == '\t' || key == KEY_LEFT) {
        mixer->selected = beside(mixer, key == KEY_LEFT);
    } else {
        return false;
    }
    return true;
}

bool mixer_key(struct mixer *mixer, int key)
{
    if (select_fader(mixer, key)) {
        return true;
    }
    struct fader *fader = &mixer->faders[mixer->selected];
    if (fader->is_hidden) {
        return false; // all are
    }
    if (key == KEY_UP || key == '+') {
        move(fader, 1.0);
    } else if (key == KEY_DOWN || key == '-') {
        move(fader, -1.0);
    } else if (key == 'm') {
        fader->is_mute = !fader->is_mute;
    } else if (key == 's') {
        fader->is_solo = !fader->is_solo;
    } else if (key == '0') {
        open_all(mixer);
    } else {
        return false;
    }
    return true;
}
