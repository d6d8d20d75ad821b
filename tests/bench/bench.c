// SPDX-License-Identifier: GPL-3.0-or-later
// The part of tests/bench/speed that is in C; that script says what is measured and how.
//
//   bench peak
//   bench kernels [--quick]
//   bench frame
//   bench stft
//   bench music FOLDER SECONDS             16-bit stereo samples: mix.raw, source-1.raw, ...
//   bench spectrogram FILE [--quick]       floats, frame after frame
//   bench fit FILE BETA COMPONENTS ITERATIONS [TARGET]
//   bench stages SECONDS THREADS [DICTIONARY]
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double bench_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double bench_cpu(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_value);
    return n ? 0.5 * (x[n / 2] + x[(n - 1) / 2]) : 0.0;
}

void bench_die(const char *why)
{
    fprintf(stderr, "bench: %s\n", why);
    exit(1);
}

size_t bench_kernel_sets(const ub_kernels *sets[4])
{
    const char *only = getenv("UB_ISA");
    if (!only) {
        return ub_kernels_all(sets);
    }
    sets[0] = ub_kernels_named(only);
    if (!sets[0]) {
        bench_die("UB_ISA names no kernels that this machine runs");
    }
    return 1;
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) {
        bench_die("a file cannot be written");
    }
    return file;
}

static void finish(FILE *file)
{
    const bool is_bad = ferror(file) != 0;
    if (fclose(file) || is_bad) {
        bench_die("a file cannot be written");
    }
}

static void write_music(const char *folder, size_t source, double seconds)
{
    char path[4096];
    if (source == BENCH_SOURCES) {
        snprintf(path, sizeof path, "%s/mix.raw", folder);
    } else {
        snprintf(path, sizeof path, "%s/source-%u.raw", folder, (unsigned)source + 1u);
    }
    synth *sound = bench_music(source, seconds);
    FILE *file = create(path);
    for (size_t i = 0; i < sound->n_samples; i++) {
        int16_t frame[2];
        for (size_t c = 0; c < 2; c++) {
            const float x = fminf(fmaxf(sound->channels[c][i], -1.0f), 1.0f);
            frame[c] = (int16_t)lrintf(32767.0f * x);
        }
        fwrite(frame, sizeof frame, 1, file);
    }
    finish(file);
    synth_free(sound);
}

static void write_spectrogram(const char *path, size_t n_frames)
{
    ub_matrix spectrum = bench_spectrogram(n_frames);
    FILE *file = create(path);
    for (size_t t = 0; t < n_frames; t++) {
        fwrite(ub_matrix_column(&spectrum, t), sizeof(float), BENCH_BINS, file);
    }
    finish(file);
    ub_matrix_free(&spectrum);
}

static double number(const char *text)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < 0.0) {
        bench_die("an argument is not a number");
    }
    return value;
}

static void print_peaks(void)
{
    const ub_kernels *sets[4];
    for (size_t s = bench_kernel_sets(sets); s-- > 0;) {
        double peaks[5];
        for (size_t i = 0; i < 5; i++) {
            peaks[i] = bench_peak_gflops(sets[s]->name);
        }
        printf("{\"kernels\": \"%s\", \"gflops\": %.2f}\n", sets[s]->name, bench_median(peaks, 5));
    }
}

static bool run(int argc, char **argv)
{
    const char *what = argv[1];
    const bool quick = strcmp(argv[argc - 1], "--quick") == 0;
    if (strcmp(what, "peak") == 0 && argc == 2) {
        print_peaks();
    } else if (strcmp(what, "kernels") == 0 && argc == 2 + quick) {
        bench_kernels(quick);
    } else if (strcmp(what, "frame") == 0 && argc == 2) {
        bench_frame();
    } else if (strcmp(what, "stft") == 0 && argc == 2) {
        bench_transform();
    } else if (strcmp(what, "music") == 0 && argc == 4) {
        for (size_t source = 0; source <= BENCH_SOURCES; source++) {
            write_music(argv[2], source, number(argv[3]));
        }
    } else if (strcmp(what, "spectrogram") == 0 && argc == 3 + quick) {
        write_spectrogram(argv[2], quick ? BENCH_QUICK_FRAMES : BENCH_FRAMES);
    } else if (strcmp(what, "fit") == 0 && (argc == 6 || argc == 7)) {
        bench_task_run(&(bench_task){argv[2], number(argv[3]), (size_t)number(argv[4]),
                                     (size_t)number(argv[5]), argc == 7 ? number(argv[6]) : 0.0});
    } else if (strcmp(what, "stages") == 0 && (argc == 4 || argc == 5)) {
        bench_stages(number(argv[2]), (size_t)number(argv[3]), argc == 5 ? argv[4] : NULL);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 2 || !run(argc, argv)) {
        bench_die("unknown arguments; use tests/bench/speed");
    }
    return 0;
}
