// SPDX-License-Identifier: GPL-3.0-or-later
#include "input.h"
#include "ground/threads.h"
#include "separate/model.h"
#include "separate/schedule.h"

ub_status ub_note_input_open(const ub_audio *audio, const ub_dictionary *dictionary,
                             const ub_settings *settings, size_t block_frames, ub_note_input *out,
                             ub_message *why)
{
    const ub_stft_settings stft = ub_model_transform(dictionary, settings, audio->rate_hz);
    const size_t n_threads = ub_thread_count((size_t)settings->value[UB_PARAM_THREADS]);
    ub_status status = ub_keys_new(dictionary, &out->keys, why);
    status = status ? status : ub_stft_new(&stft, &out->stft, why);
    status = status ? status
                    : ub_dictionary_fit(dictionary, audio->rate_hz, stft.size_samples,
                                        stft.hop_samples, &out->fitted, why);
    out->frame_rate_hz = audio->rate_hz / (double)stft.hop_samples;
    out->window_s = (double)stft.size_samples / audio->rate_hz;
    out->first_s = ((double)stft.hop_samples - 0.5 * (double)stft.size_samples) / audio->rate_hz;
    return status ? status
                  : ub_front_new(audio, out->stft, NULL, block_frames, n_threads, &out->front, why);
}

void ub_note_input_close(ub_note_input *input)
{
    ub_front_free(&input->front);
    ub_stft_free(input->stft);
    ub_keys_free(&input->keys);
    ub_dictionary_free(&input->fitted);
    *input = (ub_note_input){0};
}

ub_status ub_note_input_begin(const ub_note_input *input, const ub_key_sink *keys, ub_message *why)
{
    const ub_key_frames frames = {.n_keys = input->keys.n,
                                  .pitches = input->keys.pitch,
                                  .sources = input->keys.source,
                                  .n_frames = input->front.n_frames,
                                  .frame_rate_hz = input->frame_rate_hz,
                                  .first_s = input->first_s};
    return keys ? keys->begin(keys->context, &frames, why) : UB_OK;
}

ub_nmf_settings ub_note_factorisation(const ub_settings *settings)
{
    ub_nmf_settings nmf = ub_nmf_settings_default();
    nmf.beta = 0.0;
    nmf.relaxation = 1.9;
    nmf.n_threads = (size_t)settings->value[UB_PARAM_THREADS];
    nmf.kernels = ub_settings_kernels(settings);
    return nmf;
}
