// SPDX-License-Identifier: GPL-3.0-or-later
// The rest of a stream: what it learns while the sound plays, keeps and forgets.
#include "malloc_guard.h"
#include "stream/stream_model.h"
#include "stream_take.h"
#include "unbraid/random.h"
#include "unbraid/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

static ub_stream_settings settings_with_rest(ub_stream_mode mode)
{
    ub_stream_settings settings = stream_settings_for(mode, RATE_HZ);
    settings.n_free = 6;
    return settings;
}

static ub_stream *new_stream(const ub_stream_settings *settings)
{
    ub_stream *stream = stream_new(settings);
    assert_true(ub_stream_swap(stream, stream_model_new(settings)));
    ub_stream_reset(stream);
    return stream;
}

// Two partials that no template of the small dictionary has.
static void play_whistle(stream_take *take)
{
    for (size_t i = 0; i < take->n; i++) {
        const double t = (double)i / RATE_HZ;
        const double x = 0.2 * sin(2.0 * 3.14159265 * 1117.0 * t) + 0.2 * sin(7019.0 * t);
        take->in[0][i] = take->in[1][i] = (float)x;
    }
}

static void the_rest_is_the_last_source(void **state)
{
    (void)state;
    ub_stream_settings settings = stream_settings_for(UB_STREAM_BALANCED, RATE_HZ);
    ub_stream *stream = stream_new(&settings);
    assert_int_equal(ub_stream_rest(stream), 1); // there is none
    ub_stream_free(stream);
    settings.n_free = 6;
    stream = stream_new(&settings);
    assert_int_equal(ub_stream_rest(stream), 0); // it is everything
    ub_stream_model *model = stream_model_new(&settings);
    assert_int_equal(ub_stream_model_n_sources(model), 3);
    assert_int_equal(ub_stream_model_rest(model), 2);
    assert_string_equal(ub_stream_model_name(model, 2), "rest");
    ub_stream_swap(stream, model);
    ub_stream_reset(stream);
    assert_int_equal(ub_stream_n_sources(stream), 3);
    assert_int_equal(ub_stream_rest(stream), 2);
    ub_stream_free(stream);
}

static void stems_with_a_rest_sum_to_the_delayed_input(void **state)
{
    (void)state;
    for (size_t m = 0; m < 4; m++) {
        const ub_stream_settings settings = settings_with_rest((ub_stream_mode)m);
        ub_stream *stream = new_stream(&settings);
        stream_take t = stream_take_new(8000, 2);
        stream_take_process(stream, &t, 0, t.n);
        assert_true(stream_take_null_db(&t, ub_stream_latency(stream)) < -120.0);
        for (size_t i = 0; i < t.n; i++) {
            const float sum = t.stems[0][i] + t.stems[2][i] + t.stems[4][i];
            assert_true(fabsf(sum - t.out[0][i]) < 1e-6f);
        }
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void any_cut_gives_the_same_bits_while_the_rest_learns(void **state)
{
    (void)state;
    ub_random random = ub_random_new(3);
    for (size_t i = 0; i < 8; i++) {
        const ub_stream_settings settings = settings_with_rest((ub_stream_mode)(i % 4));
        stream_take whole = stream_take_new(6000, 4), cut = stream_take_new(6000, 4);
        ub_stream *stream = new_stream(&settings);
        stream_take_process(stream, &whole, 0, whole.n);
        ub_stream_free(stream);
        stream = new_stream(&settings);
        for (size_t done = 0, n; done < cut.n; done += n) {
            n = 1 + ub_random_bits(&random) % (i < 4 ? 64 : 2000);
            n = n < cut.n - done ? n : cut.n - done;
            stream_take_process(stream, &cut, done, n);
        }
        assert_true(stream_take_same(&whole, &cut));
        ub_stream_free(stream);
        stream_take_free(&whole);
        stream_take_free(&cut);
    }
}

// The whistle for a while; how much louder the rest is than the louder of the others, in dB.
static double lead_of_rest(ub_stream *stream, double seconds)
{
    stream_take t = stream_take_new((size_t)(seconds * RATE_HZ), 5);
    play_whistle(&t);
    stream_take_process(stream, &t, 0, t.n);
    stream_take_free(&t);
    const float others = fmaxf(ub_stream_level(stream, 0), ub_stream_level(stream, 1));
    return 20.0 * log10((double)ub_stream_level(stream, 2) / (double)others);
}

static void a_rest_learns_a_foreign_sound(void **state)
{
    (void)state;
    for (size_t m = 0; m < 4; m++) {
        const ub_stream_settings settings = settings_with_rest((ub_stream_mode)m);
        ub_stream *stream = new_stream(&settings);
        const double lead = lead_of_rest(stream, 2.0);
        print_message("mode %zu: the rest leads by %.1f dB\n", m, lead);
        assert_true(lead > 6.0);
        ub_stream_free(stream);
    }
}

static void other_divergences_learn_too(void **state)
{
    (void)state;
    const double betas[] = {-1.0, 0.0, 0.5, 1.4, 2.0, 3.0};
    for (size_t i = 0; i < 6; i++) {
        ub_stream_settings settings = settings_with_rest(UB_STREAM_BALANCED);
        settings.beta = betas[i];
        ub_stream *stream = new_stream(&settings);
        const double lead = lead_of_rest(stream, 2.0);
        print_message("beta %g: the rest leads by %.1f dB\n", betas[i], lead);
        assert_true(lead > 3.0);
        ub_stream_free(stream);
    }
}

// Component k alone, as the activator knows it, is template k of the learner.
static void assert_in_use(const ub_stream_model *model)
{
    const ub_matrix *learned = ub_learner_templates(model->learner);
    const size_t n_fixed = model->n_components - model->n_free;
    ub_matrix one = {0};
    assert_int_equal(ub_matrix_new(model->n_components, 1, &one), UB_OK);
    float *found = calloc(ub_activator_stride(model->activator), sizeof *found);
    for (size_t k = 0; k < model->n_free; k++) {
        one.data[n_fixed + k] = 1.0f;
        ub_activator_model(model->activator, 0, &one, 0, found);
        one.data[n_fixed + k] = 0.0f;
        for (size_t f = 0; f < model->n_bins; f++) {
            const float wanted =
                ub_matrix_column(learned, k)[f] * *ub_matrix_column(&model->gains, n_fixed + k);
            assert_true(fabsf(found[f] - wanted) <= 1e-6f * wanted);
        }
    }
    free(found);
    ub_matrix_free(&one);
}

static void a_model_takes_over_what_the_one_before_had_learned(void **state)
{
    (void)state;
    for (size_t m = 0; m < 4; m++) {
        ub_stream_settings settings = settings_with_rest((ub_stream_mode)m);
        ub_stream *stream = stream_new(&settings);
        ub_stream_model *before = stream_model_new(&settings);
        ub_stream_swap(stream, before);
        lead_of_rest(stream, 2.0);
        assert_in_use(before);
        const ub_learner *learner = before->learner;
        settings.mask_exponent = 1.1; // which does not matter to the rest, nor does sparsity
        settings.sparsity = 0.1;
        ub_stream_model *after = stream_model_new(&settings);
        ub_stream_swap(stream, after);
        lead_of_rest(stream, 0.5);
        assert_ptr_equal(after->learner, learner);
        assert_in_use(after);
        ub_stream_model_free(ub_stream_retired(stream));
        settings.n_free = 5; // another rest begins anew
        ub_stream_model *other = stream_model_new(&settings);
        learner = other->learner;
        ub_stream_swap(stream, other);
        lead_of_rest(stream, 0.5);
        assert_ptr_equal(other->learner, learner);
        assert_in_use(other);
        ub_stream_free(stream);
    }
}

static void a_reset_forgets(void **state)
{
    (void)state;
    const ub_stream_settings settings = settings_with_rest(UB_STREAM_LIVE);
    stream_take first = stream_take_new(6000, 7), again = stream_take_new(6000, 7);
    ub_stream *stream = new_stream(&settings);
    stream_take_process(stream, &first, 0, first.n);
    ub_stream_reset(stream);
    stream_take_process(stream, &again, 0, again.n);
    assert_true(stream_take_same(&first, &again));
    stream_take_free(&first);
    stream_take_free(&again);
    ub_stream_free(stream);
}

// How far the templates of the rest, each of sum one, move in a little of another sound.
static double shift_by_noise(ub_stream *stream, const ub_stream_model *model)
{
    ub_matrix before;
    assert_int_equal(ub_matrix_copy(ub_learner_templates(model->learner), &before), UB_OK);
    stream_take t = stream_take_new(400, 1);
    stream_take_process(stream, &t, 0, t.n);
    stream_take_free(&t);
    double shift = 0.0;
    for (size_t k = 0; k < model->n_free; k++) {
        const float *now = ub_matrix_column(ub_learner_templates(model->learner), k);
        for (size_t f = 0; f < model->n_bins; f++) {
            shift += fabs((double)now[f] - (double)ub_matrix_column(&before, k)[f]);
        }
    }
    ub_matrix_free(&before);
    return shift / (double)model->n_free;
}

// What begins after silence has no context, which moves templates a little; so both begin so.
static void silence_does_not_forget(void **state)
{
    (void)state;
    ub_stream_settings settings = settings_with_rest(UB_STREAM_LIVE);
    settings.forget_s = 1.0;
    double shift[2];
    for (size_t i = 0; i < 2; i++) {
        ub_stream *stream = stream_new(&settings);
        ub_stream_model *model = stream_model_new(&settings);
        ub_stream_swap(stream, model);
        ub_stream_reset(stream);
        stream_take t = stream_take_new(10 * 8000, 3);
        for (size_t n = 2 * 8000; n < t.n; n++) {
            t.in[0][n] *= 1e-5f;
            t.in[1][n] *= 1e-5f;
        }
        stream_take_process(stream, &t, 0, i ? t.n : 2 * 8000 + 2400);
        stream_take_free(&t);
        shift[i] = shift_by_noise(stream, model);
        ub_stream_free(stream);
    }
    print_message("templates move by %.3f, after a long silence by %.3f\n", shift[0], shift[1]);
    assert_true(shift[1] < 2.0 * shift[0]);
}

static void bad_samples_leave_the_rest_sound(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, 1e-40f, 0.0f, 1e6f};
    for (size_t i = 0; i < 7 * 3; i++) {
        ub_stream_settings settings = settings_with_rest(UB_STREAM_LIVE);
        settings.beta = (double)(i / 7);
        ub_stream *stream = new_stream(&settings);
        stream_take t = stream_take_new(12000, 6);
        for (size_t n = 2000; n < 5000; n++) {
            t.in[0][n] = t.in[1][n] = bad[i % 7];
        }
        stream_take_process(stream, &t, 0, t.n);
        for (size_t n = 0; n < t.n; n++) {
            for (size_t s = 0; s < 6; s++) {
                assert_true(isfinite(t.stems[s][n]));
            }
        }
        double energy = 0.0;
        for (size_t n = 9000; n < t.n; n++) {
            energy += fabs((double)t.out[0][n] - (double)t.in[0][n - ub_stream_latency(stream)]);
        }
        assert_true(energy < 1.0); // of 3000 samples: 1e6 leaves some rounding
        assert_true(ub_stream_level(stream, 2) > 0.001f);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

static void learning_and_carrying_allocate_nothing(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    for (size_t m = 0; m < 4; m++) {
        ub_stream_settings settings = settings_with_rest((ub_stream_mode)m);
        settings.beta = m % 2 ? 1.0 : 0.5;
        settings.sparsity = m % 2 ? 0.0 : 0.1;
        ub_stream *stream = new_stream(&settings);
        ub_stream_model *model = stream_model_new(&settings);
        stream_take t = stream_take_new(8000, 13);
        malloc_guard_start(0);
        stream_take_process(stream, &t, 0, 4000);
        ub_stream_swap(stream, model);
        stream_take_process(stream, &t, 4000, 4000);
        model = ub_stream_retired(stream);
        ub_stream_reset(stream);
        assert_int_equal(malloc_guard_stop(NULL), 0);
        assert_non_null(model);
        ub_stream_model_free(model);
        stream_take_free(&t);
        ub_stream_free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_is_the_last_source),
        cmocka_unit_test(stems_with_a_rest_sum_to_the_delayed_input),
        cmocka_unit_test(any_cut_gives_the_same_bits_while_the_rest_learns),
        cmocka_unit_test(a_rest_learns_a_foreign_sound),
        cmocka_unit_test(other_divergences_learn_too),
        cmocka_unit_test(a_model_takes_over_what_the_one_before_had_learned),
        cmocka_unit_test(a_reset_forgets),
        cmocka_unit_test(silence_does_not_forget),
        cmocka_unit_test(bad_samples_leave_the_rest_sound),
        cmocka_unit_test(learning_and_carrying_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
