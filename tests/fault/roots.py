"""Ways to lose the watched file system, with real mounts.  Each time: no
deletion leaves, status says what happened and what to do, and when the root
is back all four views agree."""

import shutil
import subprocess
import time

import harness
import powercut
from direct import Device, Source
from harness import is_root, write
from report import Skip, must_fail
from wait import never, wait_for
from world import hooks

FILES = 40


def sh(*argv):
    subprocess.run([str(a) for a in argv], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)


class Mounted:
    """An owner whose root is a file system of its own."""

    def __init__(self, kind, hook=None):
        """hook: for the agent that tests can break."""
        if not is_root():
            raise Skip("needs root to mount")
        self.hook = hook
        self.base = harness.scratch("vsm")
        self.root = self.base / "film"
        self.image = self.base / "image"
        self.root.mkdir()
        self.kind = kind
        if kind == "ext4":
            sh("truncate", "-s", "32M", self.image)
            sh("mkfs.ext4", "-q", "-F", self.image)
        try:
            self.mount()
        except subprocess.CalledProcessError as e:
            shutil.rmtree(self.base)
            raise Skip("cannot mount: %r" % e.stderr[-200:]) from e
        self.cloud = harness.Cloud()
        token = self.cloud.user("ada")
        self.cloud.start()
        self.owner = harness.Owner(self.cloud, token, root=self.root)
        if hook:
            self.owner.program = hooks("vsync-agent")

    def mount(self):
        if self.kind == "ext4":
            sh("mount", "-o", "loop", self.image, self.root)
            shutil.rmtree(self.root / "lost+found", ignore_errors=True)
        else:
            sh("mount", "-t", "tmpfs", "-o", "size=16m", "none", self.root)

    def __enter__(self):
        o = self.owner
        for i in range(FILES):
            write(self.root / ("d%d" % (i % 5)) / str(i), b"%d" % i)
        o.login()
        o.init()
        o.start(self.hook)
        o.agree()
        self.head = o.head()
        return self

    def __exit__(self, *what):
        self.owner.close()
        self.cloud.close()
        for _ in range(4):
            subprocess.run(["umount", "-l", str(self.root)],
                           capture_output=True)
        shutil.rmtree(self.base, ignore_errors=True)

    def no_deletion(self):
        gone = [e["change"]["path"] for e in self.owner.events(self.head)
                if e["change"]["op"] == "delete"]
        assert not gone, "%d deletions were sent: %s" % (
            len(gone), gone[:5])

    def lost(self, states=("root_lost",)):
        """It knows, says so, and sends nothing; also after a restart."""
        o = self.owner
        for again in (False, True):
            if again:
                o.restart()
            o.cli("rescan")
            status = o.await_state(*states, timeout=15)
            assert not status["in_sync"]
            worst = status["problems"][0]
            assert worst["severity"] == "error", worst
            assert worst["message"] and worst["hint"], worst
            assert o.cli("status", "--check").code in (3, 7)
            o.cli("rescan", "--data")
            never(lambda: o.head() != self.head, "something was sent", 0.5)
        self.no_deletion()

    def back(self):
        """The root is there again: it finds out and goes on."""
        o = self.owner
        write(self.root / "after", b"1")
        o.cli("rescan")
        o.agree()
        self.no_deletion()
        assert len(o.listing()) == FILES + 6


def unmounted(kind):
    with Mounted(kind) as m:
        sh("umount", "-l", m.root)
        m.lost()
        if kind == "ext4":
            m.mount()
            m.back()


def unmounted_at_start(kind):
    with Mounted(kind) as m:
        m.owner.stop()
        sh("umount", m.root)
        m.owner.start()
        m.lost()
        if kind == "ext4":
            m.mount()
            m.back()


def mounted_over(kind):
    with Mounted(kind) as m:
        sh("mount", "-t", "tmpfs", "none", m.root)
        m.lost()
        sh("umount", m.root)
        m.back()


def mounted_over_at_start(kind):
    with Mounted(kind) as m:
        m.owner.stop()
        sh("mount", "-t", "tmpfs", "none", m.root)
        m.owner.start()
        m.lost()
        m.owner.stop()
        sh("umount", m.root)
        m.owner.start()
        m.back()


def bound_over(kind):
    """Another folder, with files of its own, in its place."""
    with Mounted(kind) as m:
        other = m.base / "other"
        write(other / "d0" / "0", b"another tree")
        sh("mount", "--bind", other, m.root)
        m.lost()
        sh("umount", m.root)
        m.back()


def moved_mount(kind):
    """mount --move needs a private parent; else it is skipped."""
    with Mounted(kind) as m:
        aside = m.base / "aside"
        aside.mkdir()
        try:
            sh("mount", "--move", m.root, aside)
        except subprocess.CalledProcessError as e:
            raise Skip("mount --move: %r" % e.stderr[-100:]) from e
        try:
            m.lost()
            sh("mount", "--move", aside, m.root)
            m.back()
        finally:
            subprocess.run(["umount", "-l", str(aside)],
                           capture_output=True)


def copy_in_its_place(kind):
    """A restored backup with the same marker: not the same folder."""
    with Mounted(kind) as m:
        m.owner.stop()
        copy = m.base / "copy"
        shutil.copytree(m.root, copy)
        shutil.rmtree(copy / "d0")
        sh("umount", m.root)
        sh("mount", "--bind", copy, m.root)
        m.owner.start()
        m.lost(("root_lost",))


def copy_while_it_runs(kind):
    """The same, bound over the root of an agent that runs."""
    with Mounted(kind) as m:
        copy = m.base / "copy"
        shutil.copytree(m.root, copy)
        shutil.rmtree(copy / "d0")
        sh("mount", "--bind", copy, m.root)
        m.lost()
        sh("umount", m.root)
        m.back()


def another_disk(running):
    """A disk of the same kind with a copy of all of it: roots of file
    systems have one inode number, and yet it is not the same folder.  A
    person says that it was meant."""
    def way(kind):
        with Mounted(kind) as m:
            other, at = m.base / "other", m.base / "at"
            at.mkdir()
            sh("truncate", "-s", "32M", other)
            sh("mkfs.ext4", "-q", "-F", other)
            sh("mount", "-o", "loop", other, at)
            sh("cp", "-a", "%s/." % m.root, at)
            assert at.stat().st_ino == m.root.stat().st_ino
            (at / "d0" / "0").unlink()
            sh("umount", at)
            if not running:
                m.owner.stop()
            sh("umount", "-l", m.root)
            sh("mount", "-o", "loop", other, m.root)
            if not running:
                m.owner.start()
            m.lost()
            m.owner.cli("adopt", check=0)
            shutil.rmtree(m.root / "lost+found", ignore_errors=True)
            m.owner.settle()
            m.owner.agree()
            gone = [e["change"]["path"] for e in m.owner.events(m.head)]
            assert gone == ["d0/0"], gone
    return way


def emptied(running):
    """rm -rf of everything, by hand: the root is the root, so the deletions
    are real, and wait for a person."""
    def way(kind):
        with Mounted(kind) as m:
            if not running:
                m.owner.stop()
            for i in range(5):
                shutil.rmtree(m.root / ("d%d" % i))
            if not running:
                m.owner.start()
            status = m.owner.await_state("held")
            assert status["held"] == FILES + 5, status
            m.owner.restart()
            m.owner.cli("rescan")
            never(lambda: m.owner.head() != m.head, "something was sent", 1)
            m.owner.cli("held", "approve", "--yes", check=0)
            m.owner.settle()
            m.owner.agree()
            assert not m.owner.listing()
    return way


def bound_inside(kind):
    """The root bound below itself: walked once, not for ever."""
    with Mounted(kind) as m:
        loop = m.root / "d0" / "loop"
        loop.mkdir()
        m.owner.agree()
        head = m.owner.head()
        sh("mount", "--bind", m.root, loop)
        m.owner.cli("rescan")
        m.owner.restart()
        m.owner.cli("rescan")
        m.no_deletion()
        assert not [p for p in m.owner.listing() if "loop/" in p]
        told = {e["change"]["path"] for e in m.owner.events(head)}
        assert told <= {"d0/loop"}, told  # a mount point's own mode
        assert "d0/loop" in str(m.owner.status()["refused"])
        sh("umount", loop)
        m.owner.cli("rescan")
        m.owner.agree()


def other_file_system_at_start(kind):
    """The device of another project got the mount point."""
    with Mounted(kind) as m:
        m.owner.stop()
        sh("umount", m.root)
        sh("mount", "-t", "tmpfs", "none", m.root)
        write(m.root / ".vsync" / "root-id", b"0" * 32 + b"\n")
        write(m.root / "d0" / "0", b"another tree")
        m.owner.start()
        m.lost()


def remounted_is_the_same(kind):
    """No false alarm: the same file system, mounted again."""
    with Mounted(kind) as m:
        m.owner.stop()
        sh("umount", m.root)
        m.mount()
        m.owner.start()
        m.owner.agree()
        assert m.owner.head() == m.head, "a remount made events"
        assert m.owner.status()["state"] == "in_sync"


def dead_disk(kind):
    """Every access fails with EIO."""
    with Mounted(kind) as m:
        import fcntl
        import os
        import struct
        fd = os.open(m.root, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, powercut.SHUTDOWN, struct.pack("I", 1))
        finally:
            os.close(fd)
        m.owner.cli("rescan")
        m.owner.cli("rescan", "--data")
        status = m.owner.await_state("root_lost", "degraded", timeout=15)
        assert status["problems"] and not status["in_sync"]
        m.no_deletion()
        m.owner.restart()
        m.owner.cli("rescan")
        m.no_deletion()
        m.owner.kill()
        sh("umount", "-l", m.root)
        m.mount()
        m.owner.start()
        m.owner.agree()
        m.no_deletion()


def read_only(kind):
    """Remounted read-only: nothing is lost, what is there stays known."""
    with Mounted(kind) as m:
        sh("mount", "-o", "remount,ro", m.root)
        m.owner.cli("rescan")
        m.owner.restart()
        m.owner.cli("rescan")
        assert len(m.owner.listing()) == FILES + 5
        m.no_deletion()
        sh("mount", "-o", "remount,rw", m.root)
        m.back()


def mount_inside(kind):
    """Another file system over a folder of the tree: what is below it is
    out of sight, not deleted."""
    with Mounted(kind) as m:
        sh("mount", "-t", "tmpfs", "none", m.root / "d0")
        write(m.root / "d0" / "foreign", b"1")
        m.owner.cli("rescan")
        m.owner.restart()
        m.owner.cli("rescan")
        write(m.root / "d1" / "new", b"1")
        time.sleep(1)
        m.no_deletion()
        listing = m.owner.listing()
        assert "d0/foreign" not in listing and "d0/0" in listing
        status = m.owner.status()
        assert "d0" in str(status["problems"]) + str(status["refused"])
        sh("umount", m.root / "d0")
        (m.root / "d1" / "new").unlink()
        m.owner.cli("rescan")
        m.owner.agree()


def lost_in_the_first_scan(kind):
    """Unmounted while many files are being read for the first time."""
    with Mounted(kind) as m:
        m.owner.stop()
        for i in range(3000):
            write(m.root / ("more%d" % (i % 30)) / str(i), b"x")
        m.owner.start(ready=False)
        time.sleep(0.15)
        sh("umount", "-l", m.root)
        m.owner.cli("rescan")
        m.owner.await_state("root_lost", timeout=20)
        time.sleep(0.5)
        m.no_deletion()


def served_over_a_remount(kind):
    """The chunk server keeps no disk busy, and after a remount its fence
    stands around the folder that is there now."""
    with Mounted(kind) as m:
        source, member = Source(m.owner), Device(m.base, "member")

        def fetched():
            t = source.ticket("d0/0", b"0", member)
            return source.chunk(t, 0, member).body == b"0"

        assert fetched()
        before = source.child()
        wait_for(lambda: subprocess.run(
            ["umount", str(m.root)], capture_output=True).returncode == 0,
            "the disk to be free", 10)
        assert not fetched()
        m.mount()
        m.owner.cli("rescan")
        wait_for(fetched, "the file to be served again", 30, 0.2)
        if b"Landlock ABI 0" not in m.owner.daemon.log_text():
            assert source.child() != before
        m.no_deletion()


def control_deletions(full):
    """The check sees deletions when there are some."""
    with Mounted("tmpfs") as m:
        shutil.rmtree(m.root / "d0")
        m.owner.flush()
        return must_fail(m.no_deletion)


def control_guard(way):
    """With a root guard that believes any folder, deletions leave."""
    def control(full):
        if not hooks("vsync-agent"):
            raise Skip("no build with test hooks (make hooks)")
        with Mounted("tmpfs", {"VSYNC_TEST_ANY_ROOT": "1"}) as m:
            way(m)
            m.owner.cli("rescan")
            m.owner.await_state("held")  # the second guard, off as well
            m.owner.settle()
            return must_fail(m.no_deletion)
    return control


def while_it_runs(m):
    sh("mount", "-t", "tmpfs", "none", m.root)


def before_it_starts(m):
    m.owner.stop()
    while_it_runs(m)
    m.owner.start(m.hook)


WAYS = [
    ("unmounted", unmounted, "tmpfs"),
    ("unmounted and back", unmounted, "ext4"),
    ("unmounted at start", unmounted_at_start, "ext4"),
    ("served over a remount", served_over_a_remount, "ext4"),
    ("mounted over", mounted_over, "tmpfs"),
    ("mounted over at start", mounted_over_at_start, "ext4"),
    ("another folder bound over", bound_over, "tmpfs"),
    ("mount moved away", moved_mount, "ext4"),
    ("a copy in its place", copy_in_its_place, "ext4"),
    ("a copy in its place, while it runs", copy_while_it_runs, "ext4"),
    ("everything removed by hand", emptied(True), "tmpfs"),
    ("everything removed while it was down", emptied(False), "ext4"),
    ("the root bound inside itself", bound_inside, "tmpfs"),
    ("another project's disk", other_file_system_at_start, "ext4"),
    ("remounted, the same", remounted_is_the_same, "ext4"),
    ("disk dead, EIO", dead_disk, "ext4"),
    ("remounted read-only", read_only, "ext4"),
    ("another disk with a copy", another_disk(True), "ext4"),
    ("another disk with a copy at start", another_disk(False), "ext4"),
    ("mount over a folder inside", mount_inside, "tmpfs"),
    ("lost in the first scan", lost_in_the_first_scan, "tmpfs"),
]


def way(func, kind):
    return lambda full: func(kind)


CLAIM = ("Q8", "ways to lose the root: no deletion is sent,"
         " and all agree when it is back")
CASES = [("lost root: " + name, way(func, kind))
         for name, func, kind in WAYS] + [
    ("control: deletions are seen", control_deletions),
    ("control: guard off, mounted over", control_guard(while_it_runs)),
    ("control: guard off, mounted over at start",
     control_guard(before_it_starts))]
