// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What the sources are made of: those of a dictionary file, and in place of some, or beside them,
   what was learned here. For the worker; what says so may also be called by others meanwhile.
*/
#ifndef UNBRAID_PLUGIN_SOURCES_H
#define UNBRAID_PLUGIN_SOURCES_H

#include "capture.h"

#include <unbraid/dictionary.h>
#include <unbraid/separate.h>
#include <unbraid/stream.h>

#include <pthread.h>

enum { MAX_PATH_BYTES = 4096 }; // the closing zero included

/** The place of each source of a dictionary among the ports, rising: a source that was learned for
    the third place may be the only one. */
typedef struct places {
    unsigned char of[UB_STREAM_MAX_SOURCES];
} places;

/** Source i at place i. */
places places_in_order(void);

/** Sound to learn a source from: passages that were heard one after the other. */
typedef struct lesson {
    float *channels[MAX_CHANNELS];
    size_t n_samples, capacity;
    size_t *ends; // of the passages, in samples
    size_t n_passages;
    bool is_open; // the last passage goes on
} lesson;

typedef struct sources {
    double rate_hz;
    size_t n_channels;
    ub_dictionary base; // of the file; n_sources 0: none
    places base_places;
    ub_dictionary learned[N_SOURCES]; // of one source each; n_sources 0: none
    lesson lessons[N_SOURCES];
    pthread_mutex_t lock; // of what follows
    ub_dictionary all; // base and learned together
    places all_places;
    bool is_own; // there is something learned in it
    char path[MAX_PATH_BYTES]; // of base
} sources;

/** @return false without memory. */
bool sources_start(sources *s, double rate_hz, size_t n_channels);
void sources_stop(sources *s);

/** Take a dictionary in place of all that is there; lessons and what was learned are forgotten.
    @param base  Owned by `s` now; n_sources 0 for none. @return UB_OK or why nothing has changed.
 */
ub_status sources_load(sources *s, ub_dictionary *base, places where, const char *path,
                       ub_message *why);

/** Add to the lesson of a source, up to LONGEST_LESSON_S.
    @param ends  Whether the passage ends with it. @return UB_OK or UB_NO_MEMORY. */
ub_status sources_hear(sources *s, size_t source, const capture_half *half, bool ends);

/** Learn a source from its lesson, in place of what was there. */
ub_status sources_learn(sources *s, size_t source, const ub_progress *progress, ub_message *why);

/** Forget a source's lesson and what was learned from it; what the file had is back. */
ub_status sources_forget(sources *s, size_t source, ub_message *why);

/** The bytes of a dictionary file of all sources, for free(), on any thread. With `path`, only
    where there is something learned in addition to that file, else `bytes` becomes NULL.
    @param where  Gets the places of its sources; they are in order when there is another file. */
ub_status sources_encode(sources *s, const char *path, unsigned char **bytes, size_t *size,
                         places *where, ub_message *why);

enum { PLACE_REST = N_SOURCES, N_PLACES };

/** For each place, and for the rest, the number of its source in the model. Places without a source
    get numbers that no source has, UB_STREAM_MAX_SOURCES at most.
    @param has_rest  Whether the model has one. */
void sources_numbers(const sources *s, bool has_rest, unsigned char numbers[N_PLACES]);

#endif
