// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_PARAMS_H
#define UNBRAID_PARAMS_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Index of a parameter in the table and of its value in ub_settings. */
typedef enum ub_param_id {
    UB_PARAM_METHOD, ///< a ub_method
    UB_PARAM_SOURCES,
    UB_PARAM_COMPONENTS,
    UB_PARAM_FREE,
    UB_PARAM_WINDOW_MS,
    UB_PARAM_WINDOW_SHAPE, ///< of templates that are learned: a ub_window_shape
    UB_PARAM_OVERLAP,
    UB_PARAM_CONTEXT,
    UB_PARAM_RECONSTRUCTION,
    UB_PARAM_BETA,
    UB_PARAM_ITERATIONS,
    UB_PARAM_TOLERANCE,
    UB_PARAM_SPARSITY,
    UB_PARAM_CONTINUITY,
    UB_PARAM_RELAXATION,
    UB_PARAM_INIT,
    UB_PARAM_MASK_EXPONENT,
    UB_PARAM_MWF,
    UB_PARAM_COVARIANCE,
    UB_PARAM_SEED,
    UB_PARAM_THREADS,
    UB_PARAM_KERNELS,
    UB_PARAM_COUNT
} ub_param_id;

/** Values of UB_PARAM_METHOD: how a recording is taken apart. */
typedef enum ub_method {
    UB_METHOD_AUTO, ///< UB_METHOD_COMPONENTS with a dictionary or a number of sources, else _BAND
    UB_METHOD_COMPONENTS, ///< a factorisation, whose components are those of a dictionary or
                          ///< grouped
    UB_METHOD_HITS, ///< the hits of a kit in time, by a dictionary of drum hits
    UB_METHOD_HARMONIC_PERCUSSIVE, ///< what rings, what is struck
    UB_METHOD_VOCALS, ///< a voice over an accompaniment that repeats itself
    UB_METHOD_BASS, ///< the bass, the rest
    UB_METHOD_BAND, ///< vocals, drums, bass, other
    UB_METHOD_SPEECH, ///< a voice that speaks, noise
} ub_method;

/** Values of UB_PARAM_WINDOW_SHAPE. */
typedef enum ub_window_shape {
    UB_WINDOW_SHAPE_SQRT_HANN,
    UB_WINDOW_SHAPE_ASYMMETRIC, ///< falls within a hop, as the windows of streams do
} ub_window_shape;

typedef enum ub_param_kind {
    UB_PARAM_REAL,
    UB_PARAM_INTEGER,
    UB_PARAM_CHOICE, ///< value is an index into `choices`
} ub_param_kind;

/** One row of the table that options, preset files and plugin ports are made from. */
typedef struct ub_param {
    const char *key; ///< long option without "--" and key in preset files
    const char *unit; ///< "ms", "" when it has none
    ub_param_kind kind;
    double minimum, maximum; ///< both allowed
    double standard; ///< the default, allowed too; below the minimum it means "chosen by the mode"
    const char *const *choices; ///< NULL-terminated; NULL unless kind is UB_PARAM_CHOICE
    const char *summary; ///< a line for --help, lower case, no full stop
} ub_param;

/** What a caller chooses: one value per parameter, in the table's units. */
typedef struct ub_settings {
    double value[UB_PARAM_COUNT];
    const char *rest_name; ///< of the source that free components of ub_separate() make, borrowed;
                           ///< NULL for "rest"
} ub_settings;

/** The table, UB_PARAM_COUNT rows in the order of ub_param_id. Static memory. */
UB_API const ub_param *ub_param_table(void);

/** The row of that key. @return NULL when there is none. */
UB_API const ub_param *ub_param_find(const char *key);

/** Every parameter at its default. */
UB_API ub_settings ub_settings_default(void);

/**
   Set one parameter from text, as an option or a preset gives it. Numbers use '.' whatever the
   locale; nothing may follow the number.
   @return UB_OK or UB_BAD_SETTING with what is allowed; then nothing has changed.
*/
UB_API UB_MUST_USE ub_status ub_settings_set(ub_settings *settings, const char *key,
                                             const char *text, ub_message *why);

/** Whether every value is in its range. @return UB_OK or UB_BAD_SETTING naming the first that
    is not. */
UB_API UB_MUST_USE ub_status ub_settings_check(const ub_settings *settings, ub_message *why);

/** The value of a parameter, or what the mode chooses where the parameter leaves it to the mode:
    where it has a default below its minimum, and that value. */
UB_API double ub_settings_value(const ub_settings *settings, ub_param_id id, double of_mode);

/** The name of the kernel set that UB_PARAM_KERNELS asks for; NULL for the fastest of this CPU. */
UB_API const char *ub_settings_kernels(const ub_settings *settings);

#ifdef __cplusplus
}
#endif
#endif
