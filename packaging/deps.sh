#!/bin/sh
# Installs the packages of debian-packages.txt that are missing, as root or
# by sudo.  Does nothing, fast, when all are there.
set -eu
export LC_ALL=C

list=$(dirname "$0")/debian-packages.txt

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: not a Debian system: install what $list names" >&2
    exit 0
fi

# Prints the packages that are not installed, one a line.
missing() {
    sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$list" | sort >"$tmp/wanted"
    # shellcheck disable=SC2046 # one word a package
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
        $(cat "$tmp/wanted") 2>/dev/null |
        sed -n 's/^installed //p' | sort -u >"$tmp/there"
    comm -23 "$tmp/wanted" "$tmp/there"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "deps: be root, or have sudo, to install: $wanted" >&2
        exit 1
    fi
}

install_them() {
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $wanted </dev/null
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
wanted=$(missing | tr '\n' ' ')
if [ -z "$wanted" ]; then
    exit 0
fi

echo "deps: installing $wanted"
# The package lists may be absent or stale: fetch them only then.
if ! install_them; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null
    install_them
fi
