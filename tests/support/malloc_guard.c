// SPDX-License-Identifier: GPL-3.0-or-later
// Over glibc's allocator by its internal names; a sanitizer has its own and keeps it.
#include "malloc_guard.h"
#include "sanitized.h"

#include <stdlib.h> // says whether this is glibc

#if defined(__GLIBC__) && !defined(SANITIZED)

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

// Of the linker: where the program's own code begins and ends.
extern const char __executable_start, etext;

enum { MOST_HELD = 4096 };

static atomic_bool counting;
static atomic_size_t n_counted, failing, n_bytes, peak_bytes;
static _Atomic(void *) held[MOST_HELD];

bool malloc_guard_is_missing(void)
{
    return false;
}

void malloc_guard_start(size_t n)
{
    for (size_t i = 0; i < MOST_HELD; i++) {
        held[i] = NULL;
    }
    n_counted = n_bytes = peak_bytes = 0;
    failing = n;
    counting = true;
}

size_t malloc_guard_stop(size_t *still_held)
{
    counting = false;
    size_t n_held = 0;
    for (size_t i = 0; i < MOST_HELD; i++) {
        n_held += held[i] != NULL;
    }
    if (still_held) {
        *still_held = n_held;
    }
    return n_counted;
}

size_t malloc_guard_peak(void)
{
    return peak_bytes;
}

static bool is_counted(const void *caller)
{
    const bool is_ours = (uintptr_t)caller >= (uintptr_t)&__executable_start &&
                         (uintptr_t)caller < (uintptr_t)&etext;
    return counting && (!failing || is_ours);
}

static bool may_have(const void *caller)
{
    if (!is_counted(caller) || ++n_counted != failing) {
        return true;
    }
    errno = ENOMEM;
    return false;
}

static void grow(size_t size)
{
    const size_t now = atomic_fetch_add(&n_bytes, size) + size;
    size_t before = peak_bytes;
    while (now > before && !atomic_compare_exchange_weak(&peak_bytes, &before, now)) {
    }
}

static void *hold(const void *caller, void *memory)
{
    for (size_t i = 0; memory && is_counted(caller) && i < MOST_HELD; i++) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&held[i], &none, memory)) {
            grow(malloc_usable_size(memory));
            break;
        }
    }
    return memory;
}

static void let_go(void *memory)
{
    for (size_t i = 0; memory && counting && i < MOST_HELD; i++) {
        void *same = memory;
        if (atomic_compare_exchange_strong(&held[i], &same, NULL)) {
            n_bytes -= malloc_usable_size(memory);
            break;
        }
    }
}

// Seen by shared libraries as well, although the rest of the program is hidden from them.
#pragma GCC visibility push(default)

void *malloc(size_t size)
{
    const void *caller = __builtin_return_address(0);
    return may_have(caller) ? hold(caller, __libc_malloc(size)) : NULL;
}

void *calloc(size_t n, size_t size)
{
    const void *caller = __builtin_return_address(0);
    return may_have(caller) ? hold(caller, __libc_calloc(n, size)) : NULL;
}

void *realloc(void *memory, size_t size)
{
    const void *caller = __builtin_return_address(0);
    if (!may_have(caller)) {
        return NULL;
    }
    let_go(memory);
    return hold(caller, __libc_realloc(memory, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    const void *caller = __builtin_return_address(0);
    return may_have(caller) ? hold(caller, __libc_memalign(alignment, size)) : NULL;
}

void *memalign(size_t alignment, size_t size)
{
    const void *caller = __builtin_return_address(0);
    return may_have(caller) ? hold(caller, __libc_memalign(alignment, size)) : NULL;
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    const void *caller = __builtin_return_address(0);
    void *memory = may_have(caller) ? hold(caller, __libc_memalign(alignment, size)) : NULL;
    if (memory) {
        *out = memory;
    }
    return memory ? 0 : ENOMEM;
}

void free(void *memory)
{
    let_go(memory);
    __libc_free(memory);
}

#pragma GCC visibility pop

#else

#include <stdio.h>

bool malloc_guard_is_missing(void)
{
    puts("skipped: allocations cannot be counted in this build");
    return true;
}

void malloc_guard_start(size_t n)
{
    (void)n;
}

size_t malloc_guard_stop(size_t *still_held)
{
    if (still_held) {
        *still_held = 0;
    }
    return 0;
}

size_t malloc_guard_peak(void)
{
    return 0;
}

#endif
