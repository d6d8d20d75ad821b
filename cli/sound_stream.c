// SPDX-License-Identifier: GPL-3.0-or-later
#include "sound_stream.h"
#include "report.h"
#include "sound_devices.h"

#include <string.h>

static PaStreamParameters parameters(PaDeviceIndex device, size_t n_channels, double latency_s)
{
    return (PaStreamParameters){
        .device = device,
        .channelCount = (int)n_channels,
        .sampleFormat = paFloat32 | paNonInterleaved,
        .suggestedLatency = latency_s,
    };
}

PaStream *sound_stream_open(const struct sound_stream_settings *settings)
{
    const bool has_input = settings->input != paNoDevice;
    PaStreamParameters in = {0};
    if (has_input) {
        in = parameters(settings->input, settings->n_inputs,
                        Pa_GetDeviceInfo(settings->input)->defaultLowInputLatency);
    }
    const PaDeviceInfo *output = Pa_GetDeviceInfo(settings->output);
    // Who only plays is not in a hurry.
    const PaStreamParameters out =
        parameters(settings->output, settings->n_outputs,
                   has_input ? output->defaultLowOutputLatency : output->defaultHighOutputLatency);
    PaStream *stream = NULL;
    // The samples are the device's: what it clips, it clips itself, and nothing is dithered.
    const PaError error = Pa_OpenStream(&stream, has_input ? &in : NULL, &out, settings->rate_hz,
                                        settings->block_frames, paClipOff | paDitherOff,
                                        settings->run, settings->context);
    if (error) {
        report_error(settings->command, "%s cannot be opened at %g Hz: %s; try another %s",
                     has_input ? "the devices" : "the device", settings->rate_hz,
                     sound_error_text(error), has_input ? "--rate or device" : "one");
    }
    return error ? NULL : stream;
}

bool sound_stream_start(PaStream *stream, const char *command)
{
    const PaError error = Pa_StartStream(stream);
    if (error) {
        report_error(command, "the sound cannot be started: %s; try another device",
                     sound_error_text(error));
    }
    return error == paNoError;
}

void sound_stream_stop(PaStream *stream)
{
    Pa_AbortStream(stream);
}

void sound_stream_close(PaStream *stream)
{
    if (stream) {
        Pa_CloseStream(stream);
    }
}

void sound_stream_fill(float *const *out, size_t n_channels, size_t n_outputs, size_t n_done,
                       size_t n)
{
    for (size_t c = 0; c < n_outputs; c++) {
        if (c >= n_channels) {
            memcpy(out[c], out[0], n_done * sizeof *out[c]);
        }
        memset(out[c] + n_done, 0, (n - n_done) * sizeof *out[c]);
    }
}
