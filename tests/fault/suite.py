"""All fault suites, or those whose names contain a word of the command
line; --full: every point instead of a share.  A run of all of them leaves
reliability.json in the build directory."""

import sys

import world  # noqa: F401  (makes the harness importable)
import harness
import blocks
import clocks
import fold
import inject
import migrate
import model
import moved
import powercut
import pulls
import roots
import starve
import storm
import sweep
from report import Report


def main(argv):
    full = "--full" in argv
    words = [a for a in argv if not a.startswith("-")]
    report = Report()
    for module in (roots, inject, blocks, clocks, model, storm, pulls, fold,
                   powercut, sweep, moved, migrate, starve):
        for name, func in module.CASES:
            if not words or any(w in name for w in words):
                report.case(name, module.CLAIM, func, full)
    if not words:
        report.summary(harness.BUILD / "reliability.json", full)
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
