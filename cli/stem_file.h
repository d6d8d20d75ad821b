// SPDX-License-Identifier: GPL-3.0-or-later
/** How stems are stored, and one stem being written. */
#ifndef UNBRAID_CLI_STEM_FILE_H
#define UNBRAID_CLI_STEM_FILE_H

#include "audio_file.h"
#include "output.h"

enum stem_container {
    STEM_WAV, ///< RF64 where WAV's 4 GiB do not suffice
    STEM_FLAC,
    STEM_OGG, ///< Vorbis: the only lossy one, for listening
};

/** A request from the command line. */
struct stem_request {
    enum stem_container container;
    bool has_type; ///< --bits was given
    struct sample_type type;
};

/** A decision for one recording. */
struct stem_format {
    enum stem_container container;
    struct sample_type type;
    size_t n_channels, n_samples;
    unsigned rate_hz;
};

/** The word is a container. */
bool stem_container_from_name(const char *name, enum stem_container *container);

/** Extension without a dot. */
const char *stem_container_extension(enum stem_container container);

/**
   The format for the stems of a recording: as asked; where nothing is asked, samples as in the
   recording (FLAC: at most 24 bits; Ogg: always float).
   @return UB_OK or UB_BAD_SETTING for what the container cannot hold.
*/
ub_status stem_format_choose(const struct stem_request *request, const struct audio_info *recording,
                             struct stem_format *format, ub_message *why);

struct stem_file;

/** Begin a stem as part of an output. @return UB_OK, UB_FILE_ERROR, UB_NO_MEMORY. */
ub_status stem_file_new(struct output *output, const char *path, const struct stem_format *format,
                        struct stem_file **out, ub_message *why);

/** Append n samples per channel of a format with float samples. */
ub_status stem_file_write_floats(struct stem_file *file, const float *const *channels, size_t n,
                                 ub_message *why);

/** Append n samples per channel of a format with integer samples of its number of bits. */
ub_status stem_file_write_integers(struct stem_file *file, int32_t *const *channels, size_t n,
                                   ub_message *why);

/** Complete the file, before the output is committed. @return UB_OK or UB_FILE_ERROR. */
ub_status stem_file_finish(struct stem_file *file, ub_message *why);

/** NULL is fine. The bytes belong to the output. */
void stem_file_free(struct stem_file *file);

#endif
