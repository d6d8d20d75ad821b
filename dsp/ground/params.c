// SPDX-License-Identifier: GPL-3.0-or-later
// The one table of what a caller may choose; defaults come from measurements on recorded pieces,
// see docs/measurements.md.
#include "unbraid/params.h"
#include "number.h"

#include <math.h>
#include <string.h>

static const char *const init_choices[] = {"random", "nndsvd", "nndsvda", "nndsvdar", NULL};

static const char *const kernel_choices[] = {"auto", "generic", "avx2", "avx512", "neon", NULL};

static const char *const reconstruction_choices[] = {"none", "discriminative", NULL};

// In the order of ub_window_shape.
static const char *const shape_choices[] = {"sqrt-hann", "asymmetric", NULL};

static const char *const covariance_choices[] = {"full", "rank-1", NULL};

// In the order of ub_method.
static const char *const method_choices[] = {
    "auto", "components", "hits", "harmonic-percussive", "vocals", "bass", "band", "speech", NULL};

static const ub_param table[UB_PARAM_COUNT] = {
    [UB_PARAM_METHOD] = {"method", "", UB_PARAM_CHOICE, 0, 7, 0, method_choices,
                         "way to take a recording apart; auto: components with a dictionary or "
                         "--sources, else band"},
    [UB_PARAM_SOURCES] = {"sources", "", UB_PARAM_INTEGER, 0, 16, 0, NULL,
                          "stems to group blind components into; 0: as the method has, or 4"},
    [UB_PARAM_COMPONENTS] = {"components", "", UB_PARAM_INTEGER, 0, 1000, 0, NULL,
                             "components in all (blind) or templates per source (learn); "
                             "0: 32 blind, 40 per source"},
    [UB_PARAM_FREE] = {"free", "", UB_PARAM_INTEGER, 0, 1000, 0, NULL,
                       "free components beside a dictionary, heard as the source rest"},
    [UB_PARAM_WINDOW_MS] = {"window", "ms", UB_PARAM_REAL, 1, 1000, 0, NULL,
                            "length of the analysis window: by default 140 ms for learn, 46 ms for "
                            "vocals and speech, else 93 ms"},
    [UB_PARAM_WINDOW_SHAPE] = {"window-shape", "", UB_PARAM_CHOICE, 0, 1, 0, shape_choices,
                               "shape of the analysis window; asymmetric: as streams have it"},
    [UB_PARAM_OVERLAP] = {"overlap", "", UB_PARAM_INTEGER, 2, 16, 4, NULL,
                          "windows that cover each sample"},
    [UB_PARAM_CONTEXT] = {"context", "", UB_PARAM_INTEGER, 0, 8, 2, NULL,
                          "frames before and after its own that a template describes"},
    [UB_PARAM_RECONSTRUCTION] = {"reconstruction", "", UB_PARAM_CHOICE, 0, 1, 0,
                                 reconstruction_choices, "templates of their own for the masks"},
    [UB_PARAM_BETA] = {"beta", "", UB_PARAM_REAL, -1, 3, 1, NULL,
                       "divergence: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito"},
    [UB_PARAM_ITERATIONS] = {"iterations", "", UB_PARAM_INTEGER, 0, 10000, 0, NULL,
                             "most updates, all on bins; 0: until the masks rest, mostly on bands"},
    [UB_PARAM_TOLERANCE] = {"tolerance", "", UB_PARAM_REAL, 0, 1, 0.01, NULL,
                            "stop when five updates move the masks by less than this share"},
    [UB_PARAM_SPARSITY] = {"sparsity", "", UB_PARAM_REAL, 0, 100, 0, NULL,
                           "weight of the L1 penalty on activations"},
    [UB_PARAM_CONTINUITY] = {"continuity", "", UB_PARAM_REAL, 0, 1000, 0, NULL,
                             "weight of the penalty on jumps of activations"},
    [UB_PARAM_RELAXATION] = {"relaxation", "", UB_PARAM_REAL, 0, 1.95, 0, NULL,
                             "over-relaxation of the updates, 1 (plain) and up; 0: 1.9"},
    [UB_PARAM_INIT] = {"init", "", UB_PARAM_CHOICE, 0, 3, 0, init_choices,
                       "start of a factorisation"},
    [UB_PARAM_MASK_EXPONENT] = {"mask-exponent", "", UB_PARAM_REAL, 0.5, 2, 0, NULL,
                                "exponent of the Wiener mask on magnitudes: 1.3 for the sources of "
                                "a dictionary, else 1"},
    [UB_PARAM_MWF] = {"mwf", "", UB_PARAM_INTEGER, 0, 4, 0, NULL,
                      "rounds of the multichannel Wiener filter after the masks"},
    [UB_PARAM_COVARIANCE] = {"covariance", "", UB_PARAM_CHOICE, 0, 1, 0, covariance_choices,
                             "what that filter knows of a source: full, or one point of the "
                             "stereo field"},
    [UB_PARAM_SEED] = {"seed", "", UB_PARAM_INTEGER, 0, 9007199254740992.0, 1, NULL,
                       "seed of the random start"},
    [UB_PARAM_THREADS] = {"jobs", "", UB_PARAM_INTEGER, 0, 1024, 0, NULL,
                          "threads; 0: one per core"},
    [UB_PARAM_KERNELS] = {"kernels", "", UB_PARAM_CHOICE, 0, 4, 0, kernel_choices,
                          "instruction set to compute with"},
};

const ub_param *ub_param_table(void)
{
    return table;
}

const ub_param *ub_param_find(const char *key)
{
    for (size_t i = 0; i < UB_PARAM_COUNT; i++) {
        if (strcmp(table[i].key, key) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

ub_settings ub_settings_default(void)
{
    ub_settings settings = {.rest_name = NULL};
    for (size_t i = 0; i < UB_PARAM_COUNT; i++) {
        settings.value[i] = table[i].standard;
    }
    return settings;
}

static ub_status parse_choice(const ub_param *param, const char *text, double *value,
                              ub_message *why)
{
    char allowed[128] = "";
    for (size_t i = 0; param->choices[i]; i++) {
        if (strcmp(param->choices[i], text) == 0) {
            *value = (double)i;
            return UB_OK;
        }
        if (strlen(allowed) + strlen(param->choices[i]) + 3 < sizeof allowed) {
            strcat(strcat(allowed, i ? ", " : ""), param->choices[i]);
        }
    }
    return ub_fail(why, UB_BAD_SETTING, "%s is '%.40s', but must be one of: %s", param->key, text,
                   allowed);
}

static ub_status check_value(const ub_param *param, double value, ub_message *why)
{
    if (value == param->standard) {
        return UB_OK; // below the minimum where the mode chooses
    }
    if (!(value >= param->minimum && value <= param->maximum)) {
        return ub_fail(why, UB_BAD_SETTING, "%s is %.15g, but must be from %.15g to %.15g",
                       param->key, value, param->minimum, param->maximum);
    }
    if (param->kind != UB_PARAM_REAL && value != floor(value)) {
        return ub_fail(why, UB_BAD_SETTING, "%s is %.15g, but must be a whole number", param->key,
                       value);
    }
    return UB_OK;
}

ub_status ub_settings_set(ub_settings *settings, const char *key, const char *text, ub_message *why)
{
    const ub_param *param = ub_param_find(key);
    if (!param) {
        return ub_fail(why, UB_BAD_SETTING, "there is no setting '%.60s'", key);
    }
    double value = 0.0;
    ub_status status = UB_OK;
    if (param->kind == UB_PARAM_CHOICE) {
        status = parse_choice(param, text, &value, why);
    } else if (!ub_number_parse(text, &value)) {
        status = ub_fail(why, UB_BAD_SETTING, "%s is '%.40s', but must be a number", key, text);
    } else {
        status = check_value(param, value, why);
    }
    if (!status) {
        settings->value[param - table] = value;
    }
    return status;
}

ub_status ub_settings_check(const ub_settings *settings, ub_message *why)
{
    for (size_t i = 0; i < UB_PARAM_COUNT; i++) {
        const ub_status status = check_value(&table[i], settings->value[i], why);
        if (status) {
            return status;
        }
    }
    return UB_OK;
}

double ub_settings_value(const ub_settings *settings, ub_param_id id, double of_mode)
{
    const double value = settings->value[id];
    return value < table[id].minimum ? of_mode : value;
}

const char *ub_settings_kernels(const ub_settings *settings)
{
    const size_t choice = (size_t)settings->value[UB_PARAM_KERNELS];
    return choice ? kernel_choices[choice] : NULL;
}
