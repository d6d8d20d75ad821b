// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Passages of a recording in which a source plays alone, as the command line marks them:
   --source NAME@FROM-TO, and --accompaniment FROM-TO for what plays without the voice.
*/
#ifndef UNBRAID_CLI_PASSAGES_H
#define UNBRAID_CLI_PASSAGES_H

#include "options.h"

#include <unbraid/separate.h>

struct passage {
    const char *mark; ///< as it was given; borrowed
    char name[UB_DICTIONARY_MAX_NAME + 1];
    double from_s, to_s;
};

struct passages {
    struct passage *list; ///< room for as many as there are arguments
    size_t n;
    const char *names[UB_DICTIONARY_MAX_SOURCES]; ///< distinct, in the order of their first passage
    size_t n_names;
    bool has_accompaniment; ///< the voice is what is not learned
};

/** Room for n passages. @return false without memory. */
bool passages_new(size_t n, struct passages *passages);
void passages_free(struct passages *passages);

/**
   Read a passage. Times are seconds, minutes:seconds or hours:minutes:seconds, with decimals.
   @param option  "--source" or "--accompaniment"
   @return false after a report.
*/
bool passages_take(const struct usage *usage, const char *option, const char *mark,
                   struct passages *passages);

/** Whether there is a passage of a source of that name. */
bool passages_teach(const struct passages *passages, const char *name);

/** The name of what the passages leave to free components, as ub_settings has it. */
const char *passages_rest_name(const struct passages *passages);

/** Free components that suit the passages, if any, with a dictionary besides that may be empty. */
unsigned passages_free_components(const struct passages *passages, const ub_dictionary *dictionary);

/**
   Learn the sources from the recording.
   @param dictionary  Of sources known besides, whose window counts then; NULL for none. Those that
                      have passages are left out.
   @param settings    Templates of each source are UB_PARAM_COMPONENTS; 0: as many as suit.
   @param out         All sources, those of the dictionary first. The caller frees it.
   @return UB_OK, UB_BAD_VALUE (a passage beyond the recording too), or as ub_learn().
*/
ub_status passages_learn(const struct passages *passages, const ub_audio *recording,
                         const ub_dictionary *dictionary, const ub_settings *settings,
                         const ub_progress *progress, ub_dictionary *out, ub_message *why);

#endif
