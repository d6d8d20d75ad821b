// SPDX-License-Identifier: GPL-3.0-or-later
#include "terminal_keys.h"
#include "interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios modes_before;
static volatile sig_atomic_t is_taken;

// Bytes that were read and are not used yet.
static unsigned char waiting[64];
static size_t n_waiting;

// Called by a signal's handler too: tcsetattr() is allowed there.
void terminal_keys_stop(void)
{
    if (is_taken) {
        tcsetattr(STDIN_FILENO, TCSANOW, &modes_before);
        is_taken = 0;
    }
}

bool terminal_keys_start(void)
{
    static bool is_known_at_exit;
    if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &modes_before) != 0) {
        return false;
    }
    if (!is_known_at_exit) {
        is_known_at_exit = true;
        atexit(terminal_keys_stop);
    }
    interrupt_at_signal(terminal_keys_stop);
    struct termios modes = modes_before;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    // Ctrl-Z and Ctrl-\ would leave the terminal in this state.
    modes.c_cc[VSUSP] = _POSIX_VDISABLE;
    modes.c_cc[VQUIT] = _POSIX_VDISABLE;
    n_waiting = 0;
    is_taken = 1;
    if (interrupted() || tcsetattr(STDIN_FILENO, TCSANOW, &modes) != 0) {
        is_taken = 0;
    }
    return is_taken;
}

static int take(size_t n_bytes, int key)
{
    n_waiting -= n_bytes;
    memmove(waiting, waiting + n_bytes, n_waiting);
    return key;
}

static int take_key(void)
{
    static const int arrows[] = {KEY_UP, KEY_DOWN, KEY_RIGHT, KEY_LEFT};
    if (n_waiting >= 3 && waiting[0] == '\033' && (waiting[1] == '[' || waiting[1] == 'O')) {
        const bool is_arrow = waiting[2] >= 'A' && waiting[2] <= 'D';
        return take(3, is_arrow ? arrows[waiting[2] - 'A'] : KEY_NONE);
    }
    return take(1, waiting[0]);
}

int terminal_key(int timeout_ms)
{
    if (n_waiting > 0) {
        return take_key();
    }
    struct pollfd source = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&source, is_taken ? 1 : 0, timeout_ms) <= 0) {
        return KEY_NONE;
    }
    const ssize_t n = read(STDIN_FILENO, waiting, sizeof waiting);
    if (n <= 0) {
        terminal_keys_stop(); // hung up: there will be no more
        return KEY_NONE;
    }
    n_waiting = (size_t)n;
    return take_key();
}
