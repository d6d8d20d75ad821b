// SPDX-License-Identifier: GPL-3.0-or-later
// A voice is a pitch of an instrument of a part: it has templates of its own, which its notes
// share.
#include "note_plan.h"
#include "unbraid/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PITCHES = 128 };

static const double ATTACK_S = 0.15, RELEASE_S = 0.3, DRUM_S = 0.6, CYMBAL_S = 1.0;
static const float SHARE_OF_FREE = 0.01f; // of the start: they take what the score leaves

// A span of frames of the stretch.
struct span {
    size_t first, end;
};

struct voice {
    ub_note_sound sound;
    size_t part, first; // of its templates
};

struct planning {
    const ub_note_orders *orders;
    const ub_scene *scene;
    size_t n_frames;
    size_t *instrument; // of each player
    size_t *number; // [instrument][pitch] 1 + voice; 0 for none
    struct voice *voices;
    size_t n_voices, capacity;
    ub_note_plan plan;
};

void ub_note_plan_free(ub_note_plan *plan)
{
    ub_matrix_free(&plan->templates);
    ub_matrix_free(&plan->activations);
    free(plan->chosen);
    free(plan->part);
    *plan = (ub_note_plan){0};
}

// How many frames of the stretch are before a time.
static size_t frames_before(const struct planning *p, double time_s)
{
    const double frame_s = (double)p->scene->hop_samples / p->scene->rate_hz;
    const double n = ceil((time_s - ub_scene_time_s(p->scene, 0)) / frame_s);
    return n <= 0.0 ? 0 : n >= (double)p->n_frames ? p->n_frames : (size_t)n;
}

static struct span span_of(const struct planning *p, double from_s, double to_s)
{
    return (struct span){frames_before(p, from_s), frames_before(p, to_s)};
}

static bool rings(int key)
{
    return key == 46 || key == 49 || (key >= 51 && key <= 53) || key == 55 || key == 57 ||
           key == 59;
}

static struct span span_of_note(const struct planning *p, const ub_note *note, bool is_drum)
{
    const double drum_s = rings(note->pitch) ? CYMBAL_S : DRUM_S;
    const double end_s = is_drum ? note->onset_s + drum_s : note->offset_s + RELEASE_S;
    const double tolerance_s = p->orders->tolerance_s;
    return span_of(p, note->onset_s - tolerance_s, end_s + tolerance_s);
}

// Players of one part and program are one instrument, the first of them.
static size_t instrument_of(const ub_parts *parts, size_t player)
{
    const ub_player *mine = &parts->players[player];
    size_t first = 0;
    for (; first < player; first++) {
        const ub_player *other = &parts->players[first];
        if (other->part == mine->part && other->program == mine->program &&
            other->is_drums == mine->is_drums) {
            break;
        }
    }
    return first;
}

static size_t *number_of(const struct planning *p, const ub_note *note)
{
    return &p->number[p->instrument[note->source] * PITCHES + (size_t)note->pitch];
}

// @return its voice, which is made where there is none yet; NULL without memory.
static struct voice *voice_of(struct planning *p, const ub_note *note)
{
    size_t *number = number_of(p, note);
    if (*number > 0) {
        return &p->voices[*number - 1];
    }
    if (p->n_voices == p->capacity) {
        const size_t capacity = 2 * p->capacity + 64;
        struct voice *more = realloc(p->voices, capacity * sizeof *more);
        if (!more) {
            return NULL;
        }
        p->voices = more;
        p->capacity = capacity;
    }
    const ub_parts *parts = p->orders->parts;
    const ub_player *player = &parts->players[note->source];
    struct voice *voice = &p->voices[p->n_voices++];
    *number = p->n_voices;
    voice->sound =
        ub_note_bank_find(p->orders->bank, player, parts->names[player->part], note->pitch);
    voice->part = player->part;
    voice->first = p->plan.n_components;
    p->plan.n_components += voice->sound.n;
    return voice;
}

static struct span span_of_any(const struct planning *p, const ub_note *note)
{
    return span_of_note(p, note, p->orders->parts->players[note->source].is_drums);
}

static ub_status find_voices(struct planning *p, ub_message *why)
{
    const ub_parts *parts = p->orders->parts;
    p->plan.n_components = p->orders->n_free;
    for (size_t player = 0; player < parts->n_players; player++) {
        p->instrument[player] = instrument_of(parts, player);
    }
    for (size_t i = 0; i < parts->notes.n; i++) {
        const ub_note *note = &parts->notes.notes[i];
        const struct span span = span_of_any(p, note);
        if (span.first < span.end && !voice_of(p, note)) {
            return UB_NO_MEMORY;
        }
        if (p->plan.n_components > UB_NOTE_PLAN_MOST) {
            return ub_fail(why, UB_BAD_VALUE, "the score has too many different notes at a time");
        }
    }
    return UB_OK;
}

static ub_status allocate(struct planning *p)
{
    ub_note_plan *plan = &p->plan;
    const size_t n_cells = (p->n_frames + UB_NOTE_CELL - 1) / UB_NOTE_CELL;
    plan->chosen = calloc(n_cells * plan->n_components + 1, sizeof *plan->chosen);
    plan->part = calloc(plan->n_components + 1, sizeof *plan->part);
    if (!plan->chosen || !plan->part) {
        return UB_NO_MEMORY;
    }
    const ub_status status =
        ub_matrix_new(p->scene->spectra[0].n_rows, plan->n_components, &plan->templates);
    return status ? status : ub_matrix_new(plan->n_components, p->n_frames, &plan->activations);
}

static void allow(struct planning *p, size_t k, struct span span, float value)
{
    for (size_t t = span.first; t < span.end; t++) {
        ub_matrix_column(&p->plan.activations, t)[k] = value;
        p->plan.chosen[t / UB_NOTE_CELL * p->plan.n_components + k] = true;
    }
}

static void add_voice(struct planning *p, const struct voice *voice)
{
    for (size_t i = 0; i < voice->sound.n; i++) {
        p->plan.part[voice->first + i] = voice->part;
        ub_note_bank_template(p->orders->bank, &voice->sound, i,
                              ub_matrix_column(&p->plan.templates, voice->first + i));
    }
}

static void add_note(struct planning *p, const ub_note *note)
{
    const struct span whole = span_of_any(p, note);
    if (whole.first >= whole.end) {
        return;
    }
    const double tolerance_s = p->orders->tolerance_s;
    const struct span attack =
        span_of(p, note->onset_s - tolerance_s, note->onset_s + ATTACK_S + tolerance_s);
    const struct voice *voice = &p->voices[*number_of(p, note) - 1];
    for (size_t i = 0; i < voice->sound.n; i++) {
        allow(p, voice->first + i, i < voice->sound.n_attack ? attack : whole, 1.0f);
    }
}

static void add_free(struct planning *p)
{
    const size_t n_bins = p->plan.templates.n_rows, n_free = p->orders->n_free;
    ub_random random = ub_random_new((uint64_t)p->scene->settings->value[UB_PARAM_SEED]);
    for (size_t k = 0; k < n_free; k++) {
        p->plan.part[k] = p->orders->parts->n;
        allow(p, k, (struct span){0, p->n_frames}, SHARE_OF_FREE);
        float *w = ub_matrix_column(&p->plan.templates, k);
        double sum = 0.0;
        for (size_t f = 0; f < n_bins; f++) {
            w[f] = 0.1f + (float)ub_random_uniform(&random);
            sum += (double)w[f];
        }
        for (size_t f = 0; f < n_bins; f++) {
            w[f] = (float)((double)w[f] / sum);
        }
    }
}

// All that may sound in a frame begins alike, and together has its level.
static void bring_to_level(struct planning *p, const double *level)
{
    for (size_t t = 0; t < p->n_frames; t++) {
        float *h = ub_matrix_column(&p->plan.activations, t);
        double sum = 0.0;
        for (size_t k = 0; k < p->plan.n_components; k++) {
            sum += (double)h[k];
        }
        for (size_t k = 0; sum > 0.0 && k < p->plan.n_components; k++) {
            h[k] = (float)((double)h[k] * level[t] / sum);
        }
    }
}

ub_status ub_note_plan_new(const ub_note_orders *orders, const ub_scene *scene, const double *level,
                           ub_note_plan *out, ub_message *why)
{
    const ub_parts *parts = orders->parts;
    struct planning p = {.orders = orders, .scene = scene, .n_frames = scene->spectra[0].n_cols};
    p.number = calloc(parts->n_players * PITCHES + 1, sizeof *p.number);
    p.instrument = calloc(parts->n_players + 1, sizeof *p.instrument);
    ub_status status = p.number && p.instrument ? find_voices(&p, why) : UB_NO_MEMORY;
    status = status ? status : allocate(&p);
    if (!status) {
        for (size_t i = 0; i < p.n_voices; i++) {
            add_voice(&p, &p.voices[i]);
        }
        for (size_t i = 0; i < parts->notes.n; i++) {
            add_note(&p, &parts->notes.notes[i]);
        }
        add_free(&p);
        bring_to_level(&p, level);
        *out = p.plan;
    } else {
        ub_note_plan_free(&p.plan);
    }
    free(p.number);
    free(p.instrument);
    free(p.voices);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for the notes of a stretch")
                                  : status;
}
