// SPDX-License-Identifier: GPL-3.0-or-later
// The other paths through the library: one frame as in real time, the transform, and a whole
// separation with a listener that sums up the time of each stage.
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_TIMES = 101, STFT_TIMES = 11, STFT_FRAMES = 2000, MOST_STAGES = 32 };

// ---- one frame ---------------------------------------------------------------------------------

// An activator with what it needs to run.
typedef struct player {
    ub_activator *activator;
    ub_matrix activations;
    float *work;
} player;

static player new_player(const ub_nmf_factors *factors, const char *kernels, size_t n_iterations)
{
    player p;
    ub_nmf_settings settings = ub_nmf_settings_default();
    settings.n_iterations = n_iterations;
    settings.kernels = kernels;
    if (ub_activator_new(&factors->templates, &factors->gains, &settings, &p.activator, NULL) ||
        ub_matrix_new(factors->templates.n_cols, 1, &p.activations)) {
        bench_die("no memory");
    }
    const size_t size = (ub_activator_work_size(p.activator) * sizeof(float) + 63) / 64 * 64;
    p.work = aligned_alloc(64, size ? size : 64);
    if (!p.work) {
        bench_die("no memory");
    }
    return p;
}

static void free_player(player *p)
{
    free(p->work);
    ub_matrix_free(&p->activations);
    ub_activator_free(p->activator);
}

static double play(player *p, const ub_matrix *spectrum)
{
    const double begin = bench_cpu();
    ub_activator_run(p->activator, spectrum, 0, 1, p->work, &p->activations);
    return bench_cpu() - begin;
}

// An update is the difference between many and one.
static void measure_frame(const ub_matrix *spectrum, const char *kernels, size_t n_components)
{
    enum { MANY = 41 };
    ub_nmf_factors factors = bench_start(spectrum, n_components);
    player one = new_player(&factors, kernels, 1), many = new_player(&factors, kernels, MANY);
    double times[FRAME_TIMES];
    for (size_t i = 0; i < FRAME_TIMES; i++) {
        const double short_s = play(&one, spectrum);
        times[i] = (play(&many, spectrum) - short_s) / (MANY - 1);
    }
    printf("{\"what\": \"frame\", \"kernels\": \"%s\", \"components\": %zu, \"us\": %.3f}\n",
           kernels, n_components, bench_median(times, FRAME_TIMES) * 1e6);
    free_player(&one);
    free_player(&many);
    ub_nmf_factors_free(&factors);
}

void bench_frame(void)
{
    ub_matrix spectrum;
    if (ub_matrix_new(BENCH_BINS, 1, &spectrum)) {
        bench_die("no memory");
    }
    ub_random random = ub_random_new(1);
    for (size_t f = 0; f < BENCH_BINS; f++) {
        ub_matrix_column(&spectrum, 0)[f] = ub_random_uniform(&random) + 1e-3f;
    }
    const ub_kernels *sets[4];
    for (size_t s = bench_kernel_sets(sets); s-- > 0;) {
        measure_frame(&spectrum, sets[s]->name, 8);
        measure_frame(&spectrum, sets[s]->name, 64);
    }
    ub_matrix_free(&spectrum);
}

// ---- transform ---------------------------------------------------------------------------------

static double round_trip_s(const ub_stft *stft, float *samples, float *out)
{
    const size_t hop = ub_stft_get_settings(stft)->hop_samples;
    float *work;
    float complex *spectrum = calloc(ub_stft_n_bins(stft), sizeof *spectrum);
    if (!spectrum || ub_stft_work_new(stft, &work)) {
        bench_die("no memory");
    }
    double times[STFT_TIMES];
    for (size_t round = 0; round < STFT_TIMES; round++) {
        const double begin = bench_cpu();
        for (size_t t = 0; t < STFT_FRAMES; t++) {
            ub_stft_analyse_frame(stft, samples + t * hop, work, spectrum);
            ub_stft_synthesise_frame(stft, spectrum, work, out + t * hop);
        }
        times[round] = (bench_cpu() - begin) / STFT_FRAMES;
    }
    free(spectrum);
    ub_stft_work_free(work);
    return bench_median(times, STFT_TIMES);
}

static void measure_transform(size_t size)
{
    const ub_stft_settings settings = {UB_WINDOW_SQRT_HANN, size, size / 4};
    const size_t n_samples = STFT_FRAMES * settings.hop_samples + size;
    float *samples = calloc(n_samples, sizeof *samples), *out = calloc(n_samples, sizeof *out);
    ub_stft *stft;
    if (!samples || !out || ub_stft_new(&settings, &stft, NULL)) {
        bench_die("no memory");
    }
    ub_random random = ub_random_new(1);
    for (size_t i = 0; i < n_samples; i++) {
        samples[i] = ub_random_uniform(&random) - 0.5f;
    }
    const double frame_s = round_trip_s(stft, samples, out);
    printf("{\"what\": \"stft\", \"size\": %zu, \"us\": %.4f, \"million_frames_per_s\": %.4f}\n",
           size, frame_s * 1e6, 1e-6 / frame_s);
    free(samples);
    free(out);
    ub_stft_free(stft);
}

void bench_transform(void)
{
    measure_transform(2048);
    measure_transform(4096);
}

// ---- a separation ------------------------------------------------------------------------------

typedef struct stages {
    double (*clock)(void);
    const char *names[MOST_STAGES];
    double seconds[MOST_STAGES];
    size_t n, current;
    double since;
} stages;

static void enter(void *context, const char *name)
{
    stages *s = context;
    const double time = s->clock();
    s->seconds[s->current] += time - s->since;
    s->since = time;
    for (s->current = 0; s->current < s->n; s->current++) {
        if (strcmp(s->names[s->current], name) == 0) {
            return;
        }
    }
    if (s->n == MOST_STAGES) {
        bench_die("more stages than there is room for");
    }
    s->names[s->n++] = name;
}

static ub_status begin_stems(void *context, size_t n_stems, const char *const *names,
                             ub_message *why)
{
    (void)context, (void)n_stems, (void)names, (void)why;
    return UB_OK;
}

static ub_status drop_stems(void *context, size_t first, size_t n, const float *const *const *stems,
                            ub_message *why)
{
    (void)context, (void)first, (void)n, (void)stems, (void)why;
    return UB_OK;
}

static ub_dictionary load_dictionary(const char *path)
{
    unsigned char *bytes;
    size_t size;
    ub_message why = {""};
    ub_dictionary dictionary;
    if (ub_file_read(path, 1u << 30, &bytes, &size, &why) ||
        ub_dictionary_decode(bytes, size, &dictionary, &why)) {
        bench_die(why.text);
    }
    free(bytes);
    return dictionary;
}

static void print_stages(const stages *s, size_t n_threads, bool by_dictionary, double total_s)
{
    printf("{\"what\": \"stages\", \"dictionary\": %s, \"threads\": %zu, \"s\": %.4f, "
           "\"stages\": {",
           by_dictionary ? "true" : "false", n_threads, total_s);
    for (size_t i = 0; i < s->n; i++) {
        printf("%s\"%s\": %.4f", i ? ", " : "", s->names[i], s->seconds[i]);
    }
    printf("}}\n");
}

void bench_stages(double seconds, size_t n_threads, const char *path)
{
    synth *sound = bench_music(BENCH_SOURCES, seconds);
    const ub_audio audio = synth_audio(sound);
    ub_dictionary dictionary = {0};
    if (path) {
        dictionary = load_dictionary(path);
    }
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = (double)n_threads;
    const ub_stem_sink sink = {.begin = begin_stems, .write = drop_stems};
    ub_message why = {""};
    double (*clock)(void) = n_threads == 1 ? bench_cpu : bench_now;
    const double begin = clock();
    // What comes before the first word of the library, and after the last, is making ready.
    stages s = {.clock = clock, .names = {"set up"}, .n = 1, .since = begin};
    const ub_progress progress = {.context = &s, .stage = enter};
    if (ub_separate(&audio, path ? &dictionary : NULL, &settings, &progress, &sink, &why)) {
        bench_die(why.text);
    }
    enter(&s, "set up");
    print_stages(&s, n_threads, path != NULL, s.since - begin);
    ub_dictionary_free(&dictionary);
    synth_free(sound);
}
