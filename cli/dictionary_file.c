// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_file.h"
#include "report.h"

#include <unbraid/file.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Far beyond any real one: 4096 components of a window of 192000 samples take 1.5 GB.
static const size_t max_bytes = (size_t)1 << 31;

ub_status dictionary_file_load(const char *path, ub_dictionary *dictionary, ub_message *why)
{
    unsigned char *bytes;
    size_t size;
    ub_status status = ub_file_read(path, max_bytes, &bytes, &size, why);
    if (status) {
        return status;
    }
    ub_message detail = {""};
    status = ub_dictionary_decode(bytes, size, dictionary, &detail);
    free(bytes);
    if (status == UB_BAD_FORMAT) {
        return ub_fail(why, status,
                       "is no dictionary that can be used: %.160s; make one with "
                       "'unbraid learn'",
                       detail.text);
    }
    return status ? ub_fail(why, status, "%.200s", detail.text) : UB_OK;
}

bool dictionary_file_load_all(const char *const *paths, size_t n, ub_dictionary *dictionary)
{
    ub_dictionary *loaded = calloc(n, sizeof *loaded);
    const ub_dictionary **list = calloc(n, sizeof *list);
    ub_message why = {""};
    ub_status status = loaded && list ? UB_OK : UB_NO_MEMORY;
    const char *subject = paths[0];
    for (size_t i = 0; !status && i < n; i++) {
        subject = paths[i];
        status = dictionary_file_load(subject, &loaded[i], &why);
        list[i] = &loaded[i];
    }
    status = status  ? status
             : n > 1 ? ub_dictionary_join(list, n, dictionary, &why)
                     : ub_dictionary_copy(&loaded[0], dictionary);
    if (status) {
        report_status(subject, status, &why);
    }
    for (size_t i = 0; loaded && i < n; i++) {
        ub_dictionary_free(&loaded[i]);
    }
    free(list);
    free(loaded);
    return !status;
}

ub_status dictionary_file_save(const char *path, const ub_dictionary *dictionary, ub_message *why)
{
    unsigned char *bytes;
    size_t size;
    ub_status status = ub_dictionary_encode(dictionary, &bytes, &size, why);
    if (status) {
        return status;
    }
    status = ub_file_write(path, bytes, size, why);
    free(bytes);
    return status;
}

bool dictionary_file_can_be_saved(const char *path, const char *option)
{
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        report_error(path, "is a folder; name a file with %s", option);
        return false;
    }
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path) {
        return true;
    }
    char *folder = strndup(path, (size_t)(slash - path));
    const bool is_folder = folder && stat(folder, &about) == 0 && S_ISDIR(about.st_mode);
    free(folder);
    if (!is_folder) {
        report_error(path, "its folder does not exist; make it or name another with %s", option);
    }
    return is_folder;
}

bool dictionary_file_looks_like_one(const char *path)
{
    unsigned char head[9] = {0};
    struct stat about;
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) {
        return false; // looking into a pipe would take from it
    }
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    const size_t n = fread(head, 1, sizeof head, file);
    fclose(file);
    // A little-endian length below 4 GiB, then the brace of the JSON header.
    return n == sizeof head && !(head[4] | head[5] | head[6] | head[7]) && head[8] == '{';
}
