// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Up to `size` bytes; fewer only at the end of the file.
static bool read_up_to(int descriptor, unsigned char *bytes, size_t size, size_t *n_read)
{
    *n_read = 0;
    while (*n_read < size) {
        const ssize_t n = read(descriptor, bytes + *n_read, size - *n_read);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        if (n == 0) {
            break;
        }
        *n_read += (size_t)n;
    }
    return true;
}

static ub_status read_open_file(int descriptor, size_t max_size, unsigned char **bytes,
                                size_t *size, ub_message *why)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) {
        return ub_fail(why, UB_FILE_ERROR, "it cannot be read: %s", strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return ub_fail(why, UB_FILE_ERROR,
                       S_ISDIR(info.st_mode) ? "it is a folder, not a file"
                                             : "it is not a regular file");
    }
    if ((uintmax_t)info.st_size > (uintmax_t)max_size) {
        return ub_fail(why, UB_FILE_ERROR, "it has %jd bytes; at most %zu are read",
                       (intmax_t)info.st_size, max_size);
    }
    const size_t wanted = (size_t)info.st_size;
    unsigned char *content = malloc(wanted + 1);
    if (!content) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu bytes", wanted);
    }
    size_t n_read;
    if (!read_up_to(descriptor, content, wanted, &n_read)) {
        free(content);
        return ub_fail(why, UB_FILE_ERROR, "it cannot be read: %s", strerror(errno));
    }
    content[n_read] = 0;
    *bytes = content;
    *size = n_read;
    return UB_OK;
}

ub_status ub_file_read(const char *path, size_t max_size, unsigned char **bytes, size_t *size,
                       ub_message *why)
{
    // Not blocking, so that a pipe in place of a file is refused rather than waited for.
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return ub_fail(why, UB_FILE_ERROR, "it cannot be opened: %s", strerror(errno));
    }
    const ub_status status = read_open_file(descriptor, max_size, bytes, size, why);
    close(descriptor);
    return status;
}

static bool write_all(int descriptor, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(descriptor, bytes, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

// mkstemp makes files for the owner alone; a new file gets what open(2) would have given it, and
// one that replaces another keeps that one's mode.
static mode_t mode_for(const char *target)
{
    struct stat info;
    if (stat(target, &info) == 0) {
        return info.st_mode & 07777;
    }
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static ub_status write_beside(const char *target, char *temporary, const void *bytes, size_t size,
                              ub_message *why)
{
    const int descriptor = mkstemp(temporary);
    if (descriptor < 0) {
        return ub_fail(why, UB_FILE_ERROR, "it cannot be written: %s", strerror(errno));
    }
    const bool written = write_all(descriptor, bytes, size) &&
                         fchmod(descriptor, mode_for(target)) == 0 && fsync(descriptor) == 0;
    int error = errno;
    const bool closed = close(descriptor) == 0;
    error = written && !closed ? errno : error;
    if (written && closed && rename(temporary, target) == 0) {
        return UB_OK;
    }
    error = written && closed ? errno : error;
    unlink(temporary);
    return ub_fail(why, UB_FILE_ERROR, "it cannot be written: %s", strerror(error));
}

ub_status ub_file_write(const char *path, const void *bytes, size_t size, ub_message *why)
{
    // Through a link to the file that it names: replacing the link would leave that file behind.
    char *target = realpath(path, NULL);
    const char *final = target ? target : path;
    static const char suffix[] = ".XXXXXX";
    char *temporary = malloc(strlen(final) + sizeof suffix);
    ub_status status;
    if (temporary) {
        strcat(strcpy(temporary, final), suffix);
        status = write_beside(final, temporary, bytes, size, why);
    } else {
        status = ub_fail(why, UB_NO_MEMORY, "no memory to write %zu bytes", size);
    }
    free(temporary);
    free(target);
    return status;
}
