// SPDX-License-Identifier: GPL-3.0-or-later
#include "stem_shelf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

stem_shelf *stem_shelf_new(const synth *mix)
{
    stem_shelf *shelf = calloc(1, sizeof *shelf);
    if (!shelf) {
        abort();
    }
    shelf->n_channels = mix->n_channels;
    shelf->n_samples = mix->n_samples;
    return shelf;
}

void stem_shelf_free(stem_shelf *shelf)
{
    for (size_t j = 0; j < shelf->n_stems; j++) {
        for (size_t c = 0; c < shelf->n_channels; c++) {
            free(shelf->samples[j][c]);
        }
    }
    free(shelf);
}

static ub_status begin(void *context, size_t n_stems, const char *const *names, ub_message *why)
{
    stem_shelf *shelf = context;
    if (shelf->begin_fails) {
        return ub_fail(why, shelf->begin_fails, "no room on the shelf");
    }
    shelf->broken = shelf->broken || shelf->n_begun > 0 || n_stems > SHELF_MOST_STEMS;
    shelf->n_begun++;
    if (shelf->broken) {
        return UB_OK;
    }
    shelf->n_stems = n_stems;
    for (size_t j = 0; j < n_stems; j++) {
        strncpy(shelf->names[j], names[j], sizeof shelf->names[j] - 1);
        for (size_t c = 0; c < shelf->n_channels; c++) {
            shelf->samples[j][c] = calloc(shelf->n_samples + 1, sizeof(float));
            if (!shelf->samples[j][c]) {
                abort();
            }
        }
    }
    return UB_OK;
}

static ub_status take(void *context, size_t first, size_t n, const float *const *const *stems,
                      ub_message *why)
{
    stem_shelf *shelf = context;
    shelf->broken = shelf->broken || shelf->n_begun != 1 || n == 0 || first != shelf->n_written ||
                    n > shelf->n_samples - first;
    if (shelf->write_fails && first + n > shelf->write_fails_at) {
        return ub_fail(why, shelf->write_fails, "the shelf is full");
    }
    for (size_t j = 0; !shelf->broken && j < shelf->n_stems; j++) {
        for (size_t c = 0; c < shelf->n_channels; c++) {
            memcpy(shelf->samples[j][c] + first, stems[j][c], n * sizeof(float));
        }
    }
    shelf->n_written += n;
    return UB_OK;
}

ub_stem_sink stem_shelf_sink(stem_shelf *shelf)
{
    return (ub_stem_sink){.begin = begin, .write = take, .context = shelf};
}

static ub_status begin_nothing(void *context, size_t n_stems, const char *const *names,
                               ub_message *why)
{
    (void)context, (void)n_stems, (void)names, (void)why;
    return UB_OK;
}

static ub_status take_nothing(void *context, size_t first, size_t n,
                              const float *const *const *stems, ub_message *why)
{
    (void)context, (void)first, (void)n, (void)stems, (void)why;
    return UB_OK;
}

ub_stem_sink stem_sink_to_nowhere(void)
{
    return (ub_stem_sink){begin_nothing, take_nothing, NULL};
}

bool stem_shelf_is_complete(const stem_shelf *shelf)
{
    return !shelf->broken && shelf->n_begun == 1 && shelf->n_written == shelf->n_samples;
}

float *const *stem_shelf_find(const stem_shelf *shelf, const char *name)
{
    for (size_t j = 0; j < shelf->n_stems; j++) {
        if (strcmp(shelf->names[j], name) == 0) {
            return shelf->samples[j];
        }
    }
    return NULL;
}

double stem_shelf_null_db(const stem_shelf *shelf, const synth *mix)
{
    double error = 0.0, energy = 0.0;
    for (size_t c = 0; c < mix->n_channels; c++) {
        for (size_t i = 0; i < mix->n_samples; i++) {
            const double x = (double)mix->channels[c][i];
            double sum = 0.0;
            for (size_t j = 0; j < shelf->n_stems; j++) {
                sum += (double)shelf->samples[j][c][i];
            }
            error += (x - sum) * (x - sum);
            energy += x * x;
        }
    }
    const double floor = 1e-12 * (double)(mix->n_samples + 1);
    return error == 0.0 ? -999.0 : 10.0 * log10(error / (energy > 0.0 ? energy : floor));
}

bool stem_shelf_same(const stem_shelf *a, const stem_shelf *b)
{
    if (a->n_stems != b->n_stems || a->n_samples != b->n_samples ||
        a->n_channels != b->n_channels) {
        return false;
    }
    for (size_t j = 0; j < a->n_stems; j++) {
        if (strcmp(a->names[j], b->names[j]) != 0) {
            return false;
        }
        for (size_t c = 0; c < a->n_channels; c++) {
            if (memcmp(a->samples[j][c], b->samples[j][c], a->n_samples * sizeof(float)) != 0) {
                return false;
            }
        }
    }
    return true;
}

double si_sdr_db(const synth *truth, const float *const *estimate)
{
    double ss = 0.0, ee = 0.0, se = 0.0;
    for (size_t c = 0; c < truth->n_channels; c++) {
        for (size_t i = 0; i < truth->n_samples; i++) {
            const double s = (double)truth->channels[c][i], e = (double)estimate[c][i];
            ss += s * s;
            ee += e * e;
            se += s * e;
        }
    }
    const double target = se * se / (ss + 1e-30);
    return 10.0 * log10((target + 1e-30) / (fmax(ee - target, 0.0) + 1e-30));
}
