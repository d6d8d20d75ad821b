#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$1" || exit 1
if ! command -v shellcheck >/dev/null; then
    echo 'skipped: there is no shellcheck'
    exit 77
fi
# shellcheck disable=SC2046 # no name has blanks
shellcheck -x demo check .ci/run $(find . -path ./build -prune -o -name '*.sh' -print)
