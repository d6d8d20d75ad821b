// SPDX-License-Identifier: GPL-3.0-or-later
// Separate samples in memory: a low tone and a high one that take turns.
//   cc example.c $(pkg-config --cflags --libs unbraid) -lm -o example && ./example
#include <math.h>
#include <stdio.h>
#include <unbraid/unbraid.h>

static ub_status begin(void *context, size_t n_stems, const char *const *names, ub_message *why)
{
    (void)context, (void)why;
    for (size_t j = 0; j < n_stems; j++) {
        printf("stem %zu is called %s\n", j, names[j]);
    }
    return UB_OK;
}

// Stems arrive span after span: stems[stem][channel][sample].
static ub_status take(void *context, size_t first, size_t n, const float *const *const *stems,
                      ub_message *why)
{
    double(*energy)[2] = context;
    (void)why;
    for (size_t i = 0; i < n; i++) {
        const size_t half_second = (first + i) / 22050;
        for (size_t j = 0; j < 2; j++) {
            energy[j][half_second % 2] += stems[j][0][i] * stems[j][0][i];
        }
    }
    return UB_OK;
}

int main(void)
{
    static float samples[4 * 44100];
    const size_t n = sizeof samples / sizeof *samples;
    for (size_t i = 0; i < n; i++) {
        const double hz = i / 22050 % 2 ? 1760.0 : 220.0;
        samples[i] = 0.5f * (float)sin(6.283185307179586 * hz * (double)i / 44100.0);
    }
    const float *channels[] = {samples};
    const ub_planar planar = {channels, 1, n};
    const ub_audio mix = ub_audio_in_memory(&planar, 44100.0);

    ub_settings settings = ub_settings_default();
    settings.value[UB_PARAM_SOURCES] = 2;
    settings.value[UB_PARAM_COMPONENTS] = 2;

    double energy[2][2] = {{0.0}};
    const ub_stem_sink sink = {begin, take, energy};
    ub_message why = {""};
    const ub_status status = ub_separate(&mix, NULL, &settings, NULL, &sink, &why);
    if (status) {
        fprintf(stderr, "%s: %s\n", ub_status_text(status), why.text);
        return 1;
    }
    for (size_t j = 0; j < 2; j++) {
        printf("stem %zu: %.0f %% of its energy is in the low halves\n", j,
               100.0 * energy[j][0] / (energy[j][0] + energy[j][1]));
    }
    return 0;
}
