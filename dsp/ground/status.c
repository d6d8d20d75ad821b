// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/status.h"

#include <stdarg.h>
#include <stdio.h>

const char *ub_status_text(ub_status status)
{
    switch (status) {
    case UB_OK:
        return "done";
    case UB_NO_MEMORY:
        return "out of memory";
    case UB_BAD_SHAPE:
        return "sizes do not fit together";
    case UB_BAD_VALUE:
        return "a value is not usable";
    case UB_BAD_SETTING:
        return "a setting is not usable";
    case UB_BAD_FORMAT:
        return "not in the expected format";
    case UB_FILE_ERROR:
        return "file cannot be read or written";
    case UB_CANCELLED:
        return "cancelled";
    }
    return "unknown status";
}

ub_status ub_fail(ub_message *why, ub_status status, const char *format, ...)
{
    if (why) {
        va_list args;
        va_start(args, format);
        vsnprintf(why->text, sizeof why->text, format, args);
        va_end(args);
    }
    return status;
}

ub_status ub_progress_report(const ub_progress *progress, const char *stage, double fraction)
{
    if (!progress || !progress->report) {
        return UB_OK;
    }
    return progress->report(progress->context, stage, fraction) ? UB_CANCELLED : UB_OK;
}

void ub_progress_stage(const ub_progress *progress, const char *name)
{
    if (progress && progress->stage) {
        progress->stage(progress->context, name);
    }
}
