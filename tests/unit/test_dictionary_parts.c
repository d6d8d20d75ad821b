// SPDX-License-Identifier: GPL-3.0-or-later
// Context, reconstruction templates and pitches: what a dictionary may have beyond its templates.
#include "dictionary_case.h"
#include "unbraid/dictionary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// With every optional part, window 64: 33 bins, 2 templates a source.
static ub_dictionary with_all(size_t n_sources, uint64_t seed)
{
    ub_dictionary d = dictionary_case(n_sources, 64, seed);
    dictionary_case_add_context(&d, 2, 1, seed + 1);
    dictionary_case_add_reconstruction(&d, seed + 2);
    dictionary_case_add_pitches(&d);
    return d;
}

static ub_dictionary through_bytes(const ub_dictionary *d)
{
    unsigned char *bytes;
    size_t size;
    ub_dictionary back;
    ub_message why = {""};
    assert_int_equal(ub_dictionary_encode(d, &bytes, &size, &why), UB_OK);
    if (ub_dictionary_decode(bytes, size, &back, &why)) {
        fail_msg("%s", why.text);
    }
    free(bytes);
    return back;
}

static void every_optional_part_survives_its_bytes(void **state)
{
    (void)state;
    for (unsigned parts = 0; parts < 8; parts++) {
        ub_dictionary d = dictionary_case(3, 64, parts);
        if (parts & 1) {
            dictionary_case_add_context(&d, parts, 8 - parts, 21);
        }
        if (parts & 2) {
            dictionary_case_add_reconstruction(&d, 22);
        }
        if (parts & 4) {
            dictionary_case_add_pitches(&d);
        }
        ub_dictionary back = through_bytes(&d), copy;
        assert_true(same_dictionary(&d, &back));
        assert_int_equal(ub_dictionary_copy(&d, &copy), UB_OK);
        assert_true(same_dictionary(&d, &copy));
        ub_dictionary_free(&copy);
        ub_dictionary_free(&back);
        ub_dictionary_free(&d);
    }
}

static void no_frames(ub_dictionary *d)
{
    d->n_before = d->n_after = 0;
}
static void other_frames(ub_dictionary *d)
{
    d->n_before++;
}
static void overflowing_frames(ub_dictionary *d)
{
    d->n_before = SIZE_MAX;
    d->n_after = 4;
}
static void no_distance(ub_dictionary *d)
{
    d->context_samples = 0;
}
static void context_missing(ub_dictionary *d)
{
    ub_matrix_column(&d->context, 1)[3] = NAN;
}
static void context_of_others(ub_dictionary *d)
{
    d->context.n_cols--;
}
static void reconstruction_negative(ub_dictionary *d)
{
    ub_matrix_column(&d->reconstruction, 1)[3] = -1.0f;
}
static void reconstruction_shape(ub_dictionary *d)
{
    d->reconstruction.n_rows--;
}
static void pitch_high(ub_dictionary *d)
{
    d->component_pitch[1] = 128;
}
static void pitch_low(ub_dictionary *d)
{
    d->component_pitch[1] = -2;
}

static void broken_promises_are_seen(void **state)
{
    (void)state;
    void (*const breaks[])(ub_dictionary *) = {
        no_frames,       other_frames,      overflowing_frames,      no_distance,
        context_missing, context_of_others, reconstruction_negative, reconstruction_shape,
        pitch_high,      pitch_low,
    };
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        ub_dictionary d = with_all(2, 5);
        ub_message why = {""};
        unsigned char *bytes;
        size_t size;
        assert_int_equal(ub_dictionary_check(&d, &why), UB_OK);
        breaks[i](&d);
        assert_int_not_equal(ub_dictionary_check(&d, &why), UB_OK);
        assert_true(strlen(why.text) > 10);
        assert_int_not_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
        ub_dictionary_free(&d);
    }
}

// Other bytes of the same length in the place of some.
static void put(unsigned char *bytes, size_t size, const char *from, const char *to)
{
    const size_t n = strlen(from);
    assert_int_equal(strlen(to), n);
    for (size_t i = 0; i + n <= size; i++) {
        if (memcmp(bytes + i, from, n) == 0) {
            memcpy(bytes + i, to, n);
            return;
        }
    }
    fail_msg("the file has no %s", from);
}

static void hostile_optional_parts_are_refused_with_a_reason(void **state)
{
    (void)state;
    const char *const changes[][2] = {
        {"\"frames_before\":\"2\"", "\"frames_before\":\"9\""},
        {"\"frames_before\":\"2\"", "\"frames_before\":\"x\""},
        {"\"frames_after\"", "\"frames_atfer\""},
        {"\"context_samples\":\"16\"", "\"context_samples\":\"-1\""},
        {"\"component_pitch\":\"[-1,0,", "\"component_pitch\":\"[-2,0,"},
        {"\"component_pitch\":\"[-1,0,", "\"component_pitch\":\"[-1,0."},
        {"\"component_pitch\":\"[-1,0,", "\"component_pitch\":\"[-1,0 "},
        {"\"component_pitch\":\"[-1,0,1,2]", "\"component_pitch\":\"[-1,0,1  ]"},
        {"\"shape\":[99,4]", "\"shape\":[33,4]"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        ub_dictionary d = with_all(2, 6), back;
        unsigned char *bytes;
        size_t size;
        ub_message why = {""};
        assert_int_equal(ub_dictionary_encode(&d, &bytes, &size, NULL), UB_OK);
        put(bytes, size, changes[i][0], changes[i][1]);
        assert_int_equal(ub_dictionary_decode(bytes, size, &back, &why), UB_BAD_FORMAT);
        assert_true(strlen(why.text) > 10);
        free(bytes);
        ub_dictionary_free(&d);
    }
}

// The columns of frame `frame` of the context as templates of their own.
static ub_dictionary of_frame(const ub_dictionary *d, size_t frame)
{
    ub_dictionary plain;
    assert_int_equal(ub_dictionary_copy(d, &plain), UB_OK);
    for (size_t k = 0; k < d->templates.n_cols; k++) {
        memcpy(ub_matrix_column(&plain.templates, k),
               ub_matrix_column(&d->context, k) + frame * d->templates.n_rows,
               d->templates.n_rows * sizeof(float));
    }
    return plain;
}

static void a_fit_brings_every_frame_along_as_if_it_were_a_template(void **state)
{
    (void)state;
    ub_dictionary d = with_all(2, 7), fitted;
    assert_int_equal(ub_dictionary_fit(&d, 32000.0, 128, 32, &fitted, NULL), UB_OK);
    assert_int_equal(ub_dictionary_check(&fitted, NULL), UB_OK);
    assert_int_equal(fitted.context_samples, 12); // 16 samples of 44100 Hz: 0.363 ms
    for (size_t frame = 0; frame < 3; frame++) {
        ub_dictionary plain = of_frame(&d, frame), alone;
        assert_int_equal(ub_dictionary_fit(&plain, 32000.0, 128, 32, &alone, NULL), UB_OK);
        for (size_t k = 0; k < 4; k++) {
            assert_memory_equal(ub_matrix_column(&alone.templates, k),
                                ub_matrix_column(&fitted.context, k) + frame * 65,
                                65 * sizeof(float));
        }
        ub_dictionary_free(&alone);
        ub_dictionary_free(&plain);
    }
    assert_int_equal(fitted.reconstruction.n_rows, 65);
    assert_memory_equal(fitted.component_pitch, d.component_pitch, 4 * sizeof(int));
    ub_dictionary_free(&fitted);
    ub_dictionary_free(&d);
}

static void a_pick_takes_along_what_belongs_to_its_components(void **state)
{
    (void)state;
    ub_dictionary d = with_all(3, 8), picked;
    const size_t last[] = {2};
    assert_int_equal(ub_dictionary_pick(&d, last, 1, &picked, NULL), UB_OK);
    for (size_t k = 0; k < 2; k++) {
        assert_memory_equal(ub_matrix_column(&picked.context, k),
                            ub_matrix_column(&d.context, 4 + k), 99 * sizeof(float));
        assert_memory_equal(ub_matrix_column(&picked.reconstruction, k),
                            ub_matrix_column(&d.reconstruction, 4 + k), 33 * sizeof(float));
        assert_int_equal(picked.component_pitch[k], d.component_pitch[4 + k]);
    }
    ub_dictionary_free(&picked);
    ub_dictionary_free(&d);
}

static void rename_sources(ub_dictionary *d)
{
    for (size_t j = 0; j < d->n_sources; j++) {
        d->source_names[j][0] = 't';
    }
}

static void a_join_keeps_what_all_can_have(void **state)
{
    (void)state;
    ub_dictionary first = with_all(1, 9), second = with_all(2, 10),
                  plain = dictionary_case(1, 64, 11);
    ub_dictionary joined;
    rename_sources(&second);
    const ub_dictionary *const both[] = {&first, &second};
    assert_int_equal(ub_dictionary_join(both, 2, &joined, NULL), UB_OK);
    assert_int_equal(joined.n_before, 2);
    assert_memory_equal(ub_matrix_column(&joined.context, 5), ub_matrix_column(&second.context, 3),
                        99 * sizeof(float));
    ub_dictionary_free(&joined);

    rename_sources(&plain);
    const ub_dictionary *const mixed[] = {&plain, &first};
    assert_int_equal(ub_dictionary_join(mixed, 2, &joined, NULL), UB_OK);
    assert_int_equal(joined.context.n_rows, 0);
    assert_int_equal(joined.n_before + joined.n_after + joined.context_samples, 0);
    assert_memory_equal(ub_matrix_column(&joined.reconstruction, 1),
                        ub_matrix_column(&plain.templates, 1), 33 * sizeof(float));
    assert_int_equal(joined.component_pitch[1], -1);
    assert_int_equal(joined.component_pitch[3], 0);
    ub_dictionary_free(&joined);
    ub_dictionary_free(&plain);
    ub_dictionary_free(&second);
    ub_dictionary_free(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_optional_part_survives_its_bytes),
        cmocka_unit_test(broken_promises_are_seen),
        cmocka_unit_test(hostile_optional_parts_are_refused_with_a_reason),
        cmocka_unit_test(a_fit_brings_every_frame_along_as_if_it_were_a_template),
        cmocka_unit_test(a_pick_takes_along_what_belongs_to_its_components),
        cmocka_unit_test(a_join_keeps_what_all_can_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
