// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/evaluate.h"
#include "bss_eval.h"
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TINY = 1e-12; // added to both energies of a ratio

enum { MOST_MATCHED = 8 };

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

// All channels of one signal, one after the other, in double.
static void stack(const ub_score_input *input, const float *const *signal, double *out)
{
    for (size_t c = 0; c < input->n_channels; c++) {
        for (size_t i = 0; i < input->n_samples; i++) {
            out[c * input->n_samples + i] = (double)signal[c][i];
        }
    }
}

static void stack_mix(const ub_score_input *input, double *out)
{
    for (size_t c = 0; c < input->n_channels; c++) {
        for (size_t i = 0; i < input->n_samples; i++) {
            double sum = 0.0;
            for (size_t j = 0; j < input->n_sources; j++) {
                sum += (double)input->references[j][c][i];
            }
            out[c * input->n_samples + i] = sum;
        }
    }
}

static double decibel(double energy, double of)
{
    return 10.0 * log10((energy + TINY) / (of + TINY));
}

static double sdr(const double *s, const double *e, size_t n)
{
    double energy = 0.0, error = 0.0;
    for (size_t i = 0; i < n; i++) {
        energy += s[i] * s[i];
        error += (s[i] - e[i]) * (s[i] - e[i]);
    }
    return decibel(energy, error);
}

static double mean_of(const double *x, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double)n;
}

static double si_sdr(const double *s, const double *e, size_t n)
{
    const double mean_s = mean_of(s, n), mean_e = mean_of(e, n);
    double product = 0.0, energy = 0.0;
    for (size_t i = 0; i < n; i++) {
        product += (s[i] - mean_s) * (e[i] - mean_e);
        energy += (s[i] - mean_s) * (s[i] - mean_s);
    }
    const double scale = product / (energy + TINY);
    double target = 0.0, error = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double t = scale * (s[i] - mean_s);
        target += t * t;
        error += (e[i] - mean_e - t) * (e[i] - mean_e - t);
    }
    return decibel(target, error);
}

// The mean of the channels, and the smallest of offsets so that silence is not singular.
static void downmix(const ub_score_input *input, const double *stacked, double *out)
{
    for (size_t i = 0; i < input->n_samples; i++) {
        double sum = 0.0;
        for (size_t c = 0; c < input->n_channels; c++) {
            sum += stacked[c * input->n_samples + i];
        }
        out[i] = sum / (double)input->n_channels + 1e-9;
    }
}

typedef struct scorer {
    const ub_score_input *input;
    size_t n; // samples of all channels
    double *reference, *estimate, *mix;
    double *mono; // n_samples
    ub_bss *bss;
} scorer;

static void scorer_free(scorer *s)
{
    free(s->reference);
    free(s->estimate);
    free(s->mix);
    free(s->mono);
    ub_bss_free(s->bss);
}

static ub_status open_bss(scorer *s)
{
    const ub_score_input *input = s->input;
    double *memory = malloc(input->n_sources * input->n_samples * sizeof *memory);
    const double **references = calloc(input->n_sources, sizeof *references);
    ub_status status = memory && references ? UB_OK : UB_NO_MEMORY;
    for (size_t j = 0; !status && j < input->n_sources; j++) {
        double *mono = memory + j * input->n_samples;
        stack(input, input->references[j], s->reference);
        downmix(input, s->reference, mono);
        references[j] = mono;
    }
    status = status ? status : ub_bss_new(references, input->n_sources, input->n_samples, &s->bss);
    free(memory);
    free(references);
    return status;
}

static ub_status scorer_new(const ub_score_input *input, bool bss, scorer *s, ub_message *why)
{
    *s = (scorer){.input = input, .n = input->n_channels * input->n_samples};
    s->reference = malloc(s->n * sizeof(double));
    s->estimate = malloc(s->n * sizeof(double));
    s->mix = malloc(s->n * sizeof(double));
    s->mono = malloc(input->n_samples * sizeof(double));
    if (!s->reference || !s->estimate || !s->mix || !s->mono || (bss && open_bss(s))) {
        scorer_free(s);
        return ub_fail(why, UB_NO_MEMORY, "no memory to score %zu samples", s->n);
    }
    stack_mix(input, s->mix);
    return UB_OK;
}

// Score source j; NULL stands for the mix.
static ub_status score_one(scorer *s, size_t j, const float *const *estimate, ub_score *score)
{
    stack(s->input, s->input->references[j], s->reference);
    if (estimate) {
        stack(s->input, estimate, s->estimate);
    } else {
        memcpy(s->estimate, s->mix, s->n * sizeof(double));
    }
    *score = (ub_score){
        .sdr = sdr(s->reference, s->estimate, s->n),
        .si_sdr = si_sdr(s->reference, s->estimate, s->n),
        .bss_sdr = NAN,
        .bss_sir = NAN,
        .bss_sar = NAN,
    };
    score->sdr_gain = score->sdr - sdr(s->reference, s->mix, s->n);
    score->si_sdr_gain = score->si_sdr - si_sdr(s->reference, s->mix, s->n);
    if (!s->bss) {
        return UB_OK;
    }
    downmix(s->input, s->estimate, s->mono);
    return ub_bss_score(s->bss, j, s->mono, score);
}

static ub_status score_all(const ub_score_input *input, const float *const *const *estimates,
                           bool bss, const ub_progress *progress, ub_score *scores, ub_message *why)
{
    scorer s;
    ub_status status = scorer_new(input, bss, &s, why);
    if (status) {
        return status;
    }
    for (size_t j = 0; !status && j < input->n_sources; j++) {
        status = ub_progress_report(progress, "score", (double)j / (double)input->n_sources);
        status = status ? status : score_one(&s, j, estimates ? estimates[j] : NULL, &scores[j]);
    }
    scorer_free(&s);
    return status;
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
    status = status ? status : ub_oracle_stems(input, progress, &stems, why);
    if (status) {
        return status;
    }
    status = score_all(input, stems.sources, bss, NULL, scores, why);
    ub_signals_free(&stems);
    return status;
}

ub_status ub_score_residual(const ub_score_input *input, double *residual_db, ub_message *why)
{
    const ub_status status = check(input, why);
    if (status) {
        return status;
    }
    double energy = 0.0, error = 0.0;
    for (size_t c = 0; c < input->n_channels; c++) {
        for (size_t i = 0; i < input->n_samples; i++) {
            double mix = 0.0, sum = 0.0;
            for (size_t j = 0; j < input->n_sources; j++) {
                mix += (double)input->references[j][c][i];
                sum += (double)input->estimates[j][c][i];
            }
            energy += mix * mix;
            error += (mix - sum) * (mix - sum);
        }
    }
    *residual_db = -decibel(energy, error);
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
    scorer s = {0};
    status = status ? status : scorer_new(input, false, &s, why);
    if (status) {
        return status;
    }
    search best = {
        .n_references = input->n_sources, .n_estimates = n_estimates, .best_sum = -INFINITY};
    for (size_t e = 0; e < n_estimates; e++) {
        stack(input, estimates[e], s.estimate);
        for (size_t j = 0; j < input->n_sources; j++) {
            stack(input, input->references[j], s.reference);
            best.table[j][e] = si_sdr(s.reference, s.estimate, s.n);
        }
    }
    visit(&best, 0, 0.0);
    memcpy(assignment, best.best, input->n_sources * sizeof *assignment);
    scorer_free(&s);
    return UB_OK;
}
