"""A cloud and an owner for one row of cases, closed whatever happens."""

import contextlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402


@contextlib.contextmanager
def cloud_of(**where):
    cloud = harness.Cloud(**where)
    try:
        yield cloud
    finally:
        cloud.close()


@contextlib.contextmanager
def owner_of(cloud, **more):
    owner = harness.Owner(cloud, cloud.user("ada"), **more)
    try:
        yield owner
    finally:
        owner.close()


def log_tail(*things):
    """The ends of their logs, for a complaint."""
    return "\n".join(
        "--- %s\n%s" % (t.daemon.name,
                        t.daemon.log_text()[-1500:].decode(errors="replace"))
        for t in things)


def killer(at, prog, after=False, count=None):
    """The environment in which a program is killed at its at-th write."""
    env = {"LD_PRELOAD": str(harness.BUILD / "killat.so"),
           "KILLAT_PROG": prog, "KILLAT_AT": str(at)}
    if after:
        env["KILLAT_AFTER"] = "1"
    if count:
        env["KILLAT_COUNT"] = str(count)
    return env


def deaf(prog):
    """The environment in which a program hears of no dropped event."""
    return {"LD_PRELOAD": str(harness.BUILD / "deaf.so"), "DEAF_PROG": prog}


def hooks(name):
    """A program of the build with test hooks, or None."""
    path = harness.BUILD / "hooks" / name
    return str(path) if os.access(path, os.X_OK) else None


def spread(total, share):
    """share points of 1..total, evenly, the first and the last included."""
    if share >= total:
        return list(range(1, total + 1))
    return sorted({1 + round(i * (total - 1) / (share - 1))
                   for i in range(share)})
