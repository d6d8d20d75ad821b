// SPDX-License-Identifier: GPL-3.0-or-later
// Where samples come from: memory, and passages of another audio.
#include "small.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

static void a_span_has_the_samples_of_its_audio(void **state)
{
    (void)state;
    synth *sound = synth_low_notes(2, 0.1, RATE_HZ);
    const ub_audio whole = synth_audio(sound);
    const ub_audio_span span = {&whole, 300, 200};
    const ub_audio audio = ub_audio_of_span(&span);
    assert_int_equal(audio.n_channels, 2);
    assert_int_equal(audio.n_samples, 200);
    assert_true(audio.rate_hz == RATE_HZ);
    float left[200], right[200], *channels[] = {left, right};
    assert_int_equal(audio.read(audio.context, 10, 190, channels, NULL), UB_OK);
    assert_memory_equal(left, sound->channels[0] + 310, 190 * sizeof *left);
    assert_memory_equal(right, sound->channels[1] + 310, 190 * sizeof *right);
    // A span of a span.
    const ub_audio_span nested = {&audio, 50, 20};
    const ub_audio part = ub_audio_of_span(&nested);
    assert_int_equal(part.read(part.context, 0, 20, channels, NULL), UB_OK);
    assert_memory_equal(left, sound->channels[0] + 350, 20 * sizeof *left);
    synth_free(sound);
}

static ub_status refuse(void *context, size_t first, size_t n, float *const *channels,
                        ub_message *why)
{
    (void)context;
    (void)channels;
    return ub_fail(why, UB_FILE_ERROR, "%zu at %zu", n, first);
}

static void what_its_audio_says_is_passed_on(void **state)
{
    (void)state;
    const ub_audio broken = {.n_channels = 1, .n_samples = 100, .rate_hz = 8000.0, .read = refuse};
    const ub_audio_span span = {&broken, 40, 50};
    const ub_audio audio = ub_audio_of_span(&span);
    ub_message why = {""};
    float samples[50], *channels[] = {samples};
    assert_int_equal(audio.read(audio.context, 5, 30, channels, &why), UB_FILE_ERROR);
    assert_string_equal(why.text, "30 at 45");
}

// A dictionary from a passage is that from the samples cut out.
static void a_source_is_learned_from_a_span_as_from_a_recording(void **state)
{
    (void)state;
    synth *sound = synth_low_notes(1, 1.0, RATE_HZ);
    const ub_audio whole = synth_audio(sound);
    const ub_audio_span span = {&whole, 2000, 4000};
    const float *cut[] = {sound->channels[0] + 2000};
    const ub_planar planar = {cut, 1, 4000};
    const ub_audio audio[] = {ub_audio_of_span(&span), ub_audio_in_memory(&planar, RATE_HZ)};
    ub_dictionary learned[2];
    const ub_settings settings = small_learning();
    for (size_t i = 0; i < 2; i++) {
        const ub_training training = {"low", &audio[i], 1};
        learned[i] = small_learn(&training, 1, &settings);
    }
    const ub_matrix *a = &learned[0].templates, *b = &learned[1].templates;
    assert_true(a->n_rows == b->n_rows && a->n_cols == b->n_cols);
    for (size_t k = 0; k < a->n_cols; k++) {
        assert_memory_equal(ub_matrix_column(a, k), ub_matrix_column(b, k),
                            a->n_rows * sizeof(float));
    }
    ub_dictionary_free(&learned[0]);
    ub_dictionary_free(&learned[1]);
    synth_free(sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_has_the_samples_of_its_audio),
        cmocka_unit_test(what_its_audio_says_is_passed_on),
        cmocka_unit_test(a_source_is_learned_from_a_span_as_from_a_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
