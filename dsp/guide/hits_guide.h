// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Drums into kick, snare, hats and so on, with a dictionary of hits: templates of several frames,
   with the General MIDI key of each (ub_drum_kit). Private header.

   1. Hits are found in bands, as in the transcription of drums, and those that are only likely.
   2. A source that is never heard but with a kick or a snare is their echo in its templates, and is
      left out.
   3. In bins, the templates are deconvolved once more, with activations that may sound at a hit of
      their source, most with the key that was hit, and little after it, and become those of the kit
      that plays (Dittmar, Gartner 2014).
   4. Sources share each bin in proportion to a power of what they are in it, and of how they lie in
      the channels.

   Dittmar, Gartner. Real-time transcription and separation of drum recordings based on NMF
   decomposition. DAFx 2014.
*/
#ifndef UNBRAID_GUIDE_HITS_GUIDE_H
#define UNBRAID_GUIDE_HITS_GUIDE_H

#include "guide.h"

extern const ub_guide ub_guide_hits;

#endif
