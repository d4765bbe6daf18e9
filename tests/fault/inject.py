"""Disks that fail in part, by strace: a folder or a file that gives EIO, a
listing that breaks off half-way, a database whose fsync fails, descriptors
that are used up.  Nothing that was not seen to go is deleted, status says
what is wrong, and when it is over all four views agree."""

import contextlib
import os
import shutil
import signal
import subprocess

from harness import write
from powercut import stopped
from report import Skip, must_fail
from wait import never, wait_for
from world import cloud_of, owner_of

LONG = "x" * 180  # names of which a listing takes several calls
MANY = 2500


def tracer(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("TracerPid:"):
                return int(line.split()[1])
    return 0


def rule(call, error, paths=(), when="1+"):
    """strace's words for: this call fails, on these paths."""
    words = ["-f", "-qq", "-e", "trace=" + call, "-e",
             "inject=%s:error=%s:when=%s" % (call, error, when)]
    for path in paths:
        words += ["-P", str(path)]
    return words


@contextlib.contextmanager
def failing(owner, *words):
    """The agent that runs meets the failure for so long."""
    pid = owner.daemon.proc.pid
    p = subprocess.Popen(["strace", "-p", str(pid), "-o", "/dev/null",
                          *words], stdin=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    try:
        wait_for(lambda: tracer(pid) == p.pid, "strace to attach", 10)
        yield
    finally:
        p.send_signal(signal.SIGTERM)
        p.communicate(timeout=20)


@contextlib.contextmanager
def failing_from_start(owner, *words):
    """The agent meets it from its first system call."""
    owner.prefix = ("sh", "-c", "kill -STOP $$; exec \"$@\"", "sh")
    owner.start(ready=False)
    owner.prefix = ()
    pid = owner.daemon.proc.pid
    wait_for(lambda: stopped(pid), "the shell to stop", 10)
    with failing(owner, *words):
        owner.daemon.signal(signal.SIGCONT)
        wait_for(lambda: owner.control.get("/v1/version").status == 200,
                 "the agent's socket")
        yield


def may_trace():
    """Whether strace is there and the system lets it attach."""
    if not shutil.which("strace"):
        return False
    victim = subprocess.Popen(["sleep", "60"])
    p = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p",
                          str(victim.pid)], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: p.poll() is not None or tracer(victim.pid),
                 "strace to attach or to give up", 10)
        return p.poll() is None
    finally:
        for child in (p, victim):
            child.terminate()
            child.wait()


@contextlib.contextmanager
def ready(many=False):
    """An owner whose agent runs, four folders published."""
    if not may_trace():
        raise Skip("strace is not there, or may not trace others; root may")
    with cloud_of() as cloud, owner_of(cloud) as owner:
        for i in range(80):
            write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
        for i in range(MANY if many else 0):
            write(owner.root / "d0" / ("%s%d" % (LONG, i)), b"%d" % i)
        cloud.start()
        owner.setup()
        owner.agree()
        yield owner


def deletions(owner, since):
    return [e["change"]["path"] for e in owner.events(since)
            if e["change"]["op"] == "delete"]


def no_deletion(owner, since):
    gone = deletions(owner, since)
    assert not gone, "%d deletions were sent: %s" % (len(gone), gone[:3])


def named(owner, what):
    s = owner.status()
    assert what in str(s["problems"]) + str(s["refused"]), s
    return s


def broken_folder(running, many, when):
    """d0 cannot be listed, or not to its end; something in it did go, and
    nobody can say what."""
    with ready(many) as owner:
        head = owner.head()
        if not running:
            owner.kill()
        (owner.root / "d1" / "1").unlink()
        way = failing if running else failing_from_start
        with way(owner, *rule("getdents64", "EIO", [owner.root / "d0"],
                              when)):
            shutil.rmtree(owner.root / "d2")
            owner.cli("rescan")
            owner.cli("rescan", "--data")
            wait_for(lambda: "d2" not in owner.listing(),
                     "what did go to be seen to go", 20)
            gone = deletions(owner, head)
            assert not [p for p in gone if p.startswith("d0")], gone
            assert len(gone) == 22, gone
            named(owner, "d0")
            assert "d0/0" in owner.listing()
        owner.cli("rescan", check=0)
        owner.agree()
        assert len(deletions(owner, head)) == 22
        assert owner.status()["state"] == "in_sync"


def broken_file(full):
    """One that cannot be read keeps the version that was known."""
    with ready() as owner:
        before = owner.listing()["d1/1"]
        path = owner.root / "d1" / "1"
        with failing(owner, *rule("read,pread64", "EIO", [path])):
            write(path, b"a new version")
            write(owner.root / "d1" / "new", b"its neighbour")
            wait_for(lambda: "d1/new" in owner.listing(), "the neighbour")
            wait_for(lambda: named(owner, "d1/1"), "the file to be named")
            assert owner.listing()["d1/1"] == before
        owner.cli("rescan", check=0)
        owner.agree()
        assert not owner.status()["problems"]


def broken_fsync(full):
    """After an error of fsync the database is closed and opened again."""
    with ready() as owner:
        head = owner.head()
        wal = str(owner.manifest_db) + "-wal"
        with failing(owner, *rule("fsync,fdatasync", "EIO", [wal])):
            write(owner.root / "d1" / "while", b"it fails")
            wait_for(lambda: not owner.daemon.alive() or
                     owner.status()["problems"], "it to notice", 20)
            if owner.daemon.alive():
                assert owner.status()["state"] == "degraded"
                assert owner.cli("status", "--check").code not in (0, 2)
            never(lambda: owner.head() != head, "it was published", 1)
        if not owner.daemon.alive():
            assert owner.daemon.died() == 75
            owner.start()
        wait_for(lambda: owner.status()["state"] != "degraded",
                 "it to go on by itself", 60)
        owner.agree()


def no_descriptor(full):
    """Not one more descriptor: nothing is taken for gone."""
    with ready() as owner:
        head = owner.head()
        pid = owner.daemon.proc.pid
        used = len(os.listdir("/proc/%d/fd" % pid))
        limit = ["prlimit", "--pid", str(pid), "--nofile=%d:4096"]
        subprocess.run([*limit[:3], limit[3] % used], check=True)
        write(owner.root / "d3" / "meanwhile", b"1")
        (owner.root / "d0" / "0").unlink()
        never(lambda: not owner.daemon.alive() or
              len(deletions(owner, head)) > 1,
              "it died, or took something for gone", 3)
        subprocess.run([*limit[:3], limit[3] % 4096], check=True)
        owner.cli("rescan")
        wait_for(lambda: owner.cli("rescan").code == 0, "a rescan", 40, 1)
        owner.agree(timeout=60)
        assert deletions(owner, head) == ["d0/0"]


def control_broken(full):
    """What was really removed is seen to go by the same look."""
    with ready() as owner:
        head = owner.head()
        (owner.root / "d0" / "0").unlink()
        owner.flush()
        return must_fail(no_deletion, owner, head)


def folder(running, many, when):
    return lambda full: broken_folder(running, many, when)


CLAIM = ("F6-F30", "a folder, half a listing, a file, an fsync that fails,"
         " no descriptor left: nothing is deleted for it")
CASES = [
    ("bad disk: a folder, while it runs", folder(True, False, "1+")),
    ("bad disk: a folder, at start", folder(False, False, "1+")),
    ("bad disk: half a listing, while it runs", folder(True, True, "2+")),
    ("bad disk: half a listing, at start", folder(False, True, "2+")),
    ("bad disk: a file", broken_file),
    ("bad disk: fsync of the database", broken_fsync),
    ("no descriptor", no_descriptor),
    ("control: a real removal is seen", control_broken),
]
