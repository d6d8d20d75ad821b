// SPDX-License-Identifier: GPL-3.0-or-later
// What marks say of bins and of components.
#include "guide/marks.h"
#include "guide/struck.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_BINS = 65, N_FRAMES = 40, MOST = 4, N_COMPONENTS = 5 };

static const double RATE_HZ = 8000.0;

typedef struct setting {
    ub_settings settings;
    ub_matrix spectra[2];
    ub_scene scene;
    ub_matrix priors[MOST];
} setting;

// Both channels alike, in all bins.
static setting *setting_new(size_t n_channels)
{
    setting *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->settings = ub_settings_default();
    for (size_t c = 0; c < 2; c++) {
        assert_int_equal(ub_matrix_new(N_BINS, N_FRAMES, &s->spectra[c]), UB_OK);
        for (size_t i = 0; i < N_BINS * N_FRAMES; i++) {
            ub_matrix_column(&s->spectra[c], i / N_BINS)[i % N_BINS] = 1.0f;
        }
    }
    for (size_t j = 0; j < MOST; j++) {
        assert_int_equal(ub_matrix_new(N_BINS, N_FRAMES, &s->priors[j]), UB_OK);
    }
    s->scene = (ub_scene){.spectra = s->spectra,
                          .n_channels = n_channels,
                          .rate_hz = RATE_HZ,
                          .size_samples = 128,
                          .hop_samples = 32,
                          .n_frames = N_FRAMES,
                          .settings = &s->settings,
                          .n_threads = 2};
    return s;
}

static void setting_free(setting *s)
{
    ub_matrix_free(&s->spectra[0]);
    ub_matrix_free(&s->spectra[1]);
    for (size_t j = 0; j < MOST; j++) {
        ub_matrix_free(&s->priors[j]);
    }
    free(s);
}

static float prior_at(const setting *s, size_t source, size_t f, size_t t)
{
    return ub_matrix_column(&s->priors[source], t)[f];
}

static ub_mark region(const char *name, double from_s, double to_s, double low_hz, double high_hz)
{
    return (ub_mark){.name = name,
                     .kind = UB_MARK_REGION,
                     .from_s = from_s,
                     .to_s = to_s,
                     .low_hz = low_hz,
                     .high_hz = high_hz};
}

static ub_mark place(const char *name, double position)
{
    return (ub_mark){.name = name, .kind = UB_MARK_POSITION, .position = position};
}

static void positions_are_those_of_a_panning_knob(void **state)
{
    (void)state;
    for (int position = -100; position <= 100; position += 10) {
        const double angle = ((double)position + 100.0) / 200.0 * acos(0.0);
        assert_true(fabs(ub_marks_position(cos(angle), sin(angle)) - (double)position) < 1e-9);
        assert_true(fabs(ub_marks_position(7.0 * cos(angle), 7.0 * sin(angle)) - (double)position) <
                    1e-9);
    }
    assert_true(ub_marks_position(0.0, 0.0) == 0.0);
}

static void a_region_has_the_frames_whose_centres_lie_in_it(void **state)
{
    (void)state;
    setting *s = setting_new(1);
    const ub_mark mark = region("a", 0.02, 0.06, 0.0, INFINITY);
    size_t first, end;
    ub_marks_frames(&s->scene, &mark, &first, &end);
    for (size_t t = 0; t < N_FRAMES; t++) {
        const double at = ub_scene_time_s(&s->scene, t);
        assert_int_equal(at >= 0.02 && at <= 0.06, t >= first && t < end);
    }
    // A stretch further on knows the same frames of the recording.
    s->scene.first_frame = 7;
    size_t first_later, end_later;
    ub_marks_frames(&s->scene, &mark, &first_later, &end_later);
    assert_int_equal(first_later, first);
    assert_int_equal(end_later, end);
    const ub_mark small = region("a", 0.0201, 0.0202, 0.0, INFINITY);
    ub_marks_frames(&s->scene, &small, &first, &end);
    assert_int_equal(end, first + 1);
    const ub_mark beyond = region("a", 100.0, 101.0, 0.0, INFINITY);
    ub_marks_frames(&s->scene, &beyond, &first, &end);
    assert_int_equal(first, N_FRAMES - 1);
    assert_int_equal(end, N_FRAMES);
    setting_free(s);
}

static void regions_belong_to_their_sources_and_the_rest_to_all(void **state)
{
    (void)state;
    setting *s = setting_new(1);
    const ub_mark marks[] = {region("a", 0.002, 0.051, 1000.0, 2000.0),
                             region("b", 0.099, 0.121, 0.0, INFINITY)};
    const char *names[] = {"a", "b"};
    const ub_marking marking = {.marks = marks, .n_marks = 2, .names = names, .n_sources = 2};
    ub_marks_priors(&marking, &s->scene, s->priors);
    size_t n_a = 0, n_b = 0;
    for (size_t i = 0; i < N_BINS * N_FRAMES; i++) {
        const size_t t = i / N_BINS, f = i % N_BINS;
        const double at = ub_scene_time_s(&s->scene, t);
        const double hz = (double)f * RATE_HZ / 128.0;
        const bool in_a = at >= 0.002 && at <= 0.051 && hz >= 1000.0 && hz < 2000.0;
        const bool in_b = at >= 0.099 && at <= 0.121;
        const float share = prior_at(s, 0, f, t);
        assert_true(in_a ? share > 0.9f : in_b ? share < 0.1f : fabsf(share - 0.5f) < 1e-6f);
        assert_true(fabsf(share + prior_at(s, 1, f, t) - 1.0f) < 1e-6f);
        n_a += in_a;
        n_b += in_b;
    }
    assert_true(n_a > 100 && n_b > 100);
    setting_free(s);
}

static void set_position(setting *s, size_t f, double position)
{
    const double angle = (position + 100.0) / 200.0 * acos(0.0);
    for (size_t t = 0; t < N_FRAMES; t++) {
        ub_matrix_column(&s->spectra[0], t)[f] = (float)(3.0 * cos(angle));
        ub_matrix_column(&s->spectra[1], t)[f] = (float)(3.0 * sin(angle));
    }
}

static void a_bin_belongs_to_who_is_where_it_is_heard(void **state)
{
    (void)state;
    setting *s = setting_new(2);
    set_position(s, 3, -80.0);
    set_position(s, 4, 40.0);
    set_position(s, 5, 0.0);
    const ub_mark marks[] = {place("left", -80.0), place("right", 40.0)};
    const char *names[] = {"left", "right", "rest"};
    ub_marking marking = {.marks = marks, .n_marks = 2, .names = names, .n_sources = 3};
    ub_marks_priors(&marking, &s->scene, s->priors);
    assert_true(prior_at(s, 0, 3, 5) > 0.95f);
    assert_true(prior_at(s, 1, 4, 5) > 0.95f);
    // Two spreads from the nearest: elsewhere.
    assert_true(prior_at(s, 2, 5, 5) > 0.8f);
    marking.n_sources = 2;
    ub_marks_priors(&marking, &s->scene, s->priors);
    assert_true(prior_at(s, 1, 5, 5) > 0.9f);
    setting_free(s);
}

static void what_positions_say_sums_to_one(void **state)
{
    (void)state;
    setting *s = setting_new(2);
    set_position(s, 3, -80.0);
    set_position(s, 4, 10.0);
    const ub_mark marks[] = {place("left", -80.0), place("right", 40.0)};
    const char *names[] = {"left", "right", "rest"};
    const ub_marking marking = {.marks = marks, .n_marks = 2, .names = names, .n_sources = 3};
    ub_marks_positions(&marking, &s->scene, s->priors);
    for (size_t f = 0; f < N_BINS; f++) {
        const float sum = prior_at(s, 0, f, 5) + prior_at(s, 1, f, 5) + prior_at(s, 2, f, 5);
        assert_true(fabsf(sum - 1.0f) < 1e-6f); // three roundings
    }
    setting_free(s);
}

static void positions_and_regions_count_together(void **state)
{
    (void)state;
    setting *s = setting_new(2);
    const ub_mark marks[] = {place("a", 0.0), place("b", 0.0), region("b", 0.0, 1.0, 0.0, 500.0)};
    const char *names[] = {"a", "b"};
    const ub_marking marking = {.marks = marks, .n_marks = 3, .names = names, .n_sources = 2};
    ub_marks_priors(&marking, &s->scene, s->priors);
    assert_true(prior_at(s, 1, 2, 20) > 0.9f);
    assert_true(fabsf(prior_at(s, 1, 30, 20) - 0.5f) < 1e-5f);
    setting_free(s);
}

static void components_go_where_more_of_them_is_than_elsewhere(void **state)
{
    (void)state;
    const ub_mark marks[] = {region("a", 0.0, 1.0, 0.0, 500.0)};
    const char *names[] = {"a", "rest"};
    const ub_marking marking = {.marks = marks, .n_marks = 1, .names = names, .n_sources = 2};
    ub_matrix weights;
    assert_int_equal(ub_matrix_new(2, 3, &weights), UB_OK);
    // Of the marked region the first is two thirds, of all a third; the second is a third of both;
    // the third is not in the region. Squares are compared, as all has the region too.
    const double regions[] = {4.0, 2.0, 0.0, 0.0, 0.0, 0.0}, whole[] = {10.0, 10.0, 10.0};
    ub_marks_weigh(&marking, regions, NULL, whole, &weights);
    assert_true(fabsf(ub_matrix_column(&weights, 0)[0] - 0.8f) < 1e-6f);
    assert_true(fabsf(ub_matrix_column(&weights, 1)[0] - 0.5f) < 1e-6f);
    assert_true(ub_matrix_column(&weights, 2)[1] > 0.999f);
    ub_matrix positions;
    assert_int_equal(ub_matrix_new(2, 3, &positions), UB_OK);
    for (size_t k = 0; k < 3; k++) {
        ub_matrix_column(&positions, k)[0] = 0.25f;
        ub_matrix_column(&positions, k)[1] = 0.75f;
    }
    ub_marks_weigh(&marking, regions, &positions, whole, &weights);
    assert_true(fabsf(ub_matrix_column(&weights, 0)[0] - 4.0f / 7.0f) < 1e-6f);
    ub_matrix_free(&positions);
    ub_matrix_free(&weights);
}

// The formula of the header, in double precision.
static void spread_by_the_book(const double *apart, const double *trust, const double *w, size_t k,
                               double *out)
{
    double sum = 0.0;
    for (size_t j = 0; j < 2; j++) {
        double near = 0.0, all = 0.0;
        for (size_t i = 0; i < N_COMPONENTS; i++) {
            near += trust[i] * exp(-apart[k * N_COMPONENTS + i] / 0.2) * w[2 * i + j];
            all += trust[i] * exp(-apart[k * N_COMPONENTS + i] / 0.2);
        }
        out[j] = sqrt(w[2 * k + j]) * near / all;
        sum += out[j];
    }
    out[0] /= sum;
    out[1] /= sum;
}

static void what_is_alike_is_heard_as_one(void **state)
{
    (void)state;
    ub_random random = ub_random_new(5);
    double apart[N_COMPONENTS * N_COMPONENTS], trust[N_COMPONENTS], w[2 * N_COMPONENTS];
    ub_matrix weights;
    assert_int_equal(ub_matrix_new(2, N_COMPONENTS, &weights), UB_OK);
    for (size_t i = 0; i < N_COMPONENTS * N_COMPONENTS; i++) {
        apart[i] = (double)ub_random_uniform(&random);
    }
    for (size_t k = 0; k < N_COMPONENTS; k++) {
        trust[k] = (double)ub_random_uniform(&random);
        const float share = ub_random_uniform(&random);
        ub_matrix_column(&weights, k)[0] = share;
        ub_matrix_column(&weights, k)[1] = 1.0f - share;
        w[2 * k] = (double)share;
        w[2 * k + 1] = (double)(1.0f - share);
    }
    assert_int_equal(ub_marks_spread(apart, trust, &weights), UB_OK);
    for (size_t k = 0; k < N_COMPONENTS; k++) {
        double wanted[2];
        spread_by_the_book(apart, trust, w, k, wanted);
        // Weights are kept in single precision.
        assert_true(fabs((double)ub_matrix_column(&weights, k)[0] - wanted[0]) < 1e-6);
        assert_true(fabs((double)ub_matrix_column(&weights, k)[1] - wanted[1]) < 1e-6);
    }
    ub_matrix_free(&weights);
}

// A component of clicks and one that stays, in more frames than are looked at at a time.
static void what_is_struck_is_told_from_what_rings(void **state)
{
    (void)state;
    enum { MANY = 1500 };
    setting *s = setting_new(1);
    ub_nmf_factors factors;
    ub_matrix spectra;
    assert_int_equal(ub_nmf_factors_new(N_BINS, MANY, 1, 3, &factors), UB_OK);
    assert_int_equal(ub_matrix_new(N_BINS, MANY, &spectra), UB_OK);
    for (size_t f = 0; f < N_BINS; f++) {
        ub_matrix_column(&factors.templates, 0)[f] = 1.0f;
    }
    ub_matrix_column(&factors.templates, 1)[20] = 1.0f;
    for (size_t t = 0; t < MANY; t++) {
        ub_matrix_column(&factors.activations, t)[0] = t % 100 == 50 ? 1.0f : 0.0f;
        ub_matrix_column(&factors.activations, t)[1] = 1.0f;
        for (size_t f = 0; f < N_BINS; f++) {
            ub_matrix_column(&spectra, t)[f] =
                (t % 100 == 50 ? 1.0f : 0.0f) + (f == 20 ? 1.0f : 0.0f);
        }
    }
    s->scene.spectra = &spectra;
    s->scene.n_frames = MANY;
    float struck[3];
    assert_int_equal(ub_struck_shares(&s->scene, &factors, struck), UB_OK);
    assert_true(struck[0] > 0.9f);
    assert_true(struck[1] < 0.1f);
    assert_true(struck[2] == 0.5f);
    ub_matrix_free(&spectra);
    ub_nmf_factors_free(&factors);
    setting_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_those_of_a_panning_knob),
        cmocka_unit_test(a_region_has_the_frames_whose_centres_lie_in_it),
        cmocka_unit_test(regions_belong_to_their_sources_and_the_rest_to_all),
        cmocka_unit_test(a_bin_belongs_to_who_is_where_it_is_heard),
        cmocka_unit_test(what_positions_say_sums_to_one),
        cmocka_unit_test(positions_and_regions_count_together),
        cmocka_unit_test(components_go_where_more_of_them_is_than_elsewhere),
        cmocka_unit_test(what_is_alike_is_heard_as_one),
        cmocka_unit_test(what_is_struck_is_told_from_what_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
