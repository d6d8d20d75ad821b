// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Notices calls that an audio thread must not make: locks, sleep, threads, files, output. A program
   that calls these functions and exports its symbols has such calls of the C library replaced, in
   what it loads too. Allocations are counted by malloc_guard.h.
   Under sanitizers, which have replacements of their own, nothing is noticed.
*/
#ifndef UNBRAID_TESTS_CALL_GUARD_H
#define UNBRAID_TESTS_CALL_GUARD_H

/** From now on this thread must not call them. Between pause and resume it may. */
void call_guard_start(void);
void call_guard_pause(void);
void call_guard_resume(void);

/** @return the name of the last call that was made, or NULL. */
const char *call_guard_stop(void);

#endif
