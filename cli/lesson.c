// SPDX-License-Identifier: GPL-3.0-or-later
// Samples are only ever appended, and their number is stored when they are there: who has read it
// may read them while others come.
#include "lesson.h"
#include "interrupt.h"
#include "report.h"

#include <unbraid/separate.h>
#include <unbraid/stream.h>

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct lesson {
    const char *name;
    double rate_hz;
    size_t n_channels, capacity;
    float *channels[UB_STREAM_MAX_CHANNELS];
    atomic_size_t n_heard, n_sound;
    size_t ends[LESSON_MAX_PASSAGES]; // in samples
    size_t n_passages;
    // What follows is of the thread while it runs, unless it is atomic.
    pthread_t thread;
    bool has_thread;
    ub_settings settings;
    ub_dictionary learned;
    ub_status status;
    ub_message why;
    _Atomic double progress;
    atomic_bool is_learned, is_given_up;
};

static bool allocate(struct lesson *lesson)
{
    for (size_t c = 0; c < lesson->n_channels; c++) {
        lesson->channels[c] = malloc(lesson->capacity * sizeof(float));
        if (!lesson->channels[c]) {
            return false;
        }
        // The audio thread must not be the first to touch it.
        memset(lesson->channels[c], 0, lesson->capacity * sizeof(float));
    }
    return true;
}

bool lesson_new(const char *name, double rate_hz, size_t n_channels, struct lesson **out)
{
    struct lesson *lesson = calloc(1, sizeof *lesson);
    if (lesson) {
        lesson->name = name;
        lesson->rate_hz = rate_hz;
        lesson->n_channels = n_channels;
        lesson->capacity = (size_t)(LESSON_LONGEST_S * rate_hz);
        atomic_init(&lesson->n_heard, 0);
        atomic_init(&lesson->n_sound, 0);
        atomic_init(&lesson->progress, 0.0);
        atomic_init(&lesson->is_learned, false);
        atomic_init(&lesson->is_given_up, false);
    }
    if (!lesson || !allocate(lesson)) {
        report_error(name, "no memory for %d s of sound; close other programs", LESSON_LONGEST_S);
        lesson_free(lesson);
        return false;
    }
    *out = lesson;
    return true;
}

void lesson_free(struct lesson *lesson)
{
    if (lesson) {
        if (lesson->has_thread) {
            atomic_store(&lesson->is_given_up, true);
            pthread_join(lesson->thread, NULL);
        }
        ub_dictionary_free(&lesson->learned);
        for (size_t c = 0; c < lesson->n_channels; c++) {
            free(lesson->channels[c]);
        }
        free(lesson);
    }
}

void lesson_hear(struct lesson *lesson, const float *const *in, size_t n, bool is_sound)
{
    const size_t before = atomic_load_explicit(&lesson->n_heard, memory_order_relaxed);
    const size_t room = lesson->capacity - before;
    n = n < room ? n : room;
    for (size_t c = 0; c < lesson->n_channels; c++) {
        for (size_t i = 0; i < n; i++) {
            lesson->channels[c][before + i] = isfinite(in[c][i]) ? in[c][i] : 0.0f;
        }
    }
    const size_t sound = atomic_load_explicit(&lesson->n_sound, memory_order_relaxed);
    atomic_store_explicit(&lesson->n_sound, sound + (is_sound ? n : 0), memory_order_relaxed);
    atomic_store_explicit(&lesson->n_heard, before + n, memory_order_release);
}

double lesson_heard_s(const struct lesson *lesson)
{
    return (double)atomic_load(&lesson->n_heard) / lesson->rate_hz;
}

double lesson_sound_s(const struct lesson *lesson)
{
    return (double)atomic_load(&lesson->n_sound) / lesson->rate_hz;
}

static int report_progress(void *context, const char *stage, double fraction)
{
    (void)stage;
    struct lesson *lesson = context;
    atomic_store_explicit(&lesson->progress, fraction, memory_order_relaxed);
    return atomic_load_explicit(&lesson->is_given_up, memory_order_relaxed);
}

static void *learn(void *context)
{
    struct lesson *lesson = context;
    const float *from[LESSON_MAX_PASSAGES][UB_STREAM_MAX_CHANNELS];
    ub_planar passages[LESSON_MAX_PASSAGES];
    ub_audio audio[LESSON_MAX_PASSAGES];
    size_t begin = 0;
    for (size_t i = 0; i < lesson->n_passages; i++) {
        for (size_t c = 0; c < lesson->n_channels; c++) {
            from[i][c] = lesson->channels[c] + begin;
        }
        passages[i] = (ub_planar){from[i], lesson->n_channels, lesson->ends[i] - begin};
        audio[i] = ub_audio_in_memory(&passages[i], lesson->rate_hz);
        begin = lesson->ends[i];
    }
    const ub_training training = {lesson->name, audio, lesson->n_passages};
    const ub_progress progress = {report_progress, lesson, NULL};
    lesson->status = ub_learn(&training, 1, &lesson->settings, NULL, "learned live", &progress,
                              &lesson->learned, &lesson->why);
    atomic_store_explicit(&lesson->is_learned, true, memory_order_release);
    return NULL;
}

static void end_passage(struct lesson *lesson)
{
    const size_t end = atomic_load_explicit(&lesson->n_heard, memory_order_acquire);
    const size_t n = lesson->n_passages;
    const size_t last_end = n > 0 ? lesson->ends[n - 1] : 0;
    if (end > last_end || n == 0) {
        lesson->n_passages += n < LESSON_MAX_PASSAGES;
        lesson->ends[lesson->n_passages - 1] = end;
    }
}

bool lesson_learn(struct lesson *lesson, const ub_settings *settings)
{
    end_passage(lesson);
    lesson->settings = *settings;
    lesson->settings.value[UB_PARAM_THREADS] = 1; // beside the sound
    lesson->why = (ub_message){""};
    atomic_store(&lesson->progress, 0.0);
    atomic_store(&lesson->is_learned, false);
    lesson->has_thread = interrupt_free_thread(&lesson->thread, learn, lesson);
    if (!lesson->has_thread) {
        report_error(lesson->name, "no thread to learn it; close other programs");
    }
    return lesson->has_thread;
}

double lesson_progress(const struct lesson *lesson)
{
    return atomic_load_explicit(&lesson->progress, memory_order_relaxed);
}

bool lesson_is_learned(const struct lesson *lesson)
{
    return atomic_load_explicit(&lesson->is_learned, memory_order_acquire);
}

ub_status lesson_take(struct lesson *lesson, ub_dictionary *out, ub_message *why)
{
    pthread_join(lesson->thread, NULL);
    lesson->has_thread = false;
    if (lesson->status) {
        return ub_fail(why, lesson->status, "%s", lesson->why.text);
    }
    *out = lesson->learned;
    lesson->learned = (ub_dictionary){0};
    return UB_OK;
}
