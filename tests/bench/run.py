#!/usr/bin/env python3
"""run.py [NAME...] - measures cost, as ratios to a peer or a limit of the
same run: first restart rest hash save burst rename ingest; all without a
name.  Each figure is a line of JSON when it is there, and a row of the table
at the end.

A peer that is not installed is skipped.  Others' load makes times wrong and
ratios less so; nothing here passes or fails.
"""

import sys

import corridor
import folder
import ingest
import kit

NAMES = ("ingest", "hash", "save", "burst", "rename", "first", "restart",
         "rest")


def main(argv):
    names = set(argv) or set(NAMES)
    unknown = names - set(NAMES)
    if unknown:
        print("run.py: no benchmark %s; there are: %s" % (
            ", ".join(sorted(unknown)), " ".join(NAMES)), file=sys.stderr)
        return 2
    report = kit.Report()
    for part in (ingest, corridor, folder):
        try:
            part.run(report, names)
        except kit.Skipped as why:
            report.skip(part.__name__, why)
        except kit.TooLate as why:
            report.skip(part.__name__, why, "failed")
    print()
    report.table()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
