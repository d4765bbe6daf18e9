"""Roots that were replaced on purpose, and the publisher's role."""

import shutil

import pytest

from harness import write
from wait import never, wait_for

FILES = 40


@pytest.fixture
def full(owner):
    for i in range(FILES):
        write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
    owner.agree()
    return owner


def deletions(owner, since=0):
    return [e["change"]["path"] for e in owner.events(since)
            if e["change"]["op"] == "delete"]


def replace(owner, marker=True):
    """The folder by a copy of it, as from a backup; what it was."""
    aside = owner.base / "aside"
    copy = owner.base / "copy"
    shutil.copytree(owner.root, copy, symlinks=True)
    if not marker:
        shutil.rmtree(copy / ".vsync")
    owner.root.rename(aside)
    copy.rename(owner.root)
    return aside


def test_nothing_to_adopt(full):
    run = full.cli("adopt", check=4)
    assert "nothing to adopt" in run.said
    full.agree(flush=False)


def test_a_restored_backup(full):
    replace(full)
    (full.root / "d0" / "0").unlink()
    write(full.root / "d1" / "1", b"older")
    write(full.root / "new", b"new")
    full.cli("rescan")
    status = full.await_state("root_lost")
    assert "vsync adopt" in status["problems"][0]["hint"]
    head = full.head()
    never(lambda: full.head() != head, "something was sent", 1)
    doc = full.cli("adopt", "--json", check=0).json
    assert doc["adopted"] and not doc["took_over"]
    assert doc["project_id"] == full.project
    full.agree()
    changed = {e["change"]["path"] for e in full.events(head)}
    assert changed == {"d0/0", "d1/1", "new"}, changed
    # it is the root from now on, watched and over a restart
    write(full.root / "d2" / "after", b"1")
    full.agree()
    full.restart()
    assert full.await_state("in_sync")["problems"] == []
    assert full.cli("adopt").code == 4
    full.agree()


def test_adopted_while_it_was_down(full):
    full.stop()
    replace(full)
    full.start()
    full.await_state("root_lost")
    head = full.head()
    run = full.cli("adopt", check=0)
    assert str(full.root) in run.text and "vsync status" in run.text
    full.agree()
    assert full.head() == head, "a copy of the same made events"


def test_without_its_marker(full):
    replace(full, marker=False)
    full.cli("rescan")
    full.await_state("root_lost")
    run = full.cli("adopt", check=7)
    assert "marker" in run.said and "--new-marker" in run.said
    assert not (full.root / ".vsync" / "root-id").exists()
    full.await_state("root_lost")
    head = full.head()
    full.cli("adopt", "--new-marker", check=0)
    full.agree()
    assert full.head() == head


def test_marker_of_another_project(full):
    replace(full)
    marker = full.root / ".vsync" / "root-id"
    write(marker, b"0" * 32 + b"\n")
    full.cli("rescan")
    full.await_state("root_lost")
    for args in ((), ("--new-marker",)):
        run = full.cli("adopt", *args, check=7)
        assert "another project" in run.said
    assert marker.read_bytes() == b"0" * 32 + b"\n"


def test_folder_not_there(full):
    full.root.rename(full.base / "aside")
    full.cli("rescan")
    full.await_state("root_lost")
    for args in ((), ("--new-marker",), ("--take-over",)):
        run = full.cli("adopt", *args, check=7)
        assert "not there" in run.said
    assert not deletions(full)


def test_an_empty_folder_is_held(full):
    """Adopted by mistake, an empty mount point empties nothing."""
    full.root.rename(full.base / "aside")
    full.root.mkdir()
    full.cli("rescan")
    full.await_state("root_lost")
    full.cli("adopt", check=7)
    full.cli("adopt", "--new-marker", check=0)
    status = full.await_state("held", timeout=30)
    assert status["held"] >= FILES
    assert not deletions(full)
    assert len(full.listing()) == FILES + 4
    shutil.rmtree(full.root)
    (full.base / "aside").rename(full.root)
    full.cli("rescan")
    full.await_state("root_lost")
    full.cli("adopt", check=0)
    full.agree()
    assert not deletions(full)


def test_adopted_and_killed(full):
    """The new root is durable before adopt says so."""
    replace(full)
    full.cli("rescan")
    full.await_state("root_lost")
    full.cli("adopt", check=0)
    full.restart()
    full.agree()
    assert full.status()["state"] == "in_sync"
    wait_for(lambda: not deletions(full), "no deletion", 1)
