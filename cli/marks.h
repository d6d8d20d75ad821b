// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What a listener knows of the sources of a recording, as the command line says it: --mark
   NAME@FROM-TO[,LOW-HIGH], where a source is most of what is heard, and --pan NAME@POSITION, where
   it is in the stereo field.
*/
#ifndef UNBRAID_CLI_MARKS_H
#define UNBRAID_CLI_MARKS_H

#include "options.h"

#include <unbraid/separate_marks.h>

struct marks {
    ub_mark *list; ///< room for as many as there are arguments
    char (*names)[UB_DICTIONARY_MAX_NAME + 1]; ///< of each, which the list borrows
    size_t n;
    const char *option; ///< of the first: "--mark" or "--pan"; NULL without marks
};

/** Room for n marks. @return false without memory. */
bool marks_new(size_t n, struct marks *marks);
void marks_free(struct marks *marks);

/** Whether an option is one of these; if so it is taken. @param well  Set to false after a report,
    when its value makes no sense. */
bool marks_take(const struct usage *usage, const char *name, const char *value, bool *well,
                struct marks *marks);

/** What does not go with marks. @param other  An option that was given and tells the sources by
    itself, or NULL. @return DONE, or MISUSED after a report. */
enum outcome marks_check(const struct marks *marks, const struct usage *usage,
                         const struct options *options, const char *other);

#endif
