"""The cloud's durable ingest, beside bare statements on SQLite and
PostgreSQL."""

import contextlib
import os
import pwd
import subprocess
import time
from pathlib import Path

import kit

BATCHES = 200
BATCH = 500
ROUNDS = (("growing", "new paths in order"), ("random", "paths at random"),
          ("rename", "renamed paths"))


def seconds(argv):
    return float(subprocess.run(argv, check=True, capture_output=True,
                                text=True).stdout)


class Server:
    """A cloud with a user, and as many projects as are asked for."""

    def __enter__(self):
        kit.harness.scratch = lambda prefix: Path(
            kit.tempfile.mkdtemp(prefix=prefix, dir=kit.BASE))
        self.cloud = kit.harness.Cloud()
        self.token = self.cloud.user("ada")
        self.cloud.start()
        return self

    def __exit__(self, *why):
        self.cloud.close()

    def project(self, name):
        """PROJECT:DEVICE of a new one."""
        api = self.cloud.api(self.token)
        doc = api.post("/api/projects", {"name": name}).json
        device = api.post("/api/devices", {"name": name, "endpoints": []})
        return "%s:%s" % (doc["project"]["id"], device.json["device_id"])


def cloud_rate(kind, senders):
    """Changes a second, and the server's processor time a change."""
    with Server() as server:
        projects = [server.project("p%d" % i) for i in range(senders)]
        pid = server.cloud.daemon.proc.pid
        busy = kit.cpu_seconds([pid])
        took = seconds([kit.own("ingest_http"), str(server.cloud.port),
                        server.token, kind, str(BATCHES // senders)]
                       + projects)
        changes = BATCHES // senders * senders * BATCH
        # what is to be renamed was posted, too
        posted = changes * 3 // 2 if kind == "rename" else changes
        return changes / took, (kit.cpu_seconds([pid]) - busy) / posted


def sqlite_rate(kind):
    with kit.folder() as at:
        return BATCHES * BATCH / seconds(
            [kit.own("ingest_sqlite"), str(at / "bare.db"), kind,
             str(BATCHES)])


@contextlib.contextmanager
def postgres():
    """A server of our own: its connection string, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found or not (kit.BUILD / "bench" / "ingest_pg").exists():
        yield None
        return
    bin_dir = found[-1].parent
    with kit.folder() as at:
        prefix = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(at, user.pw_uid, user.pw_gid)
            prefix = ["setpriv", "--reuid=%d" % user.pw_uid,
                      "--regid=%d" % user.pw_gid, "--clear-groups"]
        data = str(at / "data")
        kit.timed(prefix + [str(bin_dir / "initdb"), "-D", data, "-U",
                            "bench", "-A", "trust"], cwd=at)
        server = subprocess.Popen(
            prefix + [str(bin_dir / "postgres"), "-D", data, "-k", str(at),
                      "-c", "listen_addresses=", "-c",
                      "shared_buffers=512MB", "-c", "max_wal_size=4GB"],
            cwd=at, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            kit.until(lambda: (at / ".s.PGSQL.5432").exists(), 30)
            time.sleep(0.5)
            yield "host=%s user=bench dbname=postgres" % at
        finally:
            server.terminate()
            server.wait(30)


def run(report, names):
    if "ingest" not in names:
        return
    with postgres() as conninfo:
        for kind, what in ROUNDS:
            one(report, kind, what, conninfo)
    if conninfo is None:
        report.skip("ingest", "PostgreSQL is not installed")


def one(report, kind, what, conninfo):
    found = [cloud_rate(kind, 1) for _ in range(kit.RUNS)]
    found.sort()
    rate, cpu = found[len(found) // 2]
    if kind == "rename":
        report.add("ingest", what, rate, "changes/s", rate=True)
        report.add("ingest", what + ", processor time", cpu * 1e6,
                   "us a change")
        return
    many = kit.median(lambda: cloud_rate(kind, 4)[0])
    bare = kit.median(lambda: sqlite_rate(kind))
    report.add("ingest", what + ", 1 connection", rate, "changes/s",
               "bare statements on SQLite", bare, None, rate=True)
    report.add("ingest", what + ", 4 connections", many, "changes/s",
               "bare statements on SQLite", bare, None, rate=True)
    report.add("ingest", what + ", processor time", cpu * 1e6, "us a change")
    if conninfo is not None:
        base = kit.median(lambda: BATCHES * BATCH / seconds(
            [kit.own("ingest_pg"), conninfo, kind, str(BATCHES)]))
        report.add("ingest", what + ", 1 connection", rate, "changes/s",
                   "PostgreSQL, unnest", base, ">= 1", rate=True)
