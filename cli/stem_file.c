// SPDX-License-Identifier: GPL-3.0-or-later
#include "stem_file.h"
#include "ogg_pages.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_SAMPLES = 4096 // per channel, that are encoded at a time
};

// What a header may take; beyond 4 GiB less this, WAV cannot say how long it is.
static const uint64_t header_room = 65536;

struct stem_file {
    struct stem_format format;
    char *path;
    struct bytes *bytes; // borrowed from the output
    SNDFILE *handle;
    void *block; // interleaved samples, float or int
};

bool stem_container_from_name(const char *name, enum stem_container *container)
{
    for (enum stem_container c = STEM_WAV; c <= STEM_OGG; c++) {
        if (strcmp(name, stem_container_extension(c)) == 0) {
            *container = c;
            return true;
        }
    }
    return false;
}

const char *stem_container_extension(enum stem_container container)
{
    switch (container) {
    case STEM_FLAC:
        return "flac";
    case STEM_OGG:
        return "ogg";
    case STEM_WAV:
        break;
    }
    return "wav";
}

ub_status stem_format_choose(const struct stem_request *request, const struct audio_info *recording,
                             struct stem_format *format, ub_message *why)
{
    *format = (struct stem_format){
        .container = request->container,
        .type = request->has_type ? request->type : recording->type,
        .n_channels = recording->n_channels,
        .n_samples = recording->n_samples,
        .rate_hz = recording->rate_hz,
    };
    if (request->container == STEM_OGG) {
        format->type = (struct sample_type){true, 32};
    }
    if (request->container == STEM_FLAC) {
        if (!request->has_type && (format->type.is_float || format->type.bits > 24)) {
            format->type = (struct sample_type){false, 24};
        }
        if (recording->n_channels > 8) {
            return ub_fail(why, UB_BAD_SETTING,
                           "has %zu channels, and FLAC holds at most 8; use --format wav",
                           recording->n_channels);
        }
    }
    return UB_OK;
}

static int subtype_of(const struct stem_format *format)
{
    if (format->container == STEM_OGG) {
        return SF_FORMAT_VORBIS;
    }
    if (format->type.is_float) {
        return format->type.bits == 64 ? SF_FORMAT_DOUBLE : SF_FORMAT_FLOAT;
    }
    switch (format->type.bits) {
    case 8: // WAV has its 8 bits unsigned, FLAC signed
        return format->container == STEM_FLAC ? SF_FORMAT_PCM_S8 : SF_FORMAT_PCM_U8;
    case 16:
        return SF_FORMAT_PCM_16;
    case 24:
        return SF_FORMAT_PCM_24;
    default:
        return SF_FORMAT_PCM_32;
    }
}

static int container_of(const struct stem_format *format)
{
    const uint64_t sample_bytes = format->type.bits / 8;
    const uint64_t size = (uint64_t)format->n_samples * format->n_channels * sample_bytes;
    switch (format->container) {
    case STEM_FLAC:
        return SF_FORMAT_FLAC;
    case STEM_OGG:
        return SF_FORMAT_OGG;
    case STEM_WAV:
        break;
    }
    return size > UINT32_MAX - header_room ? SF_FORMAT_RF64 : SF_FORMAT_WAV;
}

// The reason of a failed write: the disk's when it has one, else libsndfile's.
static ub_status write_failed(const struct stem_file *file, ub_message *why)
{
    if (file->bytes->error) {
        return output_failed(file->path, file->bytes->error, why);
    }
    return ub_fail(why, UB_FILE_ERROR, "%.100s cannot be encoded (%.80s); try --format wav",
                   file->path, sf_strerror(file->handle));
}

static ub_status open_encoder(struct stem_file *file, ub_message *why)
{
    const struct stem_format *format = &file->format;
    SF_VIRTUAL_IO io = bytes_virtual_io();
    SF_INFO raw = {.channels = (int)format->n_channels,
                   .samplerate = (int)format->rate_hz,
                   .format = container_of(format) | subtype_of(format)};
    file->handle = sf_open_virtual(&io, SFM_WRITE, &raw, file->bytes);
    if (!file->handle) {
        return write_failed(file, why);
    }
    // A length that was guessed may turn out to fit into WAV.
    sf_command(file->handle, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
    // The peak chunk holds the time of day: the same run would not give the same bytes.
    sf_command(file->handle, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
    return UB_OK;
}

ub_status stem_file_new(struct output *output, const char *path, const struct stem_format *format,
                        struct stem_file **out, ub_message *why)
{
    struct stem_file *file = calloc(1, sizeof *file);
    if (!file) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a stem");
    }
    file->format = *format;
    file->path = strdup(path);
    file->block = calloc(BLOCK_SAMPLES * format->n_channels, sizeof(int32_t));
    ub_status status = UB_NO_MEMORY;
    if (file->path && file->block) {
        status = output_begin_file(output, path, &file->bytes, why);
        status = status ? status : open_encoder(file, why);
    }
    if (status) {
        stem_file_free(file);
        return status;
    }
    *out = file;
    return UB_OK;
}

ub_status stem_file_write_floats(struct stem_file *file, const float *const *channels, size_t n,
                                 ub_message *why)
{
    float *block = file->block;
    const size_t n_channels = file->format.n_channels;
    for (size_t done = 0; done < n;) {
        const size_t now = n - done < BLOCK_SAMPLES ? n - done : BLOCK_SAMPLES;
        for (size_t i = 0; i < now; i++) {
            for (size_t c = 0; c < n_channels; c++) {
                block[i * n_channels + c] = channels[c][done + i];
            }
        }
        if (sf_writef_float(file->handle, block, (sf_count_t)now) != (sf_count_t)now) {
            return write_failed(file, why);
        }
        done += now;
    }
    return UB_OK;
}

ub_status stem_file_write_integers(struct stem_file *file, int32_t *const *channels, size_t n,
                                   ub_message *why)
{
    int32_t *block = file->block;
    const size_t n_channels = file->format.n_channels;
    // libsndfile takes the upper bits of 32. Shifted unsigned, as a negative one has no shift.
    const unsigned shift = 32 - file->format.type.bits;
    for (size_t done = 0; done < n;) {
        const size_t now = n - done < BLOCK_SAMPLES ? n - done : BLOCK_SAMPLES;
        for (size_t i = 0; i < now; i++) {
            for (size_t c = 0; c < n_channels; c++) {
                block[i * n_channels + c] = (int32_t)((uint32_t)channels[c][done + i] << shift);
            }
        }
        if (sf_writef_int(file->handle, block, (sf_count_t)now) != (sf_count_t)now) {
            return write_failed(file, why);
        }
        done += now;
    }
    return UB_OK;
}

ub_status stem_file_finish(struct stem_file *file, ub_message *why)
{
    bool is_good = sf_close(file->handle) == 0 && !file->bytes->error;
    file->handle = NULL;
    if (is_good && file->format.container == STEM_OGG) {
        is_good = ogg_pages_renumber(file->bytes);
    }
    return is_good ? UB_OK : write_failed(file, why);
}

void stem_file_free(struct stem_file *file)
{
    if (!file) {
        return;
    }
    if (file->handle) {
        sf_close(file->handle);
    }
    free(file->block);
    free(file->path);
    free(file);
}
