#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$1" || exit 1
if ! command -v cppcheck >/dev/null; then
    echo 'skipped: there is no cppcheck'
    exit 77
fi
# A block of decoded samples holds integers or floats, as the file has them: that cast is meant.
# The bodies that are compiled once per instruction set are read through the generic set.
cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
    --inline-suppr --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=invalidPointerCast \
    -j 2 -D_DEFAULT_SOURCE -DUB_API= -DUB_RT= -DUB_MUST_USE= \
    -I dsp/include -I dsp -I cli -I plugin -i dsp/kernels/kernels_avx2.c -i dsp/kernels/kernels_avx512.c \
    -i dsp/kernels/kernels_neon.c dsp cli plugin
