// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/evaluate.h"
#include "bss_eval.h"
#include "ground/progress_part.h"
#include "oracle.h"
#include "signal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TINY = 1e-12; // added to both energies of a ratio

enum { MOST_MATCHED = 8, BLOCK = 2048 };

static ub_status check_signals(const float *const *const *signals, size_t n,
                               const ub_score_input *input, const char *what, ub_message *why)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t c = 0; c < input->n_channels; c++) {
            for (size_t i = 0; i < input->n_samples; i++) {
                if (!isfinite(signals[j][c][i])) {
                    return ub_fail(why, UB_BAD_VALUE, "%s %zu holds NaN or infinity", what, j + 1);
                }
            }
        }
    }
    return UB_OK;
}

static ub_status check(const ub_score_input *input, ub_message *why)
{
    if (input->n_sources < 1 || input->n_channels < 1 || input->n_samples < 1) {
        return ub_fail(why, UB_BAD_SHAPE,
                       "%zu sources, %zu channels, %zu samples: nothing to score", input->n_sources,
                       input->n_channels, input->n_samples);
    }
    return check_signals(input->references, input->n_sources, input, "reference", why);
}

static ub_score_signal signal_of(const ub_score_input *input, const float *const *const *parts,
                                 size_t n_parts)
{
    return (ub_score_signal){parts, n_parts, input->n_channels, input->n_samples};
}

static ub_score_signal mix_of(const ub_score_input *input)
{
    return signal_of(input, input->references, input->n_sources);
}

// What is summed over all samples of a reference s and an estimate e.
typedef struct sums {
    double s, e; // the signals
    double energy, error; // |s|^2, |s - e|^2
    double free_energy, product; // of the mean-free signals: |s|^2, s e
    double target, rest; // |a s|^2, |e - a s|^2
} sums;

typedef struct means {
    double s, e, scale;
} means;

typedef void (*add_block)(const double *s, const double *e, size_t n, const means *m, sums *sum);

static void add_plain(const double *s, const double *e, size_t n, const means *m, sums *sum)
{
    (void)m;
    sums block = {0};
    for (size_t i = 0; i < n; i++) {
        block.s += s[i];
        block.e += e[i];
        block.energy += s[i] * s[i];
        block.error += (s[i] - e[i]) * (s[i] - e[i]);
    }
    sum->s += block.s;
    sum->e += block.e;
    sum->energy += block.energy;
    sum->error += block.error;
}

static void add_mean_free(const double *s, const double *e, size_t n, const means *m, sums *sum)
{
    double energy = 0.0, product = 0.0;
    for (size_t i = 0; i < n; i++) {
        energy += (s[i] - m->s) * (s[i] - m->s);
        product += (s[i] - m->s) * (e[i] - m->e);
    }
    sum->free_energy += energy;
    sum->product += product;
}

static void add_scaled(const double *s, const double *e, size_t n, const means *m, sums *sum)
{
    double target = 0.0, rest = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double t = m->scale * (s[i] - m->s), r = e[i] - m->e - t;
        target += t * t;
        rest += r * r;
    }
    sum->target += target;
    sum->rest += rest;
}

// One pass over all samples.
static void pass(const ub_score_signal *s, const ub_score_signal *e, add_block add, const means *m,
                 sums *sum)
{
    double s_block[BLOCK], e_block[BLOCK];
    for (size_t c = 0; c < s->n_channels; c++) {
        for (size_t first = 0; first < s->n_samples; first += BLOCK) {
            const size_t left = s->n_samples - first, n = left < BLOCK ? left : BLOCK;
            ub_score_signal_read(s, c, first, n, s_block);
            ub_score_signal_read(e, c, first, n, e_block);
            add(s_block, e_block, n, m, sum);
        }
    }
}

static double decibel(double energy, double of)
{
    return 10.0 * log10((energy + TINY) / (of + TINY));
}

static double sdr(const ub_score_signal *s, const ub_score_signal *e)
{
    sums sum = {0};
    pass(s, e, add_plain, NULL, &sum);
    return decibel(sum.energy, sum.error);
}

// The scale follows from the means, the error from the scale: with differences of large sums
// instead of three passes a good estimate would be judged by rounding.
static double si_sdr(const ub_score_signal *s, const ub_score_signal *e)
{
    sums sum = {0};
    pass(s, e, add_plain, NULL, &sum);
    const double n = (double)s->n_channels * (double)s->n_samples;
    means m = {.s = sum.s / n, .e = sum.e / n};
    pass(s, e, add_mean_free, &m, &sum);
    m.scale = sum.product / (sum.free_energy + TINY);
    pass(s, e, add_scaled, &m, &sum);
    return decibel(sum.target, sum.rest);
}

static ub_score score_one(const ub_score_signal *s, const ub_score_signal *e,
                          const ub_score_signal *mix)
{
    ub_score score = {
        .sdr = sdr(s, e),
        .si_sdr = si_sdr(s, e),
        .bss_sdr = NAN,
        .bss_sir = NAN,
        .bss_sar = NAN,
    };
    score.sdr_gain = score.sdr - sdr(s, mix);
    score.si_sdr_gain = score.si_sdr - si_sdr(s, mix);
    return score;
}

// Score the estimate of each reference, one signal for each.
static ub_status score_signals(const ub_score_input *input, const ub_score_signal *references,
                               const ub_score_signal *estimates, bool bss,
                               const ub_progress *progress, ub_score *scores)
{
    ub_progress_part first = {progress, 0.0, bss ? 0.3 : 1.0}, second = {progress, 0.3, 1.0};
    const ub_progress plain = ub_progress_of_part(&first);
    const ub_progress projecting = ub_progress_of_part(&second);
    const size_t n = input->n_sources;
    const ub_score_signal mix = mix_of(input);
    for (size_t j = 0; j < n; j++) {
        const ub_status status = ub_progress_report(&plain, "score", (double)j / (double)n);
        if (status) {
            return status;
        }
        scores[j] = score_one(&references[j], &estimates[j], &mix);
    }
    return bss ? ub_bss_score(references, estimates, n, &projecting, scores) : UB_OK;
}

// Without estimates the mix stands for each.
static ub_status score_all(const ub_score_input *input, const float *const *const *estimates,
                           bool bss, const ub_progress *progress, ub_score *scores, ub_message *why)
{
    const size_t n = input->n_sources;
    ub_score_signal *references = calloc(n, sizeof *references);
    ub_score_signal *guesses = calloc(n, sizeof *guesses);
    ub_status status = references && guesses ? UB_OK : UB_NO_MEMORY;
    for (size_t j = 0; !status && j < n; j++) {
        references[j] = signal_of(input, input->references + j, 1);
        guesses[j] = estimates ? signal_of(input, estimates + j, 1) : mix_of(input);
    }
    status = status ? status : score_signals(input, references, guesses, bss, progress, scores);
    free(references);
    free(guesses);
    return status == UB_NO_MEMORY
               ? ub_fail(why, status, "no memory to score %zu sources of %zu samples", n,
                         input->n_samples)
               : status;
}

ub_status ub_score_estimates(const ub_score_input *input, bool bss, const ub_progress *progress,
                             ub_score *scores, ub_message *why)
{
    ub_status status = check(input, why);
    status =
        status ? status : check_signals(input->estimates, input->n_sources, input, "estimate", why);
    return status ? status : score_all(input, input->estimates, bss, progress, scores, why);
}

ub_status ub_score_nothing(const ub_score_input *input, bool bss, const ub_progress *progress,
                           ub_score *scores, ub_message *why)
{
    const ub_status status = check(input, why);
    return status ? status : score_all(input, NULL, bss, progress, scores, why);
}

ub_status ub_score_oracle(const ub_score_input *input, bool bss, const ub_progress *progress,
                          ub_score *scores, ub_message *why)
{
    ub_signals stems;
    ub_status status = check(input, why);
    if (!status && !(input->rate_hz >= 1000.0 && input->rate_hz <= 1e6)) {
        status =
            ub_fail(why, UB_BAD_VALUE, "a sample rate of %g Hz is not supported", input->rate_hz);
    }
    ub_progress_part first = {progress, 0.0, 0.3}, second = {progress, 0.3, 1.0};
    const ub_progress masking = ub_progress_of_part(&first);
    const ub_progress scoring = ub_progress_of_part(&second);
    status = status ? status : ub_oracle_stems(input, &masking, &stems, why);
    if (status) {
        return status;
    }
    status = score_all(input, stems.sources, bss, &scoring, scores, why);
    ub_signals_free(&stems);
    return status;
}

ub_status ub_score_residual(const ub_score_input *input, double *residual_db, ub_message *why)
{
    ub_status status = check(input, why);
    status =
        status ? status : check_signals(input->estimates, input->n_sources, input, "estimate", why);
    if (status) {
        return status;
    }
    const ub_score_signal mix = mix_of(input);
    const ub_score_signal sum = signal_of(input, input->estimates, input->n_sources);
    *residual_db = -sdr(&mix, &sum);
    return UB_OK;
}

// The best way to give each reference an estimate of its own, depth first.
typedef struct search {
    size_t n_references, n_estimates;
    double table[MOST_MATCHED][MOST_MATCHED]; // [reference][estimate]
    bool taken[MOST_MATCHED];
    size_t current[MOST_MATCHED], best[MOST_MATCHED];
    double best_sum;
} search;

static void visit(search *s, size_t reference, double sum)
{
    if (reference == s->n_references) {
        if (sum > s->best_sum) {
            s->best_sum = sum;
            memcpy(s->best, s->current, sizeof s->best);
        }
        return;
    }
    for (size_t e = 0; e < s->n_estimates; e++) {
        if (!s->taken[e]) {
            s->taken[e] = true;
            s->current[reference] = e;
            visit(s, reference + 1, sum + s->table[reference][e]);
            s->taken[e] = false;
        }
    }
}

ub_status ub_score_match(const ub_score_input *input, const float *const *const *estimates,
                         size_t n_estimates, size_t *assignment, ub_message *why)
{
    ub_status status = check(input, why);
    if (!status && (n_estimates < input->n_sources || n_estimates > MOST_MATCHED)) {
        status = ub_fail(why, UB_BAD_SHAPE,
                         "%zu estimates for %zu references; at least as many and at most %d can be "
                         "matched",
                         n_estimates, input->n_sources, MOST_MATCHED);
    }
    status = status ? status : check_signals(estimates, n_estimates, input, "estimate", why);
    if (status) {
        return status;
    }
    search best = {
        .n_references = input->n_sources, .n_estimates = n_estimates, .best_sum = -INFINITY};
    for (size_t e = 0; e < n_estimates; e++) {
        const ub_score_signal estimate = signal_of(input, estimates + e, 1);
        for (size_t j = 0; j < input->n_sources; j++) {
            const ub_score_signal reference = signal_of(input, input->references + j, 1);
            best.table[j][e] = si_sdr(&reference, &estimate);
        }
    }
    visit(&best, 0, 0.0);
    memcpy(assignment, best.best, input->n_sources * sizeof *assignment);
    return UB_OK;
}
