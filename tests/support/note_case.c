// SPDX-License-Identifier: GPL-3.0-or-later
#include "note_case.h"

#include "unbraid/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ATTACK_S = 0.004, DECAY_S = 0.8, DAMPED_S = 0.02;

void note_case_play(synth *sound, const ub_note *note)
{
    const double hz = ub_pitch_hz(note->pitch);
    const double gain = 0.2 * pow((double)note->velocity / 127.0, 2.0);
    const size_t first = (size_t)ceil(note->onset_s * sound->rate_hz);
    for (size_t i = first; i < sound->n_samples; i++) {
        const double t = (double)i / sound->rate_hz - note->onset_s;
        const double over = t - (note->offset_s - note->onset_s);
        double level = gain * fmin(1.0, t / ATTACK_S) * exp(-t / DECAY_S);
        level *= over > 0.0 ? exp(-over / DAMPED_S) : 1.0;
        double wave = 0.0;
        for (int partial = 1; partial <= 6 && partial * hz < 0.45 * sound->rate_hz; partial++) {
            wave += sin(2.0 * M_PI * partial * hz * t + partial * partial) / partial;
        }
        for (size_t c = 0; c < sound->n_channels; c++) {
            sound->channels[c][i] += (float)(level * wave);
        }
    }
}

synth *note_case_sound(size_t n_channels, double seconds, double rate_hz, const ub_note *notes,
                       size_t n)
{
    synth *sound = synth_new(n_channels, (size_t)(seconds * rate_hz), rate_hz);
    for (size_t i = 0; i < n; i++) {
        note_case_play(sound, &notes[i]);
    }
    return sound;
}

// Mean spectrum of the frames whose middle is within some seconds of a note that began at 0.25 s.
static void learn(const ub_stft *stft, const synth *note, double from_s, double to_s, float *column)
{
    const ub_stft_settings *s = ub_stft_get_settings(stft);
    const size_t n_bins = ub_stft_n_bins(stft);
    float *samples = calloc(s->size_samples, sizeof *samples), *work = NULL;
    float *magnitude = calloc(n_bins, sizeof *magnitude);
    float complex *spectrum = calloc(n_bins, sizeof *spectrum);
    if (!samples || !magnitude || !spectrum || ub_stft_work_new(stft, &work)) {
        abort();
    }
    double sum = 0.0;
    for (size_t t = 0; t < ub_stft_n_frames(stft, note->n_samples); t++) {
        const double middle =
            ((double)((t + 1) * s->hop_samples) - 0.5 * (double)s->size_samples) / note->rate_hz;
        if (middle < 0.25 + from_s || middle > 0.25 + to_s) {
            continue;
        }
        ub_stft_gather_frame(stft, note->channels[0], note->n_samples, t, samples);
        ub_stft_analyse_frame(stft, samples, work, spectrum);
        ub_stft_magnitude(spectrum, n_bins, magnitude);
        for (size_t f = 0; f < n_bins; f++) {
            column[f] += magnitude[f];
            sum += (double)magnitude[f];
        }
    }
    for (size_t f = 0; f < n_bins; f++) {
        column[f] /= (float)sum;
    }
    ub_stft_work_free(work);
    free(samples);
    free(magnitude);
    free(spectrum);
}

static void learn_keys(const ub_stft *stft, ub_dictionary *dictionary)
{
    for (size_t key = 0; key < NOTE_CASE_KEYS; key++) {
        const ub_note note = {.onset_s = 0.25,
                              .offset_s = 2.0,
                              .pitch = NOTE_CASE_LOWEST + (int)key,
                              .velocity = 127};
        synth *sound = note_case_sound(1, 1.0, dictionary->rate_hz, &note, 1);
        learn(stft, sound, 0.0, 0.04, ub_matrix_column(&dictionary->templates, 2 * key));
        learn(stft, sound, 0.1, 0.4, ub_matrix_column(&dictionary->templates, 2 * key + 1));
        synth_free(sound);
        dictionary->component_pitch[2 * key] = note.pitch;
        dictionary->component_pitch[2 * key + 1] = note.pitch;
    }
}

ub_dictionary note_case_dictionary(double rate_hz)
{
    const ub_stft_settings settings = ub_stft_settings_for(UB_WINDOW_HANN, 150.0, 8, rate_hz);
    ub_dictionary dictionary = {.n_sources = 1,
                                .rate_hz = rate_hz,
                                .window = settings.window,
                                .window_samples = settings.size_samples,
                                .hop_samples = settings.hop_samples};
    dictionary.source_names = calloc(1, sizeof *dictionary.source_names);
    dictionary.component_source = calloc(2 * NOTE_CASE_KEYS, sizeof(size_t));
    dictionary.component_pitch = calloc(2 * NOTE_CASE_KEYS, sizeof(int));
    dictionary.licence = strdup("");
    dictionary.origin = strdup("");
    ub_stft *stft = NULL;
    if (!dictionary.source_names || !dictionary.component_source || !dictionary.component_pitch ||
        !dictionary.licence || !dictionary.origin || ub_stft_new(&settings, &stft, NULL) ||
        ub_matrix_new(ub_stft_n_bins(stft), 2 * NOTE_CASE_KEYS, &dictionary.templates)) {
        abort();
    }
    dictionary.source_names[0] = strdup("strings");
    learn_keys(stft, &dictionary);
    ub_stft_free(stft);
    return dictionary;
}
