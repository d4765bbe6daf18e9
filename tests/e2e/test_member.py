"""A member beside the owner: follows the project, pulls from the owner's
agent, and goes on after whatever ends on the way."""

import contextlib
import json
import os
import random
import subprocess
import threading
import time

import pytest

import views
from harness import is_root, save_over, write
from http_json import UnixConnection
from wait import PATIENCE, wait_for

MIB = 1 << 20


def big(path, size, seed=1):
    """A file of that size whose blocks all differ."""
    rng = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as f:
        for _ in range(size // MIB):
            f.write(rng.randbytes(MIB))
        f.write(rng.randbytes(size % MIB))
    return path


def listed(member, path, seq=0):
    row = member.rows(os.path.dirname(path), recursive=False).get(path)
    return row is not None and row["seq"] > seq and row


def same(owner, member, *paths, root=None):
    """The files are here as they are there."""
    for path in paths:
        assert views.sha256_file((root or member.root) / path) == \
            views.sha256_file(owner.root / path), path


def no_parts(member):
    part = member.root / ".vsync" / "part"
    return not part.exists() or not list(part.iterdir())


# Following

def test_saved_is_listed_at_once(owner, member):
    owner.flush()
    times = []
    for i in range(30):
        start = time.monotonic()
        write(owner.root / ("take%d.txt" % i), b"take %d" % i)
        wait_for(lambda: listed(member, "take%d.txt" % i), "the row", 10,
                 pause=0.004)
        times.append(time.monotonic() - start)
    times.sort()
    assert times[len(times) // 2] <= 0.3 * PATIENCE, times
    assert "take29.txt" in member.cli("ls", check=0).text


def test_everything_arrives(owner, member):
    for i in range(40):
        write(owner.root / ("d%d" % (i % 5)) / ("f%d" % i), b"%d" % i)
    owner.flush()
    member.agree()
    (owner.root / "d0").rename(owner.root / "renamed")
    (owner.root / "d1" / "f1").unlink()
    save_over(owner.root / "d2" / "f2", b"again")
    os.symlink("f2", owner.root / "d2" / "link")
    owner.flush()
    tree = member.agree()
    assert tree == owner.disk()
    member.cli("wait", "--in-sync", "--timeout", "20", check=0)
    status = member.await_state("in_sync")
    assert status["role"] == "member" and status["tree_equal"]


def test_a_thousand_changes_missed(owner, member):
    write(owner.root / "first", b"1")
    owner.flush()
    member.flush()
    member.kill()
    for i in range(1000):
        write(owner.root / ("m%d" % (i % 10)) / ("f%d" % i), b"%d" % i)
    owner.flush(60)
    member.start()
    member.agree()


def test_ls_answers_offline(owner, member, cloud):
    write(owner.root / "scenes" / "one.txt", b"one")
    owner.flush()
    member.flush()
    cloud.kill()
    member.await_state("offline")
    assert "one.txt" in member.cli("ls", "scenes", check=0).text
    member.restart()
    assert list(member.rows("scenes")) == ["scenes/one.txt"]
    assert member.cli("flush", "--timeout", "2").code != 0
    cloud.start()
    save_over(owner.root / "scenes" / "one.txt", b"two")
    owner.flush()
    member.agree()
    member.await_state("in_sync")


def test_pause_holds_and_resume_catches_up(owner, member):
    member.cli("pause", check=0)
    member.await_state("paused")
    write(owner.root / "while paused", b"x")
    owner.flush()
    assert "while paused" not in member.rows()
    waiting = member.cli("wait", "--in-sync", "--timeout", "20")
    assert waiting.code == 5 and "vsync resume" in waiting.said, waiting
    member.restart()
    assert member.status()["state"] == "paused"
    member.cli("resume", check=0)
    member.agree()


def test_log_is_the_cloud_s(owner, member):
    write(owner.root / "a", b"x")
    owner.flush()
    out = member.cli("log", "--since", "0", "--json-lines", check=0).text
    assert '"a"' in out


# Joining

def test_a_running_agent_takes_it_up(world, owner):
    member = world.member(owner)
    member.login()
    member.start()
    write(owner.root / "a", b"x")
    owner.flush()
    member.join()
    member.agree()


def test_join_makes_the_folder(world, owner):
    member = world.member(owner)
    member.login()
    member.root.rmdir()
    member.join()
    assert (member.root / ".vsync" / "root-id").exists()


def test_join_that_fails_leaves_nothing(world, owner):
    member = world.member(owner)
    member.login()
    invite = owner.invite()
    fresh = member.base / "fresh"
    for token in ("nonsense", "no token", ""):
        assert member.cli("join", token, fresh).code != 0
        assert not fresh.exists()
        assert member.cli("join", token, member.root).code != 0
        assert not (member.root / ".vsync").exists()
    # Somebody's project already: the invite is not spent on it.
    run = member.cli("join", invite, owner.root)
    assert run.code != 0 and ".vsync" in run.said, run
    member.join(invite)
    # It was good for once.
    assert member.cli("join", invite, fresh).code != 0
    assert not fresh.exists()
    # Its owner has it already.
    assert owner.cli("join", owner.invite(), owner.base / "copy").code != 0
    assert not (owner.base / "copy").exists()


def test_each_role_has_its_verbs(owner, member):
    for args in (("rescan",), ("held",), ("held", "approve")):
        assert member.cli(*args).code not in (0, 2), args
    write(owner.root / "a", b"x")
    owner.flush()
    assert owner.cli("pull", "a").code not in (0, 2)
    assert owner.cli("transfers").code not in (0, 2)


def test_members_come_and_go(owner, member):
    names = {m["name"]: m["role"] for m in
             owner.cli("members", "--json", check=0).json["members"]}
    assert names == {"ada": "owner", "bob": "member"}
    a = owner.control.post("/v1/members/remove", 20, project=owner.project,
                           user="bob")
    assert a.status == 200, a
    assert owner.control.post("/v1/members/remove", 20,
                              project=owner.project, user="bob").status == 404
    write(owner.root / "after", b"x")
    owner.flush()
    wait_for(lambda: "project_gone" in member.problems(),
             "the member to hear of it", 40)
    assert "after" not in member.rows()


# Pulling

def test_pull_a_folder(owner, member):
    paths = ["scenes/%d/%s" % (i, name) for i in range(3)
             for name in ("a.txt", "b.bin", "empty")]
    for path in paths:
        data = b"" if path.endswith("empty") else os.urandom(50000)
        write(owner.root / path, data, mode=0o640)
    write(owner.root / "other.txt", b"not wanted")
    os.symlink("a.txt", owner.root / "scenes/0/link")
    owner.flush()
    member.flush()
    plan = member.ask_pull("scenes", dry=True).json
    assert plan["fetch_files"] >= len(paths) and not plan["pulls"]
    assert not (member.root / "scenes").exists()
    member.pull("scenes/")
    same(owner, member, *paths)
    for path in paths:
        here, there = (member.root / path).stat(), (owner.root / path).stat()
        assert here.st_mode == there.st_mode
        assert abs(here.st_mtime - there.st_mtime) < 1e-5
    assert os.readlink(member.root / "scenes/0/link") == "a.txt"
    assert not (member.root / "other.txt").exists()
    badges = member.badges()
    assert {badges[p] for p in paths} == {"="} and badges["other.txt"] == "-"
    assert no_parts(member)
    again = member.ask_pull("scenes").json
    assert again["fetch_files"] == 0 and not again["pulls"]
    status = member.status()
    assert status["here_files"] >= len(paths) and status["pulls"] == 0


def test_pull_a_large_file(owner, member):
    big(owner.root / "master.mov", 200 * MIB + 12345)
    owner.flush(120)
    member.flush()
    member.pull("master.mov", timeout=120)
    same(owner, member, "master.mov")
    assert no_parts(member)


def under_way(member, size):
    """A pull that has some and not all; None when it has ended."""
    t = member.transfers()[0]
    assert t["state"] not in ("failed", "cancelled"), t
    if t["state"] == "completed":
        pytest.skip("the pull was faster than the test")
    return t["state"] == "fetching" and 0 < t["bytes"] < size and t


def await_pull(member, timeout=120):
    def ended():
        t = member.transfers()[0]
        assert t["state"] not in ("failed", "cancelled"), t
        return t["state"] == "completed" and t
    return wait_for(ended, "the pull to end", timeout)


@pytest.mark.parametrize("who", ["member", "owner", "both"])
def test_killed_in_the_middle(owner, member, who):
    size = 400 * MIB
    big(owner.root / "master.mov", size)
    owner.flush(120)
    member.flush()
    assert member.ask_pull("master.mov").status == 200
    had = wait_for(lambda: under_way(member, size), "half a pull", 60,
                   pause=0.003)["bytes"]
    if who in ("member", "both"):
        member.kill()
        assert not (member.root / "master.mov").exists()
    if who in ("owner", "both"):
        owner.kill()
        if who == "owner":
            time.sleep(1)
            assert not (member.root / "master.mov").exists()
        owner.start()
    if not member.daemon.alive():
        member.start()
        # What was durable is not fetched again.
        assert member.transfers()[0]["bytes"] >= had
    await_pull(member)
    same(owner, member, "master.mov")
    assert no_parts(member)


def test_ends_in_order_in_the_middle(owner, member):
    size = 400 * MIB
    big(owner.root / "master.mov", size)
    owner.flush(120)
    member.flush()
    assert member.ask_pull("master.mov").status == 200
    wait_for(lambda: under_way(member, size), "half a pull", 60, pause=0.003)
    code, seconds = member.stop()
    assert code == 0 and seconds <= 2 * PATIENCE, (code, seconds)
    assert not (member.root / "master.mov").exists()
    member.start()
    await_pull(member)
    same(owner, member, "master.mov")


@pytest.mark.skipif(not is_root(), reason="needs to mount")
def test_a_full_disk(owner, member):
    """Nothing is begun that has no room; what fills up meanwhile ends."""
    big(owner.root / "large.mov", 20 * MIB)
    write(owner.root / "small.txt", b"fits")
    owner.flush()
    member.flush()
    out = member.base / "out"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", out],
                   check=True)
    try:
        assert member.pull("-o", out, "large.mov", check=None).code == 8
        assert not (out / "large.mov").exists()
        member.pull("-o", out, "small.txt")
        same(owner, member, "small.txt", root=out)
        assert [p.name for p in out.iterdir()] == ["small.txt"]
    finally:
        member.kill()
        subprocess.run(["umount", "-l", out], check=True)


@pytest.fixture
def few_inodes(owner, member):
    """A folder to pull into that takes few files; two are published."""
    if not is_root():
        pytest.skip("needs root to mount")
    for name in ("one.txt", "two.txt"):
        write(owner.root / name, name)
    owner.flush()
    member.flush()
    out = member.base / "out"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=8", "none",
                    out], check=True)
    try:
        yield out
    finally:
        member.kill()
        subprocess.run(["umount", "-l", out], check=True)


def refused_for_room(member, out, name):
    """A pull says that there is no room, and all is as it was."""
    def state():
        return {p.name: p.read_bytes() for p in out.iterdir()}

    there = state()
    run = member.pull("-o", out, name, check=None)
    assert run.code == 8, run
    assert state() == there


def test_no_inode_left(owner, member, few_inodes):
    """As no room: said, what stands there stays, what came is kept, and it
    goes on once there is one."""
    out = few_inodes
    member.pull("-o", out, "one.txt")
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(write(out / ("x%d" % len(taken)), b""))
    assert taken
    refused_for_room(member, out, "two.txt")
    same(owner, member, "one.txt", root=out)
    write(owner.root / "one.txt", b"again")
    owner.flush()
    member.flush()
    refused_for_room(member, out, "one.txt")
    assert (out / "one.txt").read_bytes() == b"one.txt"
    for path in taken:
        path.unlink()
    member.pull("-o", out, "one.txt", "two.txt")
    same(owner, member, "one.txt", root=out)
    same(owner, member, "two.txt", root=out)


def test_inodes_left(owner, member, few_inodes):
    """The control: on the same disk with some left nothing is refused, and
    what looks for a refusal finds none, of a new file or an old one."""
    for name in ("one.txt", "one.txt", "two.txt"):
        write(owner.root / "one.txt", b"again " + name.encode())
        owner.flush()
        member.flush()
        with pytest.raises(AssertionError):
            refused_for_room(member, few_inodes, name)
        same(owner, member, name, root=few_inodes)


def test_watch_tells(owner, member):
    lines = []

    def read():
        conn = UnixConnection(member.control.path, 20)
        conn.request("GET", "/v1/watch?project=" + member.project)
        answer = conn.getresponse()
        for line in answer:
            lines.append(json.loads(line))
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_for(lambda: lines, "the stream")
    write(owner.root / "a.txt", b"text")
    owner.flush()
    changed = wait_for(lambda: [x for x in lines if x["type"] == "changed"],
                       "the news")[0]
    assert changed["path"] == "a.txt" and changed["op"] == "create"
    assert changed["project"] == member.project and changed["size"] == 4
    assert changed["seq"] == 1 and changed["at"].endswith("Z"), changed
    wicked = 'a "b"\\c\x01\n\u00e9 .txt'
    write(owner.root / wicked, b"text")
    owner.flush()
    wait_for(lambda: [x for x in lines if x.get("path") == wicked],
             "a name that has to be escaped")
    member.pull("a.txt")
    pulls = wait_for(
        lambda: [x for x in lines if x["type"] == "pull" and
                 x["text"] == "completed"], "news of the pull")
    assert pulls[0]["path"] == "a.txt" and pulls[0]["pull"]
    member.stop()
    reader.join(20)


def test_local_edits_stay(owner, member):
    write(owner.root / "notes.txt", b"from the owner")
    owner.flush()
    member.flush()
    write(member.root / "notes.txt", b"mine, never pulled")
    plan = member.ask_pull("notes.txt").json
    assert plan["conflicts"] == 1 and not plan["pulls"], plan
    assert member.pull("notes.txt", check=None).code == 7
    assert (member.root / "notes.txt").read_bytes() == b"mine, never pulled"
    assert member.badges()["notes.txt"] == "!"
    member.pull("--force", "notes.txt")
    same(owner, member, "notes.txt")
    save_over(owner.root / "notes.txt", b"the owner's next")
    owner.flush()
    member.flush()
    assert member.badges()["notes.txt"] == "-"
    member.pull("notes.txt")
    same(owner, member, "notes.txt")
    write(member.root / "notes.txt", b"edited after the pull")
    save_over(owner.root / "notes.txt", b"the owner's third")
    owner.flush()
    member.flush()
    assert member.pull("notes.txt", check=None).code == 7
    assert (member.root / "notes.txt").read_bytes() == \
        b"edited after the pull"


def test_changes_while_it_is_pulled(owner, member):
    big(owner.root / "clip.mov", 60 * MIB)
    owner.flush(60)
    member.flush()
    assert member.ask_pull("clip.mov").status == 200
    for seed in range(2, 5):
        big(owner.root / "clip.new", 60 * MIB, seed)
        (owner.root / "clip.new").rename(owner.root / "clip.mov")
    owner.flush(60)
    member.flush()

    def whole():
        now = member.root / "clip.mov"
        if member.status()["pulls"] > 0:
            return False
        member.ask_pull("clip.mov")
        return now.exists() and views.sha256_file(now) == \
            views.sha256_file(owner.root / "clip.mov")
    wait_for(whole, "the last version", 120)
    assert no_parts(member)


def test_pull_elsewhere(owner, member):
    write(owner.root / "a" / "b.txt", b"text")
    owner.flush()
    member.flush()
    out = member.base / "elsewhere"
    member.pull("-n", "-o", out, "a")
    assert not out.exists()
    member.pull("-o", out, "a")
    same(owner, member, "a/b.txt", root=out)
    assert not (member.root / "a").exists()
    assert not (out / ".vsync").exists()


def test_cancel(owner, member):
    size = 400 * MIB
    big(owner.root / "master.mov", size)
    owner.flush(120)
    member.flush()
    assert member.ask_pull("master.mov").status == 200
    wait_for(lambda: under_way(member, size), "half a pull", 60, pause=0.003)
    member.cli("cancel", "--all", check=0)
    assert member.transfers()[0]["state"] == "cancelled"
    wait_for(lambda: no_parts(member), "the part to go")
    assert not (member.root / "master.mov").exists()


def test_no_place_for_it(owner, member):
    """Things that stand in the way are never replaced, nor gone through."""
    for path in ("dir/x", "link/x", "fifo"):
        write(owner.root / path, b"new")
    owner.flush()
    member.flush()
    outside = member.base / "outside"
    outside.mkdir()
    os.symlink(outside, member.root / "link")
    write(member.root / "dir", b"a file where a folder is wanted")
    os.mkfifo(member.root / "fifo")
    plan = member.ask_pull("dir/x", "link/x", "fifo", force=True)
    assert plan.status == 200, plan
    wait_for(lambda: member.status()["pulls"] == 0, "the pulls to end")
    assert not list(outside.iterdir())
    assert (member.root / "dir").is_file()
    assert not (member.root / "fifo").is_file()
    assert (member.root / "link").is_symlink()


def test_wants_that_are_none(member):
    for paths in ([], ["../x"], ["/etc/passwd"], [".vsync/root-id"], [3]):
        a = member.control.post("/v1/pull", 20, project=member.project,
                                paths=paths)
        assert a.status == 400, (paths, a)
    assert member.ask_pull("no/such/file").status == 404
    assert member.ask_pull("x", out="relative").status == 400
    assert member.control.post("/v1/cancel", 20, project=member.project,
                               id="nonsense").status == 404


def test_a_lost_folder_waits(owner, member):
    write(owner.root / "a", b"x")
    owner.flush()
    member.flush()
    away = member.base / "away"
    member.root.rename(away)
    assert member.ask_pull("a").status == 409
    assert list(member.rows()) == ["a"]
    away.rename(member.root)
    member.pull("a")
    same(owner, member, "a")


