"""A member that follows through everything: absence, a cloud put back from a
backup, its removal, the end of its token, a second one beside it."""

import base64
import os
import shutil
import socket
import struct

import pytest

import views
from harness import save_over, write
from wait import wait_for
from wire import Wire


@pytest.fixture
def wire(world, cloud):
    """A way to the cloud that writes down what is asked."""
    return world.add(Wire(cloud.port))


def asked(wire, *words):
    """Requests whose path has one of the words."""
    return [r for r in wire.requests if any(w in r for w in words)]


def old_files(owner):
    """Something that can be changed, renamed and deleted later."""
    for n in range(300):
        write(owner.root / "old" / ("d%d" % (n % 7)) / ("f%d" % n), b"old")
    owner.flush()


def change(root, n):
    """One change that leads to one event at least; n < 1500."""
    old = root / "old" / ("d%d" % (n // 5 % 7)) / ("f%d" % (n // 5))
    if n % 5 == 1 and n % 2:
        save_over(old, b"edit %d" % n)
    elif n % 5 == 1:
        old.rename(old.with_name("renamed%d" % n))
    elif n % 15 == 2:
        old.with_name("f%d" % (n // 5)).unlink(missing_ok=True)
    else:
        write(root / "new" / ("d%d" % (n % 11)) / ("f%d" % n), b"%d" % n)


def same_everywhere(owner, *members):
    """Owner's four views and each member's mirror are one."""
    tree = owner.agree()
    for member in members:
        assert member.agree() == tree
    return tree


# Away

def test_a_thousand_changes_by_the_log_alone(world, owner, wire):
    old_files(owner)
    member = world.member(owner).setup(wire.url)
    member.agree()
    # The first time there is nothing to go on from: it is listed.
    assert asked(wire, "/files", "/snapshot")
    since = owner.head()
    member.kill()
    for n in range(1200):
        change(owner.root, n)
    owner.flush(60)
    assert owner.head() - since >= 1000
    wire.requests.clear()
    member.start()
    same_everywhere(owner, member)
    wait_for(lambda: member.status()["tree_equal"], "equal checksums")
    assert not asked(wire, "/files", "/snapshot"), wire.requests
    assert len(asked(wire, "/events/stream")) == 1, wire.requests


def test_a_broken_way_costs_no_listing(world, owner, wire):
    old_files(owner)
    member = world.member(owner).setup(wire.url)
    member.agree()
    wire.requests.clear()
    for n in range(200):
        change(owner.root, n)
        if n % 40 == 39:
            wire.cut_all()
            had = len(asked(wire, "/events/stream"))
            wait_for(lambda: len(asked(wire, "/events/stream")) > had,
                     "the next stream")
    same_everywhere(owner, member)
    assert not asked(wire, "/files", "/snapshot"), wire.requests


# A backup

def back_up(cloud):
    """A copy made while the server is down; how to put it back."""
    cloud.stop()
    copy = cloud.base / "copy.db"
    shutil.copy(cloud.db, copy)
    cloud.start()

    def put_back(tell=True):
        cloud.stop()
        for tail in ("", "-wal", "-shm"):
            (cloud.db.parent / (cloud.db.name + tail)).unlink(
                missing_ok=True)
        shutil.copy(copy, cloud.db)
        if tell:
            cloud.command("restored")
        cloud.start()
    return put_back


@pytest.mark.parametrize("who", ["all running", "member away", "owner away",
                                 "untold"])
def test_a_restored_cloud_is_noticed(cloud, owner, member, who):
    old_files(owner)
    same_everywhere(owner, member)
    log_id = owner.api.get(owner.at("/events"), limit=1).json["log_id"]
    put_back = back_up(cloud)
    for n in range(80):
        change(owner.root, n)
    shutil.rmtree(owner.root / "old" / "d3")
    tree = same_everywhere(owner, member)
    if who == "member away":
        member.kill()
    if who == "owner away":
        owner.kill()
    put_back(tell=who != "untold")
    now = owner.api.get(owner.at("/events"), limit=1).json["log_id"]
    assert (now == log_id) == (who == "untold")
    if who == "owner away":
        # It shows what the cloud has, though that is old.
        wait_for(lambda: member.agree() != tree, "the old tree", 60)
        owner.start()
    if who == "member away":
        write(owner.root / "since", b"x")
        owner.agree()
        member.start()
    write(owner.root / "afterwards", b"x")
    tree = owner.agree()
    assert "afterwards" in tree
    # Nobody told: the mirror finds out by its checksum, a moment later.
    wait_for(lambda: member.agree() == tree, "the mirror to be right",
             60 if who == "untold" else 0)


# Removed, revoked

class Stream:
    """The raw event stream, read frame by frame."""

    def __init__(self, cloud, token, path):
        self.sock = socket.create_connection(("127.0.0.1", cloud.port), 20)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            ("GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: %s\r\nAuthorization: Bearer %s\r\n\r\n"
             % (path, key, token)).encode())
        self.file = self.sock.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def frame(self):
        """(opcode, payload); (None, b"") at the end."""
        head = self.file.read(2)
        if len(head) < 2:
            return None, b""
        size = head[1] & 127
        if size == 126:
            size = struct.unpack(">H", self.file.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.file.read(8))[0]
        return head[0] & 15, self.file.read(size)

    def closed(self):
        """Reads on to the close frame: its code; None without one."""
        while True:
            opcode, data = self.frame()
            if opcode == 8:
                return struct.unpack(">H", data[:2])[0]
            if opcode is None:
                return None

    def close(self):
        self.file.close()
        self.sock.close()


ROUTES = (
    ("GET", "/events"), ("GET", "/files"), ("GET", "/snapshot"),
    ("GET", "/members"), ("GET", "/holds"), ("GET", "/transfers"),
    ("POST", "/files/download"), ("POST", "/transfers/%s/ticket"),
    ("GET", "/transfers/%s"), ("POST", "/invites"),
)


def answers(member, transfer):
    """The status of every route, by the member's token."""
    got = {}
    for method, route in ROUTES:
        path = member.at(route % transfer if "%s" in route else route)
        body = b'{"file_path":"clip","request_mode":"full"}'
        a = member.api.raw(method, path, body if method == "POST" else None,
                           {"Content-Type": "application/json"})
        got[method + " " + route] = a.status
    return got


def transfer_of(member):
    """A transfer of the member's, with a ticket."""
    a = member.api.post(member.at("/files/download"),
                        {"file_path": "clip", "request_mode": "full"})
    assert a.status in (200, 201), a
    assert a.json["transfer_info"]["ticket"], a
    return a.json["download_id"]


def test_a_removed_member_is_shut_out(world, cloud, owner, member):
    write(owner.root / "clip", b"what it may still have")
    same_everywhere(owner, member)
    member.pull("clip")
    transfer = transfer_of(member)
    before = answers(member, transfer)
    assert before["POST /transfers/%s/ticket"] == 200, before
    path = member.at("/events/stream?since_seq=0")
    stream = Stream(cloud, member.token, path)
    assert stream.status == 101
    invite = owner.invite()
    a = owner.control.post("/v1/members/remove", 20, project=owner.project,
                           user="bob")
    assert a.status == 200, a
    assert stream.closed() == 1008
    stream.close()
    after = answers(member, transfer)
    assert set(after.values()) <= {403, 404}, after
    again = Stream(cloud, member.token, path)
    assert again.status in (403, 404)
    again.close()
    wait_for(lambda: "project_gone" in member.problems(),
             "the member to hear of it", 30)
    write(owner.root / "secret", b"not for it")
    write(owner.root / "clip", b"another version, not for it")
    owner.flush()
    assert "secret" not in member.rows()
    # What it has stays, and is all there is.
    assert (member.root / "clip").read_bytes() == b"what it may still have"
    assert member.pull("secret", check=None).code != 0
    # Asked back it goes on where it was.
    assert cloud.api(member.token).post(
        "/api/invites/%s/accept" % invite, {}).status == 200
    member.restart()
    same_everywhere(owner, member)


def test_a_revoked_token_ends_a_member(cloud, owner, member):
    write(owner.root / "clip", b"one")
    same_everywhere(owner, member)
    stream = Stream(cloud, member.token,
                    member.at("/events/stream?since_seq=0"))
    assert stream.status == 101
    cloud.revoke("bob")
    assert stream.closed() == 4401
    stream.close()
    wait_for(lambda: "auth" in member.problems(), "it to be told", 60)
    write(owner.root / "later", b"two")
    owner.flush()
    assert "later" not in member.rows() and "clip" in member.rows()
    member.token = cloud.new_token("bob")
    member.login()
    assert "later" in same_everywhere(owner, member)


# Two of them

def test_two_members(world, owner, member):
    second = world.member(owner, "carol").setup()
    for n in range(20):
        write(owner.root / "takes" / str(n), os.urandom(200000))
    same_everywhere(owner, member, second)
    for m in (member, second):
        assert m.ask_pull("takes").status == 200
    for m in (member, second):
        m.pull("takes")
        for n in range(20):
            assert views.sha256_file(m.root / "takes" / str(n)) == \
                views.sha256_file(owner.root / "takes" / str(n))
    owner.control.post("/v1/members/remove", 20, project=owner.project,
                       user="bob")
    save_over(owner.root / "takes" / "0", b"the next take")
    same_everywhere(owner, second)
    second.pull("takes/0")
    assert (second.root / "takes" / "0").read_bytes() == b"the next take"
    names = {m["name"] for m in second.cli(
        "members", "--json", check=0).json["members"]}
    assert names == {"ada", "carol"}
