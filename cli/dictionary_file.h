// SPDX-License-Identifier: GPL-3.0-or-later
/** Dictionaries on disk. */
#ifndef UNBRAID_CLI_DICTIONARY_FILE_H
#define UNBRAID_CLI_DICTIONARY_FILE_H

#include <unbraid/dictionary.h>

#include <stdbool.h>

/** Load a dictionary. The caller frees it. @return UB_OK, UB_FILE_ERROR, UB_BAD_FORMAT,
    UB_NO_MEMORY. */
ub_status dictionary_file_load(const char *path, ub_dictionary *dictionary, ub_message *why);

/** Load n dictionaries (at least 1), joined to one. The caller frees it. @return false after a
    report. */
bool dictionary_file_load_all(const char *const *paths, size_t n, ub_dictionary *dictionary);

/** Save a dictionary: all of it or nothing. */
ub_status dictionary_file_save(const char *path, const ub_dictionary *dictionary, ub_message *why);

/** Whether it looks as if one could be saved there. @param option  That names the path, for
   reports.
    @return false after a report. */
bool dictionary_file_can_be_saved(const char *path, const char *option);

/** Whether the file begins like a dictionary (or another safetensors file). */
bool dictionary_file_looks_like_one(const char *path);

#endif
