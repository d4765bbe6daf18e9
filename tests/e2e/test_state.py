"""The agent's own state: put back from an older copy, deleted, copied to a
second agent; and the cloud's put back.  Each time the agent is killed, its
files are acted on, and it starts again: everything converges, nothing is
lost, nothing comes twice, nothing is deleted."""

import shutil
import sqlite3
import subprocess

import pytest

from harness import is_root, write
from test_errors import UNPRIVILEGED
from wait import never, wait_for

FILES = 40


@pytest.fixture
def full(owner):
    for i in range(FILES):
        write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
    owner.agree()
    return owner


def keep(owner, name="kept"):
    """A copy of the project's state, the agent at rest."""
    shutil.copytree(owner.manifest_db.parent, owner.base / name)


def put_back(owner, name="kept"):
    shutil.rmtree(owner.manifest_db.parent)
    shutil.copytree(owner.base / name, owner.manifest_db.parent)


def value(owner, key):
    """A single value of the state, the agent at rest."""
    db = sqlite3.connect("file:%s?mode=ro" % owner.manifest_db, uri=True)
    try:
        row = db.execute("SELECT value FROM meta WHERE key = ?",
                         (key,)).fetchone()
    finally:
        db.close()
    return row and row[0]


def new_epoch(owner):
    """This device begins another epoch, and publishes in it."""
    owner.cli("adopt", "--take-over", check=0)
    write(owner.root / "epoch", owner.root.name.encode() + b"%d"
          % owner.head())
    owner.agree()


def edit(owner):
    """Some of everything."""
    write(owner.root / "d0" / "0", b"edited")
    write(owner.root / "d1" / "1", b"edited")
    write(owner.root / "new" / "a", b"new")
    (owner.root / "d2" / "2").unlink()
    (owner.root / "d3" / "3").rename(owner.root / "d3" / "moved")


def nothing_more(owner, head):
    """No event since head, now or a little later."""
    owner.agree()
    assert owner.status()["state"] == "in_sync"
    never(lambda: owner.head() != head, "an event", 0.5)


# S8

@pytest.mark.parametrize("epoch", [False, True])
def test_state_from_an_older_copy(full, epoch):
    """The counter went back, or the epoch did."""
    full.kill()
    keep(full)
    full.start()
    edit(full)
    full.agree()
    if epoch:
        new_epoch(full)
    full.kill()
    head = full.head()
    put_back(full)
    full.start()
    full.agree()
    write(full.root / "d0" / "after", b"1")
    full.agree()
    assert [e["change"]["path"] for e in full.events(head)] == ["d0/after"]
    nothing_more(full, head + 1)
    text = b"older than what the cloud has seen"
    assert (text in full.daemon.log_text()) == epoch


def test_old_state_with_things_to_send(full):
    """What the old state still wanted to send is long over."""
    full.cloud.stop()
    edit(full)
    full.cli("rescan")
    full.kill()
    keep(full)
    full.cloud.start()
    full.start()
    full.agree()
    # the file is there again, the others have changed again
    write(full.root / "d2" / "2", b"back")
    write(full.root / "d0" / "0", b"edited twice")
    (full.root / "d3" / "moved").rename(full.root / "d3" / "3")
    full.agree()
    new_epoch(full)
    full.kill()
    head = full.head()
    put_back(full)
    full.start()
    nothing_more(full, head)


def told(owner, since):
    return {e["change"]["path"] for e in owner.events(since)}


def owned(owner):
    """What root put there belongs to the agent's user again."""
    if is_root():
        subprocess.run(["chown", "-R", str(UNPRIVILEGED), owner.base],
                       check=True)


def save(owner, path, data):
    """Comes into the folder as the agent's user's own."""
    new = write(owner.base / "new", data)
    owned(owner)
    new.rename(path)


@pytest.mark.parametrize("epoch", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_old_state_wants_gone_what_it_cannot_see(world, cloud, epoch, frozen):
    """A deletion that the old state still wanted to send is of a folder
    that cannot be read now: what is in it may be there again."""
    owner = world.owner(uid=UNPRIVILEGED if is_root() else None)
    locked = owner.root / "locked"
    for i in range(5):
        write(locked / "deep" / str(i), b"%d" % i)
    owned(owner)
    owner.setup()
    owner.agree()
    cloud.daemon.signal(19)  # SIGSTOP: it never answers
    if not frozen:
        save(owner, owner.root / "first", b"1")
        wait_for(lambda: owner.status()["in_flight"], "a batch")
    (locked / "deep" / "1").unlink()
    waits = "in_flight" if frozen else "outbox"
    wait_for(lambda: owner.status()[waits] == 2 - frozen, "a deletion")
    owner.kill()
    cloud.kill()
    keep(owner)
    cloud.start()
    owner.start()
    owner.agree()
    save(owner, locked / "deep" / "1", b"back")
    owner.agree()
    if epoch:
        owner.cli("adopt", "--take-over", check=0)
        save(owner, owner.root / "epoch", b"another")
        owner.agree()
    owner.kill()
    head = owner.head()
    put_back(owner)
    owned(owner)
    locked.chmod(0)
    seen = {"open", "locked"}  # the latter for its mode
    try:
        owner.start()
        save(owner, owner.root / "open", b"1")
        wait_for(lambda: "open" in owner.listing(), "what can be seen", 30)
        owner.cli("rescan")
        never(lambda: told(owner, head) - seen, "another event", 1)
        owner.restart()
        never(lambda: told(owner, head) - seen, "another event", 1)
        assert owner.cli("status", "--check").code == 3
    finally:
        locked.chmod(0o755)
    owner.cli("rescan")
    owner.agree()
    assert told(owner, head) == seen
    assert owner.await_state("in_sync")
    head = owner.head()
    (locked / "deep" / "1").unlink()
    owner.agree()
    assert told(owner, head) == {"locked/deep/1"}


def test_old_state_and_changes_meanwhile(full):
    full.kill()
    keep(full)
    full.start()
    new_epoch(full)
    write(full.root / "d1" / "5", b"published")
    full.agree()
    full.kill()
    head = full.head()
    edit(full)
    put_back(full)
    full.start()
    full.agree()
    assert {(e["change"]["op"], e["change"]["path"])
            for e in full.events(head)} == {
        ("update", "d0/0"), ("update", "d1/1"), ("create", "new"),
        ("create", "new/a"), ("delete", "d2/2"), ("create", "d3/moved"),
        ("delete", "d3/3")}
    nothing_more(full, full.head())


def test_old_state_again_and_again(full):
    """The second time within the hour a person is asked."""
    full.kill()
    keep(full)
    full.start()
    new_epoch(full)
    full.kill()
    put_back(full)
    full.start()
    write(full.root / "once", b"1")
    full.agree()
    assert full.status()["state"] == "in_sync"
    full.kill()
    # its copy, as mended, grows old as well
    keep(full, "mended")
    full.start()
    new_epoch(full)
    full.kill()
    put_back(full, "mended")
    full.start()
    head = full.head()
    write(full.root / "twice", b"1")
    full.await_state("degraded")
    assert "vsync resume" in full.problems()["duplicate_agent"]["hint"]
    full.restart()
    assert full.await_state("degraded")
    assert full.head() == head
    full.cli("resume", check=0)
    full.agree()
    assert [e["change"]["path"] for e in full.events(head)] == ["twice"]


# S9

def test_state_deleted(full):
    full.kill()
    head = full.head()
    shutil.rmtree(full.manifest_db.parent)
    full.start()
    nothing_more(full, head)
    full.stop()
    # a batch that says what the cloud has already is no event, either; but
    # none was sent
    assert value(full, "counter") == 0


def test_state_deleted_and_changes_meanwhile(full):
    full.kill()
    head = full.head()
    shutil.rmtree(full.manifest_db.parent)
    edit(full)
    full.start()
    full.agree()
    assert {e["change"]["path"] for e in full.events(head)} == {
        "d0/0", "d1/1", "new", "new/a", "d2/2", "d3/3", "d3/moved"}
    nothing_more(full, full.head())


def test_state_deleted_and_much_is_missing(owner):
    for i in range(300):
        write(owner.root / str(i), b"%d" % i)
    owner.agree()
    owner.kill()
    head = owner.head()
    shutil.rmtree(owner.manifest_db.parent)
    for i in range(150):
        (owner.root / str(i)).unlink()
    owner.start()
    status = owner.await_state("held", timeout=30)
    assert status["held"] == 150
    never(lambda: owner.head() != head, "an event", 0.5)
    owner.cli("held", "approve", "--yes", check=0)
    owner.agree()
    assert len(owner.listing()) == 150


# S12

@pytest.fixture
def copied(world, full):
    """A second agent with a copy of everything: configuration, device,
    state, folder.  As on another machine, its folder is at its own place."""
    full.kill()
    other = world.owner()
    shutil.rmtree(other.root)
    shutil.copytree(full.root, other.root, symlinks=True)
    for name in ("config", "state"):
        shutil.rmtree(other.base / name)
        shutil.copytree(full.base / name, other.base / name)
    config = other.base / "config" / "vsync" / "config"
    config.write_text(config.read_text().replace(str(full.root),
                                                 str(other.root)))
    other.project = full.project
    full.start()
    full.agree()
    return full, other.start()


def test_state_copied(copied):
    """The folder is another one, and so nothing leaves."""
    full, other = copied
    head = full.head()
    write(other.root / "d0" / "0", b"by the copy")
    other.cli("rescan")
    other.await_state("root_lost")
    never(lambda: full.head() != head, "something was sent", 0.7)


def test_state_copied_and_adopted(copied):
    """Two with one state: one stops, whatever both do, and says so."""
    full, other = copied
    other.cli("adopt", check=0)
    other.await_state("in_sync")
    write(full.root / "by-first", b"1")
    full.agree()
    write(other.root / "by-copy", b"1")
    other.cli("flush", "--timeout", "20")
    write(full.root / "by-first", b"2")
    stopped = wait_for(
        lambda: [m for m in copied if m.status()["state"] == "degraded"],
        "one of the two to stop", 30)
    assert len(stopped) == 1
    one = stopped[0]
    two = full if one is other else other
    problem = one.problems()["duplicate_agent"]
    assert "copy of this state" in problem["message"]
    assert one.cli("status", "--check").code == 3
    # it stays so, and the other one is not bothered any more
    head = one.head()
    for i in range(3):
        write(one.root / ("n%d" % i), b"1")
        one.restart()
        one.await_state("degraded")
    assert one.head() == head
    write(two.root / "goes-on", b"1")
    two.agree()
    # a person ends one and resumes the other
    two.kill()
    one.cli("resume", check=0)
    one.agree()


# N26

def put_cloud_back(cloud, command):
    shutil.copy(cloud.base / "backup.db", cloud.db)
    for rest in ("-wal", "-shm"):
        (cloud.base / (cloud.db.name + rest)).unlink(missing_ok=True)
    if command:
        cloud.command("restored")


def cloud_backup(cloud):
    cloud.stop()
    shutil.copy(cloud.db, cloud.base / "backup.db")
    cloud.start()


@pytest.mark.parametrize("command", [True, False])
@pytest.mark.parametrize("running", [True, False])
def test_cloud_from_a_backup(full, command, running):
    """What the cloud forgot is told again: that, and nothing else."""
    cloud_backup(full.cloud)
    then = full.head()
    edit(full)
    full.agree()
    if not running:
        full.kill()
    full.cloud.stop()
    put_cloud_back(full.cloud, command)
    full.cloud.start()
    if not running:
        full.start()
    full.cli("rescan", check=0)
    wait_for(lambda: full.head() > then, "something to be sent", 30)
    full.agree()
    assert {(e["change"]["op"], e["change"]["path"])
            for e in full.events(then)} == {
        ("update", "d0/0"), ("update", "d1/1"), ("create", "new"),
        ("create", "new/a"), ("delete", "d2/2"), ("create", "d3/moved"),
        ("delete", "d3/3")}
    nothing_more(full, full.head())


def test_cloud_differs_at_the_same_seq(full):
    """Restored, and as many events as were lost came from elsewhere."""
    cloud_backup(full.cloud)
    then = full.head()
    write(full.root / "d0" / "0", b"edited")
    full.agree()
    seq = full.head()
    full.cloud.stop()
    put_cloud_back(full.cloud, False)
    full.cloud.start()
    for i in range(seq - then):
        a = full.api.post(full.at("/files/update"), {"changes": [
            {"path": "stranger%d" % i, "op": "create", "size": 1,
             "mtime": 1000, "hash": "0" * 64}]})
        assert a.status == 200, a
    assert full.head() == seq
    full.cli("rescan", check=0)
    wait_for(lambda: full.head() > seq, "something to be sent", 30)
    full.agree()
    assert {(e["change"]["op"], e["change"]["path"])
            for e in full.events(seq)} == {("update", "d0/0")} | {
        ("delete", "stranger%d" % i) for i in range(seq - then)}


def test_cloud_from_a_backup_and_state_from_another(full):
    """Both go back, to different days."""
    full.kill()
    keep(full)
    full.start()
    cloud_backup(full.cloud)
    edit(full)
    full.agree()
    new_epoch(full)
    full.kill()
    full.cloud.stop()
    put_cloud_back(full.cloud, False)
    put_back(full)
    full.cloud.start()
    full.start()
    full.agree()
    nothing_more(full, full.head())


# S7

def zeroed(data):
    return data[:8192] + bytes(len(data) - 8192)


def flipped(data):
    data = bytearray(data)
    for i in range(200, len(data), 311):
        data[i] ^= 1 << (i % 8)
    return bytes(data)


DAMAGES = {
    "bits": flipped,
    "zeroed pages": zeroed,
    "truncated": lambda data: data[:len(data) // 2],
    "garbage header": lambda data: b"\xa5" * 60 + data[60:],
    "no database": lambda data: b"not a database\n" * 100,
}


def damage(owner, how):
    """The state at rest, all of it in the one file."""
    db = sqlite3.connect(owner.manifest_db)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    owner.manifest_db.write_bytes(how(owner.manifest_db.read_bytes()))


def kept_aside(owner):
    return sorted(p.name for p in owner.manifest_db.parent.iterdir()
                  if "corrupt" in p.name and p.name.endswith("Z"))


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("clean", [True, False])
def test_state_damaged(full, how, clean):
    (full.stop if clean else full.kill)()
    head = full.head()
    before = value(full, "epoch")
    damage(full, DAMAGES[how])
    edit(full)
    full.start()
    # a good end is not doubted: what is wrong is found when it is read
    full.cli("rescan", "--data")
    full.agree(timeout=90)
    assert {(e["change"]["op"], e["change"]["path"])
            for e in full.events(head)} == {
        ("update", "d0/0"), ("update", "d1/1"), ("create", "new"),
        ("create", "new/a"), ("delete", "d2/2"), ("create", "d3/moved"),
        ("delete", "d3/3")}
    nothing_more(full, full.head())
    if how == "bits" and not kept_aside(full):
        return  # they fell where nothing was
    (name,) = kept_aside(full)
    problem = full.problems()["state_rebuilt"]
    assert name in problem["message"] and problem["hint"]
    assert name.encode() in full.daemon.log_text()
    full.stop()
    assert value(full, "epoch") != before


def test_damaged_again_and_again(full):
    """Two damaged ones are kept, the latest."""
    seen = []
    for i in range(4):
        full.kill()
        damage(full, DAMAGES["garbage header"])
        full.start()
        full.agree()
        seen += [n for n in kept_aside(full) if n not in seen]
    assert len(seen) == 4 and kept_aside(full) == sorted(seen)[-2:]


def test_damaged_and_paused(full):
    """A project that was paused stays so, and a lost root stays lost."""
    full.cli("pause", check=0)
    full.kill()
    # several pages, because one may hold nothing any more
    damage(full, lambda data: data[:-4 * 4096] + bytes(4 * 4096))
    edit(full)
    head = full.head()
    full.start()
    full.await_state("paused", timeout=20)
    assert len(kept_aside(full)) == 1
    never(lambda: full.head() != head, "something was sent", 0.7)
    full.cli("resume", check=0)
    full.agree()


def test_damaged_and_much_is_missing(owner):
    """The loss itself deletes nothing: what is missing is held."""
    for i in range(300):
        write(owner.root / str(i), b"%d" % i)
    owner.agree()
    owner.kill()
    head = owner.head()
    damage(owner, zeroed)
    for i in range(150):
        (owner.root / str(i)).unlink()
    owner.start()
    assert owner.await_state("held", timeout=30)["held"] == 150
    never(lambda: owner.head() != head, "an event", 0.5)


def test_its_log_is_gone(full):
    """Without the write-ahead log the state is older: it counts again."""
    write(full.root / "one", b"1")
    full.agree()
    full.kill()
    head = full.head()
    for rest in ("-wal", "-shm"):
        full.manifest_db.with_name("manifest.db" + rest).unlink()
    write(full.root / "two", b"1")
    full.start()
    full.agree()
    assert [e["change"]["path"] for e in full.events(head)] == ["two"]


@pytest.mark.parametrize("how", ["garbage header", "truncated",
                                 "zeroed pages"])
def test_member_state_damaged(full, member, how):
    """The list comes back from the cloud; what was edited here stays."""
    member.agree()
    member.pull("d0", "d1")
    write(member.root / "d0" / "0", b"mine")
    write(member.root / "d1" / "17", b"17 of mine")
    member.kill()
    db = sqlite3.connect(member.mirror_db)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    member.mirror_db.write_bytes(DAMAGES[how](member.mirror_db.read_bytes()))
    write(full.root / "d0" / "0", b"0 edited")
    write(full.root / "d0" / "4", b"4 edited")
    full.agree()
    member.start()
    # every row is read: what is wrong shows
    wait_for(lambda: member.agree() == full.listing(), "the mirror", 60)
    assert [p for p in member.mirror_db.parent.iterdir()
            if "corrupt" in p.name]
    member.cli("pull", "--project", member.project, "d0", "d1", check=7)
    assert (member.root / "d0" / "0").read_bytes() == b"mine"
    assert (member.root / "d1" / "17").read_bytes() == b"17 of mine"
    assert (member.root / "d0" / "8").read_bytes() == b"8"
