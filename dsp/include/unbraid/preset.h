// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_PRESET_H
#define UNBRAID_PRESET_H

#include "params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { UB_PRESET_TEXT = 256 }; ///< bytes of a text of a preset with the zero that ends it

/** What a preset says beside settings. What it does not say is "". */
typedef struct ub_preset {
    char title[UB_PRESET_TEXT]; ///< a few words, for a list
    char summary[UB_PRESET_TEXT]; ///< a line
    char dictionary[UB_PRESET_TEXT]; ///< name of a file beside the preset: no path, no leading dot
    /// Name of a file alike, which takes its place where a whole recording is separated: what the
    /// method of the settings needs, and a stream has no use for.
    char offline_dictionary[UB_PRESET_TEXT];
} ub_preset;

/**
   Read a preset from untrusted bytes: `key = value` lines, '#' starts a comment, blank lines are
   skipped. Keys are those of ub_param_table() and title, summary, dictionary and
   offline-dictionary.

   @param settings  Changed where the preset has the key.
   @param preset    Set whole. NULL when nobody wants it.
   @return UB_OK, or UB_BAD_SETTING naming the line; then nothing has changed.
*/
UB_API UB_MUST_USE ub_status ub_preset_parse(const char *text, size_t size, ub_settings *settings,
                                             ub_preset *preset, ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
