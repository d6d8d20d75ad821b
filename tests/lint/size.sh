#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# All files of the repository that are no text take less than 12 MiB together: a clone stays quick. They
# are printed with their sizes in bytes.
set -u
cd "$1" || exit 1
most=$((12 * 1024 * 1024))

files() {
    git ls-files 2>/dev/null ||
        find . \( -path ./build -o -path ./separated -o -path ./.git \) -prune -o -type f -print
}

total=0
list=$(mktemp)
trap 'rm -f "$list"' EXIT
files >"$list"
while read -r file; do
    # Not those that are removed from the folder but not yet from the index; nor text.
    if [ ! -f "$file" ] || grep -qI . "$file"; then
        continue
    fi
    size=$(wc -c <"$file")
    total=$((total + size))
    printf '%9d %s\n' "$size" "$file"
done <"$list"
printf '%9d in all, at most %d\n' "$total" "$most"
[ "$total" -gt 0 ] && [ "$total" -lt "$most" ]
