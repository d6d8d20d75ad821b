// SPDX-License-Identifier: GPL-3.0-or-later
#include "options.h"
#include "print_json.h"
#include "sound_devices.h"

#include <math.h>
#include <stdio.h>

static const struct option_row rows[] = {
    {"json", '\0', NULL, "print one JSON object"},
};

static const struct usage devices_usage = {
    .command = "devices",
    .operands = "",
    .summary = "List the sound devices that 'unbraid live' can use.",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
};

static void print_device(PaDeviceIndex device)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
    const bool is_input = device == sound_device_default(SOUND_INPUT);
    const bool is_output = device == sound_device_default(SOUND_OUTPUT);
    printf("%5d  %s: %d in, %d out, %g Hz%s\n", device, info->name, info->maxInputChannels,
           info->maxOutputChannels, info->defaultSampleRate,
           is_input && is_output ? " (default)"
           : is_input            ? " (default input)"
           : is_output           ? " (default output)"
                                 : "");
}

static void print_api(PaHostApiIndex index)
{
    const PaHostApiInfo *api = Pa_GetHostApiInfo(index);
    printf("%s%s\n", api->name, api->deviceCount > 0 ? "" : ": no devices");
    for (int i = 0; i < api->deviceCount; i++) {
        print_device(Pa_HostApiDeviceIndexToDeviceIndex(index, i));
    }
}

// In a direction without channels a device has no latency: null.
static void print_latency_json(int n_channels, double latency_s)
{
    print_json_number(stdout, n_channels > 0 ? 1000.0 * latency_s : (double)NAN, 3);
}

static void print_device_json(PaDeviceIndex device)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
    printf("{\"number\": %d, \"name\": ", device);
    print_json_string(stdout, info->name);
    printf(", \"inputs\": %d, \"outputs\": %d, \"rate_hz\": ", info->maxInputChannels,
           info->maxOutputChannels);
    print_json_number(stdout, info->defaultSampleRate, 0);
    fputs(", \"input_latency_ms\": ", stdout);
    print_latency_json(info->maxInputChannels, info->defaultLowInputLatency);
    fputs(", \"output_latency_ms\": ", stdout);
    print_latency_json(info->maxOutputChannels, info->defaultLowOutputLatency);
    printf(", \"is_default_input\": %s, \"is_default_output\": %s}",
           device == sound_device_default(SOUND_INPUT) ? "true" : "false",
           device == sound_device_default(SOUND_OUTPUT) ? "true" : "false");
}

static void print_api_json(PaHostApiIndex index)
{
    const PaHostApiInfo *api = Pa_GetHostApiInfo(index);
    fputs("{\"name\": ", stdout);
    print_json_string(stdout, api->name);
    fputs(", \"devices\": [", stdout);
    for (int i = 0; i < api->deviceCount; i++) {
        fputs(i ? ", " : "", stdout);
        print_device_json(Pa_HostApiDeviceIndexToDeviceIndex(index, i));
    }
    fputs("]}", stdout);
}

static void print_all_json(void)
{
    fputs("{\"host_apis\": [", stdout);
    for (PaHostApiIndex i = 0; i < Pa_GetHostApiCount(); i++) {
        fputs(i ? ", " : "", stdout);
        print_api_json(i);
    }
    puts("]}");
}

static void print_all(void)
{
    for (PaHostApiIndex i = 0; i < Pa_GetHostApiCount(); i++) {
        print_api(i);
    }
}

enum outcome devices_run(int argc, char **argv)
{
    struct options options;
    bool as_json = false;
    enum outcome outcome = DONE;
    if (!options_parse(&devices_usage, argc, argv, options_take_switch, &as_json, &options,
                       &outcome)) {
        return outcome;
    }
    if (options.n_operands > 0) {
        return options_misused(&devices_usage, options.operands[0], "is not an option");
    }
    if (!sound_devices_open()) {
        return FAILED;
    }
    (as_json ? print_all_json : print_all)();
    sound_devices_close();
    return DONE;
}
