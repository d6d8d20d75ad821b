// SPDX-License-Identifier: GPL-3.0-or-later
// The choice of a dictionary for a recording, among that of its instrument and smeared ones.
#include "note_case.h"
#include "notes/within.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;
static const ub_note PIECE[] = {
    {.onset_s = 0.1, .offset_s = 0.5, .pitch = 52, .velocity = 100},
    {.onset_s = 0.5, .offset_s = 1.0, .pitch = 60, .velocity = 90},
    {.onset_s = 0.7, .offset_s = 1.4, .pitch = 64, .velocity = 100},
    {.onset_s = 1.2, .offset_s = 1.9, .pitch = 57, .velocity = 110},
};

// The same keys, whose partials reach over so many bins more on either side.
static ub_dictionary smeared(const ub_dictionary *from, size_t reach)
{
    ub_dictionary copy = {0};
    assert_int_equal(ub_dictionary_copy(from, &copy), UB_OK);
    const size_t n_bins = from->templates.n_rows;
    for (size_t k = 0; k < from->templates.n_cols; k++) {
        const float *w = ub_matrix_column(&from->templates, k);
        for (size_t f = 0; f < n_bins; f++) {
            float sum = 0.0f;
            for (size_t i = f < reach ? 0 : f - reach; i <= f + reach && i < n_bins; i++) {
                sum += w[i];
            }
            ub_matrix_column(&copy.templates, k)[f] = sum / (float)(2 * reach + 1);
        }
    }
    return copy;
}

typedef struct choice_case {
    ub_dictionary own, near, far;
    synth *sound;
    ub_audio audio;
} choice_case;

static int setup(void **state)
{
    choice_case *c = calloc(1, sizeof *c);
    c->own = note_case_dictionary(RATE_HZ);
    c->near = smeared(&c->own, 6);
    c->far = smeared(&c->own, 12);
    c->sound = note_case_sound(2, 2.0, RATE_HZ, PIECE, sizeof PIECE / sizeof PIECE[0]);
    c->audio = synth_audio(c->sound);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    choice_case *c = *state;
    ub_dictionary_free(&c->own);
    ub_dictionary_free(&c->near);
    ub_dictionary_free(&c->far);
    synth_free(c->sound);
    free(c);
    return 0;
}

static size_t choose(const choice_case *c, const ub_dictionary *const *dictionaries, size_t n,
                     double n_threads)
{
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = n_threads;
    ub_message why = {""};
    size_t chosen = 99;
    const ub_status status =
        ub_transcribe_choose(&c->audio, dictionaries, n, &settings, NULL, &chosen, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(status, UB_OK);
    return chosen;
}

static void the_dictionary_of_the_instrument_is_chosen(void **state)
{
    const choice_case *c = *state;
    const ub_dictionary *const second[] = {&c->far, &c->own, &c->near};
    const ub_dictionary *const first[] = {&c->own, &c->far, &c->near};
    for (double n_threads = 1.0; n_threads <= 2.0; n_threads++) {
        assert_int_equal(choose(c, second, 3, n_threads), 1);
        assert_int_equal(choose(c, first, 3, n_threads), 0);
    }
}

static void the_last_is_chosen_where_none_is_clearly_better(void **state)
{
    const choice_case *c = *state;
    const ub_dictionary *const alike[] = {&c->near, &c->far, &c->near};
    const ub_dictionary *const own_last[] = {&c->near, &c->own};
    assert_int_equal(choose(c, alike, 3, 1.0), 2);
    assert_int_equal(choose(c, own_last, 2, 1.0), 1);
    assert_int_equal(choose(c, alike, 1, 1.0), 0);
}

static void the_divergences_do_not_depend_on_threads_and_level(void **state)
{
    const choice_case *c = *state;
    const ub_dictionary *const both[] = {&c->own, &c->near};
    double one[2], other[2];
    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_THREADS] = 1.0;
    assert_int_equal(ub_transcribe_divergences(&c->audio, both, 2, &settings, NULL, one, NULL), 0);
    settings.value[UB_PARAM_THREADS] = 2.0;
    assert_int_equal(ub_transcribe_divergences(&c->audio, both, 2, &settings, NULL, other, NULL),
                     0);
    assert_memory_equal(one, other, sizeof one);
    assert_true(one[0] > 0.0 && one[0] < one[1]);
    for (size_t i = 0; i < 2 * c->sound->n_samples; i++) {
        c->sound->channels[i % 2][i / 2] *= 0.01f;
    }
    assert_int_equal(ub_transcribe_divergences(&c->audio, both, 2, &settings, NULL, other, NULL),
                     0);
    for (size_t i = 0; i < 2; i++) {
        assert_true(fabs(other[i] / one[i] - 1.0) < 0.01); // single precision, 100 updates
    }
}

static void silence_has_the_first(void **state)
{
    choice_case *c = *state;
    const ub_dictionary *const both[] = {&c->near, &c->own};
    for (size_t n_samples = 0; n_samples <= 16000; n_samples += 16000) {
        synth *silence = synth_new(1, n_samples, RATE_HZ);
        const ub_audio audio = synth_audio(silence);
        size_t chosen = 99;
        assert_int_equal(ub_transcribe_choose(&audio, both, 2, NULL, NULL, &chosen, NULL), UB_OK);
        assert_int_equal(chosen, 0);
        synth_free(silence);
    }
}

static ub_status refuse_read(void *context, size_t first, size_t n, float *const *channels,
                             ub_message *why)
{
    (void)context;
    (void)first;
    (void)n;
    (void)channels;
    return ub_fail(why, UB_FILE_ERROR, "the disk is tired");
}

static void check_refusal(const ub_audio *audio, const ub_dictionary *const *dictionaries, size_t n,
                          ub_status wanted, const char *words)
{
    ub_message why = {""};
    size_t chosen = 99;
    assert_int_equal(ub_transcribe_choose(audio, dictionaries, n, NULL, NULL, &chosen, &why),
                     wanted);
    assert_non_null(strstr(why.text, words));
    assert_int_equal(chosen, 99);
}

static void what_fails_is_told_and_nothing_is_chosen(void **state)
{
    choice_case *c = *state;
    const ub_dictionary *const both[] = {&c->own, &c->near};
    ub_audio audio = c->audio;
    check_refusal(&audio, both, 0, UB_BAD_VALUE, "no dictionary");
    audio.read = refuse_read;
    check_refusal(&audio, both, 2, UB_FILE_ERROR, "tired");
    int *pitches = c->near.component_pitch;
    c->near.component_pitch = NULL;
    check_refusal(&c->audio, both, 2, UB_BAD_VALUE, "which notes");
    c->near.component_pitch = pitches;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_dictionary_of_the_instrument_is_chosen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_last_is_chosen_where_none_is_clearly_better, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_divergences_do_not_depend_on_threads_and_level, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(silence_has_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(what_fails_is_told_and_nothing_is_chosen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
