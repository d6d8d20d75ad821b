// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The commands of the tool. Each takes its own argv (argv[0] is its name) and says how it went;
   main.c turns that into an exit status.
*/
#ifndef UNBRAID_CLI_COMMAND_H
#define UNBRAID_CLI_COMMAND_H

enum outcome {
    DONE,
    FAILED, ///< something could not be done; each such thing has had its line on stderr
    MISUSED, ///< the command line makes no sense; one line on stderr says why
};

enum outcome separate_run(int argc, char **argv);
enum outcome transcribe_run(int argc, char **argv);
enum outcome learn_run(int argc, char **argv);
enum outcome eval_run(int argc, char **argv);
enum outcome info_run(int argc, char **argv);
enum outcome presets_run(int argc, char **argv);

// Where UNBRAID_LIVE is defined: it says that there is PortAudio.
enum outcome live_run(int argc, char **argv);
enum outcome play_run(int argc, char **argv);
enum outcome devices_run(int argc, char **argv);

#endif
