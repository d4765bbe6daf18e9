"""The kernel's inotify limits: too few watches, too small a queue."""

import os
import subprocess

import pytest

from harness import is_root, write
from kernel import few_watches, small_queue
from wait import wait_for


@pytest.fixture
def sixteen_events():
    with small_queue(16) as refused:
        if refused:
            pytest.skip(refused)
        yield


@pytest.mark.alone
def test_overflow(sixteen_events, owner):
    """Events are lost by the thousand; the tree is right all the same."""
    for i in range(30):
        (owner.root / ("d%d" % i)).mkdir()
    owner.flush()
    owner.daemon.signal(19)  # SIGSTOP: nobody reads the queue
    for i in range(600):
        write(owner.root / ("d%d" % (i % 30)) / str(i), b"%d" % i)
        if i % 3 == 0:
            (owner.root / ("d%d" % (i % 30)) / str(i)).rename(
                owner.root / ("d%d" % ((i + 1) % 30)) / ("r%d" % i))
    owner.daemon.signal(18)
    view = owner.agree(timeout=60)
    assert len(view) == 630
    assert owner.status()["overflows"] >= 1
    assert len(owner.events()) == 630


def test_watch_limit(world, cloud):
    """More folders than watches: found by scanning, named in status."""
    prefix, refused = few_watches(20)
    if refused:
        pytest.skip(refused)
    owner = world.owner()
    owner.login()
    owner.init()
    for i in range(60):
        write(owner.root / ("d%d" % i) / "f", b"%d" % i)
    owner.prefix = prefix
    owner.start(ready=False)
    owner.prefix = ()
    wait_for(lambda: owner.control.get("/v1/version").status == 200,
             "the agent's socket")
    assert len(owner.agree()) == 120
    status = owner.status()
    assert status["dirs_watched"] < 61 and status["coverage"] < 1
    said = str(status["problems"])
    assert "max_user_watches" in said or "watch" in said, said
    assert owner.cli("status", "--check").code == 3
    # what no watch tells, a rescan finds
    for i in range(60):
        write(owner.root / ("d%d" % i) / "f", b"again %d" % i)
    owner.cli("rescan", check=0)
    owner.agree()


def peak(owner):
    """Bytes that the agent had resident at most."""
    status = open("/proc/%d/status" % owner.daemon.proc.pid).read()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def looked_over(owner):
    """Peak of a life in which all is looked at and nothing has changed."""
    owner.stop()
    owner.start()
    owner.cli("rescan", check=0, timeout=120)
    owner.flush(120)
    return peak(owner)


def test_memory_is_for_folders_not_for_files(world, cloud):
    """Five times the files in the same folders take no more memory, but for
    what the database keeps of itself, at most 2 MiB: what holds for ten
    million files is seen at some ten thousand."""
    owner = world.owner()
    sizes = []
    for first, last in ((0, 5000), (5000, 25000)):
        for i in range(first, last):
            folder = owner.root / ("d%d" % (i % 20))
            folder.mkdir(exist_ok=True)
            os.symlink("x", folder / ("a name of usual length %d" % i))
        if first:
            owner.start()
        else:
            owner.setup()
        owner.flush(120)
        sizes.append(looked_over(owner))
        owner.stop()
    assert sizes[1] < 64 << 20, sizes
    assert sizes[1] - sizes[0] < (2 << 20) + 20000 * 64, sizes


def fill(path):
    """All the room there is, to the last block."""
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass


def test_full_disk_for_state(world, cloud):
    """The state's disk fills up: says so, loses nothing, goes on alone."""
    if not is_root():
        pytest.skip("needs root to mount a small tmpfs")
    from harness import scratch
    disk = scratch("vsd")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none",
                       str(disk)]).returncode:
        pytest.skip("cannot mount a tmpfs")
    try:
        owner = world.owner(state=disk / "state")
        (disk / "state").mkdir()
        owner.setup()
        write(owner.root / "a", b"1")
        owner.flush()
        fill(disk / "fill")
        for i in range(300):
            write(owner.root / ("name that takes room %d" % i), b"%d" % i)
        wait_for(lambda: owner.status()["problems"], "a problem named", 30)
        assert owner.cli("status", "--check").code in (3, 8)
        os.unlink(disk / "fill")
        wait_for(lambda: owner.status()["state"] != "degraded",
                 "it to go on by itself", 60)
        owner.agree(timeout=60)
        owner.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()
