// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_CLI_WAITING_H
#define UNBRAID_CLI_WAITING_H

/**
   Let threads that wait for others sleep rather than spin: start the program anew, once, with
   OMP_WAIT_POLICY=passive, unless the user has set how to wait. GNU's OpenMP spins for milliseconds
   otherwise, and reads the variable before main(); on a computer that does other work too, two
   threads then take longer than one. Goes on as it is where the program cannot be started anew.
*/
void wait_passively(char **argv);

#endif
