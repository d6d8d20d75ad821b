// SPDX-License-Identifier: GPL-3.0-or-later
// Run a stream over raw samples, as fast as it goes, and tell what its blocks cost.
//
//   stream_file MODE RATE CHANNELS DICTIONARY [BLOCK [FREE [FORGET_S [SPARSITY [NOTES [KEYS]]]]]]
//   < mix.f32 > stems.f32
//
// MODE is quality, balanced, live or short. Samples are interleaved 32-bit floats; the stems come
// out with the channels of source after source interleaved, without the latency. To stderr goes a
// line of JSON: latency and hop in samples, seconds per block at the median and the 99th
// percentile, and the share of one core.
//
// NOTES is a file for the notes that are heard: lines of time in seconds, less the usual delay,
// MIDI note number and velocity, 0 where a note ends. KEYS is a file for what sounds on each key, a
// frame after the other, as 32-bit floats: then blocks are as long as a hop, and BLOCK is ignored.
#include "stream/stream_model.h"
#include "unbraid/unbraid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_BLOCK = 8192 };

static void die(const char *what)
{
    fprintf(stderr, "stream_file: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static ub_stream_mode mode_from(const char *word)
{
    const char *const words[] = {"quality", "balanced", "live", "short"};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(word, words[i]) == 0) {
            return (ub_stream_mode)i;
        }
    }
    die("the mode is quality, balanced, live or short");
    return UB_STREAM_BALANCED;
}

// With the window that suits the dictionary; `out` gets what the stream owns.
static ub_stream *open_stream(ub_stream_settings *settings, const char *path,
                              const ub_stream_model **out)
{
    ub_message why = {""};
    unsigned char *bytes;
    size_t size;
    ub_dictionary dictionary;
    ub_stream *stream;
    ub_stream_model *model;
    if (ub_file_read(path, (size_t)1 << 30, &bytes, &size, &why) ||
        ub_dictionary_decode(bytes, size, &dictionary, &why)) {
        die(why.text);
    }
    ub_stream_suit_dictionary(settings, &dictionary);
    if (ub_stream_new(settings, &stream, &why) ||
        ub_stream_model_new(settings, &dictionary, &model, &why)) {
        die(why.text);
    }
    free(bytes);
    ub_dictionary_free(&dictionary);
    ub_stream_swap(stream, model);
    ub_stream_reset(stream);
    *out = model;
    return stream;
}

typedef struct times {
    double *seconds;
    size_t n, room;
} times;

static void note(times *t, double seconds)
{
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 4096;
        t->seconds = realloc(t->seconds, t->room * sizeof *t->seconds);
        if (!t->seconds) {
            die("no memory");
        }
    }
    t->seconds[t->n++] = seconds;
}

// One block in, one block out; `skip` samples of the output are left out.
static void run_block(ub_stream *stream, const ub_stream_settings *settings, float *interleaved,
                      size_t n, size_t *skip, times *t)
{
    static float in[2][MOST_BLOCK], stems[2 * UB_STREAM_MAX_SOURCES][MOST_BLOCK];
    static float out[2 * UB_STREAM_MAX_SOURCES];
    const size_t n_channels = settings->n_channels, n_sources = ub_stream_n_sources(stream);
    const float *ins[2] = {in[0], in[1]};
    float *outs[2 * UB_STREAM_MAX_SOURCES];
    for (size_t i = 0; i < n_sources * n_channels; i++) {
        outs[i] = stems[i];
    }
    for (size_t i = 0; i < n * n_channels; i++) {
        in[i % n_channels][i / n_channels] = interleaved[i];
    }
    const double start = now();
    ub_stream_process(stream, ins, NULL, outs, n_sources, n);
    note(t, now() - start);
    for (size_t i = 0; i < n; i++) {
        if (*skip > 0) {
            --*skip;
            continue;
        }
        for (size_t s = 0; s < n_sources * n_channels; s++) {
            out[s] = stems[s][i];
        }
        fwrite(out, sizeof *out, n_sources * n_channels, stdout);
    }
}

static void write_notes(ub_stream *stream, double rate_hz, FILE *file)
{
    ub_stream_note notes[64];
    for (size_t n = 64; n == 64;) {
        n = ub_stream_take_notes(stream, notes, 64);
        for (size_t i = 0; file && i < n; i++) {
            fprintf(file, "%.6f %d %d\n",
                    (double)notes[i].sample / rate_hz - ub_stream_note_delay(stream),
                    notes[i].pitch, notes[i].velocity);
        }
    }
}

static void write_keys(const ub_stream_model *model, float *sums, FILE *file)
{
    if (file && sums) {
        ub_keys_add_up(&model->hearing.keys, ub_matrix_column(&model->activations, 0), 1.0f, sums);
        fwrite(sums, sizeof *sums, model->hearing.keys.n, file);
    }
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        die("usage: stream_file MODE RATE CHANNELS DICTIONARY [BLOCK] < mix.f32 > stems.f32");
    }
    ub_stream_settings settings = ub_stream_settings_default();
    settings.mode = mode_from(argv[1]);
    settings.rate_hz = strtod(argv[2], NULL);
    settings.n_channels = strtoul(argv[3], NULL, 10);
    settings.n_free = argc > 6 ? strtoul(argv[6], NULL, 10) : settings.n_free;
    settings.forget_s = argc > 7 ? strtod(argv[7], NULL) : settings.forget_s;
    settings.sparsity = argc > 8 ? strtod(argv[8], NULL) : settings.sparsity;
    size_t block = argc > 5 ? strtoul(argv[5], NULL, 10) : 64;
    FILE *notes = argc > 9 ? fopen(argv[9], "w") : NULL, *keys = NULL;
    if (argc > 10) {
        keys = fopen(argv[10], "wb");
        block = ub_stream_transform(&settings).hop_samples;
    }
    block = block < 1 ? 1 : block > MOST_BLOCK ? MOST_BLOCK : block;
    const ub_stream_model *model;
    ub_stream *stream = open_stream(&settings, argv[4], &model);
    const size_t latency = ub_stream_latency(stream);
    float *interleaved = calloc(block * settings.n_channels, sizeof *interleaved);
    if (!interleaved) {
        die("no memory");
    }
    float *sums = calloc(model->hearing.keys.n + 1, sizeof *sums);
    times t = {0};
    size_t skip = latency, n, total = 0;
    while ((n = fread(interleaved, sizeof *interleaved * settings.n_channels, block, stdin)) > 0) {
        run_block(stream, &settings, interleaved, n, &skip, &t);
        write_notes(stream, settings.rate_hz, notes);
        write_keys(model, sums, keys);
        total += n;
    }
    memset(interleaved, 0, block * settings.n_channels * sizeof *interleaved);
    const size_t n_timed = t.n;
    for (size_t rest = latency; rest > 0; rest -= n) {
        n = rest < block ? rest : block;
        run_block(stream, &settings, interleaved, n, &skip, &t);
    }
    double sum = 0.0;
    for (size_t i = 0; i < n_timed; i++) {
        sum += t.seconds[i];
    }
    qsort(t.seconds, n_timed, sizeof *t.seconds, by_value);
    fprintf(
        stderr,
        "{\"latency\": %zu, \"hop\": %zu, \"sources\": %zu, \"block\": %zu, \"median_us\": %.2f, "
        "\"p99_us\": %.2f, \"share_of_core\": %.4f}\n",
        latency, ub_stream_transform(&settings).hop_samples, ub_stream_n_sources(stream), block,
        n_timed ? 1e6 * t.seconds[n_timed / 2] : 0.0,
        n_timed ? 1e6 * t.seconds[n_timed * 99 / 100] : 0.0,
        total ? sum * settings.rate_hz / (double)total : 0.0);
    free(t.seconds);
    free(interleaved);
    free(sums);
    ub_stream_free(stream);
    return 0;
}
