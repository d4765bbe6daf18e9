#!/bin/bash
# python.sh ROOT - every Python file compiles, warnings being errors.
set -u
cd "$1" || exit 2

find packaging tests -name '*.py' -print0 2>/dev/null | sort -z |
    /usr/bin/python3 -W error -c '
import sys

bad = 0
for path in filter(None, sys.stdin.read().split("\0")):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    try:
        compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, Warning) as e:
        print(f"{path}: {e}")
        bad = 1
    for n, line in enumerate(text.split("\n"), 1):
        if len(line) > 80 or "\t" in line:
            print(f"{path}:{n}: {len(line)} columns, or a tab")
            bad = 1
sys.exit(bad)'
