// SPDX-License-Identifier: GPL-3.0-or-later
#include "sheet.h"

#include <errno.h>
#include <unistd.h>

ub_status sheet_open(struct output *output, struct sheet *sheet, ub_message *why)
{
    const ub_status status = output_begin_file(output, sheet->path, &sheet->bytes, why);
    if (status) {
        return status;
    }
    const int fd = dup(sheet->bytes->fd);
    sheet->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!sheet->file) {
        const int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return output_failed(sheet->path, error, why);
    }
    return UB_OK;
}

void sheet_close(struct sheet *sheet)
{
    if (sheet->file) {
        errno = 0;
        const bool has_failed = ferror(sheet->file) != 0;
        if ((fclose(sheet->file) != 0 || has_failed) && !sheet->bytes->error) {
            sheet->bytes->error = errno ? errno : EIO;
        }
        sheet->file = NULL;
    }
}
