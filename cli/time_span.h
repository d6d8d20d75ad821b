// SPDX-License-Identifier: GPL-3.0-or-later
/** Times on the command line. */
#ifndef UNBRAID_CLI_TIME_SPAN_H
#define UNBRAID_CLI_TIME_SPAN_H

#include <stdbool.h>

/**
   Read "FROM-TO" up to `end`. Times are seconds, minutes:seconds or hours:minutes:seconds, with
   decimals.
   @return false where it is none; whether FROM is before TO is for the caller to see.
*/
bool time_span_read(const char *text, const char *end, double *from_s, double *to_s);

#endif
