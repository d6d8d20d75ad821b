// SPDX-License-Identifier: GPL-3.0-or-later
#include "ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    N_FRAMES = 200000, // whole numbers up to 2^24 are exact in a float
    LONGEST = 37,
};

// A cheap generator: the two threads need numbers that differ, nothing else.
static size_t dice(uint32_t *state, size_t most)
{
    *state = *state * 1664525u + 1013904223u;
    return 1 + (*state >> 16) % most;
}

static void *write_counts(void *context)
{
    struct ring *ring = context;
    float up[LONGEST], down[LONGEST];
    uint32_t state = 1;
    for (size_t done = 0; done < N_FRAMES;) {
        size_t n = dice(&state, LONGEST);
        n = n < N_FRAMES - done ? n : N_FRAMES - done;
        for (size_t i = 0; i < n; i++) {
            up[i] = (float)(done + i);
            down[i] = -up[i];
        }
        while (ring_room(ring) < n) {
            sched_yield();
        }
        ring_write(ring, (const float *[]){up, down}, n);
        done += n;
    }
    return NULL;
}

static void frames_come_out_in_order_while_they_go_in(void **unused)
{
    (void)unused;
    struct ring *ring = ring_new(2, 50);
    assert_non_null(ring);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_counts, ring), 0);
    uint32_t state = 2;
    size_t done = 0, n_wrong = 0;
    while (done < N_FRAMES) {
        const float *signals[2];
        const size_t there = ring_read(ring, signals), most = dice(&state, LONGEST);
        const size_t n = there < most ? there : most;
        for (size_t i = 0; i < n; i++) {
            n_wrong += signals[0][i] != (float)(done + i) || signals[1][i] != -(float)(done + i);
        }
        ring_release(ring, n);
        done += n;
        if (n == 0) {
            sched_yield();
        }
    }
    pthread_join(writer, NULL);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(ring_room(ring), 64);
    ring_free(ring);
}

static void a_full_ring_has_no_room_and_null_is_silence(void **unused)
{
    (void)unused;
    struct ring *ring = ring_new(1, 8);
    const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1}, *signals[1];
    ring_write(ring, (const float *[]){ones}, 8);
    assert_int_equal(ring_room(ring), 0);
    ring_release(ring, 5);
    assert_int_equal(ring_room(ring), 5);
    ring_write(ring, NULL, 5);
    assert_int_equal(ring_read(ring, signals), 3); // to the end of the memory
    assert_true(signals[0][2] == 1.0f);
    ring_release(ring, 3);
    assert_int_equal(ring_read(ring, signals), 5);
    assert_true(signals[0][0] == 0.0f && signals[0][4] == 0.0f);
    ring_free(ring);
}

static void sizes_that_no_memory_holds_are_refused(void **unused)
{
    (void)unused;
    assert_null(ring_new(1, SIZE_MAX));
    assert_null(ring_new(SIZE_MAX / 8, 1024));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_in_order_while_they_go_in),
        cmocka_unit_test(a_full_ring_has_no_room_and_null_is_silence),
        cmocka_unit_test(sizes_that_no_memory_holds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
