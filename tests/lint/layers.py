#!/usr/bin/env python3
"""layers.py ROOT - includes point only where the file LAYERS allows.

A line of LAYERS is "module: regex [-> module ...]".  A file belongs to the
first module whose regex matches its path and may include headers of its own
module and of those named; a module without "->" may include all before it.
"""

import os
import re
import sys

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def rules_of(text):
    """[(name, regex, allowed names)] in the order of the file."""
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        name, colon, rest = line.partition(":")
        regex, arrow, targets = rest.partition("->")
        if not colon or not regex.strip():
            raise ValueError(f"LAYERS:{number}: not a rule")
        known = [n for n, _, _ in rules]
        allowed = targets.split() if arrow else list(known)
        rules.append((name.strip(), re.compile(regex.strip()), allowed))
    names = {n for n, _, _ in rules}
    for name, _, allowed in rules:
        for target in allowed:
            if target not in names:
                raise ValueError(f"LAYERS: {name}: no module {target}")
    return rules


def module_of(rules, path):
    for name, regex, allowed in rules:
        if regex.search(path):
            return name, allowed
    return None, ()


def resolve(root, path, include):
    """The file meant: from the root of the tree, or beside the includer."""
    for guess in (include, os.path.join(os.path.dirname(path), include)):
        guess = os.path.normpath(guess)
        if os.path.isfile(os.path.join(root, guess)):
            return guess
    return None


def check(root, rules):
    for path in tree.files(root, (".c", ".h")):
        module, allowed = module_of(rules, path)
        if module is None:
            yield f"{path}: belongs to no layer"
            continue
        for include in INCLUDE.findall(tree.read(root, path)):
            target = resolve(root, path, include)
            if target is None:
                yield f'{path}: no such file: "{include}"'
                continue
            other, _ = module_of(rules, target)
            if other != module and other not in allowed:
                yield f"{path}: {module} must not include {other} ({target})"


def main():
    root = sys.argv[1]
    bad = list(check(root, rules_of(tree.read(root, "LAYERS"))))
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


sys.exit(main())
