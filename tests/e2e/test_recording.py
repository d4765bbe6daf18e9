"""Files that somebody is writing: everybody sees that they are being
recorded, nobody gets half of one, and a log that never ends is published now
and then."""

import os
import shutil
import subprocess
import threading
import time

import pytest

import harness
from harness import write
from wait import PATIENCE, never, wait_for


@pytest.fixture
def owner(world):
    world.cloud.start()
    return world.owner().setup()


class Writer:
    """Appends to a file every tenth of a second, in a thread of its own."""

    def __init__(self, path, reopen=False, piece=b"0123456789" * 100):
        self.path, self.reopen, self.piece = path, reopen, piece
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        f = open(self.path, "ab", buffering=0)
        while not self.stop.wait(0.1):
            f.write(self.piece)
            if self.reopen:
                f.close()
                f = open(self.path, "ab", buffering=0)
        f.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.stop.set()
        self.thread.join()


def badge(owner, path):
    a = owner.control.get("/v1/ls", 20, project=owner.project, path="",
                          recursive=1)
    return {r["path"]: r["badge"] for r in a.json["files"]}.get(path)


def events(owner, path):
    return [e["change"] for e in harness.events_of(owner.events(), path)]


def test_everybody_sees_it(world, owner):
    member = world.member(owner).setup()
    write(owner.root / "done", b"1")
    path = owner.root / "live.mov"
    with Writer(path):
        wait_for(lambda: member.badges().get("live.mov") == "*",
                 "the member to see it", 30)
        wait_for(lambda: badge(owner, "live.mov") == "*", "the owner, too")
        row = member.rows()["live.mov"]
        assert row["size"] > 0 and row["hash"] == ""
        run = member.pull("live.mov", check=None)
        assert run.code != 0 and "being recorded" in run.said, run
        never(lambda: len(events(owner, "live.mov")) != 1,
              "it is announced once", 5)
    owner.agree()
    wait_for(lambda: member.badges().get("live.mov") == "-", "the end of it")
    member.pull("live.mov")
    assert (member.root / "live.mov").read_bytes() == path.read_bytes()
    told = events(owner, "live.mov")
    assert [c.get("state") for c in told] == ["recording", None]
    assert told[1]["size"] == path.stat().st_size


def test_what_was_there_stays_until_it_is_done(world, owner):
    member = world.member(owner).setup()
    path = write(owner.root / "song.wav", b"first take")
    owner.agree()
    before = owner.listing()["song.wav"]
    version = member.agree() and member.rows()["song.wav"]["version"]
    with Writer(path):
        wait_for(lambda: member.badges().get("song.wav") == "*",
                 "the member to see it", 30)
        assert owner.listing()["song.wav"] == before
        assert member.rows()["song.wav"]["version"] == version
        answer = member.api.post(
            member.at("/files/download"),
            {"file_path": "song.wav", "request_mode": "full"})
        assert answer.status == 409, answer
        assert answer.json["code"] == "recording", answer.json
    owner.agree()
    member.agree()
    assert member.rows()["song.wav"]["version"] == version + 1
    owner.await_state("in_sync")


def test_over_a_crash(world, owner):
    member = world.member(owner).setup()
    with Writer(owner.root / "live.mov"):
        wait_for(lambda: member.badges().get("live.mov") == "*",
                 "the member to see it", 30)
        owner.kill()
    owner.start()
    owner.agree()
    wait_for(lambda: member.badges().get("live.mov") == "-", "the end of it")
    assert [c.get("state") for c in events(owner, "live.mov")] == \
        ["recording", None]


def test_given_up(world, owner):
    """Deleted or renamed while it was recorded."""
    member = world.member(owner).setup()
    gone, moved = owner.root / "gone.mov", owner.root / "moved.mov"
    with Writer(gone), Writer(moved):
        wait_for(lambda: list(member.badges().values()) == ["*", "*"],
                 "the member to see both", 30)
        gone.unlink()
        moved.rename(owner.root / "new.mov")
        wait_for(lambda: set(member.badges()) == {"new.mov"}, "one to be left",
                 30)
    owner.agree()
    assert set(owner.listing()) == {"new.mov"}


def test_quiet_but_held_open(owner):
    """Quiet for long enough, it is published, writer or not."""
    with open(owner.root / "notes.db", "wb", buffering=0) as f:
        f.write(b"1" * 5000)
        wait_for(lambda: "notes.db" in owner.listing(), "to be announced", 20)
        wait_for(lambda: owner.listing()["notes.db"][2], "its hash", 40)
        assert owner.listing()["notes.db"][1] == 5000
        f.write(b"2")
        wait_for(lambda: owner.status()["recording"] == 1, "recording", 20)
    owner.agree()


@pytest.mark.parametrize("reopen", [False, True], ids=["held", "reopened"])
def test_a_log_that_never_ends(owner, reopen):
    """Neither published every second, nor in anybody's way."""
    path = owner.root / "server.log"
    seconds = 25
    with Writer(path, reopen):
        end = time.monotonic() + seconds
        slowest, i = 0, 0
        while time.monotonic() < end:
            name = "note-%d" % i
            start = time.monotonic()
            write(owner.root / name, b"n%d" % i)
            wait_for(lambda: name in owner.listing(), "a saved file")
            slowest = max(slowest, time.monotonic() - start)
            i += 1
            time.sleep(0.3)
        told = events(owner, "server.log")
        # a first few, then one in 30 s; held open: only that it is recorded
        assert len(told) <= (5 if reopen else 1), told
        assert slowest < 3 * PATIENCE, slowest
    # the end of it is not forgotten, but may wait its turn
    wait_for(lambda: owner.listing()["server.log"][1] == path.stat().st_size,
             "the last of it", 60)
    owner.agree()


def test_a_long_log_is_published_while_it_grows(owner):
    """Its hash takes longer than it is left alone: a beginning of it that
    has not changed is published."""
    path = owner.root / "long.log"
    with open(path, "wb") as f:
        for _ in range(300):
            f.write(os.urandom(1 << 20))
    first = path.stat().st_size
    stop = threading.Event()

    def append():
        while not stop.wait(0.002):
            with open(path, "ab", buffering=0) as f:
                f.write(b"line\n")

    thread = threading.Thread(target=append)
    thread.start()
    try:
        row = wait_for(
            lambda: (lambda r: r and r[2] and r)(
                owner.listing().get("long.log")), "a beginning of it", 60)
        assert row[1] >= first
        with open(path, "rb") as f:
            import hashlib
            assert hashlib.sha256(f.read(row[1])).hexdigest() == row[2]
    finally:
        stop.set()
        thread.join()
    wait_for(lambda: owner.listing()["long.log"][1] == path.stat().st_size,
             "all of it", 90)
    owner.agree()


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_ffmpeg_records(world, owner):
    """Held open, grown, and its head rewritten at the end."""
    member = world.member(owner).setup()
    out = owner.root / "cam.mp4"
    r = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i",
         "testsrc=size=320x240:rate=25", "-t", "18", "-c:v", "mpeg4",
         "-movflags", "+faststart", "-y", str(out)],
        stdin=subprocess.DEVNULL)
    wait_for(lambda: member.badges().get("cam.mp4") == "*",
             "the member to see it", 40)
    assert r.wait(90) == 0
    owner.agree()
    wait_for(lambda: member.badges().get("cam.mp4") == "-", "the end of it")
    told = events(owner, "cam.mp4")
    assert told[0].get("state") == "recording" and len(told) <= 3, told
    member.pull("cam.mp4")
    assert (member.root / "cam.mp4").read_bytes() == out.read_bytes()
