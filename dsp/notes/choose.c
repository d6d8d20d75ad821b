// SPDX-License-Identifier: GPL-3.0-or-later
// Each dictionary is fitted to the same frames as for a transcription. How near the fits come says
// which knows the instrument.
#include "drums.h"
#include "flux.h"
#include "ground/floats.h"
#include "ground/progress_part.h"
#include "input.h"
#include "model.h"
#include "separate/spectra.h"
#include "within.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLE_FRAMES = 4 * UB_NOTE_CELL_FRAMES }; // 6 s

// What a dictionary of an instrument must have of the divergence of the one for all.
static const double CLEARLY_BETTER = 0.4;

// What is sampled of the recording, kept for the next dictionary: most have the same transform.
typedef struct sample {
    size_t n_channels;
    ub_stft_settings stft; // of the magnitudes
    ub_matrix *magnitudes; // per channel; NULL: none yet
} sample;

// A dictionary that is being fitted, freed in one place.
typedef struct fitting {
    ub_note_input input;
    ub_note_bands bands;
    ub_note_model model;
    ub_matrix heard, templates;
    float *gates; // per frame
    float *work; // for a frame
} fitting;

static void fitting_free(fitting *f)
{
    ub_note_model_free(&f->model);
    ub_matrix_free(&f->heard);
    ub_matrix_free(&f->templates);
    free(f->gates);
    free(f->work);
    ub_note_bands_free(&f->bands);
    ub_note_input_close(&f->input);
}

static bool has_transform(const sample *from, const ub_stft *stft)
{
    const ub_stft_settings *s = ub_stft_get_settings(stft);
    return from->magnitudes && from->stft.size_samples == s->size_samples &&
           from->stft.hop_samples == s->hop_samples && from->stft.window == s->window;
}

static ub_status take_sample(ub_front *front, const ub_settings *settings,
                             const ub_progress *progress, sample *to, ub_message *why)
{
    if (has_transform(to, front->stft)) {
        return UB_OK;
    }
    const ub_sampling sampling = {.n_frames = SAMPLE_FRAMES,
                                  .whole_cells = true,
                                  .skip_silence = true,
                                  .seed = (uint64_t)settings->value[UB_PARAM_SEED]};
    ub_spectra_free(to->magnitudes, to->n_channels);
    *to = (sample){.n_channels = front->audio->n_channels,
                   .stft = *ub_stft_get_settings(front->stft)};
    return ub_spectra_sample(front, &sampling, progress, &to->magnitudes, why);
}

static ub_status hear(fitting *f, const ub_dictionary *dictionary, const sample *from)
{
    const double rate_hz = f->input.front.audio->rate_hz;
    const size_t n = from->magnitudes[0].n_cols;
    ub_status status = ub_note_bands_new(rate_hz / (double)from->stft.size_samples,
                                         0.5 * fmin(dictionary->rate_hz, rate_hz),
                                         ub_stft_n_bins(f->input.stft), &f->bands);
    status = status ? status : ub_matrix_new(f->bands.bands.n_bands, n, &f->heard);
    f->work = status ? NULL : ub_floats_new(ub_note_bands_work_size(&f->bands));
    f->gates = ub_floats_new(n);
    if (status || !f->work || !f->gates) {
        return UB_NO_MEMORY;
    }
    for (size_t frame = 0; frame < n; frame++) {
        f->gates[frame] = ub_note_bands_hear(&f->bands, from->magnitudes, from->n_channels, frame,
                                             f->work, ub_matrix_column(&f->heard, frame));
    }
    return ub_note_templates(&f->bands, &f->input.fitted.templates, &f->templates);
}

static ub_status fit(fitting *f, const ub_dictionary *dictionary, const sample *from,
                     const ub_settings *settings, const ub_progress *progress, ub_message *why)
{
    const ub_nmf_settings nmf = ub_note_factorisation(settings);
    ub_status status = hear(f, dictionary, from);
    status = status ? status
                    : ub_note_model_new(&f->input.keys, &f->bands, &f->templates, &nmf,
                                        ub_flux_lag(f->input.frame_rate_hz), progress, &f->heard,
                                        f->gates, &f->model);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory to fit a dictionary") : status;
}

static ub_status try_dictionary(const ub_audio *audio, const ub_dictionary *dictionary,
                                const ub_settings *settings, const ub_progress *progress,
                                sample *from, double *divergence, ub_message *why)
{
    ub_progress_part parts[2] = {{progress, 0.0, 0.2}, {progress, 0.2, 1.0}};
    const ub_progress reading = ub_progress_of_part(&parts[0]);
    const ub_progress adapting = ub_progress_of_part(&parts[1]);
    fitting f = {0};
    ub_status status = ub_dictionary_check(dictionary, why);
    if (!status && ub_drums_are_in(dictionary)) {
        status = ub_fail(why, UB_BAD_VALUE, "drums cannot be chosen by their fit");
    }
    status = status ? status
                    : ub_note_input_open(audio, dictionary, settings, UB_NOTE_CELL_FRAMES, &f.input,
                                         why);
    if (!status && f.input.front.n_frames > 0) {
        status = take_sample(&f.input.front, settings, &reading, from, why);
        status = status ? status : fit(&f, dictionary, from, settings, &adapting, why);
    }
    *divergence = f.model.divergence;
    fitting_free(&f);
    return status;
}

ub_status ub_transcribe_divergences(const ub_audio *audio, const ub_dictionary *const *dictionaries,
                                    size_t n, const ub_settings *settings,
                                    const ub_progress *progress, double *divergences,
                                    ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    sample from = {0};
    ub_status status = ub_settings_check(settings, why);
    for (size_t i = 0; !status && i < n; i++) {
        ub_progress_part part = {progress, (double)i / (double)n, (double)(i + 1) / (double)n};
        const ub_progress listener = ub_progress_of_part(&part);
        status = try_dictionary(audio, dictionaries[i], settings, &listener, &from, &divergences[i],
                                why);
    }
    ub_spectra_free(from.magnitudes, from.n_channels);
    return status;
}

ub_status ub_transcribe_choose(const ub_audio *audio, const ub_dictionary *const *dictionaries,
                               size_t n, const ub_settings *settings, const ub_progress *progress,
                               size_t *out, ub_message *why)
{
    double *divergences = n > 0 ? calloc(n, sizeof *divergences) : NULL;
    if (!divergences) {
        return n > 0 ? ub_fail(why, UB_NO_MEMORY, "no memory to choose a dictionary")
                     : ub_fail(why, UB_BAD_VALUE, "there is no dictionary to choose");
    }
    const ub_status status =
        ub_transcribe_divergences(audio, dictionaries, n, settings, progress, divergences, why);
    if (!status) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++) {
            best = divergences[i] < divergences[best] ? i : best;
        }
        const bool is_clear = divergences[best] <= CLEARLY_BETTER * divergences[n - 1];
        *out = is_clear ? best : n - 1;
    }
    free(divergences);
    return status;
}
