// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_STATUS_H
#define UNBRAID_STATUS_H

#include "attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a call came to. Zero is success, so `if (status)` reads "if it failed". */
typedef enum ub_status {
    UB_OK = 0,
    UB_NO_MEMORY, ///< an allocation failed
    UB_BAD_SHAPE, ///< matrices, channels or lengths do not fit together
    UB_BAD_VALUE, ///< a number outside its range, NaN or infinity where none may be
    UB_BAD_SETTING, ///< a setting outside its range, or an unknown one
    UB_BAD_FORMAT, ///< bytes that are not what they should be
    UB_FILE_ERROR, ///< the disk said no
    UB_CANCELLED, ///< the progress callback asked to stop
} ub_status;

/** Bytes that a ub_message holds, the closing zero included. */
#define UB_MESSAGE_SIZE 256

/**
   One sentence for a person about what went wrong, without a full stop and without the name of
   the file (the caller knows it). The caller owns it; functions that take one accept NULL.
*/
typedef struct ub_message {
    char text[UB_MESSAGE_SIZE];
} ub_message;

/** A few words for a status, never NULL, in static memory. Safe on any thread. */
UB_API UB_RT const char *ub_status_text(ub_status status);

/**
   Write a formatted sentence into `why` (cut at its size) and return `status`, so that a failing
   function can end in `return ub_fail(why, UB_BAD_SHAPE, "...")`. `why` may be NULL.
   Not for the audio thread.
*/
UB_API ub_status ub_fail(ub_message *why, ub_status status, const char *format, ...)
    UB_PRINTF(3, 4);

/**
   Called now and then by the functions that take long.

   @param context   What the caller gave beside the callback.
   @param stage     What is going on, a lower-case word or two in static memory ("factorise").
   @param fraction  How much of the whole call is done, 0 to 1, never falling within a call.
   @return 0 to go on; anything else makes the call end with UB_CANCELLED, nothing changed.
*/
typedef int (*ub_progress_fn)(void *context, const char *stage, double fraction);

/** A progress callback and its context; all NULL where nobody listens. */
typedef struct ub_progress {
    ub_progress_fn report;
    void *context; ///< of both callbacks
    /** Called whenever work of another kind begins, for measuring; NULL when nobody measures.
        `name` is a lower-case word in static memory, and lasts until the next; functions that say
        such words list them. They may come thousands of times a second, always from the thread
        that made the call. */
    void (*stage)(void *context, const char *name);
} ub_progress;

/** Report to a listener that may be absent. @return UB_OK or UB_CANCELLED. */
UB_API UB_MUST_USE ub_status ub_progress_report(const ub_progress *progress, const char *stage,
                                                double fraction);

/** Tell a listener that may be absent that work of the kind `name` begins. */
UB_API void ub_progress_stage(const ub_progress *progress, const char *name);

#ifdef __cplusplus
}
#endif
#endif
