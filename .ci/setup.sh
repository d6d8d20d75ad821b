# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # shared with demo and check, which set $root
# What demo and check share: the packages that unbraid needs beyond a bare Debian 12, and how build
# folders are made. Each line of a list is a package and a command that succeeds where it is there.

packages_to_build='
gcc                 command -v gcc
libc6-dev           echo "#include <stdio.h>" | gcc -E -
meson               command -v meson
ninja-build         command -v ninja
pkg-config          command -v pkg-config
libfftw3-dev        pkg-config --exists fftw3f fftw3
libjansson-dev      pkg-config --exists jansson
libsndfile1-dev     pkg-config --exists sndfile
portaudio19-dev     pkg-config --exists portaudio-2.0
lv2-dev             pkg-config --exists lv2
'

# Programs that are linked by clang need its own libraries for OpenMP and the sanitizers.
packages_to_check='
clang               command -v clang
clang-format        command -v clang-format
cppcheck            command -v cppcheck
gcovr               command -v gcovr
jackd2              command -v jackd && command -v jack_wait
jalv                command -v jalv
libclang-rt-dev     echo "int main(void) { return 0; }" | clang -fsanitize=thread -x c -o /dev/null -
libcmocka-dev       pkg-config --exists cmocka
liblilv-dev         pkg-config --exists lilv-0
libomp-dev          echo "int main(void) { return 0; }" | clang -fopenmp -x c -o /dev/null -
lilv-utils          command -v lv2info
lv2proc             command -v lv2proc
llvm                command -v llvm-symbolizer
mandoc              command -v mandoc
python3             command -v python3
python3-mido        /usr/bin/python3 -c "import mido"
shellcheck          command -v shellcheck
sordi               command -v sord_validate
'

# The scores are compared with those of a script that may lie beside the checkout.
packages_to_compare=
if [ -e "$root/../shared/tools/score" ]; then
    packages_to_compare='
python3-mir-eval    /usr/bin/python3 -c "import numpy, mir_eval"
python3-soundfile   /usr/bin/python3 -c "import soundfile"
'
fi

# Print the packages of a list whose command fails.
packages_missing() {
    local package probe
    while read -r package probe; do
        [ -z "$package" ] || sh -c "$probe" >/dev/null 2>&1 </dev/null || echo "$package"
    done <<<"$1"
}

# Run a command as root. Fails where neither root nor sudo is at hand.
packages_as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

packages_apt() {
    # Another apt may be at work, as on a machine that has just started.
    packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# Make sure that everything on a list is there. Where that fails, say what is missing and what
# to do, and return 1.
packages_ensure() {
    local missing install
    missing=$(packages_missing "$1" | paste -sd ' ')
    [ -n "$missing" ] || return 0
    install="apt-get update && apt-get install $missing"

    if ! command -v apt-get >/dev/null; then
        echo "Missing: $missing (named as in Debian 12)."
        echo 'This system has no apt-get: install them with its own package manager, then try again.'
        return 1
    elif [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "Missing: $missing."
        echo "Installing them needs root, and there is no sudo. As root run: $install"
        return 1
    fi >&2

    echo "Installing: $missing (this may take some minutes)"
    local log
    log=$(mktemp)
    # A list that cannot be refreshed may still be good enough to install from.
    # shellcheck disable=SC2086 # one word per package
    if ! { packages_apt update || true; packages_apt install --no-install-recommends $missing; } \
        >"$log" 2>&1; then
        tail -n 20 "$log"
        echo "Missing: $missing."
        echo "They could not be installed; apt-get says why above. As root run: $install"
        rm -f "$log"
        return 1
    fi >&2
    rm -f "$log"

    missing=$(packages_missing "$1" | paste -sd ' ')
    if [ -n "$missing" ]; then
        echo "Installed, but not working: $missing. Another version may come first in PATH."
        return 1
    fi >&2
}

# Configure a build folder, new or old, with these options. Folders of another checkout or of a
# set-up that was broken off are made anew.
build_configure() {
    local root=$1 folder=$2
    shift 2
    if [ -f "$folder/build.ninja" ] &&
        grep -qF "\"source\": \"$root\"" "$folder/meson-info/meson-info.json" 2>/dev/null; then
        meson setup --reconfigure "$@" "$folder" "$root"
    else
        rm -rf "$folder" && meson setup "$@" "$folder" "$root"
    fi
}
