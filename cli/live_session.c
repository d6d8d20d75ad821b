// SPDX-License-Identifier: GPL-3.0-or-later
#include "live_session.h"
#include "console.h"
#include "dictionary_file.h"
#include "interrupt.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

size_t live_session_n_sources(const struct live_session *session)
{
    return session->dictionary->n_sources + session->n_names;
}

static size_t place_of(const struct live_session *session, size_t fader)
{
    return fader < live_session_n_sources(session) ? fader : LIVE_REST;
}

static void set_gains(const struct live_session *session)
{
    float gains[MIXER_MAX_FADERS];
    mixer_gains(&session->mixer, gains);
    for (size_t i = 0; i < session->mixer.n_faders; i++) {
        live_set_gain(session->running, place_of(session, i), gains[i]);
    }
}

static size_t n_known(const struct live_session *session)
{
    return session->teaching ? teaching_n_known(session->teaching) : session->dictionary->n_sources;
}

// The faders of what is known.
static void show_faders(struct live_session *session)
{
    struct mixer *mixer = &session->mixer;
    const size_t known = n_known(session);
    const bool rests = known > 0 && live_model_settings(session->running, known).n_free > 0;
    for (size_t i = 0; i < mixer->n_faders; i++) {
        mixer->faders[i].is_hidden = i < live_session_n_sources(session) ? i >= known : !rests;
    }
    if (mixer->faders[mixer->selected].is_hidden) {
        mixer->selected = 0;
    }
    set_gains(session);
}

static void report_learning(const struct live_session *session, ub_status status,
                            const ub_message *why, const char *what_next)
{
    if (status == UB_BAD_VALUE) {
        report_error("--learn", "'%.63s' cannot be learned from silence; %s",
                     teaching_name(session->teaching), what_next);
    } else {
        report_status("--learn", status, why);
    }
}

static ub_status make_model(struct live_session *session, ub_message *why)
{
    const ub_stream_settings settings = live_model_settings(session->running, n_known(session));
    ub_dictionary all;
    ub_stream_model *model = NULL;
    ub_status status = teaching_dictionary(session->teaching, &all, why);
    if (!status) {
        status = ub_stream_model_new(&settings, &all, &model, why);
        ub_dictionary_free(&all);
    }
    if (!status) {
        ub_stream_model_free(session->fresh);
        session->fresh = model;
    }
    return status;
}

static void take_lesson(struct live_session *session)
{
    ub_message why = {""};
    ub_status status = teaching_take(session->teaching, &why);
    status = status ? status : make_model(session, &why);
    if (status) {
        console_speak();
        report_learning(session, status, &why, "it is heard still, play it and press Enter again");
    }
    live_teach(session->running, teaching_lesson(session->teaching));
}

static bool look(void *context)
{
    struct live_session *session = context;
    if (session->teaching && teaching_is_ready(session->teaching)) {
        take_lesson(session);
    }
    if (session->fresh && live_swap(session->running, session->fresh)) {
        session->fresh = NULL;
        show_faders(session);
    }
    return live_follow(session->running, console_speak) && live_state(session->running).is_running;
}

static bool take_teaching_key(struct live_session *session, int key)
{
    const bool is_enter = key == '\n' || key == '\r';
    if (!session->teaching || !(is_enter || key == 'l')) {
        return false;
    }
    console_speak(); // these may have something to report
    if (!is_enter) {
        teaching_begin_more(session->teaching, session->mixer.selected);
    } else if (teaching_lesson(session->teaching)) {
        teaching_end(session->teaching);
    } else {
        teaching_begin(session->teaching);
    }
    live_teach(session->running, teaching_lesson(session->teaching));
    return true;
}

static void take_key(void *context, int key)
{
    struct live_session *session = context;
    if (!take_teaching_key(session, key) && mixer_key(&session->mixer, key)) {
        set_gains(session);
    }
}

static void describe(void *context, struct status_line *line)
{
    const struct live_session *session = context;
    const struct live_state state = live_state(session->running);
    const struct live_latency latency = live_latency(session->running);
    float levels[MIXER_MAX_FADERS];
    for (size_t i = 0; i < session->mixer.n_faders; i++) {
        levels[i] = live_level(session->running, place_of(session, i));
    }
    status_line_add(line, "%.1f ms  cpu %.0f %%  xruns %" PRIu64,
                    1000.0 * (latency.separation_s + latency.device_s), 100.0 * state.load,
                    state.n_xruns);
    if (session->teaching) {
        teaching_describe(session->teaching, line);
    }
    status_line_add_mixer(line, &session->mixer, levels);
}

static void print_summary(const struct live *live)
{
    const struct live_state state = live_state(live);
    const struct live_latency latency = live_latency(live);
    printf("%" PRIu64 " frames at %g Hz, channels: %zu, xruns: %" PRIu64
           ", latency: %.1f ms (separation %.1f ms, device %.1f ms)\n",
           state.n_frames, live_rate_hz(live), live_n_channels(live), state.n_xruns,
           1000.0 * (latency.separation_s + latency.device_s), 1000.0 * latency.separation_s,
           1000.0 * latency.device_s);
}

// Until the sound ends, or somebody ends it.
static enum outcome follow(struct live_session *session)
{
    const struct console console = {look, take_key, describe, session};
    if (console_follow(&console) || live_state(session->running).is_complete) {
        return DONE;
    }
    report_error("live", "the device has stopped; look whether it is still there with "
                         "'unbraid devices'");
    return FAILED;
}

static enum outcome save(struct live_session *session)
{
    ub_message why = {""};
    ub_dictionary all;
    ub_status status = teaching_dictionary(session->teaching, &all, &why);
    if (!status) {
        status = dictionary_file_save(session->save, &all, &why);
        ub_dictionary_free(&all);
    }
    if (status) {
        report_status(session->save, status, &why);
        return FAILED;
    }
    puts(session->save);
    return DONE;
}

// The end of the sound ends a lesson too.
static enum outcome finish_learning(struct live_session *session)
{
    ub_message why = {""};
    bool is_good = teaching_end(session->teaching);
    if (teaching_is_learning(session->teaching)) {
        const ub_status status = teaching_take(session->teaching, &why);
        if (status) {
            report_learning(session, status, &why, "play it while it is heard");
        }
        is_good = !status;
    }
    if (teaching_n_learned(session->teaching) > 0 && save(session) != DONE) {
        return FAILED;
    }
    return is_good ? DONE : FAILED;
}

static bool open_teaching(struct live_session *session)
{
    const struct teaching_settings settings = {
        .base = session->dictionary,
        .names = session->names,
        .n_names = session->n_names,
        .learning = &session->learning,
        .rate_hz = live_rate_hz(session->running),
        .n_channels = live_n_channels(session->running),
    };
    if (!teaching_new(&settings, &session->teaching) || !teaching_begin(session->teaching)) {
        return false;
    }
    live_teach(session->running, teaching_lesson(session->teaching));
    return true;
}

static enum outcome play_opened(struct live_session *session)
{
    if (session->n_names > 0 && !open_teaching(session)) {
        return FAILED;
    }
    show_faders(session);
    if (!live_start(session->running)) {
        return FAILED;
    }
    enum outcome outcome = follow(session);
    outcome = live_stop(session->running) ? outcome : FAILED;
    print_summary(session->running);
    interrupt_accept();
    if (session->save && finish_learning(session) != DONE) {
        return FAILED;
    }
    return outcome;
}

enum outcome live_session_play(struct live_session *session)
{
    if (!live_open(&session->live, session->dictionary, session->dictionary_path,
                   &session->running)) {
        return FAILED;
    }
    const enum outcome outcome = play_opened(session);
    live_close(session->running);
    teaching_free(session->teaching);
    ub_stream_model_free(session->fresh);
    return outcome;
}
