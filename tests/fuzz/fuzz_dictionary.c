// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever the bytes, decoding ends, reads nothing beyond them, and what it accepts keeps the
// promises of a dictionary and comes back the same after encoding.
#include "dictionary_case.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// For libFuzzer what is refused is worth keeping; -1 would tell it to forget such inputs.
#ifdef UB_FUZZING
enum { IS_REFUSED = 0 };
#else
enum { IS_REFUSED = -1 };
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ub_dictionary first, again;
    unsigned char *bytes;
    size_t n_bytes;
    ub_message why;
    if (ub_dictionary_decode(data, size, &first, &why)) {
        return IS_REFUSED;
    }
    if (ub_dictionary_check(&first, &why) || ub_dictionary_encode(&first, &bytes, &n_bytes, &why) ||
        ub_dictionary_decode(bytes, n_bytes, &again, &why) || !same_dictionary(&first, &again)) {
        abort();
    }
    free(bytes);
    ub_dictionary_free(&first);
    ub_dictionary_free(&again);
    return 0;
}
