// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Ctrl-C and SIGTERM: the first one asks the work to stop and clean up, a second one ends the
   process at once.
*/
#ifndef UNBRAID_CLI_INTERRUPT_H
#define UNBRAID_CLI_INTERRUPT_H

#include <pthread.h>
#include <stdbool.h>

/** Start to listen. Signals that the parent has set to be ignored (nohup) stay ignored. */
void interrupt_watch(void);

/** Whether somebody asked to stop. */
bool interrupted(void);

/** Call a function from the handler of the first signal too; it must be safe there. */
void interrupt_at_signal(void (*act)(void));

/** Start a thread that gets none of these signals: they are for the main thread. @return false
    without one. */
bool interrupt_free_thread(pthread_t *thread, void *(*run)(void *), void *context);

/** For work that has no other end than Ctrl-C: a Ctrl-C that came is no reason to end by it. */
void interrupt_accept(void);

/** After cleaning up: end the process by the signal that came, as a shell that runs a script
    expects of an interrupted program. Returns when none came. */
void interrupt_obey(void);

#endif
