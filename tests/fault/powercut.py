"""Power cuts: ext4 on a loop device that is shut down without flushing its
journal.  What was acknowledged is there afterwards; with
synchronous=NORMAL, the control, it is not."""

import fcntl
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import threading
import time
from pathlib import Path

import harness
import views
from harness import is_root, write
from publisher import Publisher, delete, put
from report import Skip, Tally
from wait import wait_for
from world import hooks

# <linux/ext4.h>: EXT4_IOC_SHUTDOWN, and "do not flush the log".
SHUTDOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125
NOLOGFLUSH = 2


def sh(*argv, check=True):
    return subprocess.run(argv, check=check, stdin=subprocess.DEVNULL,
                          capture_output=True)


class Disk:
    """A file system that can lose its power."""

    def __init__(self):
        if not is_root():
            raise Skip("needs root for a loop mount")
        self.base = harness.scratch("vsd")
        self.image, self.path = self.base / "image", self.base / "m"
        self.path.mkdir()
        sh("truncate", "-s", "96M", str(self.image))
        sh("mkfs.ext4", "-q", "-F", str(self.image))
        try:
            self.mount()
        except subprocess.CalledProcessError as e:
            shutil.rmtree(self.base)
            raise Skip("cannot mount: %r" % e.stderr[-200:]) from e

    def mount(self):
        sh("mount", "-o", "loop", str(self.image), str(self.path))

    def cut(self, pid):
        """Now.  The process is stopped first: an fdatasync(2) that runs
        while the ioctl aborts the journal returns 0 for data that never got
        there, which no disk that loses its power would do."""
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: stopped(pid), "all threads to stop", 10, 0.001)
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        except OSError as e:
            raise Skip("no EXT4_IOC_SHUTDOWN: %s" % e) from e
        finally:
            os.close(fd)

    def power_on(self):
        """After whoever used it is dead."""
        sh("umount", str(self.path))
        self.mount()

    def close(self):
        sh("umount", "-l", str(self.path), check=False)
        shutil.rmtree(self.base, ignore_errors=True)


def stopped(pid):
    """True if no thread of pid runs or is inside the kernel."""
    for task in Path("/proc/%d/task" % pid).iterdir():
        text = (task / "stat").read_text()
        if text.rsplit(")", 1)[1].split()[0] != "T":
            return False
    return True


def sound(db):
    """A copy of the database, as found after the cut, is not corrupt."""
    copy = Path(str(harness.scratch("vsq"))) / "copy.db"
    try:
        for tail in ("", "-wal"):
            if Path(str(db) + tail).exists():
                shutil.copy(str(db) + tail, str(copy) + tail)
        c = sqlite3.connect(copy)
        said = c.execute("pragma integrity_check").fetchone()[0]
        c.close()
        assert said == "ok", "corrupt after the cut: " + said
    finally:
        shutil.rmtree(copy.parent)


class LostAck(AssertionError):
    """Acknowledged, and gone."""


class Poster(threading.Thread):
    """Publishes batch after batch until the answers stop."""

    def __init__(self, pub, dice):
        super().__init__()
        self.pub, self.dice, self.acked, self.open = pub, dice, [], None
        self.batches = 0

    def run(self):
        while True:
            n = self.pub.counter + 1
            changes = [put("f%d" % self.dice.randrange(50), str(n)),
                       put("flips", "a%d" % n), put("flips", "b%d" % n),
                       put("new%d" % n), delete("new%d" % (n - 1))]
            self.open = self.pub.body(changes)
            try:
                a = self.pub.send(self.open)
            except OSError:
                return
            if a.status == 503:
                return  # it noticed that its disk is gone
            assert a.status == 200, a
            self.pub.counter += 1
            self.batches += 1
            self.acked += [(r["seq"], r["path"]) for r in a.json["results"]
                           if r.get("seq")]
            self.open = None


def verify_acked(poster):
    a = poster.pub.api.get(poster.pub.at("/events"))
    if a.status == 404:
        raise LostAck("the project is gone")
    have = {e["seq"]: e["change"]["path"] for e in poster.pub.events()}
    lost = [a for a in poster.acked if have.get(a[0]) != a[1]]
    if lost:
        raise LostAck("%d of %d acknowledged events are gone: %s; the log"
                      " ends at %d" % (len(lost), len(poster.acked),
                                       lost[:3], max(have, default=0)))


def cloud_cut(disk, cloud, pubs, dice):
    """One cut under load; what was acknowledged, what was open."""
    posters = [Poster(p, random.Random(dice.random())) for p in pubs]
    for p in posters:
        p.start()
    time.sleep(0.02 + dice.random() * 0.15)
    disk.cut(cloud.daemon.proc.pid)
    cloud.kill()
    for p in posters:
        p.join(30)
    disk.power_on()
    sound(cloud.db)
    cloud.start()
    for p in posters:
        verify_acked(p)
        if p.open is not None:
            a = p.pub.send(p.open)
            assert a.status == 200, "the open batch, again: %r" % a
            p.pub.counter += 1
        views.agree({"listing": p.pub.listing(),
                     "replay": views.replay(p.pub.events())})
    return sum(p.batches for p in posters)


def cloud_cuts(cuts, program=None, env=None):
    dice = random.Random(7)
    disk = Disk()
    acked = 0
    cloud = harness.Cloud(db=disk.path / "cloud.db")
    use(cloud, program, env)
    try:
        token = cloud.user("ada")
        cloud.start()
        os.sync()
        pubs = []
        for n in range(cuts):
            if n % 10 == 0:
                pubs = [Publisher(cloud.api(token), "p%d" % i)
                        for i in range(3)]
            acked += cloud_cut(disk, cloud, pubs, dice)
    finally:
        cloud.close()
        disk.close()
    return Tally("%d cuts, %d acknowledged batches" % (cuts, acked), cuts, "7")


def use(thing, program, env):
    """Another build of the program, for a control."""
    if program:
        thing.program = program
        thing.env.update(env)


def rows_on_disk(db):
    """path -> hash as the manifest's file has it, read from a copy."""
    base = harness.scratch("vsq")
    copy = base / "copy.db"
    try:
        for tail in ("", "-wal"):
            if Path(str(db) + tail).exists():
                shutil.copy(str(db) + tail, str(copy) + tail)
        c = sqlite3.connect(copy)
        c.text_factory = bytes
        rows = {}
        for (table,) in c.execute(
                "select name from sqlite_master where type='table'"):
            table = table.decode()
            names = [x[1].decode() for x in c.execute(
                "pragma table_info(%s)" % table)]
            if "path" in names and "hash" in names:
                for path, digest in c.execute(
                        "select path, hash from %s" % table):
                    rows.setdefault(path.decode(), set()).add(
                        digest.hex() if digest and len(digest) == 32
                        else (digest or b"").decode())
        c.close()
        return rows
    finally:
        shutil.rmtree(base)


def agent_cut(disk, owner, n, dice):
    """Paused, so that what the manifest says waits in the outbox; then the
    cut.  Even rounds publish meanwhile instead."""
    paused = n % 2 == 1
    if paused:
        owner.cli("pause", check=0)
    wrote = {}
    for i in range(dice.randrange(1, 12)):
        path = "d%d/f%d" % (dice.randrange(4), dice.randrange(30))
        write(owner.root / path, b"%d %d" % (n, i))
        wrote[path] = None
    if not paused:
        owner.flush()
        write(owner.root / "late", b"%d" % n)
        time.sleep(dice.random() * 0.15)
    else:
        disk_view = owner.disk()
        wait_for(lambda: all(owner.manifest().get(p) == disk_view[p]
                             for p in wrote), "the manifest to say so", 10)
    disk.cut(owner.daemon.proc.pid)
    owner.kill()
    disk.power_on()
    sound(owner.manifest_db)
    if paused:
        have = rows_on_disk(owner.manifest_db)
        lost = [p for p in wrote if disk_view[p][2] not in have.get(p, ())]
        if lost:
            raise LostAck("%d of %d known changes are gone" % (
                len(lost), len(wrote)))
    owner.start()
    if paused:
        assert owner.status()["state"] == "paused", "the pause is gone"
        owner.cli("resume", check=0)
    owner.agree(timeout=60)


def agent_cuts(cuts, program=None, env=None):
    dice = random.Random(8)
    disk = Disk()
    (disk.path / "state").mkdir()
    cloud = harness.Cloud()
    owner = None
    try:
        token = cloud.user("ada")
        cloud.start()
        owner = harness.Owner(cloud, token, state=disk.path / "state")
        use(owner, program, env)
        owner.setup()
        owner.flush()
        os.sync()
        for n in range(cuts):
            agent_cut(disk, owner, n, dice)
    finally:
        if owner:
            owner.close()
        cloud.close()
        disk.close()
    return Tally("%d cuts" % cuts, cuts, "8")


NORMAL = {"VSYNC_TEST_SYNCHRONOUS": "NORMAL"}


def control(cuts, name, count):
    """The same with synchronous=NORMAL must lose what was acknowledged."""
    program = hooks(name)
    if not program:
        raise Skip("no build with test hooks (make hooks)")
    try:
        cuts(count, program, NORMAL)
    except LostAck as e:
        return str(e)
    raise AssertionError("synchronous=NORMAL lost nothing in %d cuts: the"
                         " cuts prove nothing" % count)


CLAIM = ("Q2", "power cuts under load, agent and cloud:"
         " nothing acknowledged is lost, no database corrupt")
CASES = [
    ("power cuts, cloud", lambda full: cloud_cuts(1000 if full else 60)),
    ("power cuts, agent", lambda full: agent_cuts(300 if full else 40)),
    ("control: cloud with synchronous=NORMAL",
     lambda full: control(cloud_cuts, "vsync-cloud", 10)),
    ("control: agent with synchronous=NORMAL",
     lambda full: control(agent_cuts, "vsync-agent", 10)),
]
