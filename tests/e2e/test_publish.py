"""The main corridor: what changes in the folder is in the log, once."""

import os

import pytest

import views
from harness import events_of, save_over, write
from wait import never, wait_for


def ops(events):
    return [(e["change"]["op"], e["change"]["path"]) for e in events]


def test_first_publication(world, cloud):
    """A folder that was full before the agent came."""
    owner = world.owner()
    for i in range(300):
        write(owner.root / ("reel %02d" % (i % 7)) / ("take %d.mov" % i),
              os.urandom(i * 7))
    owner.setup()
    view = owner.agree()
    assert len(view) == 307
    assert len(owner.events()) == 307


def test_empty_folder(owner):
    owner.flush()
    assert owner.agree() == {}
    assert owner.events() == []
    status = owner.status()
    assert status["state"] == "in_sync" and status["in_sync"] is True


def test_create_modify_delete(owner):
    f = write(owner.root / "a.txt", b"one")
    assert owner.agree()["a.txt"][1] == 3
    write(f, b"second")
    assert owner.agree()["a.txt"][1] == 6
    f.unlink()
    assert owner.agree() == {}
    got = events_of(owner.events(), "a.txt")
    assert [e["change"]["op"] for e in got] in (
        ["create", "update", "delete"], ["create", "create", "delete"])


def test_without_flush_it_comes_by_itself(owner):
    """No barrier helps here: the watcher alone."""
    write(owner.root / "scene" / "shot.mov", b"x" * 5000)
    wait_for(lambda: "scene/shot.mov" in owner.listing(), "the listing", 5)
    (owner.root / "scene" / "shot.mov").unlink()
    wait_for(lambda: "scene/shot.mov" not in owner.listing(), "the deletion",
             5)


def test_rename_file(owner):
    f = write(owner.root / "old.mov", b"film")
    owner.flush()
    head = owner.head()
    f.rename(owner.root / "new.mov")
    owner.agree()
    late = owner.events(head)
    assert sorted(ops(late)) == [("create", "new.mov"),
                                 ("delete", "old.mov")]
    assert ops(late)[0][1] == "new.mov", "the delete came before the create"


def test_rename_over_existing(owner):
    a = write(owner.root / "a", b"aaa")
    write(owner.root / "b", b"bbbbb")
    owner.flush()
    a.rename(owner.root / "b")
    view = owner.agree()
    assert list(view) == ["b"] and view["b"][1] == 3


def test_swap_two_files(owner):
    write(owner.root / "a", b"first")
    write(owner.root / "b", b"second!")
    owner.flush()
    (owner.root / "a").rename(owner.root / "t")
    (owner.root / "b").rename(owner.root / "a")
    (owner.root / "t").rename(owner.root / "b")
    view = owner.agree()
    assert view["a"][1] == 7 and view["b"][1] == 5


def test_rename_folder(owner):
    for i in range(40):
        write(owner.root / "day1" / "cam" / ("%d.mov" % i), b"%d" % i)
    owner.flush()
    (owner.root / "day1").rename(owner.root / "day2")
    view = owner.agree()
    assert len(view) == 42
    assert all(p.startswith("day2") for p in view)


def test_move_folder_out_and_in(owner):
    outside = owner.base / "outside"
    for i in range(40):
        write(owner.root / "in" / "deep" / str(i), b"%d" % i)
    write(owner.root / "stays", b"1")
    owner.flush()
    (owner.root / "in").rename(outside)
    assert list(owner.agree()) == ["stays"]
    outside.rename(owner.root / "back")
    assert len(owner.agree()) == 43


def test_delete_folder(owner):
    for i in range(30):
        write(owner.root / "d" / "e" / str(i), b"x%d" % i)
    write(owner.root / "stays", b"1")
    owner.flush()
    os.system("rm -rf '%s'" % (owner.root / "d"))
    assert list(owner.agree()) == ["stays"]


def test_file_becomes_folder_and_back(owner):
    p = write(owner.root / "thing", b"file")
    owner.flush()
    p.unlink()
    write(p / "inside", b"1")
    view = owner.agree()
    assert view["thing"][0] == views.DIR and "thing/inside" in view
    (p / "inside").unlink()
    p.rmdir()
    write(p, b"a file again")
    assert owner.agree()["thing"][0] == views.FILE


def test_fast_nested_folders(owner):
    """Children made before the watch on their parent is in place."""
    for i in range(20):
        write(owner.root / ("n%d" % i) / "a" / "b" / "c" / "d" / "f", b"x")
    assert len(owner.agree()) == 20 * 6


@pytest.mark.parametrize("save", ["rename", "backup", "exchange", "truncate"])
def test_editors(owner, save):
    """How editors save: rename over; old one aside, new one written; link
    games; truncate and write."""
    f = write(owner.root / "cut.edl", b"version 0")
    owner.flush()
    head = owner.head()
    for n in range(1, 6):
        data = b"version %d" % n
        if save == "rename":
            save_over(f, data)
        elif save == "backup":
            f.rename(str(f) + "~")
            write(f, data)
            os.unlink(str(f) + "~")
        elif save == "exchange":
            write(str(f) + ".new", data)
            os.link(f, str(f) + ".old")
            os.rename(str(f) + ".new", f)
            os.unlink(str(f) + ".old")
        else:
            write(f, data)
        owner.flush()
        assert owner.disk()["cut.edl"] == owner.listing()["cut.edl"]
    assert list(owner.agree()) == ["cut.edl"]
    got = events_of(owner.events(head), "cut.edl")
    assert "delete" not in [e["change"]["op"] for e in got], \
        "a saved file was gone for its readers"


def test_no_event_without_change(owner):
    """The same content and times: nothing to say; and a second agent run
    over an unchanged folder says nothing."""
    for i in range(20):
        write(owner.root / str(i), b"%d" % i)
    owner.flush()
    head = owner.head()
    owner.cli("rescan", "--data", check=0)
    assert owner.head() == head
    assert owner.stop()[0] == 0
    owner.start().flush()
    assert owner.head() == head
    owner.agree()


def test_empty_files_and_folders(owner):
    write(owner.root / "empty", b"")
    (owner.root / "folder").mkdir()
    view = owner.agree()
    assert view["empty"][1] == 0 and view["folder"][0] == views.DIR


def test_mode_and_time_alone(owner):
    """A change of mode or mtime alone is an event, not a new version."""
    f = write(owner.root / "script.sh", b"#!/bin/sh\n", mode=0o644)
    owner.flush()
    head, before = owner.head(), owner.api.get(
        owner.at("/files"), limit=10).json["files"][0]
    f.chmod(0o755)
    owner.flush()
    late = owner.events(head)
    assert len(late) == 1 and late[0]["change"]["mode"] & 0o777 == 0o755
    os.utime(f, (1_500_000_000, 1_500_000_000))
    owner.flush()
    late = owner.events(head)
    assert len(late) == 2
    assert late[1]["change"]["mtime"] == 1_500_000_000_000
    after = owner.api.get(owner.at("/files"), limit=10).json["files"][0]
    assert after["version"] == before["version"]
    owner.agree()


def test_same_size_same_mtime(owner):
    """An edit that hides behind utime(): ctime gives it away."""
    f = write(owner.root / "grade.cube", b"AAAAAAAAAA")
    st = f.stat()
    owner.flush()
    with open(f, "r+b") as o:
        o.write(b"BBBBBBBBBB")
    os.utime(f, ns=(st.st_atime_ns, st.st_mtime_ns))
    owner.agree()


def test_same_size_same_mtime_while_away(owner):
    f = write(owner.root / "grade.cube", b"AAAAAAAAAA")
    st = f.stat()
    owner.flush()
    owner.stop()
    f.write_bytes(b"BBBBBBBBBB")
    os.utime(f, ns=(st.st_atime_ns, st.st_mtime_ns))
    owner.start()
    owner.agree()


def test_changes_while_away(owner):
    for i in range(50):
        write(owner.root / "d" / str(i), b"%d" % i)
    owner.flush()
    owner.stop()
    for i in range(10):
        (owner.root / "d" / str(i)).unlink()
        write(owner.root / "new" / str(i), b"n")
        write(owner.root / "d" / str(i + 20), b"changed")
    owner.start()
    view = owner.agree()
    assert len(view) == 50 - 10 + 10 + 2


def test_hard_links(owner):
    a = write(owner.root / "a", b"linked")
    for i in range(20):
        os.link(a, owner.root / ("l%d" % i))
    assert len(owner.agree()) == 21
    with open(a, "ab") as f:
        f.write(b" and grown")
    owner.cli("rescan", check=0)
    assert {v[1] for v in owner.agree().values()} == {16}


def test_hard_links_written_by_one_name(owner):
    """The watcher hears of that name only; nobody asked for a rescan."""
    a = write(owner.root / "a", b"linked")
    for i in range(20):
        (owner.root / ("d%d" % i)).mkdir()
        os.link(a, owner.root / ("d%d" % i) / "l")
    owner.agree()
    for n, path in enumerate((a, owner.root / "d7" / "l", a)):
        with open(path, "ab") as f:
            f.write(b" and grown")
        view = owner.agree()
        assert {v[1] for v in view.values() if v[2]} == {16 + n * 10}
    path = owner.root / "d3" / "l"
    st = path.stat()
    with open(path, "r+b") as f:
        f.write(b"L")
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
    owner.agree()
    os.chmod(path, 0o600)
    owner.flush()
    modes = {r["mode"] for r in owner.api.pages(owner.at("/files"), "files",
                                                limit=500)
             if r["kind"] == views.FILE}
    assert modes == {0o600}, modes


def test_recording_waits_for_the_writer(owner):
    """A file that somebody still writes is not published, however long the
    writer pauses; it is when the writer closes it."""
    path = owner.root / "live.mov"
    with open(path, "wb", buffering=0) as f:
        f.write(b"0" * 100_000)
        wait_for(lambda: owner.status()["recording"] == 1, "recording", 10)

        def published():
            row = owner.listing().get("live.mov")
            return row and row[2]
        never(published, "an open file was published", 3)
        f.write(b"1" * 100_000)
        never(published, "an open file was published", 1)
    assert owner.agree()["live.mov"][1] == 200_000
    wait_for(lambda: owner.status()["recording"] == 0, "the end of it", 5)


def test_recording_does_not_stop_others(owner):
    with open(owner.root / "live.mov", "wb", buffering=0) as f:
        f.write(b"0" * 10_000)
        for i in range(20):
            write(owner.root / ("done%d" % i), b"x")
        wait_for(lambda: sum(p.startswith("done") for p in owner.listing())
                 == 20, "the closed ones", 10)
    owner.agree()


def test_mmap_write_after_close(owner):
    """No event tells of it: rescan finds it."""
    import mmap
    path = write(owner.root / "map.bin", b"\0" * 8192)
    owner.flush()
    fd = os.open(path, os.O_RDWR)
    m = mmap.mmap(fd, 8192)
    os.close(fd)
    m[100:105] = b"hello"
    m.flush()
    m.close()
    owner.cli("rescan", check=0)
    owner.agree()


def test_big_burst(owner):
    """More than a batch holds, in one go."""
    for i in range(1700):
        write(owner.root / ("f%d" % (i % 13)) / str(i), b"%d" % i)
    assert len(owner.agree(timeout=60)) == 1713


def test_two_projects_one_agent(world, owner):
    other = owner.base / "sound"
    write(other / "wild track.wav", b"noise")
    write(owner.root / "a", b"1")
    doc = owner.cli("init", other, "--name", "sound", "--json", check=0).json
    owner.flush()
    first, owner.project = owner.project, doc["project_id"]
    owner.flush()
    assert list(owner.listing()) == ["wild track.wav"]
    owner.project = first
    owner.agree()
