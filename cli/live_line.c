// SPDX-License-Identifier: GPL-3.0-or-later
#include "live_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>

enum {
    METER_WIDTH = 6,
    METER_STEP_DB = 10, // so that the meter begins at -60 dB
    FALLBACK_COLUMNS = 80,
};

struct line {
    char text[2048];
    size_t length;
};

static void add(struct line *line, const char *format, ...) UB_PRINTF(2, 3);

static void add(struct line *line, const char *format, ...)
{
    const size_t room = sizeof line->text - line->length;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(line->text + line->length, room, format, arguments);
    va_end(arguments);
    line->length += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void add_fader(struct line *line, const struct mixer *mixer, size_t i, float level)
{
    const struct fader *fader = &mixer->faders[i];
    add(line, "  %s%zu %s ", i == mixer->selected ? ">" : "", i + 1, fader->name);
    if (fader->gain_db > MIXER_LOWEST_DB) {
        add(line, "%+.0f dB", fader->gain_db);
    } else {
        add(line, "-inf dB");
    }
    add(line, "%s%s [", fader->is_solo ? " solo" : "", fader->is_mute ? " mute" : "");
    const double level_db = level > 0.0f ? 20.0 * log10((double)level) : -INFINITY;
    for (int step = METER_WIDTH; step > 0; step--) {
        add(line, "%c", level_db > -METER_STEP_DB * step ? '#' : '.');
    }
    add(line, "]");
}

static size_t columns(int terminal)
{
    struct winsize size;
    const bool is_known = ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : FALLBACK_COLUMNS;
}

// Bytes are taken for columns, so the line never breaks; a character is not cut.
static void cut(struct line *line, size_t width)
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
static void clean(struct line *line)
{
    for (size_t i = 0; i < line->length; i++) {
        const unsigned char byte = (unsigned char)line->text[i];
        if (byte < 0x20 || byte == 0x7f) {
            line->text[i] = '?';
        }
    }
}

void live_line_show(int terminal, const struct live *live, const struct mixer *mixer)
{
    const struct live_state state = live_state(live);
    const struct live_latency latency = live_latency(live);
    struct line line = {.length = 0};
    add(&line, "%.1f ms  cpu %.0f %%  xruns %" PRIu64,
        1000.0 * (latency.separation_s + latency.device_s), 100.0 * state.load, state.n_xruns);
    for (size_t i = 0; i < mixer->n_faders; i++) {
        add_fader(&line, mixer, i, live_level(live, i));
    }
    cut(&line, columns(terminal) - 1); // nothing is put into the last column
    clean(&line);
    dprintf(terminal, "\r%s\033[K", line.text);
}

void live_line_clear(int terminal)
{
    dprintf(terminal, "\r\033[K");
}
