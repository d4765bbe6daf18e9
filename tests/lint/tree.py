"""What the checkers share: which files there are, and C without words."""

import os
import re

TOP = ("agent", "cli", "cloud", "common", "tests")
NOISE = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S
)


def files(root, suffixes, top=TOP):
    """Paths below root's own folders that end in suffixes, sorted."""
    found = []
    for folder in top:
        for d, _, names in os.walk(os.path.join(root, folder)):
            for n in names:
                if n.endswith(suffixes):
                    found.append(os.path.relpath(os.path.join(d, n), root))
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def blank(match):
    """A comment or literal as blanks, line breaks kept."""
    s = match.group(0)
    edge = s[0] if s[0] in "\"'" else " "
    return edge + re.sub(r"[^\n]", " ", s[1:-1]) + edge


def code(text):
    """C source with the inside of comments and literals blanked."""
    return NOISE.sub(blank, text)
