#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every header can be included on its own, and those that say so in C++ too.
set -u
cd "$1" || exit 1
cc=${CC:-cc}
status=0
folders='dsp cli'
if echo '#include <lv2/core/lv2.h>' | "$cc" -fsyntax-only -x c - 2>/dev/null; then
    folders="$folders plugin"
fi
# shellcheck disable=SC2086 # a list
for header in $(find $folders -name '*.h' ! -name '*_body.h' | sort); do
    # The tool can be built without PortAudio.
    if grep -q '<portaudio.h>' "$header" &&
        ! echo '#include <portaudio.h>' | "$cc" -fsyntax-only -x c - 2>/dev/null; then
        echo "not looked at, as there is no portaudio.h: $header"
        continue
    fi
    echo "#include \"$header\"" |
        "$cc" -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Werror -fsyntax-only \
            -I. -Idsp/include -Idsp -Icli -Iplugin -x c - || status=1
done
if ! command -v c++ >/dev/null; then
    exit "$status"
fi
for header in dsp/include/unbraid/*.h; do
    grep -q 'extern "C"' "$header" || continue
    echo "#include \"$header\"" |
        c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only -I. -Idsp/include -x c++ - || status=1
done
exit "$status"
