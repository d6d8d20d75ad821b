// SPDX-License-Identifier: GPL-3.0-or-later
// How fast the inner loops run here: a table, or JSON lines with --json. Nothing passes or fails.
//
//   bench [--json] [--frames N] [--quick]
//
// Factorisation: both updates and the cost, 1025 bins, medians over the iterations of one fit. The
// yardstick is 8 F K T flops per iteration for every divergence (that is what Kullback-Leibler
// needs), and the peak of fused multiply-adds that the same vectors reach in a loop of their own.
#include "kernels/kernels.h"
#include "unbraid/unbraid.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_BINS = 1025, MOST_TIMES = 64 };

static bool json;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_value);
    return n ? x[n / 2] : 0.0;
}

// ---- peak ------------------------------------------------------------------------------------

// Ten independent chains hide the latency of a fused multiply-add of two pipes.
#define PEAK(name, attribute, lanes)                                                               \
    attribute static double peak_##name(void)                                                      \
    {                                                                                              \
        typedef float vec __attribute__((vector_size(4 * lanes)));                                 \
        vec a[10], x = (vec){0} + 0.999f, y = (vec){0} + 0.001f;                                   \
        double best = 0.0;                                                                         \
        for (int i = 0; i < 10; i++) {                                                             \
            a[i] = (vec){0} + (float)i;                                                            \
        }                                                                                          \
        for (int round = 0; round < 20; round++) {                                                 \
            const double start = now();                                                            \
            for (int n = 0; n < 1000000; n++) {                                                    \
                a[0] = a[0] * x + y, a[1] = a[1] * x + y, a[2] = a[2] * x + y;                     \
                a[3] = a[3] * x + y, a[4] = a[4] * x + y, a[5] = a[5] * x + y;                     \
                a[6] = a[6] * x + y, a[7] = a[7] * x + y, a[8] = a[8] * x + y;                     \
                a[9] = a[9] * x + y;                                                               \
            }                                                                                      \
            const double rate = 1e6 * 10 * 2 * lanes / (now() - start) * 1e-9;                     \
            best = rate > best ? rate : best;                                                      \
        }                                                                                          \
        float sum = 0.0f;                                                                          \
        for (int i = 0; i < 10; i++) {                                                             \
            sum += a[i][0];                                                                        \
        }                                                                                          \
        return sum == 0.123f ? 0.0 : best; /* the sums are used */                                 \
    }

PEAK(generic, , 4)
#if defined(__x86_64__)
PEAK(avx2, __attribute__((target("avx2,fma"))), 8)
PEAK(avx512, __attribute__((target("avx512f,fma"))), 16)
#endif

static double peak_of(const char *set)
{
#if defined(__x86_64__)
    if (strcmp(set, "avx512") == 0) {
        return peak_avx512();
    }
    if (strcmp(set, "avx2") == 0) {
        return peak_avx2();
    }
#else
    (void)set;
#endif
    return peak_generic();
}

// ---- factorisation -----------------------------------------------------------------------------

typedef struct clock_times {
    double last;
    double times[MOST_TIMES];
    size_t n;
} clock_times;

// Reports come once per iteration.
static int stamp(void *context, const char *stage, double fraction)
{
    (void)stage;
    (void)fraction;
    clock_times *clock = context;
    const double time = now();
    if (clock->last > 0.0 && clock->n < MOST_TIMES) {
        clock->times[clock->n++] = time - clock->last;
    }
    clock->last = time;
    return 0;
}

static void die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static double iteration_s(const ub_matrix *spectrum, size_t n_components, double beta,
                          const char *kernels, size_t n_threads, size_t n_iterations)
{
    ub_nmf_factors factors;
    ub_message why = {"no memory"};
    clock_times clock = {0};
    const ub_progress progress = {.report = stamp, .context = &clock};
    ub_nmf_settings settings = ub_nmf_settings_default();
    settings.beta = beta;
    settings.kernels = kernels;
    settings.n_threads = n_threads;
    settings.n_iterations = n_iterations;
    settings.tolerance = 0.0;
    settings.relaxation = 1.0;
    if (ub_nmf_factors_new(N_BINS, spectrum->n_cols, 1, n_components, &factors) ||
        ub_nmf_start(UB_START_RANDOM, spectrum, 1, 1, NULL, &factors, &why) ||
        ub_nmf_fit(spectrum, 1, &settings, NULL, &progress, &factors, NULL, &why)) {
        die(why.text);
    }
    ub_nmf_factors_free(&factors);
    return median(clock.times, clock.n);
}

static void bench_fit(const ub_matrix *spectrum, const char *set, double peak, double beta,
                      size_t n_components, size_t n_threads, size_t n_iterations)
{
    const double time = iteration_s(spectrum, n_components, beta, set, n_threads, n_iterations);
    const double flops =
        8.0 * N_BINS * (double)n_components * (double)spectrum->n_cols / time * 1e-9;
    printf(json ? "{\"what\": \"nmf\", \"kernels\": \"%s\", \"beta\": %g, \"components\": %zu, "
                  "\"threads\": %zu, \"ms\": %.3f, \"gflops\": %.1f, \"share_of_peak\": %.3f}\n"
                : "%-8s %5g %5zu %8zu %10.2f %9.1f %8.2f\n",
           set, beta, n_components, n_threads, time * 1e3, flops,
           flops / (peak * (double)n_threads));
    fflush(stdout);
}

static void bench_factorisation(size_t n_frames, bool quick)
{
    static const double betas[] = {1.0, 0.0, 0.5, 2.0, 1.3};
    static const size_t components[] = {8, 32, 100};
    ub_matrix spectrum;
    if (ub_matrix_new(N_BINS, n_frames, &spectrum)) {
        die("no memory");
    }
    ub_random random = ub_random_new(1);
    for (size_t t = 0; t < n_frames; t++) {
        for (size_t f = 0; f < N_BINS; f++) {
            ub_matrix_column(&spectrum, t)[f] = ub_random_uniform(&random) + 1e-3f;
        }
    }
    const ub_kernels *sets[4];
    const size_t n_sets = ub_kernels_all(sets);
    for (size_t s = n_sets; s-- > 0;) {
        const double peak = peak_of(sets[s]->name);
        if (json) {
            printf("{\"what\": \"peak\", \"kernels\": \"%s\", \"gflops\": %.1f}\n", sets[s]->name,
                   peak);
        } else {
            printf("\n%s: %.1f GFLOP/s of fused multiply-adds; %d x %zu\n"
                   "kernels   beta     K  threads  ms/update   GFLOP/s  of peak\n",
                   sets[s]->name, peak, N_BINS, n_frames);
        }
        for (size_t b = 0; b < (quick ? 1 : sizeof betas / sizeof *betas); b++) {
            for (size_t k = 0; k < sizeof components / sizeof *components; k++) {
                for (size_t threads = 1; threads <= 2; threads++) {
                    bench_fit(&spectrum, sets[s]->name, peak, betas[b], components[k], threads,
                              quick ? 5 : 11);
                }
            }
        }
    }
    ub_matrix_free(&spectrum);
}

// ---- one frame, as in real time ----------------------------------------------------------------

static double frame_s(const ub_matrix *templates, const ub_matrix *gains, const ub_matrix *spectrum,
                      size_t n_iterations)
{
    ub_activator *activator;
    ub_matrix activations;
    double times[MOST_TIMES];
    ub_nmf_settings settings = ub_nmf_settings_default();
    settings.n_iterations = n_iterations;
    if (ub_activator_new(templates, gains, &settings, &activator, NULL) ||
        ub_matrix_new(templates->n_cols, 1, &activations)) {
        die("no memory");
    }
    const size_t size = (ub_activator_work_size(activator) * sizeof(float) + 63) / 64 * 64;
    float *work = aligned_alloc(64, size);
    if (!work) {
        die("no memory");
    }
    for (size_t i = 0; i < MOST_TIMES; i++) {
        const double start = now();
        ub_activator_run(activator, spectrum, 0, 1, work, &activations);
        times[i] = now() - start;
    }
    free(work);
    ub_matrix_free(&activations);
    ub_activator_free(activator);
    return median(times, MOST_TIMES);
}

static void bench_frame(size_t n_components)
{
    ub_nmf_factors factors;
    ub_matrix spectrum;
    if (ub_matrix_new(N_BINS, 1, &spectrum) ||
        ub_nmf_factors_new(N_BINS, 1, 1, n_components, &factors)) {
        die("no memory");
    }
    ub_random random = ub_random_new(1);
    for (size_t f = 0; f < N_BINS; f++) {
        ub_matrix_column(&spectrum, 0)[f] = ub_random_uniform(&random) + 1e-3f;
    }
    if (ub_nmf_start(UB_START_RANDOM, &spectrum, 1, 1, NULL, &factors, NULL)) {
        die("no memory");
    }
    const double many = frame_s(&factors.templates, &factors.gains, &spectrum, 41);
    const double one = frame_s(&factors.templates, &factors.gains, &spectrum, 1);
    printf(json ? "{\"what\": \"frame\", \"components\": %zu, \"us\": %.2f}\n"
                : "one update of one frame, %zu components: %.2f us\n",
           n_components, (many - one) / 40.0 * 1e6);
    ub_matrix_free(&spectrum);
    ub_nmf_factors_free(&factors);
}

// ---- transform ---------------------------------------------------------------------------------

static void bench_transform(size_t size)
{
    const ub_stft_settings settings = {UB_WINDOW_SQRT_HANN, size, size / 4};
    const size_t n_frames = 2000;
    ub_stft *stft;
    float *work;
    if (ub_stft_new(&settings, &stft, NULL) || ub_stft_work_new(stft, &work)) {
        die("no memory");
    }
    const size_t n_samples = n_frames * settings.hop_samples + size;
    float *samples = calloc(n_samples, sizeof *samples);
    float *out = calloc(n_samples, sizeof *out);
    float complex *spectrum = calloc(ub_stft_n_bins(stft), sizeof *spectrum);
    if (!samples || !out || !spectrum) {
        die("no memory");
    }
    double times[11];
    for (size_t round = 0; round < 11; round++) {
        const double start = now();
        for (size_t t = 0; t < n_frames; t++) {
            ub_stft_analyse_frame(stft, samples + t * settings.hop_samples, work, spectrum);
            ub_stft_synthesise_frame(stft, spectrum, work, out + t * settings.hop_samples);
        }
        times[round] = now() - start;
    }
    const double rate = (double)n_frames / median(times, 11) * 1e-6;
    printf(json ? "{\"what\": \"stft\", \"size\": %zu, \"million_frames_per_s\": %.3f}\n"
                : "transform of %zu samples and back: %.3f million frames a second\n",
           size, rate);
    free(samples);
    free(out);
    free(spectrum);
    ub_stft_work_free(work);
    ub_stft_free(stft);
}

int main(int argc, char **argv)
{
    size_t n_frames = 15504;
    bool quick = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            quick = true;
        } else if (strcmp(argv[i], "--frames") == 0 && i + 1 < argc) {
            n_frames = strtoul(argv[++i], NULL, 10);
        } else {
            die("usage: bench [--json] [--frames N] [--quick]");
        }
    }
    bench_factorisation(n_frames ? n_frames : 1, quick);
    printf(json ? "" : "\n");
    bench_frame(8);
    bench_frame(64);
    bench_transform(2048);
    bench_transform(4096);
    return 0;
}
