// SPDX-License-Identifier: GPL-3.0-or-later
#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

// Threads that read files ask for it too.
static atomic_int signal_seen;

static void (*volatile act_at_signal)(void);

static void remember(int number)
{
    signal_seen = number;
    if (act_at_signal) {
        act_at_signal();
    }
}

static void watch(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
        return;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = remember;
    // No SA_RESTART: a read that waits for a pipe must come back. SA_RESETHAND: the second one
    // meets the default action, which is death.
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void interrupt_watch(void)
{
    watch(SIGINT);
    watch(SIGTERM);
    watch(SIGHUP);
    // A file-size limit is met as a failed write, like a full disk.
    signal(SIGXFSZ, SIG_IGN);
}

void interrupt_at_signal(void (*act)(void))
{
    act_at_signal = act;
}

bool interrupt_free_thread(pthread_t *thread, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const bool has_thread = pthread_create(thread, NULL, run, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return has_thread;
}

void interrupt_accept(void)
{
    if (signal_seen == SIGINT) {
        signal_seen = 0;
    }
}

bool interrupted(void)
{
    return signal_seen != 0;
}

void interrupt_obey(void)
{
    const int number = signal_seen;
    if (number) {
        signal(number, SIG_DFL);
        raise(number);
    }
}
