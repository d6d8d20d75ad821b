// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Preset files, and where they are found by name: in the folder that UNBRAID_PRESETS names, then
   among those that come with the tool, which lie beside it where it was built and in the data
   folder where it is installed.
*/
#ifndef UNBRAID_CLI_PRESETS_H
#define UNBRAID_CLI_PRESETS_H

#include <unbraid/preset.h>

enum { PRESETS_PATH = 4096 };

/** Presets that can be named, sorted by name. */
struct preset_list {
    char **paths;
    size_t n;
};

/** @return UB_OK or UB_NO_MEMORY. Free it with preset_list_free() in either case. */
ub_status preset_list_fill(struct preset_list *list);

/** A zeroed one is fine. */
void preset_list_free(struct preset_list *list);

/** The name of a preset is that of its file without ".preset". Longer ones are cut. */
void preset_name(const char *path, char *name, size_t size);

/** Whether a word is a path: it holds a slash or ends in ".preset". */
bool preset_is_path(const char *word);

/** The file of that name. @return false when there is none. */
bool preset_find(const char *name, char path[PRESETS_PATH]);

/**
   Read a preset into settings.
   @param dictionary  Path of its dictionary, "" when it names none.
   @return UB_OK, or what ub_file_read() and ub_preset_parse() say; then nothing has changed.
*/
ub_status preset_read(const char *path, ub_settings *settings, ub_preset *preset,
                      char dictionary[PRESETS_PATH], ub_message *why);

/** The dictionary of the preset of that name, "" where there is no such preset or it names none.
    @return false after a report. */
bool preset_find_dictionary(const char *name, char dictionary[PRESETS_PATH]);

/**
   The dictionary that takes its place where a whole recording is separated.
   @param dictionary  Left as it is when the preset names none.
   @return UB_OK, or UB_BAD_SETTING when its path is too long.
*/
ub_status preset_offline(const char *path, const ub_preset *preset, char dictionary[PRESETS_PATH],
                         ub_message *why);

#endif
