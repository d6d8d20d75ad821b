// SPDX-License-Identifier: GPL-3.0-or-later
// Run a fuzz target over files, as a test: what was once found stays fixed. A file named good...
// must be taken by the target, one named bad... refused.
#include "unbraid/file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Whether the target took the file.
static bool is_taken(const char *path)
{
    unsigned char *bytes;
    size_t size;
    ub_message why = {""};
    if (ub_file_read(path, 1 << 24, &bytes, &size, &why)) {
        fprintf(stderr, "%s: %s\n", path, why.text);
        exit(1);
    }
    // A block of just that size: the closing zero would hide a read past the end.
    unsigned char *exact = malloc(size ? size : 1);
    if (!exact) {
        exit(1);
    }
    memcpy(exact, bytes, size);
    free(bytes);
    const bool taken = LLVMFuzzerTestOneInput(exact, size) == 0;
    free(exact);
    return taken;
}

int main(int argc, char **argv)
{
    int n_wrong = 0;
    for (int i = 1; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        const char *name = slash ? slash + 1 : argv[i];
        const bool taken = is_taken(argv[i]);
        if (strncmp(name, taken ? "bad" : "good", taken ? 3 : 4) == 0) {
            fprintf(stderr, "%s is %s\n", argv[i], taken ? "taken" : "refused");
            n_wrong++;
        }
    }
    printf("%d files, %d of them wrong\n", argc - 1, n_wrong);
    return argc > 1 && n_wrong == 0 ? 0 : 1;
}
