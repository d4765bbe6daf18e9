"""What the benchmarks share: results as ratios, processes looked at from
outside, trees, and a project with an owner and a member.

Settings, from the environment: BENCH_DIR (where trees and states go; it
should be a real file system), N (files of the large tree), LARGE (MiB of each
large file), RUNS (of what is repeated; the median counts).
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402
from http_json import UnixConnection  # noqa: E402

BUILD = harness.BUILD
BASE = Path(os.environ.get("BENCH_DIR") or "/tmp")
FILES = int(os.environ.get("N") or 1000000)
LARGE = int(os.environ.get("LARGE") or 1024)
RUNS = int(os.environ.get("RUNS") or 3)
TICKS = os.sysconf("SC_CLK_TCK")


class Skipped(Exception):
    """A benchmark, or one peer of it, cannot be run here."""


class TooLate(Exception):
    """What was waited for did not come."""


class Report:
    """Rows of figures; printed as they come, and as a table at the end."""

    def __init__(self):
        self.rows = []

    def add(self, bench, what, value, unit, peer=None, peer_value=None,
            goal=None, rate=False):
        """A figure; with a peer its ratio is value over the peer's, so that
        for what is a time below 1 is faster, for a rate above 1."""
        ratio = None
        if peer_value:
            ratio = value / peer_value
        row = {"bench": bench, "what": what, "value": round(value, 4),
               "unit": unit, "peer": peer,
               "peer_value": peer_value and round(peer_value, 4),
               "ratio": ratio and round(ratio, 3), "goal": goal,
               "better": "more" if rate else "less"}
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def skip(self, bench, why, word="skipped"):
        """A figure that there is not, because of why."""
        row = {"bench": bench, word: str(why)}
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def table(self):
        head = ("bench", "what", "value", "peer or limit", "its value",
                "ratio", "goal")
        lines = [head]
        for r in self.rows:
            if "what" not in r:
                word = "skipped" if "skipped" in r else "failed"
                lines.append((r["bench"], "%s: %s" % (word, r[word]))
                             + 5 * ("",))
                continue
            lines.append((
                r["bench"], r["what"], figure(r["value"], r["unit"]),
                r["peer"] or "",
                figure(r["peer_value"], r["unit"]) if r["peer_value"] else "",
                "%.2f" % r["ratio"] if r["ratio"] else "",
                r["goal"] or ""))
        widths = [max(len(x[i]) for x in lines) for i in range(len(head))]
        for line in lines:
            print("  ".join(
                x.ljust(w) for x, w in zip(line, widths)).rstrip())


def figure(value, unit):
    if value >= 10000:
        return "%s %s" % (format(round(value), ","), unit)
    return "%.3g %s" % (value, unit)


def median(run, runs=None):
    """The median of what run() returns, several times."""
    return statistics.median(run() for _ in range(runs or RUNS))


def timed(argv, **more):
    """Seconds that a command takes, its output thrown away."""
    start = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                   **more)
    return time.monotonic() - start


def tool(name):
    """The path of a peer, or Skipped."""
    path = shutil.which(name)
    if path is None:
        raise Skipped(name + " is not installed")
    return path


def own(name):
    """A program of ours for benchmarks."""
    path = BUILD / "bench" / name
    if not path.exists():
        raise Skipped(name + " is not built")
    return str(path)


def make_tree(path, count, size=8, first=0):
    subprocess.run([own("maketree"), str(path), str(count), str(size),
                    str(first)], check=True)


@contextlib.contextmanager
def folder(prefix="bench"):
    """A directory in BENCH_DIR that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=BASE))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# Processes

def family(pid):
    """A process and its children, as far as they are now."""
    pids = [pid]
    for p in pids:
        for task in Path("/proc/%d/task" % p).iterdir():
            text = (task / "children").read_text()
            pids += [int(x) for x in text.split()]
    return pids


def status_field(path, name):
    for line in path.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def peak_mib(pid):
    """Most resident memory there was so far."""
    return status_field(Path("/proc/%d/status" % pid), "VmHWM") / 1024


def wakeups(pids):
    """Times that any of their threads went to sleep of its own will."""
    return sum(status_field(task / "status", "voluntary_ctxt_switches")
               for pid in pids
               for task in Path("/proc/%d/task" % pid).iterdir())


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2]
        total += sum(int(x) for x in fields.split()[11:13])
    return total / TICKS


def busy_seconds(pid):
    """Of each thread, by its id, how long it ran or waited for a processor
    that others had: what is left of a time was spent waiting for a disk, an
    answer, or a timer."""
    found = {}
    for task in Path("/proc/%d/task" % pid).iterdir():
        with contextlib.suppress(OSError):
            ran, waited = (task / "schedstat").read_text().split()[:2]
            found[task.name] = (int(ran) + int(waited)) / 1e9
    return found


# The programs

class Site:
    """A cloud, an owner and, once asked for, a member, below BENCH_DIR."""

    def __init__(self):
        harness.scratch = lambda prefix: Path(
            tempfile.mkdtemp(prefix=prefix, dir=BASE))
        self.cloud = harness.Cloud()
        self.owner = harness.Owner(self.cloud, self.cloud.user("ada"))
        self.bob = None

    def start(self):
        self.cloud.start()
        self.owner.setup()
        return self

    def member(self):
        if self.bob is None:
            self.bob = harness.Member(self.owner, self.cloud.user("bob"))
            self.bob.setup()
            self.follow()
        return self.bob

    def follow(self, timeout=600):
        """Waits until the member has all that the log has; that seq."""
        seq = self.owner.head()
        until(lambda: self.bob.status()["last_seq"] >= seq, timeout)
        return seq

    def pids(self):
        """Who works: name to process id."""
        found = {"cloud": self.cloud.daemon.proc.pid,
                 "agent": self.owner.daemon.proc.pid}
        if self.bob is not None:
            found["member"] = self.bob.daemon.proc.pid
        return found

    def cpu(self):
        return {name: cpu_seconds([pid]) for name, pid in self.pids().items()}

    def close(self):
        for thing in (self.bob, self.owner, self.cloud):
            if thing is not None:
                with contextlib.suppress(AssertionError):
                    thing.close()


@contextlib.contextmanager
def site():
    s = Site()
    try:
        yield s.start()
    finally:
        s.close()


def until(ready, timeout=600, pause=0.01):
    """Seconds until ready() is true."""
    start = time.monotonic()
    while True:
        with contextlib.suppress(OSError, ValueError, AssertionError):
            if ready():
                return time.monotonic() - start
        if time.monotonic() - start > timeout:
            raise TooLate("not within %d s" % timeout)
        time.sleep(pause)


def in_sync(owner, timeout=1800, pause=0.01):
    """Seconds until an owner's agent says so."""
    return until(lambda: owner.status()["in_sync"], timeout, pause)


def hashed(owner):
    """Bytes that an agent has hashed."""
    text = owner.control.get("/metrics", 20).body.decode()
    for line in text.splitlines():
        if line.startswith("vsync_hash_bytes_total{"):
            return int(float(line.split()[-1]))
    raise RuntimeError("no count of hashed bytes: " + text[:200])


class Watch(threading.Thread):
    """An agent's stream of news: how many rows changed, and when which."""

    def __init__(self, who, keep=False):
        super().__init__(daemon=True)
        self.count = 0
        self.keep = keep
        self.at = {}  # path -> monotonic seconds
        self.more = threading.Condition()
        conn = UnixConnection(who.control.path, None)
        conn.request("GET", "/v1/watch?project=" + who.project)
        self.answer = conn.getresponse()
        self.answer.readline()  # says that the rest will follow
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            while line := self.answer.readline():
                if b'"changed"' not in line:
                    continue
                now = time.monotonic()
                with self.more:
                    self.count += 1
                    if self.keep:
                        self.at[json.loads(line)["path"]] = now
                    self.more.notify_all()

    def appeared(self, path, timeout=30):
        with self.more:
            if not self.more.wait_for(lambda: path in self.at, timeout):
                raise TooLate("%s: not within %d s" % (path, timeout))
            return self.at[path]
