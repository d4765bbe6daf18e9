#!/bin/bash
# man.sh ROOT - the manual pages are clean mdoc.
set -u
cd "$1" || exit 2

mapfile -t pages < <(find man -name '*.[1-8]' 2>/dev/null | sort)
[ "${#pages[@]}" -gt 0 ] || exit 0
exec mandoc -Tlint -W warning "${pages[@]}"
