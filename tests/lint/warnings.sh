#!/bin/bash
# warnings.sh ROOT - all sources, the tests' too, compile without a warning
# with gcc and with clang.  Objects are kept below build/lint, so that a
# second run compiles only what changed.
set -u
cd "$1" || exit 2

rc=0
for cc in gcc clang; do
    make -s -k -j"$(nproc)" CC=$cc CFLAGS='-O2 -g -Werror' \
        BUILD="build/lint/$cc" objects </dev/null 2>&1 || rc=1
done
exit $rc
