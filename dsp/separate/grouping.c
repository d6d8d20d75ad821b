// SPDX-License-Identifier: GPL-3.0-or-later
// Agglomerative clustering of components with average linkage, on a distance of timbre, panning
// and percussiveness. Frame-by-frame correlation of activations did not help: the notes of one
// instrument seldom sound together, while instruments do. Weights were searched for on recorded and
// rendered pieces with known stems (docs/measurements.md).
#include "grouping.h"
#include "features.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Distance: timbre with fine and with coarse contrast, panning, percussiveness.
static const double FINE_WEIGHT = 1.0, FINE_FLOOR = 1e-3;
static const double COARSE_WEIGHT = 0.4, COARSE_FLOOR = 1e-2;
static const double PANNING_WEIGHT = 0.6;
static const double PERCUSSIVE_WEIGHT = 0.2;

typedef struct clustering {
    size_t n; // components
    ub_features *features;
    double *distance; // n x n, average linkage kept up
    double *weight; // share of the energy
    size_t *label; // component -> index of its cluster
    bool *alive;
} clustering;

static void clustering_free(clustering *c)
{
    free(c->features);
    free(c->distance);
    free(c->weight);
    free(c->label);
    free(c->alive);
}

// One minus the correlation of log band shares.
static double timbre_distance(const ub_features *a, const ub_features *b, double floor)
{
    double mean_a = 0.0, mean_b = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
    for (size_t i = 0; i < UB_N_BANDS; i++) {
        mean_a += log(a->bands[i] + floor) / UB_N_BANDS;
        mean_b += log(b->bands[i] + floor) / UB_N_BANDS;
    }
    for (size_t i = 0; i < UB_N_BANDS; i++) {
        const double x = log(a->bands[i] + floor) - mean_a;
        const double y = log(b->bands[i] + floor) - mean_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return aa > 0.0 && bb > 0.0 ? 1.0 - ab / sqrt(aa * bb) : 1.0;
}

static double distance_between(const ub_nmf_factors *factors, const ub_features *features, size_t i,
                               size_t j)
{
    const ub_features *a = &features[i], *b = &features[j];
    const float *p = ub_matrix_column(&factors->gains, i);
    const float *q = ub_matrix_column(&factors->gains, j);
    double panning = 0.0;
    for (size_t c = 0; c < factors->gains.n_rows; c++) {
        panning += fabs((double)p[c] - (double)q[c]);
    }
    return FINE_WEIGHT * timbre_distance(a, b, FINE_FLOOR) +
           COARSE_WEIGHT * timbre_distance(a, b, COARSE_FLOOR) + PANNING_WEIGHT * panning +
           PERCUSSIVE_WEIGHT * fabs(a->percussive - b->percussive);
}

static ub_status clustering_new(const ub_nmf_factors *factors, double bin_hz, double frame_s,
                                clustering *c)
{
    const size_t n = factors->templates.n_cols;
    *c = (clustering){
        .n = n,
        .features = calloc(n, sizeof *c->features),
        .distance = calloc(n * n, sizeof *c->distance),
        .weight = calloc(n, sizeof *c->weight),
        .label = calloc(n, sizeof *c->label),
        .alive = calloc(n, sizeof *c->alive),
    };
    if (!c->features || !c->distance || !c->weight || !c->label || !c->alive ||
        ub_features_fill(factors, bin_hz, frame_s, c->features)) {
        return UB_NO_MEMORY;
    }
    double energy = 0.0;
    for (size_t k = 0; k < n; k++) {
        energy += c->features[k].energy;
    }
    for (size_t i = 0; i < n; i++) {
        // Silent components weigh next to nothing, but not nothing: weights are divided by.
        c->weight[i] = (energy > 0.0 ? c->features[i].energy / energy : 0.0) + 1e-9;
        c->label[i] = i;
        c->alive[i] = true;
        for (size_t j = 0; j < n; j++) {
            c->distance[i * n + j] = distance_between(factors, c->features, i, j);
        }
    }
    return UB_OK;
}

// The pair that costs least to join. As in Ward's method small clusters join more easily, here by
// the square root, so that no cluster of a stray component remains.
static void cheapest_pair(const clustering *c, size_t *first, size_t *second)
{
    double best = INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        for (size_t j = i + 1; c->alive[i] && j < c->n; j++) {
            if (!c->alive[j]) {
                continue;
            }
            const double size = c->weight[i] * c->weight[j] / (c->weight[i] + c->weight[j]);
            const double cost = c->distance[i * c->n + j] * sqrt(size);
            if (cost < best) {
                best = cost;
                *first = i;
                *second = j;
            }
        }
    }
}

static void join(clustering *c, size_t i, size_t j)
{
    const double a = c->weight[i], b = c->weight[j];
    for (size_t k = 0; k < c->n; k++) {
        const double mean =
            (a * c->distance[i * c->n + k] + b * c->distance[j * c->n + k]) / (a + b);
        c->distance[i * c->n + k] = c->distance[k * c->n + i] = mean;
        c->label[k] = c->label[k] == j ? i : c->label[k];
    }
    c->weight[i] += b;
    c->alive[j] = false;
}

// What a group sounds like: means of its components' features, weighted by energy.
typedef struct sound_group {
    size_t cluster;
    double low, centre, percussive, tonal;
} sound_group;

static sound_group describe(const clustering *c, size_t cluster)
{
    sound_group g = {.cluster = cluster};
    double sum = 1e-300;
    for (size_t k = 0; k < c->n; k++) {
        if (c->label[k] != cluster) {
            continue;
        }
        const ub_features *f = &c->features[k];
        const double weight = f->energy + 1e-30;
        sum += weight;
        g.low += weight * f->low;
        g.centre += weight * f->centre_log_hz;
        g.percussive += weight * f->percussive;
        g.tonal += weight * f->tonal;
    }
    g.low /= sum;
    g.centre /= sum;
    g.percussive /= sum;
    g.tonal /= sum;
    return g;
}

// The group that is clearly drums: the most percussive of those that are percussive and noisy.
static size_t find_drums(const sound_group *groups, size_t n)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        if (groups[i].percussive >= 0.5 && groups[i].tonal <= 0.5 &&
            (best == n || groups[i].percussive > groups[best].percussive)) {
            best = i;
        }
    }
    return best;
}

// The group that is clearly bass: the steadiest of those with most energy below 250 Hz.
static size_t find_bass(const sound_group *groups, size_t n, size_t drums)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        if (i != drums && groups[i].low >= 0.5 && groups[i].tonal >= 0.7 &&
            groups[i].percussive <= 0.6 &&
            (best == n || groups[i].percussive < groups[best].percussive)) {
            best = i;
        }
    }
    return best;
}

static int by_centre(const void *a, const void *b)
{
    const sound_group *x = a, *y = b;
    if (x->centre != y->centre) {
        return x->centre < y->centre ? -1 : 1;
    }
    return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

static void number_group(const clustering *c, const sound_group *group, size_t number,
                         size_t *component_source)
{
    for (size_t k = 0; k < c->n; k++) {
        if (c->label[k] == group->cluster) {
            component_source[k] = number;
        }
    }
}

static void name_groups(const clustering *c, sound_group *groups, size_t n,
                        size_t *component_source, char (*names)[UB_NAME_SIZE])
{
    qsort(groups, n, sizeof *groups, by_centre);
    const size_t drums = find_drums(groups, n), bass = find_bass(groups, n, drums);
    size_t number = 0, n_tonal = 0;
    if (drums < n) {
        number_group(c, &groups[drums], number, component_source);
        snprintf(names[number++], UB_NAME_SIZE, "drums");
    }
    if (bass < n) {
        number_group(c, &groups[bass], number, component_source);
        snprintf(names[number++], UB_NAME_SIZE, "bass");
    }
    for (size_t i = 0; i < n; i++) {
        if (i != drums && i != bass) {
            n_tonal++;
            number_group(c, &groups[i], number, component_source);
            snprintf(names[number++], UB_NAME_SIZE, "tonal-%u", (unsigned)n_tonal % 10000u);
        }
    }
}

ub_status ub_group_components(const ub_nmf_factors *factors, double bin_hz, double frame_s,
                              size_t n_sources, size_t *component_source,
                              char (*names)[UB_NAME_SIZE])
{
    clustering c;
    sound_group *groups = calloc(n_sources, sizeof *groups);
    ub_status status = clustering_new(factors, bin_hz, frame_s, &c);
    if (!status && groups) {
        for (size_t n = c.n; n > n_sources; n--) {
            size_t first = 0, second = 0;
            cheapest_pair(&c, &first, &second);
            join(&c, first, second);
        }
        size_t n = 0;
        for (size_t k = 0; k < c.n; k++) {
            if (c.alive[k]) {
                groups[n++] = describe(&c, k);
            }
        }
        name_groups(&c, groups, n_sources, component_source, names);
    }
    status = groups ? status : UB_NO_MEMORY;
    free(groups);
    clustering_free(&c);
    return status;
}
