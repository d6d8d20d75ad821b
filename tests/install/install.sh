#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# install.sh SOURCE BUILD VERSION: what is installed is complete, and the example of the library
# compiles against it alone.
set -eu
source=$1
version=$3
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
meson install -C "$2" --no-rebuild --quiet --destdir "$stage"

pc=$(find "$stage" -name unbraid.pc)
library=$(dirname "$(find "$stage" -name libunbraid.so)")
export PKG_CONFIG_SYSROOT_DIR="$stage" LD_LIBRARY_PATH="$library"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion unbraid)" = "$version" ]

# shellcheck disable=SC2046 # options are words
${CC:-cc} -std=c11 -Wall -Wextra -Werror -o "$stage/example" "$source/docs/example.c" \
    $(pkg-config --cflags --libs unbraid) -lm
"$stage/example"
# Each stem plays in halves of its own; what leaks is at the edges, where a window covers both.
"$stage/example" | awk '/energy/ {print $3}' | sort -n | paste -sd ' ' |
    awk '{exit !($1 < 5 && $2 > 95)}'

tool=$(find "$stage" -type f -name unbraid -perm -u+x)
if [ -n "$tool" ]; then
    [ "$("$tool" --version)" = "unbraid $version" ]
    for command in separate learn transcribe eval info presets; do
        find "$stage" -name "unbraid-$command.1" | grep -q .
    done
    find "$stage" -path '*/bash-completion/completions/unbraid' | grep -q .
    presets=$(find "$stage" -type d -path '*/share/unbraid/presets')
    [ "$(UNBRAID_PRESETS="$presets" "$tool" presets --json | grep -cF "$presets")" = \
        "$(find "$source/presets" -name '*.preset' | grep -c .)" ]
fi

bundle=$(find "$stage" -type d -name unbraid.lv2)
if [ -n "$bundle" ]; then
    for file in manifest.ttl unbraid.ttl presets.ttl simple.ttl drumkit.preset drumkit.safetensors unbraid.so; do
        [ -s "$bundle/$file" ]
    done
fi
