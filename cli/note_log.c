// SPDX-License-Identifier: GPL-3.0-or-later
#include "note_log.h"
#include "report.h"
#include "unbraid/file.h"
#include "unbraid/midi.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY = 4096, // notes on their way between threads
    N_PITCHES = 128
};

struct note_log {
    struct note_log_settings settings;
    ub_stream_note ring[CAPACITY];
    atomic_size_t n_written, n_read;
    ub_stream_note begun[UB_STREAM_MAX_SOURCES][N_PITCHES]; // velocity 0: does not sound
    ub_notes notes;
};

struct note_log *note_log_new(const struct note_log_settings *settings)
{
    struct note_log *log = calloc(1, sizeof *log);
    if (!log) {
        report_error("--midi", "no memory; close other programs");
        return NULL;
    }
    log->settings = *settings;
    atomic_init(&log->n_written, 0);
    atomic_init(&log->n_read, 0);
    return log;
}

void note_log_free(struct note_log *log)
{
    if (log) {
        ub_notes_free(&log->notes);
        free(log);
    }
}

void note_log_hear(struct note_log *log, ub_stream *stream)
{
    const size_t written = atomic_load_explicit(&log->n_written, memory_order_relaxed);
    const size_t read = atomic_load_explicit(&log->n_read, memory_order_acquire);
    const size_t at = written % CAPACITY, room = CAPACITY - (written - read);
    const size_t to_end = CAPACITY - at;
    size_t n = ub_stream_take_notes(stream, log->ring + at, room < to_end ? room : to_end);
    if (n == to_end && room > to_end) {
        n += ub_stream_take_notes(stream, log->ring, room - to_end);
    }
    atomic_store_explicit(&log->n_written, written + n, memory_order_release);
}

static bool is_for_lines(const struct note_log *log)
{
    return strcmp(log->settings.path, "-") == 0;
}

static double seconds(const struct note_log *log, uint64_t sample)
{
    return (double)sample / log->settings.rate_hz;
}

static void print_line(const struct note_log *log, const ub_stream_note *note)
{
    printf("%.3f %s %d %d %s\n", seconds(log, note->sample), note->velocity > 0 ? "on" : "off",
           note->pitch, note->velocity, log->settings.names[note->source]);
}

static ub_status keep(struct note_log *log, const ub_stream_note *begin, uint64_t end)
{
    const double delay_s = log->settings.delay_s;
    const ub_note note = {
        .onset_s = fmax(0.0, seconds(log, begin->sample) - delay_s),
        .offset_s = fmax(0.0, seconds(log, end) - delay_s),
        .pitch = begin->pitch,
        .velocity = begin->velocity,
        .source = begin->source,
        .pitch_hz = ub_pitch_hz(begin->pitch),
    };
    return ub_notes_append(&log->notes, &note);
}

static ub_status take(struct note_log *log, const ub_stream_note *note)
{
    if (is_for_lines(log)) {
        print_line(log, note);
        return UB_OK;
    }
    ub_stream_note *begun = &log->begun[note->source][note->pitch];
    const ub_status status = begun->velocity > 0 ? keep(log, begun, note->sample) : UB_OK;
    *begun = *note;
    return status;
}

static bool report_no_memory(ub_status status)
{
    if (status) {
        report_error("--midi", "no memory for the notes; stop earlier");
    }
    return status == UB_OK;
}

bool note_log_follow(struct note_log *log, void (*speak)(void))
{
    size_t read = atomic_load_explicit(&log->n_read, memory_order_relaxed);
    const size_t written = atomic_load_explicit(&log->n_written, memory_order_acquire);
    ub_status status = UB_OK;
    if (read < written && is_for_lines(log) && speak) {
        speak();
    }
    for (; !status && read < written; read++) {
        status = take(log, &log->ring[read % CAPACITY]);
    }
    atomic_store_explicit(&log->n_read, read, memory_order_release);
    if (is_for_lines(log)) {
        fflush(stdout);
    }
    return report_no_memory(status);
}

static ub_status end_all(struct note_log *log, uint64_t end)
{
    ub_status status = UB_OK;
    for (size_t i = 0; !status && i < log->settings.n_sources * N_PITCHES; i++) {
        ub_stream_note *begun = &log->begun[i / N_PITCHES][i % N_PITCHES];
        const ub_stream_note off = {.sample = end, .pitch = begun->pitch, .source = begun->source};
        status = begun->velocity > 0 ? take(log, &off) : UB_OK;
    }
    return status;
}

static ub_status write_file(struct note_log *log, ub_message *why)
{
    ub_midi midi = {.notes = log->notes, .n_sources = log->settings.n_sources, .bpm = 120.0};
    midi.sources = calloc(midi.n_sources, sizeof *midi.sources);
    if (!midi.sources) {
        return UB_NO_MEMORY;
    }
    for (size_t i = 0; i < midi.n_sources; i++) {
        snprintf(midi.sources[i].name, sizeof midi.sources[i].name, "%s", log->settings.names[i]);
        midi.sources[i].program =
            ub_midi_program(log->settings.names[i], &midi.sources[i].is_drums);
    }
    unsigned char *bytes = NULL;
    size_t size;
    ub_status status = ub_midi_encode(&midi, &bytes, &size, why);
    status = status ? status : ub_file_write(log->settings.path, bytes, size, why);
    free(bytes);
    free(midi.sources);
    return status;
}

bool note_log_finish(struct note_log *log, uint64_t end)
{
    ub_message why = {""};
    if (!note_log_follow(log, NULL) || !report_no_memory(end_all(log, end))) {
        return false;
    }
    if (is_for_lines(log)) {
        return true;
    }
    const ub_status status = write_file(log, &why);
    if (status) {
        report_status(log->settings.path, status, &why);
    } else {
        puts(log->settings.path);
    }
    return status == UB_OK;
}
