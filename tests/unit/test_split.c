// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_case.h"
#include "malloc_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// One source with two templates, or more sources alike; these pitches in their order.
static ub_dictionary with_pitches(size_t n_sources, const int *pitches)
{
    ub_dictionary d = dictionary_case(n_sources, 32, 1);
    dictionary_case_add_pitches(&d);
    memcpy(d.component_pitch, pitches, 2 * n_sources * sizeof *pitches);
    return d;
}

static void one_pitch_makes_two_hands(void **state)
{
    (void)state;
    const int pitches[] = {60, 59}, split_at[] = {60};
    ub_dictionary from = with_pitches(1, pitches), split;
    assert_int_equal(ub_dictionary_split(&from, split_at, 1, &split, NULL), UB_OK);
    assert_int_equal(ub_dictionary_check(&split, NULL), UB_OK);
    assert_int_equal(split.n_sources, 2);
    assert_string_equal(split.source_names[0], "below-C4");
    assert_string_equal(split.source_names[1], "from-C4");
    assert_int_equal(split.component_source[0], 1);
    assert_int_equal(split.component_source[1], 0);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(split.component_pitch[k], pitches[k]);
        assert_memory_equal(ub_matrix_column(&split.templates, k),
                            ub_matrix_column(&from.templates, k),
                            from.templates.n_rows * sizeof(float));
    }
    ub_dictionary_free(&from);
    ub_dictionary_free(&split);
}

static void ranges_of_several_sources_have_their_names(void **state)
{
    (void)state;
    const int pitches[] = {10, 127, 60, 71, -1, 0}, split_at[] = {60, 72};
    ub_dictionary from = with_pitches(3, pitches), split;
    assert_int_equal(ub_dictionary_split(&from, split_at, 2, &split, NULL), UB_OK);
    assert_int_equal(ub_dictionary_check(&split, NULL), UB_OK);
    const char *const names[] = {"s0-below-C4", "s0-from-C5", "s1-C4-to-B4", "s2-below-C4",
                                 "s2-unpitched"};
    assert_int_equal(split.n_sources, 5);
    for (size_t j = 0; j < 5; j++) {
        assert_string_equal(split.source_names[j], names[j]);
    }
    ub_dictionary_free(&from);
    ub_dictionary_free(&split);
}

static void without_pitches_it_is_one_range(void **state)
{
    (void)state;
    const int pitches[] = {10, 127};
    ub_dictionary from = with_pitches(1, pitches), split;
    assert_int_equal(ub_dictionary_split(&from, NULL, 0, &split, NULL), UB_OK);
    assert_int_equal(split.n_sources, 1);
    assert_string_equal(split.source_names[0], "notes");
    ub_dictionary_free(&from);
    ub_dictionary_free(&split);
}

static void what_cannot_be_split_is_refused(void **state)
{
    (void)state;
    const int pitches[] = {10, 127};
    const int bad[][2] = {{0, 60}, {60, 60}, {61, 60}, {60, 128}};
    ub_dictionary from = with_pitches(1, pitches), split;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ub_dictionary_split(&from, bad[i], 2, &split, NULL), UB_BAD_VALUE);
    }
    free(from.component_pitch);
    from.component_pitch = NULL;
    const int good[] = {60};
    assert_int_equal(ub_dictionary_split(&from, good, 1, &split, NULL), UB_BAD_VALUE);
    ub_dictionary_free(&from);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    const int pitches[] = {60, 59}, split_at[] = {60};
    ub_dictionary from = with_pitches(1, pitches), split;
    ub_status status = UB_NO_MEMORY;
    size_t n = 1;
    for (; status; n++) {
        size_t held;
        malloc_guard_start(n);
        status = ub_dictionary_split(&from, split_at, 1, &split, NULL);
        malloc_guard_stop(&held);
        assert_true(!status || (status == UB_NO_MEMORY && held == 0));
    }
    assert_true(n > 5);
    ub_dictionary_free(&from);
    ub_dictionary_free(&split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pitch_makes_two_hands),
        cmocka_unit_test(ranges_of_several_sources_have_their_names),
        cmocka_unit_test(without_pitches_it_is_one_range),
        cmocka_unit_test(what_cannot_be_split_is_refused),
        cmocka_unit_test(without_memory_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
