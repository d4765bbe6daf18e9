"""A folder of some hundred files is renamed, and the agent, the cloud or the
power goes at any moment of it: afterwards the four views are one, and each
file was told once, as a rename."""

import collections
import contextlib
import os
import random
import shutil
import time

import harness
from harness import Gone, write
from powercut import Disk, sound
from report import Tally, must_fail
from sweep import all_sides, both_sides, count_writes, finished, \
    owner_ready, sweep, was_killed
from wait import wait_for
from world import cloud_of, killer, spread

FILES = 300
FOLDERS = 3


def folder(owner, n):
    return owner.root / ("take%d" % n)


def fill(owner):
    for i in range(FILES):
        write(folder(owner, 0) / ("cam%d" % (i % FOLDERS)) / str(i),
              b"frame %d" % i)


def here(owner):
    """The folder as it is called now, and its next name."""
    n = max(int(p.name[4:]) for p in owner.root.glob("take*"))
    return folder(owner, n), folder(owner, n + 1)


def told_once(owner, since, old, new):
    """Each entry was created once, as the old one renamed if it is a file,
    and each old one deleted once; there is nothing else."""
    told, changes = collections.Counter(), {}
    for event in owner.events(since):
        change = event["change"]
        told[change["op"], change["path"]] += 1
        changes[change["op"], change["path"]] = change
    want = set()
    for path in [new, *new.rglob("*")]:
        rest = str(path.relative_to(owner.root))[len(new.name):]
        create = ("create", new.name + rest)
        want |= {create, ("delete", old.name + rest)}
        assert create in told, "%s was never created" % create[1]
        if path.is_file():
            was = changes[create].get("renamed_from")
            assert was == old.name + rest, "%s comes from %s" % (
                create[1], was)
    assert set(told) == want, sorted(set(told) ^ want)[:4]
    twice = [key for key, n in told.items() if n > 1]
    assert not twice, "told more than once: %s" % twice[:4]


class full_folder(owner_ready):
    """The same with the folder published, the agent down."""

    def __enter__(self):
        owner = super().__enter__()
        fill(owner)
        owner.start()
        owner.agree()
        owner.stop()
        return owner


def rename(owner, running):
    """With running as soon as the agent is up, if it gets so far."""
    old, new = here(owner)
    if running:
        with contextlib.suppress(Gone, OSError, AssertionError):
            wait_for(owner._ready, "the agent", 5, 0.02)
    old.rename(new)
    return old, new


def agent_round(owner, n, at, after):
    """Odd rounds rename while it runs, even ones while it is down."""
    head = owner.head()
    env = killer(at, "vsync-agent", after)
    old = new = None
    if n % 2 == 0:
        old, new = rename(owner, False)
    owner.start(env, ready=False)
    if n % 2 == 1:
        old, new = rename(owner, True)
    if finished(owner, owner.daemon):
        was_killed(owner.daemon)
        code = -9
    else:
        owner.daemon.signal(harness.TERM)
        code = owner.daemon.died()
        assert code in (0, -9), "SIGTERM ended it with %d" % code
    owner.start()
    owner.agree()
    owner.stop()
    told_once(owner, head, old, new)
    return code == -9


def writes_of(owner, running):
    path = owner.base / "count"
    if not running:
        rename(owner, False)
    return count_writes(
        killer(0, "vsync-agent", count=path),
        lambda env: owner.start(env), owner.stop,
        lambda: (running and rename(owner, True), owner.flush()), path)


def agent_sweep(full):
    with full_folder() as owner:
        totals = writes_of(owner, True), writes_of(owner, False)
    sides = [all_sides(total) if full else both_sides(spread(total, 12))
             for total in totals]
    points = [point for pair in zip(*sides) for point in pair]
    return Tally("%s of %d and %d writes" % (
        sweep(full_folder, points, agent_round), *totals), len(points))


def cloud_round(owner, n, at, after):
    """One life of the cloud, which takes the renames."""
    head = owner.head()
    killed = False
    owner.cloud.kill()
    try:
        owner.cloud.start(killer(at, "vsync-cloud", after))
    except Gone:
        killed = True
    owner.start()
    old, new = rename(owner, True)
    if finished(owner, owner.cloud.daemon):
        was_killed(owner.cloud.daemon)
        killed = True
    owner.cloud.kill()
    owner.cloud.start()
    owner.agree(timeout=60)
    owner.stop()
    told_once(owner, head, old, new)
    return killed


def cloud_writes(owner):
    path = owner.base / "count"
    owner.start()
    owner.cloud.stop()
    return count_writes(
        killer(0, "vsync-cloud", count=path), owner.cloud.start,
        owner.cloud.stop, lambda: (rename(owner, True), owner.flush()), path)


def cloud_sweep(full):
    with full_folder() as owner:
        total = cloud_writes(owner)
    points = all_sides(total) if full else both_sides(spread(total, 12))
    return Tally("%s of %d writes" % (
        sweep(full_folder, points, cloud_round), total), len(points))


def cut_once(disk, owner, dice):
    """The power goes some moments after the rename."""
    head = owner.head()
    old, new = rename(owner, True)
    time.sleep(dice.random() * 0.4)
    disk.cut(owner.daemon.proc.pid)
    owner.kill()
    disk.power_on()
    sound(owner.manifest_db)
    owner.start()
    owner.agree(timeout=60)
    told_once(owner, head, old, new)


def power_cuts(full):
    cuts = 100 if full else 12
    dice = random.Random(21)
    with contextlib.closing(Disk()) as disk, cloud_of() as cloud:
        (disk.path / "state").mkdir()
        token = cloud.user("ada")
        cloud.start()
        with contextlib.closing(harness.Owner(
                cloud, token, state=disk.path / "state")) as owner:
            fill(owner)
            owner.setup()
            owner.agree()
            os.sync()
            for _ in range(cuts):
                cut_once(disk, owner, dice)
    return Tally("%d cuts" % cuts, cuts, "21")


def control(full):
    """A folder that was copied and removed was not renamed."""
    with full_folder() as owner:
        head = owner.head()
        old, new = here(owner)
        owner.start()
        shutil.copytree(old, new)
        shutil.rmtree(old)
        owner.settle()
        owner.agree()
        return must_fail(told_once, owner, head, old, new)


CLAIM = ("Q1-Q2", "kills and power cuts while a folder of %d files is"
         " renamed: nothing lost, each file told once, as a rename" % FILES)
CASES = [
    ("renamed folder, kills of the agent", agent_sweep),
    ("renamed folder, kills of the cloud", cloud_sweep),
    ("renamed folder, power cuts", power_cuts),
    ("control: a folder that was copied and removed", control),
]
