// SPDX-License-Identifier: GPL-3.0-or-later
// A hit is where the activation of a source rises most within a few frames. How strong it must be
// depends on the strongest of its source, which is known at the end: until then all are kept.
#include "hits.h"

#include <math.h>
#include <stdlib.h>

enum {
    AROUND = 4, // frames on each side in which no rise may be larger: 46 ms
    TOGETHER = 2, // frames on each side in which what rises is hit at the same time
    LEAST_STRONG = 3 // hits that the level of a source is the mean of, at least
};

static const double STRONGEST = 0.1; // share of its hits that the level of a source is the mean of
// Of the level of its source, for a hit to be one. Hats are struck faintly between others.
static const double THRESHOLD = 0.16, FAINT_HATS = 0.05;
// From where the score of a seldom drum is a hit: where precision and recall balance, as hits are
// rarer than what looks like one; and where one that is none costs less than one that is missed,
// anywhere from -2 to -3.
static const double VERDICT = -0.5, LIKELY_VERDICT = -2.5;
static const double CLEAREST = 0.2; // share of its hits by which is told how a source stands out
static const double FAINT = 0.08; // level of the loudest source below which no level is taken to be
static const double LONGEST_S = 0.1; // of a note
static const double LOUD_VELOCITY = 105.0; // of a hit at the level of its source

void ub_hits_free(ub_hits *hits)
{
    free(hits->hits);
    *hits = (ub_hits){0};
}

static ub_status append(ub_hits *hits, const ub_hit *hit)
{
    if (hits->n == hits->capacity) {
        const size_t capacity = hits->capacity ? 2 * hits->capacity : 256;
        ub_hit *grown = realloc(hits->hits, capacity * sizeof *grown);
        if (!grown) {
            return UB_NO_MEMORY;
        }
        hits->hits = grown;
        hits->capacity = capacity;
    }
    hits->hits[hits->n++] = *hit;
    return UB_OK;
}

// What sounds of keys [from, to), which are those of a source; nothing before the first frame.
static float sum_keys(const ub_matrix *sounding, size_t from, size_t to, ptrdiff_t frame)
{
    float sum = 0.0f;
    for (size_t key = from; frame >= 0 && (size_t)frame < sounding->n_cols && key < to; key++) {
        sum += ub_matrix_column(sounding, (size_t)frame)[key];
    }
    return sum;
}

static float rise(const ub_matrix *sounding, size_t from, size_t to, ptrdiff_t frame)
{
    const float now = sum_keys(sounding, from, to, frame);
    const float before = sum_keys(sounding, from, to, frame - 1);
    return now > before ? now - before : 0.0f;
}

static bool is_largest(const ub_matrix *sounding, size_t from, size_t to, ptrdiff_t frame, float at)
{
    for (ptrdiff_t i = 1; i <= AROUND; i++) {
        // Of equal ones the first.
        if (rise(sounding, from, to, frame - i) >= at || rise(sounding, from, to, frame + i) > at) {
            return false;
        }
    }
    return at > 0.0f;
}

// The key of a source that sounds most from a hit on, in the frames that no other hit can claim.
static size_t loudest_key(const ub_matrix *sounding, size_t from, size_t to, ptrdiff_t frame)
{
    size_t best = from;
    float most = 0.0f;
    for (size_t key = from; key < to; key++) {
        float sum = 0.0f;
        for (ptrdiff_t i = 0; i < AROUND; i++) {
            sum += sum_keys(sounding, key, key + 1, frame + i);
        }
        if (sum > most) {
            most = sum;
            best = key;
        }
    }
    return best;
}

// Where the weight of a hit lies that falls between two frames: it is shared by both.
static double centre(const ub_matrix *sounding, size_t from, size_t to, ptrdiff_t frame)
{
    const double before = (double)sum_keys(sounding, from, to, frame - 1);
    const double at = (double)sum_keys(sounding, from, to, frame);
    const double after = (double)sum_keys(sounding, from, to, frame + 1);
    return (double)frame + (after - before) / (before + at + after);
}

static size_t end_of_source(const ub_keys *keys, size_t from)
{
    size_t to = from;
    while (to < keys->n && keys->source[to] == keys->source[from]) {
        to++;
    }
    return to;
}

static void look_around(const ub_keys *keys, const ub_matrix *sounding, ptrdiff_t frame,
                        ub_hit *hit)
{
    for (size_t from = 0, to = 0; from < keys->n; from = to) {
        to = end_of_source(keys, from);
        const ub_hit_part part = ub_hit_part_of(keys->pitch[from]);
        for (ptrdiff_t t = frame - TOGETHER; part < UB_HIT_PARTS && t <= frame + TOGETHER; t++) {
            const float strength = rise(sounding, from, to, t);
            hit->beside[part] = strength > hit->beside[part] ? strength : hit->beside[part];
        }
    }
}

ub_status ub_hits_find(const ub_keys *keys, const ub_matrix *sounding, size_t first, size_t n,
                       size_t first_frame, ub_hits *hits)
{
    ub_status status = UB_OK;
    for (size_t from = 0, to = 0; from < keys->n; from = to) {
        to = end_of_source(keys, from);
        for (size_t t = first; !status && t < first + n; t++) {
            const float strength = rise(sounding, from, to, (ptrdiff_t)t);
            if (is_largest(sounding, from, to, (ptrdiff_t)t, strength)) {
                const double frame = centre(sounding, from, to, (ptrdiff_t)t) - (double)first;
                ub_hit hit = {.frame = (double)first_frame + frame,
                              .key = loudest_key(sounding, from, to, (ptrdiff_t)t),
                              .strength = strength};
                look_around(keys, sounding, (ptrdiff_t)t, &hit);
                status = append(hits, &hit);
            }
        }
    }
    return status;
}

// The strongest first.
static int compare_strength(const void *a, const void *b)
{
    const float x = ((const ub_hit *)a)->strength, y = ((const ub_hit *)b)->strength;
    return (x < y) - (x > y);
}

static int compare_frame(const void *a, const void *b)
{
    const ub_hit *x = a, *y = b;
    return x->frame != y->frame ? (x->frame > y->frame) - (x->frame < y->frame)
                                : (x->key > y->key) - (x->key < y->key);
}

// The mean of the strongest hits of a source; all are sorted by strength.
static double level_of(const ub_keys *keys, const ub_hits *hits, size_t source)
{
    size_t n = 0, n_strong = 0;
    for (size_t i = 0; i < hits->n; i++) {
        n += keys->source[hits->hits[i].key] == source;
    }
    const size_t share = (size_t)(STRONGEST * (double)n);
    const size_t wanted = share > LEAST_STRONG ? share : LEAST_STRONG;
    double sum = 0.0;
    for (size_t i = 0; i < hits->n && n_strong < wanted; i++) {
        if (keys->source[hits->hits[i].key] == source) {
            sum += (double)hits->hits[i].strength;
            n_strong++;
        }
    }
    return n_strong ? sum / (double)n_strong : 0.0;
}

// What a source is measured by.
typedef struct standing {
    double level; // of its strong hits
    double share; // that it has of what rises where it is clearest
    double activity; // share of all that rises
} standing;

static bool is_strong(const ub_hit *hit, const standing *s)
{
    return (double)hit->strength > THRESHOLD * s->level;
}

// What a hit has of all that rises around it.
static double share_of(const ub_keys *keys, const ub_hit *hit)
{
    const ub_hit_part own = ub_hit_part_of(keys->pitch[hit->key]);
    double sum = (double)hit->strength;
    for (size_t part = 0; part < UB_HIT_PARTS; part++) {
        sum += part == own ? 0.0 : (double)hit->beside[part];
    }
    return (double)hit->strength / sum;
}

static int compare_share(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// The mean of the largest shares of a source; `shares` has room for all hits.
static double clearest_of(const ub_keys *keys, const ub_hits *hits, size_t source,
                          const standing *s, double *shares)
{
    size_t n = 0;
    for (size_t i = 0; i < hits->n; i++) {
        if (keys->source[hits->hits[i].key] == source && is_strong(&hits->hits[i], s)) {
            shares[n++] = share_of(keys, &hits->hits[i]);
        }
    }
    qsort(shares, n, sizeof *shares, compare_share);
    const size_t some = (size_t)(CLEAREST * (double)n);
    const size_t wanted = some > LEAST_STRONG ? some : LEAST_STRONG;
    const size_t taken = wanted < n ? wanted : n;
    double sum = 0.0;
    for (size_t i = 0; i < taken; i++) {
        sum += shares[i];
    }
    return taken ? sum / (double)taken : 0.0;
}

static double total_of(const ub_keys *keys, const ub_hits *hits, size_t source)
{
    double sum = 0.0;
    for (size_t i = 0; i < hits->n; i++) {
        sum += keys->source[hits->hits[i].key] == source ? (double)hits->hits[i].strength : 0.0;
    }
    return sum;
}

static double measure(const ub_keys *keys, ub_hits *hits, size_t n_sources, standing *standings,
                      double *shares)
{
    qsort(hits->hits, hits->n, sizeof *hits->hits, compare_strength);
    double loudest = 0.0, total = 1e-30;
    for (size_t source = 0; source < n_sources; source++) {
        standings[source].level = level_of(keys, hits, source);
        standings[source].activity = total_of(keys, hits, source);
        loudest = fmax(loudest, standings[source].level);
        total += standings[source].activity;
    }
    for (size_t source = 0; source < n_sources; source++) {
        standing *s = &standings[source];
        // Of a drum that is not there, the strongest hits are what others leave.
        s->level = fmax(s->level, FAINT * loudest);
        s->activity /= total;
        s->share = clearest_of(keys, hits, source, s, shares);
    }
    return loudest;
}

static double score_of(const ub_keys *keys, const ub_hit *hit, const standing *s, double loudest)
{
    ub_hit_evidence evidence = {.strength = (double)hit->strength,
                                .level = s->level,
                                .loudest = loudest,
                                .activity = s->activity,
                                .standing = s->share};
    for (size_t part = 0; part < UB_HIT_PARTS; part++) {
        evidence.beside[part] = (double)hit->beside[part];
    }
    return ub_hit_judge(ub_hit_part_of(keys->pitch[hit->key]), &evidence);
}

static bool is_hit(const ub_keys *keys, ub_hit_care care, const ub_hit *hit, const standing *s,
                   double loudest)
{
    const bool is_hats = ub_hit_part_of(keys->pitch[hit->key]) == UB_HIT_HATS;
    const double threshold = care == UB_HIT_LIKELY && is_hats ? FAINT_HATS : THRESHOLD;
    const double verdict = care == UB_HIT_LIKELY ? LIKELY_VERDICT : VERDICT;
    return (double)hit->strength > threshold * s->level &&
           score_of(keys, hit, s, loudest) > verdict;
}

// Keep what is a hit, in the order of time.
static void choose(const ub_keys *keys, ub_hit_care care, const standing *standings, double loudest,
                   ub_hits *hits)
{
    size_t n = 0;
    for (size_t i = 0; i < hits->n; i++) {
        const ub_hit hit = hits->hits[i];
        if (is_hit(keys, care, &hit, &standings[keys->source[hit.key]], loudest)) {
            hits->hits[n++] = hit;
        }
    }
    hits->n = n;
    qsort(hits->hits, n, sizeof *hits->hits, compare_frame);
}

ub_status ub_hits_choose(const ub_keys *keys, ub_hit_care care, ub_hits *hits, double *levels,
                         size_t n_sources)
{
    if (hits->n == 0) {
        return UB_OK;
    }
    standing *standings = calloc(n_sources, sizeof *standings);
    double *shares = calloc(hits->n, sizeof *shares);
    const ub_status status = standings && shares ? UB_OK : UB_NO_MEMORY;
    if (!status) {
        const double loudest = measure(keys, hits, n_sources, standings, shares);
        choose(keys, care, standings, loudest, hits);
    }
    for (size_t source = 0; !status && source < n_sources; source++) {
        levels[source] = standings[source].level;
    }
    free(standings);
    free(shares);
    return status;
}

static double time_of(const ub_hit_clock *clock, const ub_hit *hit)
{
    const double time = clock->first_s + hit->frame / clock->frame_rate_hz;
    return fmin(fmax(time, 0.0), clock->end_s);
}

// As loud as the square of the velocity, as samplers play it.
static int velocity_of(const ub_hit *hit, double level)
{
    const double v = LOUD_VELOCITY * sqrt((double)hit->strength / level);
    return v < 1.0 ? 1 : v > 127.0 ? 127 : (int)lrint(v);
}

// A note ends after a while, or where its key is hit again.
static double end_of(const ub_hits *hits, size_t i, const ub_hit_clock *clock, double onset)
{
    double end = fmin(onset + LONGEST_S, clock->end_s);
    for (size_t j = i + 1; j < hits->n; j++) {
        const double next = time_of(clock, &hits->hits[j]);
        if (next >= end) {
            break;
        }
        if (hits->hits[j].key == hits->hits[i].key) {
            end = next;
        }
    }
    return end;
}

ub_status ub_hits_to_notes(const ub_keys *keys, ub_hits *hits, const ub_hit_clock *clock,
                           ub_notes *out)
{
    if (hits->n == 0) {
        return UB_OK;
    }
    const size_t n_sources = keys->source[keys->n - 1] + 1;
    double *levels = calloc(n_sources, sizeof *levels);
    ub_status status =
        levels ? ub_hits_choose(keys, UB_HIT_SURE, hits, levels, n_sources) : UB_NO_MEMORY;
    for (size_t i = 0; !status && i < hits->n; i++) {
        const ub_hit *hit = &hits->hits[i];
        const double onset = time_of(clock, hit);
        const ub_note note = {.onset_s = onset,
                              .offset_s = end_of(hits, i, clock, onset),
                              .pitch = keys->pitch[hit->key],
                              .velocity = velocity_of(hit, levels[keys->source[hit->key]]),
                              .source = keys->source[hit->key]};
        status = ub_notes_append(out, &note);
    }
    free(levels);
    return status;
}
