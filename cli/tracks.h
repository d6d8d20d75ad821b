// SPDX-License-Identifier: GPL-3.0-or-later
/** The sound files that a command line names, folders looked into. */
#ifndef UNBRAID_CLI_TRACKS_H
#define UNBRAID_CLI_TRACKS_H

#include "command.h"

#include <unbraid/status.h>

#include <stdbool.h>
#include <stddef.h>

struct track {
    char *path; ///< as the C library takes it; "-" is standard input
    char *name; ///< without folder and extension; in a folder given, with its path below that
};

struct track_list {
    struct track *tracks;
    size_t n;
};

/**
   Add a file, or a folder's sound files (known by their extension; sorted; hidden ones and those
   in `skip_folder` left out). A file that does not exist is added: whoever opens it will say so.

   @param deep  Look into folders within the folder.
   @return UB_OK, UB_FILE_ERROR (a folder that cannot be read or holds no sound), UB_NO_MEMORY.
*/
ub_status track_list_add(struct track_list *list, const char *path, bool deep,
                         const char *skip_folder, ub_message *why);

/** Add all of n paths, folders within folders too, and report those that cannot be.
    @return DONE, or FAILED after a report: the others are there. */
enum outcome track_list_take(struct track_list *list, char *const *paths, size_t n,
                             const char *skip_folder);

/** Free what the list owns and empty it. */
void track_list_free(struct track_list *list);

#endif
