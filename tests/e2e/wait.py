"""Bounded waiting: nothing in these tests waits for ever."""

import os
import time

# A machine under load, or a build with sanitizers, may ask for more.
PATIENCE = float(os.environ.get("VSYNC_TEST_PATIENCE", "1"))


class TimedOut(AssertionError):
    """What was waited for did not come."""


def wait_for(probe, what, timeout=20, pause=0.02):
    """The first true answer of probe(); its last answer goes into the
    complaint.  Exceptions of probe() count as "not yet"."""
    end = time.monotonic() + timeout * PATIENCE
    last = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except (OSError, ValueError, KeyError, AssertionError) as e:
            last = repr(e)
        if time.monotonic() >= end:
            raise TimedOut("waited %g s for %s; last: %.2000s"
                           % (timeout * PATIENCE, what, last))
        time.sleep(pause)


def never(probe, what, seconds):
    """probe() stays false for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = probe()
        assert not got, "%s: %.2000s" % (what, got)
        time.sleep(0.05)
