"""No memory at one allocation of a scripted run of the agent, or at some in
a row: it goes on, or ends and says why; never by a fault of its own.
Started again, all four views are one."""

import random

import harness
from harness import Gone
from report import Skip, Tally, must_fail
from sweep import count_writes, finished, owner_ready, script
from world import hooks, log_tail

CRASHES = (-4, -7, -8, -11)  # SIGILL, SIGBUS, SIGFPE, SIGSEGV
ROUNDS_A_WORLD = 25


def starving(at, long=1, count=None):
    env = {"LD_PRELOAD": str(harness.BUILD / "starve.so"),
           "STARVE_PROG": "vsync-agent", "STARVE_AT": str(at),
           "STARVE_LONG": str(long)}
    if count:
        env["STARVE_COUNT"] = str(count)
    return env


def allocations(owner):
    path = owner.base / "count"
    return count_writes(
        starving(0, count=path), lambda env: owner.start(env), owner.stop,
        lambda: (script(owner.root, 0), owner.flush()), path)


def one(owner, n, at, long, env):
    """One life with too little memory; the exit code if it ended."""
    code = None
    owner.start(dict(starving(at, long), **env), ready=False)
    script(owner.root, n)
    if finished(owner, owner.daemon):
        code = owner.daemon.died()
    else:
        owner.daemon.signal(harness.TERM)
        code = owner.daemon.died()
        assert code == 0, "SIGTERM ended it with %d" % code
    assert code not in CRASHES, "it crashed, signal %d" % -code
    owner.start()
    owner.agree()
    owner.kill()
    return code


def points(total, count, longs):
    """Evenly spread, with a jitter; some fail for a while."""
    dice = random.Random(14)
    return [(max(1, round((i + dice.random()) * total / count)),
             dice.choice(longs)) for i in range(count)]


def sweep(count, longs, program=None, env=()):
    with owner_ready() as owner:
        total = allocations(owner)
    ends = {}
    todo = points(total, count, longs)
    for first in range(0, len(todo), ROUNDS_A_WORLD):
        with owner_ready() as owner:
            owner.program = program or owner.program
            for n, (at, long) in enumerate(todo[first:first + ROUNDS_A_WORLD],
                                           1):
                try:
                    code = one(owner, n, at, long, dict(env))
                except (AssertionError, Gone, OSError) as e:
                    raise AssertionError(
                        "%d of %d allocations failed from %d on: %s\n%s" % (
                            long, total, at, e, log_tail(owner))) from e
                ends[code] = ends.get(code, 0) + 1
    return Tally("%d of %d allocations; exit codes %s" % (
        len(todo), total, ends), len(todo), "14")


def starve(full):
    return sweep(1500 if full else 20, [1, 1, 3, 50])


def control(full):
    """An agent that takes what it got for memory must be found out."""
    program = hooks("vsync-agent")
    if not program:
        raise Skip("no build with test hooks")
    # the rules are a short stretch of all that is asked for
    said = must_fail(sweep, 300, [50], program,
                     {"VSYNC_TEST_UNCHECKED": "1"})
    assert "crashed" in said, said
    return said


CLAIM = ("S14", "an allocation that fails: no crash, nothing lost")
CASES = [
    ("no memory", starve),
    ("control: an allocation that nobody checks", control),
]
