// SPDX-License-Identifier: GPL-3.0-or-later
// The guards of the audio thread see what a module does that is loaded as a plugin is.
#include "call_guard.h"
#include "malloc_guard.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef union loaded {
    void *object;
    void (*run)(int what);
} loaded;

static loaded load(void)
{
    void *module = dlopen(getenv("UNBRAID_BAD_MODULE"), RTLD_NOW);
    assert_non_null(module);
    const loaded f = {dlsym(module, "bad_run")};
    assert_non_null(f.object);
    return f;
}

static void every_bad_deed_is_noticed(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    const loaded bad = load();
    const char *calls[] = {NULL,     "pthread_mutex_lock", "fopen", "write", "fputc",
                           "usleep", "sched_yield"};
    for (int what = 0; what < 7; what++) {
        malloc_guard_start(0);
        call_guard_start();
        bad.run(what);
        const char *noticed = call_guard_stop();
        const size_t n = malloc_guard_stop(NULL);
        if (what == 0) {
            assert_null(noticed);
            assert_int_equal(n, 1);
        } else {
            assert_non_null(noticed);
            assert_string_equal(noticed, calls[what]);
        }
    }
}

static void what_is_outside_of_the_guard_is_nobodys_business(void **state)
{
    (void)state;
    const loaded bad = load();
    call_guard_start();
    call_guard_pause();
    bad.run(1);
    call_guard_resume();
    assert_null(call_guard_stop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_deed_is_noticed),
        cmocka_unit_test(what_is_outside_of_the_guard_is_nobodys_business),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
