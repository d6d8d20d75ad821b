// SPDX-License-Identifier: GPL-3.0-or-later
#include "bytes.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Write all of it, whatever the signals. @return false with errno set.
static bool write_at(int fd, int64_t at, const unsigned char *from, size_t n)
{
    while (n > 0) {
        const ssize_t written = pwrite(fd, from, n, (off_t)at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return false;
        }
        from += written;
        at += written;
        n -= (size_t)written;
    }
    return true;
}

ub_status bytes_temporary(struct bytes *bytes, ub_message *why)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    const int length =
        snprintf(path, sizeof path, "%s/unbraid-XXXXXX", folder && *folder ? folder : "/tmp");
    const int fd = length < (int)sizeof path ? mkstemp(path) : -1;
    if (fd < 0) {
        return ub_fail(why, UB_FILE_ERROR,
                       "no temporary file can be made in %.80s (%s); set TMPDIR to a folder with "
                       "room",
                       folder && *folder ? folder : "/tmp", strerror(errno));
    }
    unlink(path);
    *bytes = (struct bytes){.fd = fd};
    return UB_OK;
}

// @return bytes read, 0 at the end, -1 with errno; an interrupt counts as a failure.
static ssize_t read_some(int fd, unsigned char *to, size_t n)
{
    for (;;) {
        const ssize_t got = interrupted() ? -1 : read(fd, to, n);
        if (got >= 0 || interrupted() || errno != EINTR) {
            return got;
        }
    }
}

static ub_status spool(int from, struct bytes *to, ub_message *why)
{
    ub_status status = bytes_temporary(to, why);
    if (status) {
        return status;
    }
    unsigned char block[1 << 16];
    ssize_t n;
    while ((n = read_some(from, block, sizeof block)) > 0) {
        if (!write_at(to->fd, to->size, block, (size_t)n)) {
            status = ub_fail(why, UB_FILE_ERROR,
                             "the temporary copy cannot be written (%s); set TMPDIR to a folder "
                             "with room",
                             strerror(errno));
            break;
        }
        to->size += n;
    }
    if (n < 0) {
        status = interrupted() ? ub_fail(why, UB_CANCELLED, "interrupted; nothing was written")
                               : ub_fail(why, UB_FILE_ERROR, "cannot be read (%s); check it",
                                         strerror(errno));
    }
    if (status) {
        close(to->fd);
    }
    return status;
}

static ub_status open_named(const char *path, int *fd, ub_message *why)
{
    *fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (*fd >= 0) {
        return UB_OK;
    }
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return ub_fail(why, UB_FILE_ERROR, "there is no such file; check the name");
    case EACCES:
        return ub_fail(why, UB_FILE_ERROR, "may not be read; change its permissions");
    default:
        return ub_fail(why, UB_FILE_ERROR, "cannot be opened (%s); check it", strerror(errno));
    }
}

ub_status bytes_open(const char *path, struct bytes *bytes, ub_message *why)
{
    int fd;
    ub_status status = open_named(path, &fd, why);
    if (status) {
        return status;
    }
    struct stat about;
    if (fstat(fd, &about) != 0) {
        status = ub_fail(why, UB_FILE_ERROR, "cannot be examined (%s); check it", strerror(errno));
    } else if (S_ISDIR(about.st_mode)) {
        status = ub_fail(why, UB_FILE_ERROR, "is a folder; name a file");
    } else if (S_ISREG(about.st_mode)) {
        *bytes = (struct bytes){.fd = fd, .size = (int64_t)about.st_size};
        return UB_OK;
    } else {
        status = spool(fd, bytes, why);
    }
    close(fd);
    return status;
}

static void apply_patches(const struct bytes *bytes, int64_t at, unsigned char *to, size_t n)
{
    for (size_t i = 0; i < bytes->n_patches; i++) {
        for (int64_t k = 0; k < 4; k++) {
            const int64_t where = bytes->patches[i].at + k - at;
            if (where >= 0 && where < (int64_t)n) {
                to[where] = bytes->patches[i].bytes[k];
            }
        }
    }
}

size_t bytes_read_at(struct bytes *bytes, int64_t at, void *to, size_t n)
{
    unsigned char *block = to;
    size_t done = 0;
    while (done < n) {
        const ssize_t got = pread(bytes->fd, block + done, n - done, (off_t)at + (off_t)done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && !bytes->error) {
            bytes->error = errno;
        }
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    apply_patches(bytes, at, block, done);
    return done;
}

bool bytes_write_at(struct bytes *bytes, int64_t at, const void *from, size_t n)
{
    if (!write_at(bytes->fd, at, from, n)) {
        bytes->error = bytes->error ? bytes->error : errno;
        return false;
    }
    const int64_t end = at + (int64_t)n;
    bytes->size = bytes->size > end ? bytes->size : end;
    return true;
}

static sf_count_t io_size(void *context)
{
    return ((const struct bytes *)context)->size;
}

static sf_count_t io_tell(void *context)
{
    return ((const struct bytes *)context)->position;
}

static sf_count_t io_seek(sf_count_t offset, int whence, void *context)
{
    struct bytes *bytes = context;
    const int64_t base = whence == SEEK_SET   ? 0
                         : whence == SEEK_CUR ? bytes->position
                                              : bytes->size;
    if (offset < -base) {
        return -1;
    }
    bytes->position = base + offset;
    return bytes->position;
}

static sf_count_t io_read(void *to, sf_count_t n, void *context)
{
    struct bytes *bytes = context;
    const size_t got = bytes_read_at(bytes, bytes->position, to, (size_t)n);
    bytes->position += (int64_t)got;
    return (sf_count_t)got;
}

static sf_count_t io_write(const void *from, sf_count_t n, void *context)
{
    struct bytes *bytes = context;
    if (!bytes_write_at(bytes, bytes->position, from, (size_t)n)) {
        return 0;
    }
    bytes->position += n;
    return n;
}

SF_VIRTUAL_IO bytes_virtual_io(void)
{
    return (SF_VIRTUAL_IO){io_size, io_seek, io_read, io_write, io_tell};
}
