// SPDX-License-Identifier: GPL-3.0-or-later
/** Files that are printed to, as parts of an output. */
#ifndef UNBRAID_CLI_SHEET_H
#define UNBRAID_CLI_SHEET_H

#include "output.h"

#include <stdio.h>

struct sheet {
    char *path; ///< the caller's
    struct bytes *bytes; ///< owned by the output
    FILE *file; ///< NULL while it is not open
};

/** Begin the file of sheet->path. @return as output_begin_file(). */
ub_status sheet_open(struct output *output, struct sheet *sheet, ub_message *why);

/** Close it, unless it is closed: before output_commit(), which says what did not reach the disk.
 */
void sheet_close(struct sheet *sheet);

#endif
