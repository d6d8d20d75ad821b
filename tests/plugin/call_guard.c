// SPDX-License-Identifier: GPL-3.0-or-later
// dlsym() with RTLD_NEXT is GNU's.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "call_guard.h"
#include "sanitized.h"

#include <stdbool.h>
#include <stdlib.h> // says whether this is glibc

static _Thread_local bool is_guarded, was_guarded;
static _Thread_local const char *noticed;

void call_guard_start(void)
{
    noticed = NULL;
    is_guarded = true;
}

void call_guard_pause(void)
{
    was_guarded = is_guarded;
    is_guarded = false;
}

void call_guard_resume(void)
{
    is_guarded = was_guarded;
}

const char *call_guard_stop(void)
{
    is_guarded = false;
    return noticed;
}

#if defined(__GLIBC__) && !defined(SANITIZED)

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#pragma GCC visibility push(default)

// The function of the C library, of the type of ours; ISO C has no cast from void * to it.
#define GUARDED(result, name, parameters, arguments)                                               \
    result name parameters;                                                                        \
    result name parameters                                                                         \
    {                                                                                              \
        union {                                                                                    \
            void *object;                                                                          \
            result(*function) parameters;                                                          \
        } real = {dlsym(RTLD_NEXT, #name)};                                                        \
        noticed = is_guarded ? #name : noticed;                                                    \
        return real.function arguments;                                                            \
    }

GUARDED(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
GUARDED(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
GUARDED(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
GUARDED(int, pthread_create,
        (pthread_t * thread, const pthread_attr_t *how, void *(*start)(void *), void *with),
        (thread, how, start, with))
GUARDED(int, sched_yield, (void), ())
GUARDED(int, nanosleep, (const struct timespec *time, struct timespec *rest), (time, rest))
GUARDED(int, usleep, (useconds_t time), (time))
GUARDED(FILE *, fopen, (const char *path, const char *mode), (path, mode))
GUARDED(ssize_t, read, (int file, void *to, size_t n), (file, to, n))
GUARDED(ssize_t, write, (int file, const void *from, size_t n), (file, from, n))
GUARDED(int, vfprintf, (FILE * file, const char *format, va_list arguments),
        (file, format, arguments))
GUARDED(int, fputs, (const char *text, FILE *file), (text, file))
GUARDED(int, fputc, (int character, FILE *file), (character, file))
GUARDED(int, puts, (const char *text), (text))
GUARDED(size_t, fwrite, (const void *from, size_t size, size_t n, FILE *file),
        (from, size, n, file))

#pragma GCC visibility pop

#endif
