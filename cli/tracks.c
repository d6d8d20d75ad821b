// SPDX-License-Identifier: GPL-3.0-or-later
#include "tracks.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
    MAX_DEPTH = 32 // of folders within folders
};

static const char *const extensions[] = {"wav",  "flac", "ogg",  "oga",  "opus",
                                         "mp3",  "aif",  "aiff", "aifc", "w64",
                                         "rf64", "caf",  "au",   "snd",  NULL};

// A walk through a folder: what stays the same from level to level.
struct walk {
    struct track_list *list;
    size_t root_length; // of the path before the names below the folder
    bool deep;
    struct stat skip; // st_ino 0: none
    ub_message *why;
};

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Where the extension begins: at the last dot that is neither first nor last. Or at the end.
static const char *extension_of(const char *base)
{
    const char *dot = strrchr(base, '.');
    return dot && dot != base && dot[1] ? dot : base + strlen(base);
}

static bool sounds_like_sound(const char *base)
{
    const char *dot = extension_of(base);
    for (size_t i = 0; *dot && extensions[i]; i++) {
        if (strcasecmp(dot + 1, extensions[i]) == 0) {
            return true;
        }
    }
    return false;
}

static ub_status out_of_memory(ub_message *why)
{
    return ub_fail(why, UB_NO_MEMORY, "no memory for the list of files");
}

static ub_status append(struct track_list *list, const char *path, const char *name,
                        ub_message *why)
{
    struct track *grown = realloc(list->tracks, (list->n + 1) * sizeof *grown);
    if (!grown) {
        return out_of_memory(why);
    }
    list->tracks = grown;
    const char *end = extension_of(base_of(name));
    struct track track = {strdup(path), strndup(name, (size_t)(end - name))};
    if (!track.path || !track.name) {
        free(track.path);
        free(track.name);
        return out_of_memory(why);
    }
    list->tracks[list->n++] = track;
    return UB_OK;
}

static char *join(const char *folder, const char *name)
{
    const size_t n = strlen(folder);
    const char *slash = n > 0 && folder[n - 1] == '/' ? "" : "/";
    char *path = malloc(n + strlen(name) + 2);
    if (path) {
        strcat(strcat(strcpy(path, folder), slash), name);
    }
    return path;
}

static int without_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

// strcmp, not alphasort: the order must not depend on the locale.
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static ub_status add_folder(const struct walk *walk, const char *folder, int depth);

static ub_status add_entry(const struct walk *walk, const char *path, int depth)
{
    struct stat about, link;
    if (stat(path, &about) != 0 || lstat(path, &link) != 0) {
        return UB_OK; // gone meanwhile, or a link to nowhere
    }
    if (S_ISDIR(about.st_mode)) {
        const bool skip = about.st_ino == walk->skip.st_ino && about.st_dev == walk->skip.st_dev;
        // Links to folders may lead round in circles.
        return walk->deep && !skip && !S_ISLNK(link.st_mode) ? add_folder(walk, path, depth + 1)
                                                             : UB_OK;
    }
    return sounds_like_sound(base_of(path))
               ? append(walk->list, path, path + walk->root_length, walk->why)
               : UB_OK;
}

static ub_status add_folder(const struct walk *walk, const char *folder, int depth)
{
    struct dirent **entries;
    const int n = depth < MAX_DEPTH ? scandir(folder, &entries, without_hidden, by_bytes) : 0;
    if (n < 0) {
        return ub_fail(walk->why, UB_FILE_ERROR, "the folder %.120s cannot be read (%s); check it",
                       folder, strerror(errno));
    }
    ub_status status = UB_OK;
    for (int i = 0; i < n; i++) {
        if (!status) {
            char *path = join(folder, entries[i]->d_name);
            status = path ? add_entry(walk, path, depth) : out_of_memory(walk->why);
            free(path);
        }
        free(entries[i]);
    }
    if (depth < MAX_DEPTH) {
        free(entries);
    }
    return status;
}

ub_status track_list_add(struct track_list *list, const char *path, bool deep,
                         const char *skip_folder, ub_message *why)
{
    struct stat about;
    if (strcmp(path, "-") == 0) {
        return append(list, path, "stdin", why);
    }
    if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)) {
        return append(list, path, base_of(path), why);
    }
    struct walk walk = {.list = list, .deep = deep, .why = why};
    if (!skip_folder || stat(skip_folder, &walk.skip) != 0) {
        walk.skip = (struct stat){0};
    }
    char *root = join(path, "");
    if (!root) {
        return out_of_memory(why);
    }
    walk.root_length = strlen(root);
    const size_t before = list->n;
    ub_status status = add_folder(&walk, root, 0);
    free(root);
    if (!status && list->n == before) {
        status = ub_fail(why, UB_FILE_ERROR, "the folder holds no sound files; name another");
    }
    return status;
}

void track_list_free(struct track_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->tracks[i].path);
        free(list->tracks[i].name);
    }
    free(list->tracks);
    *list = (struct track_list){NULL, 0};
}

enum outcome track_list_take(struct track_list *list, char *const *paths, size_t n,
                             const char *skip_folder)
{
    enum outcome outcome = DONE;
    for (size_t i = 0; i < n; i++) {
        ub_message why = {""};
        const ub_status status = track_list_add(list, paths[i], true, skip_folder, &why);
        if (status) {
            report_status(paths[i], status, &why);
            outcome = FAILED;
        }
    }
    return outcome;
}
