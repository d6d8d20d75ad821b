// SPDX-License-Identifier: GPL-3.0-or-later
// The audio thread mixes what the reader has read, and touches atomics, nothing else.
#include "player.h"
#include "report.h"
#include "sound_devices.h"
#include "sound_stream.h"

#include <stdatomic.h>
#include <stdlib.h>

static const double glide_s = 0.01;

struct player {
    struct stem_reader *reader;
    ub_mix *mix;
    PaStream *sound;
    size_t n_stems, n_channels, n_outputs;
    atomic_bool is_paused, is_complete;
    _Atomic float gains[UB_MIX_MAX_STEMS], levels[UB_MIX_MAX_STEMS];
    atomic_uint_least64_t n_frames, n_xruns;
};

// @return how many of n frames there were.
static size_t play(struct player *player, float *const *out, size_t n)
{
    const float *stems[UB_MIX_MAX_STEMS * UB_MIX_MAX_CHANNELS];
    size_t done = 0;
    while (done < n && !ub_mix_is_closed(player->mix)) {
        const size_t n_there = stem_reader_look(player->reader, stems);
        const size_t now = n_there < n - done ? n_there : n - done;
        if (now == 0) {
            break;
        }
        float *to[UB_MIX_MAX_CHANNELS];
        for (size_t c = 0; c < player->n_channels; c++) {
            to[c] = out[c] + done;
        }
        ub_mix_process(player->mix, stems, to, now);
        stem_reader_pass(player->reader, now);
        done += now;
    }
    return done;
}

static void count(atomic_uint_least64_t *what, uint64_t n)
{
    atomic_fetch_add_explicit(what, n, memory_order_relaxed);
}

// Fewer frames were there than wanted.
static void fall_silent(struct player *player)
{
    const bool is_leaving = stem_reader_wants_to_leave(player->reader);
    if (is_leaving || ub_mix_is_closed(player->mix)) {
        ub_mix_arrive(player->mix); // nothing is there that could fade
        stem_reader_let_go(player->reader);
    } else if (stem_reader_has_ended(player->reader)) {
        atomic_store_explicit(&player->is_complete, true, memory_order_relaxed);
    } else {
        count(&player->n_xruns, 1);
    }
}

static int run(const void *input, void *output, unsigned long n,
               const PaStreamCallbackTimeInfo *time, PaStreamCallbackFlags flags, void *context)
{
    (void)input;
    (void)time;
    struct player *player = context;
    count(&player->n_xruns, (flags & SOUND_LOST) != 0);
    for (size_t i = 0; i < player->n_stems; i++) {
        ub_mix_set_gain(player->mix, i,
                        atomic_load_explicit(&player->gains[i], memory_order_relaxed));
    }
    const bool is_paused = atomic_load_explicit(&player->is_paused, memory_order_relaxed);
    ub_mix_open(player->mix, !is_paused && !stem_reader_wants_to_leave(player->reader));
    const size_t n_done = play(player, output, n);
    sound_stream_fill(output, player->n_channels, player->n_outputs, n_done, n);
    if (n_done < n) {
        fall_silent(player);
    }
    for (size_t i = 0; i < player->n_stems; i++) {
        atomic_store_explicit(&player->levels[i], ub_mix_level(player->mix, i),
                              memory_order_relaxed);
    }
    count(&player->n_frames, n_done);
    return atomic_load_explicit(&player->is_complete, memory_order_relaxed) ? paComplete
                                                                            : paContinue;
}

static bool open_sound(const struct player_settings *settings, struct player *player)
{
    const PaDeviceIndex device = sound_device_find(settings->output, SOUND_OUTPUT);
    if (device == paNoDevice) {
        return false;
    }
    const size_t n_there = (size_t)sound_device_channels(device, SOUND_OUTPUT);
    player->n_outputs = n_there < UB_MIX_MAX_CHANNELS ? n_there : UB_MIX_MAX_CHANNELS;
    if (player->n_outputs < player->n_channels) {
        report_error("--output", "has one channel, the stems two; name another device");
        return false;
    }
    const struct sound_stream_settings sound = {
        .command = "play",
        .input = paNoDevice,
        .output = device,
        .n_outputs = player->n_outputs,
        .rate_hz = stem_reader_rate_hz(player->reader),
        .block_frames = settings->block_frames,
        .run = run,
        .context = player,
    };
    player->sound = sound_stream_open(&sound);
    return player->sound != NULL;
}

static bool make_mix(struct player *player)
{
    const ub_mix_settings settings = {
        .rate_hz = stem_reader_rate_hz(player->reader),
        .n_channels = player->n_channels,
        .n_stems = player->n_stems,
        .glide_s = glide_s,
    };
    ub_message why = {""};
    const ub_status status = ub_mix_new(&settings, &player->mix, &why);
    if (status) {
        report_status("play", status, &why);
    }
    return !status;
}

bool player_open(const struct player_settings *settings, struct stem_reader *reader,
                 struct player **out)
{
    struct player *player = calloc(1, sizeof *player);
    if (!player) {
        report_error("play", "no memory; close other programs");
        return false;
    }
    player->reader = reader;
    player->n_stems = stem_reader_n_stems(reader);
    player->n_channels = stem_reader_n_channels(reader);
    for (size_t i = 0; i < player->n_stems; i++) {
        atomic_init(&player->gains[i], 1.0f);
        atomic_init(&player->levels[i], 0.0f);
    }
    atomic_init(&player->is_paused, false);
    atomic_init(&player->is_complete, false);
    atomic_init(&player->n_frames, 0);
    atomic_init(&player->n_xruns, 0);
    if (!make_mix(player) || !open_sound(settings, player)) {
        player_close(player);
        return false;
    }
    *out = player;
    return true;
}

bool player_start(struct player *player)
{
    for (size_t i = 0; i < player->n_stems; i++) {
        ub_mix_set_gain(player->mix, i, atomic_load(&player->gains[i]));
    }
    ub_mix_arrive(player->mix);
    return sound_stream_start(player->sound, "play");
}

void player_stop(struct player *player)
{
    sound_stream_stop(player->sound);
}

void player_close(struct player *player)
{
    if (player) {
        sound_stream_close(player->sound);
        ub_mix_free(player->mix);
        free(player);
    }
}

struct player_state player_state(const struct player *player)
{
    // Whether it runs is asked first: what has been done when it has stopped is all.
    const bool is_running = Pa_IsStreamActive(player->sound) == 1;
    return (struct player_state){
        .is_running = is_running,
        .is_complete = atomic_load(&player->is_complete),
        .is_paused = atomic_load(&player->is_paused),
        .n_frames = atomic_load(&player->n_frames),
        .n_xruns = atomic_load(&player->n_xruns),
    };
}

void player_set_gain(struct player *player, size_t stem, float gain)
{
    atomic_store_explicit(&player->gains[stem], gain, memory_order_relaxed);
}

float player_level(const struct player *player, size_t stem)
{
    return atomic_load_explicit(&player->levels[stem], memory_order_relaxed);
}

void player_pause(struct player *player, bool is_paused)
{
    atomic_store(&player->is_paused, is_paused);
}
