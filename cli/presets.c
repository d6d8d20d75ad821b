// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets.h"
#include "report.h"

#include <unbraid/file.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PRESET_BYTES = 1 << 20 };

static const char ending[] = ".preset";

// Where the next `file` of an earlier path is: at its folder. @return false when that is too long.
static bool beside(const char *path, const char *file, char out[PRESETS_PATH])
{
    const char *slash = strrchr(path, '/');
    const int folder = slash ? (int)(slash - path) + 1 : 0;
    return snprintf(out, PRESETS_PATH, "%.*s%s", folder, path, file) < PRESETS_PATH;
}

// The presets that come along. Where the tool was built they lie beside its folder.
static void shipped_folder(char folder[PRESETS_PATH])
{
    char self[PRESETS_PATH];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        if (beside(self, "../presets", folder) && access(folder, R_OK | X_OK) == 0) {
            return;
        }
    }
    snprintf(folder, PRESETS_PATH, "%s", UNBRAID_PRESETS_DIR);
}

// Folder 0 or 1 of those that are searched. @return false when it is not there.
static bool folder_at(size_t i, char folder[PRESETS_PATH])
{
    const char *own = getenv("UNBRAID_PRESETS");
    if (i == 1) {
        shipped_folder(folder);
        return true;
    }
    return own && *own && snprintf(folder, PRESETS_PATH, "%s", own) < PRESETS_PATH;
}

static bool ends_right(const char *word)
{
    const size_t n = strlen(word), tail = sizeof ending - 1;
    return n > tail && strcmp(word + n - tail, ending) == 0;
}

bool preset_is_path(const char *word)
{
    return strchr(word, '/') || ends_right(word);
}

void preset_name(const char *path, char *name, size_t size)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;
    const size_t n = strlen(file) - (ends_right(file) ? sizeof ending - 1 : 0);
    snprintf(name, size, "%.*s", (int)n, file);
}

bool preset_find(const char *name, char path[PRESETS_PATH])
{
    char folder[PRESETS_PATH];
    for (size_t i = 0; i < 2; i++) {
        if (folder_at(i, folder) &&
            snprintf(path, PRESETS_PATH, "%s/%s%s", folder, name, ending) < PRESETS_PATH &&
            access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    char left[PRESETS_PATH], right[PRESETS_PATH];
    preset_name(*(char *const *)a, left, sizeof left);
    preset_name(*(char *const *)b, right, sizeof right);
    return strcmp(left, right);
}

// Unless a folder before has one of that name.
static ub_status add(struct preset_list *list, const char *folder, const char *file)
{
    char path[PRESETS_PATH];
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= PRESETS_PATH) {
        return UB_OK; // longer than the system's paths
    }
    const char *const mine = path;
    for (size_t i = 0; i < list->n; i++) {
        if (by_name(&mine, &list->paths[i]) == 0) {
            return UB_OK;
        }
    }
    char **more = realloc(list->paths, (list->n + 1) * sizeof *more);
    list->paths = more ? more : list->paths;
    char *copy = more ? strdup(path) : NULL;
    if (!copy) {
        return UB_NO_MEMORY;
    }
    list->paths[list->n++] = copy;
    return UB_OK;
}

ub_status preset_list_fill(struct preset_list *list)
{
    *list = (struct preset_list){NULL, 0};
    ub_status status = UB_OK;
    char folder[PRESETS_PATH];
    for (size_t i = 0; i < 2; i++) {
        DIR *entries = folder_at(i, folder) ? opendir(folder) : NULL;
        const struct dirent *entry;
        while (entries && !status && (entry = readdir(entries))) {
            status = ends_right(entry->d_name) ? add(list, folder, entry->d_name) : UB_OK;
        }
        if (entries) {
            closedir(entries);
        }
    }
    if (list->n > 0) {
        qsort(list->paths, list->n, sizeof *list->paths, by_name);
    }
    return status;
}

void preset_list_free(struct preset_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
    *list = (struct preset_list){NULL, 0};
}

ub_status preset_read(const char *path, ub_settings *settings, ub_preset *preset,
                      char dictionary[PRESETS_PATH], ub_message *why)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    ub_status status = ub_file_read(path, MAX_PRESET_BYTES, &bytes, &size, why);
    status = status ? status : ub_preset_parse((const char *)bytes, size, settings, preset, why);
    free(bytes);
    if (!status && !preset->dictionary[0]) {
        dictionary[0] = '\0';
    } else if (!status && !beside(path, preset->dictionary, dictionary)) {
        status = ub_fail(why, UB_BAD_SETTING, "lies too deep; move it");
    }
    return status;
}

ub_status preset_offline(const char *path, const ub_preset *preset, char dictionary[PRESETS_PATH],
                         ub_message *why)
{
    if (preset->offline_dictionary[0] && !beside(path, preset->offline_dictionary, dictionary)) {
        return ub_fail(why, UB_BAD_SETTING, "lies too deep; move it");
    }
    return UB_OK;
}

bool preset_find_dictionary(const char *name, char dictionary[PRESETS_PATH])
{
    char path[PRESETS_PATH];
    ub_preset preset;
    ub_message why = {""};
    ub_settings settings = ub_settings_default();
    dictionary[0] = '\0';
    if (!preset_find(name, path)) {
        return true;
    }
    const ub_status status = preset_read(path, &settings, &preset, dictionary, &why);
    if (status) {
        report_status(path, status, &why);
    }
    return !status;
}
