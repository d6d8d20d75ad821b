// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Whether a sound file is all there. libsndfile quietly reads what is left of a file that was cut
   off; a separation of half a song is not what was asked for.
*/
#ifndef UNBRAID_CLI_AUDIO_HEADER_H
#define UNBRAID_CLI_AUDIO_HEADER_H

#include "bytes.h"

/**
   Compare what the header promises with what the file holds: RIFF, RIFX, RF64, W64, AIFF, CAF and
   Ogg; others pass (a short FLAC is met while decoding).

   A WAV that was written to a pipe does not know its own size (0, or about 2 or 4 GiB): it gets
   patches with the true one.

   @return UB_OK, UB_BAD_FORMAT for a file that was cut off, or that has 32-bit sizes and is larger
           than those can say.
*/
ub_status audio_header_check(struct bytes *bytes, ub_message *why);

#endif
