// SPDX-License-Identifier: GPL-3.0-or-later
/** What the parts of the benchmark share. Results go to stdout, a JSON object a line. */
#ifndef UNBRAID_TESTS_BENCH_H
#define UNBRAID_TESTS_BENCH_H

#include "kernels/kernels.h"
#include "synth.h"
#include "unbraid/unbraid.h"

#include <stdbool.h>

enum {
    BENCH_BINS = 1025,
    BENCH_FRAMES = 15504, // 180 s of 44.1 kHz, 2048 samples every 512
    BENCH_QUICK_FRAMES = 1500,
    BENCH_SOURCES = 4
};

/** Seconds of a clock that only runs forward. */
double bench_now(void);

/** Seconds of CPU time of this process, all threads together. For what runs on one thread it is the
    better clock: what else the machine does hardly shows in it. */
double bench_cpu(void);

/** Sorts x. 0 when n is. */
double bench_median(double *x, size_t n);

/** Say why and exit. */
_Noreturn void bench_die(const char *why);

/** The kernel sets of this machine, or only the one that UB_ISA names. @return how many. */
size_t bench_kernel_sets(const ub_kernels *sets[4]);

/** Multiply-adds of one thread with the vectors of a kernel set, the best of some milliseconds. */
double bench_peak_gflops(const char *kernels);

/** Stereo music at 44.1 kHz by a formula: one of the sources, or with BENCH_SOURCES all of them
    together. Aborts without memory. */
synth *bench_music(size_t source, double seconds);

/** Magnitudes of the music, both channels together: BENCH_BINS x n_frames, all above zero. */
ub_matrix bench_spectrogram(size_t n_frames);

/** A fit with a clock: CPU time of one thread, real time of more. */
typedef struct bench_fit {
    double iteration_s; ///< median of the iterations after the first
    double mean_iteration_s; ///< their mean
    double real_iteration_s; ///< the median in real time
    double total_s; ///< the whole call
    double cost; ///< that it reached
} bench_fit;

/** Fit from a copy of `start`. `costs` is NULL or room for the costs of all iterations. */
bench_fit bench_fit_run(const ub_matrix *spectrum, const ub_nmf_settings *settings,
                        const ub_nmf_factors *start, double *costs);

/** A random start. */
ub_nmf_factors bench_start(const ub_matrix *spectrum, size_t n_components);

/** Iterations of all kernels, divergences, components and threads. */
void bench_kernels(bool quick);

/** One activation update of one frame, as in real time. */
void bench_frame(void);

/** Frames there and back. */
void bench_transform(void);

/** One fit to the raw spectrogram in a file: a median iteration; or with a `target` above zero, the
    time from the data to that cost. */
typedef struct bench_task {
    const char *path;
    double beta;
    size_t n_components;
    size_t n_iterations; ///< with a target: as many as are known to be enough, or 0
    double target;
} bench_task;
void bench_task_run(const bench_task *task);

/** Where the time of a separation of the music goes. `dictionary`: a path, or NULL. */
void bench_stages(double seconds, size_t n_threads, const char *dictionary);

#endif
