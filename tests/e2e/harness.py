"""The real programs in directories of their own: Cloud (vsync-cloud), Owner
(vsync-agent and vsync for one user), and what a test asks of them.

VSYNC_BUILD (or BUILD) names the directory with the programs; else build/.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import views
from http_json import Api, Control
from wait import PATIENCE, TimedOut, wait_for

TOP = Path(__file__).resolve().parents[2]
BUILD = (TOP / (os.environ.get("VSYNC_BUILD") or os.environ.get("BUILD")
                or "build")).resolve()

# What a build with sanitizers writes when it found something.
SANITIZER = re.compile(
    rb"AddressSanitizer|LeakSanitizer|runtime error:|ThreadSanitizer")


def program(name):
    path = BUILD / name
    assert path.exists(), "%s is not built" % path
    return str(path)


def scratch(prefix, where="/tmp"):
    """A short path: a Unix socket's name has to fit 107 bytes."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=where))


def environment(base):
    """The environment of one user who has nothing but base."""
    env = {k: v for k, v in os.environ.items()
           if k.endswith("SAN_OPTIONS") or k.startswith("VSYNC_TEST_")}
    env.update({
        "PATH": "%s:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" % BUILD,
        "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(base / "home"),
        "XDG_CONFIG_HOME": str(base / "config"),
        "XDG_STATE_HOME": str(base / "state"),
        "XDG_RUNTIME_DIR": str(base / "run"),
    })
    return env


def listening_port(pid):
    """The TCP port that process pid listens on, from /proc."""
    inodes = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            link = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    for table in ("tcp", "tcp6"):
        for line in open("/proc/net/" + table).readlines()[1:]:
            f = line.split()
            if f[3] == "0A" and f[9] in inodes:
                return int(f[1].rsplit(":", 1)[1], 16)
    return 0


class Daemon:
    """A process with a log file, started and ended many times."""

    def __init__(self, name, log):
        self.name, self.log, self.proc = name, log, None

    def spawn(self, argv, env, prefix=()):
        assert not self.alive(), self.name + " runs already"
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(
                list(prefix) + argv, env=env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def signal(self, number):
        self.proc.send_signal(number)

    def kill(self):
        """kill -9, and gone when this returns."""
        if self.proc is None:
            return
        self.proc.kill()
        self.proc.wait(20)
        self.proc = None

    def terminate(self, timeout=20):
        """SIGTERM; the exit code and how long it took, in seconds."""
        start = time.monotonic()
        self.proc.terminate()
        try:
            code = self.proc.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimedOut("%s still ran %g s after SIGTERM"
                           % (self.name, timeout)) from None
        self.proc = None
        return code, time.monotonic() - start

    def died(self, timeout=20):
        """Waits for its own end: the exit code."""
        code = self.proc.wait(timeout * PATIENCE)
        self.proc = None
        return code

    def log_text(self):
        return self.log.read_bytes() if self.log.exists() else b""


class Cloud:
    """One server with one database."""

    def __init__(self, db=None):
        self.base = scratch("vsc")
        self.db = db or self.base / "cloud.db"
        self.env = environment(self.base)
        for name in ("home", "config", "state", "run"):
            (self.base / name).mkdir(mode=0o700, exist_ok=True)
        self.daemon = Daemon("vsync-cloud", self.base / "cloud.log")
        self.program = program("vsync-cloud")
        self.port = 0
        self.tokens = []

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def command(self, *args, check=True):
        r = subprocess.run(
            [self.program, *args, "--db", "sqlite:%s" % self.db],
            env=self.env, stdin=subprocess.DEVNULL, timeout=60 * PATIENCE,
            capture_output=True)
        if check:
            assert r.returncode == 0, (args, r.returncode, r.stderr)
        return r

    def user(self, name):
        """Adds a user; the token is all that standard output has."""
        return self._token("user", "add", name)

    def new_token(self, name):
        """One more for a user."""
        return self._token("token", "add", name)

    def revoke(self, name):
        """All tokens of a user end."""
        doc = json.loads(self.command("token", "list", "--json").stdout)
        ids = [t["token_id"] for t in doc["tokens"] if t["name"] == name]
        assert ids, doc
        for token_id in ids:
            self.command("token", "revoke", token_id)

    def _token(self, *command):
        out = self.command(*command).stdout
        token = out.decode().rstrip("\n")
        assert token and not re.search(r"\s", token), out
        self.tokens.append(token)
        return token

    def start(self, env=None, prefix=()):
        """Serves; again on the port it had, if it had one."""
        self.daemon.spawn(
            [self.program, "serve", "--listen",
             "127.0.0.1:%d" % self.port, "--db", "sqlite:%s" % self.db],
            dict(self.env, **(env or {})), prefix)
        wait_for(self._ready, "the cloud to serve", 20)
        return self

    def _ready(self):
        if not self.daemon.alive():
            # A sweep kills it here on purpose; who waits is to know.
            raise Gone("vsync-cloud ended at start: %r"
                       % self.daemon.log_text()[-2000:])
        self.port = listening_port(self.daemon.proc.pid) or self.port
        return Api(self.port, None).get("/healthz", 5).status == 200

    def stop(self):
        return self.daemon.terminate()

    def kill(self):
        self.daemon.kill()

    def api(self, token):
        return Api(self.port, token)

    def close(self):
        self.daemon.kill()
        try:
            check_none_left(self.base / "home")
            check_log(self.daemon, self.tokens)
        finally:
            shutil.rmtree(self.base, ignore_errors=True)


class Gone(RuntimeError):
    """The process that was waited for has ended."""


def left_behind(home):
    """Processes of the user whose home this is, [(pid, command line)]: the
    directory was made for one test, so they are all its own."""
    mark = b"HOME=%s" % os.fsencode(home)
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        proc = Path("/proc") / pid
        try:
            if mark in (proc / "environ").read_bytes().split(b"\0"):
                found.append((int(pid), (proc / "cmdline").read_bytes()))
        except OSError:
            continue
    return found


def check_none_left(home):
    """Nothing outlives its test; what does is ended, and a failure."""
    left = left_behind(home)
    for pid, _ in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "left behind: %s" % left


def check_log(daemon, secrets):
    """After every test: no token in a log, no sanitizer's report."""
    text = daemon.log_text()
    for secret in secrets:
        assert secret.encode() not in text, \
            "a token stands in the log of " + daemon.name
    found = SANITIZER.search(text)
    assert not found, text[found.start():][:4000].decode(errors="replace")


class Run:
    """What a command line said."""

    def __init__(self, done, argv):
        self.argv, self.code = argv, done.returncode
        self.out, self.err = done.stdout, done.stderr

    @property
    def json(self):
        doc = json.loads(self.out)
        assert doc["schema"] == 1 and doc["ok"] == (self.code == 0), \
            (self.code, doc)
        return doc

    @property
    def text(self):
        return self.out.decode(errors="replace")

    @property
    def said(self):
        """Both streams, lower case, for looking for words."""
        return (self.out + self.err).decode(errors="replace").lower()

    def __repr__(self):
        return "<%s: exit %d, out %.600r, err %.600r>" % (
            " ".join(map(str, self.argv)), self.code, self.out, self.err)


class Owner:
    """One user with an agent and a folder."""

    def __init__(self, cloud, token, root=None, uid=None, state=None):
        self.cloud, self.token = cloud, token
        self.base = scratch("vso")
        self.root = Path(root) if root else self.base / "film"
        self.prefix = ()
        self.env = environment(self.base)
        for name in ("home", "config", "state", "run"):
            (self.base / name).mkdir(mode=0o700, exist_ok=True)
        if state:
            self.env["XDG_STATE_HOME"] = str(state)
        self.root.mkdir(exist_ok=True)
        if uid is not None:
            self._become(uid)
        self.daemon = Daemon("vsync-agent", self.base / "agent.log")
        self.program = program("vsync-agent")
        self.control = Control(self.base / "run" / "vsync" / "agent.sock")
        self.project = None

    def _become(self, uid):
        self.prefix = ("setpriv", "--reuid=%d" % uid, "--regid=%d" % uid,
                       "--clear-groups")
        for p in [self.base, self.root, *self.base.iterdir()]:
            os.chown(p, uid, uid)

    @property
    def state_dir(self):
        return Path(self.env["XDG_STATE_HOME"]) / "vsync"

    @property
    def manifest_db(self):
        return self.state_dir / "projects" / self.project / "manifest.db"

    def cli(self, *args, input=b"", timeout=60, check=None, cwd=None,
            env=None):
        """vsync with these arguments; check: the exit code to insist on."""
        argv = [*self.prefix, program("vsync"), *map(str, args)]
        done = subprocess.run(
            argv, env=dict(self.env, **(env or {})), input=input,
            capture_output=True, timeout=timeout * PATIENCE,
            cwd=cwd or self.base)
        run = Run(done, argv[len(self.prefix):])
        assert self.token.encode() not in run.out + run.err, \
            "the command line printed the token: %r" % run
        if check is not None:
            assert run.code == check, run
        return run

    def login(self, url=None):
        return self.cli("login", url or self.cloud.url,
                        input=self.token.encode() + b"\n", check=0)

    def init(self, name="film"):
        doc = self.cli("init", self.root, "--name", name, "--json",
                       check=0).json
        self.project = doc["project_id"]
        return doc

    def invite(self):
        """The token of a new invite."""
        return self.cli("invite", "--project", self.project, "--json",
                        check=0).json["token"]

    def start(self, env=None, ready=True):
        self.daemon.spawn([self.program, "--foreground"],
                          dict(self.env, **(env or {})), self.prefix)
        if ready:
            wait_for(self._ready, "the agent's socket", 20)
        return self

    def _ready(self):
        if not self.daemon.alive():
            raise Gone("vsync-agent ended at start: %r"
                       % self.daemon.log_text()[-2000:])
        doc = self.control.get("/v1/version", 5).json
        return doc["pid"] == self.daemon.proc.pid

    def setup(self, url=None):
        """Everything until the agent runs."""
        self.login(url)
        self.init()
        return self.start()

    def stop(self):
        return self.daemon.terminate()

    def kill(self):
        self.daemon.kill()

    def restart(self):
        self.kill()
        return self.start()

    # What it says

    def status(self):
        """The project's part of the status document."""
        doc = self.control.get("/v1/status", 20).json
        assert doc["ok"], doc
        mine = [p for p in doc["projects"] if p["id"] == self.project]
        assert len(mine) == 1, doc
        return mine[0]

    def problems(self):
        return {p["code"]: p for p in self.status()["problems"]}

    def await_state(self, *states, timeout=20):
        return wait_for(
            lambda: (lambda s: s["state"] in states and s)(self.status()),
            "state %s" % "/".join(states), timeout)

    def flush(self, timeout=40):
        """The barrier, through the socket."""
        a = self.control.post("/v1/flush", timeout + 10, project=self.project,
                              timeout_ms=int(timeout * PATIENCE * 1000))
        assert a.status == 200, "flush: %r\nstatus: %s" % (
            a, self.control.get("/v1/status", 20).body)
        return a.json

    def settle(self, timeout=60):
        """Behind the barrier, where so much goes that deletions are held:
        the person who did all this knows that they are meant.  A writer
        whose close nobody heard is gone at the next look."""
        def probe():
            a = self.control.post("/v1/flush", timeout + 10,
                                  project=self.project,
                                  timeout_ms=int(timeout * PATIENCE * 1000))
            if a.status == 200:
                return not a.json["recording"]
            assert b"held" in a.body, "flush: %r" % a
            self.cli("held", "approve", "--yes")
            return False
        wait_for(probe, "nothing held or recorded", timeout, 0.3)

    # What the cloud has

    @property
    def api(self):
        return self.cloud.api(self.token)

    def at(self, rest):
        return "/api/projects/%s%s" % (self.project, rest)

    def events(self, since=0):
        got = []
        while True:
            a = self.api.get(self.at("/events"), since_seq=since, limit=500)
            assert a.status == 200, a
            doc = a.json
            got += doc["events"]
            if not doc["has_more"]:
                return got
            since = doc["events"][-1]["seq"]

    def head(self):
        a = self.api.get(self.at("/events"), since_seq=1 << 40)
        return a.json["last_seq"]

    def listing(self):
        return views.listing(self.api.pages(self.at("/files"), "files",
                                            limit=500))

    def manifest(self):
        a = self.control.get("/v1/manifest", 30, project=self.project)
        assert a.status == 200, a
        return views.manifest(a.lines())

    def disk(self):
        return views.disk(self.root)

    def replay(self):
        return views.replay(self.events())

    def views(self):
        return {"disk": self.disk(), "manifest": self.manifest(),
                "listing": self.listing(), "replay": self.replay()}

    def agree(self, flush=True, timeout=40):
        """Waits for the barrier; then all four views are one, or it is an
        AssertionError.  The view, for tests that look closer."""
        if flush:
            self.flush(timeout)
        four = self.views()
        views.agree(four)
        return four["disk"]

    def close(self):
        self.daemon.kill()
        try:
            check_none_left(self.base / "home")
            check_log(self.daemon, [self.token])
        finally:
            shutil.rmtree(self.base, ignore_errors=True)


class Member(Owner):
    """One user with an agent and a folder that follows an owner's project."""

    def __init__(self, owner, token, **more):
        super().__init__(owner.cloud, token, **more)
        self.owner = owner

    @property
    def mirror_db(self):
        return self.state_dir / "projects" / self.project / "mirror.db"

    def join(self, invite=None):
        doc = self.cli("join", invite or self.owner.invite(), self.root,
                       "--json", check=0).json
        self.project = doc["project_id"]
        return doc

    def setup(self, url=None):
        self.login(url)
        self.join()
        return self.start()

    def rows(self, path="", recursive=True):
        """Path to row, of the mirror, through the socket."""
        got, cursor = {}, ""
        while cursor is not None:
            a = self.control.get("/v1/ls", 20, project=self.project,
                                 path=path, recursive=int(recursive),
                                 cursor=cursor)
            assert a.status == 200, a
            got.update((row["path"], row) for row in a.json["files"])
            cursor = a.json["next_cursor"]
        return got

    def badges(self, path=""):
        return {p: row["badge"] for p, row in self.rows(path).items()}

    def transfers(self):
        a = self.control.get("/v1/transfers", 20, project=self.project)
        assert a.status == 200, a
        return a.json["transfers"]

    def pull(self, *paths, **more):
        more.setdefault("check", 0)
        return self.cli("pull", "--project", self.project, *paths, **more)

    def ask_pull(self, *paths, dry=False, force=False, out=None):
        """Queues and does not wait: the agent's answer."""
        return self.control.post("/v1/pull", 60, project=self.project,
                                 paths=list(paths), dry=dry, force=force,
                                 out=out)

    def agree(self, flush=True, timeout=40):
        """The mirror is what the cloud lists, row by row."""
        if flush:
            self.flush(timeout)
        mine, listed = self.manifest(), self.listing()
        views.agree({"mirror": mine, "listing": listed})
        return mine


# Writing files as people and programs do

def write(path, data=b"x", mode=None):
    """A plain save: open, write, close."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    if mode is not None:
        path.chmod(mode)
    return path


def save_over(path, data):
    """As editors save: a temporary file renamed over the old one."""
    temp = Path(str(path) + ".tmp~")
    write(temp, data)
    with open(temp, "rb") as f:
        os.fsync(f.fileno())
    temp.rename(path)


def events_of(events, path):
    return [e for e in events if e["change"]["path"] == path]


def token_of(process_pid):
    """argv of a process, for looking for secrets."""
    return Path("/proc/%d/cmdline" % process_pid).read_bytes()


def is_root():
    return os.geteuid() == 0


TERM, KILL = signal.SIGTERM, signal.SIGKILL
