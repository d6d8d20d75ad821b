#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Nothing is left to do in the text, links lead somewhere, and no text knows the machine that it was
# written on.
# Brackets in the patterns keep this file from finding itself.
set -u
cd "$1" || exit 1
status=0

# find PATTERN WHAT [FOLDER...]: complain of lines that match, outside the folders.
find_words() {
    pattern=$1
    what=$2
    shift 2
    hits=$(grep -rnIE --exclude-dir=.git --exclude=.git --exclude-dir=build --exclude-dir=separated "$@" "$pattern" .)
    if [ -n "$hits" ]; then
        printf '%s:\n%s\n' "$what" "$hits"
        status=1
    fi
}

find_words '\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b' 'left to do'
find_words '(^|[^[:alnum:]_.$}])/(wor[k]|far[m]|roo[t]|hom[e])/' 'paths of one machine'
find_words '/tm[p]/b[0-9]' 'paths of one machine'
find_words '\.\./share[d]' 'a folder outside the checkout' --exclude-dir=tests --exclude-dir=.ci

# What documents point to is there.
links=$(mktemp)
trap 'rm -f "$links"' EXIT
grep -ro --include='*.md' --exclude-dir=build --exclude-dir=separated '](\([^)#:]*\))' . |
    sed 's/^\(.*\):](\(.*\))$/\1 \2/' >"$links"
while read -r document target; do
    if [ ! -e "$(dirname "$document")/$target" ]; then
        echo "$document points to $target, which is not there"
        status=1
    fi
done <"$links"
exit "$status"
