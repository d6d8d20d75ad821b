// SPDX-License-Identifier: GPL-3.0-or-later
#include "piano_case.h"

#include <math.h>
#include <stdlib.h>

piano *piano_new(size_t n_sources)
{
    piano *p = calloc(1, sizeof *p);
    if (!p) {
        abort();
    }
    for (size_t i = 0; i < n_sources * PIANO_KEYS; i++) {
        p->pitch[i] = PIANO_LOWEST + (int)(i % PIANO_KEYS);
        p->source[i] = i / PIANO_KEYS;
    }
    p->keys = (ub_keys){.n = n_sources * PIANO_KEYS, .pitch = p->pitch, .source = p->source};
    return p;
}

void piano_strike(piano *p, size_t key, size_t frame, float level)
{
    for (size_t t = frame; t < PIANO_FRAMES; t++) {
        p->sounding[t][key] += level * (t == frame ? 0.5f : expf(-0.02f * (float)(t - frame)));
    }
}

size_t piano_n_begun(const piano *p, size_t key)
{
    size_t n = 0;
    for (size_t t = 0; t < PIANO_FRAMES; t++) {
        n += p->begins[t][key];
    }
    return n;
}

size_t piano_n_all(const piano *p)
{
    size_t n = 0;
    for (size_t key = 0; key < p->keys.n; key++) {
        n += piano_n_begun(p, key);
    }
    return n;
}
