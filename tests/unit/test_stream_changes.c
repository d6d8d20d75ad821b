// SPDX-License-Identifier: GPL-3.0-or-later
// What may change while a stream plays: models and gains. And what may not happen meanwhile.
#include "malloc_guard.h"
#include "small.h"
#include "stream_take.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

static void models_change_without_touching_the_sum(void **state)
{
    (void)state;
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_BALANCED, RATE_HZ);
    ub_stream *stream = stream_new(&settings);
    stream_take t = stream_take_new(20000, 7);
    size_t n_swaps = 0, n_retired = 0;
    for (size_t done = 0; done < t.n; done += 100) {
        ub_stream_model *model = n_swaps % 3 ? stream_model_new(&settings) : NULL;
        if (ub_stream_swap(stream, model)) {
            n_swaps++;
            assert_false(ub_stream_swap(stream, NULL)); // one waits
        } else {
            ub_stream_model_free(model);
        }
        stream_take_process(stream, &t, done, 100);
        ub_stream_model *old = ub_stream_retired(stream);
        n_retired += old != NULL;
        ub_stream_model_free(old);
    }
    assert_true(n_swaps > 50 && n_retired > 30);
    assert_true(stream_take_null_db(&t, ub_stream_latency(stream)) < -120.0);
    stream_take_free(&t);
    ub_stream_free(stream);
}

static void a_model_knows_its_sources(void **state)
{
    (void)state;
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_LIVE, 44100.0);
    ub_stream_model *model = stream_model_new(&settings);
    assert_int_equal(ub_stream_model_n_sources(model), 2);
    assert_string_equal(ub_stream_model_name(model, 0), "low");
    assert_string_equal(ub_stream_model_name(model, 1), "high");
    assert_null(ub_stream_model_name(model, 2));
    ub_stream_model_free(model);
    ub_stream_model_free(NULL);
    ub_stream_free(NULL);
}

static void gains_glide_and_arrive_exactly(void **state)
{
    (void)state;
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_SHORT, RATE_HZ);
    ub_stream *stream = stream_new(&settings);
    stream_take t = stream_take_new(6000, 8);
    for (size_t i = 0; i < t.n; i++) {
        t.in[0][i] = t.in[1][i] = 0.5f; // what is heard of a gain
    }
    stream_take_process(stream, &t, 0, 1000);
    ub_stream_set_gain(stream, 0, 2.0f);
    stream_take_process(stream, &t, 1000, 2000);
    ub_stream_set_gain(stream, 0, 0.0f);
    stream_take_process(stream, &t, 3000, 2000);
    ub_stream_set_gain(stream, 0, 1.0f);
    ub_stream_set_gain(stream, 0, -1.0f); // no gain
    ub_stream_set_gain(stream, 0, NAN);
    ub_stream_set_gain(stream, UB_STREAM_MAX_SOURCES, 1.0f); // no source
    stream_take_process(stream, &t, 5000, 1000);
    for (size_t i = 301; i < t.n; i++) {
        assert_true(fabsf(t.out[0][i] - t.out[0][i - 1]) < 0.02f); // 1 / (0.01 s * 8000 Hz)
    }
    assert_true(fabsf(t.out[0][2999] - 1.0f) < 1e-5f);
    assert_true(t.out[0][4999] == 0.0f);
    assert_true(fabsf(t.out[0][5999] - 0.5f) < 1e-5f);
    stream_take_free(&t);
    ub_stream_free(stream);
}

static void levels_are_those_of_the_stems(void **state)
{
    (void)state;
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_BALANCED, RATE_HZ);
    ub_stream *stream = stream_new(&settings);
    stream_take t = stream_take_new(8000, 9);
    for (size_t i = 0; i < t.n; i++) {
        t.in[0][i] = t.in[1][i] = (float)sin(0.3 * (double)i);
    }
    ub_stream_set_gain(stream, 0, 0.0f);
    stream_take_process(stream, &t, 0, t.n);
    assert_true(fabsf(ub_stream_level(stream, 0) - 0.7071f) < 0.01f);
    assert_true(ub_stream_level(stream, 1) == 0.0f);
    assert_true(ub_stream_level(stream, UB_STREAM_MAX_SOURCES) == 0.0f);
    stream_take_free(&t);
    ub_stream_free(stream);
}

// What a penalty does at any strength: stems change, and still sum to the delayed input.
static void sparsity_changes_stems_but_not_their_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        ub_stream_settings settings = stream_settings_for(UB_STREAM_BALANCED, RATE_HZ);
        settings.beta = 0.5 * (double)(i + 1);
        stream_take plain = stream_take_new(8000, 2), sparse = stream_take_new(8000, 2);
        ub_stream *stream = stream_new_separating(&settings);
        stream_take_process(stream, &plain, 0, plain.n);
        ub_stream_free(stream);
        settings.sparsity = 1.0;
        stream = stream_new_separating(&settings);
        stream_take_process(stream, &sparse, 0, sparse.n);
        assert_true(stream_take_null_db(&sparse, ub_stream_latency(stream)) < -120.0);
        double change = 0.0, energy = 0.0;
        for (size_t n = 0; n < plain.n; n++) {
            change += pow((double)plain.stems[0][n] - (double)sparse.stems[0][n], 2.0);
            energy += pow((double)plain.stems[0][n], 2.0);
        }
        assert_true(change > 0.01 * energy);
        ub_stream_free(stream);
        stream_take_free(&plain);
        stream_take_free(&sparse);
    }
}

static void processing_and_swapping_allocate_nothing(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    for (size_t m = 0; m < 4; m++) {
        const ub_stream_settings settings = stream_settings_for((ub_stream_mode)m, 44100.0);
        ub_stream *stream = stream_new(&settings);
        ub_stream_model *model = stream_model_new(&settings);
        stream_take t = stream_take_new(30000, 13);
        malloc_guard_start(0);
        stream_take_process(stream, &t, 0, 1000);
        ub_stream_swap(stream, model);
        stream_take_process(stream, &t, 1000, 20000);
        ub_stream_set_gain(stream, 0, 2.0f);
        ub_stream_swap(stream, NULL);
        stream_take_process(stream, &t, 21000, 9000);
        model = ub_stream_retired(stream);
        ub_stream_reset(stream);
        assert_int_equal(malloc_guard_stop(NULL), 0);
        assert_non_null(model);
        ub_stream_model_free(model);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const ub_stream_settings settings = stream_settings_for(UB_STREAM_SHORT, RATE_HZ);
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        ub_stream *stream = NULL;
        ub_stream_model *model = NULL;
        size_t held = 0;
        malloc_guard_start(n);
        status = ub_stream_new(&settings, &stream, NULL);
        status = status ? status : ub_stream_model_new(&settings, &dictionary, &model, NULL);
        ub_stream_model_free(model);
        ub_stream_free(stream);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
    }
    ub_dictionary_free(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_change_without_touching_the_sum),
        cmocka_unit_test(a_model_knows_its_sources),
        cmocka_unit_test(gains_glide_and_arrive_exactly),
        cmocka_unit_test(levels_are_those_of_the_stems),
        cmocka_unit_test(sparsity_changes_stems_but_not_their_sum),
        cmocka_unit_test(processing_and_swapping_allocate_nothing),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
