#!/usr/bin/env python3
"""sizes.py ROOT - limits of lines, functions and files of C sources.

Some limits hold for every one, some for a share: a long function may be the
clearest one, but not often.  Reads the layout that clang-format gives: a
function's braces stand alone in the first column.
"""

import re
import sys

import tree

COLUMNS = 80
FILE_LINES = 800
FUNCTION_LINES = 120
PARAMETERS = 8  # what callbacks of libraries ask for

# what, over how many, at most what share of all functions
SHARES = (("lines", 55, 0.10), ("parameters", 5, 0.02))
ENOUGH = 50  # functions, to speak of shares
HEADER = re.compile(r"(\w+)\(([^{};]*)\)\s*$", re.S)


def width(line):
    return len(line.expandtabs(8))


def parameters(text):
    """How many parameters a list between parentheses has."""
    depth = commas = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        commas += c == "," and depth == 0
    return 0 if text.strip() in ("", "void") else commas + 1


def functions(lines):
    """(name, first line, last line, parameters) of each definition."""
    head, start = [], None
    for n, line in enumerate(lines, 1):
        if line == "{" and start is None:
            found = HEADER.search("\n".join(head))
            start = n if found else None
        elif line == "}" and start is not None:
            yield found[1], start, n, parameters(found[2])
            head, start = [], None
        elif start is None:
            ends = not line or line.startswith(("#", "}")) or ";" in line
            head = [] if ends else head + [line]


def shares(measures):
    for what, limit, most in SHARES:
        over = sorted(m for m in measures[what] if m[0] > limit)
        if len(measures[what]) >= ENOUGH:
            if len(over) > most * len(measures[what]):
                yield (f"{len(over)} of {len(measures[what])} functions have "
                       f"over {limit} {what}, at most {most:.0%} may:")
                yield from (f"  {where}: {n} {what}" for n, where in over)


def check(root):
    measures = {"lines": [], "parameters": []}
    for path in tree.files(root, (".c", ".h")):
        text = tree.read(root, path)
        lines = text.split("\n")
        if len(lines) - 1 > FILE_LINES:
            yield f"{path}: {len(lines) - 1} lines, at most {FILE_LINES}"
        for n, line in enumerate(lines, 1):
            if width(line) > COLUMNS:
                yield f"{path}:{n}: {width(line)} columns"
        for name, a, b, count in functions(tree.code(text).split("\n")):
            where = f"{path}:{a}: {name}"
            measures["lines"].append((b - a - 1, where))
            measures["parameters"].append((count, where))
            if b - a - 1 > FUNCTION_LINES:
                yield f"{where}: {b - a - 1} lines"
            if count > PARAMETERS:
                yield f"{where}: {count} parameters"
    yield from shares(measures)


def main():
    bad = list(check(sys.argv[1]))
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


sys.exit(main())
