// SPDX-License-Identifier: GPL-3.0-or-later
// strerror() is safe on any thread with the libraries that this is built for (glibc 2.32, musl).
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
    // One byte of room for the closing zero.
    if ((uintmax_t)info.st_size > (uintmax_t)max_size || (uintmax_t)info.st_size >= SIZE_MAX) {
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

// A new file in the folder of the target, with the mode that open(2) gives: the umask holds. Its
// name has nothing of the target's, which may be as long as names can be.
static int create_beside(const char *target, char *temporary, size_t size)
{
    const char *slash = strrchr(target, '/');
    const int folder = slash ? (int)(slash - target) + 1 : 0;
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        snprintf(temporary, size, "%.*s.unbraid-%ld-%u.tmp", folder, target, (long)getpid(),
                 attempt);
        const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST) {
            return descriptor;
        }
    }
    return -1;
}

// One that replaces another keeps that one's mode.
static bool keep_mode(const char *target, int descriptor)
{
    struct stat info;
    return stat(target, &info) != 0 || fchmod(descriptor, info.st_mode & 0777) == 0;
}

static ub_status write_beside(const char *target, char *temporary, size_t room, const void *bytes,
                              size_t size, ub_message *why)
{
    const int descriptor = create_beside(target, temporary, room);
    if (descriptor < 0) {
        return ub_fail(why, UB_FILE_ERROR, "it cannot be written: %s", strerror(errno));
    }
    bool good = write_all(descriptor, bytes, size) && keep_mode(target, descriptor) &&
                fsync(descriptor) == 0;
    int error = errno;
    if (close(descriptor) != 0 && good) {
        error = errno;
        good = false;
    }
    if (good && rename(temporary, target) != 0) {
        error = errno;
        good = false;
    }
    if (!good) {
        unlink(temporary);
        return ub_fail(why, UB_FILE_ERROR, "it cannot be written: %s", strerror(error));
    }
    return UB_OK;
}

// What stands at the path already: nothing, or a regular file. A rename would put a file in the
// place of a device such as /dev/null, too.
static ub_status check_target(const char *path, ub_message *why)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return lstat(path, &info) != 0
                   ? UB_OK
                   : ub_fail(why, UB_FILE_ERROR, "it is a link that leads nowhere");
    }
    if (S_ISREG(info.st_mode)) {
        return UB_OK;
    }
    return ub_fail(why, UB_FILE_ERROR,
                   S_ISDIR(info.st_mode) ? "it is a folder, not a file"
                                         : "it is not a regular file");
}

ub_status ub_file_write(const char *path, const void *bytes, size_t size, ub_message *why)
{
    ub_status status = check_target(path, why);
    if (status) {
        return status;
    }
    // Through a link to the file that it names: replacing the link would leave that file behind.
    char *target = realpath(path, NULL);
    const char *final = target ? target : path;
    const size_t room = strlen(final) + 48;
    char *temporary = malloc(room);
    if (temporary) {
        status = write_beside(final, temporary, room, bytes, size, why);
    } else {
        status = ub_fail(why, UB_NO_MEMORY, "no memory to write %zu bytes", size);
    }
    free(temporary);
    free(target);
    return status;
}
