"""Blocks that cannot be read, on a real disk: the end of a loop device is
taken away under ext4, so that the kernel refuses what lies there.  The file
is named, nothing hangs or dies, others go on; and once the blocks are back it
is published as it is.  The device mapper would do as well, where the kernel
has it; this needs no more than loop devices."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess

import harness
from harness import is_root, write
from inject import failing_from_start, may_trace, named
from report import Skip, must_fail
from wait import never, wait_for
from world import cloud_of

SIZE = 24 << 20  # of the file with bad blocks: enough to be mapped
GOOD = 8 << 20  # bytes of it that can be read
WINDOW = 16 << 20  # bytes that are mapped at a time
BLOCK = 4096


def sh(*argv):
    return subprocess.run([str(a) for a in argv], check=True, text=True,
                          stdin=subprocess.DEVNULL,
                          capture_output=True).stdout


def fill(path, size=None):
    """Bytes of chance, so many or as many as there is room for."""
    with contextlib.suppress(OSError), open(path, "wb", 0) as f:
        while size is None or f.tell() < size:
            f.write(os.urandom(1 << 16))
        os.fsync(f.fileno())


def extents(path):
    """Its pieces: where in the file, where on the disk, and to where."""
    return [tuple(map(int, g.groups())) for g in re.finditer(
        r"^ *\d+: +(\d+)\.\. *\d+: +(\d+)\.\. *(\d+):",
        sh("filefrag", "-v", path), re.M)]


class Disk:
    """ext4 on a loop device whose last blocks belong to one file, and to
    another behind it that nobody reads."""

    def __init__(self):
        if not is_root():
            raise Skip("needs root for a loop device")
        for tool in ("losetup", "mkfs.ext4", "filefrag"):
            if not shutil.which(tool):
                raise Skip("%s is not there" % tool)
        self.base = harness.scratch("vsb")
        self.image, self.at = self.base / "image", self.base / "disk"
        self.root, self.file = self.at / "film", self.at / "film" / "take.mov"
        self.loop = self.tail = None
        try:
            self.make()
        except subprocess.CalledProcessError as e:
            self.close()
            raise Skip("no loop device: %r" % e.stderr[-200:]) from e

    def make(self):
        self.at.mkdir()
        sh("truncate", "-s", "112M", self.image)
        # what is not read again must not have to be written, either
        sh("mkfs.ext4", "-q", "-F", "-b", str(BLOCK), "-O", "^has_journal",
           self.image)
        self.loop = sh("losetup", "-f", "--show", self.image).strip()
        sh("mount", self.loop, self.at)
        self.root.mkdir()
        fill(self.at / "low", 48 << 20)
        fill(self.file, SIZE)
        fill(self.at / "high")
        os.sync()
        self.cut = max(start + (GOOD // BLOCK - at)
                       for at, start, end in extents(self.file)
                       if at * BLOCK <= GOOD) * BLOCK
        # what is free from here on is before that
        low = max(end for at, start, end in extents(self.at / "low"))
        assert low * BLOCK < self.cut, "%d, %d" % (low, self.cut)
        (self.at / "low").unlink()
        os.sync()

    def rewrite(self):
        """Other bytes in the same blocks, in the page cache, too."""
        with open(self.file, "r+b", 0) as f:
            f.write(os.urandom(SIZE))
            os.fsync(f.fileno())

    def hash(self):
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def forget(self, size=0):
        """The file's pages leave the cache, all or those of its start."""
        fd = os.open(self.file, os.O_RDONLY)
        os.posix_fadvise(fd, 0, size, os.POSIX_FADV_DONTNEED)
        os.close(fd)

    def shrink(self):
        with open(self.image, "rb") as f:
            f.seek(self.cut)
            self.tail = f.read()
        os.truncate(self.image, self.cut)
        sh("losetup", "-c", self.loop)

    def mend(self):
        with open(self.image, "r+b") as f:
            f.seek(self.cut)
            f.write(self.tail)
        sh("losetup", "-c", self.loop)

    def close(self):
        subprocess.run(["umount", "-l", str(self.at)], capture_output=True)
        if self.loop:
            subprocess.run(["losetup", "-d", self.loop], capture_output=True)
        shutil.rmtree(self.base, ignore_errors=True)


@contextlib.contextmanager
def ready():
    """A disk, and an owner of its folder with the file published; then the
    agent is down and the file is another one."""
    with contextlib.closing(Disk()) as disk, cloud_of() as cloud:
        token = cloud.user("ada")
        cloud.start()
        with contextlib.closing(
                harness.Owner(cloud, token, root=disk.root)) as owner:
            for i in range(10):
                write(disk.root / "d" / str(i), b"%d" % i)
            owner.login()
            owner.init()
            owner.start()
            owner.agree()
            owner.stop()
            disk.rewrite()
            yield disk, owner


def refused_and_mended(disk, owner, before, want):
    """What is to be seen while the blocks are gone, and after."""
    wait_for(lambda: named(owner, "take.mov"), "the file to be named", 30)
    write(disk.root / "d" / "new", b"another one")
    (disk.root / "d" / "0").unlink()
    wait_for(lambda: "d/new" in owner.listing() and
             "d/0" not in owner.listing(), "the others to go on", 20)
    assert owner.daemon.alive()
    assert owner.listing()["take.mov"] == before
    never(lambda: owner.listing()["take.mov"] != before,
          "what cannot be read was published", 1)
    status = owner.status()
    assert owner.cli("status", "--check").code == 3
    assert "input/output" in str(status["problems"]).lower() + \
        str(status["refused"]).lower(), status
    disk.mend()
    owner.cli("rescan", check=0)
    wait_for(lambda: want in str(owner.listing()["take.mov"]),
             "the file as it is now", 30)
    owner.agree()
    assert not owner.status()["problems"]


def under_a_read(full):
    with ready() as (disk, owner):
        before, want = owner.listing()["take.mov"], disk.hash()
        disk.shrink()
        disk.forget()
        owner.start()
        refused_and_mended(disk, owner, before, want)
    return "EIO at byte %d of the disk" % disk.cut


def is_mapped(owner, path):
    with open("/proc/%d/maps" % owner.daemon.proc.pid,
              encoding="utf-8") as f:
        return str(path) in f.read()


def under_a_mapping(full):
    """All of a window is in the cache when it is mapped, and gone when it is
    looked at; the rest is there, so that nothing else could fail."""
    if not may_trace():
        raise Skip("strace is not there, or may not trace others; root may")
    with ready() as (disk, owner):
        before, want = owner.listing()["take.mov"], disk.hash()
        disk.shrink()
        log = owner.base / "strace"
        with failing_from_start(
                owner, "-f", "-qq", "-o", str(log), "-e", "trace=mmap", "-e",
                "inject=mmap:delay_exit=1500000", "-P", str(disk.file)):
            wait_for(lambda: is_mapped(owner, disk.file), "it to be mapped",
                     30, 0.01)
            disk.forget(WINDOW)
            wait_for(lambda: b"SIGBUS" in log.read_bytes(), "the bus error",
                     30)
        refused_and_mended(disk, owner, before, want)
    return "SIGBUS, and EIO after it"


def control(full):
    """On a sound disk the same look finds nothing to name."""
    with ready() as (disk, owner):
        want = disk.hash()
        disk.shrink()
        disk.mend()
        disk.forget()
        owner.start()
        owner.agree()
        assert want in str(owner.listing()["take.mov"])
        return must_fail(named, owner, "take.mov")


CLAIM = ("F12", "blocks of a real disk that cannot be read: the file is named"
         " and keeps its version, others go on, and it is published when they"
         " are back")
CASES = [
    ("bad blocks: under a read", under_a_read),
    ("bad blocks: under a mapping", under_a_mapping),
    ("control: bad blocks, on a sound disk", control),
]
