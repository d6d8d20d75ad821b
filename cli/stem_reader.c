// SPDX-License-Identifier: GPL-3.0-or-later
// The ring belongs to both threads, one at each end, but while the reader leaves: then all of it is
// the reader's. `phase` hands it over and back.
#include "stem_reader.h"
#include "audio_file.h"
#include "interrupt.h"
#include "report.h"
#include "ring.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STEP_FRAMES = 4096,
    LOOK_MS = 10,
    MOST_SIGNALS = UB_MIX_MAX_STEMS * UB_MIX_MAX_CHANNELS,
};

// A disk may pause for so long before sound is lost; and so much is read before sound goes on
// elsewhere.
static const double ring_s = 4.0, least_s = 0.5;

static const uint64_t nowhere = UINT64_MAX;

enum phase {
    PLAYS,
    WANTS_TO_LEAVE, // set by the reader
    MAY_LEAVE, // set by the audio thread
};

struct stem_reader {
    const struct track_list *tracks;
    struct audio_file *files[UB_MIX_MAX_STEMS];
    size_t n_files, n_signals, n_channels;
    double rate_hz;
    uint64_t length, first, last; // the passage ends before `last`
    bool loops;
    struct ring *ring;
    float *block; // signal after signal, STEP_FRAMES each
    pthread_t thread;
    bool has_thread;
    atomic_bool is_ending;
    atomic_int phase;
    atomic_uint_least64_t position, target;
    atomic_bool has_read_all;
    // Of the reader, until it has read all.
    uint64_t next; // frame
    size_t failed; // file
    ub_status status;
    ub_message why;
};

static size_t n_channels_of(const struct stem_reader *reader, size_t stem)
{
    return audio_file_info(reader->files[stem])->n_channels;
}

// ---- the thread --------------------------------------------------------------------------------

// What a file has of a span, and silence behind its end.
static ub_status read_stem(struct stem_reader *reader, size_t stem, float *const *to, size_t n)
{
    const size_t n_there = audio_file_info(reader->files[stem])->n_samples;
    const size_t left = reader->next < n_there ? n_there - (size_t)reader->next : 0;
    const size_t n_read = left < n ? left : n;
    for (size_t c = 0; c < n_channels_of(reader, stem); c++) {
        memset(to[c] + n_read, 0, (n - n_read) * sizeof *to[c]);
    }
    return n_read == 0 ? UB_OK
                       : audio_file_read(reader->files[stem], (size_t)reader->next, n_read, to,
                                         &reader->why);
}

static void read_step(struct stem_reader *reader, size_t n)
{
    float *signals[MOST_SIGNALS];
    for (size_t i = 0; i < reader->n_signals; i++) {
        signals[i] = reader->block + i * STEP_FRAMES;
    }
    size_t at = 0;
    for (size_t j = 0; j < reader->n_files; j++) {
        reader->status = read_stem(reader, j, signals + at, n);
        if (reader->status) {
            reader->failed = j;
            return;
        }
        at += n_channels_of(reader, j);
    }
    ring_write(reader->ring, (const float *const *)signals, n);
    reader->next += n;
}

// @return whether there was something to do.
static bool read_some(struct stem_reader *reader)
{
    if (atomic_load(&reader->has_read_all)) {
        return false;
    }
    if (reader->loops && reader->next == reader->last) {
        reader->next = reader->first;
    }
    const size_t room = ring_room(reader->ring);
    const uint64_t left = reader->last - reader->next;
    const size_t most = room < STEP_FRAMES ? room : STEP_FRAMES;
    const size_t n = left < most ? (size_t)left : most;
    if (n > 0) {
        read_step(reader, n);
    }
    if (reader->status || (!reader->loops && reader->next == reader->last)) {
        atomic_store(&reader->has_read_all, true);
    }
    return n > 0;
}

static void leave(struct stem_reader *reader)
{
    const float *signals[MOST_SIGNALS];
    for (size_t n; (n = ring_read(reader->ring, signals)) > 0;) {
        ring_release(reader->ring, n);
    }
    reader->next = atomic_exchange(&reader->target, nowhere);
    atomic_store(&reader->position, reader->next);
    if (!reader->status) {
        atomic_store(&reader->has_read_all, false);
        double n_ahead = 0.0;
        while (n_ahead < least_s * reader->rate_hz && read_some(reader)) {
            n_ahead += STEP_FRAMES;
        }
    }
    atomic_store(&reader->phase, PLAYS);
}

static void *read_all(void *context)
{
    struct stem_reader *reader = context;
    const struct timespec nap = {.tv_nsec = LOOK_MS * 1000000L};
    while (!atomic_load(&reader->is_ending)) {
        const int phase = atomic_load(&reader->phase);
        if (phase == MAY_LEAVE) {
            leave(reader);
        } else if (phase == PLAYS && atomic_load(&reader->target) != nowhere) {
            atomic_store(&reader->phase, WANTS_TO_LEAVE);
        }
        if (!read_some(reader)) {
            nanosleep(&nap, NULL);
        }
    }
    return NULL;
}

// ---- life --------------------------------------------------------------------------------------

static bool fail(const char *subject, ub_status status, const ub_message *why)
{
    report_status(subject, status, why);
    return false;
}

static bool check_stem(const struct stem_reader *reader, const char *path)
{
    const struct audio_info *info = audio_file_info(reader->files[reader->n_files]);
    if (info->n_channels > UB_MIX_MAX_CHANNELS) {
        report_error(path, "has %zu channels, but one or two can be played; convert it",
                     info->n_channels);
        return false;
    }
    if (reader->n_files > 0 && info->rate_hz != (unsigned)reader->rate_hz) {
        report_error(path, "has %u Hz, the stems before it %u Hz; resample it", info->rate_hz,
                     (unsigned)reader->rate_hz);
        return false;
    }
    return true;
}

static bool open_stem(struct stem_reader *reader, const char *path)
{
    ub_message why = {""};
    const ub_status status = audio_file_open_for_work(path, &reader->files[reader->n_files], &why);
    if (status) {
        return fail(path, status, &why);
    }
    const bool is_good = check_stem(reader, path);
    const struct audio_info *info = audio_file_info(reader->files[reader->n_files]);
    reader->n_files++;
    reader->rate_hz = info->rate_hz;
    reader->n_signals += info->n_channels;
    reader->n_channels =
        info->n_channels > reader->n_channels ? info->n_channels : reader->n_channels;
    reader->length = info->n_samples > reader->length ? info->n_samples : reader->length;
    return is_good;
}

static bool set_passage(struct stem_reader *reader, const struct stem_reader_settings *settings)
{
    const double first = floor(settings->start_s * reader->rate_hz);
    const double n = ceil(settings->seconds * reader->rate_hz);
    if (first >= (double)reader->length) {
        report_error("--start",
                     "is behind the end of the stems, which are %.3f s long; choose less",
                     (double)reader->length / reader->rate_hz);
        return false;
    }
    reader->first = (uint64_t)first;
    const bool is_short = n > 0.0 && first + n < (double)reader->length;
    reader->last = is_short ? (uint64_t)(first + n) : reader->length;
    reader->next = reader->first;
    reader->loops = settings->loops;
    atomic_init(&reader->position, reader->first);
    return true;
}

static bool open_all(const struct stem_reader_settings *settings, struct stem_reader *reader)
{
    for (size_t i = 0; i < settings->tracks->n; i++) {
        if (!open_stem(reader, settings->tracks->tracks[i].path)) {
            return false;
        }
    }
    if (!set_passage(reader, settings)) {
        return false;
    }
    reader->ring = ring_new(reader->n_signals, (size_t)(ring_s * reader->rate_hz));
    reader->block = malloc(reader->n_signals * STEP_FRAMES * sizeof *reader->block);
    if (!reader->ring || !reader->block) {
        report_error("play", "no memory for so many stems; play fewer");
        return false;
    }
    return true;
}

bool stem_reader_open(const struct stem_reader_settings *settings, struct stem_reader **out)
{
    if (settings->tracks->n > UB_MIX_MAX_STEMS) {
        report_error("play", "there are %zu stems, but at most %d can be played; name fewer",
                     settings->tracks->n, UB_MIX_MAX_STEMS);
        return false;
    }
    struct stem_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        report_error("play", "no memory; close other programs");
        return false;
    }
    reader->tracks = settings->tracks;
    atomic_init(&reader->is_ending, false);
    atomic_init(&reader->has_read_all, false);
    atomic_init(&reader->phase, PLAYS);
    atomic_init(&reader->target, nowhere);
    if (!open_all(settings, reader)) {
        stem_reader_free(reader);
        return false;
    }
    *out = reader;
    return true;
}

bool stem_reader_start(struct stem_reader *reader)
{
    while (read_some(reader)) { // until the ring is full
    }
    reader->has_thread = interrupt_free_thread(&reader->thread, read_all, reader);
    if (!reader->has_thread) {
        report_error("play", "no thread to read; close other programs");
    }
    return reader->has_thread;
}

void stem_reader_free(struct stem_reader *reader)
{
    if (!reader) {
        return;
    }
    if (reader->has_thread) {
        atomic_store(&reader->is_ending, true);
        pthread_join(reader->thread, NULL);
    }
    for (size_t i = 0; i < reader->n_files; i++) {
        audio_file_close(reader->files[i]);
    }
    free(reader->block);
    ring_free(reader->ring);
    free(reader);
}

// ---- from outside ------------------------------------------------------------------------------

double stem_reader_rate_hz(const struct stem_reader *reader)
{
    return reader->rate_hz;
}

size_t stem_reader_n_stems(const struct stem_reader *reader)
{
    return reader->n_files;
}

size_t stem_reader_n_channels(const struct stem_reader *reader)
{
    return reader->n_channels;
}

uint64_t stem_reader_length(const struct stem_reader *reader)
{
    return reader->length;
}

uint64_t stem_reader_position(const struct stem_reader *reader)
{
    return atomic_load(&reader->position);
}

void stem_reader_skip(struct stem_reader *reader, int64_t n_frames)
{
    uint64_t from = atomic_load(&reader->target);
    from = from == nowhere ? atomic_load(&reader->position) : from;
    const uint64_t n = (uint64_t)(n_frames < 0 ? -n_frames : n_frames);
    uint64_t to;
    if (n_frames < 0) {
        to = n < from - reader->first ? from - n : reader->first;
    } else if (n < reader->last - from) {
        to = from + n;
    } else {
        to = reader->loops ? reader->first : reader->last;
    }
    atomic_store(&reader->target, to);
}

bool stem_reader_is_good(const struct stem_reader *reader)
{
    const bool has_failed = atomic_load(&reader->has_read_all) && reader->status != UB_OK;
    return !has_failed || reader->status == UB_CANCELLED ||
           fail(reader->tracks->tracks[reader->failed].path, reader->status, &reader->why);
}

// ---- the audio thread --------------------------------------------------------------------------

size_t stem_reader_look(const struct stem_reader *reader, const float **stems)
{
    const float *signals[MOST_SIGNALS];
    if (atomic_load_explicit(&reader->phase, memory_order_acquire) == MAY_LEAVE) {
        return 0;
    }
    const size_t n = ring_read(reader->ring, signals);
    size_t at = 0;
    for (size_t j = 0; j < reader->n_files; j++) {
        const size_t n_own = n_channels_of(reader, j);
        for (size_t c = 0; c < reader->n_channels; c++) {
            stems[j * reader->n_channels + c] = signals[at + (c < n_own ? c : 0)];
        }
        at += n_own;
    }
    return n;
}

void stem_reader_pass(struct stem_reader *reader, size_t n)
{
    ring_release(reader->ring, n);
    uint64_t position = atomic_load_explicit(&reader->position, memory_order_relaxed) + n;
    if (reader->loops) {
        position = reader->first + (position - reader->first) % (reader->last - reader->first);
    }
    atomic_store_explicit(&reader->position, position, memory_order_relaxed);
}

bool stem_reader_has_ended(const struct stem_reader *reader)
{
    // Asked in this order: what was read before is in the ring.
    const float *stems[MOST_SIGNALS];
    return !stem_reader_wants_to_leave(reader) &&
           atomic_load_explicit(&reader->has_read_all, memory_order_acquire) &&
           stem_reader_look(reader, stems) == 0;
}

bool stem_reader_wants_to_leave(const struct stem_reader *reader)
{
    return atomic_load_explicit(&reader->phase, memory_order_acquire) != PLAYS;
}

void stem_reader_let_go(struct stem_reader *reader)
{
    int wanted = WANTS_TO_LEAVE;
    atomic_compare_exchange_strong(&reader->phase, &wanted, MAY_LEAVE);
}
