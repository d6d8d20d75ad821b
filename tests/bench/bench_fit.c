// SPDX-License-Identifier: GPL-3.0-or-later
// Factorisations with a clock: iterations are told apart by the reports of their progress.
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TIMES = 512, MOST_ROUNDS = 3, MOST_ITERATIONS = 200 };

// ---- one fit -----------------------------------------------------------------------------------

typedef struct stamps {
    double real[MOST_TIMES], cpu[MOST_TIMES];
    size_t n;
} stamps;

// Reports come once per iteration.
static int stamp(void *context, const char *stage, double fraction)
{
    (void)stage;
    (void)fraction;
    stamps *clocks = context;
    if (clocks->n < MOST_TIMES) {
        clocks->real[clocks->n] = bench_now();
        clocks->cpu[clocks->n++] = bench_cpu();
    }
    return 0;
}

// From times to the differences between them. @return how many.
static size_t differences(double *times, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        times[i - 1] = times[i] - times[i - 1];
    }
    return n ? n - 1 : 0;
}

ub_nmf_factors bench_start(const ub_matrix *spectrum, size_t n_components)
{
    ub_nmf_factors start;
    if (ub_nmf_factors_new(spectrum->n_rows, spectrum->n_cols, 1, n_components, &start) ||
        ub_nmf_start(UB_START_RANDOM, spectrum, 1, 1, NULL, &start, NULL)) {
        bench_die("no memory");
    }
    return start;
}

static ub_nmf_factors copy_of(const ub_nmf_factors *start)
{
    ub_nmf_factors copy;
    if (ub_matrix_copy(&start->templates, &copy.templates) ||
        ub_matrix_copy(&start->activations, &copy.activations) ||
        ub_matrix_copy(&start->gains, &copy.gains)) {
        bench_die("no memory");
    }
    return copy;
}

bench_fit bench_fit_run(const ub_matrix *spectrum, const ub_nmf_settings *settings,
                        const ub_nmf_factors *start, double *costs)
{
    ub_nmf_factors factors = copy_of(start);
    ub_message why = {""};
    stamps clocks = {.n = 0};
    const ub_progress progress = {.report = stamp, .context = &clocks};
    ub_nmf_report report = {.costs = costs};
    const bool alone = settings->n_threads == 1;
    const double begin = alone ? bench_cpu() : bench_now();
    if (ub_nmf_fit(spectrum, 1, settings, NULL, &progress, &factors, &report, &why)) {
        bench_die(why.text);
    }
    bench_fit fit = {.total_s = (alone ? bench_cpu() : bench_now()) - begin, .cost = report.cost};
    ub_nmf_factors_free(&factors);
    differences(clocks.cpu, clocks.n);
    const size_t n = differences(clocks.real, clocks.n);
    // The first one finds memory that was never touched.
    double *times = alone ? clocks.cpu : clocks.real;
    for (size_t i = 1; i < n; i++) {
        fit.mean_iteration_s += times[i] / (double)(n - 1);
    }
    fit.iteration_s = n ? bench_median(times + 1, n - 1) : 0.0;
    fit.real_iteration_s = n ? bench_median(clocks.real + 1, n - 1) : 0.0;
    return fit;
}

static ub_nmf_settings plain_settings(double beta, size_t n_iterations)
{
    ub_nmf_settings settings = ub_nmf_settings_default();
    settings.beta = beta;
    settings.n_iterations = n_iterations;
    settings.tolerance = 0.0;
    settings.relaxation = 1.0;
    settings.n_threads = 1;
    return settings;
}

// ---- all kernels -------------------------------------------------------------------------------

static const double betas[] = {1.0, 0.0, 0.5, 2.0, 1.3}; // the first is what others relate to

enum { N_BETAS = sizeof betas / sizeof *betas };

// Figures of a divergence and a number of threads, a number per round.
typedef struct row {
    double ms[MOST_ROUNDS], mean_ms[MOST_ROUNDS], real_ms[MOST_ROUNDS];
    double share[MOST_ROUNDS], ratio[MOST_ROUNDS], speed_up[MOST_ROUNDS];
} row;

// What is compared runs side by side, so that a machine that slows down slows all of it.
typedef struct table {
    const char *kernels;
    size_t n_components, n_rounds;
    double flops; // of an iteration
    row rows[2][N_BETAS];
} table;

static void measure_round(table *t, size_t round, const ub_matrix *spectrum,
                          const ub_nmf_factors *start)
{
    const double peak = bench_peak_gflops(t->kernels);
    for (size_t b = 0; b < N_BETAS; b++) {
        for (size_t i = 0; i < 2; i++) {
            ub_nmf_settings settings = plain_settings(betas[b], 6);
            settings.kernels = t->kernels;
            settings.n_threads = i + 1;
            const bench_fit fit = bench_fit_run(spectrum, &settings, start, NULL);
            row *r = &t->rows[i][b];
            r->ms[round] = fit.iteration_s * 1e3;
            r->mean_ms[round] = fit.mean_iteration_s * 1e3;
            r->real_ms[round] = fit.real_iteration_s * 1e3;
            r->share[round] =
                t->flops / fit.iteration_s * 1e-9 / (peak * (double)settings.n_threads);
            r->ratio[round] = r->ms[round] / t->rows[i][0].ms[round];
            r->speed_up[round] = t->rows[0][b].real_ms[round] / r->real_ms[round];
        }
    }
}

static void print_row(table *t, size_t threads, size_t b)
{
    const size_t n = t->n_rounds;
    row *r = &t->rows[threads - 1][b];
    const double ms = bench_median(r->ms, n);
    printf("{\"what\": \"kernel\", \"kernels\": \"%s\", \"components\": %zu, \"threads\": %zu, "
           "\"beta\": %g, \"ms\": %.4f, \"mean_ms\": %.4f, \"real_ms\": %.4f, ",
           t->kernels, t->n_components, threads, betas[b], ms, bench_median(r->mean_ms, n),
           bench_median(r->real_ms, n));
    printf("\"gflops\": %.2f, \"share_of_peak\": %.4f, \"ratio_to_kl\": %.4f, "
           "\"speed_up\": %.4f}\n",
           t->flops / ms * 1e-6, bench_median(r->share, n), bench_median(r->ratio, n),
           bench_median(r->speed_up, n));
}

static void measure_table(table *t, const ub_matrix *spectrum)
{
    ub_nmf_factors start = bench_start(spectrum, t->n_components);
    for (size_t round = 0; round < t->n_rounds; round++) {
        measure_round(t, round, spectrum, &start);
    }
    for (size_t threads = 1; threads <= 2; threads++) {
        for (size_t b = 0; b < N_BETAS; b++) {
            print_row(t, threads, b);
        }
    }
    fflush(stdout);
    ub_nmf_factors_free(&start);
}

void bench_kernels(bool quick)
{
    static const size_t components[] = {8, 32, 100};
    ub_matrix spectrum = bench_spectrogram(quick ? BENCH_QUICK_FRAMES : BENCH_FRAMES);
    const ub_kernels *sets[4];
    for (size_t s = bench_kernel_sets(sets); s-- > 0;) {
        for (size_t k = 0; k < 3; k++) {
            table t = {.kernels = sets[s]->name, .n_components = components[k]};
            t.n_rounds = strcmp(t.kernels, "generic") == 0 ? 1 : MOST_ROUNDS; // slow
            t.flops = 8.0 * BENCH_BINS * (double)components[k] * (double)spectrum.n_cols;
            measure_table(&t, &spectrum);
        }
    }
    ub_matrix_free(&spectrum);
}

// ---- one fit for the comparison with others ----------------------------------------------------

static ub_matrix load_spectrogram(const char *path)
{
    unsigned char *bytes;
    size_t size;
    ub_message why = {""};
    ub_matrix spectrum;
    if (ub_file_read(path, 1u << 30, &bytes, &size, &why)) {
        bench_die(why.text);
    }
    const size_t n_frames = size / (BENCH_BINS * sizeof(float));
    if (n_frames == 0 || ub_matrix_new(BENCH_BINS, n_frames, &spectrum)) {
        bench_die("no memory, or no frame");
    }
    for (size_t t = 0; t < n_frames; t++) {
        memcpy(ub_matrix_column(&spectrum, t), bytes + t * BENCH_BINS * sizeof(float),
               BENCH_BINS * sizeof(float));
    }
    free(bytes);
    return spectrum;
}

// The number of updates after which the cost is at the target, or 0 when that is too many.
// Costs that were not measured are not in the list.
static size_t iterations_to(const ub_matrix *spectrum, ub_nmf_settings settings,
                            const ub_nmf_factors *start, double target)
{
    double costs[MOST_ITERATIONS + 1];
    for (size_t n = MOST_ITERATIONS / 4; n <= MOST_ITERATIONS; n *= 4) {
        for (size_t i = 0; i <= n; i++) {
            costs[i] = NAN;
        }
        settings.n_iterations = n;
        bench_fit_run(spectrum, &settings, start, costs);
        for (size_t i = 1; i <= n; i++) {
            if (costs[i] > 0.0 && costs[i] <= target) {
                return i;
            }
        }
    }
    return 0;
}

// From the data to the cost, the start included, with the defaults but for the stop.
static bench_fit fit_from_data(const bench_task *task, const ub_matrix *spectrum,
                               const ub_nmf_settings *settings)
{
    const double begin = bench_cpu();
    ub_nmf_factors start = bench_start(spectrum, task->n_components);
    const double start_s = bench_cpu() - begin;
    bench_fit fit = bench_fit_run(spectrum, settings, &start, NULL);
    fit.total_s += start_s;
    ub_nmf_factors_free(&start);
    return fit;
}

static void run_to_target(const bench_task *task, const ub_matrix *spectrum)
{
    ub_nmf_settings settings = ub_nmf_settings_default();
    settings.beta = task->beta;
    settings.tolerance = 0.0;
    settings.n_threads = 1;
    settings.n_iterations = task->n_iterations;
    if (settings.n_iterations == 0) {
        ub_nmf_factors start = bench_start(spectrum, task->n_components);
        settings.n_iterations = iterations_to(spectrum, settings, &start, task->target);
        ub_nmf_factors_free(&start);
    }
    bench_fit fit = {.cost = INFINITY};
    while (!(fit.cost <= task->target) && settings.n_iterations > 0 &&
           settings.n_iterations <= MOST_ITERATIONS) {
        fit = fit_from_data(task, spectrum, &settings);
        settings.n_iterations += !(fit.cost <= task->target);
    }
    if (fit.cost <= task->target) {
        printf("{\"reached\": true, \"iterations\": %zu, \"s\": %.5f, \"cost\": %.9g}\n",
               settings.n_iterations, fit.total_s, fit.cost);
    } else {
        printf("{\"reached\": false, \"most_iterations\": %d}\n", MOST_ITERATIONS);
    }
}

void bench_task_run(const bench_task *task)
{
    ub_matrix spectrum = load_spectrogram(task->path);
    if (task->target > 0.0) {
        run_to_target(task, &spectrum);
    } else {
        ub_nmf_factors start = bench_start(&spectrum, task->n_components);
        const ub_nmf_settings settings = plain_settings(task->beta, task->n_iterations);
        const bench_fit fit = bench_fit_run(&spectrum, &settings, &start, NULL);
        printf("{\"ms\": %.4f, \"mean_ms\": %.4f, \"cost\": %.9g}\n", fit.iteration_s * 1e3,
               fit.mean_iteration_s * 1e3, fit.cost);
        ub_nmf_factors_free(&start);
    }
    ub_matrix_free(&spectrum);
}
