#!/usr/bin/env python3
"""catalogue.py ROOT - tests/catalogue.tsv has every bad day of the owner's
engine once, and every test that it names is there and is run."""

import re
import sys
from pathlib import Path

WANTED = [letter + str(n) for letter, last in (
    ("P", 19), ("F", 38), ("S", 20), ("N", 11))
    for n in range(1, last + 1)] + ["N26"]

# How a test is written in files of each kind; in C and in tests/fault it
# counts only if something else in its file names it, too.
FORMS = {
    "unit": r"^static void %s\(void \*\*",
    "sim": r"^static void %s\(",
    "e2e": r"^def %s\(",
    "fault": r"^def %s\(",
}


def fault_of(tests, ref):
    """What is wrong with ref (file::function), or None."""
    name, _, function = ref.partition("::")
    kind = name.split("/")[0]
    if kind not in FORMS or not re.fullmatch(r"\w+", function):
        return "%r is no file::function" % ref
    path = tests / name
    if not path.is_file():
        return "no file " + name
    text = path.read_text(encoding="utf-8")
    if not re.search(FORMS[kind] % function, text, re.M):
        return "%s has no %s" % (name, function)
    if kind != "e2e" and len(re.findall(r"\b%s\b" % function, text)) < 2:
        return "%s never runs %s" % (name, function)
    return None


def faults(tests):
    seen = []
    lines = (tests / "catalogue.tsv").read_text(encoding="utf-8")
    for n, line in enumerate(lines.splitlines(), 1):
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 3 or not all(fields):
            yield "line %d: not three fields" % n
            continue
        seen.append(fields[0])
        if re.match(r"not yet: \S", fields[2]):
            continue
        for ref in fields[2].split(", "):
            wrong = fault_of(tests, ref)
            if wrong:
                yield "%s: %s" % (fields[0], wrong)
    for name in WANTED:
        if seen.count(name) != 1:
            yield "%s: %d times" % (name, seen.count(name))
    for name in set(seen) - set(WANTED):
        yield "%s: not of the catalogue" % name


def main(root):
    bad = 0
    for what in faults(Path(root) / "tests"):
        print("catalogue.tsv: " + what)
        bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
