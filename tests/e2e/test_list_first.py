"""vsync init --list-first: names and sizes are there long before the hashes,
nobody can pull what is not hashed, and in the end all is as it always is."""

import time

import pytest

from harness import write
from wait import wait_for

BIG = 60            # sparse files
SIZE = 64 << 20     # bytes of each


def fill(root):
    for i in range(BIG):
        path = root / "reel" / ("reel-%02d.mov" % i)
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as f:
            f.write(b"reel %d" % i)
            f.truncate(SIZE)
    for i in range(300):
        write(root / ("notes-%d" % (i % 3)) / ("note-%03d" % i), b"n%d" % i)


@pytest.fixture
def pair(world):
    """An owner with much to hash and a member, both set up, the owner's
    agent not running."""
    world.cloud.start()
    owner = world.owner()
    owner.login()
    fill(owner.root)
    doc = owner.cli("init", owner.root, "--name", "film", "--list-first",
                    "--json", check=0).json
    owner.project = doc["project_id"]
    return owner, world.member(owner).setup()


def files(member):
    return {p: r for p, r in member.rows().items() if r["kind"] == "file"}


def test_listed_long_before_hashed(pair):
    owner, member = pair
    start = time.monotonic()
    owner.start()
    wait_for(lambda: len(files(member)) == BIG + 300, "all names", 60)
    listed = time.monotonic() - start
    rows = files(member)
    bare = [p for p, r in rows.items() if r["badge"] == "?"]
    assert len(bare) >= BIG // 2, "hashed before they were listed"
    assert all(rows[p]["hash"] == "" for p in bare)
    reels = [p for p in rows if p.startswith("reel/")]
    assert all(rows[p]["size"] == SIZE for p in reels)
    victim = max(p for p in bare if p.startswith("reel/"))
    run = member.pull(victim, check=None)
    assert run.code != 0 and "not hashed" in run.said, run
    answer = member.api.post(member.at("/files/download"), {
        "file_path": victim, "request_mode": "full"})
    assert (answer.status, answer.json["code"]) == (409, "listed"), answer
    # the small ones do not wait for the large ones
    wait_for(lambda: all(r["hash"] for p, r in files(member).items()
                         if p.startswith("notes")), "the small ones", 60)
    if any(not r["hash"] for r in files(member).values()):
        write(owner.root / "saved", b"just now")
        wait_for(lambda: files(member).get("saved", {}).get("hash"),
                 "a file saved meanwhile", 15)
        (owner.root / "saved").unlink()
    wait_for(lambda: all(r["hash"] for r in files(member).values()),
             "all hashes", 240)
    assert time.monotonic() - start > 2 * listed, "no difference to see"
    owner.agree(timeout=120)
    member.agree()
    assert not [r for r in files(member).values() if r["badge"] == "?"]
    # a row got its hash by one more event, and by one more version
    assert files(member)[victim]["version"] == 2
    owner.await_state("in_sync")


def test_killed_in_between(pair):
    owner, member = pair
    owner.start()
    wait_for(lambda: len(files(member)) > 20, "some names", 60)
    owner.restart()
    wait_for(lambda: len(files(member)) == BIG + 300, "all names", 60)
    write(owner.root / "notes-1" / "note-001", b"edited meanwhile")
    (owner.root / "reel" / "reel-00.mov").rename(owner.root / "first.mov")
    (owner.root / "reel" / "reel-01.mov").unlink()
    owner.restart()
    owner.agree(timeout=240)
    member.agree()
    owner.await_state("in_sync", timeout=60)
    head = owner.head()
    owner.restart()
    owner.agree()
    assert owner.head() == head, "nothing is said twice"
