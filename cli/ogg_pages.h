// SPDX-License-Identifier: GPL-3.0-or-later
/** Ogg files that are the same bytes on every run. */
#ifndef UNBRAID_CLI_OGG_PAGES_H
#define UNBRAID_CLI_OGG_PAGES_H

#include "bytes.h"

/**
   Replace the serial number of the stream, which libsndfile draws from the time of day, by a
   constant in every page. The file has one stream, as libsndfile writes it.
   @return false when a page cannot be read or written; bytes->error has the reason.
*/
bool ogg_pages_renumber(struct bytes *bytes);

#endif
