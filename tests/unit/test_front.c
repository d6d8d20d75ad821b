// SPDX-License-Identifier: GPL-3.0-or-later
#include "ground/threads.h"
#include "separate/front.h"
#include "synth.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 64, HOP = 16, LEAD = SIZE - HOP };

static ub_stft *new_stft(void)
{
    const ub_stft_settings settings = {UB_WINDOW_SQRT_HANN, SIZE, HOP};
    ub_stft *stft = NULL;
    assert_int_equal(ub_stft_new(&settings, &stft, NULL), UB_OK);
    return stft;
}

static ub_front new_front(const ub_audio *audio, const ub_stft *stft, size_t n_threads)
{
    ub_front front;
    assert_int_equal(ub_front_new(audio, stft, NULL, UB_BLOCK_FRAMES, n_threads, &front, NULL),
                     UB_OK);
    return front;
}

// Sample i of channel c is 1 + i + 1000 c: any slip shows.
static synth *new_ramp(size_t n_channels, size_t n_samples)
{
    synth *ramp = synth_new(n_channels, n_samples, 8000.0);
    for (size_t c = 0; c < n_channels; c++) {
        for (size_t i = 0; i < n_samples; i++) {
            ramp->channels[c][i] = (float)(1 + i + 1000 * c);
        }
    }
    return ramp;
}

static float ramp_at(const synth *ramp, size_t c, size_t frame, size_t i)
{
    const size_t at = frame * HOP + i;
    return at >= LEAD && at - LEAD < ramp->n_samples ? ramp->channels[c][at - LEAD] : 0.0f;
}

static void frames_look_at_their_samples_and_at_zeros_beyond(void **state)
{
    (void)state;
    const size_t lengths[] = {1, HOP - 1, HOP, SIZE, SIZE + 1, 333};
    ub_stft *stft = new_stft();
    for (size_t l = 0; l < 6; l++) {
        synth *ramp = new_ramp(2, lengths[l]);
        const ub_audio audio = synth_audio(ramp);
        ub_front front = new_front(&audio, stft, 1);
        assert_int_equal(front.n_frames, ub_stft_n_frames(stft, lengths[l]));
        for (size_t first = 0; first < front.n_frames; first++) {
            const size_t n = front.n_frames - first < 3 ? front.n_frames - first : 3;
            assert_int_equal(ub_front_read(&front, first, n, NULL), UB_OK);
            for (size_t c = 0; c < 2; c++) {
                for (size_t i = 0; i < n * SIZE; i++) {
                    assert_true(ub_front_frame(&front, c, i / SIZE)[i % SIZE] ==
                                ramp_at(ramp, c, first + i / SIZE, i % SIZE));
                }
            }
        }
        ub_front_free(&front);
        synth_free(ramp);
    }
    ub_stft_free(stft);
}

static void a_sine_at_full_scale_has_a_magnitude_of_about_one(void **state)
{
    (void)state;
    ub_stft *stft = new_stft();
    synth *sine = synth_new(1, 1024, 8000.0);
    for (size_t i = 0; i < 1024; i++) {
        sine->channels[0][i] = (float)sin(2.0 * M_PI * 8.0 * (double)i / SIZE);
    }
    const ub_audio audio = synth_audio(sine);
    ub_front front = new_front(&audio, stft, 1);
    ub_matrix spectrum;
    assert_int_equal(ub_matrix_new(SIZE / 2 + 1, 1, &spectrum), UB_OK);
    assert_int_equal(ub_front_read(&front, 20, 1, NULL), UB_OK);
    ub_front_magnitudes(&front, 1, &spectrum, 0);
    const float *magnitude = ub_matrix_column(&spectrum, 0);
    // The root of a Hann window sums to 2 / pi of its size, and half of a sine is at minus f.
    assert_float_equal(magnitude[8], (float)(4.0 / M_PI), 0.01f);
    assert_true(magnitude[20] < 0.01f);
    ub_matrix_free(&spectrum);
    ub_front_free(&front);
    synth_free(sine);
    ub_stft_free(stft);
}

static void magnitudes_are_the_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    ub_stft *stft = new_stft();
    synth *sound = synth_low_notes(2, 0.1, 8000.0);
    const ub_audio audio = synth_audio(sound);
    ub_matrix spectra[2][2];
    for (size_t i = 0; i < 2; i++) {
        ub_front front = new_front(&audio, stft, 1 + 2 * i);
        assert_int_equal(ub_front_read(&front, 0, 50, NULL), UB_OK);
        for (size_t c = 0; c < 2; c++) {
            assert_int_equal(ub_matrix_new(SIZE / 2 + 1, 52, &spectra[i][c]), UB_OK);
        }
        ub_front_magnitudes(&front, 50, spectra[i], 2);
        ub_front_free(&front);
    }
    for (size_t c = 0; c < 2; c++) {
        const size_t size = 52 * spectra[0][c].stride * sizeof(float);
        assert_memory_equal(spectra[0][c].data, spectra[1][c].data, size);
        assert_true(ub_matrix_column(&spectra[0][c], 1)[3] == 0.0f);
        assert_true(ub_matrix_column(&spectra[0][c], 40)[1] > 0.0f);
        ub_matrix_free(&spectra[0][c]);
        ub_matrix_free(&spectra[1][c]);
    }
    synth_free(sound);
    ub_stft_free(stft);
}

static void refused_samples_are_named_by_their_time(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e13f};
    const size_t at[] = {0, 40, 800, 999};
    const char *times[] = {"0.000 s", "0.005 s", "0.100 s", "0.125 s"};
    ub_stft *stft = new_stft();
    for (size_t b = 0; b < 16; b++) {
        synth *ramp = new_ramp(2, 1000);
        ramp->channels[b % 2][at[b / 4]] = bad[b % 4];
        const ub_audio audio = synth_audio(ramp);
        ub_front front = new_front(&audio, stft, 1);
        ub_message why = {""};
        ub_status status = UB_OK;
        for (size_t first = 0; !status && first < front.n_frames; first++) {
            status = ub_front_read(&front, first, 1, &why);
        }
        assert_int_equal(status, UB_BAD_VALUE);
        assert_non_null(strstr(why.text, times[b / 4]));
        ub_front_free(&front);
        synth_free(ramp);
    }
    ub_stft_free(stft);
}

static void audio_of_unusable_shape_or_rate_is_refused(void **state)
{
    (void)state;
    ub_stft *stft = new_stft();
    synth *ramp = new_ramp(1, 10);
    const ub_audio good = synth_audio(ramp);
    const double rates[] = {999.0, 1.1e6, NAN, -8000.0, INFINITY};
    ub_front front = {0};
    ub_message why;
    for (size_t i = 0; i < 5; i++) {
        ub_audio audio = good;
        audio.rate_hz = rates[i];
        assert_int_equal(ub_front_new(&audio, stft, NULL, UB_BLOCK_FRAMES, 1, &front, &why),
                         UB_BAD_VALUE);
        assert_non_null(strstr(why.text, "sample rate"));
    }
    for (size_t n = 0; n < 34; n += 33) {
        ub_audio audio = good;
        audio.n_channels = n;
        assert_int_equal(ub_front_new(&audio, stft, NULL, UB_BLOCK_FRAMES, 1, &front, &why),
                         UB_BAD_SHAPE);
        assert_non_null(strstr(why.text, "channels"));
    }
    assert_null(front.work);
    synth_free(ramp);
    ub_stft_free(stft);
}

static void threads_default_to_the_cores(void **state)
{
    (void)state;
    assert_true(ub_thread_count(0.0) >= 1);
    assert_true(ub_thread_count(3.0) == 3 || ub_thread_count(3.0) == 1); // without OpenMP
    assert_int_equal(ub_thread_index(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_look_at_their_samples_and_at_zeros_beyond),
        cmocka_unit_test(a_sine_at_full_scale_has_a_magnitude_of_about_one),
        cmocka_unit_test(magnitudes_are_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(refused_samples_are_named_by_their_time),
        cmocka_unit_test(audio_of_unusable_shape_or_rate_is_refused),
        cmocka_unit_test(threads_default_to_the_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
