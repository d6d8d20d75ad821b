// SPDX-License-Identifier: GPL-3.0-or-later
// Agglomerative clustering of components with average linkage, on a distance of timbre, panning,
// percussiveness and what the prior of hits says. Frame-by-frame correlation of activations did not
// help: the notes of one instrument seldom sound together, while instruments do. Weights were
// searched for on recorded and rendered pieces with known stems (docs/measurements.md).
#include "grouping.h"
#include "features.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Distance: timbre with fine and with coarse contrast, panning, percussiveness, the prior of hits.
static const double FINE_WEIGHT = 1.0, FINE_FLOOR = 1e-3;
static const double COARSE_WEIGHT = 0.4, COARSE_FLOOR = 1e-2;
static const double PANNING_WEIGHT = 0.8;
static const double PERCUSSIVE_WEIGHT = 0.2, STRUCK_WEIGHT = 0.3;

// How much farther a group may be to have a component as well. Hard groups are 1 to 2 dB worse on
// recordings that nothing was chosen on, and half as many stems again are worse than the mix.
static const double SOFTNESS = 0.3;

typedef struct clustering {
    size_t n; // components
    ub_features *features;
    const float *struck; // of each component; borrowed
    double *apart; // n x n: of components
    double *distance; // the same of clusters, average linkage kept up
    double *weight; // share of the energy
    size_t *label; // component -> index of its cluster
    bool *alive;
} clustering;

static void clustering_free(clustering *c)
{
    free(c->features);
    free(c->apart);
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

static double distance_between(const ub_nmf_factors *factors, const clustering *clusters, size_t i,
                               size_t j)
{
    const ub_features *a = &clusters->features[i], *b = &clusters->features[j];
    const float *p = ub_matrix_column(&factors->gains, i);
    const float *q = ub_matrix_column(&factors->gains, j);
    double panning = 0.0;
    for (size_t c = 0; c < factors->gains.n_rows; c++) {
        panning += fabs((double)p[c] - (double)q[c]);
    }
    return FINE_WEIGHT * timbre_distance(a, b, FINE_FLOOR) +
           COARSE_WEIGHT * timbre_distance(a, b, COARSE_FLOOR) + PANNING_WEIGHT * panning +
           PERCUSSIVE_WEIGHT * fabs(a->percussive - b->percussive) +
           STRUCK_WEIGHT * fabs((double)clusters->struck[i] - (double)clusters->struck[j]);
}

static ub_status clustering_new(const ub_nmf_factors *factors, const float *struck, double bin_hz,
                                double frame_s, clustering *c)
{
    const size_t n = factors->templates.n_cols;
    *c = (clustering){
        .n = n,
        .features = calloc(n, sizeof *c->features),
        .struck = struck,
        .apart = calloc(n * n, sizeof *c->apart),
        .distance = calloc(n * n, sizeof *c->distance),
        .weight = calloc(n, sizeof *c->weight),
        .label = calloc(n, sizeof *c->label),
        .alive = calloc(n, sizeof *c->alive),
    };
    if (!c->features || !c->apart || !c->distance || !c->weight || !c->label || !c->alive ||
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
            c->apart[i * n + j] = distance_between(factors, c, i, j);
        }
    }
    memcpy(c->distance, c->apart, n * n * sizeof *c->distance);
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

// ---- shares ------------------------------------------------------------------------------------

// How far a component is from what is in a group, itself too where it is in it.
static double distance_to_group(const clustering *c, const size_t *component_source, size_t k,
                                size_t group)
{
    double sum = 0.0, weight = 0.0;
    for (size_t i = 0; i < c->n; i++) {
        if (component_source[i] == group) {
            const double energy = c->features[i].energy + 1e-30;
            sum += energy * c->apart[k * c->n + i];
            weight += energy;
        }
    }
    return sum / weight;
}

static void share_component(const clustering *c, const size_t *component_source, size_t k,
                            double *away, ub_matrix *shares)
{
    const size_t n_groups = shares->n_rows;
    double nearest = INFINITY, sum = 0.0;
    for (size_t j = 0; j < n_groups; j++) {
        away[j] = distance_to_group(c, component_source, k, j);
        nearest = fmin(nearest, away[j]);
    }
    for (size_t j = 0; j < n_groups; j++) {
        away[j] = exp((nearest - away[j]) / SOFTNESS);
        sum += away[j];
    }
    for (size_t j = 0; j < n_groups; j++) {
        ub_matrix_column(shares, k)[j] = (float)(away[j] / sum);
    }
}

// ---- all of it ---------------------------------------------------------------------------------

ub_status ub_group_components(const ub_nmf_factors *factors, const float *struck, double bin_hz,
                              double frame_s, size_t n_sources, size_t *component_source,
                              ub_matrix *shares, char (*names)[UB_NAME_SIZE])
{
    clustering c;
    sound_group *groups = calloc(n_sources, sizeof *groups);
    double *away = calloc(n_sources, sizeof *away);
    ub_status status = clustering_new(factors, struck, bin_hz, frame_s, &c);
    status = groups && away ? status : UB_NO_MEMORY;
    if (!status) {
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
        for (size_t k = 0; k < c.n; k++) {
            share_component(&c, component_source, k, away, shares);
        }
    }
    free(groups);
    free(away);
    clustering_free(&c);
    return status;
}

ub_status ub_group_distances(const ub_nmf_factors *factors, const float *struck, double bin_hz,
                             double frame_s, double *apart)
{
    clustering c;
    const ub_status status = clustering_new(factors, struck, bin_hz, frame_s, &c);
    if (!status) {
        memcpy(apart, c.apart, c.n * c.n * sizeof *apart);
    }
    clustering_free(&c);
    return status;
}
