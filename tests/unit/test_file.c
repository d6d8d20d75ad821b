// SPDX-License-Identifier: GPL-3.0-or-later
#include "malloc_guard.h"
#include "unbraid/file.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/unbraid-test-XXXXXX";
static char path[256], other[256];

static int enter(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int name_files(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return 0;
}

static size_t n_entries(void)
{
    size_t n = 0;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    while (readdir(entries)) {
        n++;
    }
    closedir(entries);
    return n - 2; // "." and ".."
}

static void assert_holds(const char *name, const char *content)
{
    unsigned char *bytes;
    size_t size;
    assert_int_equal(ub_file_read(name, 1000, &bytes, &size, NULL), UB_OK);
    assert_int_equal(size, strlen(content));
    assert_string_equal((const char *)bytes, content);
    free(bytes);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    assert_int_equal(ub_file_write(path, "one", 3, NULL), UB_OK);
    assert_holds(path, "one");
    assert_int_equal(ub_file_write("file", "another", 7, NULL), UB_OK); // without a folder
    assert_holds(path, "another");
    assert_int_equal(ub_file_write(path, "", 0, NULL), UB_OK);
    assert_holds(path, "");
    assert_int_equal(n_entries(), 1);
}

static void assert_unreadable(const char *name, size_t most)
{
    unsigned char *bytes = NULL;
    size_t size = 7;
    ub_message why = {""};
    assert_int_equal(ub_file_read(name, most, &bytes, &size, &why), UB_FILE_ERROR);
    assert_null(bytes);
    assert_int_equal(size, 7);
    assert_true(strlen(why.text) > 5);
}

static void what_is_no_file_or_too_large_is_not_read(void **state)
{
    (void)state;
    assert_unreadable(path, 10);
    assert_unreadable(folder, 10);
    assert_int_equal(mkfifo(other, 0600), 0);
    assert_unreadable(other, 10);
    assert_int_equal(ub_file_write(path, "12345678901", 11, NULL), UB_OK);
    assert_unreadable(path, 10);
}

static void assert_unwritable(const char *name)
{
    ub_message why = {""};
    assert_int_equal(ub_file_write(name, "x", 1, &why), UB_FILE_ERROR);
    assert_true(strlen(why.text) > 5);
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    char below[300];
    assert_int_equal(ub_file_write(path, "x", 1, NULL), UB_OK);
    snprintf(below, sizeof below, "%s/below", path);
    assert_unwritable(below);
    assert_unwritable(folder);
    assert_unwritable("");
    assert_int_equal(symlink("nowhere/at/all", other), 0);
    assert_unwritable(other);
    assert_int_equal(n_entries(), 2);
}

static void a_full_disk_keeps_the_old_content(void **state)
{
    (void)state;
    struct rlimit old, little = {4, 4};
    static const char large[100] = "large";
    assert_int_equal(ub_file_write(path, "old", 3, NULL), UB_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    little.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    ub_message why = {""};
    const ub_status status = ub_file_write(path, large, sizeof large, &why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, UB_FILE_ERROR);
    assert_holds(path, "old");
    assert_int_equal(n_entries(), 1);
}

static mode_t mode_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(name, &info), 0);
    return info.st_mode & 0777;
}

static void modes_are_as_usual(void **state)
{
    (void)state;
    const mode_t mask = umask(027);
    assert_int_equal(ub_file_write(path, "x", 1, NULL), UB_OK);
    umask(mask);
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(ub_file_write(path, "y", 1, NULL), UB_OK);
    assert_int_equal(mode_of(path), 0604);
}

static void a_link_stays_a_link(void **state)
{
    (void)state;
    struct stat info;
    assert_int_equal(ub_file_write(path, "x", 1, NULL), UB_OK);
    assert_int_equal(symlink("file", other), 0);
    assert_int_equal(ub_file_write(other, "through", 7, NULL), UB_OK);
    assert_int_equal(lstat(other, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_holds(path, "through");
}

static void a_pipe_is_not_replaced(void **state)
{
    (void)state;
    struct stat info;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_unwritable(path);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(n_entries(), 1);
}

static void a_name_may_be_as_long_as_names_can_be(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(ub_file_write(name, "long", 4, NULL), UB_OK);
    assert_holds(name, "long");
    assert_int_equal(unlink(name), 0);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    unsigned char *bytes = NULL;
    size_t size, held;
    malloc_guard_start(1);
    ub_status status = ub_file_write(path, "x", 1, NULL);
    malloc_guard_stop(&held);
    assert_int_equal(status, UB_NO_MEMORY);
    assert_int_equal(held, 0);
    assert_int_equal(n_entries(), 0);
    assert_int_equal(ub_file_write(path, "x", 1, NULL), UB_OK);
    malloc_guard_start(1);
    status = ub_file_read(path, 10, &bytes, &size, NULL);
    malloc_guard_stop(&held);
    assert_int_equal(status, UB_NO_MEMORY);
    assert_int_equal(held, 0);
    assert_null(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, name_files, remove_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(what_is_no_file_or_too_large_is_not_read),
        TEST(what_cannot_be_written_leaves_nothing),
        TEST(a_full_disk_keeps_the_old_content),
        TEST(modes_are_as_usual),
        TEST(a_link_stays_a_link),
        TEST(a_pipe_is_not_replaced),
        TEST(a_name_may_be_as_long_as_names_can_be),
        TEST(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
