"""From the owner's disk to the member's list: one save, a burst of new
files, a folder with another name."""

import os
import statistics
import time

import kit

BURST = 10000
FOLDER = 100000
SAVES = 100


def cpu_row(report, bench, before, after, changes):
    """Where the time goes, a change."""
    for name, seconds in after.items():
        report.add(bench, "processor time of the " + name,
                   (seconds - before.get(name, 0)) / changes * 1e6,
                   "us a change")


def saves(report, s, files):
    """One save at a time, each seen at the member before the next."""
    watch = kit.Watch(s.member(), keep=True)
    took = []
    for i in range(SAVES):
        name = "saved-%03d.txt" % i
        temp = s.owner.root / ".vsync" / "bench.tmp"
        temp.write_bytes(b"take %d\n" % i * 100)
        start = time.monotonic()
        os.rename(temp, s.owner.root / name)
        took.append(watch.appeared(name) - start)
        time.sleep(0.02)
    took.sort()
    where = "among %s files" % format(files, ",")
    report.add("save", "half of the saves, " + where,
               statistics.median(took) * 1000, "ms", "the goal", 100, "<= 1")
    report.add("save", "99 of 100, " + where,
               took[-2] * 1000, "ms", "the goal", 300, "<= 1")


def settled(s):
    s.owner.flush(600)
    s.follow()
    kit.in_sync(s.owner)


def until_seen(watch, changes, timeout=300):
    """Waits until the member has told so many changes."""
    with watch.more:
        if not watch.more.wait_for(lambda: watch.count >= changes, timeout):
            raise kit.TooLate("%d of %d changes within %d s" % (
                watch.count, changes, timeout))


def making(number):
    """Seconds to make a burst's files where nobody looks."""
    with kit.folder() as at:
        start = time.monotonic()
        kit.make_tree(at / "burst", BURST, 64, number * BURST)
        return time.monotonic() - start


def idle_share(took, before, after):
    """Of a time the part in which the busiest thread had nothing to do:
    needless waits on the way show there, others' load does not."""
    most = max(after[t] - before.get(t, 0) for t in after)
    return max(0, took - most) / took


def burst_once(s, number):
    watch = kit.Watch(s.member())
    before = s.cpu()
    agent = s.pids()["agent"]
    threads = kit.busy_seconds(agent)
    start = time.monotonic()
    kit.make_tree(s.owner.root / ("burst-%d" % number), BURST, 64,
                  number * BURST)
    made = time.monotonic() - start
    until_seen(watch, BURST + BURST // 100 + 1)
    took = time.monotonic() - start
    idle = idle_share(took, threads, kit.busy_seconds(agent))
    return took, made, before, s.cpu(), idle


def burst(report, s):
    found = []
    alone = kit.median(lambda: making(0))
    for i in range(kit.RUNS):
        found.append(burst_once(s, i))
        settled(s)
    found.sort(key=lambda x: x[0])
    took, made, before, after, idle = found[len(found) // 2]
    report.add("burst", "%s new files, at the member" % format(BURST, ","),
               took, "s", "the goal", 3, "<= 1")
    report.add("burst", "after the last was made", took - made, "s")
    report.add("burst", "share in which the owner's engine had nothing to do",
               idle, "", "the goal", 0.5, "<= 1")
    report.add("burst", "making them", made, "s", "where nobody looks", alone)
    cpu_row(report, "burst", before, after, BURST)


def rename(report, s):
    root = s.owner.root
    kit.make_tree(root / "old", FOLDER, 64, 50 * BURST)
    settled(s)
    changes = 2 * (FOLDER + FOLDER // 100 + 1)
    found = []
    for i in range(kit.RUNS):
        watch = kit.Watch(s.member())
        before, bytes_before = s.cpu(), kit.hashed(s.owner)
        names = ("old", "new") if i % 2 == 0 else ("new", "old")
        start = time.monotonic()
        os.rename(root / names[0], root / names[1])
        until_seen(watch, changes)
        found.append((time.monotonic() - start, before, s.cpu(),
                      kit.hashed(s.owner) - bytes_before))
        settled(s)
    found.sort(key=lambda x: x[0])
    took, before, after, read = found[len(found) // 2]
    report.add("rename", "folder of %s, at the member" % format(FOLDER, ","),
               took, "s", "the goal", 5, "<= 1")
    report.add("rename", "bytes hashed", read, "B", None, None, "0")
    cpu_row(report, "rename", before, after, changes)


def run(report, names):
    if names & {"save", "burst", "rename"}:
        with kit.site() as s:
            kit.make_tree(s.owner.root, 10000, 64)
            settled_first(s)
            if "save" in names:
                saves(report, s, 10000)
            if "burst" in names:
                burst(report, s)
            if "rename" in names:
                rename(report, s)
    if "save" in names and kit.FILES > 10000:
        with kit.site() as s:
            s.owner.stop()
            kit.make_tree(s.owner.root, kit.FILES)
            s.owner.start()
            settled_first(s)
            saves(report, s, kit.FILES)


def settled_first(s):
    kit.in_sync(s.owner, 7200, 0.1)
    s.member()
    settled(s)
