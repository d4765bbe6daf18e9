"""The agent with a server that knows only deltas and a log of events
(seedcloud.py): what it publishes arrives, whatever the server does to it,
and nothing is said that cannot be known."""

import email.utils
import hashlib
import json
import time
import uuid

import pytest

import harness
from seedcloud import SeedCloud
from wait import PATIENCE, never, wait_for

TOKEN = "ada-0123456789abcdef0123456789abcdef"


class Plain(harness.Owner):
    """An owner whose server makes no projects: they are set up by hand."""

    def __init__(self, cloud):
        super().__init__(cloud, TOKEN)
        self.project = cloud.project
        mark = uuid.uuid4().hex
        (self.root / ".vsync").mkdir(mode=0o700)
        (self.root / ".vsync" / "root-id").write_text(mark + "\n")
        config = self.base / "config" / "vsync"
        config.mkdir(mode=0o700)
        (config / "config").write_text(
            "[server]\nurl = %s\n[project %s]\nname = film\nroot = %s\n"
            "root_id = %s\n" % (cloud.url, self.project, self.root, mark))
        (config / "token").write_text(TOKEN + "\n")
        (config / "token").chmod(0o600)
        self.state_dir.mkdir(mode=0o700)
        (self.state_dir / "device.json").write_text(json.dumps({
            "server": cloud.url, "user_id": str(uuid.uuid4()),
            "user_name": "ada", "device_id": str(uuid.uuid4())}))

    def disk(self):
        """Every file with size and hash."""
        return {str(p.relative_to(self.root)): (
            p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest())
            for p in self.root.rglob("*")
            if p.is_file() and not p.is_symlink() and ".vsync" not in p.parts}


def held(cloud):
    with cloud.lock:
        return {path: (f["size"], f["hash"])
                for path, f in cloud.files.items()}


def replayed(cloud):
    files = {}
    with cloud.lock:
        for e in cloud.log:
            c = e["change"]
            if c["op"] == "delete":
                files.pop(c["path"], None)
            else:
                files[c["path"]] = (c["size"], c["hash"])
    return files


def agree(owner, cloud, timeout=40):
    wait_for(lambda: held(cloud) == owner.disk(), "the server to have it all",
             timeout)
    assert replayed(cloud) == owner.disk()


def fill(owner, n, folder="takes"):
    top = owner.root / folder
    for i in range(n):
        sub = top / ("scene-%02d" % (i % 20))
        sub.mkdir(parents=True, exist_ok=True)
        (sub / ("a rather long name of a take, number %05d.mov" % i)) \
            .write_text("take %d" % i)


@pytest.fixture
def seed():
    cloud = SeedCloud(TOKEN, str(uuid.uuid4()))
    yield cloud
    cloud.close()


@pytest.fixture
def owner(seed):
    o = Plain(seed)
    yield o
    o.close()


def test_a_tree_through_a_limit_of_100_kib(owner, seed):
    fill(owner, 2000)
    owner.start()
    owner.cli("pause", check=0)  # until full batches can be had
    wait_for(lambda: owner.status()["files"] == 2000, "all to be hashed", 40)
    owner.cli("resume", check=0)
    agree(owner, seed)
    owner.flush()
    bodies = [r[3] for r in seed.asked("POST", "/files/update")]
    too_large = [b for b in bodies if b > seed.limit]
    assert too_large, "the limit was never met"
    # halved and remembered: not run into again and again
    assert len(too_large) <= 5, bodies
    assert len(seed.log) == 2000, "files only, and each once"
    # and over a restart
    owner.kill()
    fill(owner, 600, "more")
    before = len(seed.asked("POST", "/files/update"))
    owner.start()
    agree(owner, seed)
    after = [r[3] for r in seed.asked("POST", "/files/update")[before:]]
    assert all(b <= seed.limit for b in after), after


def test_it_says_what_it_knows_and_no_more(owner, seed):
    fill(owner, 5)
    owner.start()
    agree(owner, seed)
    owner.flush()
    status = owner.await_state("unproven")
    assert status["in_sync"] is False and status["tree_equal"] is None
    assert "no_proof" in owner.problems()
    assert status["last_seq"] == seed.head()
    run = owner.cli("wait", "--in-sync", "--timeout", "30", timeout=40)
    assert run.code not in (0, 5) and "checksum" in run.said, run
    assert owner.cli("status", "--check").code == 3
    assert "unproven" in owner.cli("status").said


def test_changes_of_all_kinds(owner, seed):
    fill(owner, 30)
    owner.start()
    agree(owner, seed)
    files = sorted(p for p in owner.root.rglob("*.mov"))
    files[0].unlink()
    files[1].write_text("another cut")
    files[2].rename(owner.root / "moved.mov")
    (owner.root / "takes" / "scene-05").rename(owner.root / "cut")
    (owner.root / "link").symlink_to("moved.mov")
    # what took a file's place is no file: the file goes all the same
    files[3].unlink()
    files[3].mkdir()
    files[6].unlink()
    files[6].symlink_to("elsewhere")
    agree(owner, seed)
    owner.flush()
    refused = {r["path"]: r["reason"] for r in owner.status()["refused"]}
    assert "files only" in refused["link"]


def test_what_is_left_out_comes_again(owner, seed):
    missed = {}

    def leaves_out(path):
        """Every path the first two times."""
        missed[path] = missed.get(path, 0) + 1
        return missed[path] <= 2

    seed.leaves_out = leaves_out
    fill(owner, 40)
    owner.start()
    agree(owner, seed)
    assert set(missed.values()) == {3}
    owner.flush()
    assert not owner.status()["refused"]


def test_what_is_always_left_out_is_shown(owner, seed):
    bad = "takes/scene-03"
    seed.leaves_out = lambda path: path.startswith(bad)
    fill(owner, 60)
    owner.start()
    wait_for(lambda: len(held(seed)) == 57, "the others")
    wait_for(lambda: len(owner.status()["refused"]) == 3, "three to be shown",
             60)
    status = owner.status()
    assert all(r["path"].startswith(bad) and "not for this" in r["reason"]
               for r in status["refused"]), status["refused"]
    assert status["outbox"] == 0
    # once the server takes them, a scan offers them again
    seed.leaves_out = None
    owner.cli("rescan", check=0)
    agree(owner, seed)
    wait_for(lambda: not owner.status()["refused"], "no more to be shown")


def test_errors_come_as_html(owner, seed):
    seed.failures = [("html", 500, "Internal Server Error"),
                     ("html", 502, "Bad Gateway"),
                     ("json", 500, {"error": "Failed to update files"}),
                     ("html", 200, "Welcome to the guest network")]
    fill(owner, 20)
    owner.start()
    agree(owner, seed)
    assert not seed.failures
    assert len(seed.log) == 20


def test_one_path_it_fails_over_stops_no_other(owner, seed):
    fill(owner, 12)
    (owner.root / "poison").write_text("x")
    seed.fails_over = lambda path: path == "poison"
    owner.start()
    wait_for(lambda: len(held(seed)) == 12, "the others", 90)
    wait_for(lambda: owner.status()["outbox"] == 1, "one to wait")
    (owner.root / "later.mov").write_text("y")
    wait_for(lambda: "later.mov" in held(seed), "one that came later", 60)
    seed.fails_over = None
    agree(owner, seed, 60)


@pytest.mark.parametrize("after,least", [
    ("2", 2), (lambda: email.utils.formatdate(time.time() + 3, usegmt=True),
               1.5), ("-5", 0), ("soon", 0)])
def test_too_many_requests(owner, seed, after, least):
    value = after if isinstance(after, str) else after()
    seed.failures = [("json", 429, {"error": "Too many requests"},
                      [("Retry-After", value)])]
    fill(owner, 3)
    owner.start()
    agree(owner, seed)
    posts = seed.asked("POST", "/files/update")
    assert posts[1][0] - posts[0][0] >= least * 0.95


def test_ten_years_are_an_hour(owner, seed):
    seed.failures = [("json", 429, {"error": "Too many requests"},
                      [("Retry-After", "315360000")])]
    fill(owner, 3)
    owner.start()
    wait_for(lambda: not seed.failures, "the refusal")
    wait_for(lambda: "offline" in owner.problems(), "it to be said")
    never(lambda: held(seed), "not sent before its time", 3)
    # a person does not have to wait that long
    owner.cli("pause", check=0)
    owner.cli("resume", check=0)
    agree(owner, seed)


def test_answers_lost_after_the_commit(owner, seed):
    seed.cuts = 2
    fill(owner, 10)
    owner.start()
    agree(owner, seed)
    owner.flush()
    # at least once, and it ends
    assert len(seed.log) == 30
    never(lambda: len(seed.log) != 30, "nothing more is sent", 1)


def test_slow_answers_make_small_batches(owner, seed):
    seed.delay = lambda changes: changes * 0.02
    fill(owner, 900)
    owner.start()
    agree(owner, seed, 120)
    posts = [r[3] for r in seed.asked("POST", "/files/update")
             if r[3] <= seed.limit]
    assert max(posts) > 1.8 * max(posts[-3:]), posts


def test_killed_in_between(owner, seed):
    seed.delay = lambda changes: 0.5
    fill(owner, 700)
    owner.start()
    wait_for(lambda: len(seed.log) > 0, "the first batch")
    for _ in range(4):
        time.sleep(0.3 * PATIENCE)
        owner.kill()
        owner.start()
    agree(owner, seed)
    listings = len(seed.asked("GET", "/files?"))
    owner.restart()
    (owner.root / "late").write_text("z")
    agree(owner, seed)
    assert len(seed.asked("GET", "/files?")) == listings, \
        "what the server is was forgotten"


def test_state_deleted(owner, seed):
    fill(owner, 700)
    owner.start()
    agree(owner, seed)
    owner.flush()
    owner.kill()
    head = seed.head()
    for f in owner.manifest_db.parent.iterdir():
        f.unlink()
    victim = next(owner.root.rglob("*00007.mov"))
    victim.unlink()
    (owner.root / "new").write_text("n")
    owner.start()
    agree(owner, seed)
    owner.flush()
    # the log said what is there: nothing of it is sent again
    assert seed.head() == head + 2


def test_somebody_else_writes(owner, seed):
    fill(owner, 5)
    owner.start()
    agree(owner, seed)
    owner.kill()
    seed.commit([{"path": "takes/stray", "op": "create", "size": 1,
                  "hash": "aa", "mtime": 1}])
    owner.start()
    agree(owner, seed)  # the disk is the truth


def test_what_is_no_path_is_not_ours(owner, seed):
    """Its log may hold anything: what is no path is neither believed to be
    there nor asked to go."""
    fill(owner, 5)
    owner.start()
    agree(owner, seed)
    owner.flush()
    owner.kill()
    odd = ["../out", "a//b", "a/./b", "a/../b", "a/",
           ".vsync/root-id", "x" * 256]
    seed.commit([{"path": p, "op": "create", "size": 1, "hash": "aa",
                  "mtime": 1} for p in odd])
    stray = {"path": "takes/stray", "op": "create", "size": 1, "hash": "aa",
             "mtime": 1}
    seed.commit([stray])
    head = seed.head()
    owner.start()
    wait_for(lambda: "takes/stray" not in held(seed), "what is one to go")
    owner.flush()
    assert [e["change"]["path"] for e in seed.log[head:]] == ["takes/stray"]
    assert set(held(seed)) >= set(odd)


@pytest.mark.parametrize("disguise", [
    lambda reply: "Welcome to the guest network",
    lambda reply: {"success": True},
    lambda reply: dict(reply, total=reply["total"] + 1),
    lambda reply: dict(reply, results=[
        dict(r, path="x" + r["path"]) for r in reply["results"]]),
    lambda reply: dict(reply, results=reply["results"][:-1]),
    lambda reply: dict(reply, success=False),
    lambda reply: dict(reply, results=[
        dict(r, status="queued") for r in reply["results"]]),
], ids=["html", "bare", "total", "paths", "count", "failed", "queued"])
def test_an_answer_that_changes_is_no_success(owner, seed, disguise):
    fill(owner, 4)
    owner.start()
    agree(owner, seed)
    owner.flush()
    seed.disguise = disguise
    (owner.root / "one more").write_text("1")
    (owner.root / "and another").write_text("2")
    wait_for(lambda: "one more" in held(seed), "it to be sent")
    wait_for(lambda: "offline" in owner.problems(), "it to be said")
    assert owner.status()["outbox"] == 2
    owner.restart()
    never(lambda: owner.status()["outbox"] != 2, "nothing is believed", 1)
    seed.disguise = None
    agree(owner, seed)
    owner.flush()
    assert owner.status()["outbox"] == 0


def test_one_that_names_its_log_is_held_to_it(owner, seed):
    """Once it has spoken as a vsync cloud does, nothing less counts."""
    fill(owner, 4)
    owner.start()
    agree(owner, seed)
    owner.flush()
    owner.kill()
    seed.log_id = "0d2f"
    owner.start()
    wait_for(lambda: seed.asked("GET", "limit=2"), "it to look")
    (owner.root / "one more").write_text("1")
    wait_for(lambda: "offline" in owner.problems(), "it to be said")
    seed.log_id = None
    owner.restart()
    wait_for(lambda: "offline" in owner.problems(), "it to be said")
    assert owner.status()["outbox"] >= 1
    assert "one more" not in held(seed)


def test_a_vsync_cloud_is_never_taken_for_a_plain_one(world):
    world.cloud.start()
    owner = world.owner().setup()
    (owner.root / "a").write_text("a")
    owner.flush()
    world.cloud.kill()
    seed = SeedCloud(owner.token, owner.project, world.cloud.port)
    try:
        (owner.root / "b").write_text("b")
        wait_for(lambda: len(seed.log) > 0, "it to be sent", 40)
        wait_for(lambda: "offline" in owner.problems(), "it to be said")
        owner.restart()
        never(lambda: owner.status()["outbox"] != 1, "not believed", 2)
    finally:
        seed.close()
    world.cloud.start()
    owner.cli("pause", check=0)
    owner.cli("resume", check=0)  # now, and not after the pause it makes
    owner.flush()
    owner.await_state("in_sync")
