// SPDX-License-Identifier: GPL-3.0-or-later
#include "host.h"

#include "call_guard.h"
#include "malloc_guard.h"

#include <lv2/atom/util.h>
#include <lv2/midi/midi.h>
#include <lv2/patch/patch.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Tests are meaningless without these, so they hold in release builds too.
static void must(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "the host failed: %s\n", what);
        abort();
    }
}

// ---- features ----------------------------------------------------------------------------------

static LV2_URID map_uri(LV2_URID_Map_Handle handle, const char *uri)
{
    host *h = handle;
    for (size_t i = 0; i < h->n_uris; i++) {
        if (strcmp(h->uris[i], uri) == 0) {
            return (LV2_URID)i + 1;
        }
    }
    must(h->n_uris < 256, "too many URIs");
    h->uris[h->n_uris++] = strdup(uri);
    return (LV2_URID)h->n_uris;
}

static const char *unmap_uri(LV2_URID_Unmap_Handle handle, LV2_URID urid)
{
    const host *h = handle;
    return urid >= 1 && urid <= h->n_uris ? h->uris[urid - 1] : NULL;
}

static int log_text(LV2_Log_Handle handle, LV2_URID type, const char *format, va_list arguments)
{
    host *h = handle;
    pthread_mutex_lock(&h->lock);
    const int n = vsnprintf(h->said, sizeof h->said, format, arguments);
    h->n_errors += type == map_uri(h, LV2_LOG__Error);
    h->n_notes += type == map_uri(h, LV2_LOG__Note);
    pthread_mutex_unlock(&h->lock);
    return n;
}

static int log_line(LV2_Log_Handle handle, LV2_URID type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int n = log_text(handle, type, format, arguments);
    va_end(arguments);
    return n;
}

// ---- the worker --------------------------------------------------------------------------------

static LV2_Worker_Status push(host *h, host_queue *queue, uint32_t size, const void *data)
{
    LV2_Worker_Status status = LV2_WORKER_ERR_NO_SPACE;
    pthread_mutex_lock(&h->lock);
    if (!queue->is_full && queue->n < HOST_QUEUE) {
        host_item *item = &queue->items[queue->n++];
        must(size <= sizeof item->bytes, "a message is too long");
        item->size = size;
        memcpy(item->bytes, data, size);
        pthread_cond_signal(&h->wake);
        status = LV2_WORKER_SUCCESS;
    }
    pthread_mutex_unlock(&h->lock);
    return status;
}

// With the lock.
static host_item pop(host_queue *queue)
{
    const host_item item = queue->items[0];
    queue->n--;
    memmove(queue->items, queue->items + 1, queue->n * sizeof *queue->items);
    return item;
}

static LV2_Worker_Status respond(LV2_Worker_Respond_Handle handle, uint32_t size, const void *data)
{
    host *h = handle;
    return push(h, &h->answers, size, data);
}

static LV2_Worker_Status schedule(LV2_Worker_Schedule_Handle handle, uint32_t size,
                                  const void *data)
{
    host *h = handle;
    call_guard_pause(); // what the host does is its own affair
    const LV2_Worker_Status status =
        h->worker == WORKER_IMMEDIATE
            ? h->work->work(lilv_instance_get_handle(h->instance), respond, h, size, data)
            : push(h, &h->requests, size, data);
    call_guard_resume();
    return status;
}

static void *work_on(void *context)
{
    host *h = context;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (h->requests.n == 0 && !h->must_end) {
            pthread_cond_wait(&h->wake, &h->lock);
        }
        if (h->requests.n == 0) {
            break;
        }
        const host_item item = pop(&h->requests);
        h->is_busy = true;
        pthread_mutex_unlock(&h->lock);
        h->work->work(lilv_instance_get_handle(h->instance), respond, h, item.size, item.bytes);
        pthread_mutex_lock(&h->lock);
        h->is_busy = false;
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

void host_work(host *h)
{
    while (h->worker != WORKER_THREAD && h->requests.n > 0) {
        const host_item item = pop(&h->requests);
        h->work->work(lilv_instance_get_handle(h->instance), respond, h, item.size, item.bytes);
    }
}

// ---- life --------------------------------------------------------------------------------------

static void set_features(host *h)
{
    h->map = (LV2_URID_Map){h, map_uri};
    h->unmap = (LV2_URID_Unmap){h, unmap_uri};
    h->log = (LV2_Log_Log){h, log_line, log_text};
    h->schedule = (LV2_Worker_Schedule){h, schedule};
    h->features[0] = (LV2_Feature){LV2_URID__map, &h->map};
    h->features[1] = (LV2_Feature){LV2_URID__unmap, &h->unmap};
    h->features[2] = (LV2_Feature){LV2_LOG__log, &h->log};
    h->features[3] = (LV2_Feature){LV2_WORKER__schedule, &h->schedule};
    h->features[4] = (LV2_Feature){LV2_STATE__threadSafeRestore, NULL};
    for (size_t i = 0; i < 5; i++) {
        h->feature_list[i] = &h->features[i];
    }
}

static void begin_events(host *h)
{
    lv2_atom_forge_set_buffer(&h->forge, h->events_in, sizeof h->events_in);
    lv2_atom_forge_sequence_head(&h->forge, &h->frame, 0);
}

host *host_new(const char *uri, double rate_hz, host_worker worker)
{
    host *h = calloc(1, sizeof *h);
    must(h, "no memory");
    h->worker = worker;
    h->n_channels = strcmp(uri, PLUGIN_MONO_URI) == 0 ? 1 : 2;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->wake, NULL);
    set_features(h);
    lv2_atom_forge_init(&h->forge, &h->map);
    begin_events(h);
    h->world = lilv_world_new();
    lilv_world_load_all(h->world);
    LilvNode *node = lilv_new_uri(h->world, uri);
    h->plugin = lilv_plugins_get_by_uri(lilv_world_get_all_plugins(h->world), node);
    lilv_node_free(node);
    must(h->plugin, "LV2_PATH has no such plugin");
    float defaults[PORT_FIRST_AUDIO + HOST_MAX_AUDIO];
    must(lilv_plugin_get_num_ports(h->plugin) == port_of_midi((unsigned)h->n_channels) + 1,
         "the number of ports");
    lilv_plugin_get_port_ranges_float(h->plugin, NULL, NULL, defaults);
    memcpy(h->controls, defaults, sizeof h->controls);
    h->instance = lilv_plugin_instantiate(h->plugin, rate_hz, h->feature_list);
    must(h->instance, "the plugin does not start");
    h->work = lilv_instance_get_extension_data(h->instance, LV2_WORKER__interface);
    for (uint32_t i = 0; i < PORT_FIRST_AUDIO; i++) {
        lilv_instance_connect_port(h->instance, i, &h->controls[i]);
    }
    lilv_instance_connect_port(h->instance, PORT_CONTROL, h->events_in);
    lilv_instance_connect_port(h->instance, PORT_NOTIFY, h->events_out);
    if (worker == WORKER_THREAD) {
        must(pthread_create(&h->thread, NULL, work_on, h) == 0, "no thread");
    }
    return h;
}

void host_free(host *h)
{
    if (h->forbidden) {
        fprintf(stderr, "run() or work_response() called %s()\n", h->forbidden);
        abort();
    }
    if (h->worker == WORKER_THREAD) {
        pthread_mutex_lock(&h->lock);
        h->must_end = true;
        pthread_cond_signal(&h->wake);
        pthread_mutex_unlock(&h->lock);
        pthread_join(h->thread, NULL);
    }
    host_work(h);
    // What the worker has made goes to the plugin, who frees it.
    while (h->answers.n > 0) {
        const host_item item = pop(&h->answers);
        h->work->work_response(lilv_instance_get_handle(h->instance), item.size, item.bytes);
    }
    lilv_instance_free(h->instance);
    lilv_world_free(h->world);
    for (size_t i = 0; i < h->n_uris; i++) {
        free(h->uris[i]);
    }
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void host_activate(host *h)
{
    lilv_instance_activate(h->instance);
}

void host_deactivate(host *h)
{
    lilv_instance_deactivate(h->instance);
}

// ---- cycles ------------------------------------------------------------------------------------

static void hear(host *h)
{
    const LV2_Atom_Sequence *events = (const LV2_Atom_Sequence *)h->events_out;
    LV2_ATOM_SEQUENCE_FOREACH(events, event)
    {
        const LV2_Atom *value = NULL;
        const LV2_Atom_Object *object = (const LV2_Atom_Object *)&event->body;
        lv2_atom_object_get(object, map_uri(h, LV2_PATCH__value), &value, 0);
        if (object->body.otype == map_uri(h, LV2_PATCH__Set) && value &&
            value->type == h->forge.Path) {
            memcpy(h->told, LV2_ATOM_BODY_CONST(value), value->size);
            h->n_told++;
        }
    }
}

static void hear_midi(host *h, size_t n)
{
    const LV2_Atom_Sequence *events = (const LV2_Atom_Sequence *)h->events_midi;
    int64_t last = 0;
    LV2_ATOM_SEQUENCE_FOREACH(events, event)
    {
        const unsigned char *message = LV2_ATOM_BODY_CONST(&event->body);
        const int64_t frame = event->time.frames;
        must(event->body.type == map_uri(h, LV2_MIDI__MidiEvent) && event->body.size == 3,
             "no MIDI message of three bytes");
        must(frame >= last && (frame < (int64_t)n || frame == 0), "a note outside its block");
        must((message[0] & 0xe0) == 0x80 && message[1] < 128 && message[2] < 128, "no note");
        last = frame;
        unsigned char *sounds = &h->sounding[message[0] & 0x0f][message[1]];
        const bool is_on = (message[0] & 0xf0) == 0x90;
        must(is_on ? *sounds == 0 && message[2] > 0 : *sounds > 0, "a note begins or ends twice");
        *sounds = is_on ? message[2] : 0;
        h->n_on += is_on;
        h->n_off += !is_on;
    }
}

static void notice(host *h, const char *call)
{
    h->forbidden = call ? call : h->forbidden;
}

static void answer(host *h)
{
    pthread_mutex_lock(&h->lock);
    while (h->answers.n > 0) {
        const host_item item = pop(&h->answers);
        pthread_mutex_unlock(&h->lock);
        call_guard_start();
        h->work->work_response(lilv_instance_get_handle(h->instance), item.size, item.bytes);
        notice(h, call_guard_stop());
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
}

void host_run(host *h, float *const *audio, size_t n)
{
    for (uint32_t i = 0; i < h->n_channels * N_AUDIO; i++) {
        lilv_instance_connect_port(h->instance, PORT_FIRST_AUDIO + i, audio[i]);
    }
    LV2_Atom *out = (LV2_Atom *)h->events_out;
    out->type = h->forge.Chunk;
    out->size = HOST_EVENT_BYTES - sizeof *out;
    LV2_Atom *midi = (LV2_Atom *)h->events_midi;
    midi->type = h->forge.Chunk;
    midi->size = h->midi_bytes > 0 ? (uint32_t)(h->midi_bytes - sizeof *midi) : 0;
    lilv_instance_connect_port(h->instance, port_of_midi((unsigned)h->n_channels),
                               h->midi_bytes > 0 ? h->events_midi : NULL);
    const bool is_guarded = h->worker == WORKER_DEFERRED;
    if (is_guarded) {
        malloc_guard_start(0);
    }
    call_guard_start();
    lilv_instance_run(h->instance, (uint32_t)n);
    notice(h, call_guard_stop());
    answer(h);
    if (is_guarded) {
        h->n_allocations += malloc_guard_stop(NULL);
    }
    hear(h);
    if (h->midi_bytes > 0) {
        hear_midi(h, n);
    }
    begin_events(h);
}

static bool is_idle(host *h)
{
    pthread_mutex_lock(&h->lock);
    const bool idle = h->requests.n == 0 && h->answers.n == 0 && !h->is_busy;
    pthread_mutex_unlock(&h->lock);
    return idle;
}

void host_settle(host *h, size_t n)
{
    float silence[2][64], out[64];
    float *audio[HOST_MAX_AUDIO] = {NULL};
    for (size_t done = 0; done < n; done = is_idle(h) ? done + 64 : 0) {
        memset(silence, 0, sizeof silence);
        audio[0] = silence[0];
        audio[1] = h->n_channels == 2 ? silence[1] : out;
        audio[2] = audio[3] = h->n_channels == 2 ? out : NULL;
        host_run(h, audio, 64);
        host_work(h);
        sched_yield();
    }
}

// ---- messages and sessions ---------------------------------------------------------------------

static void send(host *h, const char *type, const char *property, const char *path, size_t size)
{
    LV2_Atom_Forge_Frame frame;
    lv2_atom_forge_frame_time(&h->forge, 0);
    lv2_atom_forge_object(&h->forge, &frame, 0, map_uri(h, type));
    lv2_atom_forge_key(&h->forge, map_uri(h, LV2_PATCH__property));
    lv2_atom_forge_urid(&h->forge, map_uri(h, property));
    if (path) {
        lv2_atom_forge_key(&h->forge, map_uri(h, LV2_PATCH__value));
        lv2_atom_forge_path(&h->forge, path, (uint32_t)size);
    }
    lv2_atom_forge_pop(&h->forge, &frame);
}

void host_send_path(host *h, const char *path, size_t size)
{
    send(h, LV2_PATCH__Set, PLUGIN_MODEL_URI, path, size);
}

void host_export(host *h, const char *path)
{
    send(h, LV2_PATCH__Set, PLUGIN_EXPORT_URI, path, strlen(path) + 1);
}

void host_ask_path(host *h)
{
    send(h, LV2_PATCH__Get, PLUGIN_MODEL_URI, NULL, 0);
}

float *host_source(host *h, size_t source, source_port which)
{
    return &h->controls[port_of_source((unsigned)source, which)];
}

static const void *get_value(const char *symbol, void *context, uint32_t *size, uint32_t *type)
{
    host *h = context;
    LilvNode *node = lilv_new_string(h->world, symbol);
    const LilvPort *port = lilv_plugin_get_port_by_symbol(h->plugin, node);
    lilv_node_free(node);
    *size = sizeof(float);
    *type = h->forge.Float;
    return &h->controls[lilv_port_get_index(h->plugin, port)];
}

static void set_value(const char *symbol, void *context, const void *value, uint32_t size,
                      uint32_t type)
{
    (void)type;
    host *h = context;
    LilvNode *node = lilv_new_string(h->world, symbol);
    const LilvPort *port = lilv_plugin_get_port_by_symbol(h->plugin, node);
    lilv_node_free(node);
    must(port && size == sizeof(float), "a session names a port that is not there");
    memcpy(&h->controls[lilv_port_get_index(h->plugin, port)], value, size);
}

LilvState *host_save(host *h, const char *folder)
{
    LilvState *state =
        lilv_state_new_from_instance(h->plugin, h->instance, &h->map, folder, folder, folder,
                                     folder, get_value, h, LV2_STATE_IS_POD, h->feature_list);
    must(state, "nothing is saved");
    must(lilv_state_save(h->world, &h->map, &h->unmap, state, NULL, folder, "state.ttl") == 0,
         "the state is not written");
    lilv_state_free(state);
    char path[4200];
    snprintf(path, sizeof path, "%s/state.ttl", folder);
    state = lilv_state_new_from_file(h->world, &h->map, NULL, path);
    must(state, "the state is not read");
    return state;
}

void host_restore(host *h, const LilvState *state)
{
    lilv_state_restore(state, h->instance, set_value, h, 0, h->feature_list);
}
