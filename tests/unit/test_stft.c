// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"
#include "reference_dft.h"
#include "unbraid/random.h"
#include "unbraid/stft.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ub_stft *open_stft(ub_window window, size_t size, size_t hop, float **work)
{
    const ub_stft_settings settings = {window, size, hop};
    ub_stft *stft = NULL;
    ub_message why = {""};
    assert_int_equal(ub_stft_new(&settings, &stft, &why), UB_OK);
    assert_int_equal(ub_stft_work_new(stft, work), UB_OK);
    return stft;
}

static float *noise(size_t n, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        x[i] = 2.0f * ub_random_uniform(&random) - 1.0f;
    }
    return x;
}

static void frames_are_the_transform_by_definition(void **state)
{
    (void)state;
    const size_t sizes[] = {4, 5, 6, 10, 14, 15, 48, 70, 105, 126, 250, 480, 945, 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i];
        float *work, *x = noise(size, i);
        ub_stft *stft = open_stft(UB_WINDOW_SQRT_HANN, size, size / 2, &work);
        float complex *spectrum = calloc(size / 2 + 1, sizeof *spectrum);
        float *magnitude = calloc(size / 2 + 1, sizeof *magnitude);
        double *windowed = calloc(size, sizeof *windowed);
        double complex *truth = calloc(size / 2 + 1, sizeof *truth);
        for (size_t n = 0; n < size; n++) {
            windowed[n] = (double)x[n] * sin(M_PI * (double)n / (double)size);
        }
        reference_dft(windowed, size, truth);
        ub_stft_analyse_frame(stft, x, work, spectrum);
        ub_stft_magnitude(spectrum, size / 2 + 1, magnitude);
        for (size_t bin = 0; bin <= size / 2; bin++) {
            // Rounding of float grows with the logarithm of the size; the sum of size terms of
            // about one stands for the scale.
            const double tolerance = 1e-6 * sqrt((double)size);
            assert_true(cabs((double complex)spectrum[bin] - truth[bin]) < tolerance);
            assert_true(fabs((double)magnitude[bin] - cabs(truth[bin])) < tolerance);
        }
        free(x), free(spectrum), free(magnitude), free(windowed), free(truth);
        ub_stft_work_free(work);
        ub_stft_free(stft);
    }
}

// Energy of (x - y) over that of x, in dB.
static double difference_db(const float *x, const float *y, size_t n)
{
    double energy = 0.0, error = 0.0;
    for (size_t i = 0; i < n; i++) {
        energy += (double)x[i] * (double)x[i];
        error += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    }
    return 10.0 * log10((error + 1e-300) / energy);
}

static void round_trip(ub_window window, size_t size, size_t hop, size_t n)
{
    float *work, *x = noise(n, n), *frame = calloc(size, sizeof *frame);
    ub_stft *stft = open_stft(window, size, hop, &work);
    const size_t n_frames = ub_stft_n_frames(stft, n), lead = size - hop;
    float *sum = calloc(n_frames * hop + size, sizeof *sum);
    float complex *spectrum = calloc(size / 2 + 1, sizeof *spectrum);
    for (size_t t = 0; t < n_frames; t++) {
        ub_stft_gather_frame(stft, x, n, t, frame);
        ub_stft_analyse_frame(stft, frame, work, spectrum);
        ub_stft_synthesise_frame(stft, spectrum, work, sum + t * hop);
    }
    assert_true(difference_db(x, sum + lead, n) < -125.0);
    // The first and the last sample as well as any other.
    assert_true(fabsf(x[0] - sum[lead]) < 2e-6f && fabsf(x[n - 1] - sum[lead + n - 1]) < 2e-6f);
    free(x), free(frame), free(sum), free(spectrum);
    ub_stft_work_free(work);
    ub_stft_free(stft);
}

static void round_trip_returns_the_input(void **state)
{
    (void)state;
    const size_t sizes[][2] = {{64, 16},   {64, 32},    {126, 41},   {105, 26},
                               {945, 315}, {1024, 256}, {2048, 256}, {4096, 1024}};
    for (int window = UB_WINDOW_HANN; window <= UB_WINDOW_ASYMMETRIC; window++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const size_t size = sizes[i][0], hop = sizes[i][1];
            const size_t lengths[] = {1, 2, hop - 1, hop, size - 1, size, size + 1, 3 * size + 17};
            for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
                round_trip((ub_window)window, size, hop, lengths[k]);
            }
        }
    }
}

static void frames_hold_the_samples_that_the_header_says(void **state)
{
    (void)state;
    const size_t sizes[][2] = {{8, 2}, {8, 3}, {15, 7}, {64, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i][0], hop = sizes[i][1], n = 3 * size + 1;
        float *work, *x = noise(n, i), *frame = calloc(size, sizeof *frame);
        ub_stft *stft = open_stft(UB_WINDOW_HANN, size, hop, &work);
        for (size_t t = 0; t < ub_stft_n_frames(stft, n); t++) {
            ub_stft_gather_frame(stft, x, n, t, frame);
            for (size_t m = 0; m < size; m++) {
                const long at = (long)(t * hop + m) - (long)(size - hop);
                assert_true(frame[m] == (at >= 0 && at < (long)n ? x[at] : 0.0f));
            }
        }
        free(x), free(frame);
        ub_stft_work_free(work);
        ub_stft_free(stft);
    }
}

static void imaginary_parts_without_a_sound_are_ignored(void **state)
{
    (void)state;
    for (size_t size = 14; size <= 15; size++) {
        float *work, clean[15] = {0}, dirty[15] = {0};
        float complex spectrum[8];
        ub_stft *stft = open_stft(UB_WINDOW_SQRT_HANN, size, 4, &work);
        for (size_t bin = 0; bin < 8; bin++) {
            spectrum[bin] = (float)(bin + 1) + (bin == 0 || 2 * bin == size ? 0.0f : 2.0f) * I;
        }
        ub_stft_synthesise_frame(stft, spectrum, work, clean);
        spectrum[0] += 5.0f * I;
        spectrum[7] += size % 2 ? 0.0f : 3.0f * I;
        ub_stft_synthesise_frame(stft, spectrum, work, dirty);
        for (size_t n = 0; n < size; n++) {
            assert_true(fabsf(clean[n] - dirty[n]) < 1e-5f);
        }
        ub_stft_work_free(work);
        ub_stft_free(stft);
    }
}

static void magnitudes_keep_their_range(void **state)
{
    (void)state;
    // From far below one quantum of 24 bits in a tiny bin to full scale in the longest frame.
    const float parts[] = {1e-15f, 1e-8f, 0x1p-24f, 1.0f, 0x1p21f, 1e15f};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const float complex spectrum[] = {3.0f * parts[i] + 4.0f * parts[i] * I, -parts[i],
                                          parts[i] * I};
        float magnitude[3];
        ub_stft_magnitude(spectrum, 3, magnitude);
        assert_true(fabsf(magnitude[0] / parts[i] - 5.0f) < 1e-5f);
        assert_true(fabsf(magnitude[1] / parts[i] - 1.0f) < 1e-6f);
        assert_true(fabsf(magnitude[2] / parts[i] - 1.0f) < 1e-6f);
    }
}

static void frames_cover_every_sample_and_no_more(void **state)
{
    (void)state;
    const size_t sizes[][2] = {{8, 2}, {8, 3}, {12, 6}, {64, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i][0], hop = sizes[i][1], lead = size - hop;
        float *work;
        ub_stft *stft = open_stft(UB_WINDOW_HANN, size, hop, &work);
        assert_int_equal(ub_stft_n_frames(stft, 0), 0);
        for (size_t n = 1; n < 100; n++) {
            const size_t n_frames = ub_stft_n_frames(stft, n);
            // The last frame starts at the last sample or before it, one more would start behind.
            assert_true((n_frames - 1) * hop < n + lead && n_frames * hop >= n + lead);
        }
        assert_true(ub_stft_n_frames(stft, SIZE_MAX) > SIZE_MAX / hop - 2);
        ub_stft_work_free(work);
        ub_stft_free(stft);
    }
}

static void settings_for_a_time_are_near_it_and_good(void **state)
{
    (void)state;
    const double rates[] = {8000, 11025, 16000, 22050, 44100, 48000, 88200, 96000, 192000};
    const double times[] = {1, 5.8, 23, 46, 93, 186};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
            for (size_t overlap = 2; overlap <= 8; overlap += 2) {
                const ub_stft_settings s =
                    ub_stft_settings_for(UB_WINDOW_SQRT_HANN, times[i], overlap, rates[r]);
                assert_int_equal(ub_stft_settings_check(&s, NULL), UB_OK);
                assert_int_equal(s.size_samples, overlap * s.hop_samples);
                const double wanted = times[i] * rates[r] / 1000.0;
                const double off = fabs((double)s.size_samples - wanted);
                assert_true(off <= fmax(0.12 * wanted, 2.0 * (double)overlap));
            }
        }
    }
    assert_int_equal(ub_stft_settings_for(UB_WINDOW_SQRT_HANN, 93.0, 4, 44100.0).size_samples,
                     4096);
    const ub_stft_settings standard = ub_stft_settings_default();
    assert_int_equal(ub_stft_settings_check(&standard, NULL), UB_OK);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    const ub_stft_settings bad[] = {
        {UB_WINDOW_HANN, 0, 1},       {UB_WINDOW_HANN, 2, 1},  {UB_WINDOW_HANN, 22, 4},
        {UB_WINDOW_HANN, 11, 4},      {UB_WINDOW_HANN, 16, 0}, {UB_WINDOW_HANN, 16, 9},
        {UB_WINDOW_HANN, 1 << 21, 4}, {(ub_window)9, 16, 4},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ub_message why = {""};
        ub_stft *stft = NULL;
        assert_int_equal(ub_stft_new(&bad[i], &stft, &why), UB_BAD_SETTING);
        assert_null(stft);
        assert_true(strlen(why.text) > 10);
    }
    ub_stft_free(NULL);
    ub_stft_work_free(NULL);
}

typedef struct job {
    const ub_stft *stft;
    const float *x;
    size_t n_frames;
    float complex *spectra;
} job;

static void *analyse_all(void *context)
{
    const job *j = context;
    const size_t hop = ub_stft_get_settings(j->stft)->hop_samples;
    float *work = NULL;
    if (ub_stft_work_new(j->stft, &work)) {
        return NULL;
    }
    for (size_t t = 0; t < j->n_frames; t++) {
        ub_stft_analyse_frame(j->stft, j->x + t * hop, work,
                              j->spectra + t * ub_stft_n_bins(j->stft));
    }
    ub_stft_work_free(work);
    return context;
}

static void threads_share_a_transform(void **state)
{
    (void)state;
    enum { N_THREADS = 4, N_FRAMES = 50 };
    float *work, *x = noise(N_FRAMES * 64 + 256, 3);
    ub_stft *stft = open_stft(UB_WINDOW_SQRT_HANN, 256, 64, &work);
    job jobs[N_THREADS];
    pthread_t threads[N_THREADS];
    const size_t size = N_FRAMES * ub_stft_n_bins(stft) * sizeof(float complex);
    for (size_t i = 0; i < N_THREADS; i++) {
        jobs[i] = (job){stft, x, N_FRAMES, calloc(1, size)};
        assert_int_equal(pthread_create(&threads[i], NULL, analyse_all, &jobs[i]), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
        assert_memory_equal(jobs[0].spectra, jobs[i].spectra, size);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        free(jobs[i].spectra);
    }
    free(x);
    ub_stft_work_free(work);
    ub_stft_free(stft);
}

static void the_guard_counts_what_libraries_allocate(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    const char *volatile text = "libc allocates this";
    malloc_guard_start(0);
    char *volatile copy = strdup(text); // else clang leaves out what nobody reads
    assert_int_equal(malloc_guard_stop(NULL), 1);
    free(copy);
}

// Sums of the calls of all frame functions for one size.
static size_t count_allocations(size_t size)
{
    float *work, *x = noise(size, 1);
    ub_stft *stft = open_stft(UB_WINDOW_SQRT_HANN, size, (size + 4) / 5, &work);
    float complex *spectrum = calloc(ub_stft_n_bins(stft), sizeof *spectrum);
    float *magnitude = calloc(ub_stft_n_bins(stft), sizeof *magnitude);
    malloc_guard_start(0);
    ub_stft_gather_frame(stft, x, size, 0, x);
    ub_stft_analyse_frame(stft, x, work, spectrum);
    ub_stft_magnitude(spectrum, ub_stft_n_bins(stft), magnitude);
    ub_stft_synthesise_frame(stft, spectrum, work, x);
    const size_t made = malloc_guard_stop(NULL);
    free(x), free(spectrum), free(magnitude);
    ub_stft_work_free(work);
    ub_stft_free(stft);
    return made;
}

// FFTW does allocate in some transforms: every size counts.
static void frames_allocate_nothing(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    for (size_t size = 4; size <= 1 << 20; size += size < 8192 ? 1 : size) {
        const ub_stft_settings settings = {UB_WINDOW_HANN, size, 1};
        if (!ub_stft_settings_check(&settings, NULL)) {
            assert_int_equal(count_allocations(size), 0);
        }
    }
    assert_int_equal(count_allocations(48000), 0);
    assert_int_equal(count_allocations(165375), 0);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    const ub_stft_settings settings = {UB_WINDOW_HANN, 64, 16};
    for (size_t n = 1;; n++) {
        ub_stft *stft = NULL;
        ub_message why = {""};
        size_t held;
        malloc_guard_start(n);
        const ub_status status = ub_stft_new(&settings, &stft, &why);
        const size_t made = malloc_guard_stop(&held);
        if (made < n) {
            assert_int_equal(status, UB_OK);
            ub_stft_free(stft);
            return;
        }
        assert_int_equal(status, UB_NO_MEMORY);
        assert_null(stft);
        assert_int_equal(held, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_the_transform_by_definition),
        cmocka_unit_test(round_trip_returns_the_input),
        cmocka_unit_test(frames_hold_the_samples_that_the_header_says),
        cmocka_unit_test(imaginary_parts_without_a_sound_are_ignored),
        cmocka_unit_test(magnitudes_keep_their_range),
        cmocka_unit_test(frames_cover_every_sample_and_no_more),
        cmocka_unit_test(settings_for_a_time_are_near_it_and_good),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(threads_share_a_transform),
        cmocka_unit_test(the_guard_counts_what_libraries_allocate),
        cmocka_unit_test(frames_allocate_nothing),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
