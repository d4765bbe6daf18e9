"""A mass deletion waits for a person."""

import json
import shutil

import pytest

from harness import write
from http_json import UnixConnection
from wait import never, wait_for

FILES = 400


@pytest.fixture
def full(owner):
    """400 files in four folders, published."""
    for i in range(FILES):
        write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
    write(owner.root / "stays", b"1")
    owner.flush()
    return owner


def wipe(owner):
    for i in range(4):
        shutil.rmtree(owner.root / ("d%d" % i))


def deletions(owner):
    return [e for e in owner.events() if e["change"]["op"] == "delete"]


def test_held_and_rejected_by_putting_back(full):
    before = full.listing()
    wipe(full)
    status = full.await_state("held")
    assert status["held"] > 0 and not status["in_sync"]
    problem = full.problems()["held"]
    assert "vsync held" in problem["hint"], problem
    never(lambda: deletions(full), "a held deletion was sent", 1)
    assert full.listing() == before
    assert full.cli("status", "--check").code == 7
    assert full.cli("flush").code == 7
    doc = full.cli("held", "--json", check=0).json
    assert doc["count"] == status["held"] and doc["held"][0]["path"]
    # all else goes on
    write(full.root / "new", b"1")
    wait_for(lambda: "new" in full.listing(), "the new file", 10)
    # it was a mistake: the files come back
    for i in range(FILES):
        write(full.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
    wait_for(lambda: full.status()["held"] == 0, "nothing held", 20)
    full.agree()
    assert deletions(full) == []


def test_who_watches_is_told(full):
    conn = UnixConnection(full.control.path, 20)
    conn.request("GET", "/v1/watch?project=" + full.project)
    answer = conn.getresponse()
    wipe(full)
    doc = {}
    while doc.get("type") != "held":
        line = answer.readline()
        assert line, "the stream ended"
        doc = json.loads(line)
    conn.close()
    status = full.await_state("held")
    assert 0 < doc["n"] <= status["held"], (doc, status["held"])
    assert b"deletions are held" in full.daemon.log_text()


def test_approve(full):
    wipe(full)
    full.await_state("held")
    run = full.cli("held", "approve", "--yes", "--json", check=0)
    assert run.json["count"] >= FILES
    assert list(full.agree()) == ["stays"]
    assert len(deletions(full)) == FILES + 4
    assert full.await_state("in_sync")["held"] == 0


def test_approval_needs_a_word(full):
    """Where nobody can be asked, approving takes --yes."""
    wipe(full)
    full.await_state("held")
    run = full.cli("held", "approve")
    assert run.code == 2 and "--yes" in run.said, run
    never(lambda: deletions(full), "a held deletion was sent", 1)


def test_reject(full):
    """Forgotten until a scan sees again that they are gone."""
    before = full.listing()
    wipe(full)
    full.await_state("held")
    full.cli("held", "reject", check=0)
    assert full.listing() == before and deletions(full) == []
    full.cli("rescan")
    full.await_state("held")
    assert deletions(full) == []
    full.cli("held", "approve", "--yes", check=0)
    assert list(full.agree()) == ["stays"]


def test_held_outlives_a_restart(full):
    wipe(full)
    full.await_state("held")
    full.restart()
    full.await_state("held")
    never(lambda: deletions(full), "a held deletion was sent", 1)
    full.stop()
    full.start()
    full.await_state("held")
    full.cli("held", "approve", "--yes", check=0)
    assert list(full.agree()) == ["stays"]


def test_wiped_while_away(full):
    full.stop()
    wipe(full)
    full.start()
    full.await_state("held")
    never(lambda: deletions(full), "a held deletion was sent", 1)
    full.cli("held", "approve", "--yes", check=0)
    assert list(full.agree()) == ["stays"]


def test_slow_wipe_is_held_too(full):
    """One by one is no way around it: the first hundred may go."""
    for i in range(FILES):
        (full.root / ("d%d" % (i % 4)) / str(i)).unlink()
        if i % 40 == 0:
            full.cli("rescan")
    full.await_state("held", timeout=30)
    assert len(deletions(full)) <= 110
    full.cli("held", "approve", "--yes", check=0)
    full.agree()


def test_a_few_are_not_held(full):
    for i in range(60):
        (full.root / ("d%d" % (i % 4)) / str(i)).unlink()
    assert len(full.agree()) == FILES + 5 - 60
    assert full.status()["held"] == 0


def test_small_project_is_not_held(owner):
    """At most a hundred deletions do not wait, as long as something
    stays."""
    for i in range(91):
        write(owner.root / str(i), b"%d" % i)
    owner.flush()
    for i in range(90):
        (owner.root / str(i)).unlink()
    assert list(owner.agree()) == ["90"]


def test_everything_is_held(owner):
    """However little it was: an empty folder is a question."""
    for i in range(20):
        write(owner.root / str(i), b"%d" % i)
    owner.flush()
    for i in range(20):
        (owner.root / str(i)).unlink()
    owner.await_state("held")
    never(lambda: deletions(owner), "a held deletion was sent", 1)
    owner.cli("held", "approve", "--yes", check=0)
    assert owner.agree() == {}


def test_big_rename_is_not_held(full):
    """Every file gets another path, none is lost."""
    for i in range(4):
        (full.root / ("d%d" % i)).rename(full.root / ("e%d" % i))
    view = full.agree(timeout=60)
    assert len(view) == FILES + 5


def test_nothing_held(owner):
    run = owner.cli("held", "--json", check=0)
    assert run.json["count"] == 0
    assert owner.cli("held", "approve", "--yes").code in (0, 4)
