#!/bin/bash
# run.sh [--full] [WORD...] - crashes, power cuts, lost roots and broken
# networks with the real programs; closes with "N passed, N failed, N
# skipped".  Without --full a share of the points is tried.  WORD: only the
# cases whose names contain one.
#
# As root it works in a mount namespace of its own, so that no mount is left
# behind however it ends.
set -eu
cd "$(dirname "$0")/../.."
build=${VSYNC_BUILD:-${BUILD:-build}}
mkdir -p "$build"
for preload in deaf fold jump killat starve; do
    ${CC:-cc} -std=c17 -D_GNU_SOURCE -Wall -Wextra -O1 -fPIC -shared \
        -o "$build/$preload.so" "tests/fault/$preload.c" -ldl
done
${CC:-cc} -std=c17 -Wall -Wextra -I. -o "$build/schemas" tests/fault/schemas.c \
    agent/state/state_sql.c agent/member/mirror_sql.c
export VSYNC_BUILD=$build PYTHONDONTWRITEBYTECODE=1
set -- /usr/bin/python3 -u tests/fault/suite.py "$@"
if [ "$(id -u)" -eq 0 ] && unshare -m --propagation private true 2>&-; then
    exec unshare -m --propagation private "$@"
fi
exec "$@"
