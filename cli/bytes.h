// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Bytes of an open file for libsndfile: with a position of its own, so that two decoders share
   one descriptor; with an overlay for the header fields that a stream could not know when it was
   written; and with the reason of the first failure kept, which libsndfile drops.
*/
#ifndef UNBRAID_CLI_BYTES_H
#define UNBRAID_CLI_BYTES_H

#include <unbraid/status.h>

#include <sndfile.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BYTES_MAX_PATCHES = 2 };

struct byte_patch {
    int64_t at;
    unsigned char bytes[4];
};

struct bytes {
    int fd; ///< of something that can be read at any position
    int64_t position;
    int64_t size;
    int error; ///< errno of the first read or write that failed; 0 for none
    struct byte_patch patches[BYTES_MAX_PATCHES];
    size_t n_patches;
};

/** Open a file for reading, "-" for standard input. What is not a plain file is copied to an
    unlinked temporary one first. The caller closes bytes->fd.
    @return UB_OK, UB_FILE_ERROR, UB_CANCELLED. */
ub_status bytes_open(const char *path, struct bytes *bytes, ub_message *why);

/** An empty, unlinked temporary file. The caller closes bytes->fd. @return UB_OK or
    UB_FILE_ERROR. */
ub_status bytes_temporary(struct bytes *bytes, ub_message *why);

/** Copy up to n bytes at `at`, patches applied. @return how many; fewer than n at the end. */
size_t bytes_read_at(struct bytes *bytes, int64_t at, void *to, size_t n);

/** Write n bytes at `at`. @return false when that fails; bytes->error has the reason. */
bool bytes_write_at(struct bytes *bytes, int64_t at, const void *from, size_t n);

/** What sf_open_virtual() needs; its user data is a `bytes`. */
SF_VIRTUAL_IO bytes_virtual_io(void);

#endif
