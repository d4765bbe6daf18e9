"""The wire contract by hand: batches exactly once, one publisher, pages,
long polls, snapshots."""

import gzip
import json
import threading
import time
import uuid

import pytest

import views
from publisher import Publisher, delete, put
from wait import PATIENCE


@pytest.fixture
def pub(world, cloud):
    return Publisher(cloud.api(world.token))


def outcome(doc):
    """What an answer says, without what may differ between repeats."""
    return doc["results"], doc["held"], doc["errors"], doc["last_seq"]


def test_batch_answer(pub):
    doc = pub.publish(put("a", "1"), put("b", "22"), delete("nothing here"))
    assert doc["success"] is True and doc["total"] == 3
    assert [r["seq"] for r in doc["results"][:2]] == [1, 2]
    assert [r["version"] for r in doc["results"][:2]] == [1, 1]
    assert doc["batch"] == {"epoch": pub.epoch, "counter": 1}
    assert doc["last_seq"] == 2 and doc["log_id"]
    assert doc["tree"]["count"] == 2 and doc["tree"]["bytes"] == 3
    assert doc["tree"]["checksum"] == views.tree_checksum(pub.listing())
    pub.agree()


def test_repeat_gets_the_first_answer(pub):
    body = pub.body([put("a", "1"), put("b"), delete("b")])
    first = pub.send(body)
    assert first.status == 200
    for _ in range(3):
        again = pub.send(body)
        assert again.status == 200
        assert outcome(again.json) == outcome(first.json)
    assert len(pub.events()) == 3


def test_repeat_after_restart(world, pub):
    body = pub.body([put("a", "1"), put("a", "2"), delete("a")])
    first = pub.send(body).json
    world.cloud.kill()
    world.cloud.start()
    again = pub.send(body).json
    assert outcome(again) == outcome(first)
    assert len(pub.events()) == 3


def test_repeats_at_once(pub):
    """The same batch from eight connections at the same moment."""
    body = pub.body([put("f%d" % i) for i in range(200)])
    got = []

    def send():
        got.append(pub.send(body))
    threads = [threading.Thread(target=send) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert [a.status for a in got] == [200] * 8
    assert len({json.dumps(outcome(a.json)) for a in got}) == 1
    assert len(pub.events()) == 200


def test_other_body_is_a_mismatch(pub):
    pub.publish(put("a", "1"))
    a = pub.send(pub.body([put("a", "2")], counter=1))
    assert a.status == 409 and a.json["code"] == "batch_mismatch", a
    assert len(pub.events()) == 1


def test_gap(pub):
    pub.publish(put("a"))
    a = pub.send(pub.body([put("b")], counter=3))
    assert a.status == 409 and a.json["expected"] == 2, a
    assert pub.send(pub.body([put("b")], counter=2)).status == 200
    assert len(pub.events()) == 2


def test_stale_epoch(pub):
    old = pub.epoch
    pub.publish(put("a"))
    pub.epoch, pub.counter = str(uuid.uuid4()), 0
    pub.publish(put("b"))
    for counter in (1, 2):
        a = pub.send(pub.body([put("c")], counter=counter, epoch=old))
        assert a.status == 409 and a.json["code"] == "stale_epoch", a
    assert sorted(pub.agree()) == ["a", "b"]


def test_not_publisher(pub):
    pub.publish(put("a"))
    other = Publisher(pub.api, "second machine", project=pub.project)
    a = other.send(other.body([delete("a")]))
    assert a.status == 409 and a.json["code"] == "not_publisher", a
    assert list(pub.agree()) == ["a"]
    pub.publish(put("b"))


def test_refused_changes_have_their_index(pub):
    bad = ["..", "a/../b", "../../etc/passwd", "a//b", "a/./b", "", "/",
           "a/", "x" * 256, "d/" * 2048 + "f"]
    doc = pub.publish(put("good1"), *[put(p) for p in bad], put("good2"))
    assert [e["index"] for e in doc["errors"]] == list(
        range(1, len(bad) + 1)), doc["errors"]
    assert {e["code"] for e in doc["errors"]} == {"bad_path"}
    assert all(e["error"] for e in doc["errors"])
    assert sorted(pub.agree()) == ["good1", "good2"]


def test_nul_lone_surrogate_and_bad_utf8(pub):
    text = pub.body([put("SUR")]).decode()
    a = pub.send(text.replace("SUR", "\\ud800").encode())
    assert a.status == 400 or a.json["errors"], a
    a = pub.send(text.replace("SUR", "a\\u0000b").encode())
    assert a.status == 400 or a.json["errors"], a
    a = pub.send(text.encode().replace(b"SUR", b"\xc0\xaf"))
    assert a.status == 400 or a.json["errors"], a
    assert pub.events() == []


def test_leading_slash_is_echoed(pub):
    doc = pub.publish(put("/lead.mov"))
    assert doc["results"][0]["path"] == "/lead.mov"
    assert list(pub.agree()) == ["lead.mov"]


def test_no_op_makes_no_event(pub):
    first = pub.publish(put("a", "same"))["results"][0]
    again = pub.publish(put("a", "same", op="update"))["results"][0]
    assert (again["seq"], again["version"]) == (first["seq"],
                                                first["version"])
    touched = pub.publish(put("a", "same", mtime=1_700_000_001_000))
    assert touched["results"][0]["version"] == first["version"]
    assert touched["results"][0]["seq"] == 2
    changed = pub.publish(put("a", "other"))["results"][0]
    assert changed["version"] == first["version"] + 1
    assert len(pub.events()) == 3


def test_revive(pub):
    pub.publish(put("a", "1"))
    pub.publish(delete("a"))
    assert pub.listing() == {}
    v = pub.publish(put("a", "2"))["results"][0]["version"]
    assert v > 1
    rows = pub.api.get(pub.at("/files"), limit=10).json["files"]
    assert [r["path"] for r in rows] == ["a"]


def test_base_version_conflict(pub):
    pub.publish(put("a", "1"))
    doc = pub.publish(put("a", "2", base_version=7))
    assert doc["errors"][0]["code"] == "conflict"
    assert doc["errors"][0]["version"] == 1
    assert pub.publish(put("a", "2", base_version=1))["errors"] == []


def test_times_accepted(pub):
    forms = {"n": 1_731_866_400_123, "f": 1_731_866_400_123.25,
             "z": "2024-11-17T18:00:00.123Z",
             "o": "2024-11-17T19:00:00.123+01:00",
             "b": "2024-11-17T19:00:00.123 01:00"}
    doc = pub.publish(*[put(p, mtime=t) for p, t in forms.items()])
    assert doc["errors"] == []
    for r in pub.api.get(pub.at("/files"), limit=10).json["files"]:
        assert r["modified_at"] == "2024-11-17T18:00:00.123Z", r


def test_bulk_deletion_is_held(pub):
    pub.publish(*[put("f%d" % i) for i in range(400)])
    doc = pub.publish(*[delete("f%d" % i) for i in range(150)])
    held = doc["held"]
    assert 0 < len(held) and len(pub.listing()) >= 400 - 100
    assert all(h["hold_id"] and h["path"] for h in held)
    a = pub.api.get(pub.at("/holds"))
    assert a.status == 200, a
    pub.agree()
    for hold in {h["hold_id"] for h in held}:
        a = pub.api.post(pub.at("/holds/" + hold), {"approve": True})
        assert a.status == 200, a
    assert len(pub.agree()) == 250


def test_rename_is_no_deletion(pub):
    """150 renames of 400 files in one batch: nothing is held."""
    pub.publish(*[put("f%d" % i, str(i)) for i in range(400)])
    changes = []
    for i in range(150):
        changes += [put("g%d" % i, str(i), renamed_from="f%d" % i),
                    delete("f%d" % i)]
    assert pub.publish(*changes)["held"] == []
    assert len(pub.agree()) == 400


# What is refused as a whole

def refused(a, *status):
    assert a.status in status, a
    doc = a.json
    assert doc["error"] and isinstance(doc["error"], str), a
    assert doc["code"], a


def test_unknown_routes_are_json(cloud, world, pub):
    for path in ("/", "/nope", "/api", "/api/projects/%s/nope" % pub.project,
                 "/api/projects/not-a-uuid/files", "/%ff", "/api//projects",
                 "/api/projects/%s/../../etc/passwd" % pub.project):
        refused(pub.api.raw("GET", path), 404, 400)
    refused(pub.api.raw("DELETE", "/api/projects"), 405)
    refused(pub.api.raw("PUT", pub.at("/files/update"), b"{}"), 405)
    refused(pub.api.raw("BREW", "/api/projects"), 400, 405, 501)


def test_tokens(cloud, world, pub):
    for token in (None, "", "wrong", "x" * 5000, "0" * 64):
        refused(cloud.api(token).raw("GET", pub.at("/files")), 401)
    a = cloud.api(None).get(pub.at("/files"), token=world.token)
    assert a.status == 401, "a token in the query of plain HTTP"


def test_stranger_sees_404(cloud, world, pub):
    world.cloud.stop()
    bob = world.cloud.user("bob")
    world.cloud.start()
    api = cloud.api(bob)
    assert api.get("/api/me").json["user"]["name"] == "bob"
    for rest in ("/files", "/events", "/snapshot"):
        refused(api.get(pub.at(rest)), 404)
    a = api.post(pub.at("/files/update"), {"changes": [put("a")]})
    refused(a, 404)
    projects = api.get("/api/projects").json["projects"]
    assert projects == []


def test_somebody_elses_device(cloud, world, pub):
    """A device id is no secret: the user behind it counts."""
    world.cloud.stop()
    bob = world.cloud.user("bob")
    world.cloud.start()
    theirs = Publisher(cloud.api(bob), "theirs")
    theirs.device = pub.device
    a = theirs.send(theirs.body([put("a")]))
    refused(a, 400, 403, 404, 409)


BAD_JSON = {
    "empty": b"", "not json": b"hello", "array": b"[]", "null": b"null",
    "open": b'{"changes":[', "tail": b'{"changes":[]} x',
    "no changes": b"{}", "zero changes": b'{"changes":[]}',
    "changes object": b'{"changes":{}}', "not objects": b'{"changes":[1]}',
    "bom": b"\xef\xbb\xbf{}", "nan": b'{"changes":[NaN]}',
    "two keys": b'{"changes":[],"changes":[]}',
    "deep": b'{"changes":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "bad utf8": b'{"changes":[{"path":"\xff","op":"delete"}],"x":1}',
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json(pub, name):
    a = pub.send(BAD_JSON[name])
    if name == "not objects" and a.status == 200:
        assert a.json["errors"], a
    else:
        refused(a, 400, 413)
    assert pub.events() == []
    assert pub.api.get("/healthz").status == 200


BAD_FIELDS = [
    {"op": "explode"}, {"op": 1}, {"op": None}, {"size": -1},
    {"size": "12"}, {"size": 1.5}, {"size": 1e400}, {"size": 2 ** 70},
    {"hash": 7}, {"hash": "zz" * 32}, {"hash": "A" * 64},
    {"mtime": "yesterday"}, {"mtime": []}, {"kind": "fifo"},
    {"path": 5}, {"path": None}, {"mode": "rwx"}, {"mode": 1 << 40},
    {"base_version": "x"},
]


@pytest.mark.parametrize("field", BAD_FIELDS, ids=str)
def test_bad_fields(pub, field):
    """Each is named, and its neighbours in the batch are not harmed or the
    whole batch is refused; never a crash, never a silent guess."""
    change = dict(put("a"), **field)
    a = pub.send(pub.body([change, put("b")]))
    if a.status == 200:
        errors = a.json["errors"]
        assert [e["index"] for e in errors] == [0], a
        assert list(pub.agree()) == ["b"]
    else:
        refused(a, 400)
        assert pub.events() == []


EPOCH = "11111111-1111-4111-8111-111111111111"
BAD_BATCH = [
    5, "x", {}, {"epoch": "e"}, {"counter": 1}, {"epoch": 1, "counter": 1},
    {"epoch": EPOCH, "counter": 0},
    {"epoch": EPOCH, "counter": -1},
    {"epoch": EPOCH, "counter": "1"},
    {"epoch": "x" * 5000, "counter": 1},
]


@pytest.mark.parametrize("batch", BAD_BATCH, ids=lambda b: str(b)[:40])
def test_bad_batch(pub, batch):
    doc = {"changes": [put("a")], "device_id": pub.device, "batch": batch}
    refused(pub.send(json.dumps(doc).encode()), 400, 409)
    assert pub.events() == []


def test_batch_needs_a_device(pub):
    for device in (None, "", "no-such-device", str(uuid.uuid4()), 5):
        doc = {"changes": [put("a")], "device_id": device,
               "batch": {"epoch": pub.epoch, "counter": 1}}
        refused(pub.send(json.dumps(doc).encode()), 400, 403, 404, 409)
    assert pub.events() == []


def test_limits(pub):
    doc = pub.publish(*[put("f%d" % i) for i in range(500)])
    assert doc["synced"] == 500
    a = pub.send(pub.body([put("g%d" % i) for i in range(501)]))
    refused(a, 413, 400)
    # a pad that would be ignored if it were small
    a = pub.send(pub.body([put("g")])[:-1] + b',"pad":"'
                 + b"p" * (9 << 20) + b'"}')
    refused(a, 413)
    assert len(pub.events()) == 500
    assert pub.publish(put("after"))["synced"] == 1


def test_gzip(pub):
    body = pub.body([put("f%d" % i) for i in range(300)])
    a = pub.send(gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert a.status == 200 and a.json["synced"] == 300, a
    pub.counter += 1
    cut = gzip.compress(pub.body([put("cut")]))[:-9]
    refused(pub.send(cut, **{"Content-Encoding": "gzip"}), 400)
    refused(pub.send(b"not gzip", **{"Content-Encoding": "gzip"}), 400)
    refused(pub.send(body, **{"Content-Encoding": "rot13"}), 400, 415)


def test_gzip_bomb(cloud, pub):
    """1 GiB of blanks in 1 MiB: refused before memory grows."""
    z = gzip.compress(b" " * (64 << 20), 9)
    with open("/proc/%d/status" % cloud.daemon.proc.pid) as f:
        before = f.read()
    for _ in range(4):
        refused(pub.send(z * 16, **{"Content-Encoding": "gzip"}), 413, 400)
    with open("/proc/%d/status" % cloud.daemon.proc.pid) as f:
        after = f.read()
    grown = peak_kib(after) - peak_kib(before)
    ceiling = (96 << 10) * (8 if sanitized(cloud.daemon.proc.pid) else 1)
    assert grown < ceiling, "memory grew by %d KiB" % grown
    assert pub.publish(put("alive"))["synced"] == 1


def sanitized(pid):
    """AddressSanitizer keeps what was freed for a while."""
    with open("/proc/%d/maps" % pid) as f:
        return "libasan" in f.read()


def peak_kib(status):
    return int([x for x in status.splitlines()
                if x.startswith("VmHWM")][0].split()[1])


# Reading

def test_pages_of_events(pub):
    for n in range(3):
        pub.publish(*[put("f%d-%d" % (n, i)) for i in range(400)])
    seen, since = [], 0
    while True:
        doc = pub.api.get(pub.at("/events"), since_seq=since,
                          limit=137).json
        assert doc["success"] is True and doc["last_seq"] == 1200
        assert doc["next_seq"] == doc["events"][-1]["seq"] + 1
        seen += [e["seq"] for e in doc["events"]]
        if not doc["has_more"]:
            break
        since = doc["events"][-1]["seq"]
    assert seen == list(range(1, 1201))
    empty = pub.api.get(pub.at("/events"), since_seq=1200).json
    assert empty["events"] == [] and empty["next_seq"] == 1201
    one = pub.api.get(pub.at("/events"), from_seq=1200).json
    assert [e["seq"] for e in one["events"]] == [1200]
    for bad in ("x", "-1", "1e3", "99999999999999999999"):
        refused(pub.api.get(pub.at("/events"), since_seq=bad), 400)
    for bad in ("0", "-5", "x"):
        refused(pub.api.get(pub.at("/events"), limit=bad), 400)


def test_event_rows(pub):
    pub.publish(put("a", "1", mode=0o644, kind="file"))
    e = pub.events()[0]
    assert e["project_id"] == pub.project and e["id"]
    assert e["created_at"].endswith("Z") and e["change"]["op"] == "create"
    assert e["change"]["mtime"] == 1_700_000_000_000
    assert e["change"]["size"] == 1 and e["change"]["mode"] == 0o644


def test_long_poll(pub):
    pub.publish(put("a"))
    start = time.monotonic()
    doc = pub.api.get(pub.at("/events"), since_seq=1, wait=1).json
    assert doc["events"] == []
    assert 0.9 < time.monotonic() - start < 5 * PATIENCE
    got = []

    def wait():
        got.append(pub.api.get(pub.at("/events"), since_seq=1,
                               wait=20).json)
        got.append(time.monotonic())
    t = threading.Thread(target=wait)
    t.start()
    time.sleep(0.5)
    assert not got
    pub.publish(put("b"))
    answered = time.monotonic()
    t.join(25)
    assert [e["change"]["path"] for e in got[0]["events"]] == ["b"]
    assert got[1] - answered < 1 * PATIENCE
    start = time.monotonic()
    pub.api.get(pub.at("/events"), since_seq=0, wait=20)
    assert time.monotonic() - start < 2 * PATIENCE, \
        "there was something to say at once"


def test_many_long_polls(cloud, pub):
    """A hundred who wait neither block nor miss the change."""
    pub.publish(put("a"))
    got = []

    def wait():
        got.append(pub.api.get(pub.at("/events"), since_seq=1,
                               wait=30).json)
    threads = [threading.Thread(target=wait) for _ in range(100)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    start = time.monotonic()
    assert pub.api.get("/healthz").status == 200
    pub.publish(put("b"))
    for t in threads:
        t.join(30)
    assert time.monotonic() - start < 10 * PATIENCE
    assert [d["last_seq"] for d in got] == [2] * 100
    assert cloud.stop()[0] == 0


def test_stop_with_somebody_waiting(cloud, pub):
    done = []

    def wait():
        try:
            pub.api.get(pub.at("/events"), since_seq=0, wait=30)
        except OSError:
            pass
        done.append(1)
    t = threading.Thread(target=wait)
    t.start()
    time.sleep(0.3)
    code, seconds = cloud.stop()
    assert code == 0 and seconds < 2 * PATIENCE
    t.join(5)
    assert done


def test_pages_of_files(pub):
    want = {}
    for n in range(3):
        batch = [put("d%d/f%03d" % (n, i), "%d" % i) for i in range(250)]
        pub.publish(*batch)
        want.update({c["path"]: views.row(c) for c in batch})
    for limit in (1 << 8, 100, 500):
        rows = pub.api.pages(pub.at("/files"), "files", limit=limit)
        assert views.listing(rows) == want
    rows = pub.api.pages(pub.at("/files"), "files", limit=100, prefix="d1")
    assert sorted(r["path"] for r in rows) == sorted(
        p for p in want if p.startswith("d1/"))
    for r in rows:
        assert r["hash"] == r["file_hash"] and r["version"] == 1
        assert r["name"] == r["path"].rsplit("/")[-1]
        assert r["is_directory"] is False and r["seq"] > 0


def test_prefix_is_bytes_not_a_pattern(pub):
    pub.publish(put("a%b/x"), put("aXb/x"), put("a_b/x"), put("a%b2/x"),
                put("A%B/x"))
    rows = pub.api.pages(pub.at("/files"), "files", prefix="a%b")
    assert {r["path"] for r in rows} == {"a%b/x"}


def test_pages_while_writing(pub):
    """What lived all the time is in the pages, once."""
    pub.publish(*[put("stay%d" % i) for i in range(300)])
    stop = threading.Event()

    def write():
        n = 0
        while not stop.is_set():
            n += 1
            pub.publish(put("new%d" % n))
    t = threading.Thread(target=write)
    t.start()
    try:
        for _ in range(5):
            paths = [r["path"] for r in pub.api.pages(
                pub.at("/files"), "files", limit=20)]
            stays = [p for p in paths if p.startswith("stay")]
            assert sorted(stays) == sorted("stay%d" % i for i in range(300))
    finally:
        stop.set()
        t.join(10)


def snapshot_lines(pub):
    a = pub.api.raw("GET", pub.at("/snapshot"), headers={
        "Accept-Encoding": "gzip"})
    assert a.status == 200, a
    data = a.body
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    rows = [json.loads(x) for x in data.splitlines()]
    return views.listing(rows), int(a.headers["x-snapshot-seq"])


def test_snapshot_is_the_listing_at_its_seq(pub):
    pub.publish(*[put("f%d" % i, str(i)) for i in range(300)])
    pub.publish(*[delete("f%d" % i) for i in range(50)])
    view, seq = snapshot_lines(pub)
    assert seq == 350 and view == pub.listing() == views.replay(pub.events())
    a = pub.api.raw("GET", "/projects/%s/snapshot" % pub.project)
    doc = a.json
    assert doc["seq"] == 350 and doc["file_count"] == 250
    assert set(doc["tree_state"]) == set(view)
    assert doc["checksum"] == views.tree_checksum(view)
    etag = pub.api.raw("GET", pub.at("/snapshot")).headers.get("etag")
    assert etag
    a = pub.api.raw("GET", pub.at("/snapshot"),
                    headers={"If-None-Match": etag})
    assert a.status == 304, a
    pub.publish(put("new"))
    a = pub.api.raw("GET", pub.at("/snapshot"),
                    headers={"If-None-Match": etag})
    assert a.status == 200


def test_snapshot_while_writing(pub):
    """Every snapshot equals the log replayed up to its seq."""
    stop = threading.Event()
    failed = []

    def write():
        n = 0
        while not stop.is_set():
            n += 1
            pub.publish(put("f%d" % (n % 40), str(n)), put("g%d" % n),
                        *([delete("g%d" % (n - 1))] if n > 1 else []))
    t = threading.Thread(target=write)
    t.start()
    try:
        shots = []
        for _ in range(15):
            shots.append(snapshot_lines(pub))
            time.sleep(0.03)
    finally:
        stop.set()
        t.join(10)
    events = pub.events()
    for view, seq in shots:
        assert view == views.replay(events[:seq]), "at seq %d" % seq
    assert not failed and shots[-1][1] > shots[0][1]


def test_without_batch_from_many(pub):
    """Seed clients: no batch, many at once; the log stays consecutive."""
    project = pub.new_project("seed clients")
    pub.project = project
    errors = []

    def send(n):
        for i in range(25):
            doc = {"changes": [put("t%d/%d" % (n, i)),
                               put("shared", "%d-%d" % (n, i))]}
            a = pub.send(json.dumps(doc).encode())
            if a.status != 200 or a.json["synced"] != 2:
                errors.append(a)
    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not errors, errors[:3]
    assert len(pub.agree()) == 201
    assert len(pub.events()) == 400


def test_both_bases(pub):
    """Seeds leave out /api."""
    pub.publish(put("a"))
    bare = "/projects/" + pub.project
    assert pub.api.get(bare + "/events").json["last_seq"] == 1
    a = pub.api.post(bare + "/files/update", {"changes": [put("b")]})
    assert a.status == 200 and a.json["synced"] == 1
