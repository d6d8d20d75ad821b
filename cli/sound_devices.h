// SPDX-License-Identifier: GPL-3.0-or-later
/** The sound devices of the machine, through PortAudio. */
#ifndef UNBRAID_CLI_SOUND_DEVICES_H
#define UNBRAID_CLI_SOUND_DEVICES_H

#include <portaudio.h>
#include <stdbool.h>

enum sound_direction {
    SOUND_INPUT,
    SOUND_OUTPUT,
};

/** Look for devices. From here to the other what anybody prints to stderr is thrown away, for the
    drivers' libraries print pages; reports go to where stderr was. @return false after a report.
    Close after success. */
bool sound_devices_open(void);
void sound_devices_close(void);

/** The device that is used when none is named, or paNoDevice. */
PaDeviceIndex sound_device_default(enum sound_direction direction);

/** Most channels that a device has in a direction. */
int sound_device_channels(PaDeviceIndex device, enum sound_direction direction);

/**
   Find a device by its number, its whole name, or a part of the name that no other has, in either
   case of letters.

   @param wanted  NULL for the default.
   @return the device, or paNoDevice after a report.
*/
PaDeviceIndex sound_device_find(const char *wanted, enum sound_direction direction);

/** What PortAudio or the driver says of an error. */
const char *sound_error_text(PaError error);

#endif
