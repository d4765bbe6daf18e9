"""kill -9 inside the migration of an old database, at every call that writes
to the disk: the agent finds it as it was or as it is to be, and goes on with
all that it had to send."""

import contextlib
import shutil
import sqlite3
import subprocess

import harness
from harness import Gone, write
from report import Skip, Tally, must_fail
from wait import wait_for
from world import cloud_of, hooks, killer, log_tail, owner_of, spread

BEYOND = 6  # points tried after the last that belongs to a migration
FILES = 40


def migrations(which):
    """SQL from an empty database on, a step an entry."""
    out = subprocess.run([str(harness.BUILD / "schemas"), which], check=True,
                         capture_output=True).stdout.decode()
    return out.split("\0")[:-1]


def version(db):
    return db.execute("pragma user_version").fetchone()[0]


def tables(db, schema="main"):
    """Name to columns."""
    names = [n for (n,) in db.execute(
        "select name from %s.sqlite_master where type = 'table'" % schema)]
    return {n: [c[1] for c in db.execute(
        "pragma %s.table_info(%s)" % (schema, n))] for n in names}


def make_old(path, now, steps):
    """At path a database of an older schema with the rows of now, as far as
    it knows their columns."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("attach ? as now", (str(now),))
    db.execute("begin")
    for sql in steps:
        for statement in sql.split(";"):
            db.execute(statement)
    db.execute("pragma user_version = %d" % len(steps))
    theirs = tables(db, "now")
    for name, columns in tables(db).items():
        if name == "outbox" and "batch" in columns:
            unmarked(db)
            continue
        same = ", ".join(c for c in columns if c in theirs.get(name, ()))
        if name not in theirs:
            continue
        db.execute("delete from %s" % name)
        db.execute("insert into %s(%s) select %s from now.%s" % (
            name, same, same, name))
    db.execute("commit")
    db.close()


def unmarked(db):
    """Fills the outbox of a schema that had what is in flight in it, too."""
    for table, batch in (("outbox", 0), ("flight", 1)):
        db.execute(
            "insert into outbox(id, path, op, kind, size, mtime, mode, hash, "
            "target, at, batch, held, approved) select mine, path, op, kind, "
            "size, mtime, mode, hash, target, at, %d, 0, approved "
            "from now.%s where origin is null" % (batch, table))


def changes(db):
    """All that is to be told, where any schema keeps it."""
    of = "select path, op, kind, size, mtime, mode, hash, target, at from "
    there = tables(db)
    return sorted(sum((db.execute(of + name).fetchall()
                       for name in ("outbox", "flight") if name in there),
                      []), key=repr)


def rows(db, columns):
    """Table to its rows, of these columns."""
    of = {name: sorted(db.execute("select %s from %s" % (
        ", ".join(of), name)).fetchall(), key=repr)
        for name, of in columns.items()
        if not name.startswith("sqlite_") and name not in (
            "outbox", "flight")}
    of["outbox"] = changes(db)
    return of


class Old:
    """An owner whose agent does not run; a part of the folder is published,
    a batch is in flight, a part is still to be sent.  As often as one likes
    put back to that, with a database of an older schema."""

    def __init__(self, owner):
        self.owner, self.cloud = owner, owner.cloud
        self.steps = migrations("owner")
        self.kept = owner.base / "kept"
        self.kept.mkdir()
        self.cloud.start()
        owner.login()
        owner.init()
        self._work()
        self.cloud.stop()
        shutil.copy(self.cloud.db, self.kept / "cloud.db")
        shutil.copytree(owner.state_dir, self.kept / "state")
        self.now = self.kept / "state" / "projects" / owner.project \
            / "manifest.db"
        with contextlib.closing(sqlite3.connect(self.now)) as db:
            assert version(db) == len(self.steps), "another schema"
            self.newest = tables(db)
            waiting = {p for (p, *_) in changes(db)}
            assert db.execute("select count(*) from batch").fetchone()[0]
        assert len(waiting) == 2 + FILES // 2, waiting

    def _work(self):
        owner = self.owner
        owner.start()
        for i in range(FILES):
            write(owner.root / ("d%d" % (i % 4)) / str(i), b"%d" % i)
        owner.agree()
        self.head = owner.head()
        self.cloud.daemon.signal(19)  # SIGSTOP: it never answers
        write(owner.root / "first", b"in flight")
        wait_for(lambda: owner.status()["in_flight"], "a batch", 20)
        self.cloud.kill()
        for i in range(FILES // 2):
            path = owner.root / ("d%d" % (i % 4)) / str(i)
            if i % 2:
                path.unlink()
            else:
                write(path, b"again %d" % i)
        write(owner.root / "last", b"waits")
        wait_for(lambda: owner.status()["outbox"] == 2 + FILES // 2
                 and not owner.status()["settling"], "all to be queued", 20)
        owner.stop()
        self.cloud.start()

    def put_back(self, schema):
        """The rows that the database has now."""
        self.owner.kill()
        self.cloud.kill()
        for p in self.cloud.db.parent.glob("cloud.db*"):
            p.unlink()
        shutil.copy(self.kept / "cloud.db", self.cloud.db)
        shutil.rmtree(self.owner.state_dir)
        shutil.copytree(self.kept / "state", self.owner.state_dir)
        old = self.owner.manifest_db
        for p in old.parent.glob("manifest.db*"):
            p.unlink()
        make_old(old, self.now, self.steps[:schema])
        with contextlib.closing(sqlite3.connect(old)) as db:
            self.columns = tables(db)
            return rows(db, self.columns)

    def found(self):
        """(schema, rows) of what the kill left, looked at in a copy."""
        copy = self.kept / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for p in self.owner.manifest_db.parent.glob("manifest.db*"):
            shutil.copy(p, copy)
        with contextlib.closing(sqlite3.connect(copy / "manifest.db")) as db:
            assert db.execute("pragma integrity_check").fetchone() == \
                ("ok",), "the database is damaged"
            there = tables(db)
            assert there in (self.columns, self.newest), \
                "neither the old tables nor the new ones"
            return version(db), rows(db, self.columns)

    def killed_at(self, at, after, env=None):
        """Starts the agent, the cloud being away, until it is killed: True;
        or until it has long been at work."""
        self.owner.start(dict(killer(at, "vsync-agent", after),
                              **(env or {})), ready=False)

        def over():
            return not self.owner.daemon.alive() or \
                self.owner.status()["state"] == "offline"
        wait_for(over, "the kill", 20)
        return not self.owner.daemon.alive()


@contextlib.contextmanager
def old_state():
    with cloud_of() as cloud, owner_of(cloud) as owner:
        yield Old(owner)


def through(old, schema, at, env):
    """Killed there, the migration was over."""
    old.put_back(schema)
    return not old.killed_at(at, False, env) or old.found()[0] > schema


def last_point(old, schema, env):
    """The number of the last write before the migration is there to stay."""
    low, high = 0, 16
    while not through(old, schema, high, env):
        low, high = high, high * 2
    while high - low > 1:
        at = (low + high) // 2
        if through(old, schema, at, env):
            high = at
        else:
            low = at
    return low


def one(old, schema, at, after, env=None):
    """True if it was killed there."""
    before = old.put_back(schema)
    dead = old.killed_at(at, after, env)
    if dead:
        got, there = old.found()
        assert got in (schema, len(old.steps)), \
            "schema %d, neither %d nor %d" % (got, schema, len(old.steps))
        for name, of in before.items():
            assert there.get(name) == of or name == "meta", \
                "rows of %s: %d before, %d after" % (
                    name, len(of), len(there.get(name, ())))
    old.owner.kill()
    old.cloud.start()
    old.owner.start(env)
    old.owner.agree()
    with contextlib.closing(sqlite3.connect(
            "file:%s?mode=ro" % old.owner.manifest_db, uri=True)) as db:
        assert version(db) == len(old.steps) and tables(db) == old.newest
    assert not list(old.owner.manifest_db.parent.glob("*corrupt*")), \
        "it was put aside"
    told = [e["change"]["path"] for e in old.owner.events(old.head)]
    assert len(told) == len(set(told)) == 2 + FILES // 2, sorted(told)
    return dead


def sweep(old, schema, full, env=None):
    """How many kills, at how many points."""
    last = last_point(old, schema, env)
    kills = points = 0
    for at in range(1, last + BEYOND) if full else spread(last + 2, 5):
        for after in (False, True) if full else (at % 2 == 1,):
            points += 1
            try:
                kills += one(old, schema, at, after, env)
            except (AssertionError, Gone, OSError, sqlite3.Error) as e:
                raise AssertionError(
                    "schema %d, killed %s write %d of %d: %s\n%s" % (
                        schema, "after" if after else "at", at, last, e,
                        log_tail(old.owner))) from e
    return kills, points


def migrated(full):
    kills = points = 0
    with old_state() as old:
        for schema in range(1, len(old.steps)):
            k, p = sweep(old, schema, full)
            kills, points = kills + k, points + p
        assert kills > points * 0.8, "only %d of %d" % (kills, points)
        return Tally("schemas 1 to %d, %d kills at %d points" % (
            len(old.steps) - 1, kills, points), points)


def control(full):
    """A migration that is no transaction must be found out."""
    if not hooks("vsync-agent"):
        raise Skip("no build with test hooks")
    with old_state() as old:
        old.owner.program = hooks("vsync-agent")
        said = must_fail(sweep, old, 1, True,
                         {"VSYNC_TEST_MIGRATE_IN_STEPS": "1"})
        assert "tables" in said, said
        return said


CLAIM = ("S11", "kill -9 in the migration of an old database: migrated as a"
         " whole or not at all, nothing lost, nothing twice")
CASES = [
    ("kills in a migration", migrated),
    ("control: a migration in steps", control),
]
