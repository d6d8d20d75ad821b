// SPDX-License-Identifier: GPL-3.0-or-later
/** Single keys from the terminal, without Enter and without echo. */
#ifndef UNBRAID_CLI_TERMINAL_KEYS_H
#define UNBRAID_CLI_TERMINAL_KEYS_H

#include <stdbool.h>

/** Keys are their characters, and these. */
enum {
    KEY_NONE = 0,
    KEY_UP = 256,
    KEY_DOWN,
    KEY_RIGHT,
    KEY_LEFT,
};

/** Take the terminal of standard input. Without one, or in the background, there are no keys. The
    terminal is given back by terminal_keys_stop(), at the first signal that ends the program, and
    at exit. @return whether there are keys. */
bool terminal_keys_start(void);
void terminal_keys_stop(void);

/** Wait for a key. @return it, or KEY_NONE after the time, or earlier after a signal. */
int terminal_key(int timeout_ms);

#endif
