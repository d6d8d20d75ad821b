// SPDX-License-Identifier: GPL-3.0-or-later
// Pages as in RFC 3533: a head of 27 bytes, a table of up to 255 segment lengths, the segments.
#include "ogg_pages.h"

#include <stdint.h>
#include <string.h>

enum {
    HEAD_BYTES = 27,
    SERIAL_AT = 14,
    CHECKSUM_AT = 22,
    SEGMENTS_AT = 26,
    MAX_PAGE_BYTES = HEAD_BYTES + 255 + 255 * 255,
};

static void put_32(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (unsigned char)(value >> 8 * i);
    }
}

// CRC-32 with the polynomial 0x04c11db7, most significant bit first, nothing inverted.
static uint32_t checksum(const unsigned char *page, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum ^= (uint32_t)page[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            sum = sum << 1 ^ (sum & 0x80000000u ? 0x04c11db7u : 0);
        }
    }
    return sum;
}

// Bytes of the page at `at`, 0 when there is no whole one.
static size_t read_page(struct bytes *bytes, int64_t at, unsigned char *page)
{
    const size_t n = bytes_read_at(bytes, at, page, MAX_PAGE_BYTES);
    if (n < HEAD_BYTES || memcmp(page, "OggS", 4) != 0) {
        return 0;
    }
    const size_t n_segments = page[SEGMENTS_AT];
    size_t size = HEAD_BYTES + n_segments;
    for (size_t i = 0; i < n_segments && HEAD_BYTES + i < n; i++) {
        size += page[HEAD_BYTES + i];
    }
    return size <= n ? size : 0;
}

bool ogg_pages_renumber(struct bytes *bytes)
{
    unsigned char page[MAX_PAGE_BYTES];
    for (int64_t at = 0; at < bytes->size;) {
        const size_t size = read_page(bytes, at, page);
        if (size == 0) {
            return false;
        }
        put_32(page + SERIAL_AT, 1);
        put_32(page + CHECKSUM_AT, 0);
        put_32(page + CHECKSUM_AT, checksum(page, size));
        if (!bytes_write_at(bytes, at, page, size)) {
            return false;
        }
        at += (int64_t)size;
    }
    return true;
}
