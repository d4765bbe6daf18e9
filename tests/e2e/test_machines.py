"""Two machines of one owner with the same folder, which something else
(here: the test, as Syncthing would) carries between them, late."""

import os
import shutil

import pytest

import views
from harness import write
from wait import never, wait_for

FILES = 60


def carry(source, sink, delete=True):
    """What Syncthing does in the end: sink becomes what source is."""
    here, there = views.disk(source), views.disk(sink)
    for path, entry in sorted(here.items()):
        a, b = source / path, sink / path
        if entry[0] == views.DIR:
            b.mkdir(exist_ok=True)
        elif there.get(path) != entry:
            shutil.copy2(a, str(b) + ".tmp~")
            os.replace(str(b) + ".tmp~", b)
    for path in sorted(set(there) - set(here), reverse=True):
        if delete and there[path][0] == views.DIR:
            shutil.rmtree(sink / path, ignore_errors=True)
        elif delete:
            (sink / path).unlink(missing_ok=True)


def second(world, first):
    """The other machine: a device of its own, a copy of the folder."""
    other = world.owner(root=None)
    carry(first.root, other.root)
    other.login()
    doc = other.cli("init", other.root, "--project", "film", "--json",
                    check=0).json
    assert doc["project_id"] == first.project and not doc["made"]
    other.project = first.project
    return other.start()


@pytest.fixture
def two(world, owner):
    for i in range(FILES):
        write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
    owner.agree()
    return owner, second(world, owner)


def fenced(machine):
    """It says that another one publishes, and how to change that."""
    status = machine.await_state("degraded", timeout=20)
    problem = {p["code"]: p for p in status["problems"]}["not_publisher"]
    assert "another device" in problem["message"]
    assert "vsync adopt --take-over" in problem["hint"]
    assert machine.cli("status", "--check").code == 3


def since(owner, head):
    return [(e["change"]["op"], e["change"]["path"])
            for e in owner.events(head)]


def test_a_second_machine_that_is_the_same(two):
    """Equal copies make no event; the second knows who publishes."""
    first, other = two
    head = first.head()
    fenced(other)
    status = other.status()
    assert status["outbox"] == 0 and status["tree_equal"], status
    assert first.head() == head
    assert other.manifest() == first.manifest()


def test_the_lagging_one_undoes_nothing(two):
    first, other = two
    fenced(other)
    head = first.head()
    write(first.root / "d0" / "0", b"edited by the first")
    write(first.root / "made", b"by the first")
    (first.root / "d1" / "1").unlink()
    first.agree()
    want = first.listing()
    # the other lags, and is looked at in all ways there are
    for again in (False, True):
        if again:
            other.restart()
        other.cli("rescan")
        fenced(other)
    assert first.listing() == want
    assert since(first, head) == [
        e for e in since(first, head) if e[1] in
        ("d0/0", "made", "d1/1")]
    # it knows its own disk all the same
    assert other.manifest() == other.disk()
    # what the folder's carrier brings late is published once: by the first
    after = first.head()
    carry(first.root, other.root)
    other.cli("rescan")
    never(lambda: first.head() != after, "something was sent", 1)
    # an edit over there reaches the cloud by way of the first
    write(other.root / "d2" / "2", b"edited by the other")
    other.cli("rescan")
    never(lambda: first.head() != after, "something was sent", 1)
    carry(other.root, first.root)
    first.agree()
    assert since(first, after) == [("update", "d2/2")]


def test_take_over_and_back(two):
    first, other = two
    fenced(other)
    head = first.head()
    write(other.root / "d3" / "3", b"edited by the other")
    other.cli("rescan")
    fenced(other)
    doc = other.cli("adopt", "--take-over", "--json", check=0).json
    assert doc["took_over"] and doc["generation"] > 1
    other.agree()
    assert since(other, head) == [("update", "d3/3")]
    # the first lags now: nothing of it is undone
    head = other.head()
    write(first.root / "d0" / "late", b"by the first")
    (first.root / "d0" / "0").unlink()
    for again in (False, True):
        if again:
            first.restart()
        first.cli("rescan")
        fenced(first)
    assert other.head() == head
    # and back again, after the folder was carried both ways
    carry(other.root, first.root, delete=False)
    (first.root / "d0" / "0").unlink()
    (other.root / "d0" / "0").unlink()
    carry(first.root, other.root)
    other.flush()
    run = first.cli("adopt", "--take-over", check=0)
    assert "published from this machine" in run.text
    first.agree()
    write(first.root / "last", b"1")
    first.agree()
    other.cli("rescan")
    fenced(other)
    carry(first.root, other.root)
    other.cli("rescan")
    assert other.disk() == first.disk()
    never(lambda: since(first, head) != since(first, head), "unrest", 0.5)
    listed = first.listing()
    assert listed == first.disk() and views.replay(first.events()) == listed


def test_take_over_by_a_copy_that_lacks_much(two):
    """30 % and more is missing there: held, not deleted."""
    first, other = two
    fenced(other)
    for i in range(200):
        write(first.root / "more" / str(i), b"%d" % i)
    first.agree()
    other.cli("rescan")
    fenced(other)
    head = first.head()
    other.cli("adopt", "--take-over", check=0)
    status = other.await_state("held", timeout=30)
    assert status["held"] >= 200
    assert not [e for e in since(first, head) if e[0] == "delete"]
    assert len([p for p in first.listing() if p.startswith("more/")]) == 200
    # the folder comes after all
    carry(first.root, other.root)
    other.cli("rescan")
    other.agree()
    assert not [e for e in since(first, head) if e[0] == "delete"]


def test_what_was_on_its_way_when_the_role_went(two):
    """Changes the first could not send any more are published by whoever
    has them on its disk."""
    first, other = two
    fenced(other)
    first.cli("pause", check=0)
    write(first.root / "waiting", b"1")
    first.cli("rescan")
    other.cli("adopt", "--take-over", check=0)
    other.agree()
    first.cli("resume", check=0)
    fenced(first)
    assert "waiting" not in other.listing()
    carry(first.root, other.root)
    other.agree()
    assert "waiting" in other.listing()


def test_the_marker_came_along(world, owner):
    """Syncthing carried .vsync, too: each machine has its own folder all the
    same, and both go on."""
    write(owner.root / "a", b"1")
    owner.agree()
    other = world.owner()
    shutil.copytree(owner.root, other.root, dirs_exist_ok=True)
    other.login()
    other.cli("init", other.root, "--project", owner.project, check=0)
    other.project = owner.project
    other.start()
    fenced(other)
    owner.cli("rescan")
    owner.await_state("in_sync")
    assert owner.head() == 1


def test_init_of_a_project_there_is(world, owner):
    other = world.owner()
    other.login()
    run = other.cli("init", other.root, "--project", "flim")
    assert run.code == 4 and "flim" in run.said
    bob = world.owner(token=world.cloud.user("bob"))
    bob.login()
    assert bob.cli("init", bob.root, "--project", owner.project).code == 4
    # once a machine
    run = owner.cli("init", other.root, "--project", "film", "--name", "b")
    assert run.code == 1 and "already" in run.said
    # two of one name are told apart by their ids
    third = world.owner()
    third.login()
    third.cli("init", third.root, "--name", "film", check=0)
    run = other.cli("init", other.root, "--project", "film")
    assert run.code == 7 and "id" in run.said
    run = other.cli("init", other.root, "--project", owner.project,
                    "--name", "mine", "--json", check=0)
    assert run.json["name"] == "mine"
    wait_for(lambda: True, "nothing", 1)
