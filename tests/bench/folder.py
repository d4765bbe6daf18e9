"""What a folder costs its owner: the first publication, a restart, rest,
and hashing."""

import os
import re
import statistics
import subprocess
import time

import kit


def first(report, s):
    """Publishes a tree of tiny files for the first time."""
    start = time.monotonic()
    s.owner.start()
    entries = kit.FILES + (kit.FILES + 99) // 100
    listed = kit.until(
        lambda: (lambda st: st["files"] >= kit.FILES and
                 not st["scanning"])(s.owner.status()),
        7200, 0.1)
    synced = listed + kit.in_sync(s.owner, 7200, 0.1)
    took = time.monotonic() - start
    assert took >= synced
    report.add("first", "entries into the manifest", entries / listed,
               "/s", "the goal", 100000, ">= 1", rate=True)
    report.add("first", "the whole, until in sync", entries / synced,
               "/s", rate=True)
    report.add("first", "peak memory of the agent",
               kit.peak_mib(s.owner.daemon.proc.pid), "MiB", "the goal", 64,
               "<= 1")


def start_agent(s, synced):
    """Seconds from the start of the agent to the end of its scan, or until
    it has the proof that nothing is missing."""
    s.owner.stop()
    start = time.monotonic()
    s.owner.daemon.spawn([s.owner.program, "--foreground"], s.owner.env)

    def ready():
        st = s.owner.status()
        return st["last_scan_at"] and not st["scanning"] and (
            st["in_sync"] or not synced)

    kit.until(ready, 600, 0.01)
    return time.monotonic() - start


def find_once(root):
    """(seconds, processor seconds) of find with the fields that we look at."""
    before = os.times()
    took = kit.timed(["find", str(root), "-printf",
                      "%p %y %s %T@ %C@ %i %m\n"])
    after = os.times()
    return took, (after.children_user + after.children_system
                  - before.children_user - before.children_system)


def peers(root):
    """(name, seconds) of others that look at the same unchanged tree."""
    if kit.shutil.which("git"):
        with kit.folder() as at:
            env = dict(os.environ, GIT_DIR=str(at / "git"),
                       GIT_WORK_TREE=str(root), HOME=str(at),
                       GIT_CONFIG_NOSYSTEM="1")
            kit.timed(["git", "init"], env=env)
            kit.timed(["git", "-c", "core.bigFileThreshold=1", "add", "-A"],
                      env=env)
            kit.timed(["git", "status"], env=env)
            yield "git status", kit.median(
                lambda: kit.timed(["git", "status"], env=env))
    if kit.shutil.which("rsync"):
        with kit.folder() as at:
            kit.timed(["rsync", "-a", "%s/" % root, str(at / "copy")])
            yield "rsync -an", kit.median(lambda: kit.timed(
                ["rsync", "-an", "%s/" % root, str(at / "copy")]))


def scan_and_find(s):
    """One after the other, so that others' load falls on both: seconds and
    processor seconds of the restart, then of find."""
    scan = start_agent(s, False)
    cpu = kit.cpu_seconds([s.owner.daemon.proc.pid])
    return (scan, cpu) + find_once(s.owner.root)


def restart(report, s):
    first = scan_and_find(s)
    rounds = [scan_and_find(s) for _ in range(max(3, kit.RUNS))]
    scan, cpu, find, find_cpu = map(statistics.median, zip(*rounds))
    synced = kit.median(lambda: start_agent(s, True))
    pid = s.owner.daemon.proc.pid
    report.add("restart", "bytes hashed", kit.hashed(s.owner), "B", None,
               None, "0")
    report.add("restart", "peak memory", kit.peak_mib(pid), "MiB",
               "the goal", 64, "<= 1")
    report.add("restart", "scan ended", scan, "s", "find -printf", find,
               "<= 0.75")
    report.add("restart", "processor time until then", cpu, "s",
               "find -printf", find_cpu)
    report.add("restart", "scan ended, the first one", first[0], "s",
               "find -printf", first[2])
    report.add("restart", "in sync", synced, "s", "find -printf", find)
    for name, took in peers(s.owner.root):
        report.add("restart", "scan ended", scan, "s", name, took)
        report.add("restart", "in sync", synced, "s", name, took)


def rest(report, s, seconds=60):
    """An agent that has nothing to do."""
    kit.in_sync(s.owner)
    time.sleep(10)
    pids = kit.family(s.owner.daemon.proc.pid)
    woken, busy = kit.wakeups(pids), kit.cpu_seconds(pids)
    time.sleep(seconds)
    report.add("rest", "wake-ups a minute",
               (kit.wakeups(pids) - woken) * 60 / seconds, "", "the goal",
               10, "<= 1")
    report.add("rest", "processor time a minute",
               (kit.cpu_seconds(pids) - busy) * 60 / seconds, "s",
               "a tick of the clock", 1 / kit.TICKS, "<= 1")


def openssl_rate(processes):
    """Bytes of SHA-256 by openssl on so many cores in a second."""
    argv = [kit.tool("openssl"), "speed", "-elapsed", "-mr", "-evp", "sha256",
            "-bytes", "65536", "-seconds", "3", "-multi", str(processes)]
    out = subprocess.run(argv, check=True, capture_output=True,
                         text=True).stdout
    return float(re.findall(r"\+F:\d+:sha256:([0-9.]+)", out)[-1])


def hash_once(tree, total, expected):
    """Hashes a folder that is moved into a running agent's: (bytes a second,
    the agent's processor seconds, processors that its threads had use for).
    The last counts those that others had meanwhile.  Not asked while all of
    them are expected to be busy: answers cost, too."""
    with kit.site() as s:
        pid = s.owner.daemon.proc.pid
        moved = s.owner.root / tree.name
        before, cpu = kit.busy_seconds(pid), kit.cpu_seconds([pid])
        os.rename(tree, moved)
        try:
            kit.until(lambda: s.owner.status()["hashing"] > 0, 60, 0.005)
            start = time.monotonic()
            time.sleep(0.8 * expected)
            kit.until(lambda: kit.hashed(s.owner) >= total, 600,
                      expected / 100)
            took = time.monotonic() - start
            busy = kit.busy_seconds(pid)
            cpu = kit.cpu_seconds([pid]) - cpu
        finally:
            os.rename(moved, tree)
        used = sum(busy[t] - before.get(t, 0) for t in busy)
        return total / took, cpu, used / took


def digests(report, cores):
    """Content against SHA-256 alone, in one process, by turns; MB of the
    latter in a second of processor time."""
    with kit.folder() as at:
        kit.make_tree(at, cores, kit.LARGE << 20)
        argv = [kit.own("digest"), str(4 * kit.RUNS + 1)]
        argv += [str(p) for p in sorted(at.rglob("*.txt"))]
        out = subprocess.run(argv, check=True, capture_output=True,
                             text=True).stdout
    for line in out.splitlines():
        n, alone, by_wall, content, wall = (float(x) for x in line.split())
        where = "%d thread%s" % (n, "" if n == 1 else "s")
        report.add("hash", "content, cached, %s, a second of processor "
                   "time" % where, content, "MB", "SHA-256 alone", alone,
                   ">= 0.95", rate=True)
        report.add("hash", "the same by the clock", wall, "MB/s",
                   "SHA-256 alone", by_wall, rate=True)
    return alone


def hash_folder(report, cores, alone):
    """A running agent to which a folder of large files comes."""
    files = 2 * cores
    total = files * (kit.LARGE << 20)
    rounds = []
    with kit.folder() as at:
        tree = at / "large"
        kit.make_tree(tree, files, kit.LARGE << 20)
        for path in tree.rglob("*.txt"):
            with open(path, "rb") as f:
                os.fsync(f.fileno())
        for _ in range(kit.RUNS):
            kit.timed(["cat"] + [str(p) for p in tree.rglob("*.txt")])
            limit = openssl_rate(cores)
            rounds.append((limit,) + hash_once(tree, total, total / limit))
    rounds.sort(key=lambda r: r[1] / r[0])
    limit, rate, cpu, used = rounds[len(rounds) // 2]
    report.add("hash", "first hash of %d large files, cached" % files,
               rate / 1e6, "MB/s", "openssl speed on %d cores" % cores,
               limit / 1e6, ">= 0.95", rate=True)
    report.add("hash", "processors it had use for", used, "", "cores", cores,
               rate=True)
    report.add("hash", "a second of the agent's processor time",
               total / cpu / 1e6, "MB", "SHA-256 alone", alone, rate=True)


def hashing(report):
    cores = len(os.sched_getaffinity(0))
    hash_folder(report, cores, digests(report, cores))


def run(report, names):
    if "hash" in names:
        hashing(report)
    if not names & {"first", "restart", "rest"}:
        return
    with kit.site() as s:
        s.owner.stop()
        kit.make_tree(s.owner.root, kit.FILES)
        first(report, s)
        if "restart" in names:
            restart(report, s)
        if "rest" in names:
            rest(report, s)
