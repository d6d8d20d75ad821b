// SPDX-License-Identifier: GPL-3.0-or-later
/** A stream of libunbraid between an input and an output of PortAudio. All of it belongs to the
   main thread; what it shares with the audio thread is atomic. */
#ifndef UNBRAID_CLI_LIVE_H
#define UNBRAID_CLI_LIVE_H

#include "lesson.h"

#include <unbraid/stream.h>

#include <stdint.h>

/** The place of the rest among gains and levels, wherever it is among the sources. */
enum { LIVE_REST = UB_STREAM_MAX_SOURCES };

/** Free components that are the counterpart of a source that is known alone. */
enum { LIVE_FREE_ALONE = 32 };

struct live_settings {
    const char *input, *output; ///< as sound_device_find() takes them
    ub_stream_mode mode;
    double mask_exponent;
    bool
        is_free_given; ///< without it there are LIVE_FREE_ALONE when one source is known, else none
    size_t n_free; ///< as in ub_stream_settings
    double forget_s; ///< the same
    double rate_hz; ///< 0 for the output's own
    unsigned long block_frames; ///< of a callback; 0 for what the device likes
    uint64_t n_frames; ///< to stop after; 0 for never
    double seconds; ///< the same in time
    const char *record; ///< folder for input and stems, or NULL
    const char *midi; ///< file for the notes that are heard, "-" for lines, or NULL
};

struct live;

/** What can be seen from outside while it runs. */
struct live_state {
    bool is_running; ///< until all frames are done, or the device is gone
    bool is_complete; ///< all frames are done
    uint64_t n_frames, n_xruns;
    double load; ///< of one core, 0 to 1
};

/** How late the output is, in seconds. */
struct live_latency {
    double separation_s;
    double device_s; ///< input and output, as the driver says
};

/** Open devices and stream between sound_devices_open() and _close(). Sound does not run yet.
    @param dictionary  n_sources 0 for none: then the output is the input, and nothing is recorded.
    @return false after a report. */
bool live_open(const struct live_settings *settings, const ub_dictionary *dictionary,
               const char *dictionary_path, struct live **out);

/** Let sound run. @return false after a report. */
bool live_start(struct live *live);

/** What is to be done now and then while it runs, on the thread that started it. `speak` is called
    before lines are written to standard output. @return false after a report. */
bool live_follow(struct live *live, void (*speak)(void));

/** Stop the sound at once, and complete what is recorded. @return false after a report. */
bool live_stop(struct live *live);

/** Free it; what is not complete is not recorded. NULL is fine. */
void live_close(struct live *live);

double live_rate_hz(const struct live *live);
size_t live_n_channels(const struct live *live);
struct live_latency live_latency(const struct live *live);
struct live_state live_state(const struct live *live);

/** What a model for so many known sources must be made with. */
ub_stream_settings live_model_settings(const struct live *live, size_t n_known);

/** Go on with another model, which belongs to the stream then. @return false when the one before
    still waits: then nothing has changed. */
bool live_swap(struct live *live, ub_stream_model *model);

/** Let a lesson hear the input; NULL ends that. The lesson must live as long as the sound runs. */
void live_teach(struct live *live, struct lesson *lesson);

/** The linear gain of a known source, or of LIVE_REST. Before live_start() it holds from the first
    sample on. */
void live_set_gain(struct live *live, size_t place, float gain);

/** RMS of a known source, or of LIVE_REST, before its gain. */
float live_level(const struct live *live, size_t place);

#endif
