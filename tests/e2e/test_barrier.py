"""flush and wait tell the truth; pause, resume, status, why, ls, log."""

import json
import random
import threading
import time

import pytest

import views
from harness import save_over, write
from wait import PATIENCE, never, wait_for


def test_flush_is_a_barrier(owner):
    """Fifty rounds: when flush returns, everything written before it is in
    the log, at once and without another look."""
    dice = random.Random(5)
    for n in range(50):
        kind = dice.randrange(6)
        names = []
        for i in range(dice.randrange(1, 8)):
            path = owner.root / ("r%d" % dice.randrange(9)) / (
                "f%d" % dice.randrange(12))
            if kind == 0 and path.exists():
                path.unlink()
            elif kind == 1 and path.exists():
                path.rename(path.parent / ("m%d-%d" % (n, i)))
            elif kind == 2:
                path.parent.mkdir(exist_ok=True)
                save_over(path, b"%d %d" % (n, i))
            else:
                write(path, b"%d %d" % (n, i) * dice.randrange(1, 2000))
            names.append(path)
        owner.flush()
        views.agree({"disk": owner.disk(), "replay": owner.replay()})
    owner.agree(flush=False)


def test_flush_under_fire(owner):
    """Somebody else keeps writing: flush still returns, and what was there
    before is in the log."""
    stop = threading.Event()

    def fire():
        n = 0
        while not stop.is_set():
            n += 1
            write(owner.root / "hot" / ("h%d" % (n % 20)), b"%d" % n)
            time.sleep(0.005)
    t = threading.Thread(target=fire)
    t.start()
    try:
        for n in range(10):
            write(owner.root / "mine", b"round %d" % n)
            owner.flush()
            row = owner.listing()["mine"]
            assert row == owner.disk()["mine"], n
    finally:
        stop.set()
        t.join()
    owner.agree()


def test_flush_from_the_command_line(world, owner):
    for i in range(10):
        write(owner.root / str(i), b"%d" % i)
        run = owner.cli("flush", "--json", check=0)
        assert run.json["last_seq"] == owner.head() == i + 1
    owner.cli("wait", "--in-sync", "--timeout", "20", check=0)
    world.cloud.stop()
    write(owner.root / "late", b"1")
    start = time.monotonic()
    run = owner.cli("flush", "--timeout", "1")
    assert run.code in (3, 5), run
    assert time.monotonic() - start < 6 * PATIENCE
    run = owner.cli("wait", "--in-sync", "--timeout", "1")
    assert run.code in (3, 5), run
    world.cloud.start()
    owner.cli("flush", "--timeout", "40", check=0)
    owner.agree(flush=False)


def test_flush_names_what_is_being_recorded(owner):
    """An open file cannot be in the cloud; the barrier says so instead of
    waiting for ever."""
    write(owner.root / "done", b"1")
    with open(owner.root / "live", "wb", buffering=0) as f:
        f.write(b"1" * 1000)
        doc = owner.flush()
        assert doc["recording"], doc
        assert "done" in owner.listing()
    assert not owner.flush()["recording"]
    owner.agree()


def test_wait_means_in_sync(owner):
    for i in range(200):
        write(owner.root / str(i), b"%d" % i)
    owner.cli("wait", "--in-sync", "--timeout", "30", check=0)
    status = owner.status()
    assert status["outbox"] == 0 and status["tree_equal"] is True
    assert status["tree"]["checksum"] == views.tree_checksum(
        owner.manifest())
    assert status["tree"] == status["cloud_tree"]
    owner.agree(flush=False)


@pytest.mark.parametrize("ms", [2**63 - 1, 10**15, 10**30])
def test_wait_for_ever(owner, ms):
    """However long the time given is, it is not over already."""
    write(owner.root / "a", b"1")
    for verb in ("/v1/flush", "/v1/wait"):
        a = owner.control.post(verb, 60, project=owner.project, timeout_ms=ms)
        assert a.status == 200 or ms > 2**63 and a.status == 400, a


def test_pause_and_resume(owner):
    write(owner.root / "before", b"1")
    owner.flush()
    owner.cli("pause", check=0)
    assert owner.status()["state"] == "paused"
    head = owner.head()
    write(owner.root / "meanwhile", b"1")
    (owner.root / "before").unlink()
    never(lambda: owner.head() != head, "a paused agent sent", 1.5)
    assert owner.cli("status", "--check").code == 3
    owner.restart()
    assert owner.status()["state"] == "paused", "a restart ended the pause"
    never(lambda: owner.head() != head, "a paused agent sent", 1)
    owner.cli("resume", check=0)
    assert list(owner.agree()) == ["meanwhile"]


def test_status_document(world, owner):
    write(owner.root / "d" / "f", b"12345")
    owner.agree()
    doc = owner.cli("status", "--json", check=0).json
    assert doc["agent"]["pid"] == owner.daemon.proc.pid
    assert doc["agent"]["server"] == world.cloud.url
    p = doc["projects"][0]
    assert p["name"] == "film" and p["role"] == "owner"
    assert p["root"] == str(owner.root) and p["state"] == "in_sync"
    assert (p["files"], p["directories"], p["bytes"]) == (1, 1, 5)
    assert p["dirs_watched"] == 2 and p["coverage"] == 1
    assert p["problems"] == [] and p["outbox"] == 0
    assert p["last_seq"] == 2 and p["log_id"] and p["last_scan_at"]
    assert owner.cli("status", "--check").code == 0
    text = owner.cli("status", check=0).text
    assert "film" in text and "in sync" in text


def test_status_check_by_state(world, owner):
    owner.cli("wait", "--in-sync", "--timeout", "20", check=0)
    assert owner.cli("status", "--check").code == 0
    world.cloud.stop()
    write(owner.root / "a", b"1")
    owner.await_state("offline", timeout=20)
    run = owner.cli("status", "--check", "--json")
    assert run.code == 3 and run.json["ok"] is False
    world.cloud.start()
    owner.flush()
    owner.cli("wait", "--in-sync", "--timeout", "20", check=0)
    assert owner.cli("status", "--check").code == 0


def test_why(world, owner):
    write(owner.root / "known", b"1")
    owner.flush()
    doc = owner.cli("why", "known", "--json", check=0).json
    assert doc["disk"] and doc["manifest"] and not doc["outbox"]
    world.cloud.stop()
    write(owner.root / "waiting", b"2")
    wait_for(lambda: owner.status()["outbox"], "the outbox", 10)
    doc = owner.cli("why", "waiting", "--json", check=0).json
    assert doc["outbox"] and doc["text"] and doc["waits_for"]
    os_path = owner.cli("why", owner.root / "waiting", check=0, cwd=owner.root)
    assert os_path.out
    run = owner.cli("why", "nothing here")
    assert run.code == 4, run
    world.cloud.start()
    owner.agree()


def test_ls(owner):
    for name in ("a.mov", "d/b.mov", "d/e/c.mov"):
        write(owner.root / name, name.encode())
    owner.flush()
    top = owner.cli("ls", "--json", check=0).json["files"]
    assert sorted(f["path"] for f in top) == ["a.mov", "d"]
    every = owner.cli("ls", "-R", "--json", check=0).json["files"]
    assert {f["path"]: views.row(f) for f in every} == owner.disk()
    assert all(f["badge"] == "=" for f in every), every
    part = owner.cli("ls", "-R", "d", "--json", check=0).json["files"]
    assert sorted(f["path"] for f in part) == ["d/b.mov", "d/e",
                                               "d/e/c.mov"]
    long = owner.cli("ls", "-l", check=0).text
    assert "a.mov" in long
    assert owner.cli("ls", "absent").code == 4


def test_ls_of_many(owner):
    """More than one page."""
    for i in range(1300):
        write(owner.root / ("f%04d" % i), b"")
    owner.flush(60)
    every = owner.cli("ls", "-R", "--json", check=0).json["files"]
    assert len({f["path"] for f in every}) == len(every) == 1300


def test_log(owner):
    for i in range(12):
        write(owner.root / ("f%d" % i), b"%d" % i)
        owner.flush()
    lines = owner.cli("log", "--since", "0", "--json-lines", check=0).out
    rows = [json.loads(x) for x in lines.splitlines()]
    assert [r["seq"] for r in rows] == list(range(1, 13))
    rows = [json.loads(x) for x in owner.cli(
        "log", "--since", "10", "--json-lines", check=0).out.splitlines()]
    assert [r["seq"] for r in rows] == [11, 12]
    doc = owner.cli("log", "--json", check=0).json
    assert doc["events"] and doc["last_seq"] == 12
    rows = [json.loads(x) for x in owner.cli(
        "log", "f3", "--since", "0", "--json-lines",
        check=0).out.splitlines()]
    assert [r["change"]["path"] for r in rows] == ["f3"]


def test_rescan(owner):
    write(owner.root / "a", b"1")
    owner.flush()
    run = owner.cli("rescan", "--json", check=0)
    assert run.json["entries"] >= 1 and run.json["errors"] == 0
    text = owner.cli("rescan", check=0)
    assert len(text.out.splitlines()) <= 1, "made for cron: one line"
    assert owner.cli("rescan", "absent").code == 4
    owner.cli("rescan", "a", check=0)
    run = owner.cli("rescan", "../..")
    assert run.code in (1, 2, 4), run


def test_metrics(owner):
    write(owner.root / "a", b"1")
    owner.flush()
    text = owner.control.get("/metrics").body.decode()
    for name in ("lag_seconds", "coverage_ratio", "overflow_total",
                 "queue_depth", "held_deletions", "last_success_timestamp",
                 "hash_bytes_total"):
        assert name in text, name
    assert text.rstrip().endswith("# EOF")


def test_project_by_name_id_and_folder(world, owner):
    other = owner.base / "sound"
    other.mkdir()
    owner.cli("init", other, "--name", "sound", "--json", check=0)
    assert owner.cli("ls", cwd=owner.base).code == 2, "two projects: which?"
    for args, cwd in ((["--project", "sound"], None), ([], other),
                      (["--project", owner.project], None)):
        owner.cli("ls", *args, cwd=cwd, check=0)
    assert owner.cli("ls", "--project", "nope").code == 4
    doc = owner.cli("status", "--json").json
    assert len(doc["projects"]) == 2


def test_watch_stream(owner):
    """What /v1/watch tells is what happens."""
    import http.client
    from http_json import UnixConnection
    conn = UnixConnection(owner.control.path, 20)
    conn.request("GET", "/v1/watch?project=" + owner.project)
    r = conn.getresponse()
    assert r.status == 200
    write(owner.root / "film.mov", b"1")
    types = []
    while "published" not in types:
        line = r.readline()
        assert line, types
        doc = json.loads(line)
        if doc.get("path") == "film.mov" or doc["type"] == "status":
            types.append(doc["type"])
    assert "committed" in types
    assert types.index("committed") < types.index("published")
    conn.close()
    assert isinstance(r, http.client.HTTPResponse)
    owner.agree()


@pytest.mark.alone
@pytest.mark.parametrize("runs", [40])
def test_quick_saves(owner, runs):
    """A save is in the log within 300 ms, seen by a long poll; the p99 of
    the contract is the demonstration's, here the median keeps it."""
    write(owner.root / "warm", b"1")
    owner.flush()
    head, took = owner.head(), []
    for n in range(runs):
        start = time.monotonic()
        save_over(owner.root / "save", b"%d" % n)
        doc = owner.api.get(owner.at("/events"), since_seq=head, wait=20,
                            limit=10).json
        took.append(time.monotonic() - start)
        head = doc["last_seq"]
        owner.flush()
        head = owner.head()
    took.sort()
    assert took[len(took) // 2] < 0.3, took
