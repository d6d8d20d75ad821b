#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Man pages are sound mdoc or man, and there is one for every command.
set -u
cd "$1" || exit 1
if ! command -v mandoc >/dev/null; then
    echo 'skipped: there is no mandoc'
    exit 77
fi
status=0
mandoc -T lint -W warning cli/man/*.1 || status=1
for command in cli/cmd_*.c; do
    page=cli/man/unbraid-$(basename "$command" .c | sed 's/^cmd_//').1
    if [ ! -f "$page" ]; then
        echo "$page is missing"
        status=1
    fi
done
exit "$status"
