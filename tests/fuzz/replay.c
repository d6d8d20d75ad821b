// SPDX-License-Identifier: GPL-3.0-or-later
// Run a fuzz target over files, as a test: what was once found stays fixed.
#include "unbraid/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        unsigned char *bytes;
        size_t size;
        ub_message why = {""};
        if (ub_file_read(argv[i], 1 << 24, &bytes, &size, &why)) {
            fprintf(stderr, "%s: %s\n", argv[i], why.text);
            return 1;
        }
        // A block of just that size: the closing zero would hide a read past the end.
        unsigned char *exact = realloc(bytes, size ? size : 1);
        LLVMFuzzerTestOneInput(exact ? exact : bytes, size);
        free(exact ? exact : bytes);
    }
    printf("%d files\n", argc - 1);
    return argc > 1 ? 0 : 1;
}
