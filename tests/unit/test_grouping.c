// SPDX-License-Identifier: GPL-3.0-or-later
#include "separate/features.h"
#include "separate/grouping.h"

#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { N_BINS = 513, N_FRAMES = 300, MOST = 8 };

static const double BIN_HZ = 20.0, FRAME_S = 0.025;

// What a component is like.
typedef enum sound { BASS, DRUM, LEFT, RIGHT, SILENT } sound;

static void fill_tonal(float *template, double hz)
{
    for (size_t partial = 1; partial <= 6; partial++) {
        const size_t bin = (size_t)(hz * (double)partial / BIN_HZ + 0.5);
        template[bin] += 1.0f / (float)partial;
        template[bin + 1] += 0.2f / (float)partial;
    }
}

static void fill_template(float *template, sound kind, size_t number)
{
    if (kind == BASS) {
        fill_tonal(template, 60.0 + 10.0 * (double)number);
        for (size_t f = 14; f < N_BINS; f++) {
            template[f] = 0.0f;
        }
    } else if (kind == DRUM) {
        for (size_t f = 50; f < N_BINS; f++) {
            template[f] = 1.0f + 0.1f * (float)((f * 7 + number) % 5);
        }
    } else if (kind == LEFT) {
        fill_tonal(template, 400.0 + 40.0 * (double)number);
    } else if (kind == RIGHT) {
        fill_tonal(template, 1000.0 + 80.0 * (double)number);
    }
    float sum = 0.0f;
    for (size_t f = 0; f < N_BINS; f++) {
        sum += template[f];
    }
    for (size_t f = 0; f < N_BINS && sum > 0.0f; f++) {
        template[f] /= sum;
    }
}

static float activation_at(size_t frame, sound kind, size_t number)
{
    if (kind == SILENT) {
        return 0.0f;
    }
    if (kind == DRUM) {
        return (frame + 5 * number) % 20 < 2 ? 3.0f : 0.0f;
    }
    // Notes of two seconds, one component after the other.
    return (frame / 80 + number) % 2 ? 1.0f : 0.1f;
}

static ub_nmf_factors new_factors(const sound *kinds, size_t n)
{
    ub_nmf_factors factors;
    size_t seen[5] = {0};
    assert_int_equal(ub_nmf_factors_new(N_BINS, N_FRAMES, 2, n, &factors), UB_OK);
    for (size_t k = 0; k < n; k++) {
        const size_t number = seen[kinds[k]]++;
        fill_template(ub_matrix_column(&factors.templates, k), kinds[k], number);
        for (size_t t = 0; t < N_FRAMES; t++) {
            ub_matrix_column(&factors.activations, t)[k] = activation_at(t, kinds[k], number);
        }
        float *gains = ub_matrix_column(&factors.gains, k);
        gains[0] = kinds[k] == LEFT ? 0.95f : kinds[k] == RIGHT ? 0.05f : 0.5f;
        gains[1] = 1.0f - gains[0];
    }
    return factors;
}

// Groups where the prior of hits takes drums for hits, and nothing else.
static ub_status group_factors(const ub_nmf_factors *factors, const sound *kinds, size_t n_sources,
                               size_t *source, char (*names)[UB_NAME_SIZE], ub_matrix *shares)
{
    const size_t n = factors->templates.n_cols;
    float struck[MOST];
    ub_matrix none = {0};
    for (size_t k = 0; k < n; k++) {
        struck[k] = kinds[k] == DRUM ? 0.9f : 0.2f;
    }
    assert_int_equal(ub_matrix_new(n_sources, n, shares ? shares : &none), UB_OK);
    const ub_status status = ub_group_components(factors, struck, BIN_HZ, FRAME_S, n_sources,
                                                 source, shares ? shares : &none, names);
    ub_matrix_free(&none);
    return status;
}

static void group(const sound *kinds, size_t n, size_t n_sources, size_t *source,
                  char (*names)[UB_NAME_SIZE])
{
    ub_nmf_factors factors = new_factors(kinds, n);
    assert_int_equal(group_factors(&factors, kinds, n_sources, source, names, NULL), UB_OK);
    ub_nmf_factors_free(&factors);
}

static void components_end_in_the_groups_that_one_hears(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, DRUM, BASS, RIGHT, RIGHT, BASS, LEFT, DRUM};
    size_t source[MOST];
    char names[4][UB_NAME_SIZE];
    group(kinds, MOST, 4, source, names);
    assert_string_equal(names[0], "drums");
    assert_string_equal(names[1], "bass");
    assert_string_equal(names[2], "tonal-1");
    assert_string_equal(names[3], "tonal-2");
    const size_t wanted[] = {[BASS] = 1, [DRUM] = 0, [LEFT] = 2, [RIGHT] = 3};
    for (size_t k = 0; k < MOST; k++) {
        assert_int_equal(source[k], wanted[kinds[k]]);
    }
}

static void the_order_of_components_does_not_matter(void **state)
{
    (void)state;
    ub_random random = ub_random_new(4);
    const size_t wanted[] = {[BASS] = 1, [DRUM] = 0, [LEFT] = 2, [RIGHT] = 3};
    for (size_t run = 0; run < 30; run++) {
        sound kinds[] = {LEFT, DRUM, BASS, RIGHT, RIGHT, BASS, LEFT, DRUM};
        for (size_t i = MOST - 1; i > 0; i--) {
            const size_t j = (size_t)(ub_random_bits(&random) % (i + 1));
            const sound swap = kinds[i];
            kinds[i] = kinds[j];
            kinds[j] = swap;
        }
        size_t source[MOST];
        char names[4][UB_NAME_SIZE];
        group(kinds, MOST, 4, source, names);
        assert_string_equal(names[0], "drums");
        assert_string_equal(names[1], "bass");
        for (size_t k = 0; k < MOST; k++) {
            assert_int_equal(source[k], wanted[kinds[k]]);
        }
    }
}

static void panning_alone_tells_like_sounds_apart(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, LEFT, LEFT, LEFT};
    ub_nmf_factors factors = new_factors(kinds, 4);
    for (size_t k = 1; k < 4; k += 2) {
        ub_matrix_column(&factors.gains, k)[0] = 0.05f;
        ub_matrix_column(&factors.gains, k)[1] = 0.95f;
    }
    size_t source[4];
    char names[2][UB_NAME_SIZE];
    assert_int_equal(group_factors(&factors, kinds, 2, source, names, NULL), UB_OK);
    assert_int_equal(source[0], source[2]);
    assert_int_equal(source[1], source[3]);
    assert_int_not_equal(source[0], source[1]);
    ub_nmf_factors_free(&factors);
}

static void percussiveness_alone_tells_like_sounds_apart(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, LEFT, LEFT, LEFT};
    ub_nmf_factors factors = new_factors(kinds, 4);
    for (size_t k = 0; k < 4; k++) {
        memcpy(ub_matrix_column(&factors.templates, k), ub_matrix_column(&factors.templates, 0),
               N_BINS * sizeof(float));
        for (size_t t = 0; t < N_FRAMES; t++) {
            // The same energy in hits and in one long note.
            ub_matrix_column(&factors.activations, t)[k] =
                k < 2 ? t % 20 == 0 ? 20.0f : 0.0f : 1.0f;
        }
    }
    size_t source[4];
    char names[2][UB_NAME_SIZE];
    assert_int_equal(group_factors(&factors, kinds, 2, source, names, NULL), UB_OK);
    assert_int_equal(source[0], source[1]);
    assert_int_equal(source[2], source[3]);
    assert_int_not_equal(source[0], source[2]);
    ub_nmf_factors_free(&factors);
}

static void what_is_struck_alone_tells_like_sounds_apart(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, LEFT, LEFT, LEFT};
    ub_nmf_factors factors = new_factors(kinds, 4);
    for (size_t k = 0; k < 4; k++) {
        memcpy(ub_matrix_column(&factors.templates, k), ub_matrix_column(&factors.templates, 0),
               N_BINS * sizeof(float));
    }
    const float struck[] = {0.1f, 0.9f, 0.1f, 0.9f};
    size_t source[4];
    char names[2][UB_NAME_SIZE];
    ub_matrix shares;
    assert_int_equal(ub_matrix_new(2, 4, &shares), UB_OK);
    assert_int_equal(
        ub_group_components(&factors, struck, BIN_HZ, FRAME_S, 2, source, &shares, names), UB_OK);
    assert_int_equal(source[0], source[2]);
    assert_int_equal(source[1], source[3]);
    assert_int_not_equal(source[0], source[1]);
    ub_matrix_free(&shares);
    ub_nmf_factors_free(&factors);
}

static void a_group_has_most_of_its_components_and_some_of_all_others(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, DRUM, BASS, RIGHT, RIGHT, BASS, LEFT, DRUM};
    ub_nmf_factors factors = new_factors(kinds, MOST);
    size_t source[MOST];
    char names[4][UB_NAME_SIZE];
    ub_matrix shares;
    assert_int_equal(group_factors(&factors, kinds, 4, source, names, &shares), UB_OK);
    for (size_t k = 0; k < MOST; k++) {
        const float *share = ub_matrix_column(&shares, k);
        double sum = 0.0;
        for (size_t j = 0; j < 4; j++) {
            assert_true(share[j] > 0.0f && (j == source[k] ? share[j] > 0.5f : share[j] < 0.5f));
            sum += (double)share[j];
        }
        assert_true(fabs(sum - 1.0) < 1e-6);
    }
    ub_matrix_free(&shares);
    ub_nmf_factors_free(&factors);
}

static void a_component_between_two_groups_is_shared_equally(void **state)
{
    (void)state;
    // The same sound on the left, on the right, and in the middle.
    const sound kinds[] = {LEFT, LEFT, LEFT};
    ub_nmf_factors factors = new_factors(kinds, 3);
    for (size_t k = 0; k < 3; k++) {
        memcpy(ub_matrix_column(&factors.templates, k), ub_matrix_column(&factors.templates, 0),
               N_BINS * sizeof(float));
        for (size_t t = 0; t < N_FRAMES; t++) {
            ub_matrix_column(&factors.activations, t)[k] = k == 2 ? 1e-4f : 1.0f;
        }
        ub_matrix_column(&factors.gains, k)[0] = k == 0 ? 1.0f : k == 1 ? 0.0f : 0.5f;
        ub_matrix_column(&factors.gains, k)[1] = k == 0 ? 0.0f : k == 1 ? 1.0f : 0.5f;
    }
    size_t source[3];
    char names[2][UB_NAME_SIZE];
    ub_matrix shares;
    assert_int_equal(group_factors(&factors, kinds, 2, source, names, &shares), UB_OK);
    assert_int_not_equal(source[0], source[1]);
    assert_true(fabsf(ub_matrix_column(&shares, 2)[0] - 0.5f) < 0.01f);
    assert_true(ub_matrix_column(&shares, 0)[source[0]] > 0.9f);
    ub_matrix_free(&shares);
    ub_nmf_factors_free(&factors);
}

static void distances_are_those_that_groups_are_made_by(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, DRUM, BASS, LEFT};
    ub_nmf_factors factors = new_factors(kinds, 4);
    const float struck[] = {0.2f, 0.9f, 0.2f, 0.2f};
    double apart[16];
    assert_int_equal(ub_group_distances(&factors, struck, BIN_HZ, FRAME_S, apart), UB_OK);
    for (size_t k = 0; k < 4; k++) {
        assert_true(fabs(apart[k * 4 + k]) < 1e-9);
        for (size_t i = 0; i < k; i++) {
            assert_true(fabs(apart[k * 4 + i] - apart[i * 4 + k]) < 1e-12);
            assert_true((i == 0 && k == 3) || apart[k * 4 + i] > apart[3]);
        }
    }
    ub_nmf_factors_free(&factors);
}

static void a_faint_stray_does_not_take_a_source_for_itself(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, LEFT, DRUM};
    ub_nmf_factors factors = new_factors(kinds, 3);
    for (size_t t = 0; t < N_FRAMES; t++) {
        ub_matrix_column(&factors.activations, t)[2] *= 1e-4f;
    }
    size_t source[3];
    char names[2][UB_NAME_SIZE];
    assert_int_equal(group_factors(&factors, kinds, 2, source, names, NULL), UB_OK);
    assert_int_not_equal(source[0], source[1]);
    ub_nmf_factors_free(&factors);
}

static void one_source_takes_everything(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, DRUM, BASS, RIGHT, SILENT};
    size_t source[5];
    char names[1][UB_NAME_SIZE];
    group(kinds, 5, 1, source, names);
    for (size_t k = 0; k < 5; k++) {
        assert_int_equal(source[k], 0);
    }
    assert_int_equal(strlen(names[0]) > 0, 1);
}

static void as_many_sources_as_components_are_all_apart(void **state)
{
    (void)state;
    const sound kinds[] = {RIGHT, DRUM, LEFT, BASS, BASS};
    size_t source[5];
    char names[5][UB_NAME_SIZE];
    group(kinds, 5, 5, source, names);
    unsigned seen = 0;
    for (size_t k = 0; k < 5; k++) {
        seen |= 1u << source[k];
        for (size_t j = 0; j < k; j++) {
            assert_string_not_equal(names[j], names[k]);
        }
    }
    assert_int_equal(seen, 31);
    assert_int_equal(source[1], 0);
    assert_int_equal(source[2] < source[0], 1); // from low to high
}

static void silent_components_go_along(void **state)
{
    (void)state;
    const sound kinds[] = {LEFT, SILENT, DRUM, SILENT, RIGHT, BASS, SILENT, BASS};
    size_t source[MOST];
    char names[4][UB_NAME_SIZE];
    group(kinds, MOST, 4, source, names);
    const size_t wanted[] = {[BASS] = 1, [DRUM] = 0, [LEFT] = 2, [RIGHT] = 3};
    for (size_t k = 0; k < MOST; k++) {
        assert_true(source[k] < 4);
        assert_true(kinds[k] == SILENT || source[k] == wanted[kinds[k]]);
    }
}

static void silence_alone_makes_the_sources_asked_for(void **state)
{
    (void)state;
    const sound kinds[] = {SILENT, SILENT, SILENT, SILENT};
    size_t source[4];
    char names[3][UB_NAME_SIZE];
    group(kinds, 4, 3, source, names);
    unsigned seen = 0;
    for (size_t k = 0; k < 4; k++) {
        seen |= 1u << source[k];
    }
    assert_int_equal(seen, 7);
    assert_string_equal(names[0], "tonal-1");
    assert_string_equal(names[2], "tonal-3");
}

static void features_say_what_a_component_sounds_like(void **state)
{
    (void)state;
    const sound kinds[] = {BASS, DRUM, LEFT, RIGHT, SILENT};
    ub_nmf_factors factors = new_factors(kinds, 5);
    ub_features f[5];
    assert_int_equal(ub_features_fill(&factors, BIN_HZ, FRAME_S, f), UB_OK);
    for (size_t k = 0; k < 5; k++) {
        double sum = 0.0;
        for (size_t b = 0; b < UB_N_BANDS; b++) {
            sum += f[k].bands[b];
        }
        assert_true(fabs(sum - 1.0) < 1e-6);
        assert_true(f[k].percussive >= 0.0 && f[k].percussive <= 1.0);
        assert_true(f[k].tonal >= 0.0 && f[k].tonal <= 1.0);
    }
    assert_true(f[BASS].low > 0.9 && f[DRUM].low < 0.01 && f[LEFT].low < 0.01);
    assert_true(f[DRUM].percussive > 0.9 && f[LEFT].percussive < 0.2);
    assert_true(f[DRUM].tonal < 0.3 && f[LEFT].tonal > 0.9 && f[BASS].tonal > 0.7);
    assert_true(f[BASS].centre_log_hz < f[LEFT].centre_log_hz);
    assert_true(f[LEFT].centre_log_hz < f[RIGHT].centre_log_hz);
    assert_true(f[SILENT].energy == 0.0 && f[DRUM].energy > 50.0);
    ub_nmf_factors_free(&factors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_end_in_the_groups_that_one_hears),
        cmocka_unit_test(the_order_of_components_does_not_matter),
        cmocka_unit_test(panning_alone_tells_like_sounds_apart),
        cmocka_unit_test(percussiveness_alone_tells_like_sounds_apart),
        cmocka_unit_test(what_is_struck_alone_tells_like_sounds_apart),
        cmocka_unit_test(a_group_has_most_of_its_components_and_some_of_all_others),
        cmocka_unit_test(a_component_between_two_groups_is_shared_equally),
        cmocka_unit_test(distances_are_those_that_groups_are_made_by),
        cmocka_unit_test(a_faint_stray_does_not_take_a_source_for_itself),
        cmocka_unit_test(one_source_takes_everything),
        cmocka_unit_test(as_many_sources_as_components_are_all_apart),
        cmocka_unit_test(silent_components_go_along),
        cmocka_unit_test(silence_alone_makes_the_sources_asked_for),
        cmocka_unit_test(features_say_what_a_component_sounds_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
