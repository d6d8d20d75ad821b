// SPDX-License-Identifier: GPL-3.0-or-later
#include "sound_devices.h"
#include "report.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

// What stderr was, while the sound libraries have it.
static FILE *screen;

// They complain in pages: of devices that are not there, of lost sound, from threads of their own.
static void hush(void)
{
    fflush(stderr);
    const int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    screen = kept >= 0 && nowhere >= 0 ? fdopen(kept, "w") : NULL;
    if (screen) {
        dup2(nowhere, STDERR_FILENO);
        report_to(screen);
    } else if (kept >= 0) {
        close(kept);
    }
    if (nowhere >= 0) {
        close(nowhere);
    }
}

static void unhush(void)
{
    if (screen) {
        report_to(NULL);
        fflush(stderr);
        fflush(screen);
        dup2(fileno(screen), STDERR_FILENO);
        fclose(screen);
        screen = NULL;
    }
}

const char *sound_error_text(PaError error)
{
    if (error != paUnanticipatedHostError) {
        return Pa_GetErrorText(error);
    }
    const PaHostErrorInfo *info = Pa_GetLastHostErrorInfo();
    return info && info->errorText && info->errorText[0] ? info->errorText : "the driver failed";
}

bool sound_devices_open(void)
{
    hush();
    const PaError error = Pa_Initialize();
    if (error) {
        unhush();
        report_error("sound", "the devices cannot be listed: %s; check the sound system",
                     sound_error_text(error));
    }
    return error == paNoError;
}

void sound_devices_close(void)
{
    Pa_Terminate();
    unhush();
}

int sound_device_channels(PaDeviceIndex device, enum sound_direction direction)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
    return direction == SOUND_INPUT ? info->maxInputChannels : info->maxOutputChannels;
}

// PortAudio's own default is that of one host API, even where that has no devices.
PaDeviceIndex sound_device_default(enum sound_direction direction)
{
    PaDeviceIndex device =
        direction == SOUND_INPUT ? Pa_GetDefaultInputDevice() : Pa_GetDefaultOutputDevice();
    for (PaHostApiIndex i = 0; device == paNoDevice && i < Pa_GetHostApiCount(); i++) {
        const PaHostApiInfo *api = Pa_GetHostApiInfo(i);
        device = direction == SOUND_INPUT ? api->defaultInputDevice : api->defaultOutputDevice;
    }
    return device;
}

static bool holds(const char *text, const char *part)
{
    const size_t n = strlen(part);
    for (; *text; text++) {
        if (strncasecmp(text, part, n) == 0) {
            return true;
        }
    }
    return false;
}

static PaDeviceIndex find_number(const char *wanted, enum sound_direction direction)
{
    char *end;
    const long number = strtol(wanted, &end, 10);
    const bool is_number = isdigit((unsigned char)*wanted) && !*end;
    const bool is_there = is_number && number < Pa_GetDeviceCount() &&
                          sound_device_channels((PaDeviceIndex)number, direction) > 0;
    return is_there ? (PaDeviceIndex)number : paNoDevice;
}

static PaDeviceIndex find_name(const char *wanted, enum sound_direction direction, size_t *n_found)
{
    PaDeviceIndex found = paNoDevice;
    *n_found = 0;
    for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); i++) {
        const char *name = Pa_GetDeviceInfo(i)->name;
        if (sound_device_channels(i, direction) == 0 || !holds(name, wanted)) {
            continue;
        }
        if (strcmp(name, wanted) == 0) {
            *n_found = 1;
            return i;
        }
        found = found == paNoDevice ? i : found;
        ++*n_found;
    }
    return found;
}

PaDeviceIndex sound_device_find(const char *wanted, enum sound_direction direction)
{
    const char *option = direction == SOUND_INPUT ? "--input" : "--output";
    const char *kind = direction == SOUND_INPUT ? "input" : "output";
    if (!wanted) {
        const PaDeviceIndex standard = sound_device_default(direction);
        if (standard == paNoDevice) {
            report_error(option,
                         "there is no sound %s; connect one and look for it with "
                         "'unbraid devices'",
                         kind);
        }
        return standard;
    }
    PaDeviceIndex device = find_number(wanted, direction);
    size_t n_found = device != paNoDevice;
    if (device == paNoDevice) {
        device = find_name(wanted, direction, &n_found);
    }
    if (n_found == 1) {
        return device;
    }
    report_error(option, "%s %s is called '%.80s'; 'unbraid devices' lists them",
                 n_found ? "more than one" : "no", kind, wanted);
    return paNoDevice;
}
