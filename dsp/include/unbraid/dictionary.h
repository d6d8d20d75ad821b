// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_DICTIONARY_H
#define UNBRAID_DICTIONARY_H

#include "matrix.h"
#include "status.h"
#include "window.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Limits that the decoder and the maker hold to. */
enum {
    UB_DICTIONARY_MAX_SOURCES = 64,
    UB_DICTIONARY_MAX_COMPONENTS = 4096,
    UB_DICTIONARY_MAX_NAME = 63, ///< bytes of a source name
    UB_DICTIONARY_MAX_TEXT = 1 << 20, ///< bytes of a licence or an origin
    UB_DICTIONARY_MAX_CONTEXT = 32, ///< frames around a template's own
    UB_DICTIONARY_MAX_PITCH = 127, ///< of the MIDI note numbers
};

/** How the values of a dictionary are written. All are computed with as floats. */
typedef enum ub_storage {
    UB_STORAGE_F32, ///< as they are
    UB_STORAGE_F16, ///< in half precision, each template at a scale of its own
} ub_storage;

/**
   Saved templates and what must be known to use them: the one model file that the tool and the
   plugin share. Plain data; the owner of the struct owns everything in it. Optional parts that are
   absent are zero or NULL.

   [1] Weninger, Le Roux, Hershey, Watanabe. Discriminative NMF and its application to
   single-channel source separation. Interspeech 2014.

   On disk it is a safetensors file: 8 bytes little-endian header length, a JSON header, then
   the tensors as little-endian float32 or float16. Tensor `templates` has the shape [F, K]
   (row-major, as numpy shows it). `__metadata__` (string to string) holds: format
   "unbraid-dictionary", format_version "1", sources (a JSON list of names), component_source (a
   JSON list of K indices into it), sample_rate_hz, window ("sqrt-hann" ...), window_samples,
   hop_samples, beta, sparsity, licence, origin; numbers in plain decimal. What is optional below is
   left out where it is absent: tensor `context` of shape [(n_before + n_after) F, K] with the
   metadata frames_before, frames_after and context_samples, tensor `reconstruction` [F, K], and the
   metadata component_pitch (a JSON list of K numbers). Where a tensor is of float16, column k of it
   holds its values times 2 to the power component_exponent[k] of the metadata (a JSON list of K
   whole numbers, -112 to 164; 0 where there is none). The writer chooses it such that the largest
   value of a template and its context and reconstruction lies between 2^15 and 2^16: what is up to
   174 dB below that has 11 significant bits, an error of 2^-12 or -72 dB at most; what is further
   below has fewer, and what is 240 dB below is lost. Unknown tensors and metadata are ignored, so
   that a later 1.x may add some; another number before the point is refused.
*/
typedef struct ub_dictionary {
    ub_matrix templates; ///< F x K, finite, >= 0; F = window_samples / 2 + 1
    size_t n_sources; ///< 1 to UB_DICTIONARY_MAX_SOURCES
    char **source_names; ///< n_sources UTF-8 names, distinct, not empty, see ub_name_check()
    size_t *component_source; ///< K indices into source_names; every source has a component
    double rate_hz; ///< sample rate of the training audio, 1000 to 1000000
    ub_window window;
    size_t window_samples;
    size_t hop_samples;
    double beta; ///< divergence that the templates were fitted with, -4 to 4
    double sparsity; ///< dimensionless weight used in learning, >= 0, finite
    /// Optional: frames around its own that a template describes too. Its own is left out, so
    /// that `templates` mean the same with and without; the oldest comes first.
    ub_matrix context; ///< (n_before + n_after) F x K, as `templates`; empty without
    size_t n_before, n_after; ///< together at most UB_DICTIONARY_MAX_CONTEXT
    size_t context_samples; ///< from one of these frames to the next; 0 without
    /// Optional: what takes the place of the templates in masks [1], at the same scale.
    ub_matrix reconstruction; ///< F x K, as `templates`; empty without
    /// Optional: K MIDI note numbers, -1 for a template of no note. Templates of one source and
    /// pitch stand in the order of their time in the note: attack, sustain, decay.
    int *component_pitch;
    char *licence; ///< free text, "" when unknown: UTF-8 without control characters but \t, \n
    char *origin; ///< free text alike: what it was learned from
    /// What ub_dictionary_encode() writes. What is made of other dictionaries gets that of the
    /// first; a join of some that are not all F16, F32.
    ub_storage storage;
} ub_dictionary;

/**
   Whether a source may bear this name: 1 to UB_DICTIONARY_MAX_NAME bytes of valid UTF-8, no
   control characters, no '/' or '\\', no '=' or ',', not starting with '.' or '-' (it becomes a
   file name and an option's value).
   @return UB_OK or UB_BAD_VALUE.
*/
UB_API UB_MUST_USE ub_status ub_name_check(const char *name, ub_message *why);

/** Whether the struct keeps every promise written beside its fields. @return UB_OK,
    UB_BAD_SHAPE, UB_BAD_VALUE or UB_BAD_SETTING. */
UB_API UB_MUST_USE ub_status ub_dictionary_check(const ub_dictionary *dictionary, ub_message *why);

/** How many of its templates are notes. */
UB_API UB_RT size_t ub_dictionary_n_notes(const ub_dictionary *dictionary);

/** Free what the dictionary owns and zero the struct. Half-built ones, zeroed ones and NULL are
    fine. */
UB_API void ub_dictionary_free(ub_dictionary *dictionary);

/** A deep copy. @return UB_OK or UB_NO_MEMORY; `out` is set on success only. */
UB_API UB_MUST_USE ub_status ub_dictionary_copy(const ub_dictionary *from, ub_dictionary *out);

/**
   Serialise. The same dictionary gives the same bytes on every machine. With UB_STORAGE_F32
   decoding gives back every bit; with UB_STORAGE_F16 values are rounded as is said above, and those
   that were decoded from a file of this storage come back as they were.
   @param bytes  A block that the caller frees with free(). Set on success only.
   @return UB_OK, UB_NO_MEMORY, or what ub_dictionary_check() says.
*/
UB_API UB_MUST_USE ub_status ub_dictionary_encode(const ub_dictionary *dictionary,
                                                  unsigned char **bytes, size_t *size,
                                                  ub_message *why);

/**
   Read a dictionary from untrusted bytes. Everything is checked before it is used: header length
   (at most 16 MiB) and JSON, dtypes, shapes, offsets (in range, not overlapping, matching the
   shape, no overflow), values (finite, >= 0), names, indices and numbers of the metadata.

   @return UB_OK, UB_BAD_FORMAT with what is wrong, UB_NO_MEMORY. `out` is set on success only.
           What the message quotes of the file is printable UTF-8.
*/
UB_API UB_MUST_USE ub_status ub_dictionary_decode(const void *bytes, size_t size,
                                                  ub_dictionary *out, ub_message *why);

/**
   The sources of several dictionaries in one, for the transform of the first: the templates of
   the others are brought to its sample rate and window as by ub_dictionary_fit(). Window, hop,
   beta and sparsity are those of the first; licences and origins are listed one after the other.
   Context is kept where all have the same frames, at the same distance to 1 %; a template of a
   dictionary without reconstruction or pitches is its own reconstruction, and no note.

   @param dictionaries  n of them, n >= 1; only read.
   @return UB_OK, UB_BAD_VALUE (two sources of one name, too many), UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_dictionary_join(const ub_dictionary *const *dictionaries, size_t n,
                                                ub_dictionary *out, ub_message *why);

/**
   Some sources of a dictionary, in the order that is given, with all that belongs to them. Licence
   and origin are those of the whole.

   @param sources  n_sources indices, each once.
   @return UB_OK, UB_BAD_VALUE (no sources, an index that is none or comes twice), UB_NO_MEMORY.
           `out` is set on success only.
*/
UB_API UB_MUST_USE ub_status ub_dictionary_pick(const ub_dictionary *from, const size_t *sources,
                                                size_t n_sources, ub_dictionary *out,
                                                ub_message *why);

/**
   The same templates with ranges of notes as sources, so that a separation gives a stem for each:
   with one pitch, two hands. A range that no note lies in is left out. Ranges are called
   "below-C4", "C4-to-B4" and "from-C5", with the name of their source in front where there are
   several; templates of no note make a range "unpitched".

   @param pitches  n MIDI note numbers, ascending, 1 to 127: where ranges begin.
   @return UB_OK, UB_BAD_VALUE (it has no notes; pitches in disorder; names that get too long; too
           many sources), UB_NO_MEMORY. `out` is set on success only.
*/
UB_API UB_MUST_USE ub_status ub_dictionary_split(const ub_dictionary *from, const int *pitches,
                                                 size_t n, ub_dictionary *out, ub_message *why);

/**
   The same dictionary for another sample rate and transform: each template is interpolated
   linearly over frequency in Hz onto the bins of the new transform, as a density (so that a
   template summed over frequency keeps its sum), and scaled to its old sum over the bins that
   both have. Bins above the old Nyquist frequency hold the mean of the template's topmost
   1000 Hz, so that no source gains them. With equal rate and window the values are the same bits.
   Context and reconstruction are brought along, frame by frame; the distance of context stays the
   same in seconds, to a sample.

   @return UB_OK, UB_BAD_SETTING, UB_NO_MEMORY. `out` is set on success only.
*/
UB_API UB_MUST_USE ub_status ub_dictionary_fit(const ub_dictionary *dictionary, double rate_hz,
                                               size_t window_samples, size_t hop_samples,
                                               ub_dictionary *out, ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
