// SPDX-License-Identifier: GPL-3.0-or-later
#include "console.h"
#include "interrupt.h"
#include "report.h"
#include "terminal_keys.h"

#include <unistd.h>

enum { LOOK_MS = 50 };

static int screen(void)
{
    return fileno(report_stream());
}

void console_speak(void)
{
    if (isatty(screen())) {
        status_line_clear(screen());
    }
}

static void show(const struct console *console)
{
    if (isatty(screen())) {
        struct status_line line = {.length = 0};
        console->describe(console->context, &line);
        status_line_show(&line, screen());
    }
}

bool console_follow(const struct console *console)
{
    terminal_keys_start();
    bool is_asked_to_end = false;
    while (console->look(console->context) && !is_asked_to_end) {
        show(console);
        const int key = terminal_key(LOOK_MS);
        if (key != KEY_NONE && key != 'q') {
            console->key(console->context, key);
        }
        is_asked_to_end = key == 'q' || interrupted();
    }
    terminal_keys_stop();
    console_speak();
    return is_asked_to_end;
}
