// SPDX-License-Identifier: GPL-3.0-or-later
#include "status_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>

enum {
    METER_WIDTH = 6,
    METER_STEP_DB = 10, // so that the meter begins at -60 dB
    FALLBACK_COLUMNS = 80,
};

void status_line_add(struct status_line *line, const char *format, ...)
{
    const size_t room = sizeof line->text - line->length;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(line->text + line->length, room, format, arguments);
    va_end(arguments);
    line->length += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void add_fader(struct status_line *line, const struct mixer *mixer, size_t i, float level)
{
    const struct fader *fader = &mixer->faders[i];
    status_line_add(line, "  %s%zu %s ", i == mixer->selected ? ">" : "", i + 1, fader->name);
    if (fader->gain_db > MIXER_LOWEST_DB) {
        status_line_add(line, "%+.0f dB", fader->gain_db);
    } else {
        status_line_add(line, "-inf dB");
    }
    status_line_add(line, "%s%s [", fader->is_solo ? " solo" : "", fader->is_mute ? " mute" : "");
    const double level_db = level > 0.0f ? 20.0 * log10((double)level) : -INFINITY;
    for (int step = METER_WIDTH; step > 0; step--) {
        status_line_add(line, "%c", level_db > -METER_STEP_DB * step ? '#' : '.');
    }
    status_line_add(line, "]");
}

static size_t columns(int terminal)
{
    struct winsize size;
    const bool is_known = ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : FALLBACK_COLUMNS;
}

// Bytes are taken for columns, so the line never breaks; a character is not cut.
static void cut(struct status_line *line, size_t width)
{
    if (line->length <= width) {
        return;
    }
    line->length = width;
    while (line->length > 0 && ((unsigned char)line->text[line->length] & 0xc0) == 0x80) {
        line->length--;
    }
    line->text[line->length] = '\0';
}

// Names may hold commands to terminals.
static void clean(struct status_line *line)
{
    for (size_t i = 0; i < line->length; i++) {
        const unsigned char byte = (unsigned char)line->text[i];
        if (byte < 0x20 || byte == 0x7f) {
            line->text[i] = '?';
        }
    }
}

void status_line_add_mixer(struct status_line *line, const struct mixer *mixer, const float *levels)
{
    for (size_t i = 0; i < mixer->n_faders; i++) {
        if (!mixer->faders[i].is_hidden) {
            add_fader(line, mixer, i, levels[i]);
        }
    }
}

void status_line_show(struct status_line *line, int terminal)
{
    cut(line, columns(terminal) - 1); // nothing is put into the last column
    clean(line);
    dprintf(terminal, "\r%s\033[K", line->text);
}

void status_line_clear(int terminal)
{
    dprintf(terminal, "\r\033[K");
}
