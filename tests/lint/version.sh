#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The newest entry of NEWS.md is the version that is built.
set -u
newest=$(sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' "$1/NEWS.md" | head -n 1)
if [ "$newest" != "$2" ]; then
    echo "NEWS.md begins with version '$newest', meson.build says '$2'"
    exit 1
fi
