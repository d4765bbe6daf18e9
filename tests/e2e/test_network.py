"""Between agent and cloud stands something that misbehaves: nothing is lost,
nothing comes twice, and batches stay in order and as they were."""

import random
import re
import socket
import time

import pytest

import proxy as proxies
from harness import write
from wait import PATIENCE, never, wait_for


@pytest.fixture
def proxy(world, cloud):
    return world.add(proxies.Proxy(cloud.port))


@pytest.fixture
def behind(world, proxy):
    """An owner whose way to the cloud is the proxy."""
    return world.owner().setup(url=proxy.url)


def assert_frozen(proxy):
    """A batch that was repeated was repeated byte for byte, and counters
    never go back inside an epoch.  After a 413 it may be cut: nothing of it
    can have been committed."""
    bodies, high = {}, {}
    for epoch, counter, body, fault in proxy.batches():
        assert epoch and counter, "published without a batch id"
        assert bodies.setdefault((epoch, counter), body) == body, \
            "batch %d was changed between two tries" % counter
        assert counter in (high.get(epoch, 0), high.get(epoch, 0) + 1), \
            "counter %d after %d" % (counter, high.get(epoch, 0))
        high[epoch] = counter
        if fault == "413_html":
            del bodies[(epoch, counter)]


def change_things(owner, n):
    """A little of everything."""
    root = owner.root
    write(root / ("new%d" % n), b"%d" % n)
    write(root / "again", b"version %d" % n)
    write(root / ("dir%d" % n) / "inside", b"x")
    if n:
        (root / ("new%d" % (n - 1))).rename(root / ("moved%d" % n))
        if n > 1:
            (root / ("moved%d" % (n - 1))).unlink()


@pytest.mark.parametrize("fault", proxies.ALL)
def test_fault_then_recovery(behind, proxy, fault):
    """Every answer to publishing is bad for a while."""
    write(behind.root / "before", b"1")
    behind.flush()
    proxy.posts_only(fault)
    change_things(behind, 0)
    wait_for(lambda: proxy.counts.get(fault, 0) >= 2 or fault == "double",
             "two tries", 15)
    change_things(behind, 1)
    proxy.always("")
    behind.agree()
    assert_frozen(proxy)


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
def test_redirect_is_not_followed(behind, proxy, status):
    """Above all not with the token."""
    behind.flush()
    proxy.posts_only("redirect" + status)
    write(behind.root / "a", b"1")
    wait_for(lambda: proxy.counts.get("redirect" + status, 0) >= 2,
             "two tries", 15)
    assert proxy.elsewhere == []
    proxy.always("")
    behind.agree()


def test_captive_portal_at_every_request(behind, proxy):
    """Also what the agent reads is HTML with 200."""
    write(behind.root / "a", b"1")
    behind.flush()
    proxy.always("html")
    write(behind.root / "b", b"2")
    wait_for(lambda: proxy.counts.get("html", 0) >= 2, "tries", 15)
    status = behind.await_state("offline", "degraded", timeout=15)
    assert status["in_sync"] is False and status["problems"]
    run = behind.cli("log")
    assert run.code != 0 and b"<title>" not in run.out
    assert behind.cli("ls").code != 0
    proxy.always("")
    behind.agree()


def test_retry_after_is_honoured(behind, proxy):
    behind.flush()
    times = []

    def plan(method, path):
        if method != "POST":
            return ""
        times.append(time.monotonic())
        return "429" if len(times) == 1 else ""
    proxy.plan = plan
    write(behind.root / "a", b"1")
    behind.agree()
    assert times[1] - times[0] >= 0.95, "asked again before Retry-After"


def test_no_hammering(behind, proxy):
    """Back-off: a handful of tries in some seconds, not hundreds."""
    behind.flush()
    proxy.always("503")
    write(behind.root / "a", b"1")
    time.sleep(5)
    assert 1 <= proxy.counts.get("503", 0) <= 20, proxy.counts
    proxy.always("")
    behind.agree()


def test_storm(behind, proxy):
    """Every second answer is bad, of all kinds, while things change."""
    dice = random.Random(20)
    soft = [f for f in proxies.ALL if not f.startswith("413")]
    proxy.plan = lambda method, path: (
        dice.choice(soft) if method == "POST" and dice.random() < 0.4
        else "")
    for n in range(8):
        change_things(behind, n)
        time.sleep(0.25)
    behind.agree(timeout=150)
    assert_frozen(proxy)


def test_too_large_is_halved(behind, proxy):
    """A server that takes less than the contract says: its 413 is HTML."""
    limit = 4_000
    behind.flush()
    proxy.too_large = limit
    for i in range(400):
        write(behind.root / ("file with a long name %d" % i), b"%d" % i)
    behind.agree(timeout=60)
    sizes = [len(body) for _, _, body, _ in proxy.batches()]
    assert max(sizes) > limit and sizes[-1] <= limit
    assert_frozen(proxy)


def test_cloud_stopped_and_back(world, owner):
    write(owner.root / "before", b"1")
    owner.flush()
    world.cloud.stop()
    for n in range(5):
        change_things(owner, n)
    status = owner.await_state("offline", timeout=15)
    assert status["outbox"] > 0 and status["problems"]
    assert owner.cli("status", "--check").code == 3
    world.cloud.start()
    owner.agree()
    assert owner.await_state("in_sync")["in_sync"]


def test_cloud_stopped_at_start(world, cloud):
    owner = world.owner()
    owner.login()
    owner.init()
    write(owner.root / "a", b"1")
    cloud.stop()
    owner.start()
    owner.await_state("offline")
    cloud.start()
    owner.agree()


def test_offline_coalesces(world, owner):
    """A file saved fifty times while offline is one change."""
    owner.flush()
    world.cloud.stop()
    for n in range(50):
        write(owner.root / "often", b"%d" % n)
        write(owner.root / "gone", b"%d" % n)
        time.sleep(0.01)
    (owner.root / "gone").unlink()
    wait_for(lambda: owner.status()["outbox"] >= 1, "the outbox", 10)
    time.sleep(0.5)
    assert owner.status()["outbox"] <= 4
    world.cloud.start()
    owner.agree()
    assert len(owner.events()) <= 6


def test_connection_refused(behind, proxy):
    behind.flush()
    proxy.refuse()
    write(behind.root / "a", b"1")
    behind.await_state("offline", timeout=15)
    proxy.accept()
    behind.agree()


def test_blackhole(world, cloud):
    """Somebody accepts and never answers: local commands stay quick."""
    hole = socket.create_server(("127.0.0.1", 0), backlog=64)
    owner = world.owner()
    try:
        owner.login()
        owner.init()
        config = owner.base / "config" / "vsync" / "config"
        text = config.read_text()
        config.write_text(re.sub(r"127\.0\.0\.1:%d" % cloud.port,
                                 "127.0.0.1:%d" % hole.getsockname()[1],
                                 text))
        write(owner.root / "a", b"1")
        owner.start()
        wait_for(lambda: owner.status()["outbox"] or
                 owner.status()["in_flight"], "the outbox", 10)
        start = time.monotonic()
        for _ in range(10):
            owner.status()
        assert time.monotonic() - start < 2 * PATIENCE
        assert owner.stop()[1] < 2.5 * PATIENCE
        config.write_text(text)
        owner.start()
        owner.agree()
    finally:
        hole.close()


def test_reply_lost_after_commit(behind, proxy):
    """The classic: committed, and nobody told us."""
    write(behind.root / "a", b"1")
    behind.flush()
    plan = iter(["drop_reply"] * 3)
    proxy.plan = lambda m, p: next(plan, "") if m == "POST" else ""
    (behind.root / "a").unlink()
    write(behind.root / "b", b"2")
    behind.agree()
    assert_frozen(proxy)


def test_first_batch_of_a_state_that_is_gone(behind, proxy):
    """It was lost on its way, the state is made anew and publishes, and then
    it arrives: it ends nothing, and puts nothing back."""
    write(behind.root / "a", b"old")
    proxy.posts_only("drop")
    wait_for(lambda: proxy.posts, 20)
    late = proxy.posts[0][0]
    behind.stop()
    for f in behind.manifest_db.parent.glob("manifest.db*"):
        f.unlink()
    proxy.plan = lambda method, path: ""
    behind.start()
    write(behind.root / "a", b"new")
    behind.agree()
    head = behind.head()
    a = behind.api.raw("POST", behind.at("/files/update"), late,
                       {"Content-Type": "application/json"})
    assert a.status == 409 and a.json["code"] == "epoch_order", a
    assert behind.head() == head
    write(behind.root / "b", b"1")
    behind.agree()
    assert behind.status()["in_sync"] is True


def test_token_revoked(world, owner):
    """Says so, keeps everything, does not hammer; a new login mends it."""
    write(owner.root / "a", b"1")
    owner.flush()
    world.cloud.revoke("ada")
    write(owner.root / "b", b"2")
    status = owner.await_state("auth", timeout=30)
    assert status["outbox"] >= 1
    problem = [p for p in status["problems"] if p["code"] == "auth"]
    assert problem and "login" in problem[0]["hint"], status["problems"]
    assert owner.cli("status", "--check").code == 6
    assert owner.cli("flush").code == 6
    never(lambda: owner.status()["state"] != "auth", "auth went away", 1)
    owner.token = world.cloud.new_token("ada")
    owner.login()
    owner.agree()
