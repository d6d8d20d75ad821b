// SPDX-License-Identifier: GPL-3.0-or-later
/** Everything that libunbraid offers, in the order of the signal path. */
#ifndef UNBRAID_H
#define UNBRAID_H

#include "align.h"
#include "attributes.h"
#include "dictionary.h"
#include "evaluate.h"
#include "file.h"
#include "learn_notes.h"
#include "mask.h"
#include "matrix.h"
#include "midi.h"
#include "mix.h"
#include "nmf.h"
#include "note.h"
#include "note_tracker.h"
#include "params.h"
#include "parts.h"
#include "preset.h"
#include "random.h"
#include "separate.h"
#include "separate_marks.h"
#include "separate_notes.h"
#include "status.h"
#include "stft.h"
#include "stream.h"
#include "tempo.h"
#include "transcribe.h"
#include "window.h"

#endif
