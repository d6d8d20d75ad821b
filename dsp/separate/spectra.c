// SPDX-License-Identifier: GPL-3.0-or-later
#include "spectra.h"
#include "ground/progress_part.h"
#include "unbraid/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL_FRAMES = 64, // of which it is known whether they are silent; 1.5 s of music
    SHORTEST_RUN = 8, // a frame needs the samples of three more: shorter ones read in vain
    ENOUGH_RUNS = 64 // for the parts of a recording to be met, before runs may be long
};

// 60 dB below the loudest cell.
static const double SILENT = 1e-6;

size_t ub_spectra_frames_within(const ub_front *front, size_t n_bytes)
{
    const size_t stride = (ub_front_n_rows(front) + 15) / 16 * 16;
    const size_t n = n_bytes / (stride * sizeof(float)) / front->audio->n_channels;
    return n > CELL_FRAMES ? n : CELL_FRAMES;
}

ub_status ub_spectra_new(const ub_front *front, size_t n_frames, ub_matrix **out, ub_message *why)
{
    const size_t n_channels = front->audio->n_channels;
    ub_matrix *spectra = calloc(n_channels, sizeof *spectra);
    ub_status status = spectra ? UB_OK : UB_NO_MEMORY;
    for (size_t c = 0; !status && c < n_channels; c++) {
        status = ub_matrix_new(ub_front_n_rows(front), n_frames, &spectra[c]);
    }
    if (status) {
        ub_spectra_free(spectra, n_channels);
        return ub_fail(why, status, "no memory for the spectrogram of %zu frames", n_frames);
    }
    *out = spectra;
    return UB_OK;
}

void ub_spectra_free(ub_matrix *spectra, size_t n_channels)
{
    for (size_t c = 0; spectra && c < n_channels; c++) {
        ub_matrix_free(&spectra[c]);
    }
    free(spectra);
}

ub_status ub_spectra_read(ub_front *front, size_t first, size_t n, const ub_progress *progress,
                          ub_matrix *spectra, size_t to, ub_message *why)
{
    for (size_t done = 0; done < n; done += front->block_frames) {
        const size_t now = n - done < front->block_frames ? n - done : front->block_frames;
        ub_progress_stage(progress, "read");
        const ub_status status = ub_front_read(front, first + done, now, why);
        if (status) {
            return status;
        }
        ub_progress_stage(progress, "analyse");
        ub_front_magnitudes(front, now, spectra, to + done);
    }
    return UB_OK;
}

ub_status ub_spectra_read_all(ub_front *front, const ub_progress *progress, ub_matrix **spectra,
                              ub_message *why)
{
    const size_t n_frames = front->n_frames;
    ub_matrix *read = NULL;
    ub_status status = ub_spectra_new(front, n_frames, &read, why);
    for (size_t first = 0; !status && first < n_frames; first += front->block_frames) {
        const size_t rest = n_frames - first;
        const size_t n = rest < front->block_frames ? rest : front->block_frames;
        status = ub_progress_report(progress, "analyse", (double)first / (double)n_frames);
        status = status ? status : ub_spectra_read(front, first, n, progress, read, first, why);
    }
    if (status) {
        ub_spectra_free(read, front->audio->n_channels);
        return status;
    }
    *spectra = read;
    return UB_OK;
}

// Energy of the samples that frame `frame` of the block is the first to look at: those of all
// frames make up the signal, whatever the cut into blocks.
static double energy_of(const ub_front *front, size_t frame)
{
    const ub_stft_settings *s = ub_stft_get_settings(front->stft);
    double energy = 0.0;
    for (size_t c = 0; c < front->audio->n_channels; c++) {
        const float *samples = ub_front_frame(front, c, frame) + (s->size_samples - s->hop_samples);
        for (size_t i = 0; i < s->hop_samples; i++) {
            energy += (double)samples[i] * (double)samples[i];
        }
    }
    return energy;
}

// Read the whole recording for the energy of every cell.
static ub_status measure(ub_front *front, size_t n_cells, const ub_progress *progress,
                         double *energy, ub_message *why)
{
    const size_t n_frames = n_cells * CELL_FRAMES;
    ub_status status = UB_OK;
    for (size_t first = 0; !status && first < n_frames; first += front->block_frames) {
        const size_t rest = n_frames - first;
        const size_t n = rest < front->block_frames ? rest : front->block_frames;
        status = ub_progress_report(progress, "analyse", (double)first / (double)n_frames);
        ub_progress_stage(progress, "read");
        status = status ? status : ub_front_read(front, first, n, why);
        for (size_t t = 0; !status && t < n; t++) {
            energy[(first + t) / CELL_FRAMES] += energy_of(front, t);
        }
    }
    return status;
}

// Cells to choose from. Their list takes 20 kB for every hour of music.
typedef struct cells {
    size_t n;
    size_t *index; // NULL: all, in order
} cells;

static size_t keep_audible(const double *energy, size_t n_cells, size_t *index)
{
    double loudest = 0.0;
    for (size_t i = 0; i < n_cells; i++) {
        loudest = fmax(loudest, energy[i]);
    }
    size_t n = 0;
    for (size_t i = 0; i < n_cells; i++) {
        if (energy[i] >= loudest * SILENT) { // all of them when all is zero
            index[n++] = i;
        }
    }
    return n;
}

static ub_status find_audible(ub_front *front, const ub_progress *progress, cells *out,
                              ub_message *why)
{
    double *energy = calloc(out->n, sizeof *energy);
    out->index = calloc(out->n, sizeof *out->index);
    ub_status status = energy && out->index
                           ? measure(front, out->n, progress, energy, why)
                           : ub_fail(why, UB_NO_MEMORY, "no memory to choose frames");
    if (!status) {
        out->n = keep_audible(energy, out->n, out->index);
    }
    free(energy);
    return status;
}

static size_t run_length(const ub_sampling *sampling)
{
    size_t run = CELL_FRAMES;
    while (!sampling->whole_cells && run > SHORTEST_RUN && sampling->n_frames / run < ENOUGH_RUNS) {
        run /= 2;
    }
    return run;
}

static ub_status read_runs(ub_front *front, const ub_sampling *sampling, const cells *from,
                           const ub_progress *progress, ub_matrix **out, ub_message *why)
{
    const size_t run = run_length(sampling), per_cell = CELL_FRAMES / run;
    const size_t n_slots = from->n * per_cell;
    const size_t n_runs = sampling->n_frames / run < n_slots ? sampling->n_frames / run : n_slots;
    ub_random random = ub_random_new(sampling->seed);
    ub_matrix *spectra = NULL;
    ub_status status = ub_spectra_new(front, n_runs * run, &spectra, why);
    for (size_t i = 0; !status && i < n_runs; i++) {
        const size_t begin = i * n_slots / n_runs, end = (i + 1) * n_slots / n_runs;
        const size_t slot = begin + (size_t)(ub_random_bits(&random) % (end - begin));
        const size_t cell = from->index ? from->index[slot / per_cell] : slot / per_cell;
        status = ub_progress_report(progress, "analyse", (double)i / (double)n_runs);
        status = status ? status
                        : ub_spectra_read(front, cell * CELL_FRAMES + slot % per_cell * run, run,
                                          progress, spectra, i * run, why);
    }
    if (status) {
        ub_spectra_free(spectra, front->audio->n_channels);
        return status;
    }
    *out = spectra;
    return UB_OK;
}

ub_status ub_spectra_sample(ub_front *front, const ub_sampling *sampling,
                            const ub_progress *progress, ub_matrix **spectra, ub_message *why)
{
    // The last frames that fill no cell are left to the rest of the recording.
    cells from = {.n = front->n_frames / CELL_FRAMES};
    if (front->n_frames <= sampling->n_frames || from.n == 0) {
        return ub_spectra_read_all(front, progress, spectra, why);
    }
    ub_progress_part parts[2] = {{progress, 0.0, 0.9}, {progress, 0.9, 1.0}};
    const ub_progress measuring = ub_progress_of_part(&parts[0]);
    const ub_progress reading = ub_progress_of_part(&parts[1]);
    ub_status status = UB_OK;
    if (sampling->skip_silence) {
        status = find_audible(front, &measuring, &from, why);
    }
    status = status ? status
                    : read_runs(front, sampling, &from,
                                sampling->skip_silence ? &reading : progress, spectra, why);
    free(from.index);
    return status;
}
