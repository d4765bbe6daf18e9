"""The kernel's inotify limits, lowered for a while."""

import contextlib
import fcntl
import os
import subprocess
from pathlib import Path

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


@contextlib.contextmanager
def small_queue(events):
    """Who starts inotify meanwhile gets a queue of so many events, and keeps
    it.  Gives None, or why that cannot be.  The whole system has one such
    number: one at a time changes it, and it is put back."""
    if os.geteuid() != 0 or not os.access(QUEUE, os.W_OK):
        yield "needs root to set %s" % QUEUE
        return
    with open(QUEUE) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = QUEUE.read_text()
        QUEUE.write_text(str(events))
        try:
            kept = QUEUE.read_text().strip() != str(events)
            yield "the kernel keeps its queue" if kept else None
        finally:
            QUEUE.write_text(old)


def few_watches(watches):
    """What goes before a command to run it in a user namespace with so many
    watches for its user, and None; or None and why that cannot be."""
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c",
              "echo %d >/proc/sys/user/max_inotify_watches && exec \"$@\""
              % watches, "sh")
    try:
        done = subprocess.run([*prefix, "true"], capture_output=True)
    except OSError as e:
        return None, str(e)
    if done.returncode:
        return None, "no user namespace: %r" % done.stderr[-200:]
    return prefix, None
