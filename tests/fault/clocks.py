"""Clocks that jump while the agent runs: the wall clock by a year in either
direction, and the machine's sleep, which nobody announces."""

import contextlib
import os
import time

import harness
from harness import save_over, write
from report import must_fail
from wait import TimedOut, wait_for
from world import cloud_of, owner_of

YEAR = 366 * 24 * 3600
HOUR = 3600


@contextlib.contextmanager
def ready():
    """An owner whose agent runs, and jump(wall, boot), in seconds."""
    with cloud_of() as cloud, owner_of(cloud) as owner:
        clock = owner.base / "clock"

        def jump(wall, boot):
            new = owner.base / "clock.new"
            new.write_text("%d %d" % (wall, boot))
            new.rename(clock)
        jump(0, 0)
        cloud.start()
        owner.login()
        owner.init()
        owner.start({"LD_PRELOAD": str(harness.BUILD / "jump.so"),
                     "JUMP_PROG": "vsync-agent", "JUMP_FILE": str(clock)})
        for i in range(60):
            write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
        owner.agree()
        yield owner, jump


def wall_clock(full):
    """What is saved meanwhile is published once and at once, whatever the
    clock said, and nothing that was known is sent again."""
    with ready() as (owner, jump):
        for n, seconds in enumerate((YEAR, -YEAR, 0, -40 * YEAR, 0)):
            head = owner.head()
            jump(seconds, 0)
            write(owner.root / "d0" / "0", b"after jump %d" % n)
            save_over(owner.root / "d1" / "1", b"after jump %d" % n)
            start = time.monotonic()
            owner.agree()
            took = time.monotonic() - start
            assert took < 15, "the barrier took %.1f s" % took
            time.sleep(1)
            told = {e["change"]["path"] for e in owner.events(head)}
            assert owner.head() == head + 2 and told == {"d0/0", "d1/1"}, \
                told
        owner.restart()
        owner.agree()
        return "a year ahead, a year back, 40 years back"


def found(owner, timeout):
    def probe():
        return owner.disk() == owner.listing()
    wait_for(probe, "the unheard change to be published", timeout, 0.2)


def slept(hours, timeout):
    with ready() as (owner, jump):
        other = owner.base / "another name"
        os.link(owner.root / "d2" / "2", other)
        owner.agree()
        write(other, b"by a name that nobody watches")
        jump(hours * HOUR, hours * HOUR)
        found(owner, timeout)
        owner.agree()


def machine_slept(full):
    """Eight hours of sleep: everything is looked at again."""
    slept(8, 20)


def control_awake(full):
    """Without the sleep the same change is not heard of."""
    return must_fail(slept, 0, 5, known=TimedOut)


CLAIM = ("F21-F22", "clocks that jump and machines that sleep: nothing is"
         " sent twice, nothing missed")
CASES = [
    ("clock: the wall's jumps", wall_clock),
    ("clock: the machine slept", machine_slept),
    ("control: it did not sleep", control_awake),
]
