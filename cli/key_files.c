// SPDX-License-Identifier: GPL-3.0-or-later
#include "key_files.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The header of version 1.0: its length is a multiple of 64 with the ten bytes before it. Fortran
// order is ours: a frame after the other.
static void begin_activations(FILE *to, size_t n_frames)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    char text[118];
    const int n = snprintf(text, sizeof text,
                           "{'descr': '%cf4', 'fortran_order': True, 'shape': (%d, %zu), }",
                           first ? '<' : '>', KEY_COUNT, n_frames);
    memset(text + n, ' ', sizeof text - (size_t)n);
    text[sizeof text - 1] = '\n';
    static const char magic[] = "\x93NUMPY\x01"; // and the 0 that ends it
    fwrite(magic, 1, sizeof magic, to);
    fputc(sizeof text, to);
    fputc(0, to);
    fwrite(text, 1, sizeof text, to);
}

static void begin_chroma(FILE *to)
{
    fputs("time_s,C,C#,D,D#,E,F,F#,G,G#,A,A#,B\n", to);
}

static void begin_salience(FILE *to)
{
    fputs("time_s", to);
    for (int key = 0; key < KEY_COUNT; key++) {
        fprintf(to, ",%d", KEY_FIRST + key);
    }
    fputc('\n', to);
}

static ub_status begin(void *context, const ub_key_frames *frames, ub_message *why)
{
    struct key_files *files = context;
    free(files->pitches);
    files->pitches = calloc(frames->n_keys + 1, sizeof *files->pitches);
    if (!files->pitches) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a list of keys");
    }
    memcpy(files->pitches, frames->pitches, frames->n_keys * sizeof *files->pitches);
    files->frames = *frames;
    files->frames.pitches = NULL;
    files->frames.sources = NULL;
    if (files->activations) {
        begin_activations(files->activations, frames->n_frames);
    }
    if (files->chroma) {
        begin_chroma(files->chroma);
    }
    if (files->salience) {
        begin_salience(files->salience);
    }
    return UB_OK;
}

static void print_row(FILE *to, double time_s, const float *values, size_t n)
{
    fprintf(to, "%.4f", time_s);
    for (size_t i = 0; i < n; i++) {
        fprintf(to, ",%.5g", (double)values[i]);
    }
    fputc('\n', to);
}

// The activation of every pitch: sources that have the same key are added up.
static void write_frame(const struct key_files *files, double time_s, const float *activations)
{
    float pitches[KEY_PITCHES] = {0.0f}, classes[12] = {0.0f};
    for (size_t key = 0; key < files->frames.n_keys; key++) {
        pitches[files->pitches[key]] += activations[key];
        classes[files->pitches[key] % 12] += activations[key];
    }
    if (files->activations) {
        fwrite(&pitches[KEY_FIRST], sizeof(float), KEY_COUNT, files->activations);
    }
    if (files->chroma) {
        print_row(files->chroma, time_s, classes, 12);
    }
    if (files->salience) {
        print_row(files->salience, time_s, &pitches[KEY_FIRST], KEY_COUNT);
    }
}

static ub_status write_frames(void *context, size_t first, size_t n, const ub_matrix *activations,
                              ub_message *why)
{
    (void)why;
    struct key_files *files = context;
    for (size_t frame = 0; frame < n; frame++) {
        const double time_s =
            files->frames.first_s + (double)(first + frame) / files->frames.frame_rate_hz;
        write_frame(files, time_s, ub_matrix_column(activations, frame));
    }
    return UB_OK;
}

ub_key_sink key_files_sink(struct key_files *files)
{
    return (ub_key_sink){begin, write_frames, files};
}

void key_files_free(struct key_files *files)
{
    free(files->pitches);
    files->pitches = NULL;
}
