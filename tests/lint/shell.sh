#!/bin/bash
# shell.sh ROOT - shellcheck over every script.
set -u
cd "$1" || exit 2

mapfile -t scripts < <(
    find .ci packaging tests -type f \
        \( -name '*.sh' -o -path '.ci/*' \) 2>/dev/null | sort
)
[ "${#scripts[@]}" -gt 0 ] || exit 0
exec shellcheck -x "${scripts[@]}"
