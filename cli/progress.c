// SPDX-License-Identifier: GPL-3.0-or-later
#include "progress.h"
#include "interrupt.h"
#include "print_json.h"
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    BAR_WIDTH = 24,
    FALLBACK_COLUMNS = 80,
};

static const double interval_s = 0.1;

bool progress_mode_from_name(const char *name, enum progress_mode *mode)
{
    static const struct {
        const char *name;
        enum progress_mode mode;
    } modes[] = {{"none", PROGRESS_NONE}, {"bar", PROGRESS_BAR}, {"json", PROGRESS_JSON}};
    if (strcmp(name, "auto") == 0) {
        *mode = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_NONE;
        return true;
    }
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(name, modes[i].name) == 0) {
            *mode = modes[i].mode;
            return true;
        }
    }
    return false;
}

static struct timespec now(void)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static double seconds_between(struct timespec from, struct timespec to)
{
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

struct progress progress_start(enum progress_mode mode, const char *file)
{
    return (struct progress){.mode = mode, .file = file, .start = now(), .to = 1.0};
}

static int columns(void)
{
    struct winsize size;
    const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : FALLBACK_COLUMNS;
}

static void show_bar(struct progress *progress, const char *stage, double fraction, double left_s)
{
    char bar[BAR_WIDTH + 1];
    const int filled = (int)(fraction * BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    memset(bar + filled, '.', (size_t)(BAR_WIDTH - filled));
    bar[BAR_WIDTH] = '\0';
    char end[120];
    const long left = left_s >= 0.0 && left_s < 1e6 ? (long)(left_s + 0.5) : -1;
    if (left >= 0) {
        snprintf(end, sizeof end, " [%s] %3d %%  %ld:%02ld left  %s", bar, (int)(fraction * 100.0),
                 left / 60, left % 60, stage);
    } else {
        snprintf(end, sizeof end, " [%s] %3d %%  %s", bar, (int)(fraction * 100.0), stage);
    }
    // One line always: the name gives way, and nothing is put into the last column.
    const int width = columns() - 1;
    const int room = width - (int)strlen(end);
    const int name = room > 4 ? room : 4;
    const int length = (int)strlen(progress->file);
    const char *tail = progress->file + (length > name ? length - name : 0);
    while (((unsigned char)*tail & 0xc0) == 0x80) {
        tail++; // the rest of a character that was cut
    }
    fputc('\r', stderr);
    report_print_clean(tail);
    fprintf(stderr, "%.*s\033[K", width > name ? width - name : 0, end);
    fflush(stderr);
    progress->is_shown = true;
}

static void show_json(const struct progress *progress, const char *stage, double fraction,
                      double left_s)
{
    fputs("{\"file\": ", stderr);
    print_json_string(stderr, progress->file);
    fputs(", \"stage\": ", stderr);
    print_json_string(stderr, stage);
    fputs(", \"fraction\": ", stderr);
    print_json_number(stderr, fraction, 4);
    fputs(", \"eta_s\": ", stderr);
    print_json_number(stderr, left_s, 1);
    fputs("}\n", stderr);
    fflush(stderr);
}

static int listen_to(void *context, const char *stage, double fraction)
{
    struct progress *progress = context;
    if (interrupted()) {
        return 1;
    }
    fraction = fraction >= 0.0 ? (fraction <= 1.0 ? fraction : 1.0) : 0.0;
    fraction = progress->from + (progress->to - progress->from) * fraction;
    const struct timespec time = now();
    const bool is_due = progress->last.tv_sec == 0 || fraction == 1.0 ||
                        seconds_between(progress->last, time) >= interval_s;
    if (progress->mode == PROGRESS_NONE || !is_due) {
        return 0;
    }
    progress->last = time;
    const double elapsed = seconds_between(progress->start, time);
    const double left_s = fraction > 0.0 ? elapsed * (1.0 - fraction) / fraction : -1.0;
    if (progress->mode == PROGRESS_BAR) {
        show_bar(progress, stage, fraction, left_s);
    } else {
        show_json(progress, stage, fraction, left_s >= 0.0 ? left_s : (double)NAN);
    }
    return 0;
}

ub_progress progress_listener(struct progress *progress)
{
    return (ub_progress){.report = listen_to, .context = progress};
}

void progress_stop(struct progress *progress)
{
    if (progress->is_shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->is_shown = false;
    }
}

void progress_tell(const struct progress *progress, const char *what, const char *name)
{
    if (progress->mode == PROGRESS_JSON) {
        fputs("{\"file\": ", stderr);
        print_json_string(stderr, progress->file);
        fprintf(stderr, ", \"%s\": ", what);
        print_json_string(stderr, name);
        fputs("}\n", stderr);
    } else if (progress->mode == PROGRESS_BAR) {
        fputs("unbraid: ", stderr);
        report_print_clean(progress->file);
        fprintf(stderr, ": %s %s fits best\n", what, name);
    }
    fflush(stderr);
}
