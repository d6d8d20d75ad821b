// SPDX-License-Identifier: GPL-3.0-or-later
/** A stream of PortAudio: opened, started and ended with a report, and what its callbacks share. */
#ifndef UNBRAID_CLI_SOUND_STREAM_H
#define UNBRAID_CLI_SOUND_STREAM_H

#include <unbraid/attributes.h>

#include <portaudio.h>
#include <stdbool.h>
#include <stddef.h>

/** Most samples of a channel that --block asks for. */
enum { SOUND_LONGEST_BLOCK = 65536 };

/** What says that sound was lost. */
enum {
    SOUND_LOST = paInputUnderflow | paInputOverflow | paOutputUnderflow | paOutputOverflow,
};

struct sound_stream_settings {
    const char *command; ///< for reports
    PaDeviceIndex input, output; ///< paNoDevice for no input
    size_t n_inputs, n_outputs; ///< channels
    double rate_hz;
    unsigned long block_frames; ///< 0 for what the device likes
    PaStreamCallback *run; ///< gets planar floats
    void *context;
};

/** Open it. @return NULL after a report. */
PaStream *sound_stream_open(const struct sound_stream_settings *settings);

/** Let it run. @return false after a report that begins with the command's name. */
bool sound_stream_start(PaStream *stream, const char *command);

/** Stop it at once; the callback does not run any more. */
void sound_stream_stop(PaStream *stream);

/** NULL is fine. */
void sound_stream_close(PaStream *stream);

/** Complete a block of which n_done frames of the first n_channels outputs are there: the others
    are as the first, and what follows is silence. */
UB_RT void sound_stream_fill(float *const *out, size_t n_channels, size_t n_outputs, size_t n_done,
                             size_t n);

#endif
