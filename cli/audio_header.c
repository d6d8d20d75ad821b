// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio_header.h"

#include <string.h>

// Sizes from here on, or 0, are what writers to a pipe put in: 0x7ffff000 and more, 0xffffffff.
static const uint64_t stream_size = 0x7ffff000;
// The largest size that leaves room for the rest of a RIFF header.
static const uint64_t largest_riff = 0xffffff00;
// More than what other programs append to a file without counting it.
static const uint64_t tail_room = 1 << 20;

// How a family of formats lays out its chunks.
struct layout {
    int64_t first; ///< offset of the first chunk
    size_t id_bytes;
    size_t size_bytes;
    bool big_endian;
    bool size_counts_header; ///< the size of a chunk includes its own id and size
    int64_t alignment; ///< chunks start at multiples of it
    const char *samples_id; ///< first four bytes of the id of the chunk with the samples
};

static const struct layout riff = {12, 4, 4, false, false, 2, "data"};
static const struct layout rifx = {12, 4, 4, true, false, 2, "data"};
static const struct layout aiff = {12, 4, 4, true, false, 2, "SSND"};
static const struct layout wave64 = {40, 16, 8, false, true, 8, "data"};
static const struct layout caf = {8, 4, 8, true, false, 1, "data"};

struct chunk {
    int64_t size_at; ///< offset of the size field
    int64_t payload; ///< offset of the content
    uint64_t size; ///< of the content, as promised
    bool in_ds64; ///< the size stands in another chunk
};

static uint64_t number(const unsigned char *from, size_t n, bool big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value << 8 | from[big_endian ? i : n - 1 - i];
    }
    return value;
}

static const struct layout *layout_of(const unsigned char *head)
{
    static const struct {
        const char *magic;
        const struct layout *layout;
    } known[] = {{"RIFF", &riff}, {"RF64", &riff},   {"BW64", &riff}, {"RIFX", &rifx},
                 {"FORM", &aiff}, {"riff", &wave64}, {"caff", &caf}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(head, known[i].magic, 4) == 0) {
            return known[i].layout;
        }
    }
    return NULL;
}

// Walk the chunks to the one with the samples. A 64-bit size for it is found in "ds64" on the way.
static bool find_samples(struct bytes *bytes, const struct layout *layout, struct chunk *found)
{
    uint64_t long_size = UINT64_MAX;
    int64_t at = layout->first;
    unsigned char head[24], ds64[16];
    const size_t head_bytes = layout->id_bytes + layout->size_bytes;
    while (bytes_read_at(bytes, at, head, head_bytes) == head_bytes) {
        uint64_t size = number(head + layout->id_bytes, layout->size_bytes, layout->big_endian);
        if (layout->size_counts_header) {
            size = size > head_bytes ? size - head_bytes : 0;
        }
        const int64_t payload = at + (int64_t)head_bytes;
        if (memcmp(head, layout->samples_id, 4) == 0) {
            const bool in_ds64 = size == UINT32_MAX && long_size != UINT64_MAX;
            *found = (struct chunk){at + (int64_t)layout->id_bytes, payload,
                                    in_ds64 ? long_size : size, in_ds64};
            return true;
        }
        if (memcmp(head, "ds64", 4) == 0 &&
            bytes_read_at(bytes, payload, ds64, sizeof ds64) == sizeof ds64) {
            long_size = number(ds64 + 8, 8, false);
        }
        if (size > (uint64_t)(bytes->size - payload)) {
            return false; // runs over the end; libsndfile has its say
        }
        at = payload + (int64_t)size;
        at += (layout->alignment - at % layout->alignment) % layout->alignment;
    }
    return false;
}

static void patch(struct bytes *bytes, int64_t at, uint64_t value)
{
    struct byte_patch *patch = &bytes->patches[bytes->n_patches++];
    patch->at = at;
    for (size_t i = 0; i < 4; i++) {
        patch->bytes[i] = (unsigned char)(value >> 8 * i);
    }
}

// A header that was never closed: no size, and a whole that ends before the samples begin; or
// sizes of streams, whether the file falls short of them or goes on behind them.
static bool is_stream(struct bytes *bytes, const struct chunk *samples)
{
    unsigned char size[4];
    if (samples->in_ds64 || bytes_read_at(bytes, 4, size, 4) != 4) {
        return false;
    }
    const uint64_t whole = 8 + number(size, 4, false), held = (uint64_t)bytes->size;
    if (samples->size == 0) {
        return whole <= (uint64_t)samples->payload || whole - 8 >= stream_size;
    }
    return samples->size >= stream_size &&
           (samples->size > held - (uint64_t)samples->payload || held > whole + tail_room);
}

// More than the sizes of the format can say, so that a reader who believes them drops the rest.
static bool is_too_large(const struct bytes *bytes, const struct layout *layout,
                         const struct chunk *samples, bool stream)
{
    const uint64_t held = (uint64_t)(bytes->size - samples->payload);
    return layout->size_bytes == 4 && !samples->in_ds64 &&
           (bytes->size - 8 > (int64_t)UINT32_MAX || (stream && held > largest_riff));
}

static ub_status cut_off(uint64_t promised, uint64_t held, ub_message *why)
{
    return ub_fail(why, UB_BAD_FORMAT,
                   "is cut off: its header promises %llu bytes of samples, it holds %llu; get a "
                   "complete copy, or keep what is there with sox --ignore-length",
                   (unsigned long long)promised, (unsigned long long)held);
}

static ub_status check_chunks(struct bytes *bytes, const struct layout *layout, ub_message *why)
{
    struct chunk samples;
    if (!find_samples(bytes, layout, &samples)) {
        return UB_OK;
    }
    const uint64_t held = (uint64_t)(bytes->size - samples.payload);
    const bool endless = layout == &caf && samples.size == UINT64_MAX;
    const bool too_much = samples.size > held && !endless;
    const bool stream = layout == &riff && is_stream(bytes, &samples);
    if (is_too_large(bytes, layout, &samples, stream)) {
        return ub_fail(why, UB_BAD_FORMAT,
                       "is larger than the 4 GiB that the size fields of its format can say; store "
                       "it as RF64, W64 or FLAC");
    }
    if (stream) {
        patch(bytes, 4, (uint64_t)bytes->size - 8);
        patch(bytes, samples.size_at, held);
        return UB_OK;
    }
    return too_much ? cut_off(samples.size, held, why) : UB_OK;
}

// The last page of an Ogg stream must be whole. Pages are at most 65307 bytes long.
static ub_status check_ogg(struct bytes *bytes, ub_message *why)
{
    unsigned char tail[2 * 65307];
    const int64_t from =
        bytes->size > (int64_t)sizeof tail ? bytes->size - (int64_t)sizeof tail : 0;
    const size_t n = bytes_read_at(bytes, from, tail, sizeof tail);
    for (size_t at = n < 27 ? 0 : n - 27 + 1; at-- > 0;) {
        if (memcmp(tail + at, "OggS", 5) != 0) { // the fifth byte is version 0
            continue;
        }
        const size_t n_segments = tail[at + 26];
        size_t end = at + 27 + n_segments;
        for (size_t i = 0; i < n_segments && at + 27 + i < n; i++) {
            end += tail[at + 27 + i];
        }
        return end > n ? cut_off(end + (uint64_t)from, (uint64_t)bytes->size, why) : UB_OK;
    }
    return UB_OK;
}

ub_status audio_header_check(struct bytes *bytes, ub_message *why)
{
    unsigned char head[4];
    if (bytes->size == 0) {
        return ub_fail(why, UB_BAD_FORMAT, "is empty; get a complete copy");
    }
    if (bytes_read_at(bytes, 0, head, sizeof head) < sizeof head) {
        return UB_OK;
    }
    if (memcmp(head, "OggS", 4) == 0) {
        return check_ogg(bytes, why);
    }
    const struct layout *layout = layout_of(head);
    return layout ? check_chunks(bytes, layout, why) : UB_OK;
}
