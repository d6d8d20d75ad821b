#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# setup.sh SOURCE: packages are installed when a probe fails and only then, and where they cannot be,
# the message names them and the remedy. Stand-ins for id, sudo and apt-get are first in PATH.
set -u
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export PATH="$stage:$PATH" STAGE=$stage
root=$1
# shellcheck source=.ci/setup.sh
. "$root/.ci/setup.sh"

stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"$stage/$1"
    chmod +x "$stage/$1"
}

fail() {
    echo "failed: $*"
    echo "it said: $said"
    exit 1
}

# What packages_ensure says of a list, and its status.
ensure() {
    said=$(packages_ensure "$1" 2>&1 </dev/null)
    status=$?
}

# shellcheck disable=SC2016 # expanded when it is run
list='
present   true
absent    test -e $STAGE/installed
'
calls=$stage/calls
: >"$calls"
stand_in id 'echo 0'
# shellcheck disable=SC2016 # expanded by the stand-in
stand_in apt-get 'echo "$*" >>"$STAGE/calls"
case $* in
*update*) exit 100 ;;
*absent*) touch "$STAGE/installed" ;;
esac'

ensure 'present true'
[ "$status$(cat "$calls")" = 0 ] || fail 'nothing was missing, yet apt-get was called'

ensure "$list"
[ "$status" = 0 ] || fail 'a list that cannot be refreshed kept it from installing'
grep -q 'install.* absent$' "$calls" || fail 'the missing package was not installed'
! grep -q present "$calls" || fail 'a package was installed that was there'

rm "$stage/installed"
stand_in id 'echo 1000'
stand_in sudo 'shift; exec "$@"'
ensure "$list"
[ "$status" = 0 ] || fail 'sudo was not used'

rm "$stage/installed"
stand_in sudo 'echo "a password is required"; exit 1'
ensure "$list"
case $status$said in
1*'a password is required'*'Missing: absent.'*'As root run: apt-get update && apt-get install absent') ;;
*) fail 'a sudo that refuses' ;;
esac

rm "$stage/sudo"
# From here on nothing of the system is in PATH but these.
for tool in sh paste rm; do
    ln -s "$(command -v "$tool")" "$stage/$tool"
done
PATH=$stage
ensure "$list"
case $status$said in
1*'Missing: absent.'*'there is no sudo'*'apt-get install absent') ;;
*) fail 'neither root nor sudo' ;;
esac

rm "$stage/apt-get"
ensure "$list"
case $status$said in
1*'Missing: absent'*'no apt-get'*) ;;
*) fail 'another system' ;;
esac
