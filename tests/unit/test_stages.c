// SPDX-License-Identifier: GPL-3.0-or-later
// What a listener that measures hears: which work begins, in which order.
#include "small.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double RATE_HZ = 8000.0;

// The words in the order in which they came, a blank after each.
typedef struct diary {
    char text[16384];
} diary;

static void note(void *context, const char *name)
{
    diary *heard = context;
    assert_true(strlen(heard->text) + strlen(name) + 2 < sizeof heard->text);
    strcat(strcat(heard->text, name), " ");
}

// Expect words in the order of an extended regular expression.
static void check_order(const diary *heard, const char *pattern)
{
    regex_t expression;
    assert_int_equal(regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&expression, heard->text, 0, NULL, 0) != 0) {
        print_message("'%s' is not like %s\n", heard->text, pattern);
        fail();
    }
    regfree(&expression);
}

static void check_separation(size_t n_channels, const ub_dictionary *dictionary, double n_free,
                             const char *pattern)
{
    synth *mix = small_mix(n_channels, 4.0, RATE_HZ);
    const ub_audio audio = synth_audio(mix);
    ub_settings settings = small_settings();
    settings.value[UB_PARAM_FREE] = n_free;
    settings.value[UB_PARAM_THREADS] = 2.0;
    diary heard = {""};
    const ub_progress progress = {.context = &heard, .stage = note};
    stem_shelf *shelf = stem_shelf_new(mix);
    const ub_stem_sink sink = stem_shelf_sink(shelf);
    assert_int_equal(ub_separate(&audio, dictionary, &settings, &progress, &sink, NULL), UB_OK);
    assert_true(stem_shelf_is_complete(shelf));
    check_order(&heard, pattern);
    stem_shelf_free(shelf);
    synth_free(mix);
}

static void a_blind_separation_fits_and_groups_before_it_makes_stems(void **state)
{
    (void)state;
    check_separation(
        2, NULL, 0.0,
        "^(read analyse )+start factorise group (read analyse mask synthesise write )+$");
}

static void a_dictionary_leaves_activations_to_the_blocks(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    const char *blocks = "(read analyse activate mask synthesise write )+$";
    char pattern[128] = "^(read analyse )+";
    check_separation(1, &dictionary, 0.0, strcat(pattern, blocks)); // no gains to find
    strcpy(pattern, "^(read analyse )+start factorise ");
    check_separation(2, &dictionary, 0.0, strcat(pattern, blocks));
    ub_dictionary_free(&dictionary);
}

static void free_components_are_fitted_before_any_stem(void **state)
{
    (void)state;
    ub_dictionary dictionary = small_dictionary(RATE_HZ);
    check_separation(2, &dictionary, 2.0,
                     "^(read analyse )+start factorise (read analyse mask synthesise write )+$");
    ub_dictionary_free(&dictionary);
}

static void learning_takes_source_after_source(void **state)
{
    (void)state;
    synth *low = synth_low_notes(1, 2.0, RATE_HZ), *high = synth_high_bursts(1, 2.0, RATE_HZ);
    const ub_audio audio[] = {synth_audio(low), synth_audio(high)};
    const ub_training sources[] = {{"low", &audio[0], 1}, {"high", &audio[1], 1}};
    const ub_settings settings = small_settings();
    diary heard = {""};
    const ub_progress progress = {.context = &heard, .stage = note};
    ub_dictionary dictionary;
    assert_int_equal(ub_learn(sources, 2, &settings, NULL, NULL, &progress, &dictionary, NULL),
                     UB_OK);
    check_order(&heard, "^((read analyse )+start factorise ){2}$");
    ub_dictionary_free(&dictionary);
    synth_free(low);
    synth_free(high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blind_separation_fits_and_groups_before_it_makes_stems),
        cmocka_unit_test(a_dictionary_leaves_activations_to_the_blocks),
        cmocka_unit_test(free_components_are_fitted_before_any_stem),
        cmocka_unit_test(learning_takes_source_after_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
