// SPDX-License-Identifier: GPL-3.0-or-later
/** A whole sound file in memory, for scoring. */
#ifndef UNBRAID_CLI_SIGNAL_FILE_H
#define UNBRAID_CLI_SIGNAL_FILE_H

#include <unbraid/status.h>

#include <stddef.h>

struct signal_file {
    float **channels; ///< planar, one block
    size_t n_channels;
    size_t n_samples;
    unsigned rate_hz;
};

/** Silence. @return UB_OK or UB_NO_MEMORY. */
ub_status signal_file_silence(size_t n_channels, size_t n_samples, unsigned rate_hz,
                              struct signal_file *out, ub_message *why);

/** Load a file. @return as audio_file_open(). */
ub_status signal_file_load(const char *path, struct signal_file *out, ub_message *why);

/**
   Bring a signal to this shape: cut or lengthened by silence, mono copied to all channels,
   several channels averaged to mono.
   @return UB_OK, UB_BAD_SHAPE for other channel counts, UB_NO_MEMORY; on failure nothing changes.
*/
ub_status signal_file_fit(struct signal_file *signal, size_t n_channels, size_t n_samples,
                          ub_message *why);

/** Free and zero. Zeroed ones are fine. */
void signal_file_free(struct signal_file *signal);

#endif
