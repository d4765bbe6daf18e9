"""kill -9 at any time; the systematic sweep is in tests/fault."""

import contextlib
import random
import sqlite3
import threading
import time
from collections import Counter

import pytest

from harness import write
from wait import PATIENCE, wait_for


def churn(owner, dice, rounds, pause=0.02):
    """Random small changes of thirty names."""
    for n in range(rounds):
        name = owner.root / ("d%d" % dice.randrange(3)) / (
            "f%d" % dice.randrange(10))
        act = dice.random()
        if act < 0.6 or not name.exists():
            write(name, b"%d %d" % (n, dice.randrange(1000)))
        elif act < 0.8:
            name.unlink()
        else:
            name.rename(name.parent / ("f%d" % dice.randrange(10)))
        time.sleep(pause)


@pytest.mark.parametrize("seed", range(2))
def test_agent_killed_at_random(owner, seed):
    dice = random.Random(seed)
    for _ in range(8):
        t = threading.Thread(target=churn, args=(
            owner, random.Random(dice.random()), 15))
        t.start()
        time.sleep(dice.random() * 0.4)
        owner.kill()
        t.join()
        owner.start()
    owner.agree()


@pytest.mark.parametrize("seed", range(2))
def test_cloud_killed_at_random(world, owner, seed):
    dice = random.Random(seed)
    for _ in range(6):
        t = threading.Thread(target=churn, args=(
            owner, random.Random(dice.random()), 15))
        t.start()
        time.sleep(dice.random() * 0.4)
        world.cloud.kill()
        time.sleep(dice.random() * 0.2)
        world.cloud.start()
        t.join()
    owner.agree(timeout=60)


def test_both_killed_at_random(world, owner):
    dice = random.Random(3)
    for _ in range(8):
        churn(owner, dice, 8)
        victim = dice.choice([owner, world.cloud])
        victim.kill()
        churn(owner, dice, 4)
        victim.start()
    owner.agree(timeout=60)


def test_killed_in_first_publication(world, cloud):
    owner = world.owner()
    for i in range(3000):
        write(owner.root / ("d%d" % (i % 17)) / str(i), b"%d" % i)
    owner.setup()
    for pause in (0.02, 0.1, 0.2, 0.4):
        time.sleep(pause)
        owner.restart()
    assert len(owner.agree(timeout=60)) == 3017
    assert len(owner.events()) == 3017


def in_flight(owner):
    """How many batches the state has in flight, two at most."""
    with contextlib.closing(sqlite3.connect(
            "file:%s?mode=ro" % owner.manifest_db, uri=True)) as db:
        return db.execute("select count(*) from batch").fetchone()[0]


def test_killed_while_batches_overlap(world, owner):
    """A renamed folder goes out in a row of batches, each sent before the
    answer to the one before is taken in."""
    at = owner.root / "old"
    for i in range(6000):
        write(at / str(i % 60) / str(i), b"%d" % i)
    owner.agree(timeout=60)
    head = owner.head()
    dice = random.Random(5)
    for n in range(6):
        at = at.rename(owner.root / ("new%d" % n))
        wait_for(lambda: in_flight(owner) == 2, "two batches", 30, 0.002)
        time.sleep(dice.random() * 0.05)
        owner.kill()
        if n % 3 == 2:
            world.cloud.kill()
            world.cloud.start()
        owner.start()
    owner.agree(timeout=120)
    told = Counter((e["change"]["path"], e["change"]["op"])
                   for e in owner.events(head))
    assert set(told.values()) == {1}, told.most_common(3)


def test_stop_is_quick_and_loses_nothing(world, owner):
    """SIGTERM of both in the middle of work: gone within 2 s."""
    for i in range(1500):
        write(owner.root / ("d%d" % (i % 11)) / str(i), b"%d" % i)
    code, seconds = owner.stop()
    assert code == 0 and seconds < 2 * PATIENCE, (code, seconds)
    owner.start()
    time.sleep(0.2)
    code, seconds = world.cloud.stop()
    assert code == 0 and seconds < 2 * PATIENCE, (code, seconds)
    world.cloud.start()
    owner.agree(timeout=60)


def test_stop_while_hashing(owner):
    """A big file in the hash does not delay the end."""
    with open(owner.root / "big", "wb") as f:
        f.truncate(6 << 30)
    time.sleep(0.4)
    code, seconds = owner.stop()
    assert code == 0 and seconds < 2 * PATIENCE, (code, seconds)
    (owner.root / "big").unlink()
    owner.start()
    owner.agree()


def test_state_deleted(owner):
    """The manifest is gone: a new epoch, a full compare, no event for what
    the cloud knows already."""
    for i in range(50):
        write(owner.root / str(i), b"%d" % i)
    owner.flush()
    owner.stop()
    head = owner.head()
    for f in owner.manifest_db.parent.glob("manifest.db*"):
        f.unlink()
    (owner.root / "0").unlink()
    write(owner.root / "new", b"1")
    owner.start()
    view = owner.agree(timeout=60)
    assert "0" not in view and "new" in view
    assert len(owner.events(head)) == 2


def test_old_state_restored(owner):
    """A backup of the state comes back: counters would repeat."""
    write(owner.root / "a", b"1")
    owner.flush()
    owner.stop()
    old = {f: f.read_bytes()
           for f in owner.manifest_db.parent.glob("manifest.db*")}
    owner.start()
    for i in range(5):
        write(owner.root / "a", b"version %d" % i)
        write(owner.root / ("b%d" % i), b"x")
        owner.flush()
    (owner.root / "b0").unlink()
    owner.flush()
    owner.stop()
    for f in owner.manifest_db.parent.glob("manifest.db*"):
        f.unlink()
    for f, data in old.items():
        f.write_bytes(data)
    write(owner.root / "c", b"late")
    owner.start()
    owner.agree(timeout=60)
