"""Pulls between a real owner, cloud and member while the wire below TLS
breaks, programs are killed, the member's disk fills up and files change.

Whatever stands under a final name is at every moment a version that the log
names of it, to the bit; in the end it is the last one, of every file."""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import harness
import wire
from harness import Member, is_root, save_over, write
from report import Skip, Tally, must_fail
from wait import PATIENCE, wait_for
from world import cloud_of, hooks, log_tail, owner_of

CHUNK = 4 << 20
FILES = 24
DISK_MIB = 192
WIRE_FAULTS = 0.6  # share of connections that break
QUIET_S = 0.01  # between two looks at the member's folder


# What must be so at every moment

class Witness:
    """Hashes every file that appears under a final name, as soon as it
    does, and says later whether the log named it so."""

    def __init__(self, root):
        self.root = Path(root)
        self.seen = {}  # (path, hash) -> when first
        self.known = {}  # path -> what was hashed
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.broken = None
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        try:
            while not self.over.wait(QUIET_S):
                self.look()
        except Exception as e:  # must not end unnoticed
            self.broken = e

    def look(self, again=False):
        """again: also those whose times have not changed."""
        with self.lock:
            for path in self._files():
                self._hash(path, again)

    def _files(self):
        for here, dirs, names in os.walk(self.root):
            if ".vsync" in dirs:
                dirs.remove(".vsync")
            for name in names:
                yield os.path.relpath(os.path.join(here, name), self.root)

    def _hash(self, path, again):
        try:
            with open(self.root / path, "rb") as f:
                st = os.fstat(f.fileno())
                mark = (st.st_ino, st.st_size, st.st_mtime_ns,
                        st.st_ctime_ns)
                if not again and self.known.get(path) == mark:
                    return
                digest = hashlib.file_digest(f, "sha256").hexdigest()
        except FileNotFoundError:
            return
        self.known[path] = mark
        self.seen.setdefault((path, digest), time.monotonic())

    def judge(self, events):
        """AssertionError for what the log does not name."""
        named = {(e["change"]["path"], e["change"].get("hash"))
                 for e in events}
        wrong = [(path, digest, sorted(p for p, d in named if d == digest))
                 for path, digest in self.seen
                 if (path, digest) not in named]
        assert not wrong, "%d wrong files under a final name (and whose" \
            " content that is): %s" % (
            len(wrong), wrong[:5])
        assert self.broken is None, "the witness ended: %r" % self.broken

    def close(self):
        self.over.set()
        self.thread.join()


# The world

@contextlib.contextmanager
def small_disk():
    """A folder on a file system of its own that can be filled; without
    root a plain one."""
    base = harness.scratch("vsd")
    root = base / "film"
    root.mkdir()
    mounted = is_root() and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=%dm" % DISK_MIB, "none",
         str(root)], capture_output=True).returncode == 0
    try:
        yield root, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(root)], capture_output=True)
        shutil.rmtree(base, ignore_errors=True)


def route(owner, listen, advertise):
    """Where the owner's chunk server listens, and where members think."""
    conf = Path(owner.env["XDG_CONFIG_HOME"]) / "vsync" / "config"
    text = conf.read_text()
    assert "[agent]" not in text
    conf.write_text(text + "\n[agent]\nlisten = 127.0.0.1:%d\n"
                    "advertise = https://127.0.0.1:%d\n" % (listen,
                                                            advertise))


class Field:
    """Cloud, owner, wire, member and the witness of the member's folder."""

    def __init__(self, cloud, owner, member, way, full_disk):
        self.cloud, self.owner, self.member = cloud, owner, member
        self.way, self.full_disk = way, full_disk
        self.witness = Witness(member.root)


@contextlib.contextmanager
def field(owner_hook=None, member_hook=None):
    """The hooks: environments for programs of the hooks build."""
    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(cloud_of())
        owner = stack.enter_context(owner_of(cloud))
        cloud.start()
        root, full_disk = stack.enter_context(small_disk())
        member = Member(owner, cloud.user("bob"), root=root)
        stack.callback(member.close)
        port = wire.free_port()
        way = wire.Wire(port)
        stack.callback(way.close)
        for who, hook in ((owner, owner_hook), (member, member_hook)):
            if hook:
                who.program = hooks("vsync-agent")
                who.env.update(hook)
        owner.login()
        owner.init()
        route(owner, port, way.port)
        owner.start()
        member.setup()
        f = Field(cloud, owner, member, way, full_disk)
        stack.callback(f.witness.close)
        try:
            yield f
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (
                e, log_tail(owner, member, cloud))) from e


# What goes wrong

def chunk_server(owner):
    """The process id of the owner's chunk server, or None."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            argv = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat[1]) == owner.daemon.proc.pid and b"--serve" in argv:
            return int(entry.name)
    return None


class Chaos(threading.Thread):
    """One misfortune after the other, until told to stop; then all runs."""

    def __init__(self, field, seed):
        super().__init__(daemon=True)
        self.field, self.dice = field, random.Random(seed)
        self.counts = {}
        self.over = threading.Event()
        self.failure = None

    def run(self):
        try:
            self._run()
        except Exception as e:  # told by stop
            self.failure = e

    def _run(self):
        ways = self.ways()
        while not self.over.wait(self.dice.uniform(0.1, 0.8)):
            way = self.dice.choice(ways)
            way()
            self.counts[way.__name__] = self.counts.get(way.__name__, 0) + 1

    def ways(self):
        ways = [self.all_cut, self.chunk_server, self.chunk_server,
                self.member_agent, self.owner_agent, self.cloud]
        if self.field.full_disk:
            ways += [self.full_disk] * 2
        return ways

    def never(self):
        """The misfortunes that did not come."""
        return {w.__name__ for w in self.ways()} - set(self.counts)

    def stop(self):
        self.over.set()
        self.join()
        if self.failure:
            raise self.failure

    def pause(self):
        time.sleep(self.dice.uniform(0, 0.6))

    def all_cut(self):
        self.field.way.cut_all()

    def chunk_server(self):
        pid = chunk_server(self.field.owner)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def member_agent(self):
        self.field.member.kill()
        self.pause()
        self.field.member.start()

    def owner_agent(self):
        self.field.owner.kill()
        self.pause()
        self.field.owner.start()

    def cloud(self):
        self.field.cloud.kill()
        self.pause()
        self.field.cloud.start()

    def full_disk(self):
        ballast = self.field.member.root / ".vsync" / "ballast"
        try:
            with open(ballast, "wb") as f:
                while True:
                    f.write(bytes(1 << 20))
        except OSError:
            self.pause()
        finally:
            with contextlib.suppress(OSError):
                ballast.unlink()


# Pulling

class Author:
    """Writes the owner's files, again and again, in every size."""

    SIZES = (0, 1, 100, 5000, 65536, CHUNK - 1, CHUNK, CHUNK + 1)

    def __init__(self, root, seed):
        self.root, self.dice = root, random.Random(seed)

    def size(self):
        if self.dice.random() < 0.5:
            return self.dice.choice(self.SIZES)
        return int(10 ** self.dice.uniform(1, 7.3))

    def write(self, path):
        data = self.dice.randbytes(self.size())
        if self.dice.random() < 0.5:
            save_over(self.root / path, data)
        else:
            write(self.root / path, data)

    def some(self):
        for _ in range(self.dice.randint(2, 6)):
            n = self.dice.randrange(FILES)
            self.write("d%d/f%d" % (n % 3, n))


class Pulls:
    """The member's pulls, counted by how they ended."""

    def __init__(self, member):
        self.member = member
        self.ends = {}

    def ask(self):
        """Everything that is not here; the agent may be dead."""
        with contextlib.suppress(OSError, ValueError):
            self.member.ask_pull("")

    def count(self):
        with contextlib.suppress(OSError, ValueError, AssertionError):
            a = self.member.control.get("/v1/transfers", 20, limit=5000,
                                        project=self.member.project)
            if a.status == 200:
                self.ends.update((t["id"], t["state"])
                                 for t in a.json["transfers"])

    def ended(self, state="completed"):
        return sum(s == state for s in self.ends.values())


def settle(f, pulls, timeout):
    """All that the log names is here, and is what it names."""
    f.owner.flush(timeout)
    f.member.flush(timeout)
    wanted = {p: v for p, v in f.owner.disk().items() if v[0] == "file"}
    last = []

    def whole():
        pulls.ask()
        pulls.count()
        here = f.member.disk()
        last[:] = [p for p, v in wanted.items() if here.get(p) != v]
        return not last
    wait_for(whole, "every file to be here", timeout, pause=0.3)
    f.owner.agree()


def storm(f, wanted, seconds):
    """wanted pulls that end well, amid faults."""
    dice = random.Random(5)
    author, pulls = Author(f.owner.root, 6), Pulls(f.member)
    f.way.plan = lambda: dice.choice(wire.ALL) \
        if dice.random() < WIRE_FAULTS else ""
    chaos = Chaos(f, 7)
    chaos.start()
    end = time.monotonic() + seconds * PATIENCE
    try:
        while pulls.ended() < wanted and chaos.is_alive():
            assert time.monotonic() < end, "%d pulls only: %s" % (
                pulls.ended(), sorted(pulls.ends.values())[-50:])
            author.some()
            pulls.ask()
            time.sleep(0.25)
            pulls.count()
    finally:
        chaos.stop()
    f.way.plan = lambda: ""
    settle(f, pulls, 60)
    f.witness.look(again=True)
    f.witness.judge(f.owner.events())
    assert len(f.witness.seen) > wanted / 2, "the witness saw too little"
    lucky = set(wire.ALL) - set(f.way.counts) or chaos.never()
    assert not lucky, "never happened: %s" % sorted(lucky)
    return Tally(
        "%d pulls done, %d failed and repeated, %d versions seen; %s" % (
            pulls.ended(), pulls.ended("failed"), len(f.witness.seen),
            ", ".join("%s %d" % (k or "good", v) for k, v in sorted(
                list(chaos.counts.items()) + list(f.way.counts.items())))),
        pulls.ended())


def pulls_amid_faults(full):
    with field() as f:
        return storm(f, 3000 if full else 300, 1500 if full else 150)


# Controls

LIE, TRUST = {"VSYNC_TEST_FLIP": "1"}, {"VSYNC_TEST_UNVERIFIED": "1"}


def lying_source(member_hook):
    """Pulls from an owner whose every chunk has a wrong bit and the right
    hash for it: the exit code."""
    if not hooks("vsync-agent"):
        raise Skip("no build with hooks")
    with field(owner_hook=LIE, member_hook=member_hook) as f:
        write(f.owner.root / "small", b"what the owner has")
        write(f.owner.root / "large", os.urandom(CHUNK + 12345))
        f.owner.flush()
        f.member.flush()
        code = f.member.pull("small", "large", check=None).code
        f.witness.look(again=True)
        f.witness.judge(f.owner.events())
        return code, len(f.witness.seen)


def lie_is_found(full):
    code, seen = lying_source(None)
    assert code == 10, "vsync pull ended with %d" % code
    assert seen == 0, "%d files appeared" % seen


def lie_is_trusted(full):
    said = must_fail(lying_source, TRUST)
    assert "wrong files" in said, said
    return said


CLAIM = ("Q11", "pulls amid bit flips, cuts, kills, full disks:"
         " no wrong file under a final name")
CASES = [
    ("pulls amid faults", pulls_amid_faults),
    ("a source that lies", lie_is_found),
    ("control: the same with verification off", lie_is_trusted),
]
