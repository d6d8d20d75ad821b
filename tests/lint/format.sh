#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# C sources are laid out as clang-format 14 (Debian 12) does it, no file is long, and each names
# its licence.
set -u
cd "$1" || exit 1
status=0
files=$(find cli dsp tests docs plugin -name '*.[ch]' 2>/dev/null)

for file in $files; do
    lines=$(wc -l <"$file")
    if [ "$lines" -ge 500 ]; then
        echo "$file: $lines lines; a file has fewer than 500"
        status=1
    fi
done

others=$(find . -path ./build -prune -o -type f \( -name "*.sh" -o -name "*.py" -o -name meson.build \) -print)
# shellcheck disable=SC2086 # no name has blanks
unlicensed=$(grep -L 'SPDX-License-Identifier: GPL-3.0-or-later' $files $others demo check .ci/run)
if [ -n "$unlicensed" ]; then
    printf 'these do not name their licence:\n%s\n' "$unlicensed"
    status=1
fi

version=$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
if [ "$version" = 14 ]; then
    # shellcheck disable=SC2086
    clang-format --dry-run --Werror $files || status=1
elif [ "$status" = 0 ]; then
    echo "skipped: clang-format 14 decides the layout, and here is version ${version:-none}"
    exit 77
fi
exit "$status"
