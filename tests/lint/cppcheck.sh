#!/bin/bash
# cppcheck.sh ROOT - static analysis; what is let through stands with its
# reason in cppcheck.txt.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit 2

mkdir -p build/lint/cppcheck
mapfile -t dirs < <(ls -d agent cli cloud common tests/sim 2>/dev/null)
exec cppcheck -q -j "$(nproc)" --cppcheck-build-dir=build/lint/cppcheck \
    --error-exitcode=1 --std=c11 --language=c --inline-suppr \
    --enable=warning,performance,portability \
    --suppressions-list="$here/cppcheck.txt" \
    -D_GNU_SOURCE -DVS_VERSION='"0"' -I. \
    --include="$here/cppcheck.h" \
    --template='{file}:{line}: {id}: {message}' "${dirs[@]}"
