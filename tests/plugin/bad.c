// SPDX-License-Identifier: GPL-3.0-or-later
// A module that does in each of its functions what a plugin must not do in run().
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void bad_run(int what);

static void allocate(void)
{
    void *volatile memory = malloc(100);
    free(memory);
}

static void lock(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

static void open_file(void)
{
    FILE *file = fopen("/dev/null", "rb");
    if (file) {
        fclose(file);
    }
}

static void write_file(void)
{
    const ssize_t n = write(STDERR_FILENO, "", 0);
    (void)n;
}

static void print(void)
{
    fputc('\n', stderr);
}

static void wait_a_little(void)
{
    usleep(1);
}

static void give_way(void)
{
    sched_yield();
}

// In the order of the table in test_plugin_guard.c.
void bad_run(int what)
{
    static void (*const deeds[])(void) = {allocate, lock,          open_file, write_file,
                                          print,    wait_a_little, give_way};
    deeds[what]();
}
