"""What the owner renames is not fetched again by a member that has it: the
owner's agent and the cloud are both gone while it is pulled, so that not a
byte can come from anywhere."""

import contextlib
import os
import sqlite3

import pytest

from harness import save_over, write
from test_member import big, no_parts, same
from wait import wait_for

MIB = 1 << 20


@pytest.fixture
def alone(owner, member, cloud):
    """Publishes what there is, then leaves the member without anybody."""
    def leave():
        owner.flush(60)
        member.flush()
        owner.kill()
        cloud.kill()
        return member
    return leave


def have(owner, member, *paths):
    """Published and pulled."""
    owner.flush(60)
    member.flush()
    member.pull(*paths)


def reused(member, *paths, files):
    """Pulls what takes nothing from outside."""
    plan = member.ask_pull(*paths, dry=True).json
    assert plan["reuse_files"] == files and plan["fetch_files"] == 0, plan
    member.pull(*paths, timeout=30)
    assert all(t["endpoint"] == "" and t["bytes"] == t["size"]
               for t in member.transfers()[:files])
    assert no_parts(member)
    again = member.ask_pull(*paths, dry=True).json
    assert again["reuse_files"] == again["fetch_files"] == 0, again


def test_a_file(owner, member, alone):
    big(owner.root / "takes" / "one.mov", 30 * MIB)
    have(owner, member, "takes")
    ino = (member.root / "takes/one.mov").stat().st_ino
    (owner.root / "scenes").mkdir()
    (owner.root / "takes/one.mov").rename(owner.root / "scenes/intro.mov")
    (owner.root / "takes").rmdir()
    os.utime(owner.root / "scenes/intro.mov", (1, 1700000000))
    alone()
    # Nothing moves before it is asked for.
    assert (member.root / "takes/one.mov").exists()
    assert "moved from takes/one.mov" in member.pull("-n", "scenes").text
    reused(member, "scenes", files=1)
    same(owner, member, "scenes/intro.mov")
    new = (member.root / "scenes/intro.mov").stat()
    assert new.st_ino == ino and new.st_mtime == 1700000000
    assert not (member.root / "takes").exists()
    assert member.badges()["scenes/intro.mov"] == "="


def test_a_folder(owner, member, alone):
    paths = ["%d/%03d" % (i % 4, i) for i in range(200)]
    for i, path in enumerate(paths):
        # Some are empty, and some have the same content.
        write(owner.root / "old" / path,
              b"" if i % 50 == 0 else b"%d" % (i // 2) * 5000)
    have(owner, member, "old")
    write(member.root / "old" / "1" / "notes", b"mine")
    (owner.root / "old").rename(owner.root / "new")
    alone()
    reused(member, "new", files=200)
    same(owner, member, *("new/" + p for p in paths))
    # What was the member's own is all that is left.
    assert [p.name for p in (member.root / "old").rglob("*")] == \
        ["1", "notes"]
    assert (member.root / "old/1/notes").read_bytes() == b"mine"


def test_a_local_edit_stays(owner, member):
    write(owner.root / "notes", b"the owner's")
    write(owner.root / "plan", b"the plan")
    have(owner, member, "notes", "plan")
    write(member.root / "notes", b"mine, now")
    write(member.root / "there", b"mine as well")
    (owner.root / "notes").rename(owner.root / "renamed")
    (owner.root / "plan").rename(owner.root / "there")
    owner.flush()
    member.flush()
    member.pull("renamed")
    same(owner, member, "renamed")
    assert (member.root / "notes").read_bytes() == b"mine, now"
    assert member.pull("there", check=None).code == 7
    assert (member.root / "there").read_bytes() == b"mine as well"
    assert (member.root / "plan").read_bytes() == b"the plan"


def test_a_rotten_copy_gets_no_name(owner, member):
    """Same stat, other bytes: as a disk does it, not an editor."""
    big(owner.root / "clip.mov", 5 * MIB)
    have(owner, member, "clip.mov")
    path = member.root / "clip.mov"
    was = path.stat()
    # Nobody sees it change but by reading: what we know of it is changed.
    with open(path, "r+b") as f:
        f.seek(MIB)
        f.write(b"rot")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    member.kill()
    with contextlib.closing(sqlite3.connect(member.mirror_db)) as db, db:
        db.execute("UPDATE local SET ctime = ? WHERE path = 'clip.mov'",
                   (path.stat().st_ctime_ns,))
    member.start()
    (owner.root / "clip.mov").rename(owner.root / "final.mov")
    owner.flush()
    member.flush()
    member.pull("final.mov")
    same(owner, member, "final.mov")


def test_two_exchange_their_names(owner, member, alone):
    big(owner.root / "a.mov", 9 * MIB, 1)
    big(owner.root / "b.mov", 10 * MIB, 2)
    have(owner, member, "a.mov", "b.mov")
    for old, new in (("a.mov", "t"), ("b.mov", "a.mov"), ("t", "b.mov")):
        (owner.root / old).rename(owner.root / new)
    alone()
    reused(member, "a.mov", "b.mov", files=2)
    same(owner, member, "a.mov", "b.mov")


def test_renamed_again_and_again_while_away(owner, member, alone):
    big(owner.root / "a", 6 * MIB, 1)
    big(owner.root / "b", 7 * MIB, 2)
    have(owner, member, "a", "b")
    member.kill()
    (owner.root / "b").rename(owner.root / "c")
    (owner.root / "a").rename(owner.root / "b")
    owner.flush()
    (owner.root / "c").rename(owner.root / "d")
    owner.flush()
    member.start()
    alone()
    reused(member, "b", "d", files=2)
    same(owner, member, "b", "d")
    assert sorted(p.name for p in member.root.iterdir()) == \
        [".vsync", "b", "d"]


def test_a_twin_is_copied(owner, member, alone):
    big(owner.root / "a.mov", 9 * MIB)
    have(owner, member, "a.mov")
    big(owner.root / "copy.mov", 9 * MIB)
    alone()
    reused(member, "copy.mov", files=1)
    same(owner, member, "a.mov", "copy.mov")


def test_killed_on_the_way(owner, member, alone):
    paths = ["%03d" % i for i in range(120)]
    for i, path in enumerate(paths):
        write(owner.root / "old" / path, os.urandom(20000))
    have(owner, member, "old")
    (owner.root / "old").rename(owner.root / "new")
    alone()
    assert member.ask_pull("new").status == 200
    for _ in range(3):
        wait_for(lambda: list((member.root / "new").iterdir()), "a first one",
                 pause=0.002)
        member.kill()
        member.start()
    wait_for(lambda: member.status()["pulls"] == 0, "the pulls to end", 60)
    same(owner, member, *("new/" + p for p in paths))
    assert not (member.root / "old").exists()


def test_replaced_by_its_next_version(owner, member):
    """What moved is a pulled copy as before."""
    write(owner.root / "a", b"first")
    have(owner, member, "a")
    (owner.root / "a").rename(owner.root / "b")
    have(owner, member, "b")
    save_over(owner.root / "b", b"second")
    owner.flush()
    member.flush()
    assert member.badges()["b"] == "-"
    member.pull("b")
    same(owner, member, "b")
