"""kill -9 at every writing system call of a scripted run, agent and cloud
each.  After every kill: start again, wait for the barrier, and the four
views are one, with no event lost and none twice."""

import shutil
import sqlite3
import time

import harness
import views
from harness import Gone, save_over, write
from publisher import Publisher, delete, put
from report import Tally, must_fail
from wait import wait_for
from world import cloud_of, killer, log_tail, owner_of, spread

# A fresh world now and then, so that also young databases are hit and the
# log that is replayed stays short.
ROUNDS_A_WORLD = 40


def script(root, n):
    """Twelve files and their folders: made, changed, saved over, renamed,
    deleted.  Depends on nothing but n and what is there."""
    here = root / "work"
    for i in range(4):
        write(here / ("c%d" % ((n * 4 + i) % 24)), b"%d %d" % (n, i))
        time.sleep(0.01)
    write(here / "same", b"round %d" % n)
    save_over(here / "edit", b"round %d" % n)
    time.sleep(0.03)
    (here / ("c%d" % (n * 4 % 24))).replace(here / ("m%d" % (n % 5)))
    write(here / ("dir%d" % n) / "a", b"%d" % n)
    write(here / ("dir%d" % n) / "b", b"%d" % n)
    time.sleep(0.03)
    (here / ("dir%d" % n)).rename(here / ("moved%d" % n))
    shutil.rmtree(here / ("moved%d" % (n - 2)), ignore_errors=True)
    (here / ("c%d" % ((n * 4 + 1) % 24))).unlink()
    write(here / "last", b"%d" % n)


def finished(owner, daemon):
    """Waits until daemon is dead or the barrier holds: True if it is
    dead."""
    def probe():
        if not daemon.alive():
            return "dead"
        try:
            a = owner.control.post("/v1/flush", 3, project=owner.project,
                                   timeout_ms=1000)
            return "done" if a.status == 200 else None
        except OSError:
            return None
    got = wait_for(probe, "the kill or the barrier", 30)
    return got == "dead"


def was_killed(daemon):
    code = daemon.died()
    assert code == -9, "%s ended by itself with %d\n%s" % (
        daemon.name, code, daemon.log_text()[-2000:].decode())


def agent_round(owner, n, at, after):
    """One life of the agent that ends at its at-th write; True if it got
    that far."""
    killed = True
    owner.start(killer(at, "vsync-agent", after), ready=False)
    script(owner.root, n)
    if not finished(owner, owner.daemon):
        owner.daemon.signal(harness.TERM)
        code = owner.daemon.died()
        assert code in (0, -9), "SIGTERM ended it with %d" % code
        killed = code == -9
    else:
        was_killed(owner.daemon)
    owner.start()
    owner.agree()
    owner.kill()
    return killed


def count_writes(daemon_env, start, stop, work, path):
    """How many writes an undisturbed life has."""
    start(daemon_env)
    work()
    stop()
    return int(path.read_text())


def agent_writes(owner):
    path = owner.base / "count"
    return count_writes(
        killer(0, "vsync-agent", count=path), lambda env: owner.start(env),
        owner.stop, lambda: (script(owner.root, 0), owner.flush()), path)


def sweep(worlds, points, one):
    """Runs one(world, n, at, after) for all points, in worlds that last
    some rounds each."""
    kills = 0
    for first in range(0, len(points), ROUNDS_A_WORLD):
        with worlds() as world:
            for n, (at, after) in enumerate(
                    points[first:first + ROUNDS_A_WORLD], 1):
                try:
                    kills += one(world, n, at, after)
                except (AssertionError, Gone, OSError) as e:
                    raise AssertionError("killed %s write %d: %s\n%s" % (
                        "after" if after else "at", at, e,
                        log_tail(world, world.cloud)
                        if hasattr(world, "cloud") else "")) from e
    assert kills >= len(points) * 0.6, "only %d of %d were killed" % (
        kills, len(points))
    return Tally("%d kills at %d points" % (kills, len(points)),
                 len(points))


def of_writes(tally, total):
    return Tally("%s of %d writes" % (tally, total), tally.trials)


def both_sides(ats):
    """Before one call, after the next: a kill after the fsync of a commit
    and before its answer is the interesting one."""
    return [(at, i % 2 == 1) for i, at in enumerate(ats)]


def all_sides(total):
    return [(at, after) for at in range(1, total + 1)
            for after in (False, True)]


def both_ages(total):
    """Each point twice: met by a young world and by an old one."""
    return all_sides(total) + all_sides(total)[::-1]


class owner_ready:
    """A cloud that serves and an owner whose agent does not run."""

    def __enter__(self):
        self.c = cloud_of()
        cloud = self.c.__enter__()
        self.o = owner_of(cloud)
        owner = self.o.__enter__()
        cloud.start()
        owner.login()
        owner.init()
        return owner

    def __exit__(self, *what):
        self.o.__exit__(*what)
        self.c.__exit__(*what)


def agent_sweep(full):
    with owner_ready() as owner:
        total = agent_writes(owner)
    points = both_ages(total) if full else both_sides(spread(total, 70))
    return of_writes(sweep(owner_ready, points, agent_round), total)


def init_round(cloud, n, at, after):
    """init is killed; a second one mends it, or says it is done."""
    owner = harness.Owner(cloud, cloud.tokens[0])
    owner.cloud = cloud
    try:
        owner.login()
        run = owner.cli("init", owner.root, "--name", "n%d" % n, "--json",
                        env=killer(at, "vsync-agent", after))
        killed = run.code != 0
        write(owner.root / "a", b"%d" % n)
        if killed:
            run = owner.cli("init", owner.root, "--name", "n%d" % n,
                            "--json")
        owner.start()
        doc = owner.control.get("/v1/status").json
        assert len(doc["projects"]) == 1, (run, doc)
        owner.project = doc["projects"][0]["id"]
        owner.agree()
        return killed
    finally:
        owner.close()


class cloud_with_user:
    def __enter__(self):
        self.c = cloud_of()
        cloud = self.c.__enter__()
        cloud.user("ada")
        return cloud.start()

    def __exit__(self, *what):
        self.c.__exit__(*what)


def init_sweep(full):
    with cloud_with_user() as cloud:
        owner = harness.Owner(cloud, cloud.tokens[0])
        try:
            owner.login()
            path = owner.base / "count"
            owner.cli("init", owner.root, "--name", "count", check=0,
                      env=killer(0, "vsync-agent", count=path))
            total = int(path.read_text())
        finally:
            owner.close()
    points = all_sides(total) if full else both_sides(spread(total, 16))
    return of_writes(sweep(cloud_with_user, points, init_round), total)


def cloud_round(owner, n, at, after):
    """One life of the cloud, an agent publishing to it."""
    killed = False
    owner.cloud.kill()
    try:
        owner.cloud.start(killer(at, "vsync-cloud", after))
    except Gone:
        killed = True
    if not owner.daemon.alive():
        owner.start()
    script(owner.root, n)
    if finished(owner, owner.cloud.daemon):
        was_killed(owner.cloud.daemon)
        killed = True
    owner.cloud.kill()
    owner.cloud.start()
    owner.agree(timeout=60)
    return killed


def cloud_writes(owner):
    path = owner.base / "count"
    owner.start()
    owner.cloud.stop()
    return count_writes(
        killer(0, "vsync-cloud", count=path), owner.cloud.start,
        owner.cloud.stop,
        lambda: (script(owner.root, 0), owner.flush()), path)


def cloud_sweep(full):
    with owner_ready() as owner:
        total = cloud_writes(owner)
    points = both_ages(total) if full else both_sides(spread(total, 24))
    return of_writes(sweep(owner_ready, points, cloud_round), total)


# The cloud alone, a publisher by hand: what a repeat gets is looked at
# closely, and each batch is one that would show if it were applied twice.

def telling_batch(n):
    return [put("flips", "first %d" % n), put("flips", "second %d" % n),
            put("new%d" % n, "x"), delete("new%d" % (n - 1))]


def events_a_batch(n):
    return 4 if n > 1 else 3


def send_surely(cloud, pub, body, mend):
    """Until there is an answer; restarts the cloud when it is dead."""
    for _ in range(5):
        try:
            return pub.send(body)
        except OSError:
            if not cloud.daemon.alive():
                was_killed(cloud.daemon)
            cloud.kill()
            mend()
            cloud.start()
    raise AssertionError("no answer after five starts")


def by_hand_round(cloud, at, after, mend=lambda: None):
    """True if the cloud died; raises what is wrong."""
    killed = False
    token = cloud.tokens[0]
    cloud.kill()
    cloud.start()
    pub = Publisher(cloud.api(token))
    cloud.stop()
    try:
        cloud.start(killer(at, "vsync-cloud", after))
    except Gone:
        killed = True
        cloud.start()
    first = cloud.daemon.proc.pid
    want = 0
    for n in range(1, 5):
        a = send_surely(cloud, pub, pub.body(telling_batch(n)), mend)
        assert a.status == 200, "batch %d: %r" % (n, a)
        pub.counter += 1
        want += events_a_batch(n)
        assert a.json["last_seq"] == want, "batch %d ends at %d, not %d" % (
            n, a.json["last_seq"], want)
    killed = killed or cloud.daemon.proc.pid != first
    assert len(pub.events()) == want, "%d events, not %d" % (
        len(pub.events()), want)
    views.agree({"listing": pub.listing(),
                 "replay": views.replay(pub.events())})
    return killed


def by_hand_writes(cloud):
    path = cloud.base / "count"
    pub = Publisher(cloud.api(cloud.tokens[0]))
    cloud.stop()
    return count_writes(
        killer(0, "vsync-cloud", count=path), cloud.start, cloud.stop,
        lambda: [pub.publish(*telling_batch(n)) for n in range(1, 5)], path)


def by_hand_sweep(full):
    with cloud_with_user() as cloud:
        total = by_hand_writes(cloud)
    points = all_sides(total) if full else both_sides(spread(total, 60))
    return of_writes(sweep(
        cloud_with_user, points,
        lambda cloud, n, at, after: by_hand_round(cloud, at, after)), total)


def forget_batches(cloud):
    """Sabotage: the cloud's memory of batches goes between kill and
    start."""
    db = sqlite3.connect(cloud.db)
    tables = [t for (t,) in db.execute(
        "select name from sqlite_master where type='table'")]
    hit = 0
    for table in tables:
        columns = {c[1] for c in db.execute("pragma table_info(%s)" % table)}
        if {"epoch", "counter"} <= columns:
            db.execute("delete from %s" % table)
            hit += 1
    db.commit()
    db.close()
    assert hit, "no table of batches in " + ", ".join(tables)


def control_forgotten(full):
    """A cloud that forgets its batches must be found out."""
    with cloud_with_user() as cloud:
        total = by_hand_writes(cloud)

    def broken():
        with cloud_with_user() as cloud:
            for at in range(1, total + 1):
                by_hand_round(cloud, at, True,
                              lambda: forget_batches(cloud))
    return must_fail(broken)


def drop_a_row(cloud):
    """Sabotage: one live row of the state goes, its events stay."""
    db = sqlite3.connect(cloud.db)
    n = db.execute("delete from remote_files where path = (select path from"
                   " remote_files where deleted_ms is null limit 1)").rowcount
    db.commit()
    db.close()
    assert n == 1, "nothing to drop"


def control_lost_row(full):
    """A row lost in the cloud must be found out."""
    with owner_ready() as owner:
        owner.start()
        script(owner.root, 1)
        owner.agree()
        owner.kill()
        owner.cloud.stop()
        drop_a_row(owner.cloud)
        owner.cloud.start()
        return must_fail(lambda: views.agree({
            "disk": owner.disk(), "listing": owner.listing()}))


CLAIM = ("Q1", "kill -9 before or after any write to a disk,"
         " agent and cloud: nothing lost, nothing twice")
CASES = [
    ("kill sweep, agent", agent_sweep),
    ("kill sweep, init", init_sweep),
    ("kill sweep, cloud with an agent", cloud_sweep),
    ("kill sweep, cloud by hand", by_hand_sweep),
    ("control: a cloud that forgets its batches", control_forgotten),
    ("control: a cloud that lost a row", control_lost_row),
]
