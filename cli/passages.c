// SPDX-License-Identifier: GPL-3.0-or-later
#include "passages.h"
#include "time_span.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char ACCOMPANIMENT[] = "accompaniment", VOICE[] = "vocals";

enum {
    ACCOMPANIMENT_COMPONENTS = 80, // a whole band
    VOICE_COMPONENTS = 60, // of the voice, which is learned while it is separated
    REST_COMPONENTS = 40 // beside one source
};

bool passages_new(size_t n, struct passages *passages)
{
    *passages = (struct passages){.list = calloc(n ? n : 1, sizeof *passages->list)};
    return passages->list != NULL;
}

void passages_free(struct passages *passages)
{
    free(passages->list);
    *passages = (struct passages){0};
}

bool passages_teach(const struct passages *passages, const char *name)
{
    for (size_t i = 0; i < passages->n_names; i++) {
        if (strcmp(passages->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_name(const struct usage *usage, const char *option, const char *name,
                     struct passages *passages)
{
    if (passages_teach(passages, name)) {
        return true;
    }
    if (passages->n_names == UB_DICTIONARY_MAX_SOURCES) {
        options_misused(usage, option, "is given for more than %d sources",
                        UB_DICTIONARY_MAX_SOURCES);
        return false;
    }
    passages->names[passages->n_names++] = name;
    return true;
}

static bool take_name(const struct usage *usage, const char *option, const char *mark,
                      const char *end, struct passage *passage)
{
    ub_message why = {""};
    const size_t length = (size_t)(end - mark);
    const bool fits = length <= UB_DICTIONARY_MAX_NAME;
    if (fits) {
        memcpy(passage->name, mark, length);
        passage->name[length] = '\0';
    }
    if (!fits || ub_name_check(passage->name, &why)) {
        options_misused(usage, option, "is '%.40s': %s", mark,
                        fits ? why.text : "the name of the source is too long");
        return false;
    }
    return true;
}

bool passages_take(const struct usage *usage, const char *option, const char *mark,
                   struct passages *passages)
{
    struct passage *passage = &passages->list[passages->n];
    const bool is_source = strcmp(option, "--source") == 0;
    const char *at = is_source ? strrchr(mark, '@') : NULL;
    const char *times = at ? at + 1 : mark;
    passage->mark = times;
    if ((is_source && !at) ||
        !time_span_read(times, times + strlen(times), &passage->from_s, &passage->to_s)) {
        options_misused(usage, option,
                        "is '%.40s', but must be %s, times like 13.5, 0:13 or 1:02:03", mark,
                        is_source ? "NAME@FROM-TO" : "FROM-TO");
        return false;
    }
    if (passage->from_s >= passage->to_s) {
        options_misused(usage, option, "is '%.40s', but FROM must be before TO", mark);
        return false;
    }
    if (!is_source) {
        strcpy(passage->name, ACCOMPANIMENT);
        passages->has_accompaniment = true;
    } else if (!take_name(usage, option, mark, at, passage)) {
        return false;
    }
    passages->n++;
    return add_name(usage, option, passage->name, passages);
}

const char *passages_rest_name(const struct passages *passages)
{
    return passages->has_accompaniment && !passages_teach(passages, VOICE) ? VOICE : NULL;
}

unsigned passages_free_components(const struct passages *passages, const ub_dictionary *dictionary)
{
    if (passages_rest_name(passages)) {
        return VOICE_COMPONENTS;
    }
    size_t n = passages->n_names;
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        n += !passages_teach(passages, dictionary->source_names[j]);
    }
    return n == 1 ? REST_COMPONENTS : 0;
}

// The span of a passage, to the sample.
static ub_status locate(const struct passage *passage, const ub_audio *recording,
                        ub_audio_span *span, ub_message *why)
{
    const double from = floor(passage->from_s * recording->rate_hz + 0.5);
    const double to = floor(passage->to_s * recording->rate_hz + 0.5);
    if (to > (double)recording->n_samples) {
        return ub_fail(why, UB_BAD_VALUE,
                       "the passage %.40s ends after the recording, which has %.3f seconds; mark "
                       "one that lies inside",
                       passage->mark, (double)recording->n_samples / recording->rate_hz);
    }
    *span = (ub_audio_span){recording, (size_t)from, (size_t)(to - from)};
    return UB_OK;
}

// What spans, audio and training of ub_learn() are kept in.
struct lessons {
    ub_audio_span *spans;
    ub_audio *audio;
    ub_training training[UB_DICTIONARY_MAX_SOURCES];
};

static ub_status find_lessons(const struct passages *passages, const ub_audio *recording,
                              struct lessons *lessons, ub_message *why)
{
    size_t n = 0;
    for (size_t j = 0; j < passages->n_names; j++) {
        lessons->training[j] = (ub_training){passages->names[j], &lessons->audio[n], 0};
        for (size_t i = 0; i < passages->n; i++) {
            if (strcmp(passages->list[i].name, passages->names[j]) != 0) {
                continue;
            }
            const ub_status status = locate(&passages->list[i], recording, &lessons->spans[n], why);
            if (status) {
                return status;
            }
            lessons->audio[n] = ub_audio_of_span(&lessons->spans[n]);
            lessons->training[j].n_audio++;
            n++;
        }
    }
    return UB_OK;
}

static ub_settings settings_of_lessons(const struct passages *passages,
                                       const ub_dictionary *dictionary, const ub_settings *settings)
{
    ub_settings learning = *settings;
    if (dictionary) {
        learning.value[UB_PARAM_WINDOW_MS] =
            1000.0 * (double)dictionary->window_samples / dictionary->rate_hz;
        learning.value[UB_PARAM_OVERLAP] =
            (double)(dictionary->window_samples / dictionary->hop_samples);
    }
    if (learning.value[UB_PARAM_COMPONENTS] == 0.0 && passages->has_accompaniment) {
        learning.value[UB_PARAM_COMPONENTS] = ACCOMPANIMENT_COMPONENTS;
    }
    return learning;
}

static ub_status learn(const struct passages *passages, const ub_audio *recording,
                       const ub_settings *settings, const ub_progress *progress,
                       struct lessons *lessons, ub_dictionary *out, ub_message *why)
{
    lessons->spans = calloc(passages->n, sizeof *lessons->spans);
    lessons->audio = calloc(passages->n, sizeof *lessons->audio);
    if (!lessons->spans || !lessons->audio) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu passages", passages->n);
    }
    const ub_status status = find_lessons(passages, recording, lessons, why);
    return status ? status
                  : ub_learn(lessons->training, passages->n_names, settings, NULL, NULL, progress,
                             out, why);
}

// The sources of a dictionary that the passages do not teach anew: all zero when there is none.
static ub_status pick_others(const struct passages *passages, const ub_dictionary *dictionary,
                             ub_dictionary *others, ub_message *why)
{
    size_t kept[UB_DICTIONARY_MAX_SOURCES], n = 0;
    *others = (ub_dictionary){0};
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        if (!passages_teach(passages, dictionary->source_names[j])) {
            kept[n++] = j;
        }
    }
    return n > 0 ? ub_dictionary_pick(dictionary, kept, n, others, why) : UB_OK;
}

static ub_status join(const struct passages *passages, const ub_dictionary *dictionary,
                      ub_dictionary *learned, ub_dictionary *out, ub_message *why)
{
    ub_dictionary others = {0};
    ub_status status = dictionary ? pick_others(passages, dictionary, &others, why) : UB_OK;
    if (!status && others.n_sources == 0) {
        *out = *learned;
        return UB_OK;
    }
    const ub_dictionary *both[] = {&others, learned};
    status = status ? status : ub_dictionary_join(both, 2, out, why);
    ub_dictionary_free(&others);
    ub_dictionary_free(learned);
    return status;
}

ub_status passages_learn(const struct passages *passages, const ub_audio *recording,
                         const ub_dictionary *dictionary, const ub_settings *settings,
                         const ub_progress *progress, ub_dictionary *out, ub_message *why)
{
    const ub_settings learning = settings_of_lessons(passages, dictionary, settings);
    struct lessons lessons = {0};
    ub_dictionary learned;
    ub_status status = learn(passages, recording, &learning, progress, &lessons, &learned, why);
    free(lessons.spans);
    free(lessons.audio);
    return status ? status : join(passages, dictionary, &learned, out, why);
}
