#!/usr/bin/python3
"""demo.py [DIR] - vsync at work, from an empty machine to a crash survived.

Runs on loopback in a temporary directory, with real files, the real
programs and no input; with DIR on a copy of that folder.  Whatever it
claims it compares: disk, manifest, listing, log, and the member's mirror and
files.  Exit 0 after "demo: ok", 1 with the reason.
"""

import math
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

import compare
import material
from corridor import Corridor
from stage import Failed, Stage, cut, heading, human, say, until

SAVES = 100
LARGE = 10  # every so many is of 1 to 16 MiB
LIMIT_MS = 300  # p99 of a save until it is in the log, and at the member
MEDIAN_MS = 100  # p50 of a save until it is at the member


class Demo(Corridor):
    def __init__(self, stage, source):
        self.stage = stage
        self.source = source
        self.table = []
        self.line = None
        self.watch = None

    def measured(self, what, value):
        self.table.append((what, value))

    def compared(self, label):
        """All views agree, or this raises."""
        truth, events = compare.all_views(self.stage)
        entries, size = len(truth), sum(one[1] for one in truth.values())
        mirror = " = member's mirror" if self.stage.member else ""
        say(f"-- compared {label}: disk = manifest = listing = log replay"
            f"{mirror} ({entries:,} entries, {human(size)}, {events:,} "
            "events)")
        return entries, size, events

    def path(self, *names):
        return os.path.join(self.stage.root, *names)

    # The scenes, in order.

    def folder(self):
        heading("The folder")
        start = time.monotonic()
        root = self.stage.root
        os.mkdir(root)
        if self.source:
            say(f"a copy of {self.source}")
            material.copy(self.source, root)
        else:
            say("a film project: notes, takes, sound, 10,000 frames, and "
                "video made by ffmpeg")
            material.make(root)
        self.stage.run("du -sh . && find . -type f | wc -l")
        self.measured("folder made ready", f"{time.monotonic() - start:.1f} s")

    def hosting(self):
        heading("Whoever hosts: two users and the server")
        s = self.stage
        s.token = s.user("ada")
        s.user("bob")
        s.start_cloud()
        self.prepare_line()

    def owner(self):
        heading("The owner: log in, name the folder, watch")
        s = self.stage
        s.run(f"vsync login {s.url} < ../ada.token")
        s.run("vsync init . --name film")
        start = time.monotonic()
        say("$ vsync watch &")
        s.agent = s.background("vsync watch", "agent.log")
        until("the agent answers", 20, s.agent_ready)
        s.project = s.status()["id"]
        self.progress()
        s.in_sync(90)
        took = time.monotonic() - start
        entries, size, _ = self.compared("after the first publishing")
        say("   meanwhile, `vsync watch` said:")
        for line in cut(s.tail("agent.log", 100000)):
            say("   | " + line)
        self.measured("published first",
                      f"{entries:,} entries, {human(size)}, {took:.1f} s")
        self.measured("  of that a second",
                      f"{entries / took:,.0f} entries, {human(size / took)}")

    def progress(self):
        """What a user sees meanwhile."""
        last = None
        while True:
            st = self.stage.status()
            line = (f"   {st['files']:6,} files known, "
                    f"{st['settling'] + st['hashing']:6,} being looked at, "
                    f"{st['outbox']:6,} to be sent, seq {st['last_seq']:,}")
            if line != last:
                say(line)
            last = line
            if st["in_sync"] or st["state"] not in (
                    "scanning", "publishing", "degraded"):
                return
            time.sleep(0.7)

    def look(self):
        heading("What is there")
        s = self.stage
        s.run("vsync status")
        s.run("vsync ls")
        if not self.source:
            s.run("vsync ls frames")

    def save(self):
        heading("A file is saved")
        os.makedirs(self.path("notes"), exist_ok=True)
        seq = self.stage.head()
        say("$ echo 'Two: go on.' >> notes/plan.txt")
        with open(self.path("notes", "plan.txt"), "a", encoding="utf-8") as f:
            f.write("Two: go on.\n")
        start = time.monotonic()
        found = self.stage.logged(seq, lambda found: any(
            e["change"]["path"] == "notes/plan.txt" for e in found))
        took = (time.monotonic() - start) * 1000
        there = self.watch.appeared(
            found[-1]["seq"], "notes/plan.txt") - start
        say(f"   in the log after {took:.0f} ms, listed at the member after "
            f"{there * 1000:.0f} ms")
        self.measured("a saved file is in the log", f"{took:.0f} ms")
        self.stage.run(f"vsync log --since {seq}")

    def rename_and_delete(self):
        heading("A rename, and a deletion")
        if not os.path.exists(self.path("scenes", "scene-01.nut")):
            material.write(self.path("scenes", "scene-01.nut"), b"one\n" * 999)
            material.write(self.path("scenes", "scene-02.nut"), b"two\n" * 999)
            self.stage.in_sync()
        seq = self.stage.head()
        self.stage.run("mv scenes/scene-01.nut scenes/opening.nut")
        start = time.monotonic()
        found = self.stage.logged(seq, lambda found: len(found) >= 2)
        took = (time.monotonic() - start) * 1000
        first, second = (e["change"] for e in found[:2])
        # The new name comes first, so that who follows can move the file.
        if ((first["op"], first["path"]) != ("create", "scenes/opening.nut")
                or (second["op"], second["path"])
                != ("delete", "scenes/scene-01.nut")
                or first.get("renamed_from") != second["path"]):
            raise Failed(f"not a rename: {first} then {second}")
        self.measured("a rename is in the log", f"{took:.0f} ms")
        self.stage.run("rm scenes/scene-02.nut")
        start = time.monotonic()
        self.stage.logged(seq + 2, lambda found: any(
            e["change"]["op"] == "delete"
            and e["change"]["path"] == "scenes/scene-02.nut" for e in found))
        took = (time.monotonic() - start) * 1000
        self.measured("a deletion is in the log", f"{took:.0f} ms")
        self.stage.run(f"vsync log --since {seq}")

    def recording(self):
        heading("A recording: not published before it is whole")
        seconds = 6
        name = "scenes/live.mkv"
        seq = self.stage.head()
        say(f"$ ffmpeg ... {name} &        # a camera, for {seconds} s")
        camera = material.record(self.path(name), seconds)
        try:
            until("the recording is noticed", seconds,
                  lambda: self.stage.status()["recording"])
            time.sleep(1)
            self.stage.run("vsync status", code=None)
            self.stage.run(f"vsync why {name}", code=None)
            early = [e for e in self.stage.events(seq)
                     if e["change"]["path"] == name
                     and e["change"].get("state") != "recording"]
            if early and camera.poll() is None:
                raise Failed(f"{name} was published while it was written")
            camera.wait()
        finally:
            camera.kill()
            camera.wait()
        ended = time.monotonic()
        digest = compare.digest_of(self.path(name))
        self.stage.logged(seq, lambda found: any(
            e["change"].get("hash") == digest for e in found))
        took = time.monotonic() - ended
        size = human(os.path.getsize(self.path(name)))
        say(f"   {size}, whole in the log {took:.2f} s after the last frame")
        self.measured("a recording is in the log",
                      f"{took:.2f} s after its end")

    def saves(self):
        heading(f"{SAVES} saves in a folder of {material.FRAMES:,} files")
        stage = self.stage
        material.frames(stage.root)
        stage.in_sync()
        rand = random.Random(2)
        first = seq = stage.head()
        logged, listed = [], []
        for n in range(SAVES):
            # Not in step with any timer of the agent.
            time.sleep(rand.uniform(0, 0.06))
            name = f"frames/frame-{rand.randrange(material.FRAMES):05}.dat"
            large = n % LARGE == LARGE - 1
            size = rand.randrange(1 << 20, 16 << 20) if large else 1500
            start = self.save_one(name, b"take %d\n" % n + rand.randbytes(
                size), n % 2)
            found = stage.logged(seq, lambda found, name=name: any(
                e["change"]["path"] == name for e in found))
            logged.append((time.monotonic() - start) * 1000)
            if [e["seq"] for e in found] != [seq + 1]:
                raise Failed(f"save {n + 1} made events "
                             f"{[(e['seq'], e['change']) for e in found]}")
            seq += 1
            listed.append((self.watch.appeared(seq, name) - start) * 1000)
        say(f"   seqs {first + 1} to {seq}, none missing, in the log and at "
            "the member")
        self.judge("in the log", logged, LIMIT_MS)
        self.judge("listed at the member", listed, MEDIAN_MS)

    def save_one(self, name, data, over):
        """Saves a file; the moment at which it was there."""
        # Every other as many editors do it.
        path = self.path("frames", ".save.tmp") if over else self.path(name)
        with open(path, "wb") as f:
            f.write(data)
            f.flush()
            start = time.monotonic()
        if over:
            start = time.monotonic()
            os.rename(path, self.path(name))
        return start

    def judge(self, where, times, median):
        times.sort()
        p50 = times[math.ceil(0.50 * SAVES) - 1]
        p99 = times[math.ceil(0.99 * SAVES) - 1]
        say(f"   each {where} after p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
            f"at most {times[-1]:.0f} ms")
        self.measured(f"{SAVES} saves, {where}",
                      f"p50 {p50:.0f} ms, p99 {p99:.0f} ms")
        for name, value, limit in (("p50", p50, median),
                                   ("p99", p99, LIMIT_MS)):
            if value > limit:
                raise Failed(f"{where}: {name} of {value:.0f} ms is over "
                             f"{limit} ms")

    def outage(self):
        heading("The cloud is away for a while")
        s = self.stage
        seq = s.head()
        say(f"$ kill {s.cloud.pid}        # the cloud")
        s.stop(s.cloud)
        for n in range(300):
            material.write(self.path("away", f"note-{n:03}.txt"),
                           b"written while the cloud was away %d\n" % n)
        s.run("mv away/note-000.txt away/first.txt && rm away/note-001.txt")
        until("the agent notices", 30,
              lambda: s.status()["state"] == "offline")
        s.run("vsync status", code=None)
        until("the member notices", 30,
              lambda: s.member.status()["state"] == "offline")
        s.member.run("vsync ls -l notes        # there is still a list")
        s.start_cloud()
        start = time.monotonic()
        s.in_sync()
        took = time.monotonic() - start
        missed = s.head() - seq
        self.measured("caught up after the cloud's return",
                      f"{missed} events in {took:.1f} s")
        s.member.follows()
        took = time.monotonic() - start
        self.measured("  and the member", f"{took:.1f} s after it")
        self.compared("after the outage")

    def crash(self):
        heading("kill -9, of the agent and of the cloud, in the middle of work")
        s = self.stage
        say("-- a program writes 3,000 small files and removes some of them")
        writer = threading.Thread(target=self.write_on, daemon=True)
        writer.start()
        self.work_goes_on()
        s.kill_agent()
        time.sleep(0.3)
        s.start_agent()
        self.work_goes_on()
        say(f"$ kill -9 {s.cloud.pid}        # the cloud")
        s.stop(s.cloud, signal.SIGKILL)
        time.sleep(0.3)
        s.start_cloud()
        self.work_goes_on()
        writer.join()
        self.measured("after both kills in sync again",
                      f"{s.in_sync():.1f} s after the last write")
        self.compared("after the crashes")

    def write_on(self):
        for n in range(3000):
            material.write(self.path("crash", f"file-{n:04}.txt"), b"%d" % n)
            if n % 10 == 9:
                os.remove(self.path("crash", f"file-{n - 5:04}.txt"))
            time.sleep(0.001)

    def work_goes_on(self):
        """Returns when the log has grown by a few, and not to its end."""
        seq = self.stage.head()
        self.stage.logged(seq, lambda found: len(found) > 100)

    def second_look(self):
        heading("Nothing changed, nothing sent")
        s = self.stage
        before = s.head()
        start = time.monotonic()
        s.run("vsync rescan")
        took = time.monotonic() - start
        s.in_sync()
        if s.head() != before:
            raise Failed(f"a rescan made {s.head() - before} events")
        entries, _, events = self.compared("at the end")
        self.measured("a full rescan",
                      f"{entries:,} entries in {took:.2f} s, 0 events")
        self.measured("events in the log", f"{events:,}, seqs 1 to {events:,}")
        until("status says so, too", 20, lambda: s.status()["in_sync"])
        # A path of the user's folder that has no place in the cloud (a name
        # that is no text, a socket) is told, and leaves a 3.
        s.run("vsync status --check", code=3 if s.status()["refused"] else 0)
        until("so does the member's", 20,
              lambda: s.member.status()["in_sync"])
        s.member.run("vsync status --check")
        self.clean()

    def control(self):
        heading("Would the comparison notice?")
        s = self.stage
        s.run("vsync pause")
        s.run("echo changed >> notes/plan.txt")
        try:
            compare.all_views(s)
        except Failed as e:
            say(f"-- it does: {e}")
        else:
            raise Failed("the comparison does not see a changed file")
        s.run("vsync resume")
        s.in_sync()
        self.compared("again")
        self.flipped()

    def play(self):
        start = time.monotonic()
        for scene in (
            self.folder, self.hosting, self.owner, self.look, self.member,
            self.save, self.rename_and_delete, self.recording, self.saves,
            self.pulls, self.here_killed, self.there_killed, self.edited,
            self.outage, self.crash, self.control, self.second_look,
        ):
            scene()
        self.measured("all of it", f"{time.monotonic() - start:.0f} s")

    def summary(self):
        heading("Measured")
        width = max(len(what) for what, _ in self.table) + 2
        for what, value in self.table:
            say(f"{what:<{width}}{value}")


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else None
    if source and not os.path.isdir(source):
        say(f"demo: FAILED: {source} is not a folder")
        return 1
    build = os.path.abspath(os.environ.get("BUILD", "build"))
    base = tempfile.mkdtemp(prefix="vsync-demo-")
    stage = Stage(base, build)
    demo = Demo(stage, source and os.path.abspath(source))
    try:
        demo.play()
        demo.summary()
    except (Failed, OSError, KeyError) as e:
        reason = e if isinstance(e, Failed) else repr(e)
        say(f"\ndemo: FAILED: {stage.hide(str(reason))}")
        for log in ("agent.log", "bob/agent.log", "cloud.log"):
            say(f"-- end of {base}/{log}:")
            say("\n".join(stage.tail(log)))
        return 1
    finally:
        stage.stop_all()
        demo.end_line()
    shutil.rmtree(base, ignore_errors=True)
    say("\ndemo: ok")
    return 0


sys.exit(main())
