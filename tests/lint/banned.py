#!/usr/bin/env python3
"""banned.py ROOT - functions and habits that do not belong in this tree."""

import re
import sys

import tree

# function: what to use instead
FUNCTIONS = {
    "alloca": "a buffer with a ceiling",
    "asctime": "vs_stamp",
    "atoi": "strtoll with checks",
    "atol": "strtoll with checks",
    "atoll": "strtoll with checks",
    "ctime": "vs_stamp",
    "getwd": "getcwd",
    "gets": "getline",
    "gmtime": "gmtime_r",
    "localtime": "localtime_r",
    "mktemp": "mkstemp",
    "popen": "posix_spawn",
    "rand": "vs_rand",
    "random": "vs_rand",
    "scanf": "strtoll with checks",
    "sprintf": "snprintf",
    "srand": "vs_rand",
    "strcat": "vs_buf",
    "strcpy": "snprintf or memcpy",
    "strncat": "vs_buf",
    "strncpy": "snprintf or memcpy",
    "strtok": "strcspn or strsep",
    "system": "posix_spawn",
    "tempnam": "mkstemp",
    "tmpnam": "mkstemp",
    "vfork": "posix_spawn",
    "vsprintf": "vsnprintf",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(FUNCTIONS) + r")\s*\(")
TYPEDEF = re.compile(r"^typedef\s+(struct|union)\b")
# In two halves, so that this file passes.
LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


# Test programs write constants into buffers of their own.
LENIENT = ("tests/unit/", "tests/fault/")
# Another system's names, as they are there.
FOREIGN = ("tests/unit/fsevents/",)


def check(root):
    for path in tree.files(root, (".c", ".h")):
        text = tree.read(root, path)
        for n, line in enumerate(tree.code(text).split("\n"), 1):
            calls = [] if path.startswith(LENIENT) else CALL.findall(line)
            for name in calls:
                yield f"{path}:{n}: {name}: use {FUNCTIONS[name]}"
            if TYPEDEF.match(line) and not path.startswith(FOREIGN):
                yield f"{path}:{n}: typedef of a struct"
    for path in tree.files(root, (".c", ".h", ".py", ".sh")):
        for n, line in enumerate(tree.read(root, path).split("\n"), 1):
            if LATER.search(line):
                yield f"{path}:{n}: do it now or leave it"
            if line != line.rstrip():
                yield f"{path}:{n}: blanks at the end of the line"


def main():
    bad = list(check(sys.argv[1]))
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


sys.exit(main())
