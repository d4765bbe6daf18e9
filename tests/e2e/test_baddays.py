"""Rows of the catalogue (tests/catalogue.tsv) that have no better place:
names, depths, times and files that people seldom make and disks allow."""

import os
import random
import subprocess
import threading
import time
from pathlib import Path

import pytest
import views
from harness import write
from ops import exchange
from test_names import deep
from wait import PATIENCE, wait_for


def test_names_that_look_alike(owner):
    """Composed and decomposed, and in two cases: bytes tell them apart."""
    names = ["\u00e9.mov", "e\u0301.mov", "README", "ReadMe", "readme",
             "\u212b", "\u00c5", "A\u030a"]
    for n, name in enumerate(names):
        write(owner.root / name, b"%d" % n)
        write(owner.root / ("dir " + name) / name, b"below %d" % n)
    view = owner.agree()
    assert len(view) == 3 * len(names)
    os.rename(owner.root / names[0], owner.root / "aside")
    os.rename(owner.root / names[1], owner.root / names[0])
    view = owner.agree()
    assert names[1] not in view and view[names[0]][1] == 1
    head = owner.head()
    owner.cli("rescan", "--data", check=0)
    owner.agree()
    assert owner.head() == head, "a rescan renamed something"


def test_ten_thousand_levels(owner):
    """Walked with the same few descriptors; published as far as a path
    may reach."""
    write(owner.root / "good", b"1")
    owner.agree()
    pid = owner.daemon.proc.pid
    before = len(os.listdir("/proc/%d/fd" % pid))
    name = "twenty bytes of name"
    os.close(deep(owner.root, 10000, name))
    try:
        owner.flush(90)
        listing = owner.listing()
        # 195 levels are 4,094 bytes
        assert max(len(p) for p in listing) == 4094
        assert len(listing) == 1 + 195
        assert views.replay(owner.events()) == listing == owner.manifest()
        assert owner.status()["refused"]
        head = owner.head()
        owner.cli("rescan", check=0)
        assert owner.head() == head
        assert len(os.listdir("/proc/%d/fd" % pid)) <= before + 4
        (owner.root / "good").write_bytes(b"goes on")
        wait_for(lambda: owner.listing()["good"][1] == 7, "the rest")
    finally:
        subprocess.run(["rm", "-rf", str(owner.root / name)], check=True)


def test_swapped_for_a_link_at_any_moment(owner):
    """A folder and a link that leads out change places all the time: what
    is out there is never read."""
    secret = write(owner.base / "trap" / "f", b"not yours")
    write(owner.root / "d" / "f", b"mine")
    os.symlink(owner.base / "trap", owner.root / "s")
    if not exchange(owner.root / "d", owner.root / "s"):
        return  # this file system cannot; the unit test has the one moment
    owner.agree()
    over, dice = threading.Event(), random.Random(1)

    def swap():
        while not over.is_set():
            exchange(owner.root / "d", owner.root / "s")
            time.sleep(dice.choice([0, 0.001, 0.02, 0.2]))

    thread = threading.Thread(target=swap)
    thread.start()
    end = time.monotonic() + 5
    n = 0
    while time.monotonic() < end:
        n += 1
        for name in ("d", "s"):
            if not os.path.islink(owner.root / name):
                # through whatever it is by then, but never the trap's file
                write(owner.root / name / ("g%d" % (n % 7)), b"%d" % n)
        time.sleep(0.01)
    over.set()
    thread.join()
    for left in (owner.base / "trap").iterdir():
        if left != secret:
            left.unlink()
    owner.agree()
    theirs = views.sha256_file(secret)
    assert len(owner.events()) > 20, "too little came by"
    assert not [e for e in owner.events()
                if e["change"].get("hash") == theirs]


def test_times_of_every_kind(owner):
    """Before 1970, after 2106, backwards, the same again: any difference is
    a change, and none is trusted for the order."""
    f = write(owner.root / "f", b"the same all along")
    owner.agree()
    for second in (0, -1, -2**31, 2**31, 2**32 + 5, 1, 10**9, 10**9 - 1):
        head = owner.head()
        os.utime(f, (second, second))
        if os.stat(f).st_mtime != second:
            continue  # the file system has no such time
        owner.agree()
        assert owner.head() == head + 1, second
        os.utime(f, (second, second))
        owner.agree()
        assert owner.head() == head + 1, "the same time made an event"


def test_a_huge_hole_delays_nobody(owner):
    """A sparse file of 1 TiB takes its time, in a lane of its own."""
    huge = owner.root / "disk.img"
    huge.touch()
    os.truncate(huge, 1 << 40)
    wait_for(lambda: owner.status()["hashing"] > 0, "its hashing", 10)
    for n in range(5):
        name = "save %d" % n
        start = time.monotonic()
        write(owner.root / name, b"%d" % n)
        wait_for(lambda: name in owner.listing(), "a small save", 20)
        assert time.monotonic() - start < 10 * PATIENCE
    _, took = owner.stop()
    assert took < 5 * PATIENCE, "it took %.1f s to end" % took
    huge.unlink()
    owner.start()
    owner.agree()


def thread_times(pid):
    """Processor time of each thread of a process, in ticks, most first."""
    times = []
    for task in Path("/proc/%d/task" % pid).iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        times.append(int(fields[11]) + int(fields[12]))
    return sorted(times, reverse=True)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
def test_two_huge_files_have_two_cores(owner):
    """Of files that take for ever one does not wait for the other."""
    for name in "one.img", "two.img":
        (owner.root / name).touch()
        os.truncate(owner.root / name, 1 << 40)
    wait_for(lambda: owner.status()["hashing"] > 1, "their hashing", 20)
    pid = owner.daemon.proc.pid
    wait_for(lambda: thread_times(pid)[0] > 300, "three seconds of it", 60)
    busiest = thread_times(pid)
    assert busiest[1] > busiest[0] / 2, busiest
    owner.stop()
    for name in "one.img", "two.img":
        (owner.root / name).unlink()
    owner.start()
    owner.agree()


def test_cut_short_while_it_is_hashed(owner):
    """What is hashed where it lies in memory goes away: read again, no crash,
    and in the end what the disk has is published."""
    film = owner.root / "film.mov"
    data = os.urandom(1 << 20) * 128
    caught = 0
    for _ in range(20):
        write(film, data)
        end = time.monotonic() + 20
        while not owner.status()["hashing"] and time.monotonic() < end:
            if "film.mov" in owner.listing():
                break
        else:
            os.truncate(film, 0)
            caught += 1
        film.unlink()
        owner.agree()
        if caught == 5:
            break
    assert caught, "it was never hashed just then"
    assert owner.daemon.proc.poll() is None
    write(film, data[:-1])
    assert owner.agree()["film.mov"][1] == len(data) - 1


def test_rename_storm(owner):
    """Three names change places as fast as can be, for three seconds."""
    for n, name in enumerate("abc"):
        write(owner.root / name, b"%d" % n * 1000)
        write(owner.root / ("d" + name) / "inside", b"%d" % n * 1000)
    owner.agree()
    events = owner.head()
    end = time.monotonic() + 3
    rounds, waiting = 0, 0
    while time.monotonic() < end:
        for k in ("", "d"):
            for old, new in ("at", "ba", "cb", "tc"):
                os.rename(owner.root / (k + old), owner.root / (k + new))
        rounds += 1
        if rounds % 200 == 0:
            waiting = max(waiting, owner.status()["outbox"])
    owner.agree()
    assert waiting <= 20, "%d changes of a dozen paths wait" % waiting
    assert owner.head() - events < rounds * 4, (owner.head(), rounds)
