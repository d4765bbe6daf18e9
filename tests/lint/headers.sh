#!/bin/bash
# headers.sh ROOT - every header compiles alone, with gcc and with clang.
set -u
cd "$1" || exit 2

one() {
    # shellcheck disable=SC2086 # flags are words
    printf '#include "%s"\n#include "%s"\n' "$2" "$2" |
        $1 ${FLAGS:--std=c17 -D_GNU_SOURCE -I.} ${WARN:-} -Werror \
            -fsyntax-only -x c - || echo "$2: does not compile alone ($1)"
}
export -f one

# shellcheck disable=SC2016 # the inner shell's argument
out=$(find agent cli cloud common tests -name '*.h' 2>/dev/null | sort |
    xargs -r -n1 -P"$(nproc)" bash -c 'one gcc "$0"; one clang "$0"' 2>&1)
[ -z "$out" ] || {
    printf '%s\n' "$out"
    exit 1
}
