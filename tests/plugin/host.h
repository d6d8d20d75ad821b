// SPDX-License-Identifier: GPL-3.0-or-later
/** A host of the plugin within the test program, whose worker does as the test says. */
#ifndef UNBRAID_TESTS_HOST_H
#define UNBRAID_TESTS_HOST_H

#include "ports.h"

#include <lilv/lilv.h>
#include <lv2/atom/forge.h>
#include <lv2/log/log.h>
#include <lv2/worker/worker.h>

#include <pthread.h>
#include <stdbool.h>

enum { HOST_EVENT_BYTES = 16384, HOST_QUEUE = 8, HOST_MAX_AUDIO = MAX_CHANNELS * N_AUDIO };

typedef enum host_worker {
    WORKER_DEFERRED, ///< works in host_work()
    WORKER_IMMEDIATE, ///< works within schedule_work(), as hosts do when they render
    WORKER_THREAD, ///< works in a thread
} host_worker;

typedef struct host_item {
    uint32_t size;
    unsigned char bytes[8192];
} host_item;

typedef struct host_queue {
    size_t n;
    bool is_full; // by order of the test
    host_item items[HOST_QUEUE];
} host_queue;

typedef struct host {
    LilvWorld *world;
    const LilvPlugin *plugin;
    LilvInstance *instance;
    const LV2_Worker_Interface *work;
    size_t n_channels;
    char *uris[256];
    size_t n_uris;
    LV2_URID_Map map;
    LV2_URID_Unmap unmap;
    LV2_Log_Log log;
    LV2_Worker_Schedule schedule;
    LV2_Feature features[5];
    const LV2_Feature *feature_list[6];
    host_worker worker;
    pthread_t thread;
    pthread_mutex_t lock; // of the queues and the log
    pthread_cond_t wake;
    bool must_end, is_busy;
    host_queue requests, answers;
    float controls[PORT_FIRST_AUDIO];
    LV2_Atom_Forge forge;
    _Alignas(8) unsigned char events_in[HOST_EVENT_BYTES], events_out[HOST_EVENT_BYTES];
    _Alignas(8) unsigned char events_midi[HOST_EVENT_BYTES];
    size_t midi_bytes; // that the port of notes has, of HOST_EVENT_BYTES; 0: it is not connected
    size_t n_on, n_off; // notes
    unsigned char sounding[16][128]; // the velocity of each, by channel
    LV2_Atom_Forge_Frame frame;
    char told[4096]; // the path of the last patch:Set from the plugin
    size_t n_told, n_errors, n_notes;
    char said[4096]; // the last line of its log
    size_t n_allocations; // in run() and work_response(), unless the worker runs meanwhile
    const char *forbidden; // a call there that takes time, see call_guard.h
} host;

/** Instantiate; aborts the test when that fails. Controls have their defaults. */
host *host_new(const char *uri, double rate_hz, host_worker worker);
/** Aborts when run() or work_response() have called what they must not. */
void host_free(host *h);

void host_activate(host *h);
void host_deactivate(host *h);

/** One cycle. `audio` has the audio ports in their order: in, out, stems; NULL is unconnected. */
void host_run(host *h, float *const *audio, size_t n);

/** Do what the worker has been asked for; answers come with the next cycle. */
void host_work(host *h);

/** Cycles of silence and work, until there has been nothing to do for so many samples. */
void host_settle(host *h, size_t n);

/** A message to the plugin, for the next cycle. */
void host_send_path(host *h, const char *path, size_t size);
void host_export(host *h, const char *path);
void host_ask_path(host *h);

/** A source's control. */
float *host_source(host *h, size_t source, source_port which);

LilvState *host_save(host *h, const char *folder);
void host_restore(host *h, const LilvState *state);

#endif
