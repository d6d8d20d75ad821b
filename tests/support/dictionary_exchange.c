// SPDX-License-Identifier: GPL-3.0-or-later
// For dictionary_format.py: writes a dictionary to a file, or reads one, and prints what it holds,
// a field a line, numbers in hexadecimal so that nothing is lost.
#include "dictionary_case.h"
#include "unbraid/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const ub_message *why)
{
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

static void print(const ub_dictionary *d)
{
    printf("rate_hz %a\nwindow %s\nwindow_samples %zu\nhop_samples %zu\nbeta %a\nsparsity %a\n",
           d->rate_hz, ub_window_name(d->window), d->window_samples, d->hop_samples, d->beta,
           d->sparsity);
    printf("licence %s\norigin %s\n", d->licence, d->origin);
    for (size_t j = 0; j < d->n_sources; j++) {
        printf("source %s\n", d->source_names[j]);
    }
    for (size_t k = 0; k < d->templates.n_cols; k++) {
        printf("template %zu", d->component_source[k]);
        for (size_t f = 0; f < d->templates.n_rows; f++) {
            printf(" %a", (double)ub_matrix_column(&d->templates, k)[f]);
        }
        printf("\n");
    }
}

static int write_to(const char *path, ub_storage storage)
{
    ub_dictionary d = dictionary_case(3, 20, 1);
    unsigned char *bytes;
    size_t size;
    ub_message why = {""};
    d.storage = storage;
    if (ub_dictionary_encode(&d, &bytes, &size, &why) || ub_file_write(path, bytes, size, &why)) {
        return fail(&why);
    }
    free(bytes);
    print(&d);
    ub_dictionary_free(&d);
    return 0;
}

static int read_from(const char *path)
{
    ub_dictionary d;
    unsigned char *bytes;
    size_t size;
    ub_message why = {""};
    if (ub_file_read(path, 1 << 24, &bytes, &size, &why)) {
        return fail(&why);
    }
    const ub_status status = ub_dictionary_decode(bytes, size, &d, &why);
    free(bytes);
    if (status) {
        return fail(&why);
    }
    print(&d);
    ub_dictionary_free(&d);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    if (strcmp(argv[1], "read") == 0) {
        return read_from(argv[2]);
    }
    return write_to(argv[2], strcmp(argv[1], "write-half") == 0 ? UB_STORAGE_F16 : UB_STORAGE_F32);
}
