#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# bundle.sh BUNDLE: what the bundle says of itself is right, and its module shows one symbol.
set -u
symbols=$(nm -D --defined-only "$1/unbraid.so" | awk '{print $3}')
if [ "$symbols" != lv2_descriptor ]; then
    printf 'the module exports:\n%s\n' "$symbols"
    exit 1
fi
if ! command -v lv2_validate >/dev/null || ! command -v sord_validate >/dev/null; then
    echo 'skipped: there is no lv2_validate, or no sord_validate'
    exit 77
fi
lv2_validate "$1"/*.ttl || exit 1
if command -v lv2ls >/dev/null; then
    listed=$(LV2_PATH=$(dirname "$1") lv2ls | sort | paste -sd ' ')
    if [ "$listed" != 'urn:unbraid:rebalance-mono urn:unbraid:rebalance-stereo urn:unbraid:simple-mono urn:unbraid:simple-stereo' ]; then
        echo "listed are: $listed"
        exit 1
    fi
fi
