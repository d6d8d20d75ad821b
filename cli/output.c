// SPDX-License-Identifier: GPL-3.0-or-later
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pending {
    char *path; // where it belongs
    char *hidden; // where it is being written
    char *backup; // what stood at `path`, kept until all is well; NULL for nothing
    bool is_made; // the hidden file is ours
    bool is_named; // has got its name
    struct bytes *bytes;
};

struct output {
    struct pending *files;
    size_t n_files;
    char **folders; // made by us, outer ones first
    size_t n_folders;
    bool is_committed;
};

struct output *output_new(void)
{
    return calloc(1, sizeof(struct output));
}

ub_status output_failed(const char *path, int error, ub_message *why)
{
    const char *advice = error == ENOSPC || error == EDQUOT || error == EFBIG
                             ? "make room or choose another folder with -o"
                             : "choose another folder with -o";
    return ub_fail(why, UB_FILE_ERROR, "%.120s cannot be written (%s); %s", path, strerror(error),
                   advice);
}

static ub_status out_of_memory(ub_message *why)
{
    return ub_fail(why, UB_NO_MEMORY, "no memory for the list of output files");
}

static bool remember_folder(struct output *output, const char *path)
{
    char **grown = realloc(output->folders, (output->n_folders + 1) * sizeof *grown);
    if (!grown) {
        return false;
    }
    output->folders = grown;
    output->folders[output->n_folders] = strdup(path);
    return output->folders[output->n_folders] && ++output->n_folders;
}

// Make the folders on the way to `path`, which is changed and restored.
static ub_status make_folders(struct output *output, char *path, ub_message *why)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ub_status status = UB_OK;
        if (mkdir(path, 0777) == 0) {
            status = remember_folder(output, path) ? UB_OK : out_of_memory(why);
        } else if (errno != EEXIST) {
            status = output_failed(path, errno, why);
        }
        *slash = '/';
        if (status) {
            return status;
        }
    }
    return UB_OK;
}

// A hidden name in the folder of `path`: ".unbraid-<process>-<serial>" and what it is.
static char *hidden_name(const char *path, size_t serial, const char *kind)
{
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    char *name = malloc(folder + 64);
    if (name) {
        memcpy(name, path, folder);
        snprintf(name + folder, 64, ".unbraid-%ld-%zu.%s", (long)getpid(), serial, kind);
    }
    return name;
}

static ub_status check_target(const char *path, ub_message *why)
{
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        return ub_fail(why, UB_FILE_ERROR,
                       "%.120s is there already and no plain file; move it or choose another "
                       "folder with -o",
                       path);
    }
    return UB_OK;
}

ub_status output_begin_file(struct output *output, const char *path, struct bytes **file,
                            ub_message *why)
{
    struct pending *grown = realloc(output->files, (output->n_files + 1) * sizeof *grown);
    if (!grown) {
        return out_of_memory(why);
    }
    output->files = grown;
    struct pending *new = &output->files[output->n_files];
    *new = (struct pending){.path = strdup(path),
                            .hidden = hidden_name(path, output->n_files, "part"),
                            .bytes = calloc(1, sizeof(struct bytes))};
    if (new->bytes) {
        new->bytes->fd = -1;
    }
    output->n_files++; // from here on output_free() takes care of it
    if (!new->path || !new->hidden || !new->bytes) {
        return out_of_memory(why);
    }
    ub_status status = make_folders(output, new->path, why);
    status = status ? status : check_target(path, why);
    if (status) {
        return status;
    }
    new->bytes->fd = open(new->hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (new->bytes->fd < 0) {
        return output_failed(path, errno, why);
    }
    new->is_made = true;
    *file = new->bytes;
    return UB_OK;
}

// Everything must have reached the disk before the first file gets its name.
static ub_status finish_writing(struct output *output, ub_message *why)
{
    for (size_t i = 0; i < output->n_files; i++) {
        struct bytes *bytes = output->files[i].bytes;
        // Some file systems cannot sync (EINVAL, ENOSYS); close has the last word there.
        if (!bytes->error && fsync(bytes->fd) != 0 && errno != EINVAL && errno != ENOSYS) {
            bytes->error = errno;
        }
        if (close(bytes->fd) != 0 && !bytes->error) {
            bytes->error = errno;
        }
        bytes->fd = -1;
        if (bytes->error) {
            return output_failed(output->files[i].path, bytes->error, why);
        }
    }
    return UB_OK;
}

// Keep what is there under a hidden name: by a second link, so that at no moment the name is gone;
// by a rename where the file system has no links. @return false with errno set.
static bool keep_old(struct pending *file, size_t serial)
{
    struct stat about;
    if (lstat(file->path, &about) != 0) {
        return true;
    }
    char *backup = hidden_name(file->path, serial, "old");
    if (!backup) {
        errno = ENOMEM;
        return false;
    }
    if (link(file->path, backup) != 0 && rename(file->path, backup) != 0) {
        const int error = errno;
        free(backup);
        errno = error;
        return false;
    }
    file->backup = backup;
    return true;
}

static bool give_name(struct pending *file, size_t serial)
{
    file->is_named = keep_old(file, serial) && rename(file->hidden, file->path) == 0;
    return file->is_named;
}

static void take_back(struct output *output)
{
    for (size_t i = 0; i < output->n_files; i++) {
        struct pending *file = &output->files[i];
        if (file->is_named) {
            rename(file->path, file->hidden);
            file->is_named = false;
        }
        if (file->backup) {
            rename(file->backup, file->path);
            free(file->backup);
            file->backup = NULL;
        }
    }
}

ub_status output_commit(struct output *output, ub_message *why)
{
    ub_status status = finish_writing(output, why);
    for (size_t i = 0; !status && i < output->n_files; i++) {
        if (!give_name(&output->files[i], i)) {
            status = output_failed(output->files[i].path, errno, why);
            take_back(output);
        }
    }
    for (size_t i = 0; !status && i < output->n_files; i++) {
        if (output->files[i].backup) {
            unlink(output->files[i].backup);
        }
    }
    output->is_committed = !status;
    return status;
}

static void free_file(struct pending *file, bool is_committed)
{
    if (file->bytes && file->bytes->fd >= 0) {
        close(file->bytes->fd);
    }
    if (file->is_made && !is_committed) {
        unlink(file->hidden);
    }
    free(file->bytes);
    free(file->backup);
    free(file->hidden);
    free(file->path);
}

void output_free(struct output *output)
{
    if (!output) {
        return;
    }
    for (size_t i = 0; i < output->n_files; i++) {
        free_file(&output->files[i], output->is_committed);
    }
    for (size_t i = output->n_folders; i-- > 0;) {
        if (!output->is_committed) {
            rmdir(output->folders[i]); // fails, as it should, when somebody else put something in
        }
        free(output->folders[i]);
    }
    free(output->folders);
    free(output->files);
    free(output);
}
