// SPDX-License-Identifier: GPL-3.0-or-later
#include "stems.h"
#include "interrupt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    BLOCK_SAMPLES = 8192 // per channel, that are made integers at a time
};

// A part of the recording. The parts sum to it; some are written.
struct part {
    size_t source; // SIZE_MAX: all sources but the target
    char *path; // NULL: not written
    struct stem_file *file;
    size_t n_clipped;
};

struct stems {
    struct stem_choice choice;
    const char *track;
    const char *input_path;
    struct audio_file *recording;
    struct stem_format format;
    struct output *output;
    struct part *parts;
    size_t n_parts;
    struct part **written; // in order
    size_t n_written;
    size_t n_sources;
    size_t n_recording_clipped;
    float **rest; // per channel: one block of all sources but the target
    int32_t **mix; // per channel: one block of the recording
    int32_t **integers; // [part * n_channels + channel]
};

static ub_status out_of_memory(ub_message *why)
{
    return ub_fail(why, UB_NO_MEMORY, "no memory for the stems");
}

static void free_planes(void *planes)
{
    void **list = planes;
    if (list) {
        free(list[0]);
        free(list);
    }
}

// n arrays of `size` items of 4 bytes, float or int32_t, in one block.
static void *new_planes(size_t n, size_t size)
{
    unsigned char **list = calloc(n, sizeof *list);
    unsigned char *block = calloc(n * size, 4);
    if (!list || !block) {
        free(list);
        free(block);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = block + i * size * 4;
    }
    return list;
}

ub_status stems_new(const struct stem_choice *choice, const char *track, const char *input_path,
                    struct audio_file *recording, struct stems **out, ub_message *why)
{
    struct stems *new = calloc(1, sizeof *new);
    if (!new) {
        return out_of_memory(why);
    }
    new->choice = *choice;
    new->track = track;
    new->input_path = input_path;
    new->recording = recording;
    const size_t n_channels = audio_file_info(recording)->n_channels;
    ub_status status =
        stem_format_choose(&choice->request, audio_file_info(recording), &new->format, why);
    if (!status) {
        new->output = output_new();
        new->mix = new_planes(n_channels, BLOCK_SAMPLES);
        new->rest = new_planes(n_channels, BLOCK_SAMPLES);
        status = new->output &&new->mix &&new->rest ? UB_OK : out_of_memory(why);
    }
    if (status) {
        stems_free(new);
        return status;
    }
    *out = new;
    return UB_OK;
}

// Writing a stem over the recording that is being read would lose it.
static ub_status check_not_input(const struct stems *stems, const char *path, ub_message *why)
{
    struct stat input, target;
    if (stat(stems->input_path, &input) == 0 && stat(path, &target) == 0 &&
        input.st_ino == target.st_ino && input.st_dev == target.st_dev) {
        return ub_fail(why, UB_FILE_ERROR,
                       "the stem %.120s would replace the recording; choose another folder with -o",
                       path);
    }
    return UB_OK;
}

static ub_status begin_part(struct stems *stems, size_t source, const char *name, bool is_written,
                            ub_message *why)
{
    struct part *part = &stems->parts[stems->n_parts++];
    *part = (struct part){.source = source};
    if (!is_written) {
        return UB_OK;
    }
    part->path = stem_path(&stems->choice, stems->track, name);
    ub_status status = part->path ? UB_OK : out_of_memory(why);
    status = status ? status : check_not_input(stems, part->path, why);
    status = status ? status
                    : stem_file_new(stems->output, part->path, &stems->format, &part->file, why);
    stems->written[stems->n_written++] = part;
    return status;
}

// Whether `name` is among names with commas between them.
static bool lists(const char *names, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = names; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static ub_status begin_parts(struct stems *stems, const char *const *names, ub_message *why)
{
    const struct stem_choice *choice = &stems->choice;
    ub_status status = UB_OK;
    for (size_t j = 0; !status && j < stems->n_sources; j++) {
        if (!choice->target || strcmp(choice->target, names[j]) == 0) {
            const bool is_written = !choice->only || lists(choice->only, names[j]);
            status = begin_part(stems, j, names[j], is_written, why);
        }
    }
    if (!status && choice->target) {
        char name[UB_DICTIONARY_MAX_NAME + 4] = "no_";
        strncat(name, choice->target, UB_DICTIONARY_MAX_NAME);
        status = begin_part(stems, SIZE_MAX, name, true, why);
    }
    return status;
}

static ub_status begin(void *context, size_t n_sources, const char *const *names, ub_message *why)
{
    struct stems *stems = context;
    const ub_status status = stem_choice_check(&stems->choice, n_sources, names, why);
    if (status) {
        return status;
    }
    stems->n_sources = n_sources;
    stems->parts = calloc(n_sources + 1, sizeof *stems->parts);
    stems->written = calloc(n_sources + 1, sizeof *stems->written);
    stems->integers = new_planes((n_sources + 1) * stems->format.n_channels, BLOCK_SAMPLES);
    if (!stems->parts || !stems->written || !stems->integers) {
        return out_of_memory(why);
    }
    return begin_parts(stems, names, why);
}

// What is not the target: the sum of the other sources.
static void add_up_rest(const struct stems *stems, size_t offset, size_t n,
                        const float *const *const *sources)
{
    for (size_t c = 0; c < stems->format.n_channels; c++) {
        float *rest = stems->rest[c];
        memset(rest, 0, n * sizeof *rest);
        for (size_t j = 0; j < stems->n_sources; j++) {
            for (size_t i = 0; j != stems->parts[0].source && i < n; i++) {
                rest[i] += sources[j][c][offset + i];
            }
        }
    }
}

static const float *samples_of(const struct stems *stems, const struct part *part, size_t channel,
                               size_t offset, const float *const *const *sources)
{
    return part->source == SIZE_MAX ? stems->rest[channel]
                                    : sources[part->source][channel] + offset;
}

static ub_status write_floats(struct stems *stems, size_t offset, size_t n,
                              const float *const *const *sources, ub_message *why)
{
    const float *channels[AUDIO_MAX_CHANNELS];
    ub_status status = UB_OK;
    for (size_t p = 0; !status && p < stems->n_written; p++) {
        struct part *part = stems->written[p];
        for (size_t c = 0; c < stems->format.n_channels; c++) {
            channels[c] = samples_of(stems, part, c, offset, sources);
        }
        status = stem_file_write_floats(part->file, channels, n, why);
    }
    return status;
}

// All parts take part in the rounding, the ones that are not written too: a stem is the same
// whether or not others are asked for.
static void make_integers(struct stems *stems, size_t offset, size_t n,
                          const float *const *const *sources)
{
    enum { MAX_PARTS = UB_DICTIONARY_MAX_SOURCES + 1 };
    const float *samples[MAX_PARTS];
    int32_t *integers[MAX_PARTS];
    size_t n_clipped[MAX_PARTS] = {0};
    const int64_t full = (int64_t)1 << (stems->format.type.bits - 1);
    for (size_t c = 0; c < stems->format.n_channels; c++) {
        for (size_t p = 0; p < stems->n_parts; p++) {
            samples[p] = samples_of(stems, &stems->parts[p], c, offset, sources);
            integers[p] = stems->integers[p * stems->format.n_channels + c];
        }
        ub_partition_integers(stems->mix[c], samples, stems->n_parts, n, (double)full,
                              (int32_t)-full, (int32_t)(full - 1), integers, n_clipped);
    }
    for (size_t p = 0; p < stems->n_parts; p++) {
        stems->parts[p].n_clipped += n_clipped[p];
    }
}

static ub_status write_integers(struct stems *stems, size_t first, size_t offset, size_t n,
                                const float *const *const *sources, ub_message *why)
{
    ub_status status =
        audio_file_read_integers(stems->recording, first + offset, n, stems->format.type.bits,
                                 stems->mix, &stems->n_recording_clipped, why);
    if (status) {
        return status;
    }
    make_integers(stems, offset, n, sources);
    for (size_t p = 0; !status && p < stems->n_written; p++) {
        struct part *part = stems->written[p];
        const size_t plane = (size_t)(part - stems->parts) * stems->format.n_channels;
        status = stem_file_write_integers(part->file, stems->integers + plane, n, why);
    }
    return status;
}

static ub_status write_span(void *context, size_t first, size_t n,
                            const float *const *const *sources, ub_message *why)
{
    struct stems *stems = context;
    ub_status status = UB_OK;
    for (size_t offset = 0; !status && offset < n; offset += BLOCK_SAMPLES) {
        const size_t now = n - offset < BLOCK_SAMPLES ? n - offset : BLOCK_SAMPLES;
        if (interrupted()) {
            return ub_fail(why, UB_CANCELLED, "interrupted; nothing of it was written");
        }
        if (stems->choice.target) {
            add_up_rest(stems, offset, now, sources);
        }
        status = stems->format.type.is_float
                     ? write_floats(stems, offset, now, sources, why)
                     : write_integers(stems, first, offset, now, sources, why);
    }
    return status;
}

ub_stem_sink stems_sink(struct stems *stems)
{
    return (ub_stem_sink){.begin = begin, .write = write_span, .context = stems};
}

ub_status stems_commit(struct stems *stems, ub_message *why)
{
    ub_status status = UB_OK;
    for (size_t p = 0; !status && p < stems->n_written; p++) {
        status = stem_file_finish(stems->written[p]->file, why);
    }
    return status ? status : output_commit(stems->output, why);
}

size_t stems_count(const struct stems *stems)
{
    return stems->n_written;
}

const char *stems_path(const struct stems *stems, size_t stem)
{
    return stems->written[stem]->path;
}

size_t stems_clipped(const struct stems *stems, size_t stem)
{
    return stems->written[stem]->n_clipped;
}

size_t stems_recording_clipped(const struct stems *stems)
{
    return stems->n_recording_clipped;
}

void stems_free(struct stems *stems)
{
    if (!stems) {
        return;
    }
    for (size_t p = 0; p < stems->n_parts; p++) {
        stem_file_free(stems->parts[p].file);
        free(stems->parts[p].path);
    }
    output_free(stems->output);
    free_planes(stems->integers);
    free_planes(stems->mix);
    free_planes(stems->rest);
    free(stems->written);
    free(stems->parts);
    free(stems);
}
