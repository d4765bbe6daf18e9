"""The owner's side of the direct route: the agent's chunk server against
tickets made by hand."""

import hashlib
import json
import os
import random
import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from direct import CHUNK, Device, Source, pin_of
from harness import write
from wait import PATIENCE, never, wait_for

VIDEO = random.Random(3).randbytes(2 * CHUNK + 12345)


@pytest.fixture
def served(owner):
    write(owner.root / "d" / "video", VIDEO)
    write(owner.root / "empty", b"")
    write(owner.root / "note", b"a note")
    owner.flush()
    return Source(owner)


@pytest.fixture
def member(owner):
    return Device(owner.base, "member")


def refused(answer, status, code=None):
    assert answer.status == status, answer
    assert set(answer.json) == {"error", "code"}, answer
    assert code is None or answer.json["code"] == code, answer
    return True


def sha(data):
    return hashlib.sha256(data).hexdigest()


def test_chunks(served, member):
    t = served.ticket("d/video", VIDEO, member)
    got = b""
    for n in range(3):
        a = served.chunk(t, n, member)
        assert a.status == 200, a
        assert a.headers["x-chunk-sha256"] == sha(a.body)
        assert "server" not in a.headers
        got += a.body
    assert got == VIDEO
    refused(served.chunk(t, 3, member), 404, "not_found")
    refused(served.chunk(t, "0x1", member), 404, "not_found")
    head = served.chunk(t, 2, member, method="HEAD")
    assert head.status == 200 and head.body == b""
    assert head.headers["content-length"] == "12345"
    refused(served.chunk(t, 0, member, method="PUT"), 405)
    refused(served.chunk(t, 0, member, method="DELETE"), 405)
    # Any number of times, until it expires.
    assert served.chunk(t, 0, member).body == VIDEO[:CHUNK]


def test_ranges(served, member):
    t = served.ticket("d/video", VIDEO, member)
    for span, want, where in [
            ("bytes=0-9", VIDEO[CHUNK:CHUNK + 10], "0-9"),
            ("bytes=%d-" % (CHUNK - 5), VIDEO[2 * CHUNK - 5:2 * CHUNK],
             "%d-%d" % (CHUNK - 5, CHUNK - 1)),
            ("bytes=-3", VIDEO[2 * CHUNK - 3:2 * CHUNK],
             "%d-%d" % (CHUNK - 3, CHUNK - 1))]:
        a = served.chunk(t, 1, member, Range=span)
        assert a.status == 206 and a.body == want, (span, a)
        assert a.headers["content-range"] == "bytes %s/%d" % (where, CHUNK)
        assert a.headers["x-chunk-sha256"] == sha(want)
    for span in ("bytes=5-4", "bytes=0-1,3-4", "bytes=%d-" % CHUNK, "x",
                 ",".join(["bytes=0-0"] + ["0-0"] * 500)):
        a = served.chunk(t, 1, member, Range=span)
        refused(a, 416, "bad_range")
        assert a.headers["content-range"] == "bytes */%d" % CHUNK


def test_who_may(served, member):
    other = Device(served.owner.base, "other")
    t = served.ticket("note", b"a note", member)
    assert served.chunk(t, 0, member).body == b"a note"
    refused(served.chunk(t, 0, other), 403, "not_allowed")
    refused(served.chunk(t, 0, None), 403, "not_allowed")
    refused(served.chunk(t, 0, member, transfer=served.ticket(
        "note", b"a note", member).transfer), 403)
    late = served.ticket("note", b"a note", member,
                         expires=int(time.time() * 1000) - 1)
    refused(served.chunk(late, 0, member), 403)
    soon = served.ticket("note", b"a note", member,
                         expires=int(time.time() * 1000) + 700)
    assert served.chunk(soon, 0, member).status == 200
    time.sleep(0.8)
    refused(served.chunk(soon, 0, member), 403)
    forged = served.ticket("note", b"a note", member, key=bytes(32))
    refused(served.chunk(forged, 0, member), 403)
    for i in (0, 10, len(t.text) // 2, len(t.text) - 44, len(t.text) - 1):
        bent = served.ticket("note", b"a note", member)
        bent.text = bent.text[:i] + ("B" if bent.text[i] == "A" else "A") \
            + bent.text[i + 1:]
        refused(served.chunk(bent, 0, member), 403)
    elsewhere = served.ticket("note", b"a note", member,
                              source=served.owner.project)
    refused(served.chunk(elsewhere, 0, member), 403)


def test_strangers_learn_nothing(served, member):
    t = served.ticket("note", b"a note", member)
    for path in ("/", "/v1/transfers", "/v1/status", "/healthz",
                 "/v1/transfers/%s/chunks/0" % t.transfer, "/favicon.ico",
                 "/v1/transfers/%s/chunks/99" % t.transfer, "//", "/%2e%2e"):
        for device in (None, member):
            for method in ("GET", "POST", "OPTIONS", "DELETE"):
                a = served.ask(path, device, method=method)
                refused(a, 403, "not_allowed")
                assert not {"server", "www-authenticate", "allow"} & set(
                    a.headers), a.headers
    refused(served.ask("/v1/status", member,
                       {"Authorization": "Ticket " + t.text}), 404)


def test_what_may_not_leave(served, member):
    """Only what is published, by whoever signs."""
    owner = served.owner
    root_id = (owner.root / ".vsync" / "root-id").read_bytes()
    secret = write(owner.base / "secret", b"secret")
    write(owner.root / ".stfolder" / "x", b"ignored")
    (owner.root / "link").symlink_to(secret)
    owner.flush()
    for path, data, status in [
            ("nothing", b"", 404), ("nothing", b"1", 404),
            ("d", b"1", 404), ("link", b"secret", 404),
            (".vsync/root-id", root_id, 403), ("../secret", b"secret", 403),
            ("d/../note", b"a note", 403), ("/etc/passwd", b"1", 403),
            (".stfolder/x", b"ignored", 404)]:
        t = served.ticket(path, data, member)
        a = served.chunk(t, 0, member)
        assert a.status == status, (path, a)
        assert b"secret" not in a.body
    foreign = served.ticket("note", b"a note", member,
                            project=served.device["device_id"])
    refused(served.chunk(foreign, 0, member), 404)
    refused(served.chunk(served.ticket("empty", b"", member), 0, member), 404)


def test_changed(served, member):
    """A ticket is for one version."""
    note = served.owner.root / "note"
    t = served.ticket("note", b"a note", member)
    write(note, b"A NOTE")
    # Known or not yet known here, it is another file.
    refused(served.chunk(t, 0, member), 412, "changed")
    served.owner.flush()
    refused(served.chunk(t, 0, member), 412, "changed")
    t = served.ticket("note", b"A NOTE", member)
    assert served.chunk(t, 0, member).body == b"A NOTE"
    wrong = served.ticket("note", b"A NOTE", member, size=5)
    refused(served.chunk(wrong, 0, member), 412)
    os.truncate(note, 3)
    refused(served.chunk(t, 0, member), 412)
    note.unlink()
    assert served.chunk(t, 0, member).status in (404, 412)
    served.owner.flush()
    refused(served.chunk(t, 0, member), 404)


def test_symlink_swapped_in(served, member):
    """Nothing is read through a link, however fast it is put there."""
    owner = served.owner
    secret = b"s3cret"
    write(owner.base / "aside" / "note", secret)
    t = served.ticket("note", b"a note", member)
    note = owner.root / "note"
    note.rename(owner.root / "kept")
    note.symlink_to(owner.base / "aside" / "note")
    refused(served.chunk(t, 0, member), 412)
    # A directory on the way, too; a ticket for the target's content.
    sub = owner.root / "sub"
    write(sub / "note", secret)
    owner.flush()
    t = served.ticket("sub/note", secret, member)
    assert served.chunk(t, 0, member).body == secret
    sub.rename(owner.root / "sub2")
    sub.symlink_to(owner.base / "aside")
    a = served.chunk(t, 0, member)
    assert a.status in (404, 412) and secret not in a.body, a


def test_another_folder_in_its_place(served, member):
    owner = served.owner
    t = served.ticket("note", b"a note", member)
    owner.root.rename(owner.base / "moved")
    write(owner.root / "note", b"a note")
    assert served.chunk(t, 0, member).status in (412, 503)
    (owner.root / "note").unlink()
    owner.root.rmdir()
    (owner.base / "moved").rename(owner.root)
    wait_for(lambda: served.chunk(t, 0, member).body == b"a note",
             "the folder to be served again", 20)


def test_fence(served, member):
    """A process of its own that has nothing but what serving takes."""
    owner = served.owner
    pid = served.child()
    assert pid != owner.daemon.proc.pid
    links = [os.readlink("/proc/%d/fd/%s" % (pid, fd))
             for fd in os.listdir("/proc/%d/fd" % pid)]
    assert not [x for x in links if ".db" in x or "device" in x
                or str(owner.root) in x or "token" in x], links
    with open("/proc/%d/environ" % pid, "rb") as f:
        assert f.read() == b""
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        assert f.read() == b"vsync-agent\0--serve\0"
    with open("/proc/%d/status" % pid) as f:
        status = dict(x.split() for x in f if len(x.split()) == 2)
    assert status["NoNewPrivs:"] == "1"
    log = owner.daemon.log_text()
    if b"seccomp not to be had" not in log:
        assert status["Seccomp:"] == "2"
    if b"Landlock" not in log or b"Landlock ABI 0" in log:
        pytest.skip("the kernel has no Landlock")


def test_killed(served, member):
    """The chunk server comes back; the agent's end is its own."""
    owner = served.owner
    t = served.ticket("note", b"a note", member)
    for _ in range(2):
        pid = served.child()
        os.kill(pid, signal.SIGKILL)
        # Whoever connects meanwhile waits.
        assert served.chunk(t, 0, member).body == b"a note"
        assert served.child() not in (None, pid)
    pid = served.child()
    owner.kill()
    wait_for(lambda: not os.path.exists("/proc/%d" % pid),
             "the chunk server to end with the agent", 5)
    owner.start()
    again = Source(owner)
    assert again.key == served.key and again.cert == served.cert
    pid = again.child()
    assert again.chunk(again.ticket("note", b"a note", member), 0,
                       member).status == 200
    code, seconds = owner.stop()
    assert code == 0 and seconds < 2 * PATIENCE
    assert not os.path.exists("/proc/%d" % pid)


def test_many_at_once(served, member):
    """More than there are places; each gets its own."""
    t = served.ticket("d/video", VIDEO, member)
    with ThreadPoolExecutor(40) as pool:
        jobs = [(n % 3, pool.submit(served.chunk, t, n % 3, member))
                for n in range(120)]
        for n, job in jobs:
            a = job.result()
            assert a.status == 200, a
            assert a.body == VIDEO[n * CHUNK:(n + 1) * CHUNK]


def memory_peak(pid):
    """In KiB."""
    with open("/proc/%d/status" % pid) as f:
        return int(next(x for x in f if x.startswith("VmHWM")).split()[1])


def test_one_peer_takes_half_at_most(served, member):
    """40 answers that are not taken: memory has a bound, and others are
    served all the same."""
    other = Device(served.owner.base, "other")
    t = served.ticket("d/video", VIDEO, member)
    before = memory_peak(served.child())
    stuck = [served.stuck(t, 0, member) for _ in range(40)]
    time.sleep(1)
    t2 = served.ticket("d/video", VIDEO, other)
    for n in range(3):
        assert served.chunk(t2, n, other).body == \
            VIDEO[n * CHUNK:(n + 1) * CHUNK]
    grown = memory_peak(served.child()) - before
    # A sanitizer keeps what was freed.
    if b"__asan_init" not in Path(served.owner.program).read_bytes():
        assert grown < 80 * 1024, "%d KiB" % grown
    with pytest.raises(OSError):
        served.chunk(t, 1, member, timeout=1)
    for s in stuck:
        s.close()
    assert served.chunk(t, 1, member).body == VIDEO[CHUNK:2 * CHUNK]


def test_hangers_on_take_nothing_away(served, member):
    """Connections that say nothing, or take nothing, keep nobody out."""
    t = served.ticket("note", b"a note", member)
    idle = [socket.create_connection(("127.0.0.1", served.port))
            for _ in range(50)]
    for s in idle[:25]:
        s.send(b"GET / HTTP/1.1\r\n")
    start = time.monotonic()
    assert served.chunk(t, 0, member).body == b"a note"
    assert time.monotonic() - start < 5 * PATIENCE
    for s in idle:
        s.close()


def test_registered(served, member, cloud):
    """The cloud knows key and addresses, also of other devices' view."""
    owner = served.owner
    pin = pin_of(owner.state_dir / "device.crt")
    mode = (owner.state_dir / "device.key").stat().st_mode & 0o777
    assert mode == 0o600
    row = wait_for(lambda: device_row(cloud, served)[1] != "[]"
                   and device_row(cloud, served), "the addresses", 10)
    assert row[0] == pin
    assert "https://127.0.0.1:%d" % served.port in row[1], row
    # Another key is told, too.
    owner.stop()
    for name in ("device.key", "device.crt"):
        (owner.state_dir / name).unlink()
    owner.start()
    again = pin_of(owner.state_dir / "device.crt")
    assert again != pin
    wait_for(lambda: device_row(cloud, served)[0] == again, "the new key", 10)
    # An agent that served nobody yet has no key for tickets: it gets it.
    owner.stop()
    path = owner.state_dir / "device.json"
    doc = json.loads(path.read_text())
    key = doc.pop("ticket_key")
    path.write_text(json.dumps(doc))
    owner.start()
    wait_for(lambda: json.loads(path.read_text()).get("ticket_key") == key,
             "the key for tickets", 10)
    write(owner.root / "note", b"a note")
    owner.flush()
    source = Source(owner)
    t = source.ticket("note", b"a note", member)
    assert source.chunk(t, 0, member).status == 200


def device_row(cloud, source):
    db = sqlite3.connect("file:%s?mode=ro" % cloud.db, uri=True)
    try:
        return db.execute(
            "SELECT public_key_pin, endpoints FROM devices WHERE id = ?",
            (source.device["device_id"],)).fetchone()
    finally:
        db.close()


def configure(owner, **keys):
    """Sets keys of [agent]."""
    config = owner.base / "config" / "vsync" / "config"
    text = config.read_text()
    config.write_text(text + "\n[agent]\n" + "".join(
        "%s = %s\n" % pair for pair in keys.items()))


def test_advertise(owner, cloud, member):
    configure(owner, listen="127.0.0.1:0",
              advertise="film.example.org, https://[fd00::7]:8443")
    owner.restart()
    source = Source(owner)
    row = wait_for(lambda: "film" in device_row(cloud, source)[1]
                   and device_row(cloud, source), "the addresses", 10)
    assert row[1] == ('["https://film.example.org:%d",'
                      '"https://[fd00::7]:8443"]' % source.port)


def test_off_and_on_again(owner, cloud, member):
    """The configuration may be changed while it runs."""
    write(owner.root / "note", b"a note")
    owner.flush()
    source = Source(owner)
    config = owner.base / "config" / "vsync" / "config"
    before = config.read_text()
    configure(owner, listen="off")
    owner.daemon.signal(signal.SIGHUP)
    wait_for(lambda: source.child() is None, "nobody to be served", 5)
    wait_for(lambda: device_row(cloud, source)[1] == "[]", "no addresses", 10)
    with pytest.raises(OSError):
        source.ask("/")
    never(lambda: source.child() is not None, "a chunk server", 1.5)
    config.write_text(before)
    owner.daemon.signal(signal.SIGHUP)
    wait_for(lambda: source.child() is not None, "the chunk server", 5)
    source = Source(owner)
    t = source.ticket("note", b"a note", member)
    assert source.chunk(t, 0, member).body == b"a note"
