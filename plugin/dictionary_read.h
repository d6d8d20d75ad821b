// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_PLUGIN_DICTIONARY_READ_H
#define UNBRAID_PLUGIN_DICTIONARY_READ_H

#include <unbraid/dictionary.h>

/** Read a dictionary file of at most `most` bytes. @return UB_OK, or what ub_file_read() and
    ub_dictionary_decode() say; `out` is set on success only. */
ub_status dictionary_read(const char *path, size_t most, ub_dictionary *out, ub_message *why);

#endif
