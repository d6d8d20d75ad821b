// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Files that appear together or not at all. Each is written under a hidden name in the folder
   where it belongs and gets its own name when all are complete. What stood there before is
   replaced then, and not sooner.
*/
#ifndef UNBRAID_CLI_OUTPUT_H
#define UNBRAID_CLI_OUTPUT_H

#include "bytes.h"

struct output;

/** @return NULL without memory. */
struct output *output_new(void);

/**
   Begin a file; folders on the way to it are made. The returned bytes are for writing through
   bytes_virtual_io(), owned by the output, and live until the end.
   @return UB_OK, UB_FILE_ERROR, UB_NO_MEMORY.
*/
ub_status output_begin_file(struct output *output, const char *path, struct bytes **file,
                            ub_message *why);

/**
   Give all files their names. When that fails, what stood there before is back.
   @return UB_OK, UB_FILE_ERROR.
*/
ub_status output_commit(struct output *output, ub_message *why);

/** End the output and free it. Without a commit, its files and the folders that it made and that
    are still empty disappear. NULL is fine. */
void output_free(struct output *output);

/** A sentence about a write that failed with this errno. @return UB_FILE_ERROR. */
ub_status output_failed(const char *path, int error, ub_message *why);

#endif
