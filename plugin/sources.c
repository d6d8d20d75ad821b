// SPDX-License-Identifier: GPL-3.0-or-later
// What changes is made apart and exchanged when it is whole.
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char NO_MEMORY[] = "no memory for the sources";

places places_in_order(void)
{
    places where;
    for (unsigned char i = 0; i < UB_STREAM_MAX_SOURCES; i++) {
        where.of[i] = i;
    }
    return where;
}

static void lesson_free(lesson *l)
{
    for (size_t c = 0; c < MAX_CHANNELS; c++) {
        free(l->channels[c]);
    }
    free(l->ends);
    *l = (lesson){0};
}

bool sources_start(sources *s, double rate_hz, size_t n_channels)
{
    *s = (sources){.rate_hz = rate_hz, .n_channels = n_channels};
    s->base_places = s->all_places = places_in_order();
    return pthread_mutex_init(&s->lock, NULL) == 0;
}

void sources_stop(sources *s)
{
    for (size_t j = 0; j < N_SOURCES; j++) {
        ub_dictionary_free(&s->learned[j]);
        lesson_free(&s->lessons[j]);
    }
    ub_dictionary_free(&s->base);
    ub_dictionary_free(&s->all);
    pthread_mutex_destroy(&s->lock);
}

// ---- all together ------------------------------------------------------------------------------

typedef struct parts {
    ub_dictionary each[UB_STREAM_MAX_SOURCES + N_SOURCES]; // of one source each
    places where;
    size_t n;
} parts;

static void parts_free(parts *p)
{
    for (size_t i = 0; i < p->n; i++) {
        ub_dictionary_free(&p->each[i]);
    }
}

static bool is_learned(const ub_dictionary *learned, size_t place)
{
    return place < N_SOURCES && learned[place].n_sources > 0;
}

// The source at a place: what was learned, else what the file has. None is fine.
static ub_status add_part(const ub_dictionary *base, const places *base_places,
                          const ub_dictionary *learned, size_t place, parts *to, ub_message *why)
{
    ub_status status = UB_OK;
    bool is_there = is_learned(learned, place);
    if (is_there) {
        status = ub_dictionary_copy(&learned[place], &to->each[to->n]);
    }
    for (size_t i = 0; !is_there && !status && i < base->n_sources; i++) {
        if (base_places->of[i] == place) {
            status = ub_dictionary_pick(base, &i, 1, &to->each[to->n], why);
            is_there = true;
        }
    }
    if (status || !is_there) {
        return status == UB_NO_MEMORY ? ub_fail(why, status, NO_MEMORY) : status;
    }
    if (to->n == UB_STREAM_MAX_SOURCES) {
        ub_dictionary_free(&to->each[to->n]);
        return ub_fail(why, UB_BAD_SHAPE, "at most %d sources can play", UB_STREAM_MAX_SOURCES);
    }
    to->where.of[to->n++] = (unsigned char)place;
    return UB_OK;
}

// Put together what there would be, and take it.
static ub_status exchange_all(sources *s, const ub_dictionary *base, const places *base_places,
                              const ub_dictionary *learned, const char *path, ub_message *why)
{
    parts p = {.where = places_in_order()};
    ub_status status = UB_OK;
    bool is_own = false;
    for (size_t place = 0; !status && place < 256; place++) {
        is_own |= is_learned(learned, place);
        status = add_part(base, base_places, learned, place, &p, why);
    }
    const ub_dictionary *each[UB_STREAM_MAX_SOURCES];
    for (size_t i = 0; !status && i < p.n; i++) {
        each[i] = &p.each[i];
    }
    ub_dictionary all = {0};
    if (!status && p.n > 0) {
        status = ub_dictionary_join(each, p.n, &all, why);
    }
    parts_free(&p);
    if (!status) {
        pthread_mutex_lock(&s->lock);
        ub_dictionary old = s->all;
        s->all = all;
        s->all_places = p.where;
        s->is_own = is_own;
        if (path != s->path) {
            snprintf(s->path, sizeof s->path, "%s", path);
        }
        pthread_mutex_unlock(&s->lock);
        ub_dictionary_free(&old);
    }
    return status;
}

static bool is_rising(const places *where, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (where->of[i] <= where->of[i - 1]) {
            return false;
        }
    }
    return true;
}

ub_status sources_load(sources *s, ub_dictionary *base, places where, const char *path,
                       ub_message *why)
{
    if (base->n_sources > UB_STREAM_MAX_SOURCES) {
        return ub_fail(why, UB_BAD_SHAPE, "has %zu sources, but at most %d can play",
                       base->n_sources, UB_STREAM_MAX_SOURCES);
    }
    if (!is_rising(&where, base->n_sources)) {
        where = places_in_order();
    }
    const ub_dictionary none[N_SOURCES] = {{.n_sources = 0}};
    const ub_status status = exchange_all(s, base, &where, none, path, why);
    if (!status) {
        for (size_t j = 0; j < N_SOURCES; j++) {
            ub_dictionary_free(&s->learned[j]);
            lesson_free(&s->lessons[j]);
        }
        ub_dictionary_free(&s->base);
        s->base = *base;
        s->base_places = where;
        *base = (ub_dictionary){0};
    }
    return status;
}

// With something else in one place.
static ub_status replace(sources *s, size_t place, ub_dictionary *fresh, ub_message *why)
{
    ub_dictionary before = s->learned[place];
    s->learned[place] = *fresh;
    const ub_status status = exchange_all(s, &s->base, &s->base_places, s->learned, s->path, why);
    if (status) {
        s->learned[place] = before;
        ub_dictionary_free(fresh);
    } else {
        ub_dictionary_free(&before);
    }
    return status;
}

// ---- learning ----------------------------------------------------------------------------------

static bool reserve(lesson *l, size_t n_samples, size_t n_channels)
{
    if (n_samples > l->capacity) {
        const size_t capacity = 2 * l->capacity > n_samples ? 2 * l->capacity : n_samples;
        for (size_t c = 0; c < n_channels; c++) {
            float *channel = realloc(l->channels[c], capacity * sizeof *channel);
            if (!channel) {
                return false;
            }
            l->channels[c] = channel;
        }
        l->capacity = capacity;
    }
    if (!l->is_open) {
        size_t *ends = realloc(l->ends, (l->n_passages + 1) * sizeof *ends);
        if (!ends) {
            return false;
        }
        l->ends = ends;
        l->ends[l->n_passages++] = l->n_samples;
        l->is_open = true;
    }
    return true;
}

ub_status sources_hear(sources *s, size_t source, const capture_half *half, bool ends)
{
    lesson *l = &s->lessons[source];
    const size_t most = (size_t)(LONGEST_LESSON_S * s->rate_hz), left = most - l->n_samples;
    const size_t n = half->n_samples < left ? half->n_samples : left;
    if (n > 0) {
        if (!reserve(l, l->n_samples + n, s->n_channels)) {
            return UB_NO_MEMORY;
        }
        for (size_t c = 0; c < s->n_channels; c++) {
            memcpy(l->channels[c] + l->n_samples, half->channels[c], n * sizeof(float));
        }
        l->n_samples += n;
        l->ends[l->n_passages - 1] = l->n_samples;
    }
    l->is_open = l->is_open && !ends;
    return UB_OK;
}

typedef struct passage {
    const float *channels[MAX_CHANNELS];
    ub_planar planar;
} passage;

static bool is_taken(const sources *s, size_t place, const char *name)
{
    for (size_t i = 0; i < s->all.n_sources; i++) {
        if (s->all_places.of[i] != place && strcmp(s->all.source_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

// The name that the place has had, or one that is free.
static void name_source(const sources *s, size_t place, char *name, size_t size)
{
    for (size_t i = 0; i < s->all.n_sources; i++) {
        if (s->all_places.of[i] == place) {
            snprintf(name, size, "%s", s->all.source_names[i]);
            return;
        }
    }
    snprintf(name, size, "Source %zu", place + 1);
    for (size_t n = 2; is_taken(s, place, name); n++) {
        snprintf(name, size, "Source %zu (%zu)", place + 1, n);
    }
}

static ub_status learn(const sources *s, size_t source, passage *passages, ub_audio *audio,
                       const ub_progress *progress, ub_dictionary *out, ub_message *why)
{
    const lesson *l = &s->lessons[source];
    size_t begin = 0;
    for (size_t i = 0; i < l->n_passages; i++) {
        for (size_t c = 0; c < s->n_channels; c++) {
            passages[i].channels[c] = l->channels[c] + begin;
        }
        passages[i].planar = (ub_planar){passages[i].channels, s->n_channels, l->ends[i] - begin};
        audio[i] = ub_audio_in_memory(&passages[i].planar, s->rate_hz);
        begin = l->ends[i];
    }
    char name[UB_DICTIONARY_MAX_NAME + 1];
    name_source(s, source, name, sizeof name);
    const ub_training training = {name, audio, l->n_passages};
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = 1; // beside the sound
    ub_stream_suit_learning(&settings);
    return ub_learn(&training, 1, &settings, NULL, "learned in the plugin", progress, out, why);
}

ub_status sources_learn(sources *s, size_t source, const ub_progress *progress, ub_message *why)
{
    const size_t n = s->lessons[source].n_passages;
    if (n == 0) {
        return ub_fail(why, UB_BAD_VALUE, "nothing was heard");
    }
    passage *passages = calloc(n, sizeof *passages);
    ub_audio *audio = calloc(n, sizeof *audio);
    ub_dictionary fresh = {0};
    ub_status status = passages && audio ? learn(s, source, passages, audio, progress, &fresh, why)
                                         : ub_fail(why, UB_NO_MEMORY, NO_MEMORY);
    free(passages);
    free(audio);
    return status ? status : replace(s, source, &fresh, why);
}

ub_status sources_forget(sources *s, size_t source, ub_message *why)
{
    lesson_free(&s->lessons[source]);
    ub_dictionary none = {0};
    return replace(s, source, &none, why);
}

// ---- what others ask ---------------------------------------------------------------------------

ub_status sources_encode(sources *s, const char *path, unsigned char **bytes, size_t *size,
                         places *where, ub_message *why)
{
    ub_status status = UB_OK;
    *bytes = NULL;
    pthread_mutex_lock(&s->lock);
    const bool is_of_path = !path || strcmp(path, s->path) == 0;
    *where = is_of_path ? s->all_places : places_in_order();
    if (is_of_path && (!path || s->is_own)) {
        status = s->all.n_sources > 0
                     ? ub_dictionary_encode(&s->all, bytes, size, why)
                     : ub_fail(why, UB_BAD_VALUE, "there is no source; load or learn some");
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

void sources_numbers(const sources *s, bool has_rest, unsigned char numbers[N_PLACES])
{
    // Without any source the first place is everything, unless that is the rest.
    const bool first_is_all = s->all.n_sources == 0 && !has_rest;
    size_t n = s->all.n_sources + first_is_all;
    numbers[PLACE_REST] = (unsigned char)n++;
    for (size_t place = 0; place < N_SOURCES; place++) {
        size_t number = first_is_all && place == 0 ? 0 : n;
        for (size_t i = 0; i < s->all.n_sources; i++) {
            number = s->all_places.of[i] == place ? i : number;
        }
        numbers[place] = (unsigned char)number;
        n += number == n;
    }
}
