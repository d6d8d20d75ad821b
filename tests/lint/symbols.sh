#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# symbols.sh SHARED STATIC: the library exports its prefix only, keeps no changeable globals, and
# never prints, exits, or reads the clock or the environment.
set -u
status=0

complain() {
    if [ -n "$2" ]; then
        printf '%s:\n%s\n' "$1" "$2"
        status=1
    fi
}

complain 'exported without ub_' "$(nm -D --defined-only "$1" | awk '$3 !~ /^ub_/ {print $3}')"
complain 'calls that the library must not make' "$(nm -u "$2" | awk '{print $2}' | grep -xE \
    '(v?f?printf|puts|putchar|f?putc|perror|abort|_?exit|system|popen|(secure_)?getenv|setenv|s?rand|time|clock|clock_gettime|gettimeofday|setlocale|std(in|out|err))')"
complain 'changeable globals' "$(objdump -t "$2" |
    awk '/^[0-9a-f]+ .* O / && / \.(data|bss|tdata|tbss)[ \t.]/ && !/\.data\.rel\.ro/')"
exit "$status"
