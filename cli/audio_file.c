// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio_file.h"
#include "audio_header.h"
#include "bytes.h"
#include "interrupt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BLOCK_SAMPLES = 8192 // per channel, that are decoded at a time
};

// One decoder with its place. Samples as float and as integers are read at different places (the
// model runs ahead of the stems), so each kind has its own and neither seeks all the time.
struct decoder {
    SNDFILE *handle;
    struct bytes bytes;
    size_t next; // sample it would read next
};

struct audio_file {
    struct audio_info info;
    SF_INFO open_as; // zero, or what a file without a header holds
    struct bytes bytes; // owns the descriptor; the decoders work on copies
    struct decoder floats;
    struct decoder integers;
    double *block; // BLOCK_SAMPLES * n_channels, used as double, float or int
};

static struct sample_type type_of(int subtype)
{
    switch (subtype) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_DPCM_8:
        return (struct sample_type){false, 8};
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_DWVW_24:
    case SF_FORMAT_ALAC_20:
    case SF_FORMAT_ALAC_24:
        return (struct sample_type){false, 24};
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_ALAC_32:
    case SF_FORMAT_DWVW_N:
        return (struct sample_type){false, 32};
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_VORBIS:
    case SF_FORMAT_OPUS:
    case SF_FORMAT_MPEG_LAYER_I:
    case SF_FORMAT_MPEG_LAYER_II:
    case SF_FORMAT_MPEG_LAYER_III:
        return (struct sample_type){true, 32};
    case SF_FORMAT_DOUBLE:
        return (struct sample_type){true, 64};
    default:
        return (struct sample_type){false, 16}; // what mu-law and the ADPCMs decode to
    }
}

static bool is_lossy(int subtype)
{
    return subtype == SF_FORMAT_VORBIS || subtype == SF_FORMAT_OPUS ||
           (subtype >= SF_FORMAT_MPEG_LAYER_I && subtype <= SF_FORMAT_MPEG_LAYER_III);
}

static void name_format(int format, int command, char *name, size_t size)
{
    SF_FORMAT_INFO about = {.format = format};
    if (sf_command(NULL, command, &about, sizeof about) == 0 && about.name) {
        strncpy(name, about.name, size - 1);
    }
}

static void fill_info(const SF_INFO *raw, struct audio_info *info)
{
    const int subtype = raw->format & SF_FORMAT_SUBMASK;
    *info = (struct audio_info){
        .type = type_of(subtype),
        .is_lossy = is_lossy(subtype),
        .n_channels = (size_t)raw->channels,
        .n_samples = (size_t)raw->frames,
        .rate_hz = (unsigned)raw->samplerate,
    };
    name_format(raw->format & SF_FORMAT_TYPEMASK, SFC_GET_FORMAT_INFO, info->format,
                sizeof info->format);
    name_format(subtype, SFC_GET_FORMAT_INFO, info->encoding, sizeof info->encoding);
}

// libsndfile ends its messages with a full stop; ours go on with the remedy.
static ub_status not_a_sound(SNDFILE *handle, ub_message *why)
{
    const char *text = sf_strerror(handle);
    const size_t length = strlen(text);
    const size_t dots = length > 0 && text[length - 1] == '.' ? 1 : 0;
    return ub_fail(why, UB_BAD_FORMAT, "cannot be read as sound (%.*s); convert it to WAV or FLAC",
                   (int)(length - dots < 120 ? length - dots : 120), text);
}

static ub_status open_decoder(const struct audio_file *file, struct decoder *decoder,
                              ub_message *why)
{
    SF_VIRTUAL_IO io = bytes_virtual_io();
    SF_INFO raw = file->open_as;
    decoder->bytes = file->bytes;
    decoder->next = 0;
    decoder->handle = sf_open_virtual(&io, SFM_READ, &raw, &decoder->bytes);
    return decoder->handle ? UB_OK : not_a_sound(NULL, why);
}

static ub_status check_info(const SF_INFO *raw, ub_message *why)
{
    if (raw->channels < 1 || raw->channels > AUDIO_MAX_CHANNELS) {
        return ub_fail(why, UB_BAD_FORMAT, "has %d channels; give it 1 to %d", raw->channels,
                       AUDIO_MAX_CHANNELS);
    }
    if (raw->frames <= 0 || (uint64_t)raw->frames > SIZE_MAX / sizeof(double)) {
        return ub_fail(why, UB_BAD_FORMAT, "holds no samples; get a complete copy");
    }
    return UB_OK;
}

static ub_status ends_early(const struct audio_file *file, size_t at, ub_message *why)
{
    return ub_fail(why, UB_BAD_FORMAT,
                   "ends after %zu of %zu samples or is damaged there; get a complete copy", at,
                   file->info.n_samples);
}

// Decode the whole file to float, then read that. The number of samples is what came out.
static ub_status decode_to_temporary(struct audio_file *file, ub_message *why)
{
    struct bytes copy;
    ub_status status = bytes_temporary(&copy, why);
    if (status) {
        return status;
    }
    SF_VIRTUAL_IO io = bytes_virtual_io();
    SF_INFO raw = {.channels = (int)file->info.n_channels,
                   .samplerate = (int)file->info.rate_hz,
                   .format = SF_FORMAT_RAW | SF_FORMAT_FLOAT | SF_ENDIAN_LITTLE};
    SNDFILE *to = sf_open_virtual(&io, SFM_WRITE, &raw, &copy);
    float *block = (float *)file->block;
    sf_count_t n = 0, total = 0;
    while (to && !interrupted() &&
           (n = sf_readf_float(file->floats.handle, block, BLOCK_SAMPLES)) > 0 &&
           sf_writef_float(to, block, n) == n) {
        total += n;
    }
    sf_close(to);
    if (interrupted()) {
        status = ub_fail(why, UB_CANCELLED, "interrupted; nothing was written");
    } else if (!to || copy.error || n > 0) {
        status = ub_fail(why, UB_FILE_ERROR,
                         "the decoded copy cannot be written (%s); set TMPDIR "
                         "to a folder with room",
                         strerror(copy.error));
    } else if (total == 0) {
        status = ub_fail(why, UB_BAD_FORMAT, "holds no samples; get a complete copy");
    }
    sf_close(file->floats.handle);
    file->floats.handle = NULL;
    close(file->bytes.fd);
    copy.position = 0;
    file->bytes = copy;
    file->open_as = raw;
    file->info.n_samples = (size_t)total;
    return status ? status : open_decoder(file, &file->floats, why);
}

static ub_status open_all(struct audio_file *file, ub_message *why)
{
    ub_status status = audio_header_check(&file->bytes, why);
    status = status ? status : open_decoder(file, &file->floats, why);
    if (status) {
        return status;
    }
    SF_INFO raw;
    sf_command(file->floats.handle, SFC_GET_CURRENT_SF_INFO, &raw, sizeof raw);
    fill_info(&raw, &file->info);
    status = check_info(&raw, why);
    if (status) {
        return status;
    }
    file->block = calloc(BLOCK_SAMPLES * file->info.n_channels, sizeof(double));
    if (!file->block) {
        return ub_fail(why, UB_NO_MEMORY, "no memory to read it");
    }
    return file->info.is_lossy ? decode_to_temporary(file, why) : UB_OK;
}

ub_status audio_file_open(const char *path, struct audio_file **out, ub_message *why)
{
    struct audio_file *file = calloc(1, sizeof *file);
    if (!file) {
        return ub_fail(why, UB_NO_MEMORY, "no memory to read it");
    }
    file->bytes.fd = -1;
    ub_status status = bytes_open(path, &file->bytes, why);
    if (status) {
        file->bytes.fd = -1;
    }
    status = status ? status : open_all(file, why);
    if (status) {
        audio_file_close(file);
        return status;
    }
    *out = file;
    return UB_OK;
}

ub_status audio_file_open_for_work(const char *path, struct audio_file **out, ub_message *why)
{
    struct audio_file *file;
    const ub_status status = audio_file_open(path, &file, why);
    if (status) {
        return status;
    }
    const unsigned rate_hz = file->info.rate_hz;
    if (rate_hz < AUDIO_MIN_RATE_HZ || rate_hz > AUDIO_MAX_RATE_HZ) {
        audio_file_close(file);
        return ub_fail(why, UB_BAD_FORMAT,
                       "has a sample rate of %u Hz; resample it to one from %d to %d Hz", rate_hz,
                       AUDIO_MIN_RATE_HZ, AUDIO_MAX_RATE_HZ);
    }
    *out = file;
    return UB_OK;
}

void audio_file_close(struct audio_file *file)
{
    if (!file) {
        return;
    }
    if (file->floats.handle) {
        sf_close(file->floats.handle);
    }
    if (file->integers.handle) {
        sf_close(file->integers.handle);
    }
    if (file->bytes.fd >= 0) {
        close(file->bytes.fd);
    }
    free(file->block);
    free(file);
}

const struct audio_info *audio_file_info(const struct audio_file *file)
{
    return &file->info;
}

static ub_status move_to(struct audio_file *file, struct decoder *decoder, size_t sample,
                         ub_message *why)
{
    if (interrupted()) {
        return ub_fail(why, UB_CANCELLED, "interrupted; nothing of it was written");
    }
    if (!decoder->handle) {
        const ub_status status = open_decoder(file, decoder, why);
        if (status) {
            return status;
        }
    }
    if (decoder->next != sample &&
        sf_seek(decoder->handle, (sf_count_t)sample, SEEK_SET) != (sf_count_t)sample) {
        return ends_early(file, sample, why);
    }
    decoder->next = sample;
    return UB_OK;
}

static ub_status not_finite(const struct audio_file *file, size_t sample, size_t channel,
                            ub_message *why)
{
    return ub_fail(why, UB_BAD_VALUE,
                   "sample %zu of channel %zu (at %.3f s) is not a finite number; repair the "
                   "recording there",
                   sample, channel + 1, (double)sample / file->info.rate_hz);
}

// Distribute a decoded block to channels that begin at `offset`.
static ub_status deinterleave(const struct audio_file *file, size_t first, size_t offset, size_t n,
                              float *const *channels, ub_message *why)
{
    const float *block = (const float *)file->block;
    const size_t n_channels = file->info.n_channels;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < n_channels; c++) {
            const float sample = block[i * n_channels + c];
            if (!isfinite(sample)) {
                return not_finite(file, first + offset + i, c, why);
            }
            channels[c][offset + i] = sample;
        }
    }
    return UB_OK;
}

ub_status audio_file_read(struct audio_file *file, size_t first, size_t n, float *const *channels,
                          ub_message *why)
{
    struct decoder *decoder = &file->floats;
    ub_status status = move_to(file, decoder, first, why);
    for (size_t done = 0; !status && done < n;) {
        const size_t want = n - done < BLOCK_SAMPLES ? n - done : BLOCK_SAMPLES;
        const sf_count_t got =
            sf_readf_float(decoder->handle, (float *)file->block, (sf_count_t)want);
        if (got != (sf_count_t)want) {
            decoder->next = SIZE_MAX; // wherever it stands now
            return ends_early(file, first + done + (got > 0 ? (size_t)got : 0), why);
        }
        decoder->next += want;
        status = deinterleave(file, first, done, want, channels, why);
        done += want;
    }
    return status;
}

static ub_status read_for_library(void *context, size_t first, size_t n, float *const *channels,
                                  ub_message *why)
{
    return audio_file_read(context, first, n, channels, why);
}

ub_audio audio_file_as_audio(struct audio_file *file)
{
    return (ub_audio){
        .n_channels = file->info.n_channels,
        .n_samples = file->info.n_samples,
        .rate_hz = file->info.rate_hz,
        .read = read_for_library,
        .context = file,
    };
}

// Round to nearest, halves up, and keep within the range. libsndfile has integers left-justified
// in 32 bits, so for as many bits as the file stores nothing is lost.
static int32_t narrow_integer(int32_t sample, unsigned bits, size_t *n_clipped)
{
    if (bits == 32) {
        return sample;
    }
    const unsigned shift = 32 - bits;
    const int64_t rounded = ((int64_t)sample + ((int64_t)1 << (shift - 1))) >> shift;
    const int64_t maximum = ((int64_t)1 << (bits - 1)) - 1;
    *n_clipped += rounded > maximum;
    return (int32_t)(rounded > maximum ? maximum : rounded);
}

static int32_t narrow_float(double sample, unsigned bits, size_t *n_clipped)
{
    const double scale = ldexp(1.0, (int)bits - 1);
    const double rounded = rint(sample * scale);
    const bool is_low = rounded<-scale, is_high = rounded> scale - 1.0;
    *n_clipped += is_low || is_high;
    return (int32_t)(is_low ? -scale : is_high ? scale - 1.0 : rounded);
}

static void spread_integers(const struct audio_file *file, size_t offset, size_t n, unsigned bits,
                            int32_t *const *channels, size_t *n_clipped)
{
    const size_t n_channels = file->info.n_channels;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < n_channels; c++) {
            const size_t at = i * n_channels + c;
            channels[c][offset + i] =
                file->info.type.is_float
                    ? narrow_float(file->block[at], bits, n_clipped)
                    : narrow_integer(((const int *)file->block)[at], bits, n_clipped);
        }
    }
}

ub_status audio_file_read_integers(struct audio_file *file, size_t first, size_t n, unsigned bits,
                                   int32_t *const *channels, size_t *n_clipped, ub_message *why)
{
    struct decoder *decoder = &file->integers;
    const ub_status status = move_to(file, decoder, first, why);
    for (size_t done = 0; !status && done < n;) {
        const size_t want = n - done < BLOCK_SAMPLES ? n - done : BLOCK_SAMPLES;
        const sf_count_t got =
            file->info.type.is_float
                ? sf_readf_double(decoder->handle, file->block, (sf_count_t)want)
                : sf_readf_int(decoder->handle, (int *)file->block, (sf_count_t)want);
        if (got != (sf_count_t)want) {
            decoder->next = SIZE_MAX;
            return ends_early(file, first + done, why);
        }
        decoder->next += want;
        spread_integers(file, done, want, bits, channels, n_clipped);
        done += want;
    }
    return status;
}
