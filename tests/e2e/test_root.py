"""The root folder is lost, in ways that need no privilege; the mounted ones
are in tests/fault/roots.py."""

import shutil

import pytest

from harness import write
from wait import never


@pytest.fixture
def full(owner):
    for i in range(30):
        write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
    owner.flush()
    return owner


def lost(owner, timeout=10):
    """It says what happened and what to do, and deletes nothing."""
    owner.cli("rescan")
    status = owner.await_state("root_lost", timeout=timeout)
    assert not status["in_sync"]
    worst = status["problems"][0]
    assert worst["severity"] == "error" and worst["message"]
    assert str(owner.root) in worst["message"] + worst["hint"], worst
    assert worst["hint"], worst
    run = owner.cli("status", "--check")
    assert run.code in (3, 7), run
    assert str(owner.root) in run.text
    before = owner.head()
    owner.cli("rescan")
    owner.cli("rescan", "--data")
    never(lambda: owner.head() != before, "something was sent", 0.7)
    assert not [e for e in owner.events() if e["change"]["op"] == "delete"]
    assert len(owner.listing()) == 34


def test_moved_away_and_back(full):
    aside = full.base / "aside"
    full.root.rename(aside)
    lost(full)
    aside.rename(full.root)
    full.cli("rescan")
    full.await_state("in_sync", timeout=30)
    write(full.root / "after", b"1")
    assert len(full.agree()) == 35


def test_moved_away_and_replaced(full):
    """An empty folder of the same name is not the root."""
    aside = full.base / "aside"
    full.root.rename(aside)
    full.root.mkdir()
    lost(full)
    full.root.rmdir()
    aside.rename(full.root)
    full.cli("rescan")
    full.agree()


def test_deleted(full):
    shutil.rmtree(full.root)
    full.cli("rescan")
    full.await_state("root_lost", "held")
    never(lambda: [e for e in full.events()
                   if e["change"]["op"] == "delete"], "deletions", 1)


def test_absent_at_start(full):
    full.stop()
    aside = full.base / "aside"
    full.root.rename(aside)
    full.start()
    lost(full)
    aside.rename(full.root)
    full.cli("rescan")
    full.await_state("in_sync", timeout=30)
    full.agree()


def test_replaced_at_start(full):
    full.stop()
    aside = full.base / "aside"
    full.root.rename(aside)
    full.root.mkdir()
    full.start()
    lost(full)


def test_marker_gone_at_start(full):
    """A folder that does not say who it is is not taken for the root."""
    full.stop()
    shutil.rmtree(full.root / ".vsync")
    shutil.rmtree(full.root / "d0")
    full.start()
    lost(full)


def test_symlink_instead_at_start(full):
    full.stop()
    aside = full.base / "aside"
    other = full.base / "other"
    full.root.rename(aside)
    other.mkdir()
    full.root.symlink_to(other)
    full.start()
    lost(full)
