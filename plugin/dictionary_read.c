// SPDX-License-Identifier: GPL-3.0-or-later
#include "dictionary_read.h"

#include <unbraid/file.h>

#include <stdlib.h>

ub_status dictionary_read(const char *path, size_t most, ub_dictionary *out, ub_message *why)
{
    unsigned char *bytes;
    size_t size;
    ub_status status = ub_file_read(path, most, &bytes, &size, why);
    if (!status) {
        status = ub_dictionary_decode(bytes, size, out, why);
        free(bytes);
    }
    return status;
}
