// SPDX-License-Identifier: GPL-3.0-or-later
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// NULL: stderr.
static FILE *stream;

void report_to(FILE *to)
{
    stream = to;
}

FILE *report_stream(void)
{
    return stream ? stream : stderr;
}

void report_print_clean(const char *text)
{
    for (const char *c = text; *c; c++) {
        const unsigned char byte = (unsigned char)*c;
        fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, report_stream());
    }
}

static void print_line(const char *kind, const char *subject, const char *format, va_list arguments)
{
    char text[4 * UB_MESSAGE_SIZE];
    vsnprintf(text, sizeof text, format, arguments);
    FILE *to = report_stream();
    fprintf(to, "unbraid: %s", kind);
    report_print_clean(subject);
    fputs(": ", to);
    report_print_clean(text);
    fputc('\n', to);
    fflush(to);
}

void report_error(const char *subject, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("", subject, format, arguments);
    va_end(arguments);
}

void report_warning(const char *subject, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("warning: ", subject, format, arguments);
    va_end(arguments);
}

static const char *remedy(ub_status status)
{
    switch (status) {
    case UB_NO_MEMORY:
        return "use fewer components (-k) or a shorter file";
    case UB_BAD_SHAPE:
        return "check that the files belong together";
    case UB_BAD_VALUE:
        return "repair or replace it";
    case UB_BAD_SETTING:
        return "change the setting; --help lists what is allowed";
    case UB_BAD_FORMAT:
        return "get or make it anew";
    case UB_FILE_ERROR:
        return "check the name, the folder and the free space";
    case UB_CANCELLED:
        return "nothing of it was written";
    case UB_OK:
        break;
    }
    return "this is a bug of unbraid";
}

void report_status(const char *subject, ub_status status, const ub_message *why)
{
    const char *text = why && why->text[0] ? why->text : ub_status_text(status);
    if (strchr(text, ';')) {
        report_error(subject, "%s", text);
    } else {
        report_error(subject, "%s; %s", text, remedy(status));
    }
}
