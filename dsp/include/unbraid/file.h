// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_FILE_H
#define UNBRAID_FILE_H

#include "status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
   Read a whole file into memory: the library's door to the disk, together with ub_file_write().

   @param path      Path as the C library takes it.
   @param max_size  Larger files are refused before anything is allocated.
   @param bytes     On success a block that the caller frees with free(); one zero byte follows
                    the content. Set on success only.
   @param size      Bytes of content.
   @return UB_OK, UB_FILE_ERROR (missing, a folder, unreadable, too large), UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_file_read(const char *path, size_t max_size, unsigned char **bytes,
                                          size_t *size, ub_message *why);

/**
   Write a whole file so that `path` holds either the old content or all of the new: the bytes go
   to a temporary file in the same folder, are synced, and the file is renamed over `path`. A new
   file gets the mode that the umask leaves, one that replaces another the mode of that one; a
   link stays, and what it leads to is replaced. Folders, devices, pipes and links that lead
   nowhere are refused.

   @return UB_OK, UB_FILE_ERROR (then no temporary file is left), UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_file_write(const char *path, const void *bytes, size_t size,
                                           ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
