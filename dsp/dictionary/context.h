// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Frames of the neighbourhood stacked below a frame: what a template with context is fitted to.

   A frame says more about what sounds than its spectrum when one knows what came before it. Its
   neighbours need not be known as sharply, so they are taken in bands (factor/bands.h): the rows of
   a stack are the bins of the frame, and then the bands of the frames before it, the oldest first,
   and of those after it. Bands are wide where templates are used, which is cheap, and sharp where
   they are learned. Private header.
*/
#ifndef UNBRAID_DICTIONARY_CONTEXT_H
#define UNBRAID_DICTIONARY_CONTEXT_H

#include "factor/bands.h"
#include "unbraid/dictionary.h"

/** The wide bands of a neighbour. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_context_bands_new(size_t n_bins, ub_bands *out);

/** Which frames, and the bands of one. Zeroed: none. */
typedef struct ub_context {
    ub_bands bands;
    size_t n_before, n_after;
    size_t step; ///< frames from one to the next, at least 1
} ub_context;

/** @param step  At least 1. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_context_new(size_t n_bins, size_t n_before, size_t n_after, size_t step,
                         ub_context *out);

/** Frames of its own transform from one frame of a dictionary's context to the next, at least 1. */
size_t ub_context_step(const ub_dictionary *dictionary);

/** The context of a dictionary that has some, for its own transform. */
ub_status ub_context_of_dictionary(const ub_dictionary *dictionary, ub_context *out);

/** Take sharp bands in place of wide ones: for learning. @return UB_OK or UB_NO_MEMORY, with no
    change. */
ub_status ub_context_sharpen(size_t n_bins, ub_context *context);

void ub_context_free(ub_context *context);

/** Frames of the neighbourhood. Real-time safe. */
static inline size_t ub_context_frames(const ub_context *context)
{
    return context->n_before + context->n_after;
}

/** Rows of a stack of a spectrum of n_bins bins. Real-time safe. */
static inline size_t ub_context_rows(const ub_context *context, size_t n_bins)
{
    return n_bins + ub_context_frames(context) * context->bands.n_bands;
}

/** Where neighbour i, 0 being the oldest, stands against its frame, in frames: -2, -1, 1, 2 times
    the step. Real-time safe. */
ptrdiff_t ub_context_offset(const ub_context *context, size_t i);

/** Where the bands of neighbour i stand in a stack. Real-time safe. */
static inline float *ub_context_of(const ub_context *context, size_t n_bins, size_t i, float *stack)
{
    return stack + n_bins + i * context->bands.n_bands;
}

/**
   Stack a template and its context: `stack` gets ub_context_rows(). The context may leave out the
   oldest and the last frames of the dictionary's, never others; NULL leaves out all.
*/
void ub_context_stack(const ub_context *context, const ub_dictionary *dictionary, size_t component,
                      float *stack);

/** The other way: templates[k] and context[k] of the dictionary from a stack. Within a band the
    context is given the shape of the template. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_context_unstack(const ub_context *context, const float *stack, size_t component,
                             ub_dictionary *dictionary);

#endif
